// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is safe to show, said a second time and in another way than base/text.c and base/json.c do:
 * none of theirs is called here.
 */
#include <string.h>

#include "fuzz.h"

/* ---- code points --------------------------------------------------------------------------------- */

/* One code point of what must be UTF-8: shortest form, no surrogate. */
static uint32_t take_code_point(const uint8_t **p, const uint8_t *end)
{
	uint32_t cp = *(*p)++, least;
	int more;

	if (cp < 0x80)
		return cp;
	more = cp >= 0xf0 ? 3 : cp >= 0xe0 ? 2 : 1;
	CHECK(cp >= 0xc2 && cp <= 0xf4);
	cp &= 0x3fu >> more;
	least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
	for (; more; more--) {
		CHECK(*p < end && (**p & 0xc0) == 0x80);
		cp = cp << 6 | (*(*p)++ & 0x3f);
	}
	CHECK(cp >= least && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff));
	return cp;
}

/* Cc, what turns the direction of writing, and what is not seen at all */
static bool is_obeyed(uint32_t cp)
{
	static const uint32_t bad[][2] = {
		{0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (cp >= bad[i][0] && cp <= bad[i][1])
			return true;
	}
	return false;
}

void fuzz_check_text(struct span text, bool ascii)
{
	const uint8_t *p = (const uint8_t *)text.data, *end = text.len ? p + text.len : p;

	while (p < end) {
		uint32_t cp = take_code_point(&p, end);

		CHECK(cp == '\n' || !is_obeyed(cp));
		CHECK(!ascii || cp < 0x7f);
	}
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

struct text {
	const char *p, *end;
};

static bool next_is(struct text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static uint32_t take_hex4(struct text *t)
{
	uint32_t v = 0;

	CHECK(t->end - t->p >= 4);
	for (int i = 0; i < 4; i++, t->p++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, *t->p | 0x20);

		CHECK(*t->p && at);
		v = v * 16 + (uint32_t)(at - digits);
	}
	return v;
}

static void put_utf8(struct buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		buf_put_char(b, (char)cp);
	} else if (cp < 0x800) {
		buf_put_char(b, (char)(0xc0 | cp >> 6));
		buf_put_char(b, (char)(0x80 | (cp & 0x3f)));
	} else if (cp < 0x10000) {
		buf_put_char(b, (char)(0xe0 | cp >> 12));
		buf_put_char(b, (char)(0x80 | (cp >> 6 & 0x3f)));
		buf_put_char(b, (char)(0x80 | (cp & 0x3f)));
	} else {
		buf_put_char(b, (char)(0xf0 | cp >> 18));
		buf_put_char(b, (char)(0x80 | (cp >> 12 & 0x3f)));
		buf_put_char(b, (char)(0x80 | (cp >> 6 & 0x3f)));
		buf_put_char(b, (char)(0x80 | (cp & 0x3f)));
	}
}

static void take_escape(struct text *t, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t cp, low;

	CHECK(t->p < t->end);
	at = strchr(names, *t->p);
	if (at && *t->p) {
		buf_put_char(out, bytes[at - names]);
		t->p++;
		return;
	}
	CHECK(next_is(t, 'u'));
	cp = take_hex4(t);
	CHECK(cp < 0xdc00 || cp > 0xdfff);
	if (cp >= 0xd800 && cp <= 0xdbff) {
		CHECK(next_is(t, '\\') && next_is(t, 'u'));
		low = take_hex4(t);
		CHECK(low >= 0xdc00 && low <= 0xdfff);
		cp = 0x10000 + ((cp & 0x3ff) << 10 | (low & 0x3ff));
	}
	put_utf8(out, cp);
}

static void take_string(struct text *t, struct buf *out)
{
	CHECK(next_is(t, '"'));
	while (!next_is(t, '"')) {
		CHECK(t->p < t->end);
		if (next_is(t, '\\'))
			take_escape(t, out);
		else
			buf_put_char(out, *t->p++);
	}
}

static void take_number(struct text *t)
{
	const char *digits;

	(void)next_is(t, '-');
	digits = t->p;
	while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		t->p++;
	CHECK(t->p > digits && (*digits != '0' || t->p == digits + 1));
}

static bool take_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
		return false;
	t->p += len;
	return true;
}

static void take_scalar(struct text *t, struct buf *out)
{
	CHECK(t->p < t->end);
	if (*t->p == '"')
		take_string(t, out);
	else if (!take_word(t, "true") && !take_word(t, "false"))
		take_number(t);
}

/* A NUL after each element of an array */
static void take_value(struct text *t, struct buf *out)
{
	if (!next_is(t, '[')) {
		take_scalar(t, out);
		return;
	}
	if (next_is(t, ']'))
		return;
	do {
		take_scalar(t, out);
		buf_put_char(out, '\0');
	} while (next_is(t, ','));
	CHECK(next_is(t, ']'));
}

/* One flat object; name NULL: only looked through. A name stands once. */
static bool take_object(struct span line, const char *name, struct buf *ret_bytes)
{
	struct text t = {line.data, line.data + line.len};
	struct buf key = {0}, value = {0}, keys = {0};
	bool found = false;

	CHECK(next_is(&t, '{'));
	do {
		buf_reset(&key);
		buf_reset(&value);
		buf_put_char(&key, '|');
		take_string(&t, &key);
		buf_put_char(&key, '|');
		CHECK(!strstr(buf_str(&keys), buf_str(&key)));
		buf_put(&keys, key.data, key.len);
		CHECK(next_is(&t, ':'));
		take_value(&t, &value);
		if (name && key.len == strlen(name) + 2 &&
		    !memcmp(key.data + 1, name, key.len - 2)) {
			buf_put(ret_bytes, value.data, value.len);
			found = true;
		}
	} while (next_is(&t, ','));
	CHECK(next_is(&t, '}') && t.p == t.end);
	buf_release(&key);
	buf_release(&value);
	buf_release(&keys);
	return found;
}

bool fuzz_next_line(struct span *rest, struct span *ret_line)
{
	const char *nl;

	if (!rest->len)
		return false;
	nl = memchr(rest->data, '\n', rest->len);
	ret_line->data = rest->data;
	ret_line->len = nl ? (size_t)(nl - rest->data) : rest->len;
	rest->data += ret_line->len + !!nl;
	rest->len -= ret_line->len + !!nl;
	return true;
}

void fuzz_check_json(struct span lines)
{
	struct span line;

	CHECK(!lines.len || lines.data[lines.len - 1] == '\n');
	fuzz_check_text(lines, false);
	while (fuzz_next_line(&lines, &line))
		take_object(line, NULL, NULL);
}

bool fuzz_json_value(struct span line, const char *name, struct buf *ret_bytes)
{
	return take_object(line, name, ret_bytes);
}
