/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of the answer is new since the last look: zombies that nobody has reaped for a while, a verdict
 * that is another one, a leak that begins, a limit that comes near, and the end of it all. Looks are
 * due by the stream's own time, so a recording has the same news.
 *
 * Of a parent that goes on like this new zombies are told less and less often, once a minute at last,
 * with their number.
 */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_NEWS_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_NEWS_H

#include "analysis/forecast.h"
#include "analysis/zombies.h"
#include "base/map.h"

#define NEWS_RIPE_NS (3 * NS_PER_SEC) /* who reaps by a timer has done it by then */

enum news_kind {
	NEWS_ZOMBIES, /* 'fresh' more that have not been reaped for NEWS_RIPE_NS */
	NEWS_VERDICT, /* 'was' VERDICT_CNT: the first one */
	NEWS_LEAK,    /* they grow */
	NEWS_LIMIT,   /* 'limit' is near, nearer than it was told before, or full */
	NEWS_GONE,    /* it has no such zombies any more, or is gone itself */
	NEWS_KIND_CNT
};

struct news {
	enum news_kind kind;
	struct proc_key key; /* the parent */
	char comm[REC_COMM_LEN];
	const struct zombie_parent *parent; /* NEWS_GONE: NULL */
	char zombie_comm[REC_COMM_LEN];     /* NEWS_ZOMBIES: the latest of them */
	uint64_t fresh;
	enum verdict was;
	struct forecast limit;
};

struct zombies_news {
	struct map by_parent; /* -> struct told */
	uint64_t looked_ns;
};

typedef void (*news_fn)(void *ctx, const struct news *n);

bool zombies_news_due(const struct zombies_news *n, uint64_t now_ns);
/* z: the answer of now. Without memory a parent's news are left out. */
void zombies_news_look(struct zombies_news *n, const struct proc_table *t, const struct zombies *z,
		       news_fn fn, void *ctx);
void zombies_news_release(struct zombies_news *n);

const char *news_kind_name(enum news_kind k); /* "verdict" */

#endif
