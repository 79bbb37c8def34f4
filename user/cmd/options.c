// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/option_value.h"
#include "cmd/options_check.h"

#define MAX_WORD 64 /* an option's name is never longer */

#define AT(field) offsetof(struct options, field)

/* To add an option: its field, its row, its name in the commands that take it, its entry in the
 * man page's OPTIONS. The order is help's. */
const struct option_row option_rows[] = {
	{.name = "pid",
	 .arg = "P",
	 .kind = OPTION_U32,
	 .offset = AT(pid),
	 .min = 1,
	 .max = 4194304,
	 .help = "only process P and its descendants"},
	{.name = "cgroup",
	 .arg = "PATH",
	 .kind = OPTION_TEXT,
	 .offset = AT(cgroup),
	 .help = "only processes that are, or have been, in this cgroup or below it"},
	{.name = "uid",
	 .arg = "U",
	 .kind = OPTION_UID,
	 .offset = AT(uid),
	 .help = "only processes of user number U, and their descendants"},
	{.name = "comm",
	 .arg = "GLOB",
	 .kind = OPTION_TEXT,
	 .offset = AT(comm),
	 .help = "show only processes whose name matches"},
	{.name = "match",
	 .arg = "REGEX",
	 .kind = OPTION_REGEX,
	 .offset = AT(match),
	 .help = "show only processes whose whole command line matches"},
	{.name = "unit",
	 .arg = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(unit),
	 .help = "show only processes of this systemd unit"},
	{.name = "container",
	 .arg = "ID",
	 .kind = OPTION_TEXT,
	 .offset = AT(container),
	 .help = "show only processes of this container; the first digits suffice"},
	{.name = "state",
	 .arg = "LETTERS",
	 .kind = OPTION_STATES,
	 .offset = AT(states),
	 .help = "show only processes in one of these states: R S D T t Z X I"},
	{.name = "duration",
	 .arg = "T",
	 .kind = OPTION_DURATION,
	 .offset = AT(duration_ns),
	 .help = "watch for T (500ms, 10s, 5m, 1h30m); 0: one look at what is there"},
	{.name = "user",
	 .arg = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(user),
	 .help = "run CMD as this user"},
	{.name = "exact-reap",
	 .kind = OPTION_FLAG,
	 .offset = AT(exact_reap),
	 .help = "reap times by the return of wait calls, where the kernel offers no better "
		 "(doctor): slows every syscall of the machine by about 0.1us"},
	{.name = "all",
	 .kind = OPTION_FLAG,
	 .offset = AT(all),
	 .help = "zombies: parents that reap their children, too; deaths: those that ended "
		 "well, too"},
	{.name = "failed",
	 .kind = OPTION_FLAG,
	 .offset = AT(failed),
	 .help = "only those that a signal or a code other than 0 ended, or nobody knows what: "
		 "so it is unless --all or --signal is given"},
	{.name = "signal",
	 .arg = "NAME",
	 .kind = OPTION_SIGNAL,
	 .offset = AT(signal_nr),
	 .help = "only those that this signal ended: KILL, SIGSEGV, 15"},
	{.name = "stuck",
	 .kind = OPTION_FLAG,
	 .offset = AT(stuck),
	 .help = "everybody who was told to die and lives, or is long in D"},
	{.name = "longer",
	 .arg = "T",
	 .kind = OPTION_DURATION,
	 .offset = AT(longer_ns),
	 .help = "with --stuck: in D for T and longer (default 5s)"},
	{.name = "by",
	 .arg = "WHAT",
	 .kind = OPTION_BY,
	 .offset = AT(by),
	 .help = "a row for each parent, program, unit, container or user; parent unless given"},
	{.name = "slowest",
	 .arg = "N",
	 .kind = OPTION_SIZE,
	 .offset = AT(slowest),
	 .min = 1,
	 .max = 10000,
	 .help = "the N slowest of them, one by one"},
	{.name = "hist",
	 .kind = OPTION_FLAG,
	 .offset = AT(hist),
	 .help = "a histogram of the time from birth to exec"},
	{.name = "fail-if",
	 .arg = "WHAT",
	 .kind = OPTION_FAIL,
	 .offset = AT(fail_if),
	 .help = "exit with 4 when it is so: 'zombies>100'"},
	{.name = "events",
	 .arg = "LIST",
	 .kind = OPTION_EVENTS,
	 .offset = AT(events),
	 .help = "show only these events: fork,exec,exit,..."},
	{.name = "threads",
	 .kind = OPTION_FLAG,
	 .offset = AT(threads),
	 .help = "births and deaths of threads too"},
	{.name = "signals",
	 .arg = "[=all]",
	 .kind = OPTION_SIGNALS,
	 .offset = AT(signals),
	 .help = "signals too; all: also those of timers and runtimes, thousands a second"},
	{.name = "fork-time",
	 .kind = OPTION_FLAG,
	 .offset = AT(fork_time),
	 .help = "time fork calls also where it slows every system call: see doctor"},
	{.name = "exec-failures",
	 .kind = OPTION_FLAG,
	 .offset = AT(exec_failures),
	 .help = "failed exec calls also where it slows every system call: see doctor"},
	{.name = "kernel",
	 .letter = 'k',
	 .kind = OPTION_FLAG,
	 .offset = AT(kthreads),
	 .help = "kernel threads too"},
	{.name = "ring",
	 .arg = "SIZE",
	 .kind = OPTION_BYTES,
	 .offset = AT(ring_bytes),
	 .min = 4096,
	 .max = 1ULL << 30,
	 .help = "size of the kernel's ring buffer, 8M unless given; a power of two"},
	{.name = "max-procs",
	 .arg = "N",
	 .kind = OPTION_SIZE,
	 .offset = AT(max_procs),
	 .min = 64,
	 .max = 1ULL << 24,
	 .help = "processes remembered at most; the dead are forgotten first"},
	{.name = "args-max",
	 .arg = "N",
	 .kind = OPTION_U32,
	 .offset = AT(args_max),
	 .min = 1,
	 .max = 65536,
	 .help = "bytes of a command line kept, 512 unless given"},
	{.name = "args",
	 .arg = "full|exe|none",
	 .kind = OPTION_ARGS,
	 .offset = AT(args_mode),
	 .help = "what of a command line is kept: all of it, its first word, nothing"},
	{.name = "redact",
	 .arg = "REGEX",
	 .kind = OPTION_REGEX,
	 .offset = AT(redact),
	 .help = "hide what matches in arguments, as the known forms of secrets are"},
	{.name = "no-redact",
	 .kind = OPTION_FLAG,
	 .offset = AT(no_redact),
	 .help = "secrets in arguments too"},
	{.name = "read",
	 .arg = "[FILE|DIR]",
	 .letter = 'r',
	 .kind = OPTION_READ,
	 .offset = AT(read_path),
	 .help = "answer from this recording; without a name, the recorder's"},
	{.name = "from",
	 .arg = "TIME",
	 .kind = OPTION_TIME,
	 .offset = AT(from),
	 .help = "of a recording: begin at -10m (before its end), 02:10, '2026-11-24 02:11:07.5'"},
	{.name = "to",
	 .arg = "TIME",
	 .kind = OPTION_TIME,
	 .offset = AT(to),
	 .help = "of a recording: end there"},
	{.name = "at",
	 .arg = "TIME",
	 .kind = OPTION_TIME,
	 .offset = AT(at),
	 .help = "of a recording: as it was then"},
	{.name = "follow",
	 .kind = OPTION_FLAG,
	 .offset = AT(follow),
	 .help = "a line for each event, until Ctrl-C; of a recording: also what is still written"},
	{.name = "watch",
	 .kind = OPTION_FLAG,
	 .offset = AT(watch),
	 .help = "the answer on the whole screen, again every two seconds, until Ctrl-C"},
	{.name = "write",
	 .arg = "FILE|DIR",
	 .letter = 'w',
	 .kind = OPTION_TEXT,
	 .offset = AT(write_path),
	 .help = "record what is seen into FILE, or into a directory of segments"},
	{.name = "sync",
	 .arg = "T",
	 .kind = OPTION_SYNC,
	 .offset = AT(sync_ms),
	 .help = "what a crash may cost: 1s unless given; or none, block"},
	{.name = "max-size",
	 .arg = "SIZE",
	 .kind = OPTION_DISK,
	 .offset = AT(max_size),
	 .min = 1ULL << 20,
	 .max = 1ULL << 50,
	 .help = "room for a directory of segments, 1G unless given"},
	{.name = "max-age",
	 .arg = "T",
	 .kind = OPTION_DURATION,
	 .offset = AT(max_age_ns),
	 .help = "how long its segments are kept, 7d unless given"},
	{.name = "on-disk-full",
	 .arg = "WHAT",
	 .kind = OPTION_FULL,
	 .offset = AT(on_full),
	 .help = "drop-oldest unless given; or pause, exit"},
	{.name = "trigger",
	 .arg = "WHAT",
	 .kind = OPTION_TRIGGER,
	 .offset = AT(triggers),
	 .help = "keep a snapshot when: oom, 'zombies>100', 'lost>0', 'exit:NAME!=0'"},
	{.name = "before",
	 .arg = "T",
	 .kind = OPTION_DURATION,
	 .offset = AT(before_ns),
	 .help = "how far back a snapshot goes, 5m unless given"},
	{.name = "after",
	 .arg = "T",
	 .kind = OPTION_DURATION,
	 .offset = AT(after_ns),
	 .help = "how long a snapshot goes on after its trigger, 1m unless given"},
	{.name = "output",
	 .arg = "FILE",
	 .letter = 'o',
	 .kind = OPTION_TEXT,
	 .offset = AT(out_path),
	 .help = "write the answer to FILE"},
	{.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one JSON object a line"},
	{.name = "utc", .kind = OPTION_FLAG, .offset = AT(utc), .help = "times in UTC"},
	{.name = "wide",
	 .kind = OPTION_FLAG,
	 .offset = AT(wide),
	 .help = "do not cut or fold to fit the terminal"},
	{.name = "proc",
	 .arg = "DIR",
	 .kind = OPTION_TEXT,
	 .offset = AT(proc_dir),
	 .help = "where /proc is"},
	{.name = "verbose",
	 .letter = 'v',
	 .kind = OPTION_COUNT,
	 .offset = AT(verbose),
	 .help = "say more on stderr; -vv: libbpf's and the verifier's words too"},
	{.name = "version",
	 .kind = OPTION_FLAG,
	 .offset = AT(version),
	 .help = "the same as the command version"},
	{.name = "help",
	 .letter = 'h',
	 .kind = OPTION_FLAG,
	 .offset = AT(help),
	 .help = "this text"},
	{0},
};

/* One pass over the words before "--". */
struct words {
	int argc;
	char **argv;
	int at; /* the word looked at */
};

void options_init(struct options *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->duration_ns = DURATION_UNSET;
	opt->before_ns = opt->after_ns = DURATION_UNSET;
	opt->longer_ns = 5 * NS_PER_SEC;
	opt->uid = -1;
	opt->on_full = -1;
}

const struct option_row *option_find(const char *name)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static const struct option_row *option_find_letter(char letter)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (row->letter && row->letter == letter)
			return row;
	return NULL;
}

