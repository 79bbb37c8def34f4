// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"

static const enum log_level log_levels[] = {LOG_WARN, LOG_INFO, LOG_DEBUG};
#define LOG_LEVELS (int)(sizeof(log_levels) / sizeof(*log_levels))

static int say_unknown(const char *name)
{
	const char *near = command_nearest(name);

	if (near)
		log_err(0, "unknown command '%s'; did you mean %s?", name, near);
	else
		log_err(0, "unknown command '%s'; see: proctrail --help", name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int at = options_find_command(argc, argv);
	const struct command *cmd = command_find(at ? argv[at] : "");
	struct options opt;

	if (!cmd || (at && !argv[at][0]))
		return say_unknown(argv[at]);
	if (options_parse(&opt, cmd, argc, argv, at))
		return EXIT_USAGE;
	log_set_level(log_levels[opt.verbose < LOG_LEVELS ? opt.verbose : LOG_LEVELS - 1]);
	if (opt.help)
		return help_command(cmd, &opt);
	if (opt.version)
		return cmd_version(&opt);
	return cmd->run(&opt);
}
