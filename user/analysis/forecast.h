/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which limit the zombies of a leaking parent hit first, and when. A function of the process table
 * and of the facts in it.
 *
 * Limits count tasks, so a thread takes a slot as a zombie does, and a zombie keeps its own until it
 * is reaped (release_task()). Looked at are pids.max of every cgroup up the parent's path,
 * kernel.pid_max, kernel.threads-max and the parent's RLIMIT_NPROC (WANT_LIMITS). How full a cgroup is
 * was read when it was first met: in a stream of more than two minutes that is too old. What is not
 * known is left out: the answer is the first of those that are.
 *
 * RLIMIT_NPROC does not bind root; whether another has CAP_SYS_RESOURCE or CAP_SYS_ADMIN, which set it
 * aside too, is not known here, nor that a user namespace counts for itself.
 */
#ifndef PROCTRAIL_ANALYSIS_FORECAST_H
#define PROCTRAIL_ANALYSIS_FORECAST_H

#include "model/proc_table.h"

#define FORECAST_UNKNOWN UINT64_MAX

enum limit_kind {
	LIMIT_CGROUP_PIDS, /* pids.max */
	LIMIT_PID_MAX,
	LIMIT_THREADS_MAX,
	LIMIT_NPROC, /* of the parent's uid */
	LIMIT_KIND_CNT
};

struct forecast {
	enum limit_kind kind;
	struct span name; /* LIMIT_CGROUP_PIDS: its path, valid as long as the parent's row */
	uint64_t used, max;
	uint64_t full_ns; /* from now; 0: it is full; FORECAST_UNKNOWN: nothing grows */
	/*
	 * What fills it, as far as the table knows the tasks: all of them, unless the stream was scoped
	 * to some. Kernel threads are processes here.
	 */
	uint64_t zombies, processes, threads; /* threads: beyond the first of each process */
};

/*
 * leak_milli: more zombies of it a minute, in thousandths; 0: none. They are taken to come where
 * those there are lie: a leak fills a cgroup as far as its zombies are in it. 0, or -ENOENT: no limit
 * is known.
 */
int forecast_find(const struct proc_table *t, const struct proc *parent, uint64_t leak_milli,
		  struct forecast *ret_forecast);

const char *limit_kind_name(enum limit_kind kind); /* "cgroup_pids" */

#endif