static bool word_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p && (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

bool option_belongs(const struct option_row *row, const struct command *cmd)
{
	return strcmp(row->name, "help") == 0 || word_listed(cmd->options, row->name);
}

bool option_takes_word(const struct option_row *row)
{
	return row->arg && row->arg[0] != '[';
}

/* The row of a "--name" or "--name=value" word; *ret_value is set behind the '=', or NULL. */
static const struct option_row *find_long(const char *word, const char **ret_value)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	char name[MAX_WORD];

	*ret_value = eq ? eq + 1 : NULL;
	if (len >= sizeof(name))
		return NULL;
	memcpy(name, word, len);
	name[len] = '\0';
	return option_find(name);
}

/* Whether the word after -r is its value: "-r FILE trace" before the command, or "-r trace". */
static bool skips_name(int argc, char **argv, int i)
{
	const char *next = i + 1 < argc ? argv[i + 1] : "-";

	return next[0] != '-' && !command_find(next);
}

int options_find_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct option_row *row;
		const char *value, *w = argv[i];

		if (strcmp(w, "--") == 0)
			return 0;
		if (w[0] != '-' || !w[1])
			return i;
		if (w[1] == '-') {
			row = find_long(w + 2, &value);
			i += row && option_takes_word(row) && !value;
			i += row && row->kind == OPTION_READ && !value && skips_name(argc, argv, i);
			continue;
		}
		for (w++; *w; w++) {
			row = option_find_letter(*w);
			if (row && option_takes_word(row)) {
				i += !w[1];
				break;
			}
			if (row && row->kind == OPTION_READ) {
				i += !w[1] && skips_name(argc, argv, i);
				break;
			}
		}
	}
	return 0;
}

