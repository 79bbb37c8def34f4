// SPDX-License-Identifier: GPL-2.0-only
/* Timelines as a source: words, errors, and whole records back to back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/event.h"
#include "source/script.h"

static void words_are_split_and_unescaped(void **state)
{
	char line[] = "10ms fork pid=7 comm=\"a b\\x1b\\\"\" bare # comment";
	struct script_word w[SCRIPT_WORDS_MAX];

	(void)state;
	assert_int_equal(script_split(line, w), 5);
	assert_string_equal(w[0].key, "10ms");
	assert_string_equal(w[2].value, "7");
	assert_string_equal(w[3].value, "a b\x1b\"");
	assert_int_equal(w[3].value_len, 5);
	assert_null(w[4].value);
}

static void bad_words_are_refused(void **state)
{
	struct script_word w[SCRIPT_WORDS_MAX];
	char open_quote[] = "1ms fork comm=\"a", many[SCRIPT_WORDS_MAX * 2 + 4];
	uint64_t ns;

	(void)state;
	assert_int_equal(script_split(open_quote, w), -EINVAL);
	for (size_t i = 0; i + 1 < sizeof(many); i++)
		many[i] = i % 2 ? ' ' : 'a';
	many[sizeof(many) - 1] = '\0';
	assert_int_equal(script_split(many, w), -EINVAL);
	assert_int_equal(script_parse_time("5", &ns), -EINVAL);
	assert_int_equal(script_parse_time("-5ms", &ns), -EINVAL);
	assert_int_equal(script_parse_time("5 ms", &ns), -EINVAL);
	assert_int_equal(script_parse_time("0", &ns), 0);
	assert_int_equal(script_parse_time("250us", &ns), 0);
	assert_int_equal(ns, 250000);
	assert_int_equal(script_parse_signal("KILL"), 9);
	assert_int_equal(script_parse_signal("SIGTERM"), 15);
	assert_int_equal(script_parse_signal("RTMIN+1"), 35);
	assert_int_equal(script_parse_signal("nonsense"), 0);
}

static void a_bad_line_says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{"1ms frok pid=1", "unknown verb 'frok'"},
		{"1ms fork pid=5 colour=red", "unknown key 'colour'"},
		{"1ms exec", "needs 'pid='"},
		{"1ms exit pid=5 signal=NOPE", "no signal: 'NOPE'"},
		{"1ms fork pid=x", "no number: 'x'"},
		{"1ms fork pid=5 how=magic", "unknown word 'magic'"},
		{"1ms set pid=5 flags=magic", "unknown flag 'magic'"},
		{"soon fork pid=5", "not 'TIME VERB key=value ...': 'soon fork pid=5'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct script *s = script_new();
		struct buf out = {0};

		assert_int_equal(script_line(s, rows[i].line, &out), -EINVAL);
		assert_string_equal(script_error(s), rows[i].error);
		script_free(s);
		buf_release(&out);
	}
}

static void a_file_is_a_source_of_whole_records(void **state)
{
	static const unsigned want[] = {REC_HOST, REC_FORK,   REC_EXEC,
					REC_EXIT, REC_ZOMBIE, REC_REAP};
	char path[] = "/tmp/proctrail-script-XXXXXX";
	int fd = mkstemp(path), err;
	FILE *f = fdopen(fd, "w");
	struct source *src;
	struct span batch;
	size_t cnt = 0;

	(void)state;
	fputs("# a life\n\n1ms fork pid=5 ppid=1\n2ms !rename pid=5 comm=x\n"
	      "2ms exec pid=5 file=/bin/ls args=ls,-l cwd=/a/b\n3ms exit pid=5 code=1\n"
	      "3ms expect zombies 1\n4ms reap pid=5\n",
	      f);
	fclose(f);
	assert_int_equal(script_open(path, &src), 0);
	while ((err = source_next(src, 0, &batch)) == 0) {
		struct cursor c = cursor_of(batch.data, batch.len);
		struct event ev;

		while (c.left) {
			assert_int_equal(event_decode(&c, &ev), 0);
			assert_int_equal(ev.h.type, want[cnt++]);
			if (ev.h.type == REC_EXEC)
				assert_true(span_equals(ev.cwd, SPAN_LITERAL("/a/b")));
		}
	}
	assert_int_equal(err, -ENODATA);
	assert_int_equal(cnt, sizeof(want) / sizeof(*want));
	source_free(src);
	unlink(path);
	assert_int_equal(script_open("/nonexistent/x.ev", &src), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_and_unescaped),
		cmocka_unit_test(bad_words_are_refused),
		cmocka_unit_test(a_bad_line_says_what_is_wrong),
		cmocka_unit_test(a_file_is_a_source_of_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
