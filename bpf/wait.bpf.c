/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A wait call begins: what a parent waits for. Kind and options are from the caller's registers;
 * the tracepoint's pid is NULL for "any" as well as for a pid that does not exist, and the group
 * leader's for a process group. It may be NULL: 'if (pid) BPF_CORE_READ(pid, ...)' is the only
 * safe read.
 */
#include "wait.bpf.h"
#include <bpf/bpf_tracing.h>

#define __WALL   0x40000000
#define __WCLONE 0x80000000

#define WAIT_EVERY_NS 10000000ULL /* a process that polls ships one in 10 ms */

struct asked {
	__u32 pid;
	__u8 kind;
	__u8 options;
	__u8 known;
};

static __always_inline void options_of(struct asked *a, __u32 options, bool waitid)
{
	if (options & WNOHANG)
		a->options |= REC_WAIT_NOHANG;
	if (options & WNOWAIT)
		a->options |= REC_WAIT_NOWAIT;
	if (options & __WALL)
		a->options |= REC_WAIT_ALL;
	if (options & __WCLONE)
		a->options |= REC_WAIT_CLONE;
	if (waitid && !(options & WEXITED))
		a->options |= REC_WAIT_NOEXIT;
	a->known = 1;
}

static __always_inline void asked_by(struct asked *a, const struct call *c)
{
	__s32 upid = c->arg[0], which = c->arg[0];

	if (!c->compat && c->nr == NR_WAIT4) {
		a->kind = upid == -1 ? REC_WAIT_ANY : upid > 0 ? REC_WAIT_PID : REC_WAIT_PGID;
		options_of(a, c->arg[2], false);
	} else if (!c->compat && c->nr == NR_WAITID) {
		a->kind = which == P_ALL  ? REC_WAIT_ANY :
			  which == P_PGID ? REC_WAIT_PGID :
					    REC_WAIT_PID;
		options_of(a, c->arg[3], true);
	} else { /* io_uring, a 32-bit caller */
		a->kind = a->pid ? REC_WAIT_PID : REC_WAIT_UNKNOWN;
	}
	if (a->kind != REC_WAIT_PID)
		a->pid = 0;
}

/*
 * Like the last one shipped, soon after it, and no child died in between? The clock is dear, a tick
 * is not: it is asked once a tick.
 */
static __always_inline bool wait_repeats(struct waiter *w, const struct asked *a)
{
	__u64 tick;

	if (w->child_died || w->pid != a->pid || w->kind != a->kind || w->options != a->options)
		return false;
	tick = bpf_jiffies64();
	if (tick == w->tick)
		return true;
	w->tick = tick;
	return bpf_ktime_get_boot_ns() - w->shipped_ns < WAIT_EVERY_NS;
}

/* The owner is taken away first and written last: who looks meanwhile finds a stranger's slot. */
static __always_inline void waiter_set(struct waiter *w, const struct asked *a, __u64 owner,
				       __u64 start, __u64 now)
{
	w->signal = 0;
	barrier();
	w->start_ns = start;
	w->shipped_ns = now;
	w->pid = a->pid;
	w->repeat = 0;
	w->kind = a->kind;
	w->options = a->options;
	w->child_died = 0;
	barrier();
	w->signal = owner;
}

SEC("tp_btf/sched_process_wait")
int BPF_PROG(on_wait, struct pid *pid)
{
	struct task_struct *me = current_task();
	struct rec_wait r = {};
	struct asked a = {};
	struct waiter *w;
	struct subject s;
	struct call call;
	__u32 tgid = GET(me, tgid);
	__u64 start, now;
	bool known;

	if (tgid == cfg_self_tgid)
		return 0;
	s = subject_of(me);
	if (!scope_has(s.sig))
		return 0;
	if (pid)
		a.pid = BPF_CORE_READ(pid, numbers[0].nr);
	call_read(&call, me, cfg_page_shift);
	asked_by(&a, &call);
	if (cfg_waits_end)
		wait_call_begin(a.pid);

	start = GET(s.leader, start_boottime);
	w = waiter_slot(tgid);
	if (!w)
		return 0;
	known = w->signal == (__u64)s.sig && w->start_ns == start;
	if (known && wait_repeats(w, &a)) {
		__sync_fetch_and_add(&w->repeat, 1); /* several threads may wait */
		return 0;
	}
	hdr_about(&r.h, &s);
	r.pid = a.pid;
	r.repeat = known ? w->repeat : 0;
	r.kind = a.kind;
	r.options = a.options;
	r.known = a.known;
	now = rec_put(REC_WAIT, &r);
	if (now)
		waiter_set(w, &a, (__u64)s.sig, start, now);
	return 0;
}