/* Bare -r is the recorder's own: an optional value that may also be the next word. */
static const char *read_value(const struct words *w)
{
	const char *next = w->at + 1 < w->argc ? w->argv[w->at + 1] : "-";

	return next[0] == '-' && next[1] ? NULL : next;
}

static int take(struct options *opt, const struct command *cmd, const struct option_row *row,
		const char *value, struct words *w)
{
	if (!option_belongs(row, cmd))
		return option_say_foreign(cmd, row);
	if (!row->arg && value) {
		log_err(0, "'--%s' takes no value, got '%s'", row->name, value);
		return -EINVAL;
	}
	if (option_takes_word(row) && !value) {
		if (w->at + 1 >= w->argc || strcmp(w->argv[w->at + 1], "--") == 0) {
			log_err(0, "'--%s' needs a value: --%s %s", row->name, row->name, row->arg);
			return -EINVAL;
		}
		value = w->argv[++w->at];
	}
	if (row->kind == OPTION_READ && !value) {
		value = read_value(w);
		w->at += value != NULL;
	}
	return option_value_set(opt, row, value);
}

static int take_long(struct options *opt, const struct command *cmd, const char *word,
		     struct words *w)
{
	const struct option_row *row;
	const char *value;
	char name[MAX_WORD];

	row = find_long(word, &value);
	if (row)
		return take(opt, cmd, row, value, w);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	return option_say_unknown(cmd, name);
}

