/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points in time as people write them. What they mean depends on the recording that is asked about:
 * its end for -10m and 02:10, its zone for everything without one.
 */
#ifndef PROCTRAIL_BASE_WHEN_H
#define PROCTRAIL_BASE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

struct when {
	enum { WHEN_UNSET, WHEN_AGO, WHEN_CLOCK, WHEN_LOCAL, WHEN_ABSOLUTE } kind;
	/* AGO: before the end; CLOCK: since midnight; LOCAL: since the epoch, were the zone UTC;
	 * ABSOLUTE: since the epoch */
	uint64_t ns;
};

/*
 * -10m, now, 02:10, 02:11:07.5, 2026-11-24, '2026-11-24 02:11', 2026-11-24T02:11:07.5Z or +01:00.
 * 0 or -EINVAL.
 */
int when_parse(const char *text, struct when *ret_when);
/* Nanoseconds since the epoch; a time of day is its latest occurrence before end_ns. */
uint64_t when_resolve(const struct when *w, uint64_t end_ns, int32_t gmtoff_s);

#endif
