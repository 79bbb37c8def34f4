// SPDX-License-Identifier: GPL-2.0-only
/* From the evidence to the verdict, and where there is none to what would decide. */
#include "analysis/zombies_judge.h"

#include <string.h>

#define SIGCHLD 17
#define SLOW_NS (100 * NS_PER_MS) /* half of its children wait longer */
#define LEFT_NS (60 * NS_PER_SEC) /* no init reaps by a timer as slow as that */

bool zombies_is_init(const struct proc *p)
{
	return p->flags & PROC_NSINIT || p->key.tgid == 1;
}

struct wait_evidence zombies_waits_of(const struct proc_table *t, const struct proc *p)
{
	const struct proc_waits *seen = p->evidence ? &p->evidence->waits : NULL;
	struct wait_evidence w = {0};
	struct waits *now = &w.now;

	if (seen) {
		w.unknown = seen->cnt[REC_WAIT_UNKNOWN];
		w.any = seen->cnt[REC_WAIT_ANY];
		w.pid = seen->cnt[REC_WAIT_PID];
		w.pgid = seen->cnt[REC_WAIT_PGID];
		w.total = w.unknown + w.any + w.pid + w.pgid;
		w.last_ns = seen->last_ns;
		w.last_pid = seen->last_kind == REC_WAIT_PID ? seen->last_pid : 0;
	}
	/* no thread sits in a call since before an exec that we have seen, whatever was told then */
	w.asked = p->exec_ns != 0;
	if (!w.asked && waits_fact_get(t, p->key, now) == 0) {
		w.in_any = now->any > now->any_limited || now->pgid;
		w.in_pid = now->pid;
		w.unnamed = now->pidfd || now->pids_more;
		w.asked = waits_complete(now) || w.in_any || w.in_pid;
	}
	return w;
}

/* Whether this image is known to have reaped: of an earlier one of the process it proves nothing. */
static bool image_reaped(const struct proc *p)
{
	const struct proc_evidence *e = p->evidence;

	if (!e || !e->reaped)
		return false;
	return p->exec_ns ? e->last_reap_ns >= p->exec_ns : !(p->flags & PROC_EXECED);
}

bool zombies_has_reaped(const struct proc *p)
{
	const struct proc_evidence *e = p->evidence;

	if (p->exec_ns)
		return image_reaped(p);
	return e && (e->reaped || e->child_minflt || e->child_cpu_ns);
}

static bool waits_for_any(const struct wait_evidence *w)
{
	return w->any || w->pgid || w->unknown || w->in_any;
}

/*
 * Everybody who reads from a disk is in D now and then: one who has stood still there is stuck, unless
 * it was seen to do something since the pass that found it so.
 */
static bool is_stuck(const struct proc *p)
{
	const struct proc_evidence *e = p->evidence;

	if (e && e->waits.last_ns > e->snapshot_ns)
		return false;
	return proc_is_alive(p) && proc_state_char(p) == 'D' &&
	       p->stood_still_ns != REC_STILL_NONE && p->stood_still_ns >= YOUNG_NS;
}

/* Half of its reaped children waited for so long. */
static enum verdict by_lifetime(const struct proc_evidence *e)
{
	if (!e || !e->zombie_ns.cnt)
		return VERDICT_HEALTHY;
	return hist_percentile(&e->zombie_ns, 500) >= SLOW_NS ? VERDICT_SLOW : VERDICT_HEALTHY;
}

static enum verdict unknown(struct zombie_parent *f, const char *decides)
{
	f->decides = decides;
	return VERDICT_UNKNOWN;
}

/*
 * So many wait calls for any child were made since the oldest died that all are reaped, perhaps: where
 * release_task() has no hook the kernel tells of the end of a task seconds late when it is busy.
 */
static bool may_be_reaped(const struct proc_table *t, const struct zombie_parent *f)
{
	uint64_t now_ns = proc_table_host(t)->now_ns;

	return f->awaited == f->zombies ||
	       proc_any_waits_since(f->seen, now_ns - f->oldest_ns) >= f->zombies;
}

