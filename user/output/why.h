/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of 'why': the story of one process, its conclusion first. */
#ifndef PROCTRAIL_OUTPUT_WHY_H
#define PROCTRAIL_OUTPUT_WHY_H

#include "analysis/why.h"
#include "analysis/why_life.h"
#include "output/render.h"

#define WHY_CHAIN 4 /* a process, whom it waits for, whom that one waits for ... */

struct why_view {
	const struct why_life *life; /* of chain[0], or of a dead one */
	const struct why *chain[WHY_CHAIN];
	size_t links;         /* 0: it is dead, or known from a recording only */
	uint64_t recorded_ns; /* since when signals and births are known; 0: nothing is recorded */
	const struct why_life *namesake[WHY_CHAIN]; /* others that fit the question */
	size_t namesakes;
};

void why_put_text(struct buf *b, const struct render *r, const struct why_view *v);
/* {"event":"why",...} */
void why_put_json(struct buf *b, const struct render *r, const struct why_view *v);
/* One line of 'why --stuck': "app[4213] in D for 3m12s: read(fd 7) on /mnt/nfs, SIGKILL pending" */
void why_put_brief(struct buf *b, const struct render *r, const struct why *w);

/* The conclusion of one link, in words: what it is in, and what would help. */
void why_put_headline(struct buf *b, const struct render *r, const struct why *w);
void why_put_advice(struct buf *b, const struct render *r, const struct why *w);

#endif
