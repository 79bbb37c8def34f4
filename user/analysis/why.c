// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/why.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BIT_OF(sig) (1ULL << ((sig)-1))

const char *why_verdict_name(enum why_verdict v)
{
	static const char *const names[WHY_VERDICT_CNT] = {
		"unknown",      "runs",         "waits",        "waits_child",  "waits_pipe",
		"waits_socket", "waits_lock",   "waits_futex",  "stopped",      "traced",
		"frozen",       "vfork",        "in_d",         "cannot_die",   "dying",
		"dumps_core",   "term_blocked", "term_ignored", "term_handled", "term_dropped",
		"zombie",
	};

	return names[v];
}

/* ---- threads -------------------------------------------------------------------------------- */

const char *why_place(const struct stuck_thread *t)
{
	if (t->state == 'R')
		return "running";
	if (t->state == 'Z' || t->state == 'X')
		return "dead";
	if (t->call_name)
		return t->call_name;
	return t->wchan[0] ? t->wchan : "?";
}

static bool is_in(const struct stuck_thread *t, const char *function)
{
	if (strcmp(t->wchan, function) == 0)
		return true;
	for (size_t i = 0; i < STUCK_FRAMES && t->stack[i][0]; i++)
		if (strcmp(t->stack[i], function) == 0)
			return true;
	return false;
}

/* v1 leaves its tasks in D, v2 in S (kernel/freezer.c, kernel/signal.c) */
static bool is_frozen(const struct stuck_thread *t)
{
	return is_in(t, "__refrigerator") || is_in(t, "do_freezer_trap");
}

/*
 * wait_for_vfork_done() is inlined, and what it waits with is left out of wchan: what is left is
 * kernel_clone(), which waits for nothing else.
 */
static bool is_in_vfork(const struct stuck_thread *t)
{
	return t->state == 'D' && (is_in(t, "kernel_clone") || is_in(t, "wait_for_vfork_done") ||
				   is_in(t, "_do_fork"));
}

static bool is_stuck(const struct stuck_thread *t)
{
	return t->state == 'D' && !is_frozen(t) && !is_in_vfork(t);
}

static const struct stuck_thread *find_thread(const struct stuck *s,
					      bool (*is)(const struct stuck_thread *))
{
	for (size_t i = 0; i < s->cnt; i++)
		if (is(&s->threads[i]))
			return &s->threads[i];
	return NULL;
}

/* The leader; where it is gone, or knows nothing, another. */
static const struct stuck_thread *main_thread(const struct stuck *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (s->threads[i].tid == s->pid && s->threads[i].state != 'Z')
			return &s->threads[i];
	for (size_t i = 0; i < s->cnt; i++)
		if (s->threads[i].state != 'Z' && s->threads[i].state != 'X')
			return &s->threads[i];
	return NULL;
}

/* The longest in D: the others often wait for it. */
static const struct stuck_thread *longest_stuck(const struct stuck *s,
						const struct why_tasks *tasks)
{
	const struct stuck_thread *best = NULL;
	uint64_t best_ns = 0;

	for (size_t i = 0; i < s->cnt; i++) {
		const struct stuck_thread *t = &s->threads[i];
		uint64_t ns = why_tasks_still_ns(tasks, t->tid);

		if (!is_stuck(t))
			continue;
		ns = ns == REC_STILL_NONE ? 0 : ns;
		if (!best || ns > best_ns) {
			best = t;
			best_ns = ns;
		}
	}
	return best;
}

/* 0 first; what tells most */
static int rank_of(const struct stuck_thread *t)
{
	static const char order[] = "DtTRSIZX";
	const char *at = t->state ? strchr(order, t->state) : NULL;

	return at ? (int)(at - order) : (int)sizeof(order);
}

static int by_rank(const void *a, const void *b)
{
	const struct why_group *x = a, *y = b;
	int by = rank_of(x->first) - rank_of(y->first);

	return by ? by : x->cnt == y->cnt ? 0 : x->cnt < y->cnt ? 1 : -1;
}

