/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What repeats itself among deaths: the same program with the same end, over and over; who sends what to
 * how many. Bounded: what has no room is counted as such.
 */
#ifndef PROCTRAIL_ANALYSIS_DEATHS_PATTERNS_H
#define PROCTRAIL_ANALYSIS_DEATHS_PATTERNS_H

#include "analysis/death.h"
#include "base/map.h"

#define DEATH_PATTERNS_MAX 4096              /* of each kind */
#define DEATH_LOOP_MIN     3                 /* deaths in a row that make a crash loop */
#define DEATH_LOOP_NS      (100 * NS_PER_MS) /* faster than that no supervisor starts anything again */

/* One program with one end */
struct death_pattern {
	char comm[REC_COMM_LEN];
	uint32_t status; /* raw */
	bool status_known;
	struct death_who starter; /* who bore the last one */
	uint64_t cnt;
	uint64_t overlaps; /* began before the one before it had died: no restart */
	uint64_t first_ns, last_ns;
	uint64_t starters; /* changes of the starting program */
};

struct death_killer {
	struct death_who who; /* the last of that name; comm is what it is counted by */
	int32_t sig;
	uint64_t cnt;
};

struct death_patterns {
	struct map ends;    /* -> struct death_pattern */
	struct map killers; /* -> struct death_killer */
	uint64_t dropped;
};

void death_patterns_release(struct death_patterns *p);
void death_patterns_note(struct death_patterns *p, const struct death *d);
/*
 * It dies and is started again, by the same program, one at a time. A shell's test that fails twenty times
 * in a row does so, too: without a signal only what takes its time between two deaths.
 */
bool death_pattern_is_loop(const struct death_pattern *p);
uint64_t death_pattern_period_ns(const struct death_pattern *p); /* from death to death; 0: one */
/* The most frequent first, at most 'max', those that came at least 'min' times; returns how many. */
size_t death_patterns_rank(const struct death_patterns *p, uint64_t min, size_t max,
			   const struct death_pattern **ret);
size_t death_killers_rank(const struct death_patterns *p, size_t max,
			  const struct death_killer **ret);

#endif
