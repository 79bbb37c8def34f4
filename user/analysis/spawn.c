// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawn.h"

/* One tick at the lowest rate that kernels are built with (CONFIG_HZ_100). */
#define TICK_MAX_NS (10 * NS_PER_MS)

bool spawn_split_of(const struct change *c, struct spawn_split *ret)
{
	const struct rec_exec *x;

	if (!c->ev || c->ev->h.type != REC_EXEC || !c->proc || c->proc->exec_cnt != 1 ||
	    (c->proc->flags & (PROC_SEEDED | PROC_INFERRED)))
		return false;
	x = &c->ev->exec;
	if (x->h.boot_ns < c->proc->key.start_ns)
		return false;
	*ret = (struct spawn_split){
		.total = x->h.boot_ns - c->proc->key.start_ns,
		.known = !(x->flags & REC_EXEC_FROM_THREAD),
	};
	ret->queued = x->run_delay_ns < ret->total ? x->run_delay_ns : ret->total;
	ret->running = ret->total - ret->queued;
	if (x->nvcsw && x->cpu_ns < ret->running) {
		ret->running = x->cpu_ns;
		ret->blocked = ret->total - ret->queued - ret->running;
		ret->err = ret->blocked < TICK_MAX_NS ? ret->blocked : TICK_MAX_NS;
	}
	return true;
}

bool spawn_starts_container(const struct proc *p)
{
	return p->flags & PROC_NSINIT;
}

bool spawn_suspends(enum spawn_how how)
{
	return how == HOW_VFORK || how == HOW_POSIX_SPAWN;
}
