// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/clock.h"

#define SEC_PER_DAY 86400

static const char *const weekday_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Days since 1970-01-01 -> year, month, day: years begin in March, so that leap days come last. */
static void civil_from_days(int64_t days, struct wall_time *ret)
{
	int64_t z = days + 719468; /* since 0000-03-01 */
	int64_t era = z / 146097;  /* 400 years; z > 0 for all times an int64 of ns can hold */
	unsigned doe = z % 146097;
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	ret->day = doy - (153 * mp + 2) / 5 + 1;
	ret->month = mp < 10 ? mp + 3 : mp - 9;
	ret->year = era * 400 + yoe + (ret->month <= 2);
	ret->weekday = (days + 4 + 7 * 100000) % 7; /* the epoch was a Thursday */
}

static struct wall_time wall_time_at(int64_t real_ns, int32_t gmtoff_s)
{
	struct wall_time t = {0};
	int64_t sec = real_ns / (int64_t)NS_PER_SEC;
	int64_t ns = real_ns % (int64_t)NS_PER_SEC;
	int64_t days, rest;

	if (ns < 0) {
		ns += NS_PER_SEC;
		sec--;
	}
	sec += gmtoff_s;
	days = sec / SEC_PER_DAY;
	rest = sec % SEC_PER_DAY;
	if (rest < 0) {
		rest += SEC_PER_DAY;
		days--;
	}
	civil_from_days(days, &t);
	t.hour = rest / 3600;
	t.min = rest / 60 % 60;
	t.sec = rest % 60;
	t.ns = ns;
	return t;
}

/* In unsigned arithmetic: a trail may claim any clock */
static int64_t wall_real_ns(const struct wall_clock *c, uint64_t boot_ns)
{
	return (int64_t)((uint64_t)c->offset_ns + boot_ns);
}

static int32_t wall_gmtoff(const struct wall_clock *c)
{
	return c->utc ? 0 : c->gmtoff_s;
}

struct wall_time wall_time_of(const struct wall_clock *c, uint64_t boot_ns)
{
	return wall_time_at(wall_real_ns(c, boot_ns), wall_gmtoff(c));
}

/* 'digits' decimal digits of v, leading zeros kept; inlined, so that the loop is unrolled */
static inline __attribute__((always_inline)) char *put_digits(char *p, uint32_t v, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		p[i] = '0' + v % 10;
		v /= 10;
	}
	return p + digits;
}

static char *put_hms(char *p, const struct wall_time *t)
{
	p = put_digits(p, t->hour, 2);
	*p++ = ':';
	p = put_digits(p, t->min, 2);
	*p++ = ':';
	return put_digits(p, t->sec, 2);
}

void clock_put_rfc3339(struct buf *b, const struct wall_clock *c, uint64_t boot_ns)
{
	struct wall_time t = wall_time_at(wall_real_ns(c, boot_ns), 0);
	char text[32], *p = text;

	p = put_digits(p, t.year, 4);
	*p++ = '-';
	p = put_digits(p, t.month, 2);
	*p++ = '-';
	p = put_digits(p, t.day, 2);
	*p++ = 'T';
	p = put_hms(p, &t);
	*p++ = '.';
	p = put_digits(p, t.ns, 9);
	*p++ = 'Z';
	buf_put(b, text, p - text);
}

void clock_put_time(struct buf *b, const struct wall_clock *c, uint64_t boot_ns, int digits)
{
	struct wall_time t = wall_time_of(c, boot_ns);
	char text[32], *p = put_hms(text, &t);
	uint32_t fraction = t.ns;

	if (digits > 9)
		digits = 9;
	if (digits > 0) {
		for (int i = digits; i < 9; i++)
			fraction /= 10;
		*p++ = '.';
		p = put_digits(p, fraction, digits);
	}
	buf_put(b, text, p - text);
}

void clock_put_date(struct buf *b, const struct wall_clock *c, uint64_t boot_ns)
{
	struct wall_time t = wall_time_of(c, boot_ns);
	int32_t off = wall_gmtoff(c);
	uint32_t min = (off < 0 ? -(uint32_t)off : (uint32_t)off) / 60;
	char hms[8];

	put_hms(hms, &t);
	buf_printf(b, "%s %d %s %.8s %s", weekday_names[t.weekday], t.day, month_names[t.month - 1],
		   hms, clock_zone(c));
	if (off == 0)
		return;
	buf_printf(b, " (%c%02u", off < 0 ? '-' : '+', min / 60);
	if (min % 60)
		buf_printf(b, ":%02u", min % 60);
	buf_put_char(b, ')');
}

/* The name comes out of a trail, which anybody may have written: letters, digits and signs only. */
const char *clock_zone(const struct wall_clock *c)
{
	size_t len = strnlen(c->zone, sizeof(c->zone));

	if (c->utc || (len == 0 && c->gmtoff_s == 0))
		return "UTC";
	if (len == 0 || len == sizeof(c->zone) ||
	    strspn(c->zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-") !=
		    len)
		return "local";
	return c->zone;
}
