/* SPDX-License-Identifier: GPL-2.0-only */
/* What options mean together, once all of them are read. */
#ifndef PROCTRAIL_CMD_OPTIONS_CHECK_H
#define PROCTRAIL_CMD_OPTIONS_CHECK_H

#include "cmd/options.h"

/* What follows from others: a time of the past is one of the recorder's. */
void options_settle(struct options *opt, const struct command *cmd);
/* 0, or -EINVAL after saying on stderr which two exclude each other, or what is missing. */
int options_check(const struct options *opt, const struct command *cmd);

#endif
