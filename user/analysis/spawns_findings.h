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
	FINDING_PILE_UP,     /* many alive, none has ended */
	FINDING_KIND_CNT
};

struct spawn_finding {
	enum spawn_finding_kind kind;
	const struct spawn_group *group;
};

#define SPAWN_FINDINGS_MAX 8

const char *spawn_finding_name(enum spawn_finding_kind kind); /* "large_heap" */
/*
 * After spawns_finish(); span_ns: over what time. At most one of a kind and group, those that cost most
 * first. Returns how many.
 */
size_t spawns_find(const struct spawns *s, uint64_t span_ns,
		   struct spawn_finding ret_findings[SPAWN_FINDINGS_MAX]);

#endif
