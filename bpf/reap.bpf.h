/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reap itself, shared by the hooks that reach it: fentry where the kernel has it, else a
 * kprobe.
 */
#ifndef PROCTRAIL_REAP_BPF_H
#define PROCTRAIL_REAP_BPF_H

#include "scope.bpf.h"

/*
 * release_task(), not wait4(): with SIGCHLD ignored nobody waits and the zombie never exists,
 * yet the task still passes here. Every thread does: leaders only; a leader that was replaced by
 * its exec'ing thread is none any more.
 */
static __always_inline void reap_emit(struct task_struct *t)
{
	struct subject s = subject_of(t);
	struct rec_reap r = {};

	if (s.leader != t || !scope_has(s.sig))
		return;
	hdr_about(&r.h, &s);
	usage_of_released(&r.usage, s.sig);
	usage_add(&r.usage, t);
	proc_of(&r.reaper, current_task());
	rec_put(REC_REAP, &r);
}

#endif
