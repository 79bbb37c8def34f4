// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/health_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* include/linux/sched.h; a kernel thread that idles is UNINTERRUPTIBLE|NOLOAD and not in D */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_NOLOAD          0x0400

#define SIGKILL_BIT (1ULL << 8)

void health_threads_release(struct health_threads *h)
{
	free(h->v);
	memset(h, 0, sizeof(*h));
}

static struct health_thread *add(struct health_threads *h)
{
	if (h->cnt == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 64;
		struct health_thread *v = realloc(h->v, cap * sizeof(*v));

		if (!v) {
			h->err = -ENOMEM;
			return NULL;
		}
		h->v = v;
		h->cap = cap;
	}
	return &h->v[h->cnt++];
}

static uint64_t still_ns(const struct rec_seed *s)
{
	return s->still_exec_ns != REC_STILL_NONE ? s->still_exec_ns : s->still_arrival_ns;
}

static void take_thread(struct health_threads *h, const struct event *ev)
{
	bool stuck = ev->seed.state & TASK_UNINTERRUPTIBLE && !(ev->seed.state & TASK_NOLOAD);
	bool running = ev->seed.state == 0;
	struct health_thread *thread;

	if ((!stuck && !running) || ev->seed.exit_state)
		return;
	thread = add(h);
	if (thread)
		*thread = (struct health_thread){.key = event_proc(ev),
						 .still_ns = still_ns(&ev->seed),
						 .stuck = stuck,
						 .running = running};
}

static void take_process(struct health_threads *h, const struct event *ev)
{
	struct health_thread *thread;

	if (!(ev->seed.sig_pending & SIGKILL_BIT))
		return;
	thread = add(h);
	if (thread)
		*thread = (struct health_thread){
			.key = event_proc(ev), .still_ns = REC_STILL_NONE, .killed = true};
}

void health_threads_change(void *ctx, const struct change *c)
{
	if (!c->ev || c->ev->h.type != REC_SEED)
		return;
	if (c->kind == CHANGE_FACT && c->ev->h.flags & REC_F_THREAD)
		take_thread(ctx, c->ev);
	else if (c->kind == CHANGE_SEEN)
		take_process(ctx, c->ev);
}
