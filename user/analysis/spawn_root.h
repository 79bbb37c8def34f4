/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From whom a storm comes: the ancestor nearest to it below which nearly all of it was born. Parents
 * are those of birth, so that a child of an orphan belongs to who began it.
 */
#ifndef PROCTRAIL_ANALYSIS_SPAWN_ROOT_H
#define PROCTRAIL_ANALYSIS_SPAWN_ROOT_H

#include "base/map.h"
#include "model/proc_table.h"

struct spawn_roots {
	struct map below; /* ancestor -> spawns below it */
};

struct spawn_root {
	struct proc_key key;
	char comm[REC_COMM_LEN + 1]; /* "": not known any more */
	uint64_t cnt;                /* spawns below it */
};

void spawn_roots_release(struct spawn_roots *r);
/* A spawn. 0 or -ENOMEM */
int spawn_roots_note(struct spawn_roots *r, const struct proc_table *t, const struct proc *p);
/* Of this many spawns; false: they have no such ancestor but pid 1. */
bool spawn_roots_find(const struct spawn_roots *r, const struct proc_table *t, uint64_t spawns,
		      struct spawn_root *ret_root);

#endif
