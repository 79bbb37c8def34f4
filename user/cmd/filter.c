// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "model/cgroup.h"

#define UNIT_SERVICE ".service"

int filter_init(struct filter *f, const struct options *opt)
{
	memset(f, 0, sizeof(*f));
	f->opt = opt;
	f->active = opt->comm || opt->match || opt->unit || opt->container || opt->states;
	if (opt->match) {
		if (regcomp(&f->re, opt->match, REG_EXTENDED | REG_NOSUB))
			return -ENOMEM;
		f->has_re = true;
	}
	return 0;
}

void filter_release(struct filter *f)
{
	if (f->has_re)
		regfree(&f->re);
	f->has_re = false;
	buf_release(&f->line);
}

static bool comm_fits(struct filter *f, const struct proc *p)
{
	struct span comm = proc_comm(p);
	char name[REC_COMM_LEN + 1];
	size_t len = comm.len < REC_COMM_LEN ? comm.len : REC_COMM_LEN;

	memcpy(name, comm.data, len);
	name[len] = '\0';
	return fnmatch(f->opt->comm, name, 0) == 0;
}

/* The arguments with blanks between them; a process without any is known by its name alone. */
static bool line_fits(struct filter *f, const struct proc *p)
{
	struct span args = intern_span(p->args);

	buf_reset(&f->line);
	if (args.len) {
		buf_put_span(&f->line, args);
		for (size_t i = 0; i + 1 < f->line.len; i++)
			if (!f->line.data[i])
				f->line.data[i] = ' ';
	} else {
		buf_put_span(&f->line, proc_comm(p));
	}
	return regexec(&f->re, buf_str(&f->line), 0, NULL, 0) == 0;
}

static bool unit_fits(struct filter *f, const struct proc *p)
{
	struct span unit, name = span_of(f->opt->unit), service = SPAN_LITERAL(UNIT_SERVICE);

	if (!p->cgroup)
		return false;
	unit = p->cgroup->unit;
	if (span_equals(unit, name))
		return true;
	return unit.len == name.len + service.len && !memcmp(unit.data, name.data, name.len) &&
	       !memcmp(unit.data + name.len, service.data, service.len);
}

static bool container_fits(struct filter *f, const struct proc *p)
{
	size_t len = strlen(f->opt->container);

	return p->cgroup && p->cgroup->container.len >= len &&
	       memcmp(p->cgroup->container.data, f->opt->container, len) == 0;
}

bool filter_shows(struct filter *f, const struct proc *p)
{
	const struct options *opt = f->opt;

	return (!opt->comm || comm_fits(f, p)) && (!opt->match || line_fits(f, p)) &&
	       (!opt->unit || unit_fits(f, p)) && (!opt->container || container_fits(f, p)) &&
	       (!opt->states || strchr(opt->states, proc_state_char(p)));
}
