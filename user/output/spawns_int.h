/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_OUTPUT_SPAWNS_INT_H
#define PROCTRAIL_OUTPUT_SPAWNS_INT_H

#include "output/spawns.h"

/* "ts", "boot_ns" */
void spawns_put_time(struct json *j, const struct render *r, uint64_t boot_ns);
/* Whether the entry of fork calls is known here. */
bool spawns_fork_timed(const struct render *r);
/* "total_ns", and where they are known its parts */
void spawns_put_split(struct json *j, const struct spawn_split *split);

/* "36ms (queued 1.2ms, blocked 4ms, ran 31ms)" */
void spawns_put_split_text(struct buf *b, const struct spawn_split *split);

#endif
