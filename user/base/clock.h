/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic on times that somebody else read: reading a clock is the source's business only.
 * Boot time orders everything; wall time is boot time plus the offset that the latest clock pair
 * of the stream gave, shown in the traced host's zone, which the stream carries too.
 */
#ifndef PROCTRAIL_BASE_CLOCK_H
#define PROCTRAIL_BASE_CLOCK_H

#include "base/buf.h"

#define NS_PER_US  1000ULL
#define NS_PER_MS  1000000ULL
#define NS_PER_SEC 1000000000ULL

struct wall_clock {
	int64_t offset_ns; /* realtime - boottime */
	int32_t gmtoff_s;
	bool utc; /* show UTC whatever the zone */
	char zone[12];
};

struct wall_time {
	int year, month, day; /* month 1..12 */
	int hour, min, sec;
	int weekday; /* 0 = Sunday */
	uint32_t ns;
};

struct wall_time wall_time_of(const struct wall_clock *c, uint64_t boot_ns);
/* 2026-11-24T02:11:07.412345678Z, always UTC */
void clock_put_rfc3339(struct buf *b, const struct wall_clock *c, uint64_t boot_ns);
/* 02:11:07.412 (digits after the point: 0, 3, 6 or 9) in the host's zone */
void clock_put_time(struct buf *b, const struct wall_clock *c, uint64_t boot_ns, int digits);
/* Tue 24 Nov 02:14:06 CET (+01) */
void clock_put_date(struct buf *b, const struct wall_clock *c, uint64_t boot_ns);
const char *clock_zone(const struct wall_clock *c); /* "CET", "UTC" */

#endif
