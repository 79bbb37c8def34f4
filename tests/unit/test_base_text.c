// SPDX-License-Identifier: GPL-2.0-only
/* What reaches a terminal: foreign bytes, widths, cutting, figures, times. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

static const struct text_style utf8 = {.utf8 = true, .columns = 80};
static const struct text_style ascii = {.columns = 80};

static const char *safe(struct buf *b, struct span s, const struct text_style *st)
{
	buf_reset(b);
	text_put_safe(b, s, st);
	return buf_str(b);
}

static void no_byte_reaches_a_terminal_that_it_obeys(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[3] = {'a', (char)c, 'b'};
		char expected[8];

		if (c >= 0x20 && c < 0x7f)
			snprintf(expected, sizeof(expected), "a%cb", c);
		else
			snprintf(expected, sizeof(expected), "a\\x%02xb", c);
		assert_string_equal(safe(&b, (struct span){text, 3}, &utf8), expected);
		assert_string_equal(safe(&b, (struct span){text, 3}, &ascii), expected);
	}
	buf_release(&b);
}

static void hidden_characters_are_shown_as_numbers(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"\xc2\x9b"
		 "31m",
		 "\\u{009b}31m"}, /* C1 CSI as UTF-8 */
		{"\xc2\x85", "\\u{0085}"},
		{"\xe2\x80\xae"
		 "exe",
		 "\\u{202e}exe"}, /* bidi override */
		{"\xe2\x81\xa6", "\\u{2066}"},
		{"\xe2\x80\x8f", "\\u{200f}"},
		{"\xd8\x9c", "\\u{061c}"},
		{"\xe2\x80\x8b", "\\u{200b}"}, /* zero width space */
		{"\xe2\x80\xa8", "\\u{2028}"},
		{"\xef\xbb\xbf", "\\u{feff}"},
		{"\xc2\xad", "\\u{00ad}"},
		{"\xf3\xa0\x81\x81", "\\u{e0041}"}, /* tag A */
		{"\xef\xbf\xbf", "\\u{ffff}"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
		{"\xc0\x80", "\\xc0\\x80"},          /* overlong NUL */
		{"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xe2\x82", "\\xe2\\x82"}, /* cut short */
		{"\xcc\x81"
		 "a",
		 "\\u{0301}a"}, /* a mark with nothing to sit on */
		{"a\xcc\x81", "a\xcc\x81"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
		{"back\\slash", "back\\slash"},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(safe(&b, span_of(cases[i].in), &utf8), cases[i].out);
	assert_string_equal(safe(&b, SPAN_LITERAL("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5"), &ascii),
			    "gr?? ?");
	buf_release(&b);
}

/* Every code point, in both styles: the output holds nothing below U+0020 and nothing hidden. */
static void every_code_point_comes_out_harmless(void **state)
{
	struct buf b = {0};

	(void)state;
	for (uint32_t cp = 0x80; cp < 0x110000; cp++) {
		char text[4];
		size_t len = 0;
		struct span rest;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		if (cp < 0x800) {
			text[len++] = 0xc0 | cp >> 6;
		} else if (cp < 0x10000) {
			text[len++] = 0xe0 | cp >> 12;
			text[len++] = 0x80 | (cp >> 6 & 63);
		} else {
			text[len++] = 0xf0 | cp >> 18;
			text[len++] = 0x80 | (cp >> 12 & 63);
			text[len++] = 0x80 | (cp >> 6 & 63);
		}
		text[len++] = 0x80 | (cp & 63);
		assert_true(utf8_is_valid((struct span){text, len}));
		safe(&b, (struct span){text, len}, &utf8);
		rest = (struct span){b.data, b.len};
		while (rest.len) {
			uint32_t got;
			bool valid;
			size_t step = utf8_next(rest, &got, &valid);

			if (!valid || utf8_is_hidden(got))
				fail_msg("U+%04X lets U+%04X through", cp, got);
			rest.data += step;
			rest.len -= step;
		}
		safe(&b, (struct span){text, len}, &ascii);
		for (size_t i = 0; i < b.len; i++)
			assert_true(b.data[i] >= 0x20 && b.data[i] < 0x7f);
	}
	buf_release(&b);
}

static void widths_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(text_width(SPAN_LITERAL("abc")), 3);
	assert_int_equal(text_width(SPAN_LITERAL("a\xcc\x81")), 1);
	assert_int_equal(text_width(SPAN_LITERAL("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	assert_int_equal(text_width(SPAN_LITERAL("\xf0\x9f\x98\x80")), 2);
	assert_int_equal(text_width(SPAN_LITERAL("\xc3\xbc")), 1);
}

static const char *cut(struct buf *b, const char *s, size_t width, bool left)
{
	buf_reset(b);
	buf_put_str(b, "|");
	text_put_cut(b, span_of(s), width, left, &utf8);
	return buf_str(b);
}

static void cutting_keeps_the_width_and_whole_characters(void **state)
{
	static const struct text_style wide = {.utf8 = true, .columns = 80, .wide = true};
	struct buf b = {0};

	(void)state;
	assert_string_equal(cut(&b, "/usr/local/bin/worker", 30, true), "|/usr/local/bin/worker");
	assert_string_equal(cut(&b, "/usr/local/bin/worker", 12, true), "|...in/worker");
	assert_string_equal(cut(&b, "/usr/local/bin/worker", 12, false), "|/usr/loca...");
	assert_string_equal(cut(&b, "/usr/local/bin/worker", 2, true), "|er");
	assert_string_equal(cut(&b, "abcdefgh", 0, true), "|");
	/* seven columns: dots and two wide characters, the third does not fit in what is left */
	assert_string_equal(cut(&b, "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac", 7, true),
			    "|...\xe6\x97\xa5\xe6\x9c\xac");
	/* no mark left alone behind the dots */
	assert_string_equal(cut(&b, "abcde\xcc\x81xyz", 6, true), "|...xyz");
	buf_reset(&b);
	text_put_cut(&b, SPAN_LITERAL("/usr/local/bin/worker"), 5, true, &wide);
	assert_string_equal(buf_str(&b), "/usr/local/bin/worker");
	buf_release(&b);
}

static void arguments_read_like_a_shell_would_take_them(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{SPAN_LITERAL("sh\0-c\0/bin/true; kill -TERM $$\0"),
		 "sh -c '/bin/true; kill -TERM $$'"},
		{SPAN_LITERAL("echo\0don't\0\0a b\0"), "echo \"don't\" '' 'a b'"},
		{SPAN_LITERAL("x\0'$HOME'\0"), "x $'\\'$HOME\\''"},
		{SPAN_LITERAL("a\nb\0\x1b[31m\0\xff\xfe\0"), "$'a\\nb' $'\\x1b[31m' $'\\xff\\xfe'"},
		{SPAN_LITERAL("\xe2\x80\xae"
			      "c\\d\0"),
		 "$'\\xe2\\x80\\xae"
		 "c\\\\d'"},
		{SPAN_LITERAL("[\0-f\0x\0]\0*\0"), "[ -f x ] '*'"},
		{SPAN_LITERAL("tail\0without-nul"), "tail without-nul"},
		{SPAN_LITERAL("none\0\0\0\0"), "none '' '' ''"},
		{SPAN_LITERAL("a title\0\0\0\0\0\0\0"), "'a title'"},
		{SPAN_LITERAL("FOO=bar,baz@host:/x%y+z\0"), "FOO=bar,baz@host:/x%y+z"},
		{SPAN_LITERAL(""), ""},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		text_put_args(&b, cases[i].in, false, &utf8);
		assert_string_equal(buf_str(&b), cases[i].out);
	}
	buf_reset(&b);
	text_put_args(&b, SPAN_LITERAL("cp\0gr\xc3\xbc\0"), true, &ascii);
	assert_string_equal(buf_str(&b), "cp $'gr\\xc3\\xbc' ...");
	buf_release(&b);
}

static void durations_have_one_rule(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text, *age;
	} cases[] = {
		{0, "0ns", "0ns"},
		{812, "812ns", "812ns"},
		{999, "999ns", "999ns"},
		{1000, "1.0us", "1.0us"},
		{9949, "9.9us", "9.9us"},
		{9950, "10us", "10us"},
		{999499, "999us", "999us"},
		{999500, "1.0ms", "1.0ms"},
		{1100000, "1.1ms", "1.1ms"},
		{31000000, "31ms", "31ms"},
		{999500000, "1.0s", "1.0s"},
		{2400000000, "2.4s", "2.4s"},
		{41 * NS_PER_SEC, "41s", "41s"},
		{59600000000, "1m", "1m"},
		{60 * NS_PER_SEC, "1m", "1m"},
		{192 * NS_PER_SEC, "3m12s", "3m"},
		{182 * NS_PER_SEC, "3m02s", "3m"},
		{7440 * NS_PER_SEC, "2h04m", "2h"},
		{7200 * NS_PER_SEC, "2h", "2h"},
		{76 * 3600 * NS_PER_SEC, "3d 4h", "3d"},
		{72 * 3600 * NS_PER_SEC, "3d", "3d"},
		{41 * 86400 * NS_PER_SEC, "41d", "41d"},
		{UINT64_MAX, "213503d", "213503d"},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		text_put_duration(&b, cases[i].ns);
		assert_string_equal(buf_str(&b), cases[i].text);
		buf_reset(&b);
		text_put_age(&b, cases[i].ns);
		assert_string_equal(buf_str(&b), cases[i].age);
	}
	buf_release(&b);
}

static void sizes_and_counts(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{812, "812 B"},
		{1000, "1.0 KiB"},
		{8598323, "8.2 MiB"},
		{38ULL << 30, "38 GiB"},
		{1023 << 10, "1.0 MiB"},
		{UINT64_MAX, "16 EiB"},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		text_put_bytes(&b, cases[i].bytes);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
	buf_reset(&b);
	text_put_count(&b, 999);
	buf_put_char(&b, ' ');
	text_put_count(&b, 1204);
	buf_put_char(&b, ' ');
	text_put_count(&b, 1000005);
	assert_string_equal(buf_str(&b), "999 1,204 1,000,005");
	buf_release(&b);
}

static void durations_and_sizes_are_read_back(void **state)
{
	static const char *const bad[] = {"",
					  "s",
					  "5x",
					  "-5s",
					  "5s5",
					  "1s1s",
					  "30m1h",
					  "1.s",
					  ".5s",
					  " 5",
					  "99999999999999999999",
					  "600000000000d",
					  "5 s"};
	static const char *const bad_bytes[] = {"", "K", "8x", "-1", "8Mx", "8iB", "1.5M"};
	uint64_t v = 77;

	(void)state;
	assert_int_equal(text_parse_duration("5s", &v), 0);
	assert_int_equal(v, 5 * NS_PER_SEC);
	assert_int_equal(text_parse_duration("200ms", &v), 0);
	assert_int_equal(v, 200 * NS_PER_MS);
	assert_int_equal(text_parse_duration("1h30m", &v), 0);
	assert_int_equal(v, 5400 * NS_PER_SEC);
	assert_int_equal(text_parse_duration("1.5s", &v), 0);
	assert_int_equal(v, 1500 * NS_PER_MS);
	assert_int_equal(text_parse_duration("10", &v), 0);
	assert_int_equal(v, 10 * NS_PER_SEC);
	assert_int_equal(text_parse_duration("0", &v), 0);
	assert_int_equal(v, 0);
	v = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (text_parse_duration(bad[i], &v) != -EINVAL)
			fail_msg("'%s' was taken for a duration", bad[i]);
	}
	assert_int_equal(v, 77);

	assert_int_equal(text_parse_bytes("64K", &v), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(text_parse_bytes("8mb", &v), 0);
	assert_int_equal(v, 8 << 20);
	assert_int_equal(text_parse_bytes("1GiB", &v), 0);
	assert_int_equal(v, 1 << 30);
	assert_int_equal(text_parse_bytes("4096", &v), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(text_parse_bytes("12B", &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(text_parse_bytes("16E", &v), -ERANGE);
	for (size_t i = 0; i < sizeof(bad_bytes) / sizeof(bad_bytes[0]); i++) {
		if (text_parse_bytes(bad_bytes[i], &v) != -EINVAL)
			fail_msg("'%s' was taken for a size", bad_bytes[i]);
	}
}

static void times_are_shown_in_the_hosts_zone(void **state)
{
	/* 2026-11-24 01:14:06.412345678 UTC, an hour after boot */
	const uint64_t boot_ns = 3600 * NS_PER_SEC;
	struct wall_clock c = {
		.offset_ns = 1795482846412345678 - 3600 * (int64_t)NS_PER_SEC,
		.gmtoff_s = 3600,
		.zone = "CET",
	};
	struct buf b = {0};

	(void)state;
	clock_put_rfc3339(&b, &c, boot_ns);
	buf_put_char(&b, '|');
	clock_put_time(&b, &c, boot_ns, 3);
	buf_put_char(&b, '|');
	clock_put_time(&b, &c, boot_ns, 0);
	buf_put_char(&b, '|');
	clock_put_date(&b, &c, boot_ns);
	assert_string_equal(buf_str(&b), "2026-11-24T01:14:06.412345678Z|02:14:06.412|02:14:06|"
					 "Tue 24 Nov 02:14:06 CET (+01)");
	buf_reset(&b);
	c.utc = true;
	clock_put_date(&b, &c, boot_ns);
	assert_string_equal(buf_str(&b), "Tue 24 Nov 01:14:06 UTC");
	buf_reset(&b);
	c = (struct wall_clock){.offset_ns = c.offset_ns, .gmtoff_s = -12600, .zone = "\x1b[31m"};
	clock_put_date(&b, &c, boot_ns);
	assert_string_equal(buf_str(&b), "Mon 23 Nov 21:44:06 local (-03:30)");
	buf_release(&b);
}

static void calendar_holds_over_leap_years_and_before_the_epoch(void **state)
{
	static const struct {
		int64_t sec;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000000Z"},
		{-1, "1969-12-31T23:59:59.000000000Z"},
		{951782400, "2000-02-29T00:00:00.000000000Z"},
		{951868800, "2000-03-01T00:00:00.000000000Z"},
		{4107542400, "2100-03-01T00:00:00.000000000Z"},
		{1798761599, "2026-12-31T23:59:59.000000000Z"},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wall_clock c = {.offset_ns = cases[i].sec * (int64_t)NS_PER_SEC};

		buf_reset(&b);
		clock_put_rfc3339(&b, &c, 0);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
	for (int i = 0; i < 64; i++) {
		struct wall_clock c = {.offset_ns = (int64_t)(1ULL << i), .gmtoff_s = INT32_MIN};

		wall_time_of(&c, UINT64_MAX << i); /* any trail may claim this: no overflow */
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_byte_reaches_a_terminal_that_it_obeys),
		cmocka_unit_test(hidden_characters_are_shown_as_numbers),
		cmocka_unit_test(every_code_point_comes_out_harmless),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(cutting_keeps_the_width_and_whole_characters),
		cmocka_unit_test(arguments_read_like_a_shell_would_take_them),
		cmocka_unit_test(durations_have_one_rule),
		cmocka_unit_test(sizes_and_counts),
		cmocka_unit_test(durations_and_sizes_are_read_back),
		cmocka_unit_test(times_are_shown_in_the_hosts_zone),
		cmocka_unit_test(calendar_holds_over_leap_years_and_before_the_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
