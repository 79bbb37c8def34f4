// SPDX-License-Identifier: GPL-2.0-only
#include "base/text.h"
#include "base/utf8_tables.h"

#define CP_REPLACEMENT        0xfffd
#define CP_FIRST_HIDDEN_PLANE 0x40000

#define RANGE_CNT(a) (sizeof(a) / sizeof((a)[0]))

static bool cp_in(const struct cp_range *ranges, size_t cnt, uint32_t cp)
{
	size_t lo = 0, hi = cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cp > ranges[mid].last)
			lo = mid + 1;
		else if (cp < ranges[mid].first)
			hi = mid;
		else
			return true;
	}
	return false;
}

bool utf8_is_hidden(uint32_t cp)
{
	if (cp < 0x7f)
		return cp < 0x20;
	if (cp == 0x7f || cp >= CP_FIRST_HIDDEN_PLANE)
		return true;
	return cp_in(cp_hidden, RANGE_CNT(cp_hidden), cp);
}

int utf8_width(uint32_t cp)
{
	if (cp < cp_zero[0].first)
		return 1;
	if (cp_in(cp_zero, RANGE_CNT(cp_zero), cp))
		return 0;
	return cp_in(cp_wide, RANGE_CNT(cp_wide), cp) ? 2 : 1;
}

/* Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing over U+10FFFF. */
size_t utf8_next(struct span s, uint32_t *ret_cp, bool *ret_valid)
{
	const uint8_t *p = (const uint8_t *)s.data;
	uint8_t low = 0x80, high = 0xbf;
	size_t len;
	uint32_t cp;

	*ret_cp = CP_REPLACEMENT;
	*ret_valid = false;
	if (s.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret_cp = p[0];
		*ret_valid = true;
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (s.len < len)
		return 1;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 1;
	cp = p[0] & (0xff >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	*ret_cp = cp;
	*ret_valid = true;
	return len;
}

bool utf8_is_valid(struct span s)
{
	uint32_t cp;
	bool valid;

	while (s.len) {
		size_t len = utf8_next(s, &cp, &valid);

		if (!valid)
			return false;
		s.data += len;
		s.len -= len;
	}
	return true;
}
