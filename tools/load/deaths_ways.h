/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to die of deaths.c. A victim sets itself up, says ready, and waits; the truth is logged as a
 * 'plan' with the victim's pid, and as 'sent' by each sender.
 */
#ifndef PROCTRAIL_LOAD_DEATHS_WAYS_H
#define PROCTRAIL_LOAD_DEATHS_WAYS_H

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "load.h"

#define GROUP      4
#define FAULT_PAGE 0x10000UL /* below what mmap() gives: nothing is there */

struct run {
	long count, jobs, seed, pause_ms;
	const char *how;
	uint64_t rand;
	struct tally *tally;
	int ready_wr;
};

enum api { API_KILL, API_TGKILL, API_SIGQUEUE, N_API };

static const char *const api_names[] = {"kill", "tgkill", "sigqueue"};

static const int fatal[] = {SIGHUP,  SIGINT,    SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,
			    SIGBUS,  SIGFPE,    SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
			    SIGPIPE, SIGALRM,   SIGTERM, SIGXCPU, SIGXFSZ, SIGPROF,
			    SIGSYS,  SIGVTALRM, SIGPWR,  SIGIO,   34,      64};

static int random_signal(struct run *r)
{
	return fatal[load_rand(&r->rand) % (sizeof(fatal) / sizeof(fatal[0]))];
}

/* ---- the log ---------------------------------------------------------------------------------- */

static void line_plan(struct line *l, const char *how, pid_t pid)
{
	line_open(l, "plan");
	line_str(l, "how", how);
	line_num(l, "pid", pid);
}

static void log_plan(const char *how, pid_t pid, const char *key, int64_t value)
{
	struct line l;

	line_plan(&l, how, pid);
	if (key)
		line_num(&l, key, value);
	line_close(&l);
}

static void reap_all(struct run *r)
{
	struct line l;
	int status;
	pid_t pid;

	while ((pid = load_reap(r->tally, -1, &status)) > 0)
		line_death(&l, pid, status);
}

/* ---- victims ---------------------------------------------------------------------------------- */

static void no_core(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
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
	sleep_ms(20000);
	_exit(255);
}

/* Its pid once it is ready, so many times */
static pid_t victim(struct run *r, void (*set_up)(struct run *r), int readies)
{
	int fd[2];
	pid_t pid;
	char c;

	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	r->ready_wr = fd[1];
	pid = load_fork(r->tally);
	if (!pid) {
		close(fd[0]);
		no_core();
		set_up(r);
		_exit(255);
	}
	close(fd[1]);
	while (readies-- && read(fd[0], &c, 1) == 1)
		;
	close(fd[0]);
	return pid;
}

/* ---- senders ---------------------------------------------------------------------------------- */

static int send_by(enum api api, pid_t target, int sig)
{
	const union sigval v = {.sival_int = 4711};

	switch (api) {
	case API_KILL:
	case N_API: break;
	case API_TGKILL: return (int)syscall(SYS_tgkill, target, target, sig);
	case API_SIGQUEUE: return sigqueue(target, sig, v);
	}
	return kill(target, sig);
}

static void send_logged(enum api api, pid_t target, int sig)
{
	uint64_t begin_ns = now_ns(), end_ns;
	int err = send_by(api, target, sig);
	struct line l;

	end_ns = now_ns();
	line_open(&l, "sent");
	line_str(&l, "api", api_names[api]);
	line_num(&l, "sender", getpid());
	line_num(&l, "target", target);
	line_num(&l, "signal", sig);
	line_num(&l, "begin_ns", (int64_t)begin_ns);
	line_num(&l, "end_ns", (int64_t)end_ns);
	line_bool(&l, "sent", !err);
	line_close(&l);
}

/* A process that sends it and ends; with a gate it waits for that to be closed. */
static pid_t sender(struct run *r, enum api api, pid_t target, int sig, struct gate *g)
{
	pid_t pid = load_fork(r->tally);

	if (pid)
		return pid;
	if (g)
		gate_wait(g);
	send_logged(api, target, sig);
	_exit(0);
}

static void killed_by(struct run *r, const char *how, enum api api)
{
	pid_t pid = victim(r, wait_for_it, 1);

	log_plan(how, pid, NULL, 0);
	sender(r, api, pid, random_signal(r), NULL);
}

