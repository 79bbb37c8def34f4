/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of spawncost.c: each does one, and reports the moments of it. */
#ifndef PROCTRAIL_LOAD_SPAWNCOST_WAYS_H
#define PROCTRAIL_LOAD_SPAWNCOST_WAYS_H

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>

#include "load.h"

#define WAYS_MAX    16
#define ROUND_TRIPS 2000 /* of a ping-pong */

/* Noted by whoever lives through them, CLOCK_BOOTTIME; 0: not yet, or it cannot be seen. */
struct moments {
	uint64_t child_ns;   /* the child's first instruction of its own */
	uint64_t exec_ns;    /* it calls execve() */
	uint64_t image_ns;   /* the first instruction of the new image */
	uint64_t handler_ns; /* of a signal */
	uint64_t end_ns;     /* it goes now */
	uint32_t ready;      /* may be sent a signal */
};

/* What the one who asks for it sees. */
struct op {
	pid_t pid, tid;
	uint64_t start_ns, returned_ns, reaped_ns;
};

struct run {
	long count, max_ms, heap_mb;
	bool small_pages;
	const char *how, *heaps;
	char **cmd; /* of exec */
	struct moments *moments;
	int moments_fd;
	char fd_text[12];
	char *stack;
	struct tally *tally;
	void (*report)(const struct run *r, const char *how, const struct op *op);
};

/* ---- a program is started ---- */

static void op_reap(struct run *r, struct op *op, int want_status)
{
	int status;

	if (op->pid < 0)
		load_die(1, "cannot start: %s", strerror(-op->pid));
	tally_add(&r->tally->births, 1);
	if (load_reap(r->tally, op->pid, &status) != op->pid || status != want_status)
		load_die(1, "the child ended by %#x, not %#x", status, want_status);
	op->reaped_ns = now_ns();
}

/* May run in the parent's memory: raw calls only, and never returns. */
static void child_image(void *arg)
{
	struct run *r = arg;
	char *argv[] = {"spawned", "image", r->fd_text, NULL};

	r->moments->child_ns = now_ns();
	r->moments->exec_ns = r->moments->child_ns;
	raw_syscall(SYS_execve, (long)LOAD_SELF, (long)argv, (long)environ, 0);
	raw_exit(127);
}

static pid_t make_fork(struct run *r, void (*child)(void *))
{
	pid_t pid = fork();

	if (!pid)
		child(r);
	return pid < 0 ? -errno : pid;
}

static pid_t make_vfork(struct run *r, void (*child)(void *))
{
	pid_t pid = vfork();

	if (!pid)
		child(r);
	return pid < 0 ? -errno : pid;
}

static pid_t make_posix_spawn(struct run *r, void (*child)(void *))
{
	char *argv[] = {"spawned", "image", r->fd_text, NULL};
	pid_t pid;
	int err = posix_spawn(&pid, LOAD_SELF, NULL, NULL, argv, environ);

	return err ? -err : pid;
}

/* What a thread shares, in a process of its own. */
static pid_t make_clone(struct run *r, void (*child)(void *))
{
	return raw_clone(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD,
			 (long)(r->stack + LOAD_STACK), 0, child, r);
}

static void spawn_once(struct run *r, const char *how,
		       pid_t (*make)(struct run *, void (*)(void *)), void (*child)(void *))
{
	struct op op = {.start_ns = now_ns()};

	op.pid = make(r, child);
	op.returned_ns = now_ns();
	op_reap(r, &op, 0);
	if (r->moments->image_ns || r->moments->exec_ns)
		tally_add(&r->tally->execs, 1);
	r->report(r, how, &op);
}

static void way_fork(struct run *r)
{
	spawn_once(r, "fork", make_fork, child_image);
}

static void way_vfork(struct run *r)
{
	spawn_once(r, "vfork", make_vfork, child_image);
}

static void way_posix_spawn(struct run *r)
{
	spawn_once(r, "posix_spawn", make_posix_spawn, child_image);
}

static void way_clone(struct run *r)
{
	spawn_once(r, "clone", make_clone, child_image);
}

static void child_ends(void *arg)
{
	struct run *r = arg;

	r->moments->child_ns = now_ns();
	r->moments->end_ns = r->moments->child_ns;
	raw_exit(0);
}

static void way_vfork_exit(struct run *r)
{
	spawn_once(r, "vfork_exit", make_vfork, child_ends);
}

/* Any program: from execve() until it has ended and is reaped. */
static void child_command(void *arg)
{
	struct run *r = arg;

	tie_to_parent(0);
	r->moments->exec_ns = now_ns();
	raw_syscall(SYS_execve, (long)r->cmd[0], (long)r->cmd, (long)environ, 0);
	raw_exit(127);
}

static void way_exec(struct run *r)
{
	spawn_once(r, "exec", make_vfork, child_command);
}

/* ---- a thread ---- */

static void *thread_body(void *arg)
{
	struct run *r = arg;
	pid_t tid;

	r->moments->child_ns = now_ns();
	tid = (pid_t)syscall(SYS_gettid);
	r->moments->end_ns = now_ns();
	return (void *)(intptr_t)tid;
}

static void way_thread(struct run *r)
{
	struct op op = {.pid = getpid(), .start_ns = now_ns()};
	pthread_t t;
	void *tid;
	int err;

	err = pthread_create(&t, NULL, thread_body, r);
	op.returned_ns = now_ns();
	if (err)
		load_die(1, "cannot make a thread: %s", strerror(err));
	pthread_join(t, &tid);
	op.reaped_ns = now_ns();
	op.tid = (pid_t)(intptr_t)tid;
	tally_add(&r->tally->threads, 1);
	r->report(r, "thread", &op);
}