/* Whatever it does about them, it may be on its way. */
static enum verdict judge_young(const struct proc_table *t, struct zombie_parent *f,
				const struct proc_evidence *e)
{
	if (!image_reaped(f->seen))
		return unknown(f, "they died just now: watch longer (--duration 10s)");
	return f->oldest_ns < YOUNG_NS || may_be_reaped(t, f) ? by_lifetime(e) : VERDICT_SLOW;
}

static bool is_waited_for(const struct proc *child, const struct wait_evidence *w)
{
	if (w->last_pid && child->key.tgid == w->last_pid)
		return true;
	for (uint32_t i = 0; i < w->now.pid_cnt; i++)
		if (child->ns_tgid == w->now.pids[i])
			return true;
	return false;
}

/*
 * 'for p in jobs: p.wait()': the child that it waits for is older than all of its zombies, whose turn
 * comes when that one has ended.
 */
static bool waits_in_order(const struct proc *p, const struct wait_evidence *w)
{
	uint64_t zombie_ns = UINT64_MAX, waited_ns = UINT64_MAX;

	for (const struct proc *c = p->children; c; c = c->next) {
		if (proc_is_alive(c) && (w->unnamed || is_waited_for(c, w)) &&
		    c->key.start_ns < waited_ns)
			waited_ns = c->key.start_ns;
		if (c->state == PROC_ZOMBIE && c->key.start_ns < zombie_ns)
			zombie_ns = c->key.start_ns;
	}
	return waited_ns < zombie_ns;
}

/*
 * A queue: each new child is waited for when so many others have come after it. What it waited for last
 * is gone, or goes, and was older than all that are left; it has done so since they died.
 */
static bool reaps_in_order(const struct proc_table *t, const struct zombie_parent *f,
			   const struct proc_evidence *e, const struct wait_evidence *w)
{
	const struct proc *last = w->last_pid ? proc_table_find_pid(t, w->last_pid) : NULL;

	if (!last || !e || e->last_reap_ns + f->oldest_ns < proc_table_host(t)->now_ns)
		return false;
	if (proc_is_alive(last) ||
	    (last->parent != f->proc && !proc_key_equals(last->birth_parent, f->proc->key)))
		return false;
	for (const struct proc *c = f->proc->children; c; c = c->next) {
		if (c->state == PROC_ZOMBIE && c->key.start_ns < last->key.start_ns)
			return false;
	}
	return true;
}

/*
 * It was given orphans as an init, as far as is known of them: their turn never comes in a wait for its
 * own. Whose those were that had died before us, nothing tells for sure.
 */
static bool is_given_orphans(const struct zombie_parent *f)
{
	return (f->adopted + f->birth_unseen) * 2 > f->zombies && zombies_is_init(f->proc);
}

/* More than half are known to be: another process bore them, or another image of a pid 1. */
static bool holds_orphans(const struct zombie_parent *f)
{
	return f->adopted * 2 > f->zombies && zombies_is_init(f->proc);
}

/* It waits, or has reaped: why not these? */
static enum verdict judge_waiter(const struct proc_table *t, struct zombie_parent *f,
				 const struct proc_evidence *e, const struct wait_evidence *w)
{
	bool any = waits_for_any(w);
	bool reaped = image_reaped(f->seen);

	if (f->awaited)
		return judge_young(t, f, e);
	/*
	 * A handler that loops has merged signals, too, and no zombies: of that a kernel without a
	 * hook in release_task() tells with the free, which it can miss.
	 */
	if (e && e->merged && e->disposition == REC_SIG_HANDLER && reaped &&
	    e->last_reap_ns + f->oldest_ns >= proc_table_host(t)->now_ns &&
	    f->looked_at * 2 > f->zombies) {
		if (f->zombies <= e->merged)
			return VERDICT_MERGED_SIGCHLD;
		if (f->from != FROM_BIRTH)
			return unknown(f, "whether their number grows by the signals that were "
					  "merged: watch longer (--duration 10m)");
	}
	if (!any && (w->pid || w->in_pid)) {
		if (holds_orphans(f))
			return VERDICT_INIT_DOES_NOT_REAP;
		if (waits_in_order(f->proc, w))
			return unknown(f, "whether it waits for them in their turn, when the one "
					  "that it waits for has ended");
		if (f->in_turn)
			return VERDICT_SLOW;
		return is_given_orphans(f) ? VERDICT_INIT_DOES_NOT_REAP : VERDICT_WAITS_FOR_OTHERS;
	}
	if (reaped)
		return VERDICT_SLOW;
	return unknown(f, "whether it reaps them later: watch longer (--duration 1m)");
}

