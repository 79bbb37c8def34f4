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
/* "1 spawn", "3 spawns" */
void spawns_put_counted(struct buf *b, uint64_t n, const char *one, const char *many);
/* Execs that failed, forks that were refused; 'findings' have been numbered before. */
void spawns_put_failed_text(struct buf *b, const struct render *r, const struct spawns_view *v,
			    size_t findings);
/* One {"event":"exec_failure",...} of each kind */
void spawns_put_failed_json(struct buf *b, const struct render *r, const struct spawns *s);
/* {"event":"spawn",...} */
void spawns_put_one_json(struct buf *b, const struct render *r, const struct spawn_one *one);

#endif