/*
 * ---- a signal: SIGUSR1, whose handler ends the process, so that its end is seen from outside as well.
 * SIGUSR2 has come before: a fork's child has yet to fault in all that it runs.
 */

static struct moments *handler_moments;

static void on_signal(int sig)
{
	handler_moments->handler_ns = now_ns();
	if (sig == SIGUSR1)
		raw_exit(0);
}

static void signal_child(struct run *r, bool itself)
{
	pid_t self = getpid();

	handler_moments = r->moments;
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	kill(self, SIGUSR2);
	if (itself) {
		r->moments->child_ns = now_ns();
		kill(self, SIGUSR1);
	}
	__atomic_store_n(&r->moments->ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static void signal_self(struct run *r)
{
	struct op op = {0};

	op.pid = fork();
	if (!op.pid)
		signal_child(r, true);
	op_reap(r, &op, 0);
	op.start_ns = r->moments->child_ns;
	r->report(r, "signal_self", &op);
}

/* Ready, and a moment for it to fall asleep. */
static void signal_other(struct run *r)
{
	struct op op = {0};
	pid_t parent = getpid();

	op.pid = fork();
	if (!op.pid) {
		tie_to_parent(parent);
		signal_child(r, false);
	}
	while (op.pid > 0 && !__atomic_load_n(&r->moments->ready, __ATOMIC_ACQUIRE))
		sched_yield();
	sleep_ms(1);
	op.start_ns = now_ns();
	load_must(op.pid < 0 ? op.pid : kill(op.pid, SIGUSR1), "send a signal");
	op.returned_ns = now_ns();
	op_reap(r, &op, 0);
	r->report(r, "signal_other", &op);
}

/* ---- a context switch: two on one CPU, each wakes the other and sleeps ---- */

struct pingpong {
	uint32_t turn;
	int private;
};

static void pingpong_play(struct pingpong *p, uint32_t me)
{
	for (long i = 0; i < ROUND_TRIPS; i++) {
		while (__atomic_load_n(&p->turn, __ATOMIC_ACQUIRE) != me)
			syscall(SYS_futex, &p->turn, FUTEX_WAIT | p->private, !me, NULL, NULL, 0);
		__atomic_store_n(&p->turn, !me, __ATOMIC_RELEASE);
		syscall(SYS_futex, &p->turn, FUTEX_WAKE | p->private, 1, NULL, NULL, 0);
	}
}

static void *pingpong_thread(void *arg)
{
	pingpong_play(arg, 1);
	return NULL;
}

static void switch_report(const char *how, uint64_t wall_ns)
{
	struct line l;

	line_open(&l, "switch");
	line_str(&l, "how", how);
	line_num(&l, "switches", 2L * ROUND_TRIPS);
	line_num(&l, "wall_ns", (int64_t)wall_ns);
	line_close(&l);
}

/* Returns what to give back to sched_setaffinity(). */
static cpu_set_t pin(void)
{
	cpu_set_t old, one;
	int cpu = 0;

	load_must(sched_getaffinity(0, sizeof(old), &old), "read the affinity");
	while (!CPU_ISSET(cpu, &old))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	load_must(sched_setaffinity(0, sizeof(one), &one), "pin to a CPU");
	return old;
}

static void switch_processes(struct run *r)
{
	struct pingpong *p = load_shared(sizeof(*p));
	cpu_set_t old = pin();
	struct op op = {0};

	op.pid = load_fork(r->tally);
	if (!op.pid) {
		pingpong_play(p, 1);
		_exit(0);
	}
	op.start_ns = now_ns();
	pingpong_play(p, 0);
	load_reap(r->tally, op.pid, &(int){0});
	switch_report("switch_processes", now_ns() - op.start_ns);
	sched_setaffinity(0, sizeof(old), &old);
	munmap(p, sizeof(*p));
}

static void switch_threads(struct run *r)
{
	struct pingpong p = {.private = FUTEX_PRIVATE_FLAG};
	cpu_set_t old = pin();
	uint64_t start_ns;
	pthread_t t;

	if (pthread_create(&t, NULL, pingpong_thread, &p))
		load_die(1, "cannot make a thread");
	tally_add(&r->tally->threads, 1);
	start_ns = now_ns();
	pingpong_play(&p, 0);
	pthread_join(t, NULL);
	switch_report("switch_threads", now_ns() - start_ns);
	sched_setaffinity(0, sizeof(old), &old);
}

static const struct load_how ways[] = {
	{"fork", way_fork, "and exec of a small static program"},
	{"vfork", way_vfork, "the same"},
	{"posix_spawn", way_posix_spawn, "the same"},
	{"clone", way_clone, "sharing all that threads share; the same"},
	{"vfork_exit", way_vfork_exit, "the child ends at once"},
	{"thread", way_thread, "pthread_create(); it ends at once"},
	{"exec", way_exec, "the words after --, to their end, by vfork"},
	{"signal_self", signal_self, "kill() of oneself until the handler runs"},
	{"signal_other", signal_other, "kill() of another, which sleeps"},
	{"switch_processes", switch_processes, "futex ping-pong on one CPU"},
	{"switch_threads", switch_threads, "the same, of two threads"},
	{0},
};

#endif
