// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/deaths_patterns.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_UNKNOWN UINT64_MAX

static void release(struct map *m)
{
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(m, &i));)
		free(s->value);
	map_release(m);
}

void death_patterns_release(struct death_patterns *p)
{
	release(&p->ends);
	release(&p->killers);
}

/* FNV-1a; two names with one hash would be told as the first of them. */
static uint64_t hash_of(const char comm[REC_COMM_LEN])
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < REC_COMM_LEN && comm[i]; i++)
		h = (h ^ (unsigned char)comm[i]) * 0x100000001b3ULL;
	return h;
}

/* What is counted under that key, made where it is new; NULL: no room. */
static void *count_of(struct death_patterns *p, struct map *m, uint64_t a, uint64_t b, size_t size)
{
	void *v = map_find(m, a, b);

	if (v)
		return v;
	if (m->cnt < DEATH_PATTERNS_MAX)
		v = calloc(1, size);
	if (v && map_put(m, a, b, v)) {
		free(v);
		v = NULL;
	}
	p->dropped += !v;
	return v;
}

static void note_end(struct death_patterns *p, const struct death *d)
{
	struct death_pattern *e = count_of(p, &p->ends, hash_of(d->who.comm),
					   d->status_known ? d->status : STATUS_UNKNOWN,
					   sizeof(*e));

	if (!e)
		return;
	if (!e->cnt++) {
		memcpy(e->comm, d->who.comm, sizeof(e->comm));
		e->status = d->status;
		e->status_known = d->status_known;
		e->first_ns = d->died_ns;
	} else {
		e->overlaps += d->who.key.start_ns < e->last_ns;
		e->starters += strncmp(e->starter.comm, d->birth_parent.comm, REC_COMM_LEN) != 0;
	}
	e->starter = d->birth_parent;
	e->last_ns = d->died_ns;
}

static void note_killer(struct death_patterns *p, const struct death *d)
{
	int sig = death_signal_of(d);
	struct death_killer *k;

	if (!sig || !d->killer.key.tgid || proc_key_equals(d->killer.key, d->who.key) ||
	    d->cause == DEATH_OOM)
		return;
	k = count_of(p, &p->killers, hash_of(d->killer.comm), (uint64_t)sig, sizeof(*k));
	if (!k)
		return;
	k->cnt++;
	k->who = d->killer;
	k->sig = sig;
}

void death_patterns_note(struct death_patterns *p, const struct death *d)
{
	note_end(p, d);
	note_killer(p, d);
}

/* ---- ranks ------------------------------------------------------------------------------------ */

uint64_t death_pattern_period_ns(const struct death_pattern *p)
{
	return p->cnt > 1 && p->last_ns > p->first_ns ? (p->last_ns - p->first_ns) / (p->cnt - 1) :
							0;
}

bool death_pattern_is_loop(const struct death_pattern *p)
{
	bool failed = !p->status_known || p->status & 0xff7f;

	bool killed = p->status_known && p->status & 0x7f;

	return failed && p->cnt >= DEATH_LOOP_MIN && !p->overlaps && !p->starters &&
	       (killed || death_pattern_period_ns(p) >= DEATH_LOOP_NS);
}

static bool pattern_is_before(const struct death_pattern *a, const struct death_pattern *b)
{
	return a->cnt != b->cnt ? a->cnt > b->cnt : a->first_ns < b->first_ns;
}

size_t death_patterns_rank(const struct death_patterns *p, uint64_t min, size_t max,
			   const struct death_pattern **ret)
{
	struct map_slot *s;
	size_t cnt = 0, at;

	for (size_t i = 0; (s = map_next(&p->ends, &i));) {
		const struct death_pattern *e = s->value;

		if (e->cnt < min || (e->status_known && !(e->status & 0xff7f)))
			continue;
		for (at = cnt; at && pattern_is_before(e, ret[at - 1]); at--)
			if (at < max)
				ret[at] = ret[at - 1];
		if (at < max)
			ret[at] = e;
		cnt += cnt < max;
	}
	return cnt;
}

static bool killer_is_before(const struct death_killer *a, const struct death_killer *b)
{
	if (a->cnt != b->cnt)
		return a->cnt > b->cnt;
	return a->sig != b->sig ? a->sig > b->sig :
				  strncmp(a->who.comm, b->who.comm, REC_COMM_LEN) < 0;
}

size_t death_killers_rank(const struct death_patterns *p, size_t max,
			  const struct death_killer **ret)
{
	struct map_slot *s;
	size_t cnt = 0, at;

	for (size_t i = 0; (s = map_next(&p->killers, &i));) {
		for (at = cnt; at && killer_is_before(s->value, ret[at - 1]); at--)
			if (at < max)
				ret[at] = ret[at - 1];
		if (at < max)
			ret[at] = s->value;
		cnt += cnt < max;
	}
	return cnt;
}
