/* SPDX-License-Identifier: GPL-2.0-only */
/* What the lives of a group of spawns have in common: their interpreter, their command line. */
#ifndef PROCTRAIL_ANALYSIS_SPAWN_LIVES_H
#define PROCTRAIL_ANALYSIS_SPAWN_LIVES_H

#include "model/proc_table.h"

struct spawn_lives {
	const char *interpreter; /* "python"; NULL: none that we know */
	struct intern_str *args; /* of the first; NULL: not known */
	bool args_differ;
	uint64_t first_ns, last_ns; /* births; 0: none */
	uint64_t cpu_min_ns;        /* of the short life that took least; 0: none */
};

/*
 * The interpreter that this process runs, by its file's name ("python3.11" is "python") or, where a
 * script with "#!" was executed, by its argv[0]. NULL: none that is known to start slowly.
 */
const char *spawn_interpreter_of(const struct proc *p);

/* An exec of one of them, the first or a later one. The command line is interned. 0 or -ENOMEM */
int spawn_lives_note(struct spawn_lives *l, const struct proc *p, struct intern *names);
void spawn_lives_note_short(struct spawn_lives *l, uint64_t cpu_ns);
void spawn_lives_merge(struct spawn_lives *l, const struct spawn_lives *more);

#endif
