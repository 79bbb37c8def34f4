/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where records come from: the running machine, /proc alone, a trail, a script. A source yields
 * batches of records, oldest first; whatever else it learns (clocks, facts) it puts into the same
 * stream as records. It is the only place that reads clocks, /proc, cgroupfs or the environment.
 */
#ifndef PROCTRAIL_SOURCE_SOURCE_H
#define PROCTRAIL_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* What an analysis would like to know; the live source answers with a fact record, others never. */
struct want {
	/*
	 * WANT_PROC: exe, cwd, argv of a process, as REC_FACT_PROC. WANT_WAITS: whom its threads wait
	 * for now, as REC_FACT_TEXT 'waits:PID:START_NS' (text: proc_waits.h, parsed by waits_fact.h);
	 * each asking reads anew and replaces the fact. WANT_LIMITS: how many tasks its user may have,
	 * as REC_FACT_TEXT 'limits:PID:START_NS', the soft RLIMIT_NPROC: a number or 'unlimited'. All
	 * three need live_options.facts. WANT_QUOTA: the quotas of CPU time that bind a process, as
	 * quotas.h tells them, from then on.
	 */
	enum { WANT_PROC, WANT_TEXT, WANT_PASS, WANT_WAITS, WANT_LIMITS, WANT_QUOTA } kind;
	uint32_t tgid; /* WANT_PROC, WANT_WAITS, WANT_LIMITS, WANT_QUOTA */
	uint64_t start_ns;
	const char *name; /* WANT_TEXT: a file below /proc, /sys/fs/cgroup */
};

struct source;

struct source_ops {
	const char *name; /* "live", "proc", "script", "trail" */
	/*
	 * Waits up to timeout_ms for records and sets *ret_batch to whole records, back to back,
	 * each aligned to 8 bytes; valid until the next call. Returns 0 (the batch may be empty:
	 * time passed), -ENODATA at the end of the stream, or another -errno.
	 */
	int (*next)(struct source *s, int timeout_ms, struct span *ret_batch);
	void (*want)(struct source *s, const struct want *w); /* may be NULL */
	/* No more new records are wanted: what is under way is still delivered, then -ENODATA. */
	void (*stop)(struct source *s); /* may be NULL */
	void (*free)(struct source *s);
};

struct source {
	const struct source_ops *ops;
};

static inline int source_next(struct source *s, int timeout_ms, struct span *ret_batch)
{
	return s->ops->next(s, timeout_ms, ret_batch);
}

static inline void source_want(struct source *s, const struct want *w)
{
	if (s->ops->want)
		s->ops->want(s, w);
}

static inline void source_stop(struct source *s)
{
	if (s->ops->stop)
		s->ops->stop(s);
}

static inline void source_free(struct source *s)
{
	if (s)
		s->ops->free(s);
}

#endif
