/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways of reapers.c: how a healthy parent reaps one wave of children. Each makes them and
 * returns when none of them is left.
 */
#ifndef PROCTRAIL_LOAD_REAPERS_WAYS_H
#define PROCTRAIL_LOAD_REAPERS_WAYS_H

#include <pthread.h>
#include <sys/signalfd.h>

#include "load.h"

#define MAX_CHILDREN 16
#define LATE_MS      50 /* half of what is slow: a lifetime is measured with an error */
#define ID_PIDFD     3  /* P_PIDFD; glibc has it since 2.36 */
#ifndef CLONE_AUTOREAP
#define CLONE_AUTOREAP 0x400000000ULL /* 7.1 */
#endif

/* Shared with a middle process that makes it, and with itself. */
struct child {
	pid_t pid;
	uint64_t dies_ns, died_ns;
	int code; /* below 0: by SIGKILL */
	bool tied, forked;
};

/* One schedule, in the process that is the parent; what is shared is tally and end_ns. */
struct run {
	struct tally *tally;
	uint64_t *end_ns;
	long children, span_ms, late_ms;
	uint64_t rand;
	struct child *child;
	long n;             /* children of this wave */
	volatile long left; /* of them not yet waited for; handlers and threads count, too */
	volatile long reaped;
	long auto_reaped, late; /* late: reaped LATE_MS after its death or more */
	char stack[MAX_CHILDREN][LOAD_STACK] __attribute__((aligned(16)));
};

static long draw(struct run *r, long below)
{
	return below > 0 ? (long)(load_rand(&r->rand) % (uint64_t)below) : 0;
}

/* ---- children ---- */

