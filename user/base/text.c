// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/text.h"

#define PADDING_MIN   4 /* empty words at the end: more than anybody means */
#define MAX_COMBINING 4 /* on one character; more is decoration that covers other lines */

static void put_hex_byte(struct buf *b, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};

	buf_put(b, text, sizeof(text));
}

static size_t plain_ascii_len(struct span s)
{
	size_t i = 0;

	while (i < s.len && s.data[i] >= 0x20 && s.data[i] < 0x7f)
		i++;
	return i;
}

/* A mark needs something to sit on: alone it would change a character of ours. */
static bool mark_fits(uint32_t cp, bool *has_base, unsigned *marks)
{
	if (utf8_width(cp) > 0) {
		*has_base = true;
		*marks = 0;
		return true;
	}
	return *has_base && ++*marks <= MAX_COMBINING;
}

void text_put_safe(struct buf *b, struct span s, const struct text_style *st)
{
	bool has_base = false;
	unsigned marks = 0;

	while (s.len) {
		size_t len = plain_ascii_len(s);
		uint32_t cp;
		bool valid;

		if (len) {
			buf_put(b, s.data, len);
			has_base = true;
			marks = 0;
		} else {
			len = utf8_next(s, &cp, &valid);
			if (!valid || cp < 0x80)
				put_hex_byte(b, s.data[0]);
			else if (utf8_is_hidden(cp))
				buf_printf(b, "\\u{%04x}", cp);
			else if (!st->utf8)
				buf_put_char(b, '?');
			else if (mark_fits(cp, &has_base, &marks))
				buf_put(b, s.data, len);
			else
				buf_printf(b, "\\u{%04x}", cp);
		}
		s.data += len;
		s.len -= len;
	}
}

size_t text_width(struct span s)
{
	size_t width = 0;

	while (s.len) {
		size_t len = plain_ascii_len(s);
		uint32_t cp;
		bool valid;

		if (len) {
			width += len;
		} else {
			len = utf8_next(s, &cp, &valid);
			width += valid ? utf8_width(cp) : 1;
		}
		s.data += len;
		s.len -= len;
	}
	return width;
}

size_t text_fit(struct span s, size_t width, size_t *ret_width)
{
	size_t used = 0, len = 0;

	while (len < s.len) {
		struct span rest = {s.data + len, s.len - len};
		uint32_t cp;
		bool valid;
		size_t step = utf8_next(rest, &cp, &valid);
		size_t columns = valid ? utf8_width(cp) : 1;

		if (used + columns > width)
			break;
		used += columns;
		len += step;
	}
	if (ret_width)
		*ret_width = used;
	return len;
}

/* How many bytes to skip so that the rest takes at most 'width' columns and begins with a base. */
static size_t text_skip(struct span s, size_t total, size_t width)
{
	size_t skip = 0;

	while (skip < s.len) {
		struct span rest = {s.data + skip, s.len - skip};
		uint32_t cp;
		bool valid;
		size_t step = utf8_next(rest, &cp, &valid);
		size_t columns = valid ? utf8_width(cp) : 1;

		if (total <= width && columns > 0)
			break;
		total -= columns;
		skip += step;
	}
	return skip;
}

void text_put_cut(struct buf *b, struct span s, size_t width, bool left,
		  const struct text_style *st)
{
	size_t start = b->len, dots = width > 3 ? 3 : 0, total, keep;
	struct span text;

	text_put_safe(b, s, st);
	if (b->err || st->wide)
		return;
	text = (struct span){b->data + start, b->len - start};
	total = text_width(text);
	if (total <= width)
		return;
	if (!left) {
		b->len = start + text_fit(text, width - dots, NULL);
		buf_pad(b, dots, '.');
		return;
	}
	keep = text.len - text_skip(text, total, width - dots);
	buf_pad(b, dots, '.'); /* makes the room; the bytes are placed below */
	if (b->err)
		return;
	memmove(b->data + start + dots, b->data + start + text.len - keep, keep);
	memset(b->data + start, '.', dots);
	b->len = start + dots + keep;
}

