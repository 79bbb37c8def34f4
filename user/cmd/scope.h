/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --pid --cgroup --uid of a recording: what the kernel side does live, done from the changes. A process
 * joins at its birth, when it is first seen, at an exec or at a move to the cgroup, and never leaves.
 */
#ifndef PROCTRAIL_CMD_SCOPE_H
#define PROCTRAIL_CMD_SCOPE_H

#include "base/map.h"
#include "cmd/options.h"
#include "model/proc_table.h"

struct scope {
	const struct options *opt;
	const struct proc_table *table;
	struct map in; /* by identity */
	bool active;   /* any of them is given, and it is a recording */
	bool begun;    /* what a keyframe held has been looked at */
	bool matched;  /* somebody is, or was, in it */
};

void scope_init(struct scope *s, const struct options *opt, const struct proc_table *table);
void scope_release(struct scope *s);
/* Looks at who is there, once; scope_note() does it by itself. */
void scope_begin(struct scope *s);
/* Before the change is shown: who joins by it. */
void scope_note(struct scope *s, const struct change *c);
/* After it was shown: who is gone is forgotten. */
void scope_forget(struct scope *s, const struct change *c);
/* Everybody is, when nothing was given. */
bool scope_has(const struct scope *s, const struct proc *p);

/* Whether p's cgroup is 'wanted' or below it: a path below the mount, or with it. */
bool scope_is_in_cgroup(const struct proc *p, const char *wanted);

#endif
