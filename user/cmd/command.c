// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/command.h"

#include <string.h>

#include "base/buf.h"

#define OPTIONS_OUTPUT " output json utc wide proc verbose"
#define OPTIONS_SCOPE  " pid cgroup uid"
#define OPTIONS_SHOW   " comm match unit container state"
#define OPTIONS_ARGS   " args redact no-redact"
#define OPTIONS_RUN    " duration user ring max-procs args-max" OPTIONS_ARGS
#define OPTIONS_READ   " read from to at"
#define OPTIONS_WRITE  " write sync max-size max-age on-disk-full"

/* To add a command: its file, its row, its section in man/proctrail.8. The order is help's. */
const struct command commands[] = {
	{
		.name = "",
		.summary = "health of this machine, and what to type next",
		.options = " read at" OPTIONS_OUTPUT " version",
		.run = cmd_health,
	},
	{
		.name = "trace",
		.summary = "births, programs and deaths, one line each, as they happen",
		.options = OPTIONS_SCOPE OPTIONS_SHOW OPTIONS_RUN
		" events threads signals exact-reap fork-time exec-failures" OPTIONS_READ
		" follow" OPTIONS_WRITE OPTIONS_OUTPUT,
		.operands = "[-- CMD...]",
		.takes = TAKES_CMD,
		.run = cmd_trace,
	},
	{
		.name = "tree",
		.summary = "who lives below whom; with --duration or CMD also the dead",
		.options = OPTIONS_SCOPE OPTIONS_SHOW OPTIONS_RUN
		" kernel" OPTIONS_READ OPTIONS_WRITE OPTIONS_OUTPUT,
		.operands = "[-- CMD...]",
		.takes = TAKES_CMD,
		.run = cmd_tree,
	},
	{
		.name = "zombies",
		.summary = "parents that do not reap: why, since when, and what helps",
		.options = OPTIONS_SCOPE OPTIONS_RUN " exact-reap all fail-if" OPTIONS_READ
						     " follow watch" OPTIONS_WRITE OPTIONS_OUTPUT,
		.operands = "[-- CMD...]",
		.takes = TAKES_CMD,
		.run = cmd_zombies,
	},
	{
		.name = "spawns",
		.summary = "what starting programs costs here, and where the time goes",
		.options = OPTIONS_SCOPE OPTIONS_RUN
		" by slowest hist fork-time exec-failures" OPTIONS_READ
		" follow" OPTIONS_WRITE OPTIONS_OUTPUT,
		.operands = "[-- CMD...]",
		.takes = TAKES_CMD,
		.run = cmd_spawns,
	},
	{
		.name = "deaths",
		.summary = "who died, of what, and who killed it",
		.options = OPTIONS_SCOPE OPTIONS_RUN " failed all signal" OPTIONS_READ
						     " follow" OPTIONS_WRITE OPTIONS_OUTPUT,
		.operands = "[-- CMD...]",
		.takes = TAKES_CMD,
		.run = cmd_deaths,
	},
	{
		.name = "why",
		.summary = "what happened to a process, and why it is where it is",
		.options = "stuck longer read from to" OPTIONS_ARGS OPTIONS_OUTPUT,
		.operands = "PID|PID@TIME|ID|NAME|:PORT",
		.takes = TAKES_WORD,
		.run = cmd_why,
	},
	{
		.name = "record",
		.summary = "a flight recorder: keep what happens, to be asked later",
		.options = OPTIONS_SCOPE
		" duration ring max-procs args-max threads signals fork-time exec-failures" OPTIONS_ARGS
			OPTIONS_WRITE " trigger before after proc verbose",
		.run = cmd_record,
	},
	{
		.name = "info",
		.summary = "what a recording holds, and whether it is whole",
		.options = "read output json utc wide verbose",
		.run = cmd_info,
	},
	{
		.name = "doctor",
		.summary = "what this kernel offers, and what that costs the answers",
		.options = "output json wide proc verbose",
		.run = cmd_doctor,
	},
	{
		.name = "help",
		.summary = "the manual, or one command's part of it",
		.options = "output",
		.operands = "[COMMAND]",
		.takes = TAKES_WORD,
		.run = cmd_help,
	},
	{
		.name = "version",
		.summary = "version, architecture and libraries",
		.options = "output json",
		.run = cmd_version,
	},
	{0},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const char *command_name_at(void *ctx, size_t i)
{
	/* [0] is the bare program, which has no name to mistype */
	return commands[i + 1].name;
}

const char *command_nearest(const char *name)
{
	return nearest_name(name, command_name_at, NULL);
}

void command_put_usage(struct buf *b, const struct command *cmd)
{
	buf_put_str(b, "proctrail");
	if (*cmd->name)
		buf_printf(b, " %s", cmd->name);
	buf_put_str(b, " [OPTION]...");
	if (cmd->operands)
		buf_printf(b, " %s", cmd->operands);
}
