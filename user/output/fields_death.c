// SPDX-License-Identifier: GPL-2.0-only
/* Deaths, zombies, reaps. */
#include "output/fields_put.h"

static bool has_status(const struct change *c)
{
	if (ev_is(c, REC_THINNED))
		return c->ev->thinned.deaths;
	return c->proc && c->kind != CHANGE_THREAD && (c->proc->flags & PROC_STATUS_KNOWN);
}

/* The raw one, of many who died alike or of the process */
static uint32_t status_of(const struct change *c)
{
	return ev_is(c, REC_THINNED) ? c->ev->h.status : c->proc->status;
}

GET(exit_code)
{
	return has_status(c) && !(status_of(c) & 0x7f) && put_u64(ret, status_of(c) >> 8 & 0xff);
}

/* Of a death: what killed. Of a signal, stop or continue: which it was. */
static int signal_of(const struct change *c)
{
	if (c->kind == CHANGE_EXIT || c->kind == CHANGE_THINNED)
		return has_status(c) ? (int)(status_of(c) & 0x7f) : 0;
	if (ev_is(c, REC_SIGNAL))
		return c->ev->signal.sig;
	return ev_is(c, REC_DELIVER) ? c->ev->deliver.sig : 0;
}

GET(signal)
{
	int sig = signal_of(c);

	return put_u64(ret, sig) && sig > 0;
}

GET(signal_name)
{
	return put_word(ret, signal_name(signal_of(c)));
}

GET(core_dumped)
{
	return has_status(c) && (c->proc->status & 0x7f) &&
	       put_bool(ret, (c->proc->status & 0x80) ||
				     (c->proc->death && c->proc->death->core_dumped));
}

static const struct proc_killer *killer_of(const struct change *c)
{
	return c->proc ? proc_killer_of(c->proc) : NULL;
}

GET(killer_pid)
{
	const struct proc_killer *k = killer_of(c);

	return k && put_u64(ret, k->key.tgid) && ret->u;
}

GET(killer_comm)
{
	const struct proc_killer *k = killer_of(c);

	return k && k->key.tgid && put_str(ret, comm_span(k->comm));
}

GET(lived_ns)
{
	const struct proc_death *d = death_of_change(c);

	return d && c->proc->key.start_ns && d->exit_ns >= c->proc->key.start_ns &&
	       put_ns(ret, d->exit_ns - c->proc->key.start_ns);
}

GET(maxrss_kb)
{
	const struct proc_death *d = death_of_change(c);

	return d && put_kb(ret, d->usage.maxrss_kb);
}

GET(zombie_source)
{
	const struct proc_death *d = death_of_change(c);

	if (!d)
		return false;
	switch (d->zombie_source) {
	case REC_ZOMBIE_NOTIFY: return put_word(ret, "notify");
	case REC_ZOMBIE_SIGCHLD: return put_word(ret, "sigchld");
	}
	return put_word(ret, c->proc->flags & PROC_STATE_Z_SEEDED ? "seed" : "exit");
}

/* Nobody who ever ran used no CPU at all: all zero is not known. */
static const struct rec_usage *usage_of(const struct change *c)
{
	const struct proc_death *d = death_of_change(c);

	return d && (d->usage.cpu_ns || d->usage.utime_ns || d->usage.stime_ns) ? &d->usage : NULL;
}

/*
 * As the kernel's cputime_adjust() does, which wait4() and /proc report: the exact sum of run time,
 * split in the proportion that the ticks found.
 */
static uint64_t scaled_stime_ns(const struct rec_usage *u)
{
	if (!u->cpu_ns || !u->stime_ns)
		return u->stime_ns;
	if (!u->utime_ns)
		return u->cpu_ns;
	return (uint64_t)((__uint128_t)u->stime_ns * u->cpu_ns /
			  ((__uint128_t)u->stime_ns + u->utime_ns));
}

GET(stime_ns)
{
	const struct rec_usage *u = usage_of(c);

	return u && put_ns(ret, scaled_stime_ns(u));
}

GET(utime_ns)
{
	const struct rec_usage *u = usage_of(c);

	return u && put_ns(ret, u->cpu_ns ? u->cpu_ns - scaled_stime_ns(u) : u->utime_ns);
}

GET(minflt)
{
	const struct rec_usage *u = usage_of(c);

	return u && put_u64(ret, u->minflt);
}

GET(majflt)
{
	const struct rec_usage *u = usage_of(c);

	return u && put_u64(ret, u->majflt);
}

GET(teardown_ns)
{
	const struct proc_death *d = death_of_change(c);

	return d && d->exit_ns && d->zombie_ns >= d->exit_ns &&
	       put_ns(ret, d->zombie_ns - d->exit_ns);
}

GET(zombie_ns)
{
	const struct proc_death *d = death_of_change(c);

	return d && d->zombie_ns && d->gone_ns >= d->zombie_ns &&
	       put_ns(ret, d->gone_ns - d->zombie_ns);
}

GET(zombie_err_ns)
{
	return field_get_zombie_ns(r, c, ret) && put_ns(ret, c->proc->death->zombie_err_ns);
}

GET(reap_source)
{
	const struct proc_death *d = death_of_change(c);

	if (!d)
		return false;
	switch (d->reap_source) {
	case REC_REAP: return put_word(ret, "release_task");
	case REC_WAIT: return put_word(ret, "wait");
	case REC_FREE: /* nobody told of it: found missing, somewhere in zombie_err_ns */
		return put_word(ret, c->proc->flags & PROC_VANISHED ? "pass" : "free");
	}
	return false;
}

GET(reaper_pid)
{
	const struct proc_death *d = death_of_change(c);

	return d && put_u64(ret, d->reaper.tgid) && ret->u;
}

GET(fate)
{
	ret->type = VALUE_STATUS;
	if (!has_status(c))
		return put_word(ret, "status unknown");
	ret->u = status_of(c);
	return true;
}

GET(killer)
{
	const struct proc_killer *k = killer_of(c);

	return k && put_label(ret, k->key, comm_span(k->comm));
}

GET(reaper)
{
	const struct proc_death *d = death_of_change(c);

	return d && put_key_label(ret, r, c, d->reaper);
}
