// SPDX-License-Identifier: GPL-2.0-only
/* Who died, of what, and who killed it. */
#include "output/deaths.h"

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/past.h"
#include "cmd/scope.h"
#include "cmd/session.h"

#define LIST_MAX (4U << 20) /* bytes of the list that is kept for the end */

struct run {
	const struct options *opt;
	struct session *session;
	struct scope scope; /* of a recording */
	struct deaths deaths;
	struct buf list;   /* text: told at the end, below the summary */
	struct buf line;   /* what is told at once */
	uint64_t dropped;  /* deaths whose lines the list had no room for */
	uint64_t begin_ns; /* of the part that was asked for; 0: not yet */
	bool begun;        /* what stands above the lines is out */
};

static void begin_lines(struct run *run)
{
	struct render *r = session_render(run->session);

	buf_reset(&run->line);
	if (!run->begun && r->json)
		render_start(&run->line, r, session_source_name(run->session));
	else if (!run->begun)
		session_put_title(run->session, &run->line);
	run->begun = true;
}

/* As JSON and under --follow at once; else the summary stands above. */
static void tell(void *ctx, const struct death *const *v, size_t cnt)
{
	struct run *run = ctx;
	struct render *r = session_render(run->session);

	if (r->json || run->opt->follow) {
		begin_lines(run);
		deaths_put_set(&run->line, r, v, cnt);
		session_put(run->session, &run->line);
	} else if (run->list.len < LIST_MAX) {
		deaths_put_set(&run->list, r, v, cnt);
	} else {
		run->dropped += cnt;
	}
}

static void on_change(void *ctx, const struct change *c)
{
	struct run *run = ctx;
	bool quiet = session_quiet(run->session);

	scope_note(&run->scope, c);
	if (!quiet && !run->begin_ns)
		run->begin_ns = proc_table_host(run->deaths.notes.table)->now_ns;
	deaths_note(&run->deaths, c, !quiet && (!c->proc || scope_has(&run->scope, c->proc)));
	scope_forget(&run->scope, c);
}

static int answer(struct run *run)
{
	struct session *s = run->session;
	struct render *r = session_render(s);
	const struct host_info *host = proc_table_host(r->table);
	struct deaths_view view = {.deaths = &run->deaths, .from = session_read_path(s)};
	struct buf b = {0};

	deaths_finish(&run->deaths);
	view.dropped = run->dropped;
	view.complete = session_complete(s) && !run->deaths.err;
	if (run->begin_ns && host->now_ns > run->begin_ns)
		view.span_ns = host->now_ns - run->begin_ns;
	begin_lines(run);
	if (r->json) {
		buf_put_span(&b, (struct span){run->line.data, run->line.len});
		deaths_put_json(&b, r, &view);
		render_summary(&b, r, view.complete);
	} else {
		deaths_put_head(&b, r, &view);
		buf_put_span(&b, (struct span){run->list.data, run->list.len});
		deaths_put_tail(&b, r, &view);
	}
	session_put(s, &b);
	buf_release(&b);
	return EXIT_DONE;
}

/*
 * Asked for nothing else, it tells the recorder's last hour and goes on from there; where nobody records
 * it begins now. What has its own end, or is not all of the machine, is as it was asked for.
 */
static void settle(struct options *opt)
{
	bool goes_on;

	if (opt->read_path || opt->cmd || opt->duration_ns != DURATION_UNSET || opt->write_path)
		return;
	if (!past_is_recorded(&goes_on)) {
		if (!opt->follow)
			log_warn("what died before now is not known: nothing is recorded here; to "
				 "begin: sudo proctrail record");
		opt->follow = true;
		return;
	}
	opt->read_path = "";
	opt->from = (struct when){.kind = WHEN_AGO, .ns = 3600 * NS_PER_SEC};
	opt->follow = goes_on;
}

int cmd_deaths(const struct options *given)
{
	struct options opt = *given;
	struct run run = {.opt = &opt};
	struct deaths_options to = {
		.all = opt.all, .sig = opt.signal_nr, .tell = tell, .ctx = &run};
	struct session_options so = {.opt = &opt, .duration_ns = opt.duration_ns};
	int code, err;

	settle(&opt);
	code = session_open(&so, &run.session);
	if (code != EXIT_DONE)
		return code;
	scope_init(&run.scope, &opt, session_table(run.session));
	deaths_init(&run.deaths, session_table(run.session), &to);
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
	deaths_release(&run.deaths);
	buf_release(&run.list);
	buf_release(&run.line);
	return code;
}
