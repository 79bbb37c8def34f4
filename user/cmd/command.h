/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_CMD_COMMAND_H
#define PROCTRAIL_CMD_COMMAND_H

#include "cmd/options.h"

/* What scripts rely on (proctrail(8), EXIT STATUS). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_IMPOSSIBLE = 3, /* not permitted or not possible here: doctor says why */
	EXIT_FAIL_IF = 4,
	EXIT_CMD_FAILED = 125, /* our own failure while running CMD */
	EXIT_CMD_NOT_EXECUTABLE = 126,
	EXIT_CMD_NOT_FOUND = 127,
};

enum command_takes {
	TAKES_NOTHING,
	TAKES_CMD,  /* -- CMD... */
	TAKES_WORD, /* one optional operand */
};

struct command {
	const char *name;     /* "" for the bare program */
	const char *summary;  /* one line for help */
	const char *options;  /* names of the options it takes, separated by blanks */
	const char *operands; /* "[-- CMD...]" */
	int (*run)(const struct options *opt); /* returns an exit code */
	enum command_takes takes;
};

/* The visible array: every command, NULL-name-terminated. */
extern const struct command commands[];
const struct command *command_find(const char *name); /* NULL: no such command */
/* The one that is probably meant; NULL: none is near. */
const char *command_nearest(const char *name);
/* "proctrail trace [OPTION]... [-- CMD...]" */
void command_put_usage(struct buf *b, const struct command *cmd);

int cmd_health(const struct options *opt);
int cmd_trace(const struct options *opt);
int cmd_tree(const struct options *opt);
int cmd_record(const struct options *opt);
int cmd_zombies(const struct options *opt);
int cmd_spawns(const struct options *opt);
int cmd_deaths(const struct options *opt);
int cmd_why(const struct options *opt);
int cmd_info(const struct options *opt);
int cmd_doctor(const struct options *opt);
int cmd_help(const struct options *opt);
int cmd_version(const struct options *opt);

/* --help of one command, on stdout; an exit code. */
int help_command(const struct command *cmd, const struct options *opt);

#endif
