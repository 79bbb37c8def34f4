/* SPDX-License-Identifier: GPL-2.0-only */
/* What died and waits: of which name, how each ended, when the first and the last. */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_DEAD_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_DEAD_H

#include "model/proc_table.h"

#define DEAD_KINDS 4

struct dead_name {
	char comm[REC_COMM_LEN];
	uint64_t cnt;
};

struct dead_fate {
	uint32_t status; /* raw wait status */
	uint64_t cnt;
};

struct zombies_dead {
	struct dead_name names[DEAD_KINDS]; /* those with most first; cnt 0: no more */
	struct dead_fate fates[DEAD_KINDS];
	uint64_t names_other, fates_other, fates_unknown;
	uint64_t first_ns, last_ns; /* deaths; 0: not known of any */
	uint64_t err_ns;            /* how far off these can be */
	bool estimated;             /* one of these two is from the scheduler's stamps */
};

void zombies_dead_find(const struct proc *parent, struct zombies_dead *ret_dead);

#endif
