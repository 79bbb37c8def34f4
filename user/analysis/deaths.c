// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/deaths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct death_held {
	struct death d;
	uint64_t since_ns;
	bool told; /* with others of its group */
};

void deaths_init(struct deaths *d, const struct proc_table *t, const struct deaths_options *opt)
{
	*d = (struct deaths){.opt = *opt};
	death_notes_init(&d->notes, t);
}

void deaths_release(struct deaths *d)
{
	death_notes_release(&d->notes);
	death_patterns_release(&d->patterns);
	free(d->held);
}

/* ---- telling ---------------------------------------------------------------------------------- */

/* By now it is known to how many that signal went. */
static void settle_group(struct deaths *d, struct death *one)
{
	one->group_size = death_notes_group_size(&d->notes, one->by.group);
	if (one->group_size > 1 && one->cause == DEATH_SIGNAL)
		one->cause = DEATH_GROUP_KILL;
}

/* The first held one, with all others of its group. */
static void tell_first(struct deaths *d)
{
	const struct death *v[DEATHS_HELD_MAX];
	uint64_t group = d->held[d->first].d.by.group;
	size_t cnt = 0;

	if (death_notes_group_size(&d->notes, group) < 2)
		group = 0; /* nobody to look for */
	for (size_t i = 0; i < d->cnt; i++) {
		struct death_held *h = &d->held[d->first + i];

		if (h->told || (i && (!group || h->d.by.group != group)))
			continue;
		settle_group(d, &h->d);
		h->told = true;
		v[cnt++] = &h->d;
		if (!group)
			break;
	}
	d->told += cnt;
	d->opt.tell(d->opt.ctx, v, cnt);
}

static void drop_first(struct deaths *d)
{
	d->first++;
	d->cnt--;
	if (!d->cnt)
		d->first = 0;
}

static void tell_until(struct deaths *d, uint64_t since_ns)
{
	while (d->cnt && d->held[d->first].since_ns <= since_ns) {
		if (!d->held[d->first].told)
			tell_first(d);
		drop_first(d);
	}
}

static struct death_held *room(struct deaths *d)
{
	struct death_held *more;
	size_t cap = d->cap ? 2 * d->cap : 64;

	if (d->first + d->cnt < d->cap)
		return &d->held[d->first + d->cnt++];
	if (d->first > d->cap / 2) {
		memmove(d->held, d->held + d->first, d->cnt * sizeof(*d->held));
		d->first = 0;
		return &d->held[d->cnt++];
	}
	more = realloc(d->held, cap * sizeof(*more));
	if (!more)
		return NULL;
	d->held = more;
	d->cap = cap;
	return &d->held[d->first + d->cnt++];
}

static void hold(struct deaths *d, const struct death *one, uint64_t now_ns)
{
	struct death_held *h;

	while (d->cnt >= DEATHS_HELD_MAX) {
		if (!d->held[d->first].told)
			tell_first(d);
		drop_first(d);
	}
	h = room(d);
	if (h)
		*h = (struct death_held){.d = *one, .since_ns = now_ns};
	else
		d->err = -ENOMEM;
}

/* ---- changes ---------------------------------------------------------------------------------- */

static bool is_wanted(const struct deaths *d, const struct death *one)
{
	if (d->opt.sig)
		return death_signal_of(one) == d->opt.sig;
	return d->opt.all || death_failed(one);
}

static void count(struct deaths *d, const struct death *one)
{
	d->deaths++;
	d->failed += death_failed(one);
	d->killed += death_signal_of(one) != 0;
	d->unknown += !one->status_known;
	death_patterns_note(&d->patterns, one);
}

static void note_exit(struct deaths *d, const struct change *c, bool counts)
{
	const struct proc_table *t = d->notes.table;
	struct death one;

	death_judge(t, c->proc, c->boot_ns, death_notes_find(&d->notes, c->proc->key), &one);
	death_notes_tell_parent(&d->notes, &one);
	if (!counts)
		return;
	count(d, &one);
	if (is_wanted(d, &one))
		hold(d, &one, proc_table_host(t)->now_ns);
}

void deaths_note(struct deaths *d, const struct change *c, bool counts)
{
	uint64_t now_ns = proc_table_host(d->notes.table)->now_ns;

	if (c->kind == CHANGE_EXIT && c->proc && !(c->proc->flags & PROC_KTHREAD))
		note_exit(d, c, counts);
	else if (c->kind == CHANGE_THINNED && counts && c->ev)
		d->thinned += c->ev->thinned.deaths;
	death_notes_take(&d->notes, c);
	if (now_ns > DEATHS_HOLD_NS)
		tell_until(d, now_ns - DEATHS_HOLD_NS);
}

void deaths_finish(struct deaths *d)
{
	tell_until(d, UINT64_MAX);
}
