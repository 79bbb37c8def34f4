// SPDX-License-Identifier: GPL-2.0-only
/*
 * mixed: thousands of spawns, none like the one before.
 *
 * The dice choose for each: the primitive, bits that say nothing about it, who calls (the first thread,
 * another, or a process between with CLONE_PARENT), what the child does before exec, and whether it
 * execs at all. One at a time, so that a clock that is read on both sides belongs to one spawn alone.
 * Most share their parent's memory: copying page tables is what a fork costs.
 */
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>

#include "load_cgroup.h"
#include "mixed_image.h"

#define SOME_MS 3 /* slept, or burnt, at most */

enum before { BEFORE_NOTHING, BEFORE_SLEEP, BEFORE_BUSY, BEFORE_THREAD };
static const char *const before_names[] = {"nothing", "sleep", "busy", "thread"};

enum end { END_EXEC, END_EXEC_FAILED, END_EXIT, END_KILLED };

struct spawn {
	const struct kind *kind;
	uint64_t flags, start_ns;
	pid_t pid, maker;
	int pidfd, code, exit_signal;
	long ms;
	enum before before;
	enum end end;
	bool by_thread, sibling;
	char code_text[8];
	char *argv[5];
};

struct run {
	long count, seed, threads, workers, odd;
	uint64_t rand;
	pid_t self;
	struct load_cgroup into;
	bool has_cgroup;
	struct moments *moments;
	int moments_fd;
	char fd_text[12];
	char *stacks[3]; /* a child's, its thread's, a process between */
	struct tally *tally;
	struct spawn s; /* the one that is under way; children that share our memory read it */
};

struct kind {
	const char *name, *class, *syscall;
	pid_t (*make)(struct run *r);
	uint64_t flags;
	bool own_stack, bits; /* bits: takes others beside */
	long weight;
};

static long dice(struct run *r, long sides)
{
	return (long)(load_rand(&r->rand) % (uint32_t)sides);
}

/* ---- the child ---- */

static void child_execs(void *arg)
{
	struct run *r = arg;
	const char *path = r->s.end == END_EXEC ? LOAD_SELF : "/nonexistent/program";

	r->moments->exec_ns = now_ns();
	raw_syscall(SYS_execve, (long)path, (long)r->s.argv, (long)environ, 0);
	raw_exit(127);
}

static void nap(long ms)
{
	struct timespec ts = {0, ms * 1000000};

	raw_syscall(SYS_nanosleep, (long)&ts, 0, 0, 0);
}

/* The leader goes when its thread has another image. */
static void thread_execs(struct run *r)
{
	raw_clone(SYS_clone,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  (long)(r->stacks[1] + LOAD_STACK), 0, child_execs, r);
	for (;;)
		nap(900);
}