enum quoting { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE, QUOTE_ESCAPED };

/* The lightest quoting under which a shell would read the same bytes again. */
static enum quoting word_quoting(struct span w, const struct text_style *st)
{
	static const char plain[] = "-_./:=+,@%^";
	bool need = w.len == 0, single = false, dangerous = false, has_base = false;
	unsigned marks = 0;

	if (w.len == 1 && (w.data[0] == '[' || w.data[0] == ']'))
		return QUOTE_NONE;
	for (size_t i = 0, step; i < w.len; i += step) {
		struct span rest = {w.data + i, w.len - i};
		uint32_t cp;
		bool valid;

		step = utf8_next(rest, &cp, &valid);
		if (!valid || utf8_is_hidden(cp) || (cp >= 0x80 && !st->utf8))
			return QUOTE_ESCAPED;
		if (!mark_fits(cp, &has_base, &marks))
			return QUOTE_ESCAPED;
		if (cp >= 0x80 || (cp | 0x20) - 'a' < 26 || cp - '0' < 10 || strchr(plain, cp))
			continue;
		need = true;
		single |= cp == '\'';
		dangerous |= strchr("\"$`\\!", cp) != NULL;
	}
	if (!need)
		return QUOTE_NONE;
	if (!single)
		return QUOTE_SINGLE;
	return dangerous ? QUOTE_ESCAPED : QUOTE_DOUBLE;
}

/* $'...': whatever cannot be shown is written as the byte it is */
static void put_escaped_word(struct buf *b, struct span w, const struct text_style *st)
{
	bool has_base = false;
	unsigned marks = 0;

	buf_put_str(b, "$'");
	for (size_t i = 0, step; i < w.len; i += step) {
		struct span rest = {w.data + i, w.len - i};
		uint32_t cp;
		bool valid;

		step = utf8_next(rest, &cp, &valid);
		if (cp == '\n' || cp == '\t') {
			buf_put_str(b, cp == '\n' ? "\\n" : "\\t");
		} else if (cp == '\'' || cp == '\\') {
			buf_put_char(b, '\\');
			buf_put_char(b, cp);
		} else if (valid && !utf8_is_hidden(cp) && (cp < 0x80 || st->utf8) &&
			   mark_fits(cp, &has_base, &marks)) {
			buf_put(b, rest.data, step);
		} else {
			for (size_t k = 0; k < step; k++)
				put_hex_byte(b, rest.data[k]);
		}
	}
	buf_put_char(b, '\'');
}

static void put_word(struct buf *b, struct span w, const struct text_style *st)
{
	switch (word_quoting(w, st)) {
	case QUOTE_NONE: buf_put_span(b, w); break;
	case QUOTE_SINGLE:
		buf_put_char(b, '\'');
		buf_put_span(b, w);
		buf_put_char(b, '\'');
		break;
	case QUOTE_DOUBLE:
		buf_put_char(b, '"');
		buf_put_span(b, w);
		buf_put_char(b, '"');
		break;
	case QUOTE_ESCAPED: put_escaped_word(b, w, st); break;
	}
}

/* Who writes a title over its arguments leaves zeros behind it, which read as a row of empty words. */
static struct span without_padding(struct span args)
{
	size_t len = args.len;

	while (len && !args.data[len - 1])
		len--;
	if (len && args.len - len > PADDING_MIN) /* the first zero ends the last word */
		args.len = len + 1;
	return args;
}

void text_put_args(struct buf *b, struct span args, bool truncated, const struct text_style *st)
{
	bool first = true;

	args = without_padding(args);
	while (args.len) {
		const char *end = memchr(args.data, '\0', args.len);
		size_t len = end ? (size_t)(end - args.data) : args.len;

		if (!first)
			buf_put_char(b, ' ');
		first = false;
		put_word(b, (struct span){args.data, len}, st);
		len += end != NULL;
		args.data += len;
		args.len -= len;
	}
	if (truncated)
		buf_put_str(b, first ? "..." : " ...");
}
