/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The targets of signals.c: each sets itself up, says ready, and waits to be acted upon, or
 * brings the kernel to send it something.
 */
#ifndef PROCTRAIL_LOAD_SIGNALS_TARGET_H
#define PROCTRAIL_LOAD_SIGNALS_TARGET_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "load.h"

#define GROUP 5

struct run {
	long count, rate, seconds, pause_ms;
	const char *how;
	struct tally *tally;
	uint64_t *handled;
	int ready_wr;
};

static uint64_t *handled_by_us; /* the handler's only way to its count */

static void on_signal(int sig)
{
	(void)sig;
	__atomic_fetch_add(handled_by_us, 1, __ATOMIC_RELAXED);
}

static void on_signal_exit(int sig)
{
	_exit(100 + sig);
}

static void line_signal(const char *api, pid_t sender, pid_t target, int sig)
{
	struct line l;

	line_open(&l, "signal");
	line_str(&l, "api", api);
	line_num(&l, "sender", sender);
	line_num(&l, "target", target);
	line_num(&l, "signal", sig);
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

static void send_kill(pid_t pid, int sig)
{
	line_signal("kill", getpid(), pid, sig);
	kill(pid, sig);
}

static void ready(struct run *r)
{
	if (write(r->ready_wr, "r", 1) != 1)
		_exit(254);
}

/* Until killed; bounded all the same. */
static void wait_for_it(struct run *r)
{
	ready(r);
	sleep_ms(10000);
	_exit(255);
}

static void t_ignore(struct run *r)
{
	signal(SIGTERM, SIG_IGN);
	wait_for_it(r);
}

static void t_handle_exit(struct run *r)
{
	signal(SIGTERM, on_signal_exit);
	wait_for_it(r);
}

static void t_handle_stay(struct run *r)
{
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
	wait_for_it(r);
}

static void t_block(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wait_for_it(r);
}

static void t_raise(struct run *r)
{
	ready(r);
	line_signal("raise", getpid(), getpid(), SIGUSR2);
	raise(SIGUSR2);
}

static void t_segv(struct run *r)
{
	char *hole = load_shared(4096);

	munmap(hole, 4096);
	ready(r);
	line_signal("fault", 0, getpid(), SIGSEGV);
	*(volatile char *)hole = 1;
}

static void t_pipe(struct run *r)
{
	int fd[2];

	load_must(pipe(fd), "make a pipe");
	close(fd[0]);
	ready(r);
	line_signal("pipe", 0, getpid(), SIGPIPE);
	if (write(fd[1], "x", 1) < 0)
		_exit(255);
}

static void t_alarm(struct run *r)
{
	struct itimerval it = {.it_value = {.tv_usec = 20000}};

	line_signal("timer", 0, getpid(), SIGALRM);
	setitimer(ITIMER_REAL, &it, NULL);
	wait_for_it(r);
}

static void t_posix_timer(struct run *r)
{
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec it = {.it_value = {.tv_nsec = 20000000}};
	timer_t id;

	load_must(timer_create(CLOCK_MONOTONIC, &se, &id), "make a timer");
	line_signal("posix_timer", 0, getpid(), SIGUSR1);
	timer_settime(id, 0, &it, NULL);
	wait_for_it(r);
}

static void core_limit(rlim_t n)
{
	struct rlimit lim;

	getrlimit(RLIMIT_CORE, &lim);
	lim.rlim_cur = n < lim.rlim_max ? n : lim.rlim_max;
	setrlimit(RLIMIT_CORE, &lim);
}

static void t_abort(struct run *r)
{
	core_limit(0);
	ready(r);
	line_signal("raise", getpid(), getpid(), SIGABRT);
	abort();
}

/* In a directory of its own, which is removed with whatever the kernel put there. */
static void t_core(struct run *r)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/signals-%d", getppid());
	if (chdir(dir))
		_exit(254);
	core_limit(1 << 20);
	ready(r);
	line_signal("raise", getpid(), getpid(), SIGQUIT);
	raise(SIGQUIT);
}

static void t_pdeathsig(struct run *r)
{
	pid_t self = getpid();

	if (load_fork(r->tally)) {
		sleep_ms(r->pause_ms);
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != self)
		_exit(254);
	line_signal("pdeathsig", 0, getpid(), SIGTERM);
	wait_for_it(r);
}

static void t_xcpu(struct run *r)
{
	struct rlimit lim = {1, 2};

	core_limit(0);
	setrlimit(RLIMIT_CPU, &lim);
	ready(r);
	line_signal("rlimit_cpu", 0, getpid(), SIGXCPU);
	busy_ms(20000);
}

static void t_seccomp(struct run *r)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(f) / sizeof(f[0]), f};

	core_limit(0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	load_must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), "set the filter");
	ready(r);
	line_signal("seccomp", 0, getpid(), SIGSYS);
	sethostname("", 0); /* never reaches the kernel's own code */
}

/* A process group with members, all in it killed at once. */
static void t_group(struct run *r)
{
	setpgid(0, 0);
	for (int i = 1; i < GROUP; i++)
		if (!load_fork(r->tally))
			wait_for_it(r);
	wait_for_it(r);
}

#endif
