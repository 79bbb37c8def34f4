/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In which cgroup the children of a group lived between birth and exec, as far as quotas of CPU time
 * are concerned. Records speak of one hierarchy; under v1 the cpu controller has another, in which a
 * child lies where its parent does unless it was moved. The parent's place is asked for (WANT_QUOTA).
 */
#ifndef PROCTRAIL_ANALYSIS_SPAWN_PLACE_H
#define PROCTRAIL_ANALYSIS_SPAWN_PLACE_H

#include "model/proc_table.h"

struct spawn_place {
	struct proc_key teller;  /* the first parent, whose place is asked for; pid 0: none yet */
	struct intern_str *path; /* of the first child's cgroup; NULL: not known */
	bool moved;              /* the first child was in another one than its parent */
	bool several;            /* others are in other ones */
	bool tellers_differ;     /* others are of other parents */
};

/* A spawn; parent: at its birth, may be NULL. The path is interned in 'names'. 0 or -ENOMEM */
int spawn_place_note(struct spawn_place *place, const struct proc *p, const struct proc *parent,
		     struct intern *names);
void spawn_place_merge(struct spawn_place *place, const struct spawn_place *more);
/*
 * Where quotas are to be looked for; empty: nowhere. True where it is sure that no other binds them.
 */
bool spawn_place_find(const struct spawn_place *place, const struct proc_table *t,
		      struct span *ret_path);

#endif
