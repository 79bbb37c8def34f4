/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The healthy ways of zombies.c: parents that reap, each in a manner that a tool could take for
 * one of the bad ways.
 */
#ifndef PROCTRAIL_LOAD_ZOMBIES_TWINS_H
#define PROCTRAIL_LOAD_ZOMBIES_TWINS_H

#include <sys/signalfd.h>

#include "zombies_ways.h"

static void w_healthy(struct run *r)
{
	children_make(r);
	ready(r);
	while (reap_one(r, -1, 0) > 0 || errno == EINTR)
		;
	stay(r);
}

static void w_sigign(struct run *r)
{
	signal(SIGCHLD, SIG_IGN);
	children_make(r);
	ready(r);
	stay(r);
}

static void w_nocldwait(struct run *r)
{
	handle_chld(r, SIG_DFL, SA_NOCLDWAIT);
	children_make(r);
	ready(r);
	stay(r);
}

static void *reaper_thread(void *arg)
{
	while (reap_one(arg, -1, 0) > 0 || errno == EINTR)
		;
	return NULL;
}

static void w_thread(struct run *r)
{
	pthread_t id;

	children_make(r);
	ready(r);
	tally_add(&r->sh->tally.threads, 1);
	if (pthread_create(&id, NULL, reaper_thread, r))
		load_die(1, "cannot make a thread");
	stay(r);
	pthread_join(id, NULL);
}

static void w_signalfd(struct run *r)
{
	sigset_t set;
	struct signalfd_siginfo si;
	struct pollfd p = {.events = POLLIN};

	block_chld(&set);
	p.fd = signalfd(-1, &set, SFD_CLOEXEC);
	children_make(r);
	ready(r);
	while (!time_is_up(r))
		if (poll(&p, 1, 10) == 1 && read(p.fd, &si, sizeof(si)) > 0)
			reap_all_dead(r);
}

static void w_sigwait(struct run *r)
{
	const struct timespec tick = {0, 10000000};
	sigset_t set;

	block_chld(&set);
	children_make(r);
	ready(r);
	while (!time_is_up(r))
		if (sigtimedwait(&set, NULL, &tick) == SIGCHLD)
			reap_all_dead(r);
}

/*
 * In the order of their deaths, each lifetime_ms after it. The pidfd tells the death without a
 * wait call, which would be evidence of its own, but does so while the child is still about to send its
 * parent the signal. It holds tasklist_lock until it has, and so does kill(0): then it is a zombie.
 */
static void reap_by_pidfd(struct run *r, long lifetime_ms)
{
	children_make(r);
	ready(r);
	gate_release(r);
	for (long i = 0; i < r->children; i++) {
		struct slot *s = &r->sh->slot[i];
		struct pollfd p = {.events = POLLIN};

		while (!__atomic_load_n(&s->inner_pid, __ATOMIC_ACQUIRE))
			usleep(100);
		p.fd = pidfd_of(s->inner_pid);
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
		kill(0, 0);
		s->seen_ns = now_ns();
		close(p.fd);
		sleep_until_ns(s->seen_ns + (uint64_t)lifetime_ms * LOAD_NS_PER_MS);
		reap_one(r, s->inner_pid, 0);
	}
	stay(r);
}

static void w_pidfd(struct run *r)
{
	reap_by_pidfd(r, 0);
}

static void w_late(struct run *r)
{
	reap_by_pidfd(r, r->lifetime_ms);
}

static void w_burst(struct run *r)
{
	w_handler(r, on_chld_all);
}

#endif
