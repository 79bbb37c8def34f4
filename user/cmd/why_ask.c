// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/why_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "model/redact.h"
#include "output/table.h"

#define OTHERS_MAX 32 /* tasks in D that are looked at beside the one in question */
#define STUCK_MAX  64 /* told by --stuck */

/* ---- the question --------------------------------------------------------------------------- */

static bool parse_u32(const char *s, const char *end, uint32_t *ret)
{
	char *stop;
	unsigned long v;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoul(s, &stop, 10);
	if (stop != end || errno || !v || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* "BOOT.PID.START" as JSON has it */
static bool parse_id(const char *word, struct why_subject *s)
{
	const char *first = strchr(word, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	uint32_t pid;
	char *end;

	if (!second || strspn(word, "0123456789abcdef") != (size_t)(first - word) ||
	    !parse_u32(first + 1, second, &pid))
		return false;
	s->start_ns = strtoull(second + 1, &end, 10);
	if (*end || end == second + 1)
		return false;
	s->pid = pid;
	return true;
}

int why_ask_parse(const char *word, struct why_ask *ret)
{
	struct why_ask *a = ret;
	const char *at;

	if (!word) {
		log_err(0, "about whom? proctrail why PID|PID@TIME|ID|NAME|:PORT, or --stuck");
		return -EINVAL;
	}
	*a = (struct why_ask){.word = word};
	if (*word == ':') {
		if (parse_u32(word + 1, word + strlen(word), &a->port) && a->port <= 65535)
			return 0;
		log_err(0, "'%s' is no port: :8080", word);
		return -EINVAL;
	}
	at = strchr(word, '@');
	if (at && parse_u32(word, at, &a->subject.pid)) {
		if (!when_parse(at + 1, &a->at))
			return 0;
		log_err(0, "'%s' is no time: -10m, 02:10, 2026-11-24T02:10", at + 1);
		return -EINVAL;
	}
	if (parse_u32(word, word + strlen(word), &a->subject.pid) || parse_id(word, &a->subject))
		return 0;
	if (!*word || strlen(word) >= sizeof(a->name)) {
		log_err(0, "'%s' is no name of a program", word);
		return -EINVAL;
	}
	memcpy(a->name, word, strlen(word) + 1);
	a->subject.name = a->name;
	return 0;
}

/* ---- one look ------------------------------------------------------------------------------- */

int why_live_open(struct why_live *live, const struct options *opt)
{
	struct session_options so = {.opt = opt, .snapshot = true, .proc_fallback = true};
	int code, err;

	live->opt = opt;
	/* its child is to have what we give up: stacks want CAP_SYS_ADMIN */
	live->bounded = bounded_new(opt->proc_dir);
	if (!live->bounded) {
		log_err(-ENOMEM, "cannot read /proc");
		return EXIT_FAILED;
	}
	code = session_open(&so, &live->session);
	if (code != EXIT_DONE)
		return code;
	err = proc_table_listen(session_table(live->session), why_tasks_change, &live->tasks);
	if (err) {
		log_err(err, "cannot listen to the process table");
		return EXIT_FAILED;
	}
	return session_run(live->session);
}

static void forget_links(struct why_live *live)
{
	for (size_t i = 0; i < live->links; i++)
		stuck_release(&live->stuck[i]);
	live->links = 0;
}

int why_live_close(struct why_live *live, int code)
{
	forget_links(live);
	bounded_free(live->bounded);
	why_tasks_release(&live->tasks);
	return live->session ? session_close(live->session, code) : code;
}

/* exe, cwd and argv come in as everything else does: as a record, without its secrets. */
static void learn(struct why_live *live, const struct proc *p, const struct stuck *s)
{
	const struct options *opt = live->opt;
	struct redact *redact = NULL;
	struct buf records = {0};
	struct cursor c;
	struct event ev;

	if (!opt->no_redact && redact_new(opt->redact, &redact))
		return;
	stuck_put_fact(live->bounded, s, p->key.start_ns, &records);
	if (!records.err && !redact_batch(redact, opt->args_mode, records.data, records.len)) {
		c = cursor_of(records.data, records.len);
		while (c.left && !c.err)
			if (!event_decode(&c, &ev))
				(void)proc_table_apply(session_table(live->session), &ev);
	}
	buf_release(&records);
	redact_free(redact);
}

/* ---- whom is meant -------------------------------------------------------------------------- */

static const struct proc *find_port(struct why_live *live, const struct why_ask *ask)
{
	const struct proc_table *t = session_table(live->session);
	const struct proc *p, *best = NULL;
	uint32_t pids[16];
	size_t cnt = stuck_port(live->bounded, ask->port, pids, 16);

	/* those that inherited the socket have who opened it above them */
	for (size_t i = 0; i < cnt; i++) {
		p = proc_table_find_pid(t, pids[i]);
		if (p && (!best || p->key.start_ns < best->key.start_ns))
			best = p;
	}
	return best;
}

const struct proc *why_live_find(struct why_live *live, const struct why_ask *ask)
{
	const struct proc_table *t = session_table(live->session);
	const struct proc *p, *best = NULL;
	size_t fit = 0;

	if (ask->port) {
		best = find_port(live, ask);
	} else if (ask->subject.pid) {
		p = proc_table_find_pid(t, ask->subject.pid);
		best = p && why_subject_fits(&ask->subject, p) ? p : NULL;
	} else {
		for (size_t i = 0; (p = proc_table_next(t, &i));) {
			if (!why_subject_fits(&ask->subject, p))
				continue;
			fit++;
			if (!best || p->key.start_ns > best->key.start_ns)
				best = p;
		}
	}
	if (fit > 1)
		log_notice("%zu are called '%s': this is the last born; all: proctrail tree --comm "
			   "'%s'",
			   fit, ask->word, ask->word);
	return best && best->state != PROC_REAPED ? best : NULL;
}

/* ---- following ------------------------------------------------------------------------------ */

static int add_link(struct why_live *live, const struct proc *p, enum ask_fate asked)
{
	struct stuck *s = &live->stuck[live->links];
	struct why *w = &live->why[live->links];
	struct stuck_file file = {.fd = -1};
	uint32_t holder = 0;
	int err;

	err = stuck_read(live->bounded, p->key.tgid, s);
	if (err)
		return err;
	live->links++;
	if (!s->hung)
		learn(live, p, s);
	why_begin(p, s, &live->tasks, asked, w);
	if (w->thread)
		stuck_file_read(live->bounded, s, w->thread, &file);
	if (w->thread && w->thread->call == STUCK_CALL_LOCK)
		holder = stuck_lock_holder(live->bounded, p->key.tgid);
	why_finish(w, session_table(live->session), &file, holder);
	return 0;
}

/* One thread of another process: whether it waits on the same mount */
static bool waits_there(struct why_live *live, const struct why_task *task, const struct why *w)
{
	struct stuck_file file = {.fd = -1};
	struct stuck s;

	if (stuck_read(live->bounded, task->key.tgid, &s))
		return false;
	for (size_t i = 0; i < s.cnt; i++)
		if (s.threads[i].tid == task->tid && s.threads[i].state == 'D')
			stuck_file_read(live->bounded, &s, &s.threads[i], &file);
	stuck_release(&s);
	return file.mount[0] && strcmp(file.mount, w->file.mount) == 0 &&
	       strcmp(file.device, w->file.device) == 0;
}

static void count_others(struct why_live *live, struct why *w)
{
	size_t looked = 0;

	if (!w->file.mount[0] || (w->verdict != WHY_IN_D && w->verdict != WHY_CANNOT_DIE))
		return;
	for (size_t i = 0; i < live->tasks.cnt && looked < OTHERS_MAX; i++) {
		const struct why_task *task = &live->tasks.v[i];

		if (!task->in_d || proc_key_equals(task->key, w->p->key))
			continue;
		looked++;
		if (!waits_there(live, task, w))
			continue;
		if (!w->others++)
			w->first_other = task->key;
	}
}

static bool is_in_chain(const struct why_live *live, const struct proc *p)
{
	for (size_t i = 0; i < live->links; i++)
		if (live->why[i].p == p)
			return true;
	return false;
}

int why_live_follow(struct why_live *live, const struct proc *p, enum ask_fate asked)
{
	int err;

	forget_links(live);
	do {
		err = add_link(live, p, asked);
		if (err)
			return err;
		p = live->why[live->links - 1].on;
		asked = ASK_NONE;
	} while (live->links < WHY_CHAIN && why_leads_on(&live->why[live->links - 1]) &&
		 !is_in_chain(live, p));
	count_others(live, &live->why[0]);
	return 0;
}

/* ---- everybody who is stuck ----------------------------------------------------------------- */

static bool is_long_stuck(const struct why_task *t, uint64_t longer_ns)
{
	if (t->killed || t->asked)
		return true;
	return t->in_d && t->still_ns != REC_STILL_NONE && t->still_ns >= longer_ns;
}

/* Who only seemed so is left out: a vfork parent in D, a SIGTERM that was just on its way. */
static bool is_told(const struct why *w, uint64_t longer_ns)
{
	switch (w->verdict) {
	case WHY_CANNOT_DIE:
	case WHY_DYING:
	case WHY_TERM_BLOCKED:
	case WHY_DUMPS_CORE: return true;
	case WHY_FROZEN: return w->killed || w->term_pending;
	case WHY_STOPPED:
	case WHY_TRACED: return w->term_pending;
	case WHY_IN_D: return w->still_ns != REC_STILL_NONE && w->still_ns >= longer_ns;
	case WHY_UNKNOWN: return w->stuck->hung;
	case WHY_RUNS:
	case WHY_WAITS:
	case WHY_WAITS_CHILD:
	case WHY_WAITS_PIPE:
	case WHY_WAITS_SOCKET:
	case WHY_WAITS_LOCK:
	case WHY_WAITS_FUTEX:
	case WHY_VFORK:
	case WHY_TERM_IGNORED:
	case WHY_TERM_HANDLED:
	case WHY_TERM_DROPPED:
	case WHY_ZOMBIE:
	case WHY_VERDICT_CNT: break;
	}
	return false;
}

static void put_one(struct why_live *live, struct buf *b)
{
	struct render *r = session_render(live->session);
	struct why_life life;
	struct why_view view = {.life = &life, .chain = {&live->why[0]}, .links = 1};
	struct buf line = {0};

	if (r->json) {
		why_life_of(session_table(live->session), live->why[0].p, &life);
		why_put_json(b, r, &view);
		return;
	}
	why_put_brief(&line, r, &live->why[0]);
	table_put_wrapped(b, &r->style, (struct span){buf_str(&line), line.len}, 0, 2);
	buf_release(&line);
}

int why_live_put_stuck(struct why_live *live, uint64_t longer_ns, struct buf *b)
{
	const struct proc_table *t = session_table(live->session);
	struct buf lines = {0}, age = {0};
	struct map seen = {0};
	size_t told = 0, left = 0;
	int err = live->tasks.err;

	for (size_t i = 0; i < live->tasks.cnt && !err; i++) {
		const struct why_task *task = &live->tasks.v[i];
		const struct proc *p = proc_table_find(t, task->key);

		if (!p || !is_long_stuck(task, longer_ns) ||
		    map_find(&seen, task->key.tgid, task->key.start_ns))
			continue;
		err = map_put(&seen, task->key.tgid, task->key.start_ns, live);
		if (err || told == STUCK_MAX) {
			left++;
			continue;
		}
		forget_links(live);
		err = add_link(live, p, ASK_NONE);
		if (!err && is_told(&live->why[0], longer_ns)) {
			put_one(live, &lines);
			told++;
		}
	}
	map_release(&seen);
	text_put_duration(&age, longer_ns);
	if (!session_render(live->session)->json) {
		buf_printf(b, "%zu stuck: told to die and alive, or in D for %s and longer\n", told,
			   buf_str(&age));
		buf_put_span(b, (struct span){lines.data, lines.len});
		if (left)
			buf_printf(b, "%zu more, not looked at\n", left);
	} else {
		buf_put_span(b, (struct span){lines.data, lines.len});
	}
	buf_release(&lines);
	buf_release(&age);
	return err;
}
