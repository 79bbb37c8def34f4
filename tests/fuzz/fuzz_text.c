// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any bytes as a name, a path, a command line, a time. What comes out is safe, fits where it
 * was made to fit, and as JSON still says every byte.
 */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "fuzz.h"

/* ---- text ----------------------------------------------------------------------------------------- */

static void check_text(struct span s, size_t width, bool utf8)
{
	const struct text_style st = {.utf8 = utf8, .columns = 80};
	struct buf b = {0};

	text_put_safe(&b, s, &st);
	fuzz_check_text((struct span){b.data, b.len}, !utf8);
	CHECK(!b.len || !memchr(b.data, '\n', b.len));
	buf_reset(&b);
	text_put_args(&b, s, width & 1, &st);
	fuzz_check_text((struct span){b.data, b.len}, !utf8);
	CHECK(!b.len || !memchr(b.data, '\n', b.len));
	for (int left = 0; left < 2; left++) {
		buf_reset(&b);
		text_put_cut(&b, s, width, left, &st);
		fuzz_check_text((struct span){b.data, b.len}, !utf8);
		CHECK(text_width((struct span){b.data, b.len}) <= width);
	}
	CHECK(!b.err);
	buf_release(&b);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, c);

	CHECK(c && at);
	return (int)(at - digits);
}

static void put_base64_undone(struct buf *b, const char *p, size_t len)
{
	CHECK(len % 4 == 0);
	for (; len; p += 4, len -= 4) {
		size_t gone = len > 4 || p[3] != '=' ? 0 : p[2] == '=' ? 2 : 1;
		uint32_t v = 0;

		for (size_t i = 0; i < 4; i++)
			v = v << 6 | (uint32_t)(i < 4 - gone ? base64_digit(p[i]) : 0);
		for (size_t i = 0; i < 3 - gone; i++)
			buf_put_char(b, (char)(v >> (16 - 8 * i)));
	}
}

/* The raw bytes behind a value, from NAME_b64 where that is, else from NAME: each ended by a NUL. */
static void raw_bytes(struct span line, const char *name, bool list, struct buf *ret)
{
	char b64[32];
	struct buf coded = {0};

	snprintf(b64, sizeof(b64), "%s_b64", name);
	if (!fuzz_json_value(line, b64, &coded)) {
		CHECK(fuzz_json_value(line, name, ret));
		buf_release(&coded);
		return;
	}
	if (!list)
		put_base64_undone(ret, coded.data, coded.len);
	for (size_t at = 0; list && at < coded.len;) {
		size_t len = strnlen(coded.data + at, coded.len - at);

		put_base64_undone(ret, coded.data + at, len);
		buf_put_char(ret, '\0');
		at += len + 1;
	}
	buf_release(&coded);
}

static void check_json(struct span s)
{
	struct buf b = {0}, back = {0};
	struct span line;
	struct json j;

	json_begin(&j, &b, "x");
	json_str(&j, "name", s);
	json_args(&j, "args", s);
	json_end(&j);
	CHECK(!b.err);
	fuzz_check_json((struct span){b.data, b.len});
	CHECK(memchr(b.data, '\n', b.len) == b.data + b.len - 1);
	line = (struct span){b.data, b.len - 1};

	raw_bytes(line, "name", false, &back);
	CHECK(back.len == s.len && (!s.len || !memcmp(back.data, s.data, s.len)));
	buf_reset(&back);
	raw_bytes(line, "args", true, &back);
	if (s.len && s.data[s.len - 1]) /* the last one was cut: its NUL is ours */
		back.len--;
	CHECK(back.len == s.len && (!s.len || !memcmp(back.data, s.data, s.len)));
	buf_release(&back);
	buf_release(&b);
}

/* ---- what people write ----------------------------------------------------------------------------- */

static void check_words(struct span s)
{
	char text[256];
	struct when when;
	uint64_t v;

	if (s.len >= sizeof(text))
		return;
	memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	if (when_parse(text, &when) == 0)
		(void)when_resolve(&when, 1795486267412000000, 3600);
	(void)text_parse_duration(text, &v);
	(void)text_parse_bytes(text, &v);
}

static void check_figures(const uint8_t *data, size_t size)
{
	struct buf b = {0};
	uint64_t v = 0;

	memcpy(&v, data, size < sizeof(v) ? size : sizeof(v));
	text_put_duration(&b, v);
	CHECK(b.len <= 12);
	buf_reset(&b);
	text_put_age(&b, v);
	CHECK(b.len <= 12);
	buf_reset(&b);
	text_put_bytes(&b, v);
	text_put_count(&b, v);
	fuzz_check_text((struct span){b.data, b.len}, true);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = {(const char *)data + !!size, size - !!size};

	check_text(s, size ? data[0] : 0, true);
	check_text(s, size ? data[0] : 0, false);
	check_json(s);
	check_words(s);
	check_figures(data, size);
	return 0;
}
