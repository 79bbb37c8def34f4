/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of 'deaths': each death with what caused it, then what repeats itself among them. */
#ifndef PROCTRAIL_OUTPUT_DEATHS_H
#define PROCTRAIL_OUTPUT_DEATHS_H

#include "analysis/deaths.h"
#include "output/render.h"

struct deaths_view {
	const struct deaths *deaths; /* finished */
	const char *from;            /* a recording; NULL: the machine */
	uint64_t span_ns;
	uint64_t dropped; /* of those told, not shown: there was no room for their lines */
	bool complete;
};

/* Those of one cause, as deaths_fn has them: a few lines, or {"event":"death",...} each. */
void deaths_put_set(struct buf *b, const struct render *r, const struct death *const *v,
		    size_t cnt);
/* "17 deaths in 5.2s, 4 failed (2 killed)", and how complete that is */
void deaths_put_head(struct buf *b, const struct render *r, const struct deaths_view *v);
/* Below the list: crash loops, what ended how, killers; why it is not complete. */
void deaths_put_tail(struct buf *b, const struct render *r, const struct deaths_view *v);
/* {"event":"death_pattern",...} and {"event":"death_killer",...} each, then {"event":"deaths",...} */
void deaths_put_json(struct buf *b, const struct render *r, const struct deaths_view *v);

#endif
