// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies_ledger.h"

#include <string.h>

static void note_reaper(struct zombies_ledger *l, const struct proc *p, const struct proc_death *d)
{
	if (!d->reaper.tgid)
		return;
	if (!p->parent || !proc_key_equals(d->reaper, p->parent->key))
		l->by_other++; /* a tracer, or a parent that is gone */
	else if (p->flags & PROC_ADOPTED)
		l->by_adopter++;
	else
		l->by_parent++;
}

static void note_reap(struct zombies_ledger *l, const struct proc *p)
{
	const struct proc_death *d = p->death;

	if (p->flags & PROC_AUTOREAPED) {
		l->autoreaped++;
		return;
	}
	l->reaped++;
	if (!d)
		return;
	note_reaper(l, p, d);
	if (p->flags & PROC_STATE_Z_SEEDED || !d->zombie_ns || d->gone_ns < d->zombie_ns)
		return;
	if (!hist_add(&l->life_ns, d->gone_ns - d->zombie_ns) && d->zombie_err_ns > l->err_ns)
		l->err_ns = d->zombie_err_ns;
}

void zombies_ledger_note(struct zombies_ledger *l, const struct change *c)
{
	if (c->kind == CHANGE_ZOMBIE && !(c->proc->flags & PROC_AUTOREAPED))
		l->born++;
	else if (c->kind == CHANGE_REAP)
		note_reap(l, c->proc);
}

void zombies_ledger_release(struct zombies_ledger *l)
{
	hist_release(&l->life_ns);
	memset(l, 0, sizeof(*l));
}
