/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table's rows are processes. While the one pass of a snapshot goes by this listener keeps who may be
 * stuck: each thread that is in D, since when by the scheduler's stamps, and each process with a SIGKILL
 * or a SIGTERM pending.
 */
#ifndef PROCTRAIL_ANALYSIS_WHY_TASKS_H
#define PROCTRAIL_ANALYSIS_WHY_TASKS_H

#include "model/proc_table.h"

struct why_task {
	struct proc_key key; /* its process */
	uint32_t tid;
	uint64_t still_ns; /* REC_STILL_NONE: unknown */
	bool in_d;
	bool killed, asked; /* the process has a SIGKILL, a SIGTERM pending */
};

struct why_tasks {
	struct why_task *v;
	size_t cnt, cap;
	int err; /* 0, or -ENOMEM: some are missing */
};

void why_tasks_release(struct why_tasks *w);
/* A change_fn; ctx: struct why_tasks */
void why_tasks_change(void *ctx, const struct change *c);
/* How long that thread has stood still; REC_STILL_NONE: unknown */
uint64_t why_tasks_still_ns(const struct why_tasks *w, uint32_t tid);

#endif
