/* SPDX-License-Identifier: GPL-2.0-only */
/* The command table names every command's function; tests of words need none of them. */
#ifndef PROCTRAIL_TEST_CMD_STUBS_H
#define PROCTRAIL_TEST_CMD_STUBS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/command.h"

#define STUB(name)                          \
	int name(const struct options *opt) \
	{                                   \
		return EXIT_DONE;           \
	}

STUB(cmd_health)
STUB(cmd_trace)
STUB(cmd_tree)
STUB(cmd_record)
STUB(cmd_zombies)
STUB(cmd_spawns)
STUB(cmd_deaths)
STUB(cmd_why)
STUB(cmd_info)
STUB(cmd_doctor)
STUB(cmd_version)

/* A whole file, NUL-ended; the tests run at the top of the tree. */
static inline struct buf read_whole(const char *path)
{
	struct buf b = {0};
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		fail_msg("cannot open '%s': run the tests at the top of the tree", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&b, chunk, n);
	fclose(f);
	buf_str(&b);
	return b;
}

#endif
