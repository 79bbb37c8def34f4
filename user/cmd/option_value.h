/* SPDX-License-Identifier: GPL-2.0-only */
/* An option's value: read strictly, or refused by name. */
#ifndef PROCTRAIL_CMD_OPTION_VALUE_H
#define PROCTRAIL_CMD_OPTION_VALUE_H

#include "cmd/options.h"

/* Reads value (NULL: none was given) as row says into opt. 0, or -EINVAL after saying on stderr
 * what is wrong with it. */
int option_value_set(struct options *opt, const struct option_row *row, const char *value);

/* option_unknown.c: each says on stderr what is wrong with the name, and returns -EINVAL. */
int option_say_unknown(const struct command *cmd, const char *name);
int option_say_foreign(const struct command *cmd, const struct option_row *row);
const char *option_owner_name(const struct command *cmd); /* "trace", "the bare program" */

#endif
