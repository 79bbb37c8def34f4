/* SPDX-License-Identifier: GPL-2.0-only */
/* What the page of zombies (zombies.c) and one parent in full (zombies_parent.c) share. */
#ifndef PROCTRAIL_OUTPUT_ZOMBIES_INT_H
#define PROCTRAIL_OUTPUT_ZOMBIES_INT_H

#include "output/zombies.h"

struct zombies_page {
	struct buf *out;
	const struct render *r;
	struct buf text; /* one paragraph */
};

/* "3 zombies" */
void zombies_put_count(struct zombies_page *p, uint64_t n, const char *one, const char *many);
/* Verdict, evidence, what died, the limit ahead, what helps, the fix. */
void zombies_put_parent(struct zombies_page *p, const struct zombie_parent *f);
const char *verdict_says(enum verdict v); /* "never waits" */

#endif
