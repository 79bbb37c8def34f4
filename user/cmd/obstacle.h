/* SPDX-License-Identifier: GPL-2.0-only */
/* Why nothing can be traced here, in words, and what to do next: one table for every command. */
#ifndef PROCTRAIL_CMD_OBSTACLE_H
#define PROCTRAIL_CMD_OBSTACLE_H

#include "cmd/options.h"
#include "source/live.h"

struct obstacle {
	const char *what; /* "tracing needs CAP_BPF and CAP_PERFMON, which this process ..." */
	const char *next; /* "run it as root: sudo proctrail ..." */
};

/* The texts for o; for LIVE_OK both are empty. Never NULL. */
const struct obstacle *obstacle_find(enum live_obstacle o);
/* Says both on stderr; returns EXIT_IMPOSSIBLE. */
int obstacle_say(enum live_obstacle o);
/*
 * What --exact-reap, --fork-time and --exec-failures, where asked for, have brought where these REC_HOOK_*
 * are in, and what they cost.
 */
void obstacle_say_slow_hooks(const struct options *opt, uint32_t hooks);

#endif
