/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot from /proc alone, for who may not trace: one batch of seed records, as far as /proc
 * lets this user see. Start times are good to 10 ms only, so identities are not those of a trace.
 */
#ifndef PROCTRAIL_SOURCE_PROC_SOURCE_H
#define PROCTRAIL_SOURCE_PROC_SOURCE_H

#include "source/source.h"

/* proc_dir: NULL is /proc. facts: also exe, cwd and argv. 0 or -errno */
int proc_source_open(const char *proc_dir, bool facts, struct source **ret_source);

#endif
