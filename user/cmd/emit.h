/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of a command that needs no session: written whole to -o's file or stdout. */
#ifndef PROCTRAIL_CMD_EMIT_H
#define PROCTRAIL_CMD_EMIT_H

#include "base/buf.h"
#include "base/text.h"
#include "cmd/options.h"

/* What the place that the answer goes to can show. */
void emit_style(const struct options *opt, struct text_style *ret_style);
/* Writes all of b and releases it. Returns 'code', or EXIT_FAILED after saying what went wrong. */
int emit(const struct options *opt, struct buf *b, int code);

#endif
