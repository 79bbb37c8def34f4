/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The birth of a zombie: do_notify_parent(), seen from within (its signal) or from its return. */
#ifndef PROCTRAIL_ZOMBIE_BPF_H
#define PROCTRAIL_ZOMBIE_BPF_H

#include "scope.bpf.h"

#define SIGCHLD      17
#define CLD_EXITED   1
#define CLD_DUMPED   3
#define SA_NOCLDWAIT 0x00000002
#define SIG_BIT(sig) (1ULL << ((sig)-1))

static __always_inline __u8 disposition_of(__u64 handler)
{
	return handler == 0 ? REC_SIG_DFL : handler == 1 ? REC_SIG_IGN : REC_SIG_HANDLER;
}

/* What the notified process does about SIGCHLD; siglock is held, it cannot change under us. */
static __always_inline void fill_notified(struct rec_zombie *r, struct task_struct *parent)
{
	struct sighand_struct *hand = GET(parent, sighand);

	proc_of(&r->notified, parent);
	r->disposition = disposition_of((__u64)GET(hand, action[SIGCHLD - 1].sa.sa_handler));
	r->sa_flags = GET(hand, action[SIGCHLD - 1].sa.sa_flags);
	r->blocked = !!(GET(parent, blocked.sig[0]) & SIG_BIT(SIGCHLD));
}

/* 's' is a leader, all of its threads released. */
static __always_inline void fill_zombie(struct rec_zombie *r, const struct subject *s,
					struct task_struct *parent)
{
	hdr_about(&r->h, s);
	usage_of_released(&r->usage, s->sig);
	usage_add(&r->usage, s->leader);
	r->exit_signal = GET(s->leader, exit_signal);
	fill_notified(r, parent);
	if (r->h.flags & REC_F_TRACED)
		r->flags |= REC_ZOMBIE_TRACER;
}

/*
 * The parent's next wait is worth a record, however often it polls. Whose slot it is, is not asked: the
 * parent wrote it on another CPU, to write needs no waiting for it.
 */
static __always_inline void waiter_child_died(struct task_struct *parent)
{
	struct waiter *w = waiter_slot(GET(parent, tgid));

	if (w)
		w->child_died = 1;
}

#endif
