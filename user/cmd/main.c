// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/*
 * A closed descriptor 0, 1 or 2 would be given to the next file that we open, and written to. What
 * takes its place cannot be used either, so that writing to a closed stdout is an error that is said.
 */
static void occupy_closed_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	int at = options_find_command(argc, argv);
	const struct command *cmd = command_find(at ? argv[at] : "");
	struct options opt;

	occupy_closed_fds();
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
