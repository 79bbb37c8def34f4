// SPDX-License-Identifier: GPL-2.0-only
/* An option that is none, or none of this command: what was meant, and whose it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/option_value.h"

struct near_ctx {
	const struct command *cmd;
};

static const char *option_name_at(void *ctx, size_t i)
{
	const struct command *cmd = ((struct near_ctx *)ctx)->cmd;

	for (const struct option_row *row = option_rows; row->name; row++)
		if (option_belongs(row, cmd) && i-- == 0)
			return row->name;
	return NULL;
}

const char *option_owner_name(const struct command *cmd)
{
	return *cmd->name ? cmd->name : "the bare program";
}

int option_say_unknown(const struct command *cmd, const char *name)
{
	struct near_ctx ctx = {cmd};
	const char *near = nearest_name(name, option_name_at, &ctx);

	if (near)
		log_err(0, "unknown option '--%s'; did you mean --%s?", name, near);
	else
		log_err(0, "unknown option '--%s'; see: proctrail%s%s --help", name,
			*cmd->name ? " " : "", cmd->name);
	return -EINVAL;
}

/* Known, but not here: says whose it is. */
int option_say_foreign(const struct command *cmd, const struct option_row *row)
{
	char owners[160] = "";
	size_t len = 0;

	for (const struct command *c = commands; c->name; c++)
		if (*c->name && option_belongs(row, c) && len < sizeof(owners))
			len += (size_t)snprintf(owners + len, sizeof(owners) - len, "%s%s",
						len ? ", " : "", c->name);
	if (len)
		log_err(0, "'--%s' is no option of %s, only of: %s", row->name,
			option_owner_name(cmd), owners);
	else
		log_err(0, "'--%s' is no option of %s", row->name, option_owner_name(cmd));
	return -EINVAL;
}
