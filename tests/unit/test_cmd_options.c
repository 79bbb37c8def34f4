// SPDX-License-Identifier: GPL-2.0-only
/* Words on the command line: every one understood, or named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "test_cmd_stubs.h"

#define MAX_WORDS 40

struct line {
	char *argv[MAX_WORDS + 1];
	char text[512];
	int argc;
};

/* A command line written with blanks; '_' stands for an empty word. */
static void split(struct line *l, const char *text)
{
	char *save = NULL;

	memset(l, 0, sizeof(*l));
	snprintf(l->text, sizeof(l->text), "%s", text);
	for (char *w = strtok_r(l->text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(l->argc < MAX_WORDS);
		if (strcmp(w, "_") == 0)
			*w = '\0';
		l->argv[l->argc++] = w;
	}
}

/* As main() does it; opt's strings point into l. */
static int parse(struct line *l, const char *text, struct options *opt)
{
	const struct command *cmd;
	int at;

	split(l, text);
	at = options_find_command(l->argc, l->argv);
	cmd = command_find(at ? l->argv[at] : "");
	assert_non_null(cmd);
	return options_parse(opt, cmd, l->argc, l->argv, at);
}

static void everything_is_unset_first(void **state)
{
	struct options opt;
	struct line l;

	assert_int_equal(parse(&l, "proctrail trace", &opt), 0);
	assert_true(opt.duration_ns == DURATION_UNSET);
	assert_int_equal(opt.uid, -1);
	assert_int_equal(opt.pid, 0);
	assert_null(opt.cmd);
	assert_false(opt.json);
}

static void values_of_every_kind(void **state)
{
	struct options opt;
	struct line l;

	assert_int_equal(
		parse(&l,
		      "proctrail trace --pid 42 --uid=0 --comm py* --match=^a.b$ --state DZ "
		      "--duration 1h30m --ring 64K --args-max 4096 --max-procs 100000 "
		      "--events fork,exit --signals=all --threads -vv -o out",
		      &opt),
		0);
	assert_int_equal(opt.pid, 42);
	assert_int_equal(opt.uid, 0);
	assert_string_equal(opt.comm, "py*");
	assert_string_equal(opt.match, "^a.b$");
	assert_string_equal(opt.states, "DZ");
	assert_true(opt.duration_ns == 5400ULL * 1000000000);
	assert_int_equal(opt.ring_bytes, 65536);
	assert_int_equal(opt.args_max, 4096);
	assert_int_equal(opt.max_procs, 100000);
	assert_string_equal(opt.events, "fork,exit");
	assert_true(opt.signals && opt.all_signals && opt.threads);
	assert_int_equal(opt.verbose, 2);
	assert_string_equal(opt.out_path, "out");
}

static void letters_together_and_values_attached(void **state)
{
	struct options opt;
	struct line l;

	assert_int_equal(parse(&l, "proctrail tree -kvofile", &opt), 0);
	assert_true(opt.kthreads);
	assert_int_equal(opt.verbose, 1);
	assert_string_equal(opt.out_path, "file");
}

static void options_stand_anywhere_before_the_dashes(void **state)
{
	struct options opt;
	struct line l;

	assert_int_equal(parse(&l, "proctrail --json -o x trace --utc -- ls --json -k", &opt), 0);
	assert_true(opt.json && opt.utc);
	assert_string_equal(opt.out_path, "x");
	assert_string_equal(opt.cmd[0], "ls");
	assert_string_equal(opt.cmd[1], "--json");
	assert_string_equal(opt.cmd[2], "-k");
	assert_null(opt.cmd[3]);
}

static void a_value_is_no_command(void **state)
{
	struct options opt;
	struct line l;

	/* 'tree' is the file's name here: the bare program */
	assert_int_equal(parse(&l, "proctrail -o tree --json", &opt), 0);
	assert_string_equal(opt.out_path, "tree");
	assert_int_equal(parse(&l, "proctrail --output=tree doctor", &opt), 0);
	assert_int_equal(options_find_command(l.argc, l.argv), 2);
}

static void help_takes_a_word(void **state)
{
	struct options opt;
	struct line l;

	assert_int_equal(parse(&l, "proctrail help trace", &opt), 0);
	assert_string_equal(opt.operand, "trace");
	assert_int_equal(parse(&l, "proctrail trace --help", &opt), 0);
	assert_true(opt.help);
}

/* What stderr says about a wrong line. */
static void expect_refusal(const char *text, const char *want)
{
	struct options opt;
	struct line l;
	char said[1024];
	FILE *f = tmpfile();
	int saved, err;
	size_t n;

	assert_non_null(f);
	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(fileno(f), STDERR_FILENO);
	err = parse(&l, text, &opt);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	if (err != -EINVAL || !strstr(said, want) || strchr(said, '\n') != said + n - 1)
		fail_msg("'%s': returned %d\nsaid %swanted '%s', on one line", text, err, said,
			 want);
}

static void every_error_names_the_word(void **state)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{"p --jsn", "unknown option '--jsn'; did you mean --json?"},
		{"p trace --dur 3", "unknown option '--dur'; did you mean --duration?"},
		{"p trace --xyzzy", "unknown option '--xyzzy'; see: proctrail trace --help"},
		{"p trace --xyzzy=3", "unknown option '--xyzzy'"},
		{"p -q", "unknown option '-q'; see: proctrail --help"},
		{"p tree --events fork", "'--events' is no option of tree, only of: trace"},
		{"p version --utc", "'--utc' is no option of version, only of: trace, tree"},
		{"p -k", "'--kernel' is no option of the bare program, only of: tree"},
		{"p tree --json=1", "'--json' takes no value, got '1'"},
		{"p tree --pid", "'--pid' needs a value: --pid P"},
		{"p trace --pid -- ls", "'--pid' needs a value: --pid P"},
		{"p tree --pid 0", "bad value '0' of '--pid'"},
		{"p tree --pid=", "bad value '' of '--pid'"},
		{"p tree --pid 12x", "bad value '12x' of '--pid'"},
		{"p tree --pid +12", "bad value '+12' of '--pid'"},
		{"p tree --pid 4194305", "a number from 1 to 4194304"},
		{"p tree --pid 99999999999999999999", "bad value"},
		{"p tree --uid -1", "bad value '-1' of '--uid'"},
		{"p tree --uid 4294967295", "bad value '4294967295' of '--uid'"},
		{"p tree --duration 3x", "a duration like 500ms, 10s, 5m, 1h30m"},
		{"p tree --duration _", "bad value '' of '--duration'"},
		{"p tree --state Q", "letters out of R S D T t Z X I"},
		{"p tree --match [", "bad value '[' of '--match': "},
		{"p tree --comm=", "bad value '' of '--comm'"},
		{"p trace --ring 100", "a size from 4K to 1G"},
		{"p trace --ring 2G", "a size from 4K to 1G"},
		{"p trace --ring lots", "bad value 'lots' of '--ring'"},
		{"p trace --args-max 65537", "a number from 1 to 65536"},
		{"p trace --max-procs 3", "a number from 64 to 16777216"},
		{"p trace --events fork,frok", "unknown event 'frok' in '--events'"},
		{"p trace --events fork,", "a list like fork,exec,exit"},
		{"p trace --signals=some", "wanted is nothing, or all"},
		{"p trace ls", "unexpected word 'ls'; to run a command: proctrail trace -- ls"},
		{"p trace --", "a command must follow '--'"},
		{"p doctor now", "unexpected word 'now' after doctor"},
		{"p help a b", "unexpected word 'b' after help"},
		{"p doctor -- ls", "doctor runs no command: unexpected '--'"},
		{"p trace --user bob", "'--user' says who runs CMD, and there is none"},
		{"p trace --pid 3 -- ls", "'--pid' and CMD exclude each other"},
		{"p tree -", "unexpected word '-'"},
		{"p trace --from -5m -- ls", "'-r' and 'CMD' exclude each other"},
		{"p tree -r t --at 02:00 --to 03:00", "'--at' and '--to' exclude each other"},
		{"p trace -r t --follow --to 03:00", "'--follow' and '--to' exclude each other"},
		{"p zombies --watch --follow", "'--watch' and '--follow' exclude each other"},
		{"p zombies --watch --json", "'--watch' and '--json' exclude each other"},
		{"p zombies --watch -r t", "'--watch' and '-r' exclude each other"},
		{"p zombies --watch -- ls", "'--watch' and 'CMD' exclude each other"},
		{"p trace --watch", "'--watch' is no option of trace, only of: zombies"},
		{"p trace -r t -- ls", "'-r' and 'CMD' exclude each other"},
		{"p trace -r t --proc /p", "'-r' and '--proc' exclude each other"},
		{"p trace -r t --ring 1M", "'-r' and '--ring' exclude each other"},
		{"p tree -r t --args-max 9", "'-r' and '--args-max' exclude each other"},
		{"p trace -r t --threads", "'-r' and '--threads' exclude each other"},
		{"p record --trigger zombies",
		 "wanted is oom, zombies>100, lost>0 or exit:NAME!=0"},
		{"p trace --trigger oom", "'--trigger' is no option of trace, only of: record"},
		{"p trace --sync 1s", "'--sync' is about a recording that is written"},
		{"p trace --max-size 1G", "'--max-size' is about a recording that is written"},
		{"p tree --max-age 1h", "'--max-age' is about a recording that is written"},
		{"p trace --on-disk-full exit", "'--on-disk-full' is about a recording"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect_refusal(rows[i].line, rows[i].said);
}

/* What is asked about the past is asked of the recorder. */
static void the_past_is_found_by_itself(void **state)
{
	static const char *const lines[] = {"p tree --at -5m", "p trace --from 02:00",
					    "p trace --follow", "p --at 02:00"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct options opt;
		struct line l;

		assert_int_equal(parse(&l, lines[i], &opt), 0);
		assert_non_null(opt.read_path);
		assert_string_equal(opt.read_path, "");
	}
}

static void zombies_are_followed_on_the_machine(void **state)
{
	struct options opt;
	struct line l;

	(void)state;
	assert_int_equal(parse(&l, "p zombies --follow", &opt), 0);
	assert_true(opt.follow);
	assert_null(opt.read_path);
	assert_int_equal(parse(&l, "p zombies --follow -r", &opt), 0);
	assert_non_null(opt.read_path);
}

static void unknown_commands_are_corrected(void **state)
{
	assert_null(command_find("tre"));
	assert_string_equal(command_nearest("tre"), "tree");
	assert_string_equal(command_nearest("trcae"), "trace");
	assert_string_equal(command_nearest("doc"), "doctor");
	assert_null(command_nearest("frobnicate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_unset_first),
		cmocka_unit_test(values_of_every_kind),
		cmocka_unit_test(letters_together_and_values_attached),
		cmocka_unit_test(options_stand_anywhere_before_the_dashes),
		cmocka_unit_test(a_value_is_no_command),
		cmocka_unit_test(help_takes_a_word),
		cmocka_unit_test(every_error_names_the_word),
		cmocka_unit_test(the_past_is_found_by_itself),
		cmocka_unit_test(zombies_are_followed_on_the_machine),
		cmocka_unit_test(unknown_commands_are_corrected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