/* ---- ways: by others -------------------------------------------------------------------------- */

static void w_kill(struct run *r)
{
	killed_by(r, "kill", API_KILL);
}

static void w_tgkill(struct run *r)
{
	killed_by(r, "tgkill", API_TGKILL);
}

static void w_sigqueue(struct run *r)
{
	killed_by(r, "sigqueue", API_SIGQUEUE);
}

static void w_race(struct run *r)
{
	pid_t pid = victim(r, wait_for_it, 1);
	int one = random_signal(r), other = load_rand(&r->rand) % 2 ? one : random_signal(r);
	enum api api = load_rand(&r->rand) % N_API;
	struct gate g;

	log_plan("race", pid, NULL, 0);
	gate_open(&g);
	sender(r, API_KILL, pid, one, &g);
	sender(r, api, pid, other, &g);
	close(g.rd);
	close(g.wr);
}

static void set_up_group(struct run *r)
{
	setpgid(0, 0);
	for (int i = 1; i < GROUP; i++)
		if (!load_fork(r->tally)) {
			prctl(PR_SET_PDEATHSIG, 0); /* the group's signal is to be the only one */
			wait_for_it(r);
		}
	wait_for_it(r);
}

static void w_group(struct run *r)
{
	pid_t pid = victim(r, set_up_group, GROUP);
	int sig = load_rand(&r->rand) % 2 ? SIGTERM : SIGKILL;

	log_plan("group", pid, "size", GROUP);
	sender(r, API_KILL, -pid, sig, NULL);
}

/* ---- ways: asked first ------------------------------------------------------------------------ */

static void on_term(int sig)
{
	(void)sig;
}

static void set_up_handled(struct run *r)
{
	signal(SIGTERM, on_term);
	wait_for_it(r);
}

static void set_up_ignored(struct run *r)
{
	signal(SIGTERM, SIG_IGN);
	wait_for_it(r);
}

static void set_up_blocked(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wait_for_it(r);
}

static void asked(struct run *r, const char *how, void (*set_up)(struct run *r))
{
	pid_t pid = victim(r, set_up, 1), by;
	int status;

	log_plan(how, pid, "pause_ns", r->pause_ms * (int64_t)LOAD_NS_PER_MS);
	by = sender(r, API_KILL, pid, SIGTERM, NULL);
	load_reap(r->tally, by, &status);
	sleep_ms(r->pause_ms);
	sender(r, API_KILL, pid, SIGKILL, NULL);
}

static void w_handled(struct run *r)
{
	asked(r, "handled", set_up_handled);
}

static void w_ignored(struct run *r)
{
	asked(r, "ignored", set_up_ignored);
}

static void w_blocked(struct run *r)
{
	asked(r, "blocked", set_up_blocked);
}

/* ---- ways: by itself -------------------------------------------------------------------------- */

/* A child that logs its plan and does it: the log comes before the death. */
static void alone(struct run *r, void (*die)(struct run *r))
{
	load_rand(&r->rand); /* the child's choice is not the next one's */
	if (load_fork(r->tally))
		return;
	no_core();
	die(r);
	sleep_ms(20000);
	_exit(255);
}

static void d_exit(struct run *r)
{
	int code = load_rand(&r->rand) & 0xff;

	log_plan("exit", getpid(), "code", code);
	_exit(code);
}

static void w_exit(struct run *r)
{
	alone(r, d_exit);
}

static void d_self(struct run *r)
{
	int sig = random_signal(r);

	log_plan("self", getpid(), "signal", sig);
	kill(getpid(), sig);
}

static void w_self(struct run *r)
{
	alone(r, d_self);
}

/* Its child is killed by a process of its own; then it says so, as a shell would. */
static void d_shell(struct run *r)
{
	int sig = load_rand(&r->rand) % 2 ? SIGKILL : SIGTERM, status;
	pid_t child = victim(r, wait_for_it, 1), by;
	struct line l;

	by = sender(r, API_KILL, child, sig, NULL);
	line_plan(&l, "shell", getpid());
	line_num(&l, "child", child);
	line_num(&l, "signal", sig);
	line_close(&l);
	load_reap(r->tally, child, &status);
	line_death(&l, child, status);
	load_reap(r->tally, by, &status);
	line_death(&l, by, status);
	_exit(128 + sig);
}

