/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The deaths of a span of time. Listens to changes; judges each death as it is told (death.h) and holds
 * it for a moment, by the stream's own clock, so that the victims of one kill are told together.
 *
 * However many die, what is kept is those of the last moment, a note a living process (death_notes.h) and
 * a row a pattern (deaths_patterns.h).
 */
#ifndef PROCTRAIL_ANALYSIS_DEATHS_H
#define PROCTRAIL_ANALYSIS_DEATHS_H

#include "analysis/death_notes.h"
#include "analysis/deaths_patterns.h"

#define DEATHS_HOLD_NS  (200 * NS_PER_MS)
#define DEATHS_HELD_MAX 8192 /* more in one moment are told before it is over */

/* Those that died by one cause, in the order of their deaths: most often one. v[0] tells the cause. */
typedef void (*deaths_fn)(void *ctx, const struct death *const *v, size_t cnt);

struct deaths_options {
	bool all; /* those that ended well, too */
	int sig;  /* only those that ended by this signal; 0: whatever */
	deaths_fn tell;
	void *ctx;
};

struct deaths {
	struct deaths_options opt;
	struct death_notes notes;
	struct death_patterns patterns;
	struct death_held *held; /* from 'first' on, in order */
	size_t first, cnt, cap;
	uint64_t deaths, failed, killed, unknown; /* unknown: how they ended */
	uint64_t told;
	uint64_t thinned; /* of which a recorder kept the number only */
	int err;          /* 0, or -ENOMEM: some are not told */
};

void deaths_init(struct deaths *d, const struct proc_table *t, const struct deaths_options *opt);
void deaths_release(struct deaths *d);
/* Any change, as a listener has it; counts: it is of what was asked for, and to be told. */
void deaths_note(struct deaths *d, const struct change *c, bool counts);
/* At the end: whom it still holds. */
void deaths_finish(struct deaths *d);

#endif
