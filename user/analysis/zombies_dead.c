// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies_dead.h"

#include <string.h>

#define COUNTED 32 /* kinds that are told apart while they are counted */

struct count {
	struct dead_name names[COUNTED];
	struct dead_fate fates[COUNTED];
};

static void count_name(struct count *c, struct zombies_dead *d, const struct proc *zombie)
{
	for (size_t i = 0; i < COUNTED; i++) {
		struct dead_name *n = &c->names[i];

		if (n->cnt && memcmp(n->comm, zombie->comm, sizeof(n->comm)) != 0)
			continue;
		memcpy(n->comm, zombie->comm, sizeof(n->comm));
		n->cnt++;
		return;
	}
	d->names_other++;
}

static void count_fate(struct count *c, struct zombies_dead *d, const struct proc *zombie)
{
	if (!(zombie->flags & PROC_STATUS_KNOWN)) {
		d->fates_unknown++;
		return;
	}
	for (size_t i = 0; i < COUNTED; i++) {
		struct dead_fate *f = &c->fates[i];

		if (f->cnt && f->status != zombie->status)
			continue;
		f->status = zombie->status;
		f->cnt++;
		return;
	}
	d->fates_other++;
}

static void note_time(struct zombies_dead *d, const struct proc *zombie)
{
	const struct proc_death *death = zombie->death;
	bool seeded = zombie->flags & PROC_STATE_Z_SEEDED;

	if (!death || !death->zombie_ns)
		return;
	if (!d->first_ns || death->zombie_ns < d->first_ns)
		d->first_ns = death->zombie_ns;
	if (death->zombie_ns > d->last_ns)
		d->last_ns = death->zombie_ns;
	d->estimated |= seeded;
	if (death->zombie_err_ns > d->err_ns)
		d->err_ns = death->zombie_err_ns;
}

/* Takes the most frequent out of what was counted; the earliest of those with the same number. */
static void rank(struct count *c, struct zombies_dead *d)
{
	for (size_t k = 0; k < DEAD_KINDS; k++) {
		size_t n = 0, f = 0;

		for (size_t i = 1; i < COUNTED; i++) {
			if (c->names[i].cnt > c->names[n].cnt)
				n = i;
			if (c->fates[i].cnt > c->fates[f].cnt)
				f = i;
		}
		d->names[k] = c->names[n];
		d->fates[k] = c->fates[f];
		c->names[n].cnt = c->fates[f].cnt = 0;
	}
	for (size_t i = 0; i < COUNTED; i++) {
		d->names_other += c->names[i].cnt;
		d->fates_other += c->fates[i].cnt;
	}
}

void zombies_dead_find(const struct proc *parent, struct zombies_dead *ret_dead)
{
	struct zombies_dead d = {0};
	struct count c = {0};

	for (const struct proc *p = parent->children; p; p = p->next) {
		if (p->state != PROC_ZOMBIE || p->flags & (PROC_GHOST | PROC_KTHREAD))
			continue;
		count_name(&c, &d, p);
		count_fate(&c, &d, p);
		note_time(&d, p);
	}
	rank(&c, &d);
	*ret_dead = d;
}
