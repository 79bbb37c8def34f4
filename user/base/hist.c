// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/hist.h"

#define HIST_STEP_BITS 4
_Static_assert(1 << HIST_STEP_BITS == HIST_STEPS, "steps are a power of two");

/* Values below HIST_STEPS have a bucket each; then every octave has HIST_STEPS of equal width. */
static unsigned hist_bucket(uint64_t v)
{
	unsigned shift;

	if (v < HIST_STEPS)
		return v;
	shift = 63 - __builtin_clzll(v) - HIST_STEP_BITS;
	return (shift + 1) * HIST_STEPS + ((v >> shift) & (HIST_STEPS - 1));
}

/* The greatest value of a bucket */
static uint64_t hist_bucket_top(unsigned bucket)
{
	unsigned shift;

	if (bucket < HIST_STEPS)
		return bucket;
	shift = bucket / HIST_STEPS - 1;
	/* the very last bucket's top wraps to 2^64 - 1, as it should */
	return ((uint64_t)(HIST_STEPS + bucket % HIST_STEPS + 1) << shift) - 1;
}

void hist_release(struct hist *h)
{
	free(h->buckets);
	*h = (struct hist){0};
}

int hist_add(struct hist *h, uint64_t v)
{
	uint32_t *bucket;

	if (!h->buckets) {
		h->buckets = calloc(HIST_BUCKETS, sizeof(*h->buckets));
		if (!h->buckets)
			return -ENOMEM;
	}
	bucket = &h->buckets[hist_bucket(v)];
	if (*bucket == UINT32_MAX)
		return 0; /* four billion alike: one more tells nothing */
	++*bucket;
	if (h->cnt == 0 || v < h->min)
		h->min = v;
	if (h->cnt == 0 || v > h->max)
		h->max = v;
	h->cnt++;
	if (__builtin_add_overflow(h->sum, v, &h->sum))
		h->sum = UINT64_MAX;
	return 0;
}

int hist_merge(struct hist *h, const struct hist *more)
{
	if (!more->cnt)
		return 0;
	if (!more->buckets) /* one value, kept without */
		return hist_add(h, more->min);
	if (!h->buckets) {
		h->buckets = calloc(HIST_BUCKETS, sizeof(*h->buckets));
		if (!h->buckets)
			return -ENOMEM;
	}
	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		if (__builtin_add_overflow(h->buckets[i], more->buckets[i], &h->buckets[i]))
			h->buckets[i] = UINT32_MAX;
	}
	if (h->cnt == 0 || more->min < h->min)
		h->min = more->min;
	if (h->cnt == 0 || more->max > h->max)
		h->max = more->max;
	h->cnt += more->cnt;
	if (__builtin_add_overflow(h->sum, more->sum, &h->sum))
		h->sum = UINT64_MAX;
	return 0;
}

uint64_t hist_percentile(const struct hist *h, unsigned permille)
{
	uint64_t rank, seen = 0, top;

	if (h->cnt == 0)
		return 0;
	if (permille > 1000)
		permille = 1000;
	rank = (uint64_t)(((__uint128_t)h->cnt * permille + 999) / 1000);
	if (rank <= 1)
		return h->min;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank) {
			top = hist_bucket_top(i);
			return top < h->max ? top : h->max;
		}
	}
	return h->max;
}

uint64_t hist_below(const struct hist *h, uint64_t v)
{
	uint64_t cnt = 0;

	if (!h->buckets) /* one value at most, kept without */
		return h->max < v ? h->cnt : 0;
	for (unsigned i = 0; i < HIST_BUCKETS && hist_bucket_top(i) < v; i++)
		cnt += h->buckets[i];
	return cnt;
}
