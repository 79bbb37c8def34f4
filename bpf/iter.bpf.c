/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every task, zombies included, written into the same ring as everything else: so a row has its
 * place in the order. User space sets iter_flags, opens and reads the iterator to its end; it
 * gets one byte a task, so that a read of n bytes does not make more than n rows.
 */
#define READ_BY_PROBE
#include "seed.bpf.h"
#include <bpf/bpf_tracing.h>

#define TASK_RUNNING         0x0
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_NOLOAD          0x400 /* idle kernel threads are D only by name */

static __always_inline bool row_wanted(const struct subject *s)
{
	__u32 state;

	if (s->leader == s->task)
		return iter_flags & ITER_ROWS;
	if (iter_flags & ITER_THREADS)
		return true;
	if (!(iter_flags & ITER_BUSY) || GET(s->task, exit_state))
		return false;
	state = task_state(s->task);
	return state == TASK_RUNNING ||
	       (state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE;
}

/*
 * What matches by itself, and children of processes that are in: repeated until nobody joins. Where
 * births are not hooked, a parent that leaks faster than a pass runs always has one more: there,
 * until nobody joins who was there when it began.
 */
static __always_inline void join(const struct subject *s)
{
	if (s->leader != s->task || scope_has(s->sig))
		return;
	if (!scope_matches(s->task) && !scope_has(GET(s->parent, signal)))
		return;
	if (!scope_add(s->sig))
		return;
	if (GET(s->leader, start_boottime) <= iter_join_ns)
		iter_joined++;
	seed_emit(s, REC_F_JOINED);
}

static __always_inline void end(void)
{
	struct rec_seed_end r = {
		.began_ns = iter_began_ns,
		.pass = iter_pass,
		.rows = iter_rows,
		.joined = iter_joined,
		.tasks = iter_visited,
	};

	rec_put(REC_SEED_END, &r);
}

SEC("iter/task")
int iter_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *t = ctx->task;
	char byte = '.';
	struct subject s;

	if (!t) {
		end();
		return 0;
	}
	iter_visited++;
	s = subject_of(t);
	if (cfg_scoped && (iter_flags & ITER_JOIN))
		join(&s);
	if (row_wanted(&s) && scope_has(s.sig)) {
		bool thread = s.leader != t;

		/* Also a row that finds no room counts: who misses one knows the pass has a hole. */
		seed_emit(&s, thread ? REC_F_THREAD : 0);
		if (!thread)
			iter_rows++;
	}
	bpf_seq_write(seq, &byte, 1);
	return 0;
}
