/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fact that WANT_WAITS asks for: whom the threads of a process waited for at one moment. What
 * its text looks like: source/proc_waits.h. It may come from a foreign trail.
 *
 * The table keeps a fact until another of its name replaces it, and forgets none: at most 1,024 in
 * 8 MiB, limits and loads included. One beyond is dropped and counted as evicted, the fact stays
 * unknown. So ask for the parents in question, not for everybody, and take unknown for an answer.
 */
#ifndef PROCTRAIL_ANALYSIS_WAITS_FACT_H
#define PROCTRAIL_ANALYSIS_WAITS_FACT_H

#include "model/proc_table.h"

#define WAITS_PIDS_MAX 16

struct waits {
	/* threads */
	uint32_t any;         /* that wait for any child */
	uint32_t any_limited; /* of them: WNOWAIT, __WCLONE, __WNOTHREAD: not every child, or no reap */
	uint32_t pid;         /* for one, by pid or pidfd */
	uint32_t pidfd;       /* of them: by pidfd, of which we know no pid */
	uint32_t pgid;        /* for a group */
	/* waited for by pid, each once, as the caller's own pid namespace numbers them */
	uint32_t pids[WAITS_PIDS_MAX];
	uint32_t pid_cnt;
	bool pids_more; /* there were others */
	/* why the above is not all there is to know */
	bool hung, denied, gone; /* nothing above counts */
	bool compat;             /* a 32-bit thread may be in a wait call */
	bool more;               /* not every thread was looked at */
};

/* 0, or -EBADMSG for a text that is not one of ours */
int waits_fact_parse(struct span text, struct waits *ret_waits);
/* What the table knows of a process: 0, -ENOENT where it was never told, or -EBADMSG */
int waits_fact_get(const struct proc_table *t, struct proc_key key, struct waits *ret_waits);
/* Whether 'no thread waits' follows from what is counted. */
bool waits_complete(const struct waits *w);

#endif
