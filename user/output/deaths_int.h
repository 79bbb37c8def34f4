/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_OUTPUT_DEATHS_INT_H
#define PROCTRAIL_OUTPUT_DEATHS_INT_H

#include "output/deaths.h"

#define DEATHS_RANKS 5 /* told of each kind of pattern */

/* comm[pid] */
void deaths_put_who(struct buf *b, const struct render *r, const struct death_who *who);
/* What ended it, in words: one long line, to be wrapped. */
void deaths_put_cause(struct buf *b, const struct render *r, const struct death *d);
/* {"event":"death",...} */
void deaths_put_one_json(struct buf *b, const struct render *r, const struct death *d);

#endif
