// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/forecast.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "analysis/health_facts.h"

#define LIMITS_MAX      32 /* known ones; the outermost cgroups beyond are left out */
#define MILLI_MIN_NS    (60000.0 * NS_PER_SEC)
#define CGROUP_FRESH_NS (120 * NS_PER_SEC)
#define FORECAST_LAST   9e18 /* in 285 years: as good as never */

struct candidate {
	struct forecast f;
	uint64_t own; /* zombies of the parent that lie in it */
};

struct search {
	const struct proc_table *table;
	const struct proc *parent;
	uint64_t leak_milli;
	uint64_t own; /* zombies of the parent, wherever they lie */
	struct candidate limits[LIMITS_MAX];
	size_t cnt;
};

const char *limit_kind_name(enum limit_kind kind)
{
	static const char *const names[LIMIT_KIND_CNT] = {
		[LIMIT_CGROUP_PIDS] = "cgroup_pids",
		[LIMIT_PID_MAX] = "pid_max",
		[LIMIT_THREADS_MAX] = "threads_max",
		[LIMIT_NPROC] = "nproc",
	};

	return kind < LIMIT_KIND_CNT ? names[kind] : NULL;
}

/* ---- the limits that are known -------------------------------------------------------------- */

static void add(struct search *s, enum limit_kind kind, struct span name, uint64_t used,
		uint64_t max)
{
	if (used == HEALTH_UNKNOWN || max == HEALTH_UNKNOWN || s->cnt == LIMITS_MAX)
		return;
	s->limits[s->cnt++].f =
		(struct forecast){.kind = kind, .name = name, .used = used, .max = max};
}

static void add_machine(struct search *s)
{
	const struct proc_table *t = s->table;
	uint64_t load_centi[3], tasks;

	fact_loadavg(proc_table_fact(t, "/proc/loadavg"), load_centi, &tasks);
	add(s, LIMIT_PID_MAX, (struct span){0}, tasks,
	    fact_u64(proc_table_fact(t, "/proc/sys/kernel/pid_max")));
	add(s, LIMIT_THREADS_MAX, (struct span){0}, tasks,
	    fact_u64(proc_table_fact(t, "/proc/sys/kernel/threads-max")));
}

static void add_cgroups(struct search *s)
{
	const struct cgroup *cg = s->parent->cgroup;
	const struct host_info *host = proc_table_host(s->table);
	struct span path = cg ? intern_span(cg->path) : (struct span){0};

	/* read when the cgroup was first met, and not since */
	if (host->now_ns > host->start_ns + CGROUP_FRESH_NS)
		return;
	for (; path.len > 1; path = cgroup_path_outer(path))
		add(s, LIMIT_CGROUP_PIDS, path, fact_cgroup_u64(s->table, path, "pids.current"),
		    fact_cgroup_u64(s->table, path, "pids.max"));
}

/* copy_process(): the uid of INIT_USER is free. The kernel's count is not to be had: rows are. */
static void add_nproc(struct search *s)
{
	const struct proc *p = s->parent;
	char name[64];

	if (!p->uid || proc_table_host(s->table)->scoped)
		return;
	snprintf(name, sizeof(name), "limits:%" PRIu32 ":%" PRIu64, p->key.tgid, p->key.start_ns);
	add(s, LIMIT_NPROC, (struct span){0}, 0, fact_u64(proc_table_fact(s->table, name)));
}

/* ---- what fills them ------------------------------------------------------------------------ */

static bool is_in(const struct search *s, const struct candidate *c, const struct proc *p)
{
	switch (c->f.kind) {
	case LIMIT_CGROUP_PIDS:
		return p->cgroup && cgroup_path_is_in(intern_span(p->cgroup->path), c->f.name);
	case LIMIT_NPROC: return p->uid == s->parent->uid;
	case LIMIT_PID_MAX:
	case LIMIT_THREADS_MAX:
	case LIMIT_KIND_CNT: return true;
	}
	return true;
}

static void count_row(struct search *s, const struct proc *p)
{
	bool zombie = p->state == PROC_ZOMBIE, own = zombie && p->parent == s->parent;

	s->own += own;
	for (size_t i = 0; i < s->cnt; i++) {
		struct candidate *c = &s->limits[i];

		if (!is_in(s, c, p))
			continue;
		c->own += own;
		c->f.zombies += zombie;
		c->f.processes += !zombie;
		if (!zombie && p->threads)
			c->f.threads += p->threads - 1;
	}
}

static void count_rows(struct search *s)
{
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(s->table, &i));)
		if (p->state != PROC_REAPED && !(p->flags & PROC_GHOST))
			count_row(s, p);
}

/* ---- which is first ------------------------------------------------------------------------- */

/*
 * The kernel's own count is right, but of the moment when it was read; the table's is of now, but
 * leaves out what it was not told of. Neither counts what is not there.
 */
static void bring_up_to_date(struct forecast *f)
{
	uint64_t told = f->zombies + f->processes + f->threads;

	if (told > f->used)
		f->used = told;
}

static void find_time(const struct search *s, struct candidate *c)
{
	double share = s->own ? (double)c->own / (double)s->own : 1, ns;

	bring_up_to_date(&c->f);
	c->f.full_ns = c->f.used >= c->f.max ? 0 : FORECAST_UNKNOWN;
	if (!c->f.full_ns || !s->leak_milli || !(share > 0))
		return;
	ns = (double)(c->f.max - c->f.used) * MILLI_MIN_NS / ((double)s->leak_milli * share);
	if (ns < FORECAST_LAST)
		c->f.full_ns = (uint64_t)ns;
}

static double fill_of(const struct forecast *f)
{
	return f->max ? (double)f->used / (double)f->max : 1;
}

/* FORECAST_UNKNOWN is later than any time. */
static bool is_before(const struct forecast *a, const struct forecast *b)
{
	if (a->full_ns != b->full_ns)
		return a->full_ns < b->full_ns;
	return fill_of(a) > fill_of(b);
}

int forecast_find(const struct proc_table *t, const struct proc *parent, uint64_t leak_milli,
		  struct forecast *ret_forecast)
{
	struct search s = {.table = t, .parent = parent, .leak_milli = leak_milli};
	const struct candidate *first = NULL;

	add_machine(&s);
	add_nproc(&s);
	add_cgroups(&s);
	if (!s.cnt)
		return -ENOENT;
	count_rows(&s);
	for (size_t i = 0; i < s.cnt; i++) {
		find_time(&s, &s.limits[i]);
		if (!first || is_before(&s.limits[i].f, &first->f))
			first = &s.limits[i];
	}
	*ret_forecast = first->f;
	return 0;
}
