// SPDX-License-Identifier: GPL-2.0-only
/* --help, the man page, the completion and the README say what the tables say, no more, no less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ctype.h>

#include "test_cmd_stubs.h"
#include "base/text.h"
#include "cmd/manual.h"
#include "output/render.h"

#define MAX_NAME 64

/* "--max-procs" as the man page writes it: "\-\-max\-procs" */
static void roff_name(const char *name, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "\\-\\-");

	for (; *name && n + 3 < size; name++) {
		if (*name == '-')
			ret[n++] = '\\';
		ret[n++] = *name;
	}
	ret[n] = '\0';
}

static bool is_name_char(char c)
{
	return islower((unsigned char)c) || c == '-';
}

/* The next "--name" from *p on; false at the end. */
static bool next_option(const char **p, char *ret_name, size_t size)
{
	while ((*p = strstr(*p, "--"))) {
		size_t n = 0;

		*p += 2;
		while (is_name_char(**p) && n + 1 < size)
			ret_name[n++] = *(*p)++;
		ret_name[n] = '\0';
		if (n && ret_name[0] != '-')
			return true;
	}
	return false;
}

static void page_without_escapes(struct buf *b, struct span page)
{
	for (size_t i = 0; i < page.len; i++)
		if (page.data[i] != '\\' || i + 1 == page.len || page.data[i + 1] != '-')
			buf_put_char(b, page.data[i]);
	buf_str(b);
}

static void the_page_uses_only_what_is_rendered(void **state)
{
	unsigned line = manual_check(manual_text());

	if (line)
		fail_msg("man/proctrail.8:%u: a request or escape that the renderer lacks", line);
}

static void the_page_in_the_binary_is_the_file(void **state)
{
	struct buf file = read_whole("man/proctrail.8");
	struct span page = manual_text();

	assert_true(span_equals(page, (struct span){file.data, file.len}));
	buf_release(&file);
}

static void every_option_is_in_the_page(void **state)
{
	struct buf page = read_whole("man/proctrail.8");
	char name[MAX_NAME];

	for (const struct option_row *row = option_rows; row->name; row++) {
		roff_name(row->name, name, sizeof(name));
		if (!strstr(buf_str(&page), name))
			fail_msg("--%s is not in man/proctrail.8", row->name);
	}
	buf_release(&page);
}

static void the_page_invents_no_option(void **state)
{
	struct buf page = {0};
	char name[MAX_NAME];
	const char *p;

	page_without_escapes(&page, manual_text());
	for (p = buf_str(&page); next_option(&p, name, sizeof(name));)
		/* --pid=host is docker's, and has the same name */
		if (!option_find(name))
			fail_msg("man/proctrail.8 tells of --%s, which does not exist", name);
	buf_release(&page);
}

static void every_command_has_a_section(void **state)
{
	for (const struct command *c = commands; c->name; c++) {
		if (!manual_section(*c->name ? c->name : "proctrail").len)
			fail_msg("man/proctrail.8 has no section '%s'", c->name);
		if (strlen(c->summary) > 68)
			fail_msg("the summary of '%s' does not fit a line of help", c->name);
	}
}

static void every_word_of_the_table_is_an_option(void **state)
{
	char word[MAX_NAME];

	for (const struct command *c = commands; c->name; c++) {
		for (const char *p = c->options; *p; p += strspn(p, " ")) {
			size_t n = strcspn(p, " ");

			snprintf(word, sizeof(word), "%.*s", (int)n, p);
			if (n && !option_find(word))
				fail_msg("command '%s' takes '%s', which is no option", c->name,
					 word);
			p += n;
		}
	}
}

/* The words between [name]=' and ' in the completion's table */
static void completion_of(const char *script, const char *name, struct buf *ret)
{
	char head[MAX_NAME];
	const char *p, *end;

	snprintf(head, sizeof(head), "[%s]='", name);
	p = strstr(script, head);
	if (!p)
		fail_msg("completion/proctrail.bash has no row '%s'", name);
	p += strlen(head);
	end = strchr(p, '\'');
	assert_non_null(end);
	buf_put(ret, p, (size_t)(end - p));
	buf_str(ret);
}

