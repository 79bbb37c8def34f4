/* SPDX-License-Identifier: GPL-2.0-only */
/* Why nothing can be traced here, in words, and what to do next: one table for every command. */
#ifndef PROCTRAIL_CMD_OBSTACLE_H
#define PROCTRAIL_CMD_OBSTACLE_H

#include "source/live.h"

struct obstacle {
	const char *what; /* "tracing needs CAP_BPF and CAP_PERFMON, which this process ..." */
	const char *next; /* "run it as root: sudo proctrail ..." */
};

/* The texts for o; for LIVE_OK both are empty. Never NULL. */
const struct obstacle *obstacle_find(enum live_obstacle o);
/* Says both on stderr; returns EXIT_IMPOSSIBLE. */
int obstacle_say(enum live_obstacle o);
/* What --fork-time has brought where these REC_HOOK_* are in, and what it costs. */
void obstacle_say_fork_time(uint32_t hooks);
/* The same of --exec-failures. */
void obstacle_say_exec_failures(uint32_t hooks);

/* What --exact-reap has brought where these REC_HOOK_* are in, and what it costs. */
void obstacle_say_exact_reap(uint32_t hooks);

#endif
