// SPDX-License-Identifier: GPL-2.0-only
/* Changes as rows for people, as in the samples: at 80 and at 60 columns. */
#include "output_scene.h"

static void trace_reads_like_the_sample(void **state)
{
	struct scene *s = *state;

	s->r.json = false;
	render_trace_header(&s->b, &s->r);
	assert_string_equal(buf_str(&s->b), "UTC                PID EVENT  WHAT\n");
	s->ev.fork.creator_rss_kb = 819;
	assert_string_equal(text(s, CHANGE_FORK, REC_FORK, 80),
			    "02:11:07.414      4302 fork   of sh[4301], fork, 819 KiB\n");
	s->child.exec_cnt = 1;
	set_time(s, 1100000);
	assert_string_equal(text(s, CHANGE_EXEC, REC_EXEC, 80),
			    "02:11:07.413      4302 exec   /bin/true                       "
			    "1.1ms after fork\n");
	s->child.death = &s->death;
	s->child.flags = PROC_STATUS_KNOWN;
	s->death.exit_ns = BOOT_NS + 19 * NS_PER_MS;
	set_time(s, 19 * NS_PER_MS);
	assert_string_equal(text(s, CHANGE_EXIT, REC_EXIT, 80),
			    "02:11:07.431      4302 exit   0                               "
			    "lived 19ms\n");
	s->child.status = 15;
	s->death.killer = (struct proc_killer){.key = s->shell.key, .comm = "sh", .sig = 15};
	assert_string_equal(text(s, CHANGE_EXIT, REC_EXIT, 80),
			    "02:11:07.431      4302 exit   SIGTERM by sh[4301]             "
			    "lived 19ms\n");
	s->death.killer.sig = 0;
	s->child.status = 11 | 0x80;
	assert_string_equal(text(s, CHANGE_EXIT, REC_EXIT, 60),
			    "02:11:07.431      4302 exit   SIGSEGV, core dumped\n"
			    "                                          lived 19ms\n");
	s->r.style.colour = true;
	assert_string_equal(text(s, CHANGE_EXIT, REC_EXIT, 80),
			    "02:11:07.431      4302 \x1b[31mexit\x1b[0m   SIGSEGV, core dumped"
			    "            lived 19ms\n");
}

static void adoption_names_both_parents(void **state)
{
	struct scene *s = *state;
	struct proc init = {.key = {1, 5}, .comm = "systemd"};

	s->c.other = &init;
	s->c.from = &s->shell;
	assert_string_equal(text(s, CHANGE_ADOPT, REC_EXIT, 80),
			    "02:11:07.414      4302 adopt  by systemd[1], was of sh[4301]\n");
	s->r.json = true;
	assert_non_null(strstr(line(s, CHANGE_ADOPT, REC_EXIT), "\"ppid\":1,"));
	assert_non_null(strstr(buf_str(&s->b), "\"old_ppid\":4301}"));
}

static void long_arguments_wrap_under_their_row(void **state)
{
	struct scene *s = *state;

	s->child.exec_cnt = 1;
	s->child.args =
		str(s,
		    SPAN_LITERAL("/usr/local/bin/convert\0-resize\0"
				 "1024x768>\0"
				 "/srv/images/a long name with blanks in it.png\0out.png\0"),
		    900);
	assert_string_equal(
		text(s, CHANGE_EXEC, REC_EXEC, 80),
		"02:11:07.414      4302 exec   /usr/local/bin/convert -resize '1024x768>'\n"
		"                              '/srv/images/a long name with blanks in it.png'\n"
		"                              out.png ...                     "
		"2.0ms after fork\n");
	assert_string_equal(text(s, CHANGE_EXEC, REC_EXEC, 60),
			    "02:11:07.414      4302 exec   /usr/local/bin/convert -resize\n"
			    "                              '1024x768>' '/srv/images/a\n"
			    "                              long name with blanks in\n"
			    "                              it.png' out.png ...\n"
			    "                                          2.0ms after fork\n");
	s->r.style.wide = true;
	assert_string_equal(
		text(s, CHANGE_EXEC, REC_EXEC, 80),
		"02:11:07.414      4302 exec   /usr/local/bin/convert -resize '1024x768>' "
		"'/srv/images/a long name with blanks in it.png' out.png ...  "
		"2.0ms after fork\n");
}

/* However long and hostile: no row is wider than the terminal. */
static void no_row_is_wider_than_the_terminal(void **state)
{
	struct scene *s = *state;
	char args[512];

	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(args); i++)
			args[i] = (char)(i * round + round / 7);
		s->child.args = str(s, (struct span){args, round + 1}, 900);
		memcpy(s->child.comm, args, 15);
		s->child.exec_cnt = 1;
		for (int columns = 60; columns <= 80; columns += 20) {
			for (int kind = 0; kind < CHANGE_KIND_CNT; kind++) {
				const char *p = text(s, kind, REC_EXEC, columns);

				while (*p) {
					size_t len = strcspn(p, "\n");

					if (text_width((struct span){p, len}) > (size_t)columns)
						fail_msg("wider than %d: %.*s", columns, (int)len,
							 p);
					p += len + 1;
				}
			}
		}
	}
}

static void fates_are_told_in_words(void **state)
{
	static const struct {
		uint32_t status;
		const char *text;
	} cases[] = {
		{0, "0"},           {3 << 8, "exit 3"},
		{15, "SIGTERM"},    {11 | 0x80, "SIGSEGV, core dumped"},
		{37, "SIGRTMIN+3"}, {0x7f, "signal 127"},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&s->b);
		render_fate(&s->b, cases[i].status);
		assert_string_equal(buf_str(&s->b), cases[i].text);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(trace_reads_like_the_sample),
		TEST(adoption_names_both_parents),
		TEST(long_arguments_wrap_under_their_row),
		TEST(no_row_is_wider_than_the_terminal),
		TEST(fates_are_told_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
