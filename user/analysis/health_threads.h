/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table's rows are processes. A pass also has a row for each other thread that runs or is in D,
 * and for everybody whether a SIGKILL is pending: this listener keeps both for the census, while
 * the one pass of a snapshot goes by.
 */
#ifndef PROCTRAIL_ANALYSIS_HEALTH_THREADS_H
#define PROCTRAIL_ANALYSIS_HEALTH_THREADS_H

#include "model/proc_table.h"

struct health_thread {
	struct proc_key key; /* its process */
	uint64_t still_ns;   /* REC_STILL_NONE: unknown */
	bool stuck;          /* a thread in D */
	bool running;        /* a thread that runs */
	bool killed;         /* the process has a SIGKILL pending */
};

struct health_threads {
	struct health_thread *v;
	size_t cnt, cap;
	int err; /* 0, or -ENOMEM: some are missing */
};

void health_threads_release(struct health_threads *h);
/* A change_fn; ctx: struct health_threads */
void health_threads_change(void *ctx, const struct change *c);

#endif
