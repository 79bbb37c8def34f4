// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* 1: goes into a JSON string as it is */
static const uint8_t json_plain[256] = {
	[' '] = 1,
	['!'] = 1,
	['#' ... '['] = 1,
	[']' ... '~'] = 1,
};

/* ,"NAME": in one piece: there are some twenty a line. 'open': what the value begins with, or 0. */
static void put_name_open(struct json *j, const char *name, const char *suffix, char open)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);
	char *start = buf_room(j->out, len + suffix_len + 5), *p = start;

	if (!p)
		return;
	*p = ',';
	p += !j->first;
	j->first = false;
	*p++ = '"';
	p = mempcpy(p, name, len);
	p = mempcpy(p, suffix, suffix_len);
	*p++ = '"';
	*p++ = ':';
	*p = open;
	p += open != 0;
	j->out->len += p - start;
}

static void put_name(struct json *j, const char *name, const char *suffix)
{
	put_name_open(j, name, suffix, 0);
}

void json_begin(struct json *j, struct buf *out, const char *event)
{
	*j = (struct json){.out = out, .first = true};
	buf_put_char(out, '{');
	json_str(j, "event", span_of(event));
}

void json_u64(struct json *j, const char *name, uint64_t v)
{
	put_name(j, name, "");
	buf_put_u64(j->out, v);
}

void json_i64(struct json *j, const char *name, int64_t v)
{
	put_name(j, name, "");
	buf_put_i64(j->out, v);
}

void json_bool(struct json *j, const char *name, bool v)
{
	put_name(j, name, "");
	buf_put_str(j->out, v ? "true" : "false");
}

static void put_u16_escape(struct buf *b, unsigned v)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = {'\\',       'u', hex[v >> 12 & 15], hex[v >> 8 & 15], hex[v >> 4 & 15],
			hex[v & 15]};

	buf_put(b, text, sizeof(text));
}

static void put_cp_escape(struct buf *b, uint32_t cp)
{
	if (cp > 0xffff) {
		put_u16_escape(b, 0xd800 + ((cp - 0x10000) >> 10));
		put_u16_escape(b, 0xdc00 + ((cp - 0x10000) & 0x3ff));
	} else {
		put_u16_escape(b, cp);
	}
}

static void put_ascii_escape(struct buf *b, char c)
{
	static const char short_from[] = "\"\\\n\t\r\b\f", short_to[] = "\"\\ntrbf";
	const char *p = c ? strchr(short_from, c) : NULL;

	if (!p) {
		put_u16_escape(b, (uint8_t)c);
		return;
	}
	buf_put_char(b, '\\');
	buf_put_char(b, short_to[p - short_from]);
}

/* How many bytes from the start go out as they are; eight at a time while all of them do. */
static size_t plain_len(struct span v)
{
	const uint64_t ones = 0x0101010101010101ULL, tops = ones << 7;
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= v.len; i += sizeof(w)) {
		uint64_t quote, slash, bad;

		memcpy(&w, v.data + i, sizeof(w));
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		/* a byte below 0x20, a quote, a backslash, 0x7f or a top bit sets its top bit here */
		bad = ((w - ones * 0x20) | (quote - ones) | (slash - ones) | w | (w + ones)) & tops;
		if (bad)
			break;
	}
	while (i < v.len && json_plain[(uint8_t)v.data[i]])
		i++;
	return i;
}

/* The string in quotes. False: some bytes were not UTF-8. */
static bool put_string(struct buf *b, struct span v)
{
	bool all_valid = true;

	buf_put_char(b, '"');
	while (v.len) {
		size_t len = plain_len(v);
		uint32_t cp;
		bool valid;

		if (len) {
			buf_put(b, v.data, len);
		} else if ((uint8_t)v.data[0] < 0x80) {
			put_ascii_escape(b, v.data[0]);
			len = 1;
		} else {
			len = utf8_next(v, &cp, &valid);
			all_valid &= valid;
			if (!valid)
				buf_put(b, "\xef\xbf\xbd", 3);
			else if (utf8_is_hidden(cp))
				put_cp_escape(b, cp);
			else
				buf_put(b, v.data, len);
		}
		v.data += len;
		v.len -= len;
	}
	buf_put_char(b, '"');
	return all_valid;
}

static void put_base64(struct buf *b, struct span v)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)v.data;

	buf_put_char(b, '"');
	for (size_t i = 0; i < v.len; i += 3) {
		size_t left = v.len - i;
		uint32_t bits = p[i] << 16 | (left > 1 ? p[i + 1] << 8 : 0) |
				(left > 2 ? p[i + 2] : 0);
		char quad[4] = {
			digits[bits >> 18],
			digits[bits >> 12 & 63],
			left > 1 ? digits[bits >> 6 & 63] : '=',
			left > 2 ? digits[bits & 63] : '=',
		};

		buf_put(b, quad, sizeof(quad));
	}
	buf_put_char(b, '"');
}

void json_str(struct json *j, const char *name, struct span v)
{
	put_name(j, name, "");
	if (put_string(j->out, v))
		return;
	put_name(j, name, "_b64");
	put_base64(j->out, v);
}

/* The next of NUL-ended elements; the last may lack its NUL where the bytes were cut. */
static bool next_arg(struct span *args, struct span *ret_arg)
{
	const char *end;
	size_t len;

	if (args->len == 0)
		return false;
	end = memchr(args->data, '\0', args->len);
	len = end ? (size_t)(end - args->data) : args->len;
	*ret_arg = (struct span){args->data, len};
	len += end != NULL;
	args->data += len;
	args->len -= len;
	return true;
}

void json_args(struct json *j, const char *name, struct span args)
{
	struct span rest = args, arg;
	bool all_valid = true, first = true;

	put_name(j, name, "");
	buf_put_char(j->out, '[');
	for (; next_arg(&rest, &arg); first = false) {
		if (!first)
			buf_put_char(j->out, ',');
		all_valid &= put_string(j->out, arg);
	}
	buf_put_char(j->out, ']');
	if (all_valid)
		return;

	put_name(j, name, "_b64");
	buf_put_char(j->out, '[');
	for (rest = args, first = true; next_arg(&rest, &arg); first = false) {
		if (!first)
			buf_put_char(j->out, ',');
		put_base64(j->out, arg);
	}
	buf_put_char(j->out, ']');
}

void json_raw_str(struct json *j, const char *name)
{
	put_name_open(j, name, "", '"');
}

void json_list(struct json *j, const char *name, const char *const *words, size_t cnt)
{
	put_name(j, name, "");
	buf_put_char(j->out, '[');
	for (size_t i = 0; i < cnt; i++) {
		if (i)
			buf_put_char(j->out, ',');
		put_string(j->out, span_of(words[i]));
	}
	buf_put_char(j->out, ']');
}

void json_end(struct json *j)
{
	buf_put(j->out, "}\n", 2);
}
