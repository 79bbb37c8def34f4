/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is remembered of the living for the day they die: signals that may end them, signals that asked
 * them to, the OOM killer's mark, who wrote their oom_score_adj, a child that was killed. Listens to
 * changes. Only a process to which one of these happened has a note; its end takes it away.
 *
 * Signals of one sender with the same number, GROUP_GAP_NS apart at most, are one group: kill(-pgid),
 * kill(-1), the end of a namespace, a service that is stopped.
 */
#ifndef PROCTRAIL_ANALYSIS_DEATH_NOTES_H
#define PROCTRAIL_ANALYSIS_DEATH_NOTES_H

#include "analysis/death.h"
#include "base/map.h"

#define DEATH_GROUPS    1024               /* at a time; the oldest goes */
#define DEATH_GAP_NS    (10 * NS_PER_MS)   /* between two signals of one group */
#define DEATH_GROUP_NS  (1000 * NS_PER_MS) /* from its first to its last */
#define DEATH_NOTES_MAX 65536
#define DEATH_OOMS      64 /* accounts that are kept; a death is told long before 64 more */

struct death_group {
	struct proc_key sender;
	uint64_t id, first_ns, last_ns;
	uint32_t cnt; /* processes that were sent it */
	int32_t sig, code;
};

struct death_notes {
	const struct proc_table *table;
	struct map by_proc; /* -> struct death_note */
	struct death_group groups[DEATH_GROUPS];
	uint64_t group_cnt; /* ever; ids begin with 1 */
	struct oom_report ooms[DEATH_OOMS];
	uint64_t oom_cnt; /* ever */
	uint64_t dropped; /* that there was no room or memory for */
	bool adj_seen;    /* somebody wrote an oom_score_adj: children inherit it */
};

void death_notes_init(struct death_notes *n, const struct proc_table *t);
void death_notes_release(struct death_notes *n);
/* Any change, as a listener has it; of a death after death_notes_find(). */
void death_notes_take(struct death_notes *n, const struct change *c);
/* NULL: nothing is remembered of it. */
const struct death_note *death_notes_find(const struct death_notes *n, struct proc_key key);
/* Its parent hears that it was killed; d: its verdict. */
void death_notes_tell_parent(struct death_notes *n, const struct death *d);
/* To how many it was sent by now; 1 where the group is forgotten. */
uint32_t death_notes_group_size(const struct death_notes *n, uint64_t id);

#endif
