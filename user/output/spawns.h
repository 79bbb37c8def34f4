/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of 'spawns': a row a group, what it shows in sentences, the slowest, a histogram. */
#ifndef PROCTRAIL_OUTPUT_SPAWNS_H
#define PROCTRAIL_OUTPUT_SPAWNS_H

#include "analysis/spawns.h"
#include "output/render.h"

struct spawns_view {
	const struct spawns *spawns; /* finished */
	const char *from;            /* a recording; NULL: the machine */
	uint64_t span_ns;            /* over which time */
	size_t rows;                 /* groups told at most; as JSON all are */
	bool hist;
	bool complete;
};

void spawns_put_text(struct buf *b, const struct render *r, const struct spawns_view *v);
/* {"event":"spawn_group",...} each, then "spawn" of the slowest, then {"event":"finding",...} each */
void spawns_put_json(struct buf *b, const struct render *r, const struct spawns_view *v);
/* One spawn, of --follow: a line, or {"event":"spawn",...} */
void spawns_put_one(struct buf *b, const struct render *r, const struct spawn_one *one);

#endif