/* May share the parent's memory: raw calls. */
static void child_live(void *arg)
{
	struct child *c = arg;
	struct timespec ts = {c->dies_ns / 1000000000ULL, c->dies_ns % 1000000000ULL};

	if (c->tied)
		raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	while (raw_syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, TIMER_ABSTIME, (long)&ts, 0) ==
	       -EINTR)
		;
	c->died_ns = now_ns();
	if (c->code < 0)
		raw_syscall(SYS_kill, raw_syscall(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
	raw_exit(c->code);
}

/* A wave dies at once, in two bursts, one by one, or as soon as it is born. */
static void wave_plan(struct run *r)
{
	uint64_t begin_ns = now_ns(), burst_ns[2];
	long shape = draw(r, 4);

	r->n = r->left = 1 + draw(r, r->children);
	for (int i = 0; i < 2; i++)
		burst_ns[i] = begin_ns + (uint64_t)draw(r, r->span_ms) * LOAD_NS_PER_MS;
	for (long i = 0; i < r->n; i++) {
		struct child *c = &r->child[i];

		*c = (struct child){.tied = true, .forked = draw(r, 4) == 0};
		c->code = draw(r, 4) ? (int)draw(r, 128) : -1;
		c->dies_ns = begin_ns;
		if (shape == 0)
			c->dies_ns = burst_ns[0];
		else if (shape == 1)
			c->dies_ns = burst_ns[draw(r, 2)];
		else if (shape == 2)
			c->dies_ns += (uint64_t)draw(r, r->span_ms) * LOAD_NS_PER_MS;
	}
}

/* Most share our memory, which is quick, on a stack of their own; some are copies. */
static void child_make(struct run *r, long i)
{
	struct child *c = &r->child[i];
	long flags = SIGCHLD, stack = 0;

	if (!c->forked) {
		flags |= CLONE_VM;
		stack = (long)(r->stack[i] + LOAD_STACK);
	}
	c->pid = raw_clone(SYS_clone, flags, stack, 0, child_live, c);
	if (c->pid < 0)
		load_die(1, "cannot make a child: %s", strerror(-c->pid));
	tally_add(&r->tally->births, 1);
}

static void wave_make(struct run *r)
{
	for (long i = 0; i < r->n; i++)
		child_make(r, i);
}

static uint64_t wave_end_ns(const struct run *r)
{
	uint64_t end_ns = 0;

	for (long i = 0; i < r->n; i++)
		if (r->child[i].dies_ns > end_ns)
			end_ns = r->child[i].dies_ns;
	return end_ns;
}

/* ---- waiting ---- */

/* Middle processes are none of those in the table. */
static void took(struct run *r, pid_t pid)
{
	tally_add(&r->tally->deaths, 1);
	r->left--;
	r->reaped++;
	for (long i = 0; i < r->n; i++)
		if (r->child[i].pid == pid && r->child[i].died_ns)
			r->late += now_ns() - r->child[i].died_ns >= LATE_MS * LOAD_NS_PER_MS;
}

static bool reap(struct run *r, pid_t pid, int flags)
{
	int status;

	do
		pid = waitpid(pid, &status, flags);
	while (pid < 0 && errno == EINTR);
	if (pid <= 0)
		return false;
	took(r, pid);
	return true;
}

static void reap_dead(struct run *r)
{
	while (reap(r, -1, WNOHANG))
		;
}

static void reap_all(struct run *r)
{
	while (reap(r, -1, 0))
		;
}

static void w_any(struct run *r)
{
	wave_make(r);
	reap_all(r);
}

/* As for p in jobs: p.wait(); those that come later are zombies meanwhile. */
static void w_order(struct run *r)
{
	wave_make(r);
	for (long i = 0; i < r->n; i++)
		reap(r, r->child[i].pid, 0);
}

/* Every job is asked in turn, and none waited for. */
static void w_poll(struct run *r)
{
	bool done[MAX_CHILDREN] = {false};

	wave_make(r);
	while (r->left) {
		for (long i = 0; i < r->n; i++)
			if (!done[i])
				done[i] = reap(r, r->child[i].pid, WNOHANG);
		sleep_ms(20);
	}
}

static void *any_thread(void *arg)
{
	reap_all(arg);
	return NULL;
}

static void w_thread(struct run *r)
{
	pthread_t id;

	wave_make(r);
	tally_add(&r->tally->threads, 1);
	if (pthread_create(&id, NULL, any_thread, r))
		load_die(1, "cannot make a thread");
	pthread_join(id, NULL);
}

static void w_pidfd(struct run *r)
{
	struct pollfd p[MAX_CHILDREN];
	siginfo_t si;

	wave_make(r);
	for (long i = 0; i < r->n; i++)
		p[i] = (struct pollfd){.fd = pidfd_of(r->child[i].pid), .events = POLLIN};
	while (r->left) {
		load_must(poll(p, (nfds_t)r->n, -1), "poll pidfds");
		for (long i = 0; i < r->n; i++) {
			if (!p[i].revents || waitid(ID_PIDFD, (id_t)p[i].fd, &si, WEXITED))
				continue;
			took(r, si.si_pid);
			close(p[i].fd);
			p[i].fd = -1;
		}
	}
}

static void w_waitid(struct run *r)
{
	siginfo_t si;

	wave_make(r);
	while (r->left && !waitid(P_ALL, 0, &si, WEXITED))
		took(r, si.si_pid);
}

/* As systemd does: looks at the dead first, takes its time, then reaps it by its pid. */
static void w_peek(struct run *r)
{
	siginfo_t si;

	wave_make(r);
	while (r->left && !waitid(P_ALL, 0, &si, WEXITED | WNOWAIT)) {
		sleep_ms(draw(r, 10));
		reap(r, si.si_pid, 0);
	}
}

/* ---- SIGCHLD ---- */

static struct {
	struct run *run;
	int fd[2]; /* tells of the signal */
} handling;

static void on_chld_reap(int sig)
{
	int saved = errno;

	(void)sig;
	reap_dead(handling.run);
	if (write(handling.fd[1], "", 1) < 0)
		_exit(1);
	errno = saved;
}

static void on_chld_note(int sig)
{
	(void)sig;
}

static void handle_chld(void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_RESTART | flags};

	sigaction(SIGCHLD, &sa, NULL);
}

static void block_chld(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
}

static void w_handler(struct run *r)
{
	char c;

	load_must(pipe2(handling.fd, O_CLOEXEC), "make a pipe");
	handling.run = r;
	handle_chld(on_chld_reap, 0);
	wave_make(r);
	while (r->left)
		if (read(handling.fd[0], &c, 1) < 0 && errno != EINTR)
			break;
	handle_chld(SIG_DFL, 0);
	close(handling.fd[0]);
	close(handling.fd[1]);
}

