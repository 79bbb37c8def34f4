// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies_ledger.h"

#include <string.h>

/*
 * wait_task_zombie(): the parent's process reaps. A tracer that waits for a zombie hands it back, unless
 * the parent ignores SIGCHLD: then it is the tracer who ends it. So where no hook names the reaper it was
 * the parent.
 */
static void note_reaper(struct zombies_ledger *l, const struct change *c)
{
	const struct proc *p = c->proc;
	const struct rec_reap *r = c->ev && c->ev->h.type == REC_REAP ? &c->ev->reap : NULL;
	struct proc_key reaper = p->death->reaper;

	if (!p->parent || p->flags & PROC_VANISHED)
		return;
	if (reaper.tgid && !proc_key_equals(reaper, p->parent->key)) {
		if (p->parent->flags & PROC_GHOST)
			l->by_other++;
		else
			l->by_tracer++;
	} else if (p->flags & PROC_ADOPTED) {
		l->by_adopter++;
	} else if (r && r->reaper.tid && r->h.parent_tid && r->reaper.tid != r->h.parent_tid) {
		l->by_thread++;
	} else {
		l->by_parent++;
	}
}

static void note_reap(struct zombies_ledger *l, const struct change *c)
{
	const struct proc *p = c->proc;
	const struct proc_death *d = p->death;

	if (p->flags & PROC_AUTOREAPED) {
		l->autoreaped++;
		return;
	}
	l->reaped++;
	if (!d)
		return;
	note_reaper(l, c);
	if (p->flags & PROC_STATE_Z_SEEDED || !d->zombie_ns || d->gone_ns < d->zombie_ns ||
	    d->zombie_ns < l->begin_ns)
		return;
	if (!hist_add(&l->life_ns, d->gone_ns - d->zombie_ns) && d->zombie_err_ns > l->err_ns)
		l->err_ns = d->zombie_err_ns;
}

static void note_zombie(struct zombies_ledger *l, const struct proc *p)
{
	const struct proc_death *d = p->death;

	l->born++;
	if (d && d->zombie_source && d->exit_ns && d->zombie_ns >= d->exit_ns)
		(void)hist_add(&l->teardown_ns, d->zombie_ns - d->exit_ns);
}

void zombies_ledger_note(struct zombies_ledger *l, const struct change *c)
{
	if (c->kind == CHANGE_ZOMBIE && !(c->proc->flags & PROC_AUTOREAPED))
		note_zombie(l, c->proc);
	else if (c->kind == CHANGE_REAP)
		note_reap(l, c);
}

void zombies_ledger_release(struct zombies_ledger *l)
{
	hist_release(&l->life_ns);
	hist_release(&l->teardown_ns);
	memset(l, 0, sizeof(*l));
}
