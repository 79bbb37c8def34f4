/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_OUTPUT_SPAWNS_INT_H
#define PROCTRAIL_OUTPUT_SPAWNS_INT_H

#include "output/spawns.h"

/* "ts", "boot_ns" */
void spawns_put_time(struct json *j, const struct render *r, uint64_t boot_ns);
/* Whether the entry of fork calls is known here. */
bool spawns_fork_timed(const struct render *r);
/* "14:02:11.204 36ms (queued 1.2ms, blocked 4ms, ran 31ms) fork gs[812] of python3[422]" */
void spawns_put_one_text(struct buf *b, const struct render *r, const struct spawn_one *one);
/* {"event":"spawn",...} */
void spawns_put_one_json(struct buf *b, const struct render *r, const struct spawn_one *one);

#endif
