/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When the fork call that goes on in a thread has begun. A birth is stamped late in copy_process(),
 * after the page tables were copied, which is what a fork of a large heap costs.
 */
#ifndef PROCTRAIL_FORK_BPF_H
#define PROCTRAIL_FORK_BPF_H

#include "record.bpf.h"

/* The thread is written last: who reads meanwhile finds a stranger's slot. */
static __always_inline void fork_begins(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct forker *f = forker_slot((__u32)thread);

	if (!f)
		return;
	f->thread = 0;
	barrier();
	f->enter_ns = bpf_ktime_get_boot_ns();
	barrier();
	f->thread = thread;
}

/*
 * How long ago the call of this thread began; 0: not known. A call is taken once: a birth without a call,
 * of an io_uring worker, must not find the one before.
 */
static __always_inline __u64 fork_taken_ns(__u32 tgid, __u32 tid)
{
	struct forker *f = forker_slot(tid);
	__u64 ns;

	if (!f || f->thread != ((__u64)tgid << 32 | tid))
		return 0;
	ns = bpf_ktime_get_boot_ns() - f->enter_ns;
	f->thread = 0;
	return ns;
}

#endif
