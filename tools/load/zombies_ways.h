/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bad ways of zombies.c: each is the life of the parent, from "children made" to "time is up".
 * What it leaves it reaps in zombies.c:parent_clean(), marked as left in the truth log.
 */
#ifndef PROCTRAIL_LOAD_ZOMBIES_WAYS_H
#define PROCTRAIL_LOAD_ZOMBIES_WAYS_H

#include <pthread.h>

#include "load.h"

#define MAX_PID 4194304

/* One child. exit_ns is taken by itself just before exit, seen_ns when its pidfd said so. */
struct slot {
	pid_t pid, inner_pid, reaper;
	int status;
	bool made, left;
	uint64_t exit_ns, seen_ns, reap_begin_ns, reap_end_ns;
};

/* In a memfd: the parent that execs finds it again. */
struct shared {
	struct tally tally;
	uint64_t ready, cleaning, end_ns;
	long children;
	int by_pid[MAX_PID]; /* slot + 1, as the parent sees the pid; pages come when touched */
	struct slot slot[];
};

struct run {
	long children, live_ms, lifetime_ms, interval_ms, delay_ms, every_us;
	const char *how;
	struct shared *sh;
	int shm_fd;
	struct gate gate;
	bool gated, untied, quick;
	int exit_signal;
};

struct child_arg {
	struct run *run;
	long i;
	pid_t parent;
};

/* May share the parent's memory (quick): raw calls. */
static void child_live(void *arg)
{
	struct child_arg *a = arg;
	struct run *r = a->run;
	struct slot *s = &r->sh->slot[a->i];
	long delay_ms = r->delay_ms + a->i * r->interval_ms;
	pid_t pid = (pid_t)raw_syscall(SYS_getpid, 0, 0, 0, 0);

	/* an orphan to be must outlive its maker; the death of its pid 1 takes it instead */
	if (!r->untied)
		tie_to_parent(a->parent);
	s->pid = r->untied ? outer_pid() : pid;
	r->sh->by_pid[pid] = (int)a->i + 1;
	__atomic_store_n(&s->inner_pid, pid, __ATOMIC_RELEASE); /* the last: others look for it */
	if (r->gated)
		gate_wait(&r->gate);
	if (delay_ms)
		sleep_ms(delay_ms);
	s->exit_ns = now_ns();
	raw_exit((int)a->i & 0x7f);
}

static void child_make(struct run *r, long i)
{
	struct child_arg a = {r, i, getpid()};
	long flags = r->exit_signal | (r->quick ? CLONE_VM | CLONE_VFORK : 0);
	pid_t pid = raw_clone(SYS_clone, flags, 0, 0, child_live, &a);

	if (pid < 0)
		load_die(1, "cannot make child %ld: %s", i, strerror(-pid));
	r->sh->slot[i].made = true;
	tally_add(&r->sh->tally.births, 1);
}

static void children_make(struct run *r)
{
	for (long i = 0; !r->every_us && i < r->children; i++)
		child_make(r, i);
}

static bool time_is_up(struct run *r)
{
	return now_ns() >= r->sh->end_ns;
}

static void ready(struct run *r)
{
	r->sh->end_ns = now_ns() + (uint64_t)r->live_ms * LOAD_NS_PER_MS;
	__atomic_store_n(&r->sh->ready, now_ns(), __ATOMIC_RELEASE);
}

/* One child after the other while the time goes by. */
static void children_leak(struct run *r)
{
	uint64_t next_ns = now_ns();

	for (long i = 0; r->every_us && i < r->children && !time_is_up(r); i++) {
		child_make(r, i);
		next_ns += (uint64_t)r->every_us * 1000;
		sleep_until_ns(next_ns);
	}
}

static void gate_release(struct run *r)
{
	close(r->gate.wr);
	close(r->gate.rd);
}

static pid_t reap_one(struct run *r, pid_t pid, int flags)
{
	uint64_t begin_ns = now_ns();
	int status, i;

	pid = waitpid(pid, &status, flags);
	if (pid <= 0)
		return pid;
	tally_add(&r->sh->tally.deaths, 1);
	i = r->sh->by_pid[pid];
	if (i--) {
		r->sh->slot[i].reap_begin_ns = begin_ns;
		r->sh->slot[i].reap_end_ns = now_ns();
		r->sh->slot[i].status = status;
		r->sh->slot[i].reaper = outer_pid();
		r->sh->slot[i].left = r->sh->cleaning;
	}
	return pid;
}

static void reap_all_dead(struct run *r)
{
	while (reap_one(r, -1, WNOHANG) > 0)
		;
}

/* Until the time is up; signals are handled meanwhile. */
static void stay(struct run *r)
{
	while (!time_is_up(r))
		usleep(1000);
}

static void w_never(struct run *r)
{
	children_make(r);
	ready(r);
	children_leak(r);
	sleep_until_ns(r->sh->end_ns);
}

