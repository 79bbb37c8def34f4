/* SPDX-License-Identifier: GPL-2.0-only */
/* An option's value: read strictly, or refused by name. */
#ifndef PROCTRAIL_CMD_OPTION_VALUE_H
#define PROCTRAIL_CMD_OPTION_VALUE_H

#include "cmd/options.h"

/* Reads value (NULL: none was given) as row says into opt. 0, or -EINVAL after saying on stderr
 * what is wrong with it. */
int option_value_set(struct options *opt, const struct option_row *row, const char *value);

#endif
