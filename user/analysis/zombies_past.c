// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies_past.h"

bool zombies_is_past(const struct zombie_parent *f)
{
	return f->seen != f->proc;
}

static const struct proc *past_row(const struct zombies_options *opt, const struct proc *p)
{
	return opt->past ? proc_table_find(opt->past, p->key) : NULL;
}

const struct proc *zombies_past_child(const struct zombies_options *opt, const struct proc *zombie)
{
	const struct proc *past = past_row(opt, zombie);

	if (!past || past->state != PROC_ZOMBIE || past->flags & PROC_GHOST ||
	    !(zombie->flags & PROC_STATE_Z_SEEDED))
		return zombie;
	return past;
}

static uint64_t any_waits(const struct proc_evidence *e)
{
	return e->waits.cnt[REC_WAIT_ANY] + e->waits.cnt[REC_WAIT_PGID] +
	       e->waits.cnt[REC_WAIT_UNKNOWN];
}

/*
 * A recorder's records come a moment later. What the running table has seen of that moment and of what
 * the past knows nothing is news, and then the past is no evidence.
 */
static bool is_outdated(const struct proc_evidence *past, const struct proc_evidence *now)
{
	if (!now)
		return false;
	return (now->reaped && !past->reaped) || (any_waits(now) && !any_waits(past)) ||
	       (now->waits.cnt[REC_WAIT_PID] && !past->waits.cnt[REC_WAIT_PID]);
}

const struct proc *zombies_past_parent(const struct zombies_options *opt, const struct proc *parent)
{
	const struct proc *past = opt->past_fresh ? past_row(opt, parent) : NULL;

	if (!past || !past->evidence || past->flags & PROC_GHOST || !proc_is_alive(past))
		return parent;
	if (!(parent->flags & (PROC_SEEDED | PROC_INFERRED | PROC_GHOST)))
		return parent; /* we know all of it ourselves */
	if (parent->exec_ns > past->exec_ns || is_outdated(past->evidence, parent->evidence))
		return parent;
	return past;
}
