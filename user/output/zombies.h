/* SPDX-License-Identifier: GPL-2.0-only */
/* The answer of 'zombies': one line a parent, then each that is to blame with evidence and advice. */
#ifndef PROCTRAIL_OUTPUT_ZOMBIES_H
#define PROCTRAIL_OUTPUT_ZOMBIES_H

#include "analysis/zombies.h"
#include "analysis/zombies_ledger.h"
#include "output/render.h"

struct zombies_view {
	const struct zombies *zombies;
	const struct zombies_ledger *ledger; /* of what was watched */
	const char *from;                    /* a recording, "/proc"; NULL: the machine */
	uint64_t watched_ns;                 /* 0: one look */
	bool complete;
};

void zombies_put_text(struct buf *b, const struct render *r, const struct zombies_view *v);
/* {"event":"parent",...} each, then {"event":"ledger",...} */
void zombies_put_json(struct buf *b, const struct render *r, const struct zombies_view *v);

#endif
