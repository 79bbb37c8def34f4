// SPDX-License-Identifier: GPL-2.0-only
/* Durations, sizes and counts: people's notation out and in. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"

#define NS_PER_MIN  (60 * NS_PER_SEC)
#define NS_PER_HOUR (60 * NS_PER_MIN)
#define NS_PER_DAY  (24 * NS_PER_HOUR)

struct unit {
	const char *name;
	uint64_t size;
	unsigned limit; /* from here on the next unit reads better */
};

/* One decimal below ten of a unit, none above. False: rounds up into the next unit. */
static bool put_scaled(struct buf *b, uint64_t v, const struct unit *u, const char *gap)
{
	uint64_t whole = v / u->size, rest = v % u->size;
	uint64_t tenths, rounded;

	if (u->size == 1) {
		if (whole >= u->limit)
			return false;
		buf_put_u64(b, whole);
	} else {
		tenths = whole * 10 + (uint64_t)(((__uint128_t)rest * 10 + u->size / 2) / u->size);
		rounded = whole + (rest >= u->size - u->size / 2);
		if (rounded >= u->limit)
			return false;
		if (whole < 10 && tenths < 100) {
			buf_put_u64(b, tenths / 10);
			buf_put_char(b, '.');
			buf_put_char(b, '0' + tenths % 10);
		} else {
			buf_put_u64(b, rounded);
		}
	}
	buf_put_str(b, gap);
	buf_put_str(b, u->name);
	return true;
}

static void put_two_units(struct buf *b, uint64_t major, const char *major_name, uint64_t minor,
			  const char *minor_name, bool pad)
{
	buf_put_u64(b, major);
	buf_put_str(b, major_name);
	if (minor == 0)
		return;
	if (pad && minor < 10)
		buf_put_char(b, '0');
	buf_put_u64(b, minor);
	buf_put_str(b, minor_name);
}

void text_put_duration(struct buf *b, uint64_t ns)
{
	static const struct unit units[] = {
		{"ns", 1, 1000},
		{"us", NS_PER_US, 1000},
		{"ms", NS_PER_MS, 1000},
		{"s", NS_PER_SEC, 60},
	};

	for (size_t i = 0; ns < NS_PER_MIN && i < sizeof(units) / sizeof(units[0]); i++) {
		if (put_scaled(b, ns, &units[i], ""))
			return;
	}
	if (ns < NS_PER_MIN)
		ns = NS_PER_MIN; /* 59.7s */
	if (ns < NS_PER_HOUR)
		put_two_units(b, ns / NS_PER_MIN, "m", ns % NS_PER_MIN / NS_PER_SEC, "s", true);
	else if (ns < NS_PER_DAY)
		put_two_units(b, ns / NS_PER_HOUR, "h", ns % NS_PER_HOUR / NS_PER_MIN, "m", true);
	else if (ns < 10 * NS_PER_DAY)
		put_two_units(b, ns / NS_PER_DAY, "d ", ns % NS_PER_DAY / NS_PER_HOUR, "h", false);
	else
		put_two_units(b, ns / NS_PER_DAY, "d", 0, "", false);
	if (b->len && b->data[b->len - 1] == ' ')
		b->len--; /* exactly 3d */
}

void text_put_age(struct buf *b, uint64_t ns)
{
	if (ns < NS_PER_MIN)
		text_put_duration(b, ns);
	else if (ns < NS_PER_HOUR)
		put_two_units(b, ns / NS_PER_MIN, "m", 0, "", false);
	else if (ns < NS_PER_DAY)
		put_two_units(b, ns / NS_PER_HOUR, "h", 0, "", false);
	else
		put_two_units(b, ns / NS_PER_DAY, "d", 0, "", false);
}

void text_put_bytes(struct buf *b, uint64_t bytes)
{
	static const struct unit units[] = {
		{"B", 1, 1000},
		{"KiB", 1ULL << 10, 1000},
		{"MiB", 1ULL << 20, 1000},
		{"GiB", 1ULL << 30, 1000},
		{"TiB", 1ULL << 40, 1000},
		{"PiB", 1ULL << 50, 1000},
		{"EiB", 1ULL << 60, 1000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (put_scaled(b, bytes, &units[i], " "))
			return;
	}
}

void text_put_count(struct buf *b, uint64_t n)
{
	if (n >= 1000) {
		text_put_count(b, n / 1000);
		n %= 1000;
		buf_put_char(b, ',');
		buf_put_char(b, '0' + n / 100);
		buf_put_char(b, '0' + n / 10 % 10);
		buf_put_char(b, '0' + n % 10);
		return;
	}
	buf_put_u64(b, n);
}

/*
 * Digits, with at most nine after a point where 'ret_nano' is given (1.5 -> 1 and 500,000,000).
 * 0, -EINVAL without a digit, -ERANGE.
 */
static int parse_number(const char **p, uint64_t *ret_whole, uint64_t *ret_nano)
{
	const char *s = *p;
	uint64_t whole = 0, nano = 0, unit = 100000000;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *s - '0', &whole))
			return -ERANGE;
	}
	if (*s == '.' && ret_nano) {
		s++;
		if (*s < '0' || *s > '9')
			return -EINVAL;
		for (; *s >= '0' && *s <= '9'; s++) {
			nano += (*s - '0') * unit;
			unit /= 10;
		}
	}
	*ret_whole = whole;
	if (ret_nano)
		*ret_nano = nano;
	*p = s;
	return 0;
}

int text_parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{"ns", 1, 0},         {"us", NS_PER_US, 0},     {"ms", NS_PER_MS, 0},
		{"s", NS_PER_SEC, 0}, {"m", NS_PER_MIN, 0},     {"h", NS_PER_HOUR, 0},
		{"d", NS_PER_DAY, 0}, {"w", 7 * NS_PER_DAY, 0},
	};
	uint64_t total = 0, last = UINT64_MAX;

	do {
		uint64_t size = 0, whole, nano, part;
		size_t len;

		if (parse_number(&s, &whole, &nano))
			return -EINVAL;
		len = strspn(s, "abcdefghijklmnopqrstuvwxyz");
		if (len == 0 && *s == '\0' && last == UINT64_MAX)
			size = NS_PER_SEC;
		for (size_t i = 0; len && i < sizeof(units) / sizeof(units[0]); i++) {
			if (strlen(units[i].name) == len && strncmp(units[i].name, s, len) == 0)
				size = units[i].size;
		}
		if (size == 0 || size >= last) /* 1h30m, not 30m1h and not 1s1s */
			return -EINVAL;
		last = size;
		part = (uint64_t)((__uint128_t)nano * size / NS_PER_SEC);
		if (__builtin_mul_overflow(whole, size, &whole) ||
		    __builtin_add_overflow(total, whole, &total) ||
		    __builtin_add_overflow(total, part, &total))
			return -EINVAL;
		s += len;
	} while (*s);
	*ret_ns = total;
	return 0;
}

int text_parse_bytes(const char *s, uint64_t *ret_bytes)
{
	static const char prefixes[] = "kmgtpe";
	const char *prefix;
	unsigned shift = 0;
	uint64_t n;
	int err;

	err = parse_number(&s, &n, NULL);
	if (err)
		return err;
	prefix = *s ? strchr(prefixes, *s | 0x20) : NULL;
	if (prefix) {
		shift = 10 * (prefix - prefixes + 1);
		s++;
		if (strcasecmp(s, "ib") == 0)
			s += 2;
	}
	if (strcasecmp(s, "b") == 0)
		s++;
	if (*s)
		return -EINVAL;
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = n << shift;
	return 0;
}
