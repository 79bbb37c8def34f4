// SPDX-License-Identifier: GPL-2.0-only
/* Who does not reap, why, since when, and what helps. */
#include "output/zombies.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/scope.h"
#include "cmd/session.h"

#define WATCH_NS  (5 * NS_PER_SEC)
#define TEXTS_NS  (2 * NS_PER_SEC)  /* limits and how full they are */
#define PASS_NS   (400 * NS_PER_MS) /* before the end */
#define SEVERAL   2                 /* zombies of one parent: one may be a reap on its way */
#define ASKED_MAX 64                /* parents whose limits are asked for at the end */

struct run {
	const struct options *opt;
	struct session *session;
	struct scope scope; /* of a recording */
	struct zombies_ledger ledger;
	struct adoptions adoptions;
	uint64_t duration_ns;
	bool passed; /* the last look was asked for */
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

static void on_change(void *ctx, const struct change *c)
{
	const struct proc *parent = c->proc ? c->proc->parent : NULL;
	struct run *run = ctx;

	scope_note(&run->scope, c);
	if (c->proc && scope_has(&run->scope, c->proc))
		zombies_ledger_note(&run->ledger, c);
	if (!c->proc || scope_has(&run->scope, c->proc))
		adoptions_note(&run->adoptions, c);
	if (c->kind == CHANGE_SEEN && c->proc->state == PROC_ZOMBIE && parent &&
	    parent->flags & PROC_SEEDED) {
		ask_waits(run, parent);
		if (parent->evidence && parent->evidence->zombies == SEVERAL)
			ask_limits(run, parent);
	}
	scope_forget(&run->scope, c);
}

/* Of those that leak while we watch; more are not told in full anyway. */
static void ask_all_limits(struct run *run)
{
	const struct proc *p;
	size_t asked = 0;

	for (size_t i = 0;
	     asked < ASKED_MAX && (p = proc_table_next(session_table(run->session), &i));) {
		if (!p->evidence || p->evidence->zombies < SEVERAL)
			continue;
		ask_limits(run, p);
		asked++;
	}
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

	if (!run->session || run->passed || run->duration_ns == DURATION_UNSET)
		return; /* after CMD there is nobody left to look at */
	host = proc_table_host(session_table(run->session));
	if (host->now_ns + PASS_NS < host->start_ns + run->duration_ns)
		return;
	run->passed = true;
	session_want(run->session, &pass);
	ask_all_limits(run);
}

static void put_answer(struct run *run, const struct zombies *z)
{
	struct session *s = run->session;
	const struct host_info *host = proc_table_host(session_table(s));
	struct render *r = session_render(s);
	const char *source = session_source_name(s);
	struct zombies_view view = {
		.zombies = z,
		.ledger = &run->ledger,
		.adoptions = &run->adoptions,
		.from = session_read_path(s)        ? session_read_path(s) :
			strcmp(source, "proc") == 0 ? "/proc" :
						      NULL,
		.watched_ns = run->opt->duration_ns && host->now_ns > host->start_ns ?
				      host->now_ns - host->start_ns :
				      0,
		.complete = session_complete(s),
		.all = run->opt->all,
	};
	struct buf b = {0};

	if (r->json) {
		render_start(&b, r, source);
		zombies_put_json(&b, r, &view);
		render_summary(&b, r, view.complete);
	} else {
		zombies_put_text(&b, r, &view);
	}
	session_put(s, &b);
	buf_release(&b);
}

/* The kernel side has left out all others live; of a recording it is done here. */
static bool shows(void *ctx, const struct proc *parent)
{
	struct run *run = ctx;

	return scope_has(&run->scope, parent);
}

static int answer(struct run *run)
{
	const struct options *opt = run->opt;
	struct session *s = run->session;
	struct zombies_options zo = {.all = opt->all, .shows = shows, .ctx = run};
	struct zombies z;
	int err, code = EXIT_DONE;

	scope_begin(&run->scope);
	err = zombies_examine(session_table(s), &zo, &z);
	if (err) {
		log_err(err, "cannot examine the zombies");
		return EXIT_FAILED;
	}
	put_answer(run, &z);
	if (opt->fails_if && trigger_holds(&opt->fail_if, z.zombies))
		code = EXIT_FAIL_IF;
	zombies_release(&z);
	return code;
}

int cmd_zombies(const struct options *opt)
{
	bool watches = opt->cmd || opt->duration_ns;
	struct session_options so = {
		.opt = opt,
		.snapshot = !watches && !opt->read_path,
		.facts = true,
		.texts_every_ns = TEXTS_NS,
		.proc_fallback = !opt->cmd,
		.duration_ns = opt->cmd || opt->duration_ns != DURATION_UNSET ? opt->duration_ns :
										WATCH_NS,
	};
	struct run run = {.opt = opt, .duration_ns = so.duration_ns};
	int code, err;

	so.on_batch = watches && !opt->read_path ? on_batch : NULL;
	so.ctx = &run;
	code = session_open(&so, &run.session);
	if (code != EXIT_DONE)
		return code;
	scope_init(&run.scope, opt, session_table(run.session));
	adoptions_init(&run.adoptions, session_table(run.session));
	err = proc_table_listen(session_table(run.session), on_change, &run);
	if (err) {
		log_err(err, "cannot listen to the process table");
		return session_close(run.session, EXIT_FAILED);
	}
	code = session_run(run.session);
	if (code == EXIT_DONE)
		code = answer(&run);
	adoptions_release(&run.adoptions);
	code = session_close(run.session, code);
	scope_release(&run.scope);
	zombies_ledger_release(&run.ledger);
	return code;
}
