/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why the OOM killer came, and whom it spared: the fact "oom" (source/oom_log.h), parsed. It is the
 * kernel's own account, of the moment when it chose. What it does not say is unknown.
 *
 * Spared is who was larger than the victim by the kernel's measure (resident, swapped out and page tables)
 * and had a lower oom_score_adj: with equal ones it would have been chosen. Larger with the same adj is
 * not spared by that, and nobody is named.
 */
#ifndef PROCTRAIL_ANALYSIS_DEATH_OOM_H
#define PROCTRAIL_ANALYSIS_DEATH_OOM_H

#include "base/buf.h"
#include "model/event.h"

#define OOM_CGROUP_LEN 256
#define OOM_UNKNOWN    UINT64_MAX

enum oom_where {
	OOM_WHERE_UNKNOWN,
	OOM_WHERE_CGROUP, /* a memory cgroup reached its limit */
	OOM_WHERE_GLOBAL, /* the machine has no memory left */
	OOM_WHERE_CPUSET, /* the memory nodes of its cpuset have none left */
	OOM_WHERE_POLICY, /* ... those of its mempolicy */
	OOM_WHERE_CNT
};

struct oom_task {
	uint32_t tgid;
	int32_t adj;
	uint64_t size_kb;
	char comm[REC_COMM_LEN];
};

struct oom_report {
	enum oom_where where;
	char cgroup[OOM_CGROUP_LEN]; /* whose limit it was, below its mount; cut at the left */
	uint64_t limit_kb;           /* OOM_UNKNOWN */
	uint64_t free_kb;            /* of the machine, OOM_UNKNOWN */
	struct oom_task victim;      /* tgid 0: not in the table */
	struct oom_task spared;      /* the largest of them; tgid 0: nobody */
	uint32_t spared_cnt;
};

/* text: the fact; False: it is not of this victim. */
bool oom_report_parse(struct span text, uint32_t victim, unsigned page_shift,
		      struct oom_report *ret);
const char *oom_where_name(enum oom_where where); /* "cgroup"; NULL: unknown */

#endif
