/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two ends of a wait call share: what it was asked, and when it began. */
#ifndef PROCTRAIL_WAIT_BPF_H
#define PROCTRAIL_WAIT_BPF_H

#include "scope.bpf.h"

#define WNOHANG    0x00000001
#define WSTOPPED   0x00000002 /* WUNTRACED */
#define WEXITED    0x00000004
#define WCONTINUED 0x00000008
#define WNOWAIT    0x01000000

#define P_ALL   0
#define P_PID   1
#define P_PGID  2
#define P_PIDFD 3

/* A task is a number here: one pointer added to another is refused. */
static __always_inline __u64 wait_call_sum(const struct wait_call *c, __u64 me)
{
	return me ^ c->begin_ns ^ c->pid;
}

/* Of the current task. 'pid': waited for, 0: not for one alone */
static __always_inline void wait_call_begin(__u32 pid)
{
	__u64 me = bpf_get_current_pid_tgid();
	struct wait_call *c = wait_call_slot((__u32)me);
	struct wait_call call = {.begin_ns = bpf_ktime_get_boot_ns(), .pid = pid};

	if (!c)
		return;
	c->begin_ns = call.begin_ns;
	c->pid = call.pid;
	c->sum = wait_call_sum(&call, me);
}

/* False when another thread on this slot has begun a call meanwhile. */
static __always_inline bool wait_call_find(struct wait_call *ret)
{
	__u64 me = bpf_get_current_pid_tgid();
	const struct wait_call *c = wait_call_slot((__u32)me);

	if (!c)
		return false;
	*ret = *c;
	barrier(); /* what is compared is what is returned */
	return ret->sum == wait_call_sum(ret, me);
}

#endif
