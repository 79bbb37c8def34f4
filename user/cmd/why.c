// SPDX-License-Identifier: GPL-2.0-only
/* What happened to a process, and why it is where it is. */
#include "output/why.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/past.h"
#include "cmd/replay.h"
#include "cmd/session.h"
#include "cmd/why_ask.h"
#include "trail/reader.h"

#define HISTORY_NS (3600 * NS_PER_SEC)

/* ---- what is recorded ----------------------------------------------------------------------- */

struct past_run {
	struct session *session;
	struct why_lives lives;
	uint64_t at_real_ns; /* PID@TIME; 0: whenever */
	uint64_t begin_ns;   /* boot_ns of what was read; 0: nothing yet */
};

static void on_past(void *ctx, const struct change *c)
{
	struct past_run *run = ctx;
	const struct proc_table *t = session_table(run->session);
	uint64_t offset_ns = (uint64_t)proc_table_clock(t)->offset_ns;

	if (run->at_real_ns > offset_ns)
		run->lives.subject.at_ns = run->at_real_ns - offset_ns;
	if (!run->begin_ns && !session_quiet(run->session))
		run->begin_ns = proc_table_host(t)->now_ns;
	why_lives_change(&run->lives, c);
}

/* A time of day is its latest before the end of what is recorded. */
static int resolve_at(const struct options *opt, const struct why_ask *ask, uint64_t *ret_real_ns)
{
	struct trail_reader *reader;
	struct trail_extent x;
	int err;

	*ret_real_ns = 0;
	if (ask->at.kind == WHEN_UNSET)
		return 0;
	err = trail_reader_open(replay_path(opt->read_path), &reader);
	if (err)
		return err;
	err = trail_reader_extent(reader, &x);
	trail_reader_free(reader);
	if (!err)
		*ret_real_ns = when_resolve(&ask->at, x.last_real_ns, x.last.gmtoff_s);
	return err;
}

/* opt->read_path is set. An exit code; the session stays open for the answer. */
static int read_past(const struct options *opt, const struct why_ask *ask, struct past_run *run)
{
	struct session_options so = {.opt = opt, .keep_dead = true};
	int code, err;

	err = resolve_at(opt, ask, &run->at_real_ns);
	if (err)
		return replay_say_open(replay_path(opt->read_path), err);
	code = session_open(&so, &run->session);
	if (code != EXIT_DONE)
		return code;
	why_lives_init(&run->lives, session_table(run->session), &ask->subject);
	err = proc_table_listen(session_table(run->session), on_past, run);
	if (err) {
		log_err(err, "cannot listen to the process table");
		return EXIT_FAILED;
	}
	code = session_run(run->session);
	why_lives_finish(&run->lives, session_table(run->session));
	return code;
}