static void group_threads(struct why *w)
{
	for (size_t i = 0; i < w->stuck->cnt; i++) {
		const struct stuck_thread *t = &w->stuck->threads[i];
		size_t g = 0;

		while (g < w->groups && (w->group[g].first->state != t->state ||
					 strcmp(why_place(w->group[g].first), why_place(t)) != 0))
			g++;
		if (g == WHY_GROUPS) {
			w->ungrouped++;
			continue;
		}
		if (g == w->groups)
			w->group[w->groups++].first = t;
		w->group[g].cnt++;
	}
	qsort(w->group, w->groups, sizeof(w->group[0]), by_rank);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void look_at_signals(struct why *w)
{
	const struct stuck *s = w->stuck;
	uint64_t pending = s->pending, blocked = ~0ULL;

	for (size_t i = 0; i < s->cnt; i++) {
		if (s->threads[i].state == 'Z' || s->threads[i].state == 'X')
			continue;
		pending |= s->threads[i].pending;
		blocked &= s->threads[i].blocked;
	}
	w->killed = pending & BIT_OF(SIGKILL);
	w->term_pending = pending & BIT_OF(SIGTERM);
	w->term_blocked = s->cnt && blocked & BIT_OF(SIGTERM);
	w->term_ignored = s->ignored & BIT_OF(SIGTERM);
	w->term_caught = s->caught & BIT_OF(SIGTERM);
	w->is_init = s->ns_pid == 1;
}

/* ---- the conclusion ------------------------------------------------------------------------- */

static enum why_verdict decide(struct why *w, enum why_verdict v, const struct stuck_thread *t)
{
	w->thread = t;
	return v;
}

/* Why it does not do as it was told; unknown: nobody told it anything. */
static enum why_verdict judge_asked(struct why *w)
{
	if (w->term_pending && w->term_blocked)
		return decide(w, WHY_TERM_BLOCKED, main_thread(w->stuck));
	switch (w->asked) {
	case ASK_IGNORED: return decide(w, WHY_TERM_IGNORED, main_thread(w->stuck));
	case ASK_BLOCKED:
		return w->term_pending ? decide(w, WHY_TERM_BLOCKED, main_thread(w->stuck)) :
					 WHY_UNKNOWN;
	case ASK_DROPPED: return decide(w, WHY_TERM_DROPPED, main_thread(w->stuck));
	case ASK_HANDLED:
	case ASK_PENDING: return decide(w, WHY_TERM_HANDLED, main_thread(w->stuck));
	case ASK_NONE:
	case ASK_UNKNOWN:
	case ASK_FATE_CNT: break;
	}
	return WHY_UNKNOWN;
}

static enum why_verdict judge_state(struct why *w, const struct why_tasks *tasks)
{
	const struct stuck *s = w->stuck;
	const struct stuck_thread *stuck = longest_stuck(s, tasks), *t;

	if (w->p->state == PROC_ZOMBIE)
		return WHY_ZOMBIE;
	if (s->dumping)
		return decide(w, WHY_DUMPS_CORE, stuck ? stuck : main_thread(s));
	t = find_thread(s, is_frozen);
	if (t || proc_is_frozen(w->p))
		return decide(w, WHY_FROZEN, t ? t : main_thread(s));
	if (stuck)
		return decide(w, w->killed ? WHY_CANNOT_DIE : WHY_IN_D, stuck);
	t = find_thread(s, is_in_vfork);
	if (t)
		return decide(w, WHY_VFORK, t);
	t = main_thread(s);
	if (w->killed)
		return decide(w, WHY_DYING, t);
	if (t && t->state == 't')
		return decide(w, WHY_TRACED, t);
	if (t && t->state == 'T')
		return decide(w, WHY_STOPPED, t);
	return WHY_UNKNOWN;
}

static enum why_verdict judge_call(struct why *w)
{
	const struct stuck_thread *t = main_thread(w->stuck);

	if (!t)
		return WHY_UNKNOWN;
	w->thread = t;
	if (t->state == 'R')
		return WHY_RUNS;
	switch (t->call) {
	case STUCK_CALL_WAIT: return WHY_WAITS_CHILD;
	case STUCK_CALL_FUTEX: return WHY_WAITS_FUTEX;
	case STUCK_CALL_NONE:
	case STUCK_CALL_OTHER:
	case STUCK_CALL_FILE:
	case STUCK_CALL_PATH:
	case STUCK_CALL_POLL:
	case STUCK_CALL_SLEEP:
	case STUCK_CALL_SIGNAL:
	case STUCK_CALL_LOCK:
	case STUCK_CALL_FORK: break;
	}
	return WHY_WAITS;
}

static void count_children(struct why *w)
{
	for (const struct proc *c = w->p->children; c; c = c->next) {
		w->zombies += c->state == PROC_ZOMBIE;
		w->children += proc_is_alive(c);
	}
}

void why_begin(const struct proc *p, const struct stuck *stuck, const struct why_tasks *tasks,
	       enum ask_fate asked, struct why *ret)
{
	struct why w = {.p = p, .stuck = stuck, .still_ns = REC_STILL_NONE, .asked = asked};

	w.file.fd = -1;
	group_threads(&w);
	look_at_signals(&w);
	count_children(&w);
	w.verdict = judge_state(&w, tasks);
	if (w.verdict == WHY_UNKNOWN)
		w.verdict = judge_asked(&w);
	if (w.verdict == WHY_UNKNOWN)
		w.verdict = judge_call(&w);
	if (w.thread)
		w.still_ns = why_tasks_still_ns(tasks, w.thread->tid);
	if (w.still_ns == REC_STILL_NONE && w.thread && w.thread->tid == p->key.tgid &&
	    p->flags & PROC_SEEDED && p->stood_still_ns)
		w.still_ns = p->stood_still_ns;
	*ret = w;
}

/* ---- whom it waits for ---------------------------------------------------------------------- */

/* As it numbers them: those of an inner pid namespace by their own numbers there. */
static const struct proc *child_called(const struct proc *p, uint32_t pid)
{
	for (const struct proc *c = p->children; c; c = c->next)
		if (c->key.tgid == pid || (p->ns_level && c->ns_tgid == pid))
			return c;
	return NULL;
}

/* The last that this thread bore: the real parent of a child is the thread that made it. */
static const struct proc *vfork_child(const struct proc *p, uint32_t tid)
{
	const struct proc *last = NULL;

	for (const struct proc *c = p->children; c; c = c->next)
		if (proc_is_alive(c) && (c->parent_tid == tid || p->threads == 1) &&
		    (!last || c->key.start_ns > last->key.start_ns))
			last = c;
	return last;
}

static const struct proc *only_child(const struct proc *p)
{
	const struct proc *only = NULL;

	for (const struct proc *c = p->children; c; c = c->next) {
		if (!proc_is_alive(c))
			continue;
		if (only)
			return NULL;
		only = c;
	}
	return only;
}

static void point_at(struct why *w, const struct proc_table *t, uint32_t pid)
{
	w->on_pid = pid;
	w->on = pid ? proc_table_find_pid(t, pid) : NULL;
}

static void look_at_file(struct why *w, const struct proc_table *t, uint32_t holder)
{
	if (w->thread->call == STUCK_CALL_LOCK) {
		w->verdict = WHY_WAITS_LOCK;
		point_at(w, t, holder);
	} else if (strncmp(w->file.path, "pipe:", 5) == 0) {
		w->verdict = WHY_WAITS_PIPE;
		point_at(w, t, w->file.peer);
	} else if (strncmp(w->file.path, "socket:", 7) == 0) {
		w->verdict = WHY_WAITS_SOCKET;
	}
}

void why_finish(struct why *w, const struct proc_table *t, const struct stuck_file *file,
		uint32_t holder)
{
	const struct proc *p = w->p;

	w->file = *file;
	if (w->verdict == WHY_WAITS && file->fd >= 0)
		look_at_file(w, t, holder);
	if (w->verdict == WHY_VFORK)
		w->on = vfork_child(p, w->thread->tid);
	else if (w->verdict == WHY_WAITS_CHILD)
		w->on = w->thread->wait_pid ? child_called(p, w->thread->wait_pid) : only_child(p);
	else if (w->verdict == WHY_TRACED)
		point_at(w, t, w->stuck->tracer);
	else if (w->verdict == WHY_ZOMBIE)
		w->on = p->parent;
	if (w->on)
		w->on_pid = w->on->key.tgid;
}

bool why_leads_on(const struct why *w)
{
	return w->on && (w->verdict == WHY_VFORK || w->verdict == WHY_WAITS_CHILD ||
			 w->verdict == WHY_WAITS_LOCK || w->verdict == WHY_WAITS_PIPE);
}
