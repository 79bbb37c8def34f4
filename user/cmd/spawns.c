// SPDX-License-Identifier: GPL-2.0-only
/* What starting programs costs. */
#include "output/spawns.h"

#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/scope.h"
#include "cmd/session.h"

#define WATCH_NS (10 * NS_PER_SEC)
#define ROWS     20               /* groups told, without --wide */
#define TEXTS_NS (2 * NS_PER_SEC) /* load and pressure */
#define ASK_MAX  256              /* parents whose quotas are asked for */

struct run {
	const struct options *opt;
	struct session *session;
	struct scope scope; /* of a recording */
	struct spawns spawns;
	uint64_t begin_ns; /* of the part that was asked for; 0: not yet */
	struct buf line;   /* --follow */
	bool begun;        /* the first line of JSON is out */
	size_t asked;      /* for the quotas of so many parents */
};

static void begin_lines(struct run *run)
{
	struct render *r = session_render(run->session);

	buf_reset(&run->line);
	if (!run->begun && r->json)
		render_start(&run->line, r, session_source_name(run->session));
	run->begun = true;
}

/* One line for each spawn, as it happens. */
static void follow(struct run *run, const struct change *c)
{
	struct spawn_one one;

	if (!spawns_one(&run->spawns, c, &one))
		return;
	begin_lines(run);
	spawns_put_one(&run->line, session_render(run->session), &one);
	session_put(run->session, &run->line);
}

/* As long as it lives: it may have ended when the answer is made. */
static void ask_for_quota(struct run *run, const struct change *c)
{
	struct proc_key parent = c->proc->birth_parent;

	if (run->asked == ASK_MAX)
		return;
	run->asked++;
	session_want(run->session, &(struct want){.kind = WANT_QUOTA,
						  .tgid = parent.tgid,
						  .start_ns = parent.start_ns});
}

/* A group that is new tells of a parent that may be new. */
static void count(struct run *run, const struct change *c)
{
	size_t groups = run->spawns.cnt;

	if (run->opt->follow && c->proc)
		follow(run, c);
	spawns_note(&run->spawns, c);
	if (run->spawns.cnt > groups && c->kind == CHANGE_EXEC)
		ask_for_quota(run, c);
}

static void on_change(void *ctx, const struct change *c)
{
	struct run *run = ctx;

	scope_note(&run->scope, c);
	if (!session_quiet(run->session)) {
		if (!run->begin_ns)
			run->begin_ns = proc_table_host(run->spawns.table)->now_ns;
		if (c->kind == CHANGE_FACT || (c->proc && scope_has(&run->scope, c->proc)))
			count(run, c);
	}
	scope_forget(&run->scope, c);
}

static void note_left(struct run *run)
{
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(run->spawns.table, &i));) {
		if (scope_has(&run->scope, p) && p->key.start_ns >= run->begin_ns)
			spawns_note_left(&run->spawns, p);
	}
}

static int answer(struct run *run)
{
	struct session *s = run->session;
	const struct host_info *host = proc_table_host(run->spawns.table);
	struct render *r = session_render(s);
	struct spawns_view view = {
		.spawns = &run->spawns,
		.from = session_read_path(s),
		.span_ns = run->begin_ns && host->now_ns > run->begin_ns ?
				   host->now_ns - run->begin_ns :
				   0,
		.rows = r->style.wide ? SIZE_MAX : ROWS,
		.hist = run->opt->hist,
		.complete = session_complete(s),
	};
	struct buf b = {0};

	note_left(run);
	if (spawns_finish(&run->spawns)) {
		log_err(run->spawns.err, "cannot count the spawns");
		return EXIT_FAILED;
	}
	if (r->json) {
		if (!run->begun)
			render_start(&b, r, session_source_name(s));
		spawns_put_json(&b, r, &view);
		render_summary(&b, r, view.complete);
	} else {
		spawns_put_text(&b, r, &view);
	}
	session_put(s, &b);
	buf_release(&b);
	return EXIT_DONE;
}

int cmd_spawns(const struct options *opt)
{
	struct session_options so = {
		.opt = opt,
		.facts = true,
		.texts_every_ns = TEXTS_NS,
		.duration_ns = opt->cmd || opt->follow || opt->duration_ns != DURATION_UNSET ?
				       opt->duration_ns :
				       WATCH_NS,
	};
	struct run run = {.opt = opt};
	int code, err;

	code = session_open(&so, &run.session);
	if (code != EXIT_DONE)
		return code;
	scope_init(&run.scope, opt, session_table(run.session));
	spawns_init(&run.spawns, session_table(run.session), opt->by, opt->slowest);
	err = proc_table_listen(session_table(run.session), on_change, &run);
	if (err) {
		log_err(err, "cannot listen to the process table");
		return session_close(run.session, EXIT_FAILED);
	}
	code = session_run(run.session);
	if (code == EXIT_DONE)
		code = answer(&run);
	code = session_close(run.session, code);
	scope_release(&run.scope);
	spawns_release(&run.spawns);
	buf_release(&run.line);
	return code;
}