static int end_past(struct past_run *run, int code)
{
	if (!run->session)
		return code;
	code = session_close(run->session, code);
	why_lives_release(&run->lives);
	run->session = NULL;
	return code;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void put(struct session *s, const struct why_view *v)
{
	struct render *r = session_render(s);
	struct buf b = {0};

	if (r->json) {
		render_start(&b, r, session_source_name(s));
		why_put_json(&b, r, v);
		render_summary(&b, r, session_complete(s));
	} else {
		session_put_title(s, &b);
		why_put_text(&b, r, v);
	}
	session_put(s, &b);
	buf_release(&b);
}

static int say_nobody(const struct why_ask *ask, bool recorded, bool all)
{
	if (!recorded)
		log_err(0,
			"nobody here is '%s', and nothing is recorded of the past; to begin: sudo "
			"proctrail record",
			ask->word);
	else if (!all)
		log_err(0,
			"nobody is '%s', here or in the last hour that is recorded; further back: "
			"proctrail why --from -1d %s",
			ask->word, ask->word);
	else
		log_err(0, "nobody in what is recorded is '%s'", ask->word);
	return EXIT_FAILED;
}

static void add_namesakes(struct why_view *v, const struct why_lives *lives)
{
	for (size_t i = lives->cnt; i-- > 0 && v->namesakes < WHY_CHAIN;)
		if (lives->v[i] != v->life)
			v->namesake[v->namesakes++] = lives->v[i];
}

static int answer_past(const struct options *opt, const struct why_ask *ask, bool all)
{
	struct past_run run = {0};
	struct why_view view = {0};
	int code = read_past(opt, ask, &run);

	if (code == EXIT_DONE) {
		view.life = why_lives_pick(&run.lives);
		view.recorded_ns = run.begin_ns;
		if (view.life) {
			add_namesakes(&view, &run.lives);
			put(run.session, &view);
		} else {
			code = say_nobody(ask, true, all);
		}
	}
	return end_past(&run, code);
}

/* The recorder's own, of the last hour unless more is asked for. */
static struct options recorder_options(const struct options *opt, const struct why_ask *ask)
{
	struct options past = *opt;

	past.read_path = "";
	past.proc_dir = NULL;
	if (past.from.kind == WHEN_UNSET && ask->at.kind == WHEN_UNSET)
		past.from = (struct when){.kind = WHEN_AGO, .ns = HISTORY_NS};
	return past;
}

/* ---- the living ----------------------------------------------------------------------------- */

/* What the recorder has of it; the sessions' clocks are the same machine's. */
static const struct why_life *history_of(const struct options *opt, const struct proc *p,
					 struct past_run *run)
{
	struct why_ask ask = {.subject.pid = p->key.tgid};
	struct options past = recorder_options(opt, &ask);
	const struct why_life *l;
	bool goes_on;

	past.out_path = NULL;
	if (!past_is_recorded(&goes_on) || read_past(&past, &ask, run) != EXIT_DONE)
		return NULL;
	l = why_lives_pick(&run->lives);
	/* of /proc alone a start is good to 10 ms */
	return l && !l->dead &&
			       l->who.key.start_ns / (20 * NS_PER_MS) ==
				       p->key.start_ns / (20 * NS_PER_MS) ?
		       l :
		       NULL;
}

static int answer_living(const struct options *opt, struct why_live *live, const struct proc *p)
{
	struct past_run run = {0};
	const struct why_life *recorded = history_of(opt, p, &run);
	struct why_life life;
	struct why_view view = {.life = &life, .recorded_ns = recorded ? run.begin_ns : 0};
	int err;

	err = why_live_follow(live, p, recorded ? recorded->asked : ASK_NONE);
	if (err) {
		log_err(err, "cannot put the answer together");
		return end_past(&run, EXIT_FAILED);
	}
	why_life_of(session_table(live->session), p, &life);
	if (recorded)
		why_life_join(&life, recorded);
	/* a process that others name and no pass tells: /proc may know what it is called */
	if (!life.who.comm[0] && live->stuck[0].cnt)
		memcpy(life.who.comm, live->stuck[0].threads[0].comm, sizeof(life.who.comm));
	for (; view.links < live->links; view.links++)
		view.chain[view.links] = &live->why[view.links];
	put(live->session, &view);
	return end_past(&run, EXIT_DONE);
}

static int answer_stuck(const struct options *opt, struct why_live *live)
{
	struct render *r = session_render(live->session);
	struct buf b = {0};
	int err;

	if (r->json)
		render_start(&b, r, session_source_name(live->session));
	err = why_live_put_stuck(live, opt->longer_ns, &b);
	if (r->json)
		render_summary(&b, r, session_complete(live->session));
	session_put(live->session, &b);
	buf_release(&b);
	if (err)
		return log_err(err, "cannot look at all of them"), EXIT_FAILED;
	return EXIT_DONE;
}

static int answer_now(const struct options *opt, const struct why_ask *ask)
{
	struct why_live live = {0};
	const struct proc *p = NULL;
	struct options past;
	int code = why_live_open(&live, opt);
	bool goes_on;

	if (code == EXIT_DONE && opt->stuck)
		code = answer_stuck(opt, &live);
	else if (code == EXIT_DONE && (p = why_live_find(&live, ask)))
		code = answer_living(opt, &live, p);
	code = why_live_close(&live, code);
	if (code != EXIT_DONE || p || opt->stuck)
		return code;
	if (ask->port)
		return log_err(0, "nobody listens on port %u, as far as may be seen", ask->port),
		       EXIT_FAILED;
	if (!past_is_recorded(&goes_on))
		return say_nobody(ask, false, true);
	past = recorder_options(opt, ask);
	return answer_past(&past, ask, opt->from.kind != WHEN_UNSET);
}

int cmd_why(const struct options *opt)
{
	struct why_ask ask = {0};
	struct options past;
	bool goes_on;

	if (!opt->stuck && why_ask_parse(opt->operand, &ask))
		return EXIT_USAGE;
	if (opt->stuck && (opt->operand || opt->read_path)) {
		log_err(0, "'--stuck' is about all that is here and now");
		return EXIT_USAGE;
	}
	if (opt->read_path && ask.port) {
		log_err(0, "who listened on a port is not recorded");
		return EXIT_USAGE;
	}
	if (opt->read_path)
		return answer_past(opt, &ask, true);
	if (ask.at.kind == WHEN_UNSET)
		return answer_now(opt, &ask);
	if (!past_is_recorded(&goes_on))
		return say_nobody(&ask, false, true);
	past = recorder_options(opt, &ask);
	return answer_past(&past, &ask, true);
}
