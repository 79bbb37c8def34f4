// SPDX-License-Identifier: GPL-2.0-only
/* Who does not reap, why, since when, and what helps. */
#include "output/zombies.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/past.h"
#include "cmd/scope.h"
#include "cmd/screen.h"
#include "cmd/session.h"

#define WATCH_NS  (5 * NS_PER_SEC)
#define TEXTS_NS  (2 * NS_PER_SEC)  /* limits and how full they are */
#define PASS_NS   (400 * NS_PER_MS) /* before the end */
#define SEVERAL   2                 /* zombies of one parent: one may be a reap on its way */
#define ASKED_MAX 64                /* parents whose limits are asked for at a time */
#define LIMITS_NS (10 * NS_PER_SEC) /* so often, where there is no end */

struct run {
	const struct options *opt;
	struct session *session;
	struct scope scope; /* of a recording */
	struct past past;   /* what a recorder knows, read at the end */
	struct zombies_ledger ledger;
	struct adoptions adoptions;
	struct zombies_news news; /* --follow */
	struct screen screen;     /* --watch */
	struct buf line;
	uint64_t duration_ns;
	uint64_t limits_ns; /* stream time at which limits were asked for */
	uint64_t begin_ns;  /* of what was asked for: --from; 0: not there yet */
	bool passed;        /* the last look was asked for */
	bool begun;         /* --follow: what stands above the lines is out */
};

/* Of a parent that was there before us: does a thread of it sit in a wait call? */
static void ask_waits(struct run *run, const struct proc *parent)
{
	struct want w = {
		.kind = WANT_WAITS, .tgid = parent->key.tgid, .start_ns = parent->key.start_ns};

	session_want(run->session, &w);
}

/* What its user may have: forks of root are not bound by it. */
static void ask_limits(struct run *run, const struct proc *parent)
{
	struct want w = {
		.kind = WANT_LIMITS, .tgid = parent->key.tgid, .start_ns = parent->key.start_ns};

	if (parent->uid)
		session_want(run->session, &w);
}

