// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies_news.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_NS       NS_PER_SEC
#define PAUSE_MAX_NS  (60 * NS_PER_SEC)
#define REMEMBERED_NS (600 * NS_PER_SEC) /* what was told of a parent that has none any more */
#define STILL_NS      (300 * NS_PER_SEC) /* no growth for so long: the next begins anew */
#define MINUTE_NS     (60 * NS_PER_SEC)

enum nearness { NEAR_NOT, NEAR_HOUR, NEAR_MINUTES, NEAR_FULL };

/* What the reader knows of a parent. */
struct told {
	struct proc_key key;
	char comm[REC_COMM_LEN];
	uint64_t looked_ns; /* last seen with ripe zombies */
	uint64_t pause_ns, quiet_until_ns;
	uint64_t untold; /* ripe zombies since the last line about them */
	uint64_t grew_ns;
	enum verdict verdict;
	enum nearness near;
	bool zombies; /* of some was told, and not yet that they are gone */
	bool leaks;
	char zombie_comm[REC_COMM_LEN];
};

struct look {
	struct zombies_news *n;
	const struct proc_table *t;
	uint64_t now_ns, last_ns;
	news_fn fn;
	void *ctx;
};

const char *news_kind_name(enum news_kind k)
{
	static const char *const names[NEWS_KIND_CNT] = {
		[NEWS_ZOMBIES] = "zombies", [NEWS_VERDICT] = "verdict", [NEWS_LEAK] = "leak",
		[NEWS_LIMIT] = "limit",     [NEWS_GONE] = "gone",
	};

	return k < NEWS_KIND_CNT ? names[k] : NULL;
}

bool zombies_news_due(const struct zombies_news *n, uint64_t now_ns)
{
	return now_ns >= n->looked_ns + LOOK_NS;
}

static struct told *told_of(struct look *l, const struct proc *p)
{
	struct told *d = map_find(&l->n->by_parent, p->key.tgid, p->key.start_ns);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct told){.key = p->key, .verdict = VERDICT_CNT, .pause_ns = LOOK_NS};
	if (map_put(&l->n->by_parent, p->key.tgid, p->key.start_ns, d)) {
		free(d);
		return NULL;
	}
	return d;
}

static void tell(struct look *l, const struct told *d, struct news *n)
{
	n->key = d->key;
	memcpy(n->comm, d->comm, sizeof(n->comm));
	l->fn(l->ctx, n);
}

/* How many have waited for long enough, and which of them since the last look. */
static uint64_t count_ripe(const struct look *l, struct told *d, const struct proc *parent)
{
	uint64_t ripe = 0;

	for (const struct proc *p = parent->children; p; p = p->next) {
		uint64_t since = p->death ? p->death->zombie_ns : 0;

		if (p->state != PROC_ZOMBIE || p->flags & (PROC_GHOST | PROC_KTHREAD) || !since ||
		    since + NEWS_RIPE_NS > l->now_ns)
			continue;
		ripe++;
		if (l->last_ns && since + NEWS_RIPE_NS <= l->last_ns && d->looked_ns)
			continue;
		d->untold++;
		memcpy(d->zombie_comm, p->comm, sizeof(d->zombie_comm));
	}
	return ripe;
}

static void tell_zombies(struct look *l, struct told *d, const struct zombie_parent *f)
{
	struct news n = {.kind = NEWS_ZOMBIES, .parent = f, .fresh = d->untold};

	if (!d->untold || l->now_ns < d->quiet_until_ns)
		return;
	memcpy(n.zombie_comm, d->zombie_comm, sizeof(n.zombie_comm));
	tell(l, d, &n);
	d->zombies = true;
	d->untold = 0;
	d->quiet_until_ns = l->now_ns + d->pause_ns;
	d->pause_ns = 2 * d->pause_ns < PAUSE_MAX_NS ? 2 * d->pause_ns : PAUSE_MAX_NS;
}

static void tell_verdict(struct look *l, struct told *d, const struct zombie_parent *f)
{
	struct news n = {.kind = NEWS_VERDICT, .parent = f, .was = d->verdict};

	if (f->verdict == d->verdict)
		return;
	if (d->verdict != VERDICT_CNT || f->verdict != VERDICT_UNKNOWN)
		tell(l, d, &n);
	d->verdict = f->verdict;
}

static void tell_leak(struct look *l, struct told *d, const struct zombie_parent *f)
{
	if (!verdict_is_leak(f->verdict) || !f->leak_milli) {
		d->leaks = d->leaks && l->now_ns < d->grew_ns + STILL_NS;
		return;
	}
	d->grew_ns = l->now_ns;
	if (!d->leaks)
		tell(l, d, &(struct news){.kind = NEWS_LEAK, .parent = f});
	d->leaks = true;
}

static enum nearness nearness_of(const struct forecast *f)
{
	if (!f->full_ns)
		return NEAR_FULL;
	if (f->full_ns <= 10 * MINUTE_NS)
		return NEAR_MINUTES;
	return f->full_ns <= 60 * MINUTE_NS || f->used > f->max - f->max / 10 ? NEAR_HOUR :
										NEAR_NOT;
}

static void tell_limit(struct look *l, struct told *d, const struct zombie_parent *f)
{
	struct news n = {.kind = NEWS_LIMIT, .parent = f};
	enum nearness near;

	if (forecast_find(l->t, f->proc, f->leak_milli, &n.limit))
		return;
	near = nearness_of(&n.limit);
	if (near > d->near)
		tell(l, d, &n);
	d->near = near;
}

static void look_at(struct look *l, const struct zombie_parent *f)
{
	struct told *d = f->zombies ? told_of(l, f->proc) : NULL;

	if (!d)
		return;
	memcpy(d->comm, f->proc->comm, sizeof(d->comm));
	if (!count_ripe(l, d, f->proc))
		return;
	d->looked_ns = l->now_ns;
	tell_zombies(l, d, f);
	tell_verdict(l, d, f);
	tell_leak(l, d, f);
	tell_limit(l, d, f);
}

static bool is_over(struct look *l, struct told *d)
{
	if (d->looked_ns == l->now_ns)
		return false;
	if (d->zombies)
		tell(l, d, &(struct news){.kind = NEWS_GONE});
	d->zombies = d->leaks = false;
	d->near = NEAR_NOT;
	d->untold = 0;
	return l->now_ns > d->looked_ns + REMEMBERED_NS;
}

/* Those that were not seen just now. One is taken out a time: the map may move others then. */
static void look_for_ends(struct look *l)
{
	struct map_slot *slot;
	struct told *d;
	size_t i = 0;

	while ((slot = map_next(&l->n->by_parent, &i))) {
		d = slot->value;
		if (!is_over(l, d))
			continue;
		map_remove(&l->n->by_parent, d->key.tgid, d->key.start_ns);
		free(d);
		i = 0;
	}
}

void zombies_news_look(struct zombies_news *n, const struct proc_table *t, const struct zombies *z,
		       news_fn fn, void *ctx)
{
	struct look l = {.n = n,
			 .t = t,
			 .now_ns = proc_table_host(t)->now_ns,
			 .last_ns = n->looked_ns,
			 .fn = fn,
			 .ctx = ctx};

	for (size_t i = 0; i < z->parent_cnt; i++)
		look_at(&l, &z->parents[i]);
	look_for_ends(&l);
	n->looked_ns = l.now_ns;
}

void zombies_news_release(struct zombies_news *n)
{
	struct map_slot *slot;

	for (size_t i = 0; (slot = map_next(&n->by_parent, &i));)
		free(slot->value);
	map_release(&n->by_parent);
	n->looked_ns = 0;
}
