/* SPDX-License-Identifier: GPL-2.0-only */
/* What a table of spawns shows that is worth a sentence: only what its figures carry. */
#ifndef PROCTRAIL_ANALYSIS_SPAWNS_FINDINGS_H
#define PROCTRAIL_ANALYSIS_SPAWNS_FINDINGS_H

#include "analysis/spawns.h"

enum spawn_finding_kind {
	FINDING_LARGE_HEAP,  /* fork() copies page tables that posix_spawn() would not */
	FINDING_HIDDEN_CPU,  /* CPUs burnt in short lives */
	FINDING_QUEUE,       /* they wait for a CPU */
	FINDING_EXEC_FAILED, /* children that end by 126 or 127 without a program */
	FINDING_PILE_UP,     /* ever more copies of one command, none has ended */
	FINDING_INTERPRETER, /* an interpreter is started again and again for short lives */
	FINDING_STORM,       /* many spawns below one ancestor; of no group */
	FINDING_KIND_CNT
};

/* Why who is queue-bound has no CPU */
enum spawn_queue_cause {
	QUEUE_BUSY,      /* other tasks run; no quota throttles these */
	QUEUE_THROTTLED, /* the quota of a cgroup */
	QUEUE_UNKNOWN,   /* what quotas bind them is not known */
};

struct spawn_finding {
	enum spawn_finding_kind kind;
	const struct spawn_group *group; /* FINDING_STORM: NULL */
	struct spawn_root root;          /* FINDING_STORM */
	/* FINDING_QUEUE */
	enum spawn_queue_cause cause;
	const struct throttle *throttle; /* QUEUE_THROTTLED */
	struct throttle_counts counts;   /* its, while we watched */
};

#define SPAWN_FINDINGS_MAX 8

const char *spawn_queue_cause_name(enum spawn_queue_cause cause); /* "throttled" */
const char *spawn_finding_name(enum spawn_finding_kind kind);     /* "large_heap" */
/*
 * After spawns_finish(); span_ns: over what time. At most one of a kind and group, those that cost most
 * first. Returns how many.
 */
size_t spawns_find(const struct spawns *s, uint64_t span_ns,
		   struct spawn_finding ret_findings[SPAWN_FINDINGS_MAX]);

#endif