/* Of those that leak while we watch, and who would have their zombies; more are not told in full. */
static void ask_of_all(struct run *run)
{
	const struct proc *p, *adopter;
	size_t asked = 0;

	for (size_t i = 0;
	     asked < ASKED_MAX && (p = proc_table_next(session_table(run->session), &i));) {
		if (!p->evidence || p->evidence->zombies < SEVERAL)
			continue;
		ask_limits(run, p);
		adopter = zombies_adopter(p);
		if (adopter && adopter->flags & PROC_SEEDED)
			ask_waits(run, adopter);
		asked++;
	}
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* The kernel side has left out all others live; of a recording it is done here. */
static bool shows(void *ctx, const struct proc *parent)
{
	struct run *run = ctx;

	return scope_has(&run->scope, parent);
}

static int examine(struct run *run, struct zombies *ret_zombies)
{
	struct zombies_options zo = {
		.all = run->opt->all,
		.shows = shows,
		.ctx = run,
		.past = run->past.table,
		.past_fresh = run->past.fresh,
	};
	int err;

	scope_begin(&run->scope);
	err = zombies_examine(session_table(run->session), &zo, ret_zombies);
	return err ? log_err(err, "cannot examine the zombies") : 0;
}

static struct zombies_view view_of(const struct run *run, const struct zombies *z)
{
	struct session *s = run->session;
	const struct host_info *host = proc_table_host(session_table(s));
	const char *source = session_source_name(s);

	return (struct zombies_view){
		.zombies = z,
		.ledger = &run->ledger,
		.adoptions = &run->adoptions,
		.from = session_read_path(s)        ? session_read_path(s) :
			strcmp(source, "proc") == 0 ? "/proc" :
						      NULL,
		.watched_ns = run->opt->duration_ns && run->begin_ns &&
					      host->now_ns > run->begin_ns ?
				      host->now_ns - run->begin_ns :
				      0,
		.complete = session_complete(s),
		.all = run->opt->all,
		.past_since_ns = run->past.fresh ? run->past.since_real_ns : 0,
		.past_unknown = !session_read_path(s) && !run->opt->cmd && !run->past.table,
	};
}

static void put_text(struct run *run, const struct zombies *z, struct buf *b)
{
	struct zombies_view view = view_of(run, z);

	zombies_put_text(b, session_render(run->session), &view);
}

static void put_answer(struct run *run, const struct zombies *z)
{
	struct zombies_view view = view_of(run, z);
	struct session *s = run->session;
	struct render *r = session_render(s);
	struct buf b = {0};

	if (r->json) {
		if (!run->begun)
			render_start(&b, r, session_source_name(s));
		zombies_put_json(&b, r, &view);
		render_summary(&b, r, view.complete);
	} else {
		put_text(run, z, &b);
	}
	session_put(s, &b);
	buf_release(&b);
}

static void paint(struct run *run)
{
	struct zombies z;
	struct buf b = {0};

	if (examine(run, &z))
		return;
	put_text(run, &z, &b);
	screen_paint(&run->screen, &b);
	buf_release(&b);
	zombies_release(&z);
}

/* ---- news ----------------------------------------------------------------------------------- */

/* From the first record on zone and boot id are known. */
static void begin_lines(struct run *run)
{
	struct render *r = session_render(run->session);

	buf_reset(&run->line);
	if (run->begun)
		return;
	run->begun = true;
	if (r->json)
		render_start(&run->line, r, session_source_name(run->session));
	else
		session_put_title(run->session, &run->line);
	if (!r->json)
		zombies_put_news_head(&run->line, r);
}

static void on_news(void *ctx, const struct news *n)
{
	struct run *run = ctx;

	zombies_put_news(&run->line, session_render(run->session), n);
}

static void put_lines(struct run *run)
{
	if (run->line.len)
		session_put(run->session, &run->line);
}

/* By the stream's own clock, so that a recording has the same news. */
static void look_for_news(struct run *run)
{
	struct proc_table *t = session_table(run->session);
	struct zombies z;

	if (!zombies_news_due(&run->news, proc_table_host(t)->now_ns) || examine(run, &z))
		return;
	begin_lines(run);
	zombies_news_look(&run->news, t, &z, on_news, run);
	put_lines(run);
	zombies_release(&z);
}

static void follow(struct run *run, const struct change *c)
{
	if (session_quiet(run->session))
		return;
	if (c->kind == CHANGE_TICK) {
		look_for_news(run);
		return;
	}
	if ((c->kind != CHANGE_ZOMBIE && c->kind != CHANGE_REAP) || !run->opt->json ||
	    !scope_has(&run->scope, c->proc))
		return;
	begin_lines(run);
	render_change(&run->line, session_render(run->session), c);
	put_lines(run);
}

/* ---- what comes ----------------------------------------------------------------------------- */

/* What a recording holds from before --from is evidence, but is not told as what happened. */
static void begin(struct run *run, const struct change *c)
{
	const struct host_info *host = proc_table_host(session_table(run->session));

	run->begin_ns = session_read_path(run->session) ? c->boot_ns : host->start_ns;
	if (run->begin_ns <= host->start_ns)
		return;
	run->ledger.begin_ns = run->begin_ns;
	adoptions_begin(&run->adoptions);
}

static void on_change(void *ctx, const struct change *c)
{
	const struct proc *parent = c->proc ? c->proc->parent : NULL;
	struct run *run = ctx;
	bool quiet = session_quiet(run->session);

	scope_note(&run->scope, c);
	if (!quiet && !run->begin_ns)
		begin(run, c);
	if (!quiet && c->proc && scope_has(&run->scope, c->proc))
		zombies_ledger_note(&run->ledger, c);
	if (!c->proc || scope_has(&run->scope, c->proc))
		adoptions_note(&run->adoptions, c);
	if (c->kind == CHANGE_SEEN && c->proc->state == PROC_ZOMBIE && parent &&
	    parent->flags & PROC_SEEDED) {
		ask_waits(run, parent);
		if (parent->evidence && parent->evidence->zombies == SEVERAL)
			ask_limits(run, parent);
	}
	if (run->opt->follow)
		follow(run, c);
	scope_forget(&run->scope, c);
}

/*
 * A last look at all tasks, shortly before the end: who is in D then, and zombies of whose death no
 * hook tells (exit signal 0).
 */
static void on_batch(void *ctx)
{
	const struct want pass = {.kind = WANT_PASS};
	struct run *run = ctx;
	const struct host_info *host;

	if (!run->session)
		return;
	host = proc_table_host(session_table(run->session));
	if (run->opt->watch && screen_is_due(&run->screen))
		paint(run);
	if (run->passed)
		return;
	if (run->duration_ns == DURATION_UNSET) { /* after CMD there is nobody left to look at */
		if (!run->opt->cmd && host->now_ns >= run->limits_ns + LIMITS_NS) {
			run->limits_ns = host->now_ns;
			ask_of_all(run);
		}
		return;
	}
	if (host->now_ns + PASS_NS < host->start_ns + run->duration_ns)
		return;
	run->passed = true;
	session_want(run->session, &pass);
	ask_of_all(run);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int answer(struct run *run)
{
	const struct options *opt = run->opt;
	int code = EXIT_DONE;
	struct zombies z;

	/* the past is found by itself; what we have run ourselves has none */
	if (!opt->cmd && !session_read_path(run->session) &&
	    past_read(session_table(run->session), &run->past))
		log_warn("no memory for what the recorder knows: told without");
	if (examine(run, &z))
		return EXIT_FAILED;
	put_answer(run, &z);
	if (opt->fails_if && trigger_holds(&opt->fail_if, z.zombies))
		code = EXIT_FAIL_IF;
	zombies_release(&z);
	return code;
}

/* How long it watches: lines and screens have no end of their own. */
static uint64_t duration_of(const struct options *opt)
{
	if (opt->cmd || opt->follow || opt->watch || opt->duration_ns != DURATION_UNSET)
		return opt->duration_ns;
	return WATCH_NS;
}

int cmd_zombies(const struct options *opt)
{
	bool watches = opt->cmd || opt->duration_ns;
	struct session_options so = {
		.opt = opt,
		.snapshot = !watches && !opt->read_path,
		.facts = true,
		.texts_every_ns = TEXTS_NS,
		.proc_fallback = !opt->cmd && !opt->follow && !opt->watch,
		.duration_ns = duration_of(opt),
	};
	struct run run = {.opt = opt, .duration_ns = so.duration_ns};
	int code, err;

	if (opt->watch) {
		code = screen_check(opt);
		if (code != EXIT_DONE)
			return code;
	}
	so.on_batch = watches && !opt->read_path ? on_batch : NULL;
	so.ctx = &run;
	code = session_open(&so, &run.session);
	if (code != EXIT_DONE)
		return code;
	run.screen.session = run.session;
	scope_init(&run.scope, opt, session_table(run.session));
	adoptions_init(&run.adoptions, session_table(run.session));
	err = proc_table_listen(session_table(run.session), on_change, &run);
	if (err) {
		log_err(err, "cannot listen to the process table");
		return session_close(run.session, EXIT_FAILED);
	}
	code = session_run(run.session);
	screen_leave(&run.screen);
	if (code == EXIT_DONE)
		code = answer(&run);
	adoptions_release(&run.adoptions);
	zombies_news_release(&run.news);
	buf_release(&run.line);
	code = session_close(run.session, code);
	scope_release(&run.scope);
	zombies_ledger_release(&run.ledger);
	past_release(&run.past);
	return code;
}
