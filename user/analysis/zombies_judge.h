/* SPDX-License-Identifier: GPL-2.0-only */
/* What zombies.c, which puts the rows together, and zombies_judge.c, which judges them, share. */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_JUDGE_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_JUDGE_H

#include "analysis/zombies.h"

#define YOUNG_NS    NS_PER_SEC       /* a reap on its way */
#define WATCHED_NS  (4 * NS_PER_SEC) /* no wait call in so long */
#define PATIENCE_NS (3 * NS_PER_SEC) /* many reap by a timer, every second or two */

/* What is known of a parent's waits, from whatever source. */
struct wait_evidence {
	uint64_t total, any, pid, pgid, unknown;
	bool in_any, in_pid; /* a thread sits in such a call since before we looked */
	bool unnamed;        /* for one of which we know no pid: a pidfd */
	bool asked;          /* whether one does is known */
	uint64_t last_ns;
	struct waits now; /* asked: who sits in what */
	uint32_t last_pid;
};

struct wait_evidence zombies_waits_of(const struct proc_table *t, const struct proc *p);
bool zombies_is_init(const struct proc *p);
/* Any image of it, as far as the kernel's counts tell one from another. */
bool zombies_has_reaped(const struct proc *p);
/* Of a parent whose zombies are counted and whose source is known; sets who sits in a wait, and what decides. */
enum verdict zombies_judge(const struct proc_table *t, struct zombie_parent *f);

#endif
