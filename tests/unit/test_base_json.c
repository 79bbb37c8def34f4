// SPDX-License-Identifier: GPL-2.0-only
/* JSON lines: any bytes in, one valid line out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"

static const char *line_of(struct buf *b, struct span v)
{
	struct json j;

	buf_reset(b);
	json_begin(&j, b, "e");
	json_str(&j, "v", v);
	json_end(&j);
	return buf_str(b);
}

static void every_type_has_its_form(void **state)
{
	static const char *const words[] = {"pid", "net"};
	struct buf b = {0};
	struct json j;

	(void)state;
	json_begin(&j, &b, "fork");
	json_u64(&j, "u", UINT64_MAX);
	json_i64(&j, "i", -5);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_str(&j, "s", SPAN_LITERAL("a\"b\\c\n\t/"));
	json_str(&j, "empty", (struct span){0});
	json_args(&j, "args", SPAN_LITERAL("sh\0-c\0\0cut"));
	json_args(&j, "none", (struct span){0});
	json_list(&j, "l", words, 2);
	json_list(&j, "l0", words, 0);
	json_end(&j);
	assert_string_equal(buf_str(&b),
			    "{\"event\":\"fork\",\"u\":18446744073709551615,\"i\":-5,\"t\":true,"
			    "\"f\":false,\"s\":\"a\\\"b\\\\c\\n\\t/\",\"empty\":\"\","
			    "\"args\":[\"sh\",\"-c\",\"\",\"cut\"],\"none\":[],"
			    "\"l\":[\"pid\",\"net\"],\"l0\":[]}\n");
	buf_release(&b);
}

static void bytes_that_are_not_utf8_come_twice(void **state)
{
	struct buf b = {0};
	struct json j;

	(void)state;
	assert_string_equal(line_of(&b, SPAN_LITERAL("a\xff"
						     "b")),
			    "{\"event\":\"e\",\"v\":\"a\xef\xbf\xbd"
			    "b\",\"v_b64\":\"Yf9i\"}\n");
	assert_string_equal(line_of(&b, SPAN_LITERAL("\xed\xa0\x80")),
			    "{\"event\":\"e\",\"v\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
			    "\"v_b64\":\"7aCA\"}\n");
	/* U+FFFD itself is valid: no raw bytes needed */
	assert_string_equal(line_of(&b, SPAN_LITERAL("\xef\xbf\xbd")),
			    "{\"event\":\"e\",\"v\":\"\xef\xbf\xbd\"}\n");
	buf_reset(&b);
	json_begin(&j, &b, "e");
	json_args(&j, "args", SPAN_LITERAL("ok\0\xff\0\0"));
	json_end(&j);
	assert_string_equal(buf_str(&b), "{\"event\":\"e\",\"args\":[\"ok\",\"\xef\xbf\xbd\",\"\"],"
					 "\"args_b64\":[\"b2s=\",\"/w==\",\"\"]}\n");
	buf_release(&b);
}

static void what_a_terminal_would_obey_is_escaped(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(line_of(&b, SPAN_LITERAL("\x1b[31m\x7f")),
			    "{\"event\":\"e\",\"v\":\"\\u001b[31m\\u007f\"}\n");
	assert_string_equal(line_of(&b, SPAN_LITERAL("\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81")),
			    "{\"event\":\"e\",\"v\":\"\\u009b\\u202e\\udb40\\udc41\"}\n");
	assert_string_equal(line_of(&b, SPAN_LITERAL("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5")),
			    "{\"event\":\"e\",\"v\":\"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\"}\n");
	buf_release(&b);
}

/* Each byte alone and with neighbours: one line, valid UTF-8, no control byte but the last NL. */
static void any_byte_makes_one_valid_line(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int c = 0; c < 256 * 256; c++) {
		char text[3] = {(char)(c >> 8), (char)c, 'z'};

		line_of(&b, (struct span){text, 3});
		assert_true(utf8_is_valid((struct span){b.data, b.len}));
		for (size_t i = 0; i + 1 < b.len; i++) {
			if ((uint8_t)b.data[i] < 0x20 || b.data[i] == 0x7f)
				fail_msg("bytes %04x: control %02x in %s", c, b.data[i],
					 buf_str(&b));
		}
		assert_int_equal(b.data[b.len - 1], '\n');
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_form),
		cmocka_unit_test(bytes_that_are_not_utf8_come_twice),
		cmocka_unit_test(what_a_terminal_would_obey_is_escaped),
		cmocka_unit_test(any_byte_makes_one_valid_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