static void completion_has_the_same_options(void **state)
{
	struct buf script = read_whole("completion/proctrail.bash");

	for (const struct command *c = commands; c->name; c++) {
		struct buf words = {0};
		char name[MAX_NAME];
		const char *p;
		size_t in_table = 0, in_script = 0;

		completion_of(buf_str(&script), *c->name ? c->name : "bare", &words);
		for (p = buf_str(&words); next_option(&p, name, sizeof(name)); in_script++)
			if (!option_find(name) || !option_belongs(option_find(name), c))
				fail_msg("completion offers --%s to '%s'", name, c->name);
		for (const struct option_row *row = option_rows; row->name; row++)
			in_table += option_belongs(row, c);
		if (in_table != in_script)
			fail_msg("'%s' takes %zu options, completion offers %zu", c->name, in_table,
				 in_script);
		buf_release(&words);
		if (*c->name && !strstr(buf_str(&script), c->name))
			fail_msg("completion does not know '%s'", c->name);
	}
	buf_release(&script);
}

static void the_readme_invents_nothing(void **state)
{
	struct buf text = read_whole("README.md");
	char name[MAX_NAME];
	const char *p;

	for (p = buf_str(&text); next_option(&p, name, sizeof(name));)
		if (!option_find(name))
			fail_msg("README.md tells of --%s, which does not exist", name);
	for (p = buf_str(&text); (p = strstr(p, "proctrail ")); p++) {
		size_t n = 0;

		if (p > text.data && (p[-1] == '/' || p[-1] == ' ' || p[-1] == '`')) {
			const char *w = p + strlen("proctrail ");

			while (islower((unsigned char)w[n]) && n + 1 < sizeof(name))
				n++;
			snprintf(name, sizeof(name), "%.*s", (int)n, w);
			/* prose goes on in small letters; a command line begins at sudo, $ or ` */
			if (n && (p[-1] == '`' || strncmp(p - 5, "sudo ", 5) == 0) &&
			    !command_find(name))
				fail_msg("README.md tells of '%s', which is no command", name);
		}
	}
	buf_release(&text);
}

static void events_exist_and_are_explained(void **state)
{
	static const char *const names[] = {"fork",  "exec",   "exit", "zombie", "reap",
					    "adopt", "signal", "stop", "cont",   "rename",
					    "oom",   "lost",   "heal", "fact"};
	struct buf page = read_whole("man/proctrail.8"),
		   script = read_whole("completion/proctrail.bash");
	char tag[MAX_NAME];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!event_format_find(names[i]))
			fail_msg("'%s' is no event", names[i]);
		snprintf(tag, sizeof(tag), "B %s\n", names[i]);
		if (!strstr(buf_str(&page), tag) && strcmp(names[i], "stop") &&
		    strcmp(names[i], "cont"))
			fail_msg("man/proctrail.8 does not explain event '%s'", names[i]);
		if (!strstr(buf_str(&script), names[i]))
			fail_msg("completion does not offer event '%s'", names[i]);
	}
	buf_release(&page);
	buf_release(&script);
}

static void check_width(const char *text, size_t columns)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (text_width((struct span){text, len}) > columns)
			fail_msg("wider than %zu: %.*s", columns, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void help_and_manual_fit(void **state)
{
	static const int widths[] = {60, 80};

	for (size_t i = 0; i < 2; i++) {
		struct text_style st = {.columns = widths[i]};
		struct buf b = {0};

		manual_render(&b, &st, manual_text());
		for (const struct command *c = commands; c->name; c++)
			options_put_help(&b, c, &st);
		check_width(buf_str(&b), (size_t)widths[i]);
		assert_null(strchr(buf_str(&b), '\033'));
		assert_null(strstr(buf_str(&b), "\\f"));
		buf_release(&b);
	}
}

static void bold_only_with_colour(void **state)
{
	struct text_style st = {.columns = 80, .colour = true};
	struct buf b = {0};

	manual_render(&b, &st, manual_section("tree"));
	assert_non_null(strstr(buf_str(&b), "\033[1mtree"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_uses_only_what_is_rendered),
		cmocka_unit_test(the_page_in_the_binary_is_the_file),
		cmocka_unit_test(every_option_is_in_the_page),
		cmocka_unit_test(the_page_invents_no_option),
		cmocka_unit_test(every_command_has_a_section),
		cmocka_unit_test(every_word_of_the_table_is_an_option),
		cmocka_unit_test(completion_has_the_same_options),
		cmocka_unit_test(the_readme_invents_nothing),
		cmocka_unit_test(events_exist_and_are_explained),
		cmocka_unit_test(help_and_manual_fit),
		cmocka_unit_test(bold_only_with_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
