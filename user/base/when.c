// SPDX-License-Identifier: GPL-2.0-only
#include "base/when.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define SEC_PER_DAY 86400ULL

/* Exactly 'digits' digits, as a number up to max; NULL: they are not there. */
static const char *take_number(const char *p, int digits, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < digits; i++) {
		if (p[i] < '0' || p[i] > '9')
			return NULL;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	if (v > max)
		return NULL;
	*ret = v;
	return p + digits;
}

/* Up to nine digits after the point */
static const char *take_fraction(const char *p, uint64_t *ret_ns)
{
	uint64_t scale = NS_PER_SEC;

	*ret_ns = 0;
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9' && scale > 1; p++) {
		scale /= 10;
		*ret_ns += (uint64_t)(*p - '0') * scale;
	}
	return p;
}

/* 02:11, 02:11:07, 02:11:07.5 */
static const char *take_clock(const char *p, uint64_t *ret_ns)
{
	unsigned hour, min = 0, sec = 0;
	uint64_t fraction = 0;

	p = take_number(p, 2, 23, &hour);
	if (!p || *p++ != ':')
		return NULL;
	p = take_number(p, 2, 59, &min);
	if (p && *p == ':')
		p = take_number(p + 1, 2, 59, &sec);
	if (p && *p == '.')
		p = take_fraction(p + 1, &fraction);
	*ret_ns = (hour * 3600ULL + min * 60ULL + sec) * NS_PER_SEC + fraction;
	return p;
}

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* 2026-11-24, as ns since the epoch */
static const char *take_date(const char *p, uint64_t *ret_ns)
{
	unsigned year, month, day;
	uint64_t days = 0;

	p = take_number(p, 4, 2200, &year);
	if (!p || *p++ != '-' || year < 1970)
		return NULL;
	p = take_number(p, 2, 12, &month);
	if (!p || *p++ != '-' || month < 1)
		return NULL;
	p = take_number(p, 2, 31, &day);
	if (!p || day < 1 || day > days_in(year, month))
		return NULL;
	for (unsigned y = 1970; y < year; y++)
		days += is_leap(y) ? 366 : 365;
	for (unsigned m = 1; m < month; m++)
		days += days_in(year, m);
	*ret_ns = (days + day - 1) * SEC_PER_DAY * NS_PER_SEC;
	return p;
}

/* Z, +01, +0100, -03:30; nothing: the recording's own */
static const char *take_zone(const char *p, bool *ret_given, int64_t *ret_off_s)
{
	unsigned hour, min = 0;
	int sign = *p == '-' ? -1 : 1;

	*ret_given = *p != '\0';
	*ret_off_s = 0;
	if (!*p)
		return p;
	if (*p == 'Z' || *p == 'z')
		return p + 1;
	if (*p != '+' && *p != '-')
		return NULL;
	p = take_number(p + 1, 2, 14, &hour);
	if (p && *p) {
		p += *p == ':';
		p = take_number(p, 2, 59, &min);
	}
	if (p)
		*ret_off_s = sign * (int64_t)(hour * 3600 + min * 60);
	return p;
}

static int parse_date(const char *text, struct when *ret)
{
	uint64_t date_ns, clock_ns = 0;
	int64_t off_s = 0;
	bool zoned = false;
	const char *p = take_date(text, &date_ns);

	if (p && (*p == ' ' || *p == 'T' || *p == 't')) {
		p = take_clock(p + 1, &clock_ns);
		p = p ? take_zone(p, &zoned, &off_s) : NULL;
	}
	if (!p || *p)
		return -EINVAL;
	ret->kind = zoned ? WHEN_ABSOLUTE : WHEN_LOCAL;
	ret->ns = date_ns + clock_ns - (uint64_t)(off_s * (int64_t)NS_PER_SEC);
	return 0;
}

int when_parse(const char *text, struct when *ret_when)
{
	struct when w = {.kind = WHEN_AGO};
	const char *p;

	if (strcmp(text, "now") != 0) {
		if (*text == '-') {
			if (text_parse_duration(text + 1, &w.ns))
				return -EINVAL;
		} else if (strlen(text) > 4 && text[4] == '-') {
			if (parse_date(text, &w))
				return -EINVAL;
		} else {
			w.kind = WHEN_CLOCK;
			p = take_clock(text, &w.ns);
			if (!p || *p)
				return -EINVAL;
		}
	}
	*ret_when = w;
	return 0;
}

uint64_t when_resolve(const struct when *w, uint64_t end_ns, int32_t gmtoff_s)
{
	uint64_t off_ns = (uint64_t)((int64_t)gmtoff_s * (int64_t)NS_PER_SEC);
	uint64_t day = SEC_PER_DAY * NS_PER_SEC, local, at;

	switch (w->kind) {
	case WHEN_UNSET: return 0;
	case WHEN_AGO: return end_ns > w->ns ? end_ns - w->ns : 0;
	case WHEN_ABSOLUTE: return w->ns;
	case WHEN_LOCAL: return w->ns - off_ns;
	case WHEN_CLOCK: break;
	}
	local = end_ns + off_ns;
	at = local - local % day + w->ns;
	return (at > local ? at - day : at) - off_ns;
}