/* May run in the parent's memory: raw calls only, and never returns. */
static void child(void *arg)
{
	struct run *r = arg;
	const struct spawn *s = &r->s;

	r->moments->child_ns = now_ns();
	tie_to_parent(r->self);
	if (s->before == BEFORE_SLEEP)
		nap(s->ms);
	else if (s->before == BEFORE_BUSY)
		busy_ms(s->ms);
	if (s->end == END_EXEC && s->before == BEFORE_THREAD)
		thread_execs(r);
	if (s->end == END_EXEC || s->end == END_EXEC_FAILED)
		child_execs(r);
	if (s->end == END_KILLED)
		raw_syscall(SYS_kill, raw_syscall(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
	raw_exit(s->code);
}

/* ---- the primitives; pid or -errno ---- */

static pid_t make_fork(struct run *r)
{
	pid_t pid = fork();

	if (!pid)
		child(r);
	return pid < 0 ? -errno : pid;
}

static pid_t make_vfork(struct run *r)
{
	pid_t pid = vfork();

	if (!pid)
		child(r);
	return pid < 0 ? -errno : pid;
}

static pid_t make_posix_spawn(struct run *r)
{
	pid_t pid;
	int err = posix_spawn(&pid, LOAD_SELF, NULL, NULL, r->s.argv, environ);

	return err ? -err : pid;
}

#ifdef SYS_fork
static pid_t make_sys_fork(struct run *r)
{
	return raw_clone(SYS_fork, 0, 0, 0, child, r);
}
#endif

static pid_t make_clone(struct run *r)
{
	struct spawn *s = &r->s;
	char *top = s->kind->own_stack ? r->stacks[0] + LOAD_STACK : NULL;

	return raw_clone(SYS_clone, (long)(s->flags | (uint64_t)s->exit_signal), (long)top,
			 (long)&s->pidfd, child, r);
}

static pid_t make_clone3(struct run *r)
{
	struct spawn *s = &r->s;
	struct clone_args ca = {
		.flags = s->flags,
		.pidfd = (uintptr_t)&s->pidfd,
		/* a sibling reports its death as its new parent's other children do */
		.exit_signal = s->flags & CLONE_PARENT ? 0 : (uint64_t)s->exit_signal,
		.cgroup = s->flags & CLONE_INTO_CGROUP ? (uint64_t)r->into.fd : 0,
	};

	if (s->kind->own_stack) {
		ca.stack = (uintptr_t)r->stacks[0];
		ca.stack_size = LOAD_STACK;
	}
	return raw_clone3(&ca, child, r);
}

#define VM    CLONE_VM
#define VFORK (CLONE_VM | CLONE_VFORK)
static const struct kind kinds[] = {
	{"fork", "fork", "clone", make_fork, 0, false, false, 2},
#ifdef SYS_fork
	{"sys_fork", "fork", "fork", make_sys_fork, 0, false, false, 1},
#endif
	{"clone", "fork", "clone", make_clone, 0, false, true, 2},
	{"clone3", "fork", "clone3", make_clone3, 0, false, true, 3},
	{"vfork_alone", "fork", "clone", make_clone, CLONE_VFORK, false, true, 1},
#ifdef SYS_vfork
	{"vfork", "vfork", "vfork", make_vfork, VFORK, false, false, 16},
#else
	{"vfork", "vfork", "clone", make_vfork, VFORK, false, false, 16},
#endif
	{"posix_spawn", "posix_spawn", NULL, make_posix_spawn, VFORK, true, false, 16},
	{"clone_vm", "clone", "clone", make_clone, VM, true, true, 10},
	{"clone_vfork", "vfork", "clone", make_clone, VFORK, false, true, 10},
	{"clone_vfork_stack", "posix_spawn", "clone", make_clone, VFORK, true, true, 10},
	{"clone3_vm", "clone", "clone3", make_clone3, VM, true, true, 10},
	{"clone3_vfork", "vfork", "clone3", make_clone3, VFORK, false, true, 10},
	{"clone3_vfork_stack", "posix_spawn", "clone3", make_clone3, VFORK, true, true, 10},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- what the dice say ---- */

static const struct kind *kind_any(struct run *r)
{
	long all = 0, at;

	for (size_t i = 0; i < N_KINDS; i++)
		all += kinds[i].weight;
	at = dice(r, all);
	for (size_t i = 0; i < N_KINDS; i++) {
		at -= kinds[i].weight;
		if (at < 0)
			return &kinds[i];
	}
	return &kinds[0];
}

/* Bits that change nothing about the class; each may come with any other that it goes with. */
static uint64_t bits_any(struct run *r, const struct kind *k)
{
	static const uint64_t any[] = {CLONE_FS,       CLONE_SYSVSEM, CLONE_IO,
				       CLONE_UNTRACED, CLONE_FILES,   CLONE_PIDFD};
	bool clone3 = k->make == make_clone3;
	uint64_t f = 0;

	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
		if (!dice(r, 3))
			f |= any[i];
	if (clone3 && !dice(r, 2))
		f |= CLONE_CLEAR_SIGHAND;
	else if ((k->flags & CLONE_VM) && !dice(r, 3))
		f |= CLONE_SIGHAND;
	if (clone3 && r->has_cgroup && !dice(r, 3))
		f |= CLONE_INTO_CGROUP;
	return f;
}

static void spawn_choose(struct run *r)
{
	static char name[] = "spawned", verb[] = "image";
	struct spawn *s = &r->s;
	long rare;

	*s = (struct spawn){.kind = kind_any(r), .pidfd = -1, .exit_signal = SIGCHLD};
	s->flags = s->kind->flags;
	s->code = (int)dice(r, 100);
	s->maker = r->self;
	s->by_thread = dice(r, 100) < r->odd;
	s->ms = 1 + dice(r, SOME_MS);
	rare = dice(r, 100);
	if (s->kind->make != make_posix_spawn) {
		s->before = rare < r->odd ? BEFORE_SLEEP : rare < 2 * r->odd ? BEFORE_BUSY : 0;
		if (rare >= 100 - r->odd)
			s->before = BEFORE_THREAD;
		if (dice(r, 100) < r->workers)
			s->end = (enum end)(END_EXEC_FAILED + dice(r, 3));
	}
	if (s->kind->bits) {
		s->flags |= bits_any(r, s->kind);
		s->sibling = dice(r, 100) < r->odd;
		s->flags |= s->sibling ? CLONE_PARENT : 0;
		s->exit_signal = dice(r, 8) ? SIGCHLD : 0;
	}
	snprintf(s->code_text, sizeof(s->code_text), "%d", s->code);
	s->argv[0] = name;
	s->argv[1] = verb;
	s->argv[2] = r->fd_text;
	s->argv[3] = s->code_text;
}

/* ---- one spawn ---- */

static void line_moment(struct line *l, const char *key, uint64_t ns)
{
	if (ns)
		line_num(l, key, (int64_t)ns);
}

static void spawn_report(const struct run *r, int status)
{
	const struct moments *m = r->moments;
	const struct spawn *s = &r->s;
	struct line l;

	line_open(&l, "spawn");
	line_str(&l, "how", s->kind->name);
	line_str(&l, "class", s->kind->class);
	if (s->kind->syscall)
		line_str(&l, "syscall", s->kind->syscall);
	line_num(&l, "flags", (int64_t)s->flags);
	line_num(&l, "pid", s->pid);
	line_num(&l, "ppid", r->self);
	line_num(&l, "maker", s->maker);
	line_bool(&l, "by_thread", s->by_thread);
	line_str(&l, "before", before_names[s->before]);
	if (s->before == BEFORE_SLEEP || s->before == BEFORE_BUSY)
		line_num(&l, "before_ms", s->ms);
	line_num(&l, "start_ns", (int64_t)s->start_ns);
	line_moment(&l, "child_ns", m->child_ns);
	line_moment(&l, "exec_ns", m->exec_ns);
	if (s->end == END_EXEC) {
		line_str(&l, "exec", LOAD_SELF);
		line_moment(&l, "image_ns", m->image_ns);
		line_moment(&l, "image_cpu_ns", m->image_cpu_ns);
		line_moment(&l, "image_delay_ns", m->image_delay_ns);
	}
	line_num(&l, "reaped_ns", (int64_t)now_ns());
	line_status(&l, status);
	line_close(&l);
}

static int reap(struct run *r, pid_t pid)
{
	int status;

	if (load_reap(r->tally, pid, &status) != pid)
		load_die(1, "cannot wait for %d: %s", pid, strerror(errno));
	return status;
}

/* Shares our memory, so what it makes is found in there. */
static void between(void *arg)
{
	struct run *r = arg;

	r->s.maker = (pid_t)raw_syscall(SYS_getpid, 0, 0, 0, 0);
	r->s.pid = r->s.kind->make(r);
	raw_exit(0);
}

static void make_sibling(struct run *r)
{
	uint64_t start_ns = now_ns();
	pid_t pid = raw_clone(SYS_clone, VFORK | SIGCHLD, (long)(r->stacks[2] + LOAD_STACK), 0,
			      between, r);
	struct line l;
	int status;

	if (pid < 0)
		load_die(1, "cannot make a process between: %s", strerror(-pid));
	tally_add(&r->tally->births, 1);
	status = reap(r, pid);
	line_open(&l, "spawn");
	line_str(&l, "how", "between");
	line_str(&l, "class", "posix_spawn");
	line_str(&l, "syscall", "clone");
	line_num(&l, "flags", VFORK);
	line_num(&l, "pid", pid);
	line_num(&l, "ppid", r->self);
	line_num(&l, "maker", r->self);
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_num(&l, "reaped_ns", (int64_t)now_ns());
	line_status(&l, status);
	line_close(&l);
}

/* Reaps too: a child dies with the thread that made it. */
static void *spawn_once(void *arg)
{
	struct run *r = arg;
	struct spawn *s = &r->s;
	int status;

	memset(r->moments, 0, sizeof(*r->moments));
	s->start_ns = now_ns();
	if (s->sibling)
		make_sibling(r);
	else
		s->pid = s->kind->make(r);
	if (s->pid < 0)
		load_die(1, "%s with %#llx failed: %s", s->kind->name, (unsigned long long)s->flags,
			 strerror(-s->pid));
	tally_add(&r->tally->births, 1);
	status = reap(r, s->pid);
	if (s->end == END_EXEC)
		tally_add(&r->tally->execs, 1);
	if (s->flags & CLONE_PIDFD)
		close(s->pidfd);
	spawn_report(r, status);
	return NULL;
}

/* ---- threads ---- */

struct thread {
	struct run *run;
	pid_t tid;
};

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	t->run->moments->child_ns = now_ns();
	t->tid = (pid_t)syscall(SYS_gettid);
	t->run->moments->end_ns = now_ns();
	return NULL;
}

static void in_thread(struct run *r, void *(*fn)(void *), void *arg)
{
	pthread_t id;
	int err = pthread_create(&id, NULL, fn, arg);

	if (err)
		load_die(1, "cannot make a thread: %s", strerror(err));
	tally_add(&r->tally->threads, 1);
	pthread_join(id, NULL);
}

static void thread_once(struct run *r)
{
	struct thread t = {.run = r};
	uint64_t start_ns = now_ns();
	struct line l;

	memset(r->moments, 0, sizeof(*r->moments));
	in_thread(r, thread_main, &t);
	line_open(&l, "thread");
	line_num(&l, "pid", r->self);
	line_num(&l, "tid", t.tid);
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_num(&l, "child_ns", (int64_t)r->moments->child_ns);
	line_num(&l, "end_ns", (int64_t)r->moments->end_ns);
	line_num(&l, "joined_ns", (int64_t)now_ns());
	line_close(&l);
}

/* ---- all ---- */

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = sig;
}

static void run_open(struct run *r)
{
	r->rand = (uint64_t)r->seed;
	r->self = getpid();
	r->tally = tally_new();
	for (size_t i = 0; i < sizeof(r->stacks) / sizeof(r->stacks[0]); i++)
		r->stacks[i] = load_shared(LOAD_STACK);
	r->moments_fd = (int)load_must(memfd_create("moments", 0), "make a memfd");
	load_must(ftruncate(r->moments_fd, sizeof(*r->moments)), "size a memfd");
	r->moments = mmap(NULL, sizeof(*r->moments), PROT_READ | PROT_WRITE, MAP_SHARED,
			  r->moments_fd, 0);
	if (r->moments == MAP_FAILED)
		load_die(1, "cannot map a memfd: %s", strerror(errno));
	snprintf(r->fd_text, sizeof(r->fd_text), "%d", r->moments_fd);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 1000, .seed = 1, .threads = 5, .workers = 20, .odd = 4};
	const struct load_opt opts[] = {
		OPT_NUM("count", r.count, 1, 1000000, "spawns and threads"),
		OPT_NUM("seed", r.seed, 1, 1L << 40, "the same seed gives the same spawns"),
		OPT_NUM("threads", r.threads, 0, 100, "threads among them, in percent"),
		OPT_NUM("workers", r.workers, 0, 100, "children that never exec, in percent"),
		OPT_NUM("odd", r.odd, 0, 30,
			"percent that sleep, burn CPU, exec from a thread; are a thread's; siblings"),
		{0},
	};

	image_if_asked(argc, argv);
	load_parse(argc, argv, "Spawns of every kind in random turns, one at a time.", opts, NULL);
	signals_default();
	signal(SIGINT, on_stop); /* the cgroup must go; else dying is all there is to do */
	signal(SIGTERM, on_stop);
	run_open(&r);
	r.has_cgroup = cgroup_open(&r.into, NULL);
	for (long i = 0; i < r.count && !stop; i++) {
		if (dice(&r, 100) < r.threads) {
			thread_once(&r);
			continue;
		}
		spawn_choose(&r);
		if (r.s.by_thread)
			in_thread(&r, spawn_once, &r);
		else
			spawn_once(&r);
	}
	if (r.has_cgroup)
		cgroup_close(&r.into);
	tally_end(r.tally);
	return 0;
}