/* Blocked but while it sleeps, as ppoll() and sigsuspend() are meant to be used. */
static void w_suspend(struct run *r)
{
	sigset_t set, none;

	sigemptyset(&none);
	handle_chld(on_chld_note, 0);
	block_chld(&set);
	wave_make(r);
	while (r->left) {
		reap_dead(r);
		if (!r->left)
			break;
		sigsuspend(&none);
		sleep_ms(draw(r, 20)); /* it has other work */
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void w_signalfd(struct run *r)
{
	struct signalfd_siginfo si;
	sigset_t set;
	int fd;

	block_chld(&set);
	fd = (int)load_must(signalfd(-1, &set, SFD_CLOEXEC), "make a signalfd");
	wave_make(r);
	while (r->left)
		if (read(fd, &si, sizeof(si)) > 0)
			reap_dead(r);
	close(fd);
}

static void w_sigwait(struct run *r)
{
	sigset_t set;

	block_chld(&set);
	wave_make(r);
	while (r->left)
		if (sigwaitinfo(&set, NULL) == SIGCHLD)
			reap_dead(r);
}

/* ---- late ---- */

static void w_late(struct run *r)
{
	wave_make(r);
	while (r->left) {
		sleep_ms(r->late_ms);
		reap_dead(r);
	}
}

/* With a handler that only notes it, and signals that merge. */
static void w_late_noted(struct run *r)
{
	handle_chld(on_chld_note, 0);
	w_late(r);
}

/* With the signal blocked and pending all the while. */
static void w_late_blocked(struct run *r)
{
	sigset_t set;

	handle_chld(on_chld_note, 0);
	block_chld(&set);
	w_late(r);
}

/* ---- the kernel reaps ---- */

static void kernel_reaped(struct run *r)
{
	tally_add(&r->tally->deaths, (uint64_t)r->left);
	r->auto_reaped += r->left;
	r->left = 0;
}

/* wait() returns when all are gone, with none. */
static void w_sigign(struct run *r)
{
	handle_chld(SIG_IGN, 0);
	wave_make(r);
	reap_all(r);
	kernel_reaped(r);
}

static void w_nocldwait(struct run *r)
{
	handle_chld(SIG_DFL, SA_NOCLDWAIT);
	wave_make(r);
	sleep_until_ns(wave_end_ns(r) + 50 * LOAD_NS_PER_MS);
	kernel_reaped(r);
}

static pid_t autoreap_make(struct run *r, long i)
{
	/* a SIGCHLD at exit is refused with it */
	struct clone_args ca = {.flags = CLONE_AUTOREAP};

	return raw_clone3(&ca, child_live, &r->child[i]);
}

static void w_autoreap(struct run *r)
{
	pid_t pid;

	for (long i = 0; i < r->n; i++) {
		pid = autoreap_make(r, i);
		if (pid < 0)
			load_die(1, "cannot make a child: %s", strerror(-pid));
		r->child[i].pid = pid;
		tally_add(&r->tally->births, 1);
	}
	sleep_until_ns(wave_end_ns(r) + 50 * LOAD_NS_PER_MS);
	kernel_reaped(r);
}

static void autoreap_try(void *arg)
{
	(void)arg;
	raw_exit(0);
}

/* Whether the kernel has it is told by one child more. */
static bool autoreap_known(struct tally *t)
{
	struct clone_args ca = {.flags = CLONE_AUTOREAP};

	if (raw_clone3(&ca, autoreap_try, NULL) < 0)
		return false;
	tally_add(&t->births, 1);
	tally_add(&t->deaths, 1);
	return true;
}

/* ---- orphans ---- */

/* All are made by a middle process that dies: we adopt them. */
static void w_subreaper(struct run *r)
{
	pid_t middle;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (long i = 0; i < r->n; i++)
		r->child[i].tied = false; /* to the middle process */
	middle = load_fork(r->tally);
	if (!middle) {
		wave_make(r);
		_exit(0);
	}
	r->left++;
	reap_all(r);
}

/* Double fork: each has a middle process of its own, waited for at once; they go to a subreaper. */
static void w_double(struct run *r)
{
	pid_t middle;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (long i = 0; i < r->n; i++) {
		r->child[i].tied = false;
		middle = load_fork(r->tally);
		if (!middle) {
			child_make(r, i);
			_exit(0);
		}
		r->left++;
		reap(r, middle, 0);
	}
	reap_all(r);
}

/* ---- a shell ---- */

/* Some jobs in the foreground, waited for by pid; the others found dead before the next prompt. */
static void w_shell(struct run *r)
{
	for (long i = 0; i < r->n; i++) {
		child_make(r, i);
		if (draw(r, 2))
			reap(r, r->child[i].pid, WUNTRACED);
		while (reap(r, -1, WNOHANG | WUNTRACED | WCONTINUED))
			;
	}
	reap_all(r);
}

#endif
