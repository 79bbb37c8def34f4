// SPDX-License-Identifier: GPL-2.0-only
/* Who lives below whom: now, or all who lived while we watched. */
#include "output/tree.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/scope.h"
#include "cmd/session.h"

struct shown {
	const struct options *opt;
	struct filter filter;
	bool by_scope; /* the source does not narrow (/proc): it is done here */
};

static bool shows(void *ctx, const struct proc *p)
{
	struct shown *s = ctx;

	if (s->by_scope && s->opt->uid >= 0 && p->uid != (uint32_t)s->opt->uid)
		return false;
	if (s->by_scope && s->opt->cgroup && !scope_is_in_cgroup(p, s->opt->cgroup))
		return false;
	return filter_shows(&s->filter, p);
}

/* Those who lived in a span, the dead included; else those of one moment. */
static bool is_watching(const struct options *opt)
{
	if (opt->read_path)
		return opt->from.kind != WHEN_UNSET || opt->to.kind != WHEN_UNSET;
	if (opt->duration_ns != DURATION_UNSET)
		return opt->duration_ns > 0;
	return opt->cmd != NULL;
}

/* Ctrl-C or CMD's end may have come before --duration: what was watched is what is said. */
static uint64_t watched_ns(const struct options *opt, const struct host_info *h)
{
	if (!is_watching(opt))
		return 0;
	return h->now_ns > h->start_ns ? h->now_ns - h->start_ns : 1;
}

static void put_answer(struct session *s, const struct options *opt, const struct tree *tree,
		       bool filtered)
{
	const struct host_info *host = proc_table_host(session_table(s));
	struct render *r = session_render(s);
	const char *source = session_source_name(s);
	struct tree_view view = {
		.tree = tree,
		.from = session_read_path(s)        ? session_read_path(s) :
			strcmp(source, "proc") == 0 ? "/proc" :
						      NULL,
		.watched_ns = watched_ns(opt, host),
		.complete = session_complete(s),
		.filtered = filtered,
	};
	struct buf b = {0};

	if (r->json) {
		render_start(&b, r, source);
		tree_put_json(&b, r, tree);
		render_summary(&b, r, view.complete);
	} else {
		tree_put_text(&b, r, &view);
	}
	session_put(s, &b);
	buf_release(&b);
}

static int answer(struct session *s, const struct options *opt, struct shown *shown)
{
	struct proc_table *table = session_table(s);
	struct tree_options to = {
		.kernel = opt->kthreads,
		.dead = is_watching(opt),
		.unfolded = opt->wide,
		.root_pid = opt->pid,
	};
	struct tree tree = {0};
	int err;

	shown->by_scope = (opt->uid >= 0 || opt->cgroup) && !proc_table_host(table)->scoped;
	if (shown->filter.active || shown->by_scope) {
		to.shows = shows;
		to.ctx = shown;
	}
	err = tree_build(table, &to, &tree);
	if (err == -ESRCH) {
		log_err(0, "no process has pid %u", opt->pid);
		return EXIT_FAILED;
	}
	if (err) {
		log_err(err, "cannot put the tree together");
		return EXIT_FAILED;
	}
	put_answer(s, opt, &tree, to.shows != NULL);
	tree_release(&tree);
	return EXIT_DONE;
}

int cmd_tree(const struct options *opt)
{
	struct shown shown = {.opt = opt};
	struct session_options so = {
		.opt = opt,
		.snapshot = !is_watching(opt) && !opt->read_path,
		.facts = opt->json || opt->match,
		.keep_dead = is_watching(opt),
		.proc_fallback = !is_watching(opt),
		.duration_ns = is_watching(opt) ? opt->duration_ns : 0,
	};
	struct session *s = NULL;
	int code = EXIT_FAILED, err;

	err = filter_init(&shown.filter, opt);
	if (err) {
		log_err(err, "cannot prepare the filters");
		goto out;
	}
	code = session_open(&so, &s);
	if (code != EXIT_DONE)
		goto out;
	code = session_run(s);
	if (code == EXIT_DONE)
		code = answer(s, opt, &shown);
	code = session_close(s, code);
out:
	filter_release(&shown.filter);
	return code;
}