/* The kernel has counted reaps of which no record tells. */
static bool reaps_unseen(const struct proc_evidence *e)
{
	return e && !e->reaped && (e->child_minflt || e->child_cpu_ns);
}

/*
 * It has reaped before, and does nothing now. Who reaps by a timer would look the same: of an init's
 * orphans their own age says how long none of them was reaped.
 */
static enum verdict judge_resting(struct zombie_parent *f, const struct wait_evidence *w)
{
	if (!holds_orphans(f))
		return unknown(f, "it has reaped before: watch longer (--duration 10m)");
	if (!w->asked)
		return unknown(f, "whether a thread of it waits for others: needs root");
	if (f->watched_ns < WATCHED_NS)
		return unknown(f, "whether it makes wait calls: watch it (--duration 5s)");
	if (f->oldest_ns < f->oldest_err_ns + LEFT_NS)
		return unknown(f, "whether it reaps orphans by a timer: look again when one has "
				  "been dead for a minute");
	return VERDICT_INIT_DOES_NOT_REAP;
}

/* No wait call was seen, no reap either. */
static enum verdict judge_idle(struct zombie_parent *f, const struct proc_evidence *e,
			       const struct wait_evidence *w)
{
	enum verdict idle = is_given_orphans(f) ? VERDICT_INIT_DOES_NOT_REAP : VERDICT_NEVER_WAITS;

	/* while a handler runs the signal is blocked, too: one who has reaped may be in it */
	if (e && e->disposition == REC_SIG_HANDLER && e->blocked && (e->pending || e->merged) &&
	    !f->image_reaped)
		return VERDICT_SIGCHLD_BLOCKED;
	if (f->before_exec == f->zombies && !is_given_orphans(f))
		return VERDICT_INHERITED_OVER_EXEC;
	if (f->from == FROM_BIRTH && !reaps_unseen(e))
		return idle;
	if (f->reaped_known && (f->image_reaped || reaps_unseen(e)))
		return judge_resting(f, w);
	if (!w->asked)
		return unknown(f, "whether a thread of it waits for others: needs root");
	if (f->watched_ns < WATCHED_NS)
		return unknown(f, "whether it makes wait calls: watch it (--duration 5s)");
	return idle;
}

enum verdict zombies_judge(const struct proc_table *t, struct zombie_parent *f)
{
	const struct proc *p = f->proc;
	const struct proc_evidence *e = f->seen->evidence;
	struct wait_evidence w = zombies_waits_of(t, f->seen);

	f->sits = w.now;
	f->sits_known = w.asked && !f->seen->exec_ns;
	if (!f->zombies)
		return f->leader_dead ? VERDICT_LEADER_DEAD : by_lifetime(e);
	f->in_turn = image_reaped(f->seen) && !waits_for_any(&w) && reaps_in_order(t, f, e, &w);
	if (f->traced * 2 > f->zombies)
		return VERDICT_TRACED;
	if (p->flags & PROC_STOPPED || proc_is_frozen(p))
		return VERDICT_PARENT_STOPPED;
	if (!f->age_known)
		return unknown(f,
			       "how long they have been dead, and what it waits for: needs root");
	if (is_stuck(p) && f->oldest_ns >= YOUNG_NS)
		return VERDICT_PARENT_STUCK;
	if (f->oldest_ns < PATIENCE_NS)
		return judge_young(t, f, e);
	if (proc_table_uncertain_since(t) && f->looked_at * 2 <= f->zombies)
		return unknown(f, "whether they are still there: records were lost, look again");
	if (f->walled * 2 > f->zombies && !(e && e->waits.all_cnt) &&
	    (f->from == FROM_BIRTH || w.total || w.in_any || !f->image_reaped))
		return VERDICT_NEEDS_WALL;
	if (w.total || w.in_any || w.in_pid || image_reaped(f->seen)) {
		if (f->before_exec == f->zombies && !is_given_orphans(f) && !waits_for_any(&w))
			return VERDICT_INHERITED_OVER_EXEC;
		return judge_waiter(t, f, e, &w);
	}
	return judge_idle(f, e, &w);
}
