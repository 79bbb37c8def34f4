/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One task as it is now: a row of the iterator, or a process that joins the scope late. */
#ifndef PROCTRAIL_SEED_BPF_H
#define PROCTRAIL_SEED_BPF_H

#include "scope.bpf.h"

#define SIGCHLD 17

/*
 * A task that does not run keeps the stamps of its last run; against the stamp of the task that
 * asks they give how long it has stood still, a zombie's age among others. Both are clocks of a
 * CPU (rq_clock_task): where they disagree so much that the answer is negative there is none.
 */
static __always_inline __u64 still_since(__u64 mine, __u64 its)
{
	return its && mine >= its ? mine - its : REC_STILL_NONE;
}

static __always_inline void seed_signals(struct rec_seed *r, const struct subject *s)
{
	struct sighand_struct *hand = GET(s->leader, sighand);
	__u64 handler;

	r->sig_blocked = GET(s->leader, blocked.sig[0]);
	r->sig_pending = GET(s->sig, shared_pending.signal.sig[0]);
	if (!hand) /* released already */
		return;
	r->sa_flags = GET(hand, action[SIGCHLD - 1].sa.sa_flags);
	handler = (__u64)GET(hand, action[SIGCHLD - 1].sa.sa_handler);
	if (handler == 1)
		r->sig_ignored = 1ULL << (SIGCHLD - 1);
	else if (handler)
		r->sig_caught = 1ULL << (SIGCHLD - 1);
}

static __always_inline void seed_memory(struct rec_seed *r, struct mm_struct *mm)
{
	__u64 pages = mm_rss_pages(mm), high = GET(mm, hiwater_rss);

	r->rss_kb = pages << (cfg_page_shift - 10);
	r->pgtables_bytes = GET(mm, pgtables_bytes.counter);
	high = (high > pages ? high : pages) << (cfg_page_shift - 10);
	if (high > r->usage.maxrss_kb)
		r->usage.maxrss_kb = high;
}

static __always_inline void seed_fill(struct rec_seed *r, const struct subject *s, __u32 flags)
{
	struct task_struct *t = s->task, *me = current_task();
	struct mm_struct *mm = GET(t, mm);

	hdr_about(&r->h, s);
	r->h.flags |= flags;
	place_of(&r->h, &r->place, s);
	cred_of(&r->cred, s);
	if (s->leader == t)
		usage_of_released(&r->usage, s->sig);
	usage_add(&r->usage, t);
	if (s->parent && GET(s->leader, parent_exec_id) != GET(s->parent, self_exec_id))
		r->h.flags |= REC_F_OTHER_IMAGE;
	if (r->h.flags & REC_F_TRACED)
		proc_of(&r->tracer, GET(s->leader, parent));
	r->still_exec_ns = still_since(GET(me, se.exec_start), GET(t, se.exec_start));
	r->still_arrival_ns =
		still_since(GET(me, sched_info.last_arrival), GET(t, sched_info.last_arrival));
	r->child_minflt = GET(s->sig, cmin_flt);
	r->child_cpu_ns = GET(s->sig, cutime) + GET(s->sig, cstime);
	seed_signals(r, s);
	if (mm)
		seed_memory(r, mm);
	r->task_start_ns = GET(t, start_boottime);
	r->pass = iter_pass;
	r->threads = GET(s->sig, nr_threads);
	r->exit_signal = GET(s->leader, exit_signal);
	r->state = task_state(t) | (task_is_frozen(t) ? REC_STATE_FROZEN : 0);
	r->exit_state = GET(t, exit_state);
	r->pgid = pid_of_type(s->sig, PIDTYPE_PGID);
	r->oom_adj = GET(s->sig, oom_score_adj);
	comm_of(r->comm, t);
	if (r->h.flags & REC_F_NSINIT)
		hostname_of(r->hostname, t);
}

/* True when there was room for it. */
static __always_inline bool seed_emit(const struct subject *s, __u32 flags)
{
	struct rec_seed *r = rec_reserve(REC_SEED, sizeof(*r));

	if (!r)
		return false;
	seed_fill(r, s, flags);
	rec_submit(r);
	return true;
}

/*
 * Exec and cgroup move: a process that matches now joins, and says so before anything else of
 * it.
 */
static __always_inline bool scope_join_late(const struct subject *s, bool matches)
{
	if (scope_has(s->sig))
		return true;
	if (!matches || !scope_add(s->sig))
		return false;
	seed_emit(s, REC_F_JOINED);
	return true;
}

#endif
