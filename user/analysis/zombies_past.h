/* SPDX-License-Identifier: GPL-2.0-only */
/* Which table has seen more of a process: the running one, or a recorder's. */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_PAST_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_PAST_H

#include "analysis/zombies.h"

/* Of a zombie: the row that has its death, or its birth. */
const struct proc *zombies_past_child(const struct zombies_options *opt, const struct proc *zombie);
/* Of a parent: the row whose evidence is of a longer time, and as late. */
const struct proc *zombies_past_parent(const struct zombies_options *opt,
				       const struct proc *parent);

#endif
