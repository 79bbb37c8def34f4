/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quotas of CPU time (cpu.max, v1's cpu.cfs_quota_us) and how often each has throttled, as
 * REC_FACT_TEXT: "cgroup:PATH/cpu.max", "QUOTA PERIOD" in microseconds also where v1 has two files,
 * and "cgroup:PATH/cpu.stat" as it stands there. Told when a cgroup is first met, and again when
 * something of it has changed: two of them say what happened in between.
 */
#ifndef PROCTRAIL_SOURCE_QUOTAS_H
#define PROCTRAIL_SOURCE_QUOTAS_H

#include "source/cgroupfs.h"

#define QUOTAS_MAX 256 /* cgroups with a quota; beyond, none is told */

struct quota_watch;

struct quotas {
	struct quota_watch *v;
	size_t cnt;
};

void quotas_release(struct quotas *q);
/* Begins to watch whatever cgroup has a quota from this one up to the root; path: below cpu_mount. */
void quotas_watch(struct quotas *q, const struct cgroupfs *cg, struct span path,
		  struct buf *records);
/*
 * The same for where a process is now, whose path is told as "cpu:PID:START_NS". Nothing where it is
 * gone.
 */
void quotas_watch_of(struct quotas *q, const struct cgroupfs *cg, const char *proc_dir,
		     uint32_t pid, uint64_t start_ns, struct buf *records);
/* Tells what has changed. */
void quotas_refresh(struct quotas *q, const struct cgroupfs *cg, struct buf *records);

#endif
