/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes for the workload generators: raw clone, ties to the parent, waiting, gates, and the
 * truth log lines about births and deaths. Included by load.h.
 */
#ifndef PROCTRAIL_LOAD_PROC_H
#define PROCTRAIL_LOAD_PROC_H

/* Without errno: also called by children that share our memory, and so our errno. */
static inline long raw_syscall(long nr, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 asm("r10") = d;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
		     : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 asm("x8") = nr;
	register long x0 asm("x0") = a;
	register long x1 asm("x1") = b;
	register long x2 asm("x2") = c;
	register long x3 asm("x3") = d;

	asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
#error "add the system call convention of this machine"
#endif
}

static inline __attribute__((noreturn)) void raw_exit(int code)
{
	for (;;)
		raw_syscall(SYS_exit_group, code, 0, 0, 0);
}

/* Ends this thread only. */
static inline __attribute__((noreturn)) void raw_thread_exit(int code)
{
	for (;;)
		raw_syscall(SYS_exit, code, 0, 0, 0);
}

/*
 * clone, clone3, fork or vfork by number; the child calls fn(arg), which must not return.
 * One routine for a copied, a shared and a separate stack: the child steps over the red zone of
 * a frame that it may share with us, and needs nothing that lies in it.
 */
static __attribute__((noinline, unused)) pid_t raw_clone(long nr, long a, long b, long c,
							 void (*fn)(void *), void *arg)
{
#if defined(__x86_64__)
	register long r10 asm("r10") = 0;
	register long r8 asm("r8") = 0;
	register void (*r12)(void *) asm("r12") = fn;
	register void *r13 asm("r13") = arg;
	long ret;

	asm volatile("syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 1f\n\t"
		     "sub $256, %%rsp\n\t"
		     "and $-16, %%rsp\n\t"
		     "mov %%r13, %%rdi\n\t"
		     "call *%%r12\n\t"
		     "hlt\n"
		     "1:"
		     : "=a"(ret)
		     : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r12), "r"(r13)
		     : "rcx", "r11", "memory");
	return (pid_t)ret;
#else
	register long x8 asm("x8") = nr;
	register long x0 asm("x0") = a;
	register long x1 asm("x1") = b;
	register long x2 asm("x2") = c;
	register long x3 asm("x3") = 0;
	register long x4 asm("x4") = 0;
	register void (*x19)(void *) asm("x19") = fn;
	register void *x20 asm("x20") = arg;

	asm volatile("svc #0\n\t"
		     "cbnz x0, 1f\n\t"
		     "sub sp, sp, #256\n\t"
		     "mov x0, x20\n\t"
		     "blr x19\n\t"
		     "brk #0\n"
		     "1:"
		     : "+r"(x0)
		     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20)
		     : "memory", "x30");
	return (pid_t)x0;
#endif
}

static inline pid_t raw_clone3(struct clone_args *ca, void (*fn)(void *), void *arg)
{
	return raw_clone(SYS_clone3, (long)ca, sizeof(*ca), 0, fn, arg);
}

/* parent 0: not asked (in a new pid namespace it cannot be seen). */
static inline void tie_to_parent(pid_t parent)
{
	raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	if (parent && raw_syscall(SYS_getppid, 0, 0, 0, 0) != parent)
		raw_exit(0); /* it died before we were tied to it */
}

/* Whoever started us may have left signals ignored (nohup, sh's &) or blocked. */
static inline void signals_default(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static inline pid_t load_fork(struct tally *t)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	load_must(pid, "fork");
	if (!pid)
		tie_to_parent(parent);
	else
		tally_add(&t->births, 1);
	return pid;
}

/* Returns the pid, or -1 where there is nothing to reap. pid -1: any. */
static inline pid_t load_reap(struct tally *t, pid_t pid, int *ret_status)
{
	pid_t got;

	do
		got = waitpid(pid, ret_status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		tally_add(&t->deaths, 1);
	return got;
}

/* The death of a process that is not our child (any more); true: it is gone. */
static inline bool load_gone(struct tally *t, int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool gone = poll(&p, 1, timeout_ms) == 1;

	if (gone)
		tally_add(&t->deaths, 1);
	close(pidfd);
	return gone;
}

static inline int pidfd_of(pid_t pid)
{
	return (int)load_must(syscall(SYS_pidfd_open, pid, 0), "open a pidfd");
}

/* Our pid as the mounted /proc counts it: the outer one for those in a new pid namespace. */
static inline pid_t outer_pid(void)
{
	char buf[16];
	ssize_t n = readlink("/proc/self", buf, sizeof(buf) - 1);

	if (n <= 0)
		return 0;
	buf[n] = 0;
	return atoi(buf);
}

static inline void line_death(struct line *l, pid_t pid, int status)
{
	line_open(l, "death");
	line_num(l, "pid", pid);
	line_num(l, "by", getpid());
	line_num(l, "ts_ns", (int64_t)now_ns());
	line_status(l, status);
	line_close(l);
}

static inline void line_fork(struct line *l, const char *role, pid_t pid, uint64_t start_ns)
{
	line_open(l, "fork");
	line_str(l, "role", role);
	line_num(l, "pid", pid);
	line_num(l, "ppid", getpid());
	line_num(l, "start_ns", (int64_t)start_ns);
	line_close(l);
}

/* A gate holds children at read() until the writer closes it or dies. */
struct gate {
	int rd, wr;
};

static inline void gate_open(struct gate *g)
{
	int fd[2];

	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	g->rd = fd[0];
	g->wr = fd[1];
}

static inline void gate_wait(struct gate *g)
{
	char c;

	close(g->wr);
	while (read(g->rd, &c, 1) < 0 && errno == EINTR)
		;
}

#endif
