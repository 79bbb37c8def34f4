/* SPDX-License-Identifier: GPL-2.0-only */
/* Log-linear histogram of 64-bit values: 16 steps an octave, so a percentile is at most 6.25 % too
 * high and never too low. */
#ifndef PROCTRAIL_BASE_HIST_H
#define PROCTRAIL_BASE_HIST_H

#include <stdint.h>

#define HIST_STEPS   16
#define HIST_BUCKETS (61 * HIST_STEPS)

struct hist {
	uint64_t cnt;
	uint64_t sum;
	uint64_t min, max; /* exact */
	uint32_t *buckets; /* allocated with the first value */
};

void hist_release(struct hist *h);
int hist_add(struct hist *h, uint64_t v);                          /* 0 or -ENOMEM */
int hist_merge(struct hist *h, const struct hist *more);           /* 0 or -ENOMEM */
uint64_t hist_percentile(const struct hist *h, unsigned permille); /* 0 when empty; <= max */
/* How many are below v, those in the bucket around v left out. */
uint64_t hist_below(const struct hist *h, uint64_t v);

#endif
