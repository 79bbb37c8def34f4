/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why who is runnable has no CPU: the quota of a cgroup, or other tasks. From the facts in the
 * stream (quotas.h of the source, /proc/pressure/cpu), of which the first and the last of each are
 * kept: what was counted in between happened while we watched.
 */
#ifndef PROCTRAIL_ANALYSIS_THROTTLE_H
#define PROCTRAIL_ANALYSIS_THROTTLE_H

#include "model/proc_table.h"

#define THROTTLE_PATH_LEN 256 /* cgroups with a longer path are left out */

struct throttle_counts {
	uint64_t periods, throttled, throttled_ns;
};

/* A cgroup with a quota */
struct throttle {
	char path[THROTTLE_PATH_LEN];
	uint64_t quota_us, period_us; /* 0: not known */
	struct throttle_counts first, last;
	bool counted; /* these were told */
};

struct throttles {
	struct throttle *v;
	size_t cnt;
	uint64_t waited_first_us, waited_last_us; /* PSI: some task waited for a CPU */
	uint64_t psi_first_ns, psi_last_ns;       /* when that was read; 0: never */
	int err;                                  /* 0 or -ENOMEM */
};

void throttles_release(struct throttles *t);
/* A change of the stream, whoever it is about. */
void throttles_note(struct throttles *t, const struct change *c);
/*
 * The cgroup from this path up to the root that was throttled most, if one was in a tenth of its
 * periods and more; else NULL. Counts: while we watched.
 */
const struct throttle *throttles_find(const struct throttles *t, struct span path,
				      struct throttle_counts *ret_counts);
/* In how much of the time some task waited for a CPU, in percent; -ENOENT: not known. */
int throttles_pressure(const struct throttles *t);

#endif
