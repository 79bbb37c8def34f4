/* SPDX-License-Identifier: GPL-2.0-only */
/* What the reader's terminal can show. The only file that asks the environment about it. */
#ifndef PROCTRAIL_CMD_TERMINAL_H
#define PROCTRAIL_CMD_TERMINAL_H

#include "base/text.h"

#define TERMINAL_MIN_COLUMNS 60

/*
 * For text that goes to fd: its width (TIOCGWINSZ, else COLUMNS, else 80; at least 60), UTF-8 from
 * the locale, colour only on a terminal that is not dumb and without NO_COLOR.
 */
void terminal_detect(int fd, bool wide, struct text_style *ret_style);
/* A terminal, and not a dumb one. */
bool terminal_is_able(int fd);
int terminal_rows(int fd); /* 24 where it is not known */

#endif
