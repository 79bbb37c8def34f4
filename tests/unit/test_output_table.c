// SPDX-License-Identifier: GPL-2.0-only
/* Wrapping and two-sided lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "output/table.h"

static const char *wrapped(struct buf *b, const char *text, int columns, size_t at, size_t indent)
{
	struct text_style st = {.utf8 = true, .columns = columns};

	buf_reset(b);
	table_put_wrapped(b, &st, span_of(text), at, indent);
	return buf_str(b);
}

static void text_breaks_at_blanks(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(wrapped(&b, "", 60, 0, 2), "\n");
	assert_string_equal(wrapped(&b, "short", 60, 55, 2), "short\n");
	assert_string_equal(wrapped(&b, "one two three four five", 20, 6, 2),
			    "one two three\n  four five\n");
	/* 14 columns are left: the word fits to the last one */
	assert_string_equal(wrapped(&b, "one two threes four", 20, 6, 2),
			    "one two threes\n  four\n");
	buf_release(&b);
}

static void word_too_long_for_any_line_is_broken(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(wrapped(&b, "abcdefghijklmnopqrstuvwxyz0123456789", 20, 4, 4),
			    "abcdefghijklmnop\n    qrstuvwxyz012345\n    6789\n");
	/* too long for the rest of this line only: it gets one of its own */
	assert_string_equal(wrapped(&b, "abcdefghijklm", 20, 12, 4), "\n    abcdefghijklm\n");
	/* never in the middle of a wide character */
	assert_string_equal(wrapped(&b, "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", 21, 16, 16),
			    "\n        \xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\n");
	buf_release(&b);
}

static void nothing_is_wrapped_when_wide(void **state)
{
	struct text_style st = {.columns = 60, .wide = true};
	struct buf b = {0};

	(void)state;
	table_put_wrapped(&b, &st,
			  SPAN_LITERAL("0123456789 0123456789 0123456789 0123456789 "
				       "0123456789 0123456789"),
			  0, 0);
	assert_null(memchr(b.data, '\n', b.len - 1));
	buf_release(&b);
}

static void sides_share_a_line_where_they_fit(void **state)
{
	struct text_style st = {.utf8 = true, .columns = 60};
	struct buf b = {0};

	(void)state;
	table_put_sides(&b, &st, SPAN_LITERAL("642 processes"), SPAN_LITERAL("complete"));
	assert_string_equal(buf_str(&b),
			    "642 processes                                       complete\n");
	buf_reset(&b);
	table_put_sides(&b, &st, SPAN_LITERAL("642 processes; 412 kernel threads hidden (-k)"),
			SPAN_LITERAL("02:14:40 CET, complete"));
	assert_string_equal(buf_str(&b),
			    "642 processes; 412 kernel threads hidden (-k)\n"
			    "                                      02:14:40 CET, complete\n");
	buf_reset(&b);
	table_put_sides(&b, &st, SPAN_LITERAL("alone"), (struct span){0});
	assert_string_equal(buf_str(&b), "alone\n");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_breaks_at_blanks),
		cmocka_unit_test(word_too_long_for_any_line_is_broken),
		cmocka_unit_test(nothing_is_wrapped_when_wide),
		cmocka_unit_test(sides_share_a_line_where_they_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
