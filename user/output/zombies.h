/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of 'zombies': one line a parent, then each that is to blame with evidence and advice. */
#ifndef PROCTRAIL_OUTPUT_ZOMBIES_H
#define PROCTRAIL_OUTPUT_ZOMBIES_H

#include "analysis/adoption.h"
#include "analysis/zombies.h"
#include "analysis/zombies_ledger.h"
#include "analysis/zombies_news.h"
#include "output/render.h"

struct zombies_view {
	const struct zombies *zombies;
	const struct zombies_ledger *ledger; /* of what was watched */
	const struct adoptions *adoptions;   /* NULL: where orphans came from is left out */
	const char *from;                    /* a recording, "/proc"; NULL: the machine */
	uint64_t watched_ns;                 /* 0: one look */
	bool complete;
	uint64_t past_since_ns; /* wall time since when a recorder has watched; 0: none does */
	bool past_unknown;      /* nothing is recorded of the time before */
	bool all;               /* healthy parents too: how long their zombies waited */
};

void zombies_put_text(struct buf *b, const struct render *r, const struct zombies_view *v);
/* {"event":"parent",...} each with {"event":"origin",...} of its orphans, then "adopter", "adoption" and
 * "ledger" of what was watched */
void zombies_put_json(struct buf *b, const struct render *r, const struct zombies_view *v);
/* "UTC       PARENT                 NEWS" */
void zombies_put_news_head(struct buf *b, const struct render *r);
/* One line of text, or {"event":"news",...} */
void zombies_put_news(struct buf *b, const struct render *r, const struct news *n);

#endif
