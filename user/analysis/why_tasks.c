// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/why_tasks.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* include/linux/sched.h; a kernel thread that idles is UNINTERRUPTIBLE|NOLOAD and not in D */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_NOLOAD          0x0400

#define BIT_OF(sig) (1ULL << ((sig)-1))

void why_tasks_release(struct why_tasks *w)
{
	free(w->v);
	*w = (struct why_tasks){0};
}

static void add(struct why_tasks *w, const struct why_task *one)
{
	if (w->cnt == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		struct why_task *v = realloc(w->v, cap * sizeof(*v));

		if (!v) {
			w->err = -ENOMEM;
			return;
		}
		w->v = v;
		w->cap = cap;
	}
	w->v[w->cnt++] = *one;
}

void why_tasks_change(void *ctx, const struct change *c)
{
	struct why_task one = {0};
	const struct rec_seed *s;

	if (!c->ev || c->ev->h.type != REC_SEED)
		return;
	s = &c->ev->seed;
	if (c->kind != CHANGE_SEEN && !(c->kind == CHANGE_FACT && s->h.flags & REC_F_THREAD))
		return;
	if (s->h.flags & REC_F_KTHREAD || s->exit_state)
		return;
	one.key = event_proc(c->ev);
	one.tid = s->h.tid;
	one.still_ns = s->still_exec_ns != REC_STILL_NONE ? s->still_exec_ns : s->still_arrival_ns;
	one.in_d = s->state & TASK_UNINTERRUPTIBLE && !(s->state & TASK_NOLOAD);
	/* a fatal signal is pending for each thread by itself, and shows as a group that exits */
	one.killed = one.in_d && s->h.flags & REC_F_EXITING;
	if (c->kind == CHANGE_SEEN) {
		one.killed |= (s->sig_pending & BIT_OF(SIGKILL)) != 0;
		one.asked = s->sig_pending & BIT_OF(SIGTERM);
	}
	if (one.in_d || one.killed || one.asked)
		add(ctx, &one);
}

uint64_t why_tasks_still_ns(const struct why_tasks *w, uint32_t tid)
{
	for (size_t i = 0; i < w->cnt; i++)
		if (w->v[i].tid == tid && w->v[i].in_d)
			return w->v[i].still_ns;
	return REC_STILL_NONE;
}
