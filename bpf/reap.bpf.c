/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Optional hooks on kernel functions: who is reaped by whom, and deaths that send no signal. */
#include "zombie.bpf.h"
#include "reap.bpf.h"
#include <bpf/bpf_tracing.h>

#define NO_RESULT 0xffffffff

SEC("fentry/release_task")
int BPF_PROG(on_release_fentry, struct task_struct *t)
{
	reap_emit(t);
	return 0;
}

/*
 * signal_generate tells of every death but those whose parent is sent nothing: it ignores
 * SIGCHLD, or the child was cloned with exit_signal 0 (which becomes SIGCHLD when the parent has
 * called exec).
 */
static __always_inline bool notified_silently(struct task_struct *t, struct task_struct *parent,
					      struct sighand_struct *hand, int sig)
{
	if (sig != SIGCHLD && GET(t, parent_exec_id) != GET(parent, self_exec_id))
		sig = SIGCHLD;
	if (sig == SIGCHLD && !GET(t, ptrace))
		return (__u64)GET(hand, action[SIGCHLD - 1].sa.sa_handler) == 1;
	return sig == 0;
}

/* One record a death: here only what the signal did not say. That it did is known too when the
 * kernel reaps for another reason than SA_NOCLDWAIT (CLONE_AUTOREAP, 7.1). */
SEC("fexit/do_notify_parent")
int BPF_PROG(on_notify_fexit, struct task_struct *t, int sig, bool autoreap)
{
	struct task_struct *parent = GET(t, parent);
	struct sighand_struct *hand = GET(parent, sighand);
	struct signal_struct *parent_sig = GET(parent, signal);
	struct subject s = subject_of(t);
	struct rec_zombie r = {.source = REC_ZOMBIE_NOTIFY, .result = NO_RESULT};
	bool silent;

	if (s.leader != t || GET(s.sig, nr_threads) != 1 || !scope_has(s.sig))
		return 0;
	silent = notified_silently(t, parent, hand, sig);
	if (!silent && (!autoreap || (GET(hand, action[SIGCHLD - 1].sa.sa_flags) & SA_NOCLDWAIT)))
		return 0;
	fill_zombie(&r, &s, parent);
	r.pending = !!(GET(parent_sig, shared_pending.signal.sig[0]) & SIG_BIT(SIGCHLD));
	if (autoreap)
		r.flags |= REC_ZOMBIE_AUTOREAP;
	rec_put(REC_ZOMBIE, &r);
	if (silent)
		waiter_child_died(parent);
	return 0;
}