/* The other is the youngest: not one of several that are waited for in the order of their births. */
static void w_others(struct run *r)
{
	pid_t other;

	children_make(r);
	other = load_fork(&r->sh->tally);
	if (!other) {
		sleep_ms(r->live_ms);
		_exit(0);
	}
	ready(r);
	while (reap_one(r, other, 0) < 0 && errno == EINTR)
		;
}

static struct run *handler_run; /* a handler gets nothing else */

/* One child a signal, slowly, as so many programs do: what dies meanwhile merges. */
static void on_chld_one(int sig)
{
	(void)sig;
	usleep(20000);
	reap_one(handler_run, -1, WNOHANG);
}

static void on_chld_all(int sig)
{
	(void)sig;
	reap_all_dead(handler_run);
}

static void handle_chld(struct run *r, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_RESTART | flags};

	handler_run = r;
	sigaction(SIGCHLD, &sa, NULL);
}

static void block_chld(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void w_handler(struct run *r, void (*fn)(int))
{
	handle_chld(r, fn, 0);
	children_make(r);
	ready(r);
	gate_release(r);
	stay(r);
}

static void w_merged(struct run *r)
{
	w_handler(r, on_chld_one);
}

static void w_blocked(struct run *r)
{
	sigset_t set;

	handle_chld(r, on_chld_all, 0);
	block_chld(&set);
	children_make(r);
	ready(r);
	children_leak(r);
	stay(r);
}

/* The generator stops us, lets the children die, and continues us when the time is up. */
static void w_stopped(struct run *r)
{
	handle_chld(r, on_chld_all, 0);
	children_make(r);
	close(r->gate.wr);
	ready(r);
	while (r->sh->tally.deaths < (uint64_t)r->children)
		usleep(1000);
}

static void vfork_sleeps(void *arg)
{
	const struct timespec *ts = arg;

	raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	raw_syscall(SYS_nanosleep, (long)ts, 0, 0, 0);
	raw_exit(0);
}

/* In D, because a vfork child neither execs nor exits. */
static void w_stuck(struct run *r)
{
	struct timespec ts = {r->live_ms / 1000, r->live_ms % 1000 * 1000000};

	children_make(r);
	ready(r);
	tally_add(&r->sh->tally.births, 1);
	raw_clone(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, vfork_sleeps, &ts);
}

/* A good parent, whose wait does not return while a tracer holds the dead. */
static void w_traced(struct run *r)
{
	children_make(r);
	close(r->gate.wr);
	ready(r);
	while (reap_one(r, -1, 0) > 0 || errno == EINTR)
		;
}

/* We are pid 1 of a namespace. The orphans come from a middle process, which we do reap. */
static void w_init(struct run *r)
{
	pid_t middle = load_fork(&r->sh->tally);

	if (!middle) {
		children_make(r);
		_exit(0);
	}
	while (reap_one(r, middle, 0) < 0 && errno == EINTR)
		;
	gate_release(r);
	ready(r);
	sleep_until_ns(r->sh->end_ns);
}

/* sh -c 'job & exec app': the app never made these children and does not know of them. */
static void w_exec(struct run *r)
{
	char fd[16], live[16];
	char *argv[] = {"app", "app", fd, live, NULL};

	children_make(r);
	snprintf(fd, sizeof(fd), "%d", r->shm_fd);
	snprintf(live, sizeof(live), "%ld", r->live_ms);
	tally_add(&r->sh->tally.execs, 1);
	execv(LOAD_SELF, argv);
	_exit(127);
}

/* Waits, but the children are not of the kind that a plain wait sees. */
static void w_wall(struct run *r)
{
	children_make(r);
	ready(r);
	while (!time_is_up(r)) {
		reap_one(r, -1, 0);
		sleep_ms(20);
	}
}

static void *last_thread(void *arg)
{
	struct child_arg *a = arg;

	sleep_ms(a->run->live_ms);
	a->run->sh->slot[a->i].exit_ns = now_ns();
	raw_exit((int)a->i & 0x7f);
}

static void w_leader(struct run *r)
{
	for (long i = 0; i < r->children; i++) {
		struct child_arg a = {r, i, getpid()};
		pthread_t id;

		if (load_fork(&r->sh->tally)) {
			r->sh->slot[i].made = true;
			continue;
		}
		r->sh->slot[i].pid = r->sh->slot[i].inner_pid = getpid();
		r->sh->by_pid[getpid()] = (int)i + 1;
		tally_add(&r->sh->tally.threads, 1);
		if (pthread_create(&id, NULL, last_thread, &a))
			_exit(254);
		raw_thread_exit(0);
	}
	ready(r);
	while (reap_one(r, -1, 0) > 0 || errno == EINTR)
		;
}

static void w_slow(struct run *r)
{
	children_make(r);
	ready(r);
	while (!time_is_up(r)) {
		sleep_ms(r->lifetime_ms);
		reap_all_dead(r);
	}
}

#endif