/* -vvk, -oFILE, -o FILE */
static int take_letters(struct options *opt, const struct command *cmd, const char *letters,
			struct words *w)
{
	int err = 0;

	for (const char *p = letters; *p && !err; p++) {
		const struct option_row *row = option_find_letter(*p);

		if (!row) {
			log_err(0, "unknown option '-%c'; see: proctrail%s%s --help", *p,
				*cmd->name ? " " : "", cmd->name);
			return -EINVAL;
		}
		if (option_takes_word(row) || row->kind == OPTION_READ)
			return take(opt, cmd, row, p[1] ? p + 1 : NULL, w);
		err = take(opt, cmd, row, NULL, w);
	}
	return err;
}

static int take_operand(struct options *opt, const struct command *cmd, const char *word)
{
	if (cmd->takes == TAKES_WORD && !opt->operand) {
		opt->operand = word;
		return 0;
	}
	if (cmd->takes == TAKES_CMD)
		log_err(0, "unexpected word '%s'; to run a command: proctrail %s -- %s ...", word,
			cmd->name, word);
	else
		log_err(0, "unexpected word '%s' after %s", word, option_owner_name(cmd));
	return -EINVAL;
}

static int take_cmd(struct options *opt, const struct command *cmd, struct words *w)
{
	if (cmd->takes != TAKES_CMD) {
		log_err(0, "%s runs no command: unexpected '--'", option_owner_name(cmd));
		return -EINVAL;
	}
	if (w->at + 1 >= w->argc) {
		log_err(0, "a command must follow '--'");
		return -EINVAL;
	}
	opt->cmd = w->argv + w->at + 1;
	return 0;
}

int options_parse(struct options *opt, const struct command *cmd, int argc, char **argv, int skip)
{
	struct words w = {.argc = argc, .argv = argv};
	int err = 0;

	options_init(opt);
	for (w.at = 1; w.at < argc && !err; w.at++) {
		const char *word = argv[w.at];

		if (w.at == skip)
			continue;
		if (strcmp(word, "--") == 0) {
			err = take_cmd(opt, cmd, &w);
			break;
		}
		if (word[0] != '-' || !word[1])
			err = take_operand(opt, cmd, word);
		else if (word[1] == '-')
			err = take_long(opt, cmd, word + 2, &w);
		else
			err = take_letters(opt, cmd, word + 1, &w);
	}
	options_settle(opt, cmd);
	return err || opt->help ? err : options_check(opt, cmd);
}