static void w_shell(struct run *r)
{
	alone(r, d_shell);
}

/* ---- ways: by the kernel ---------------------------------------------------------------------- */

static void d_fault(struct run *r)
{
	unsigned long at = FAULT_PAGE + (load_rand(&r->rand) & 0xff0);

	log_plan("fault", getpid(), "addr", (int64_t)at);
	*(volatile char *)at = 1;
}

static void w_fault(struct run *r)
{
	alone(r, d_fault);
}

static void d_pipe(struct run *r)
{
	int fd[2];

	(void)r;
	load_must(pipe(fd), "make a pipe");
	close(fd[0]);
	log_plan("pipe", getpid(), NULL, 0);
	if (write(fd[1], "x", 1) < 0)
		_exit(255);
}

static void w_pipe(struct run *r)
{
	alone(r, d_pipe);
}

static void d_timer(struct run *r)
{
	struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec it = {.it_value = {.tv_nsec = 2000000}};
	timer_t id;

	(void)r;
	load_must(timer_create(CLOCK_MONOTONIC, &se, &id), "make a timer");
	log_plan("timer", getpid(), NULL, 0);
	timer_settime(id, 0, &it, NULL);
}

static void w_timer(struct run *r)
{
	alone(r, d_timer);
}

static void d_alarm(struct run *r)
{
	struct itimerval it = {.it_value = {.tv_usec = 2000}};

	(void)r;
	log_plan("alarm", getpid(), NULL, 0);
	setitimer(ITIMER_REAL, &it, NULL);
}

static void w_alarm(struct run *r)
{
	alone(r, d_alarm);
}

/* Its parent dies as soon as it is ready. */
static void d_pdeathsig(struct run *r)
{
	int fd[2], sig = load_rand(&r->rand) % 2 ? SIGTERM : SIGKILL;
	pid_t self = getpid();
	struct line l;
	char c;

	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	r->ready_wr = fd[1];
	if (load_fork(r->tally)) {
		close(fd[1]);
		if (read(fd[0], &c, 1) == 1)
			_exit(0);
		_exit(255);
	}
	prctl(PR_SET_PDEATHSIG, sig);
	if (getppid() != self)
		_exit(254);
	line_plan(&l, "pdeathsig", getpid());
	line_num(&l, "parent", self);
	line_num(&l, "signal", sig);
	line_close(&l);
	wait_for_it(r);
}

static void w_pdeathsig(struct run *r)
{
	alone(r, d_pdeathsig);
}

static void d_seccomp(struct run *r)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(f) / sizeof(f[0]), f};

	(void)r;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	load_must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), "set the filter");
	log_plan("seccomp", getpid(), "nr", SYS_sethostname);
	sethostname("", 0); /* never reaches the kernel's own code */
}

static void w_seccomp(struct run *r)
{
	alone(r, d_seccomp);
}

/* The leader of a session on a pseudo-terminal, of which a sender closes the other end. */
static void w_tty(struct run *r)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd[2];
	char name[64], c;
	struct gate g;
	struct line l;
	pid_t pid, by;

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name))) {
		if (master >= 0)
			close(master);
		return; /* no terminals here: none of this kind */
	}
	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	r->ready_wr = fd[1];
	pid = load_fork(r->tally);
	if (!pid) {
		close(master);
		setsid();
		if (open(name, O_RDWR) < 0)
			_exit(253);
		wait_for_it(r);
	}
	close(fd[1]);
	if (read(fd[0], &c, 1) != 1)
		c = 0;
	close(fd[0]);
	gate_open(&g);
	by = load_fork(r->tally);
	if (!by) {
		gate_wait(&g); /* we have let go of it */
		close(master);
		_exit(0);
	}
	close(master);
	close(g.rd);
	close(g.wr);
	line_plan(&l, "tty", pid);
	line_num(&l, "sender", by);
	line_close(&l);
}

static void d_rlimit(struct run *r)
{
	struct rlimit lim = {1, 2};

	(void)r;
	setrlimit(RLIMIT_CPU, &lim);
	log_plan("rlimit", getpid(), NULL, 0);
	busy_ms(20000);
}

static void w_rlimit(struct run *r)
{
	alone(r, d_rlimit);
}

#endif
