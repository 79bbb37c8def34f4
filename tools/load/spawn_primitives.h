/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The primitives of spawn.c: what each is called, what class proctrail should put it in, and the
 * call itself.
 */
#ifndef PROCTRAIL_LOAD_SPAWN_PRIMITIVES_H
#define PROCTRAIL_LOAD_SPAWN_PRIMITIVES_H

#include <spawn.h>

#include "load_cgroup.h"

struct run {
	long count, exit_code, seed, jobs, sleep_ms, busy_ms, heap_mb;
	const char *how, *exec, *flag_names, *cgroup;
	bool no_exec;
	bool clear_sighand, pidfd, into_cgroup;
	struct load_cgroup into;
	char *stack;
	uint64_t rand;
	struct tally *tally;
	long in_flight;
	struct job *jobs_tab;
};

/* What the child needs; lives in the parent's memory, which a vfork child shares. */
struct job {
	struct run *run;
	const struct primitive *prim;
	pid_t pid, parent, maker; /* who called clone: the middle process of a sibling */
	int code, error;
	int pidfd;
	uint64_t flags, start_ns, call_ns, spawn_ns;
	char code_text[8];
	char *argv[4];
};

struct primitive {
	const char *name, *class, *syscall;
	pid_t (*make)(struct job *j);
	uint64_t flags;
	bool own_stack;
};

/* May run in the parent's memory: raw calls only, and never returns. */
static void child(void *arg)
{
	struct job *j = arg;
	struct run *r = j->run;

	tie_to_parent(j->parent);
	if (r->sleep_ms) {
		struct timespec ts = {r->sleep_ms / 1000, r->sleep_ms % 1000 * 1000000};

		raw_syscall(SYS_nanosleep, (long)&ts, 0, 0, 0);
	}
	busy_ms(r->busy_ms);
	if (j->argv[0]) {
		raw_syscall(SYS_execve, (long)r->exec, (long)j->argv, (long)environ, 0);
		raw_exit(127);
	}
	raw_exit(j->code);
}

static pid_t make_fork(struct job *j)
{
	pid_t pid = fork();

	if (!pid)
		child(j);
	return pid < 0 ? -errno : pid;
}

static pid_t make_vfork(struct job *j)
{
	pid_t pid = vfork();

	if (!pid)
		child(j);
	return pid < 0 ? -errno : pid;
}

static pid_t make_posix_spawn(struct job *j)
{
	pid_t pid;
	int err = posix_spawn(&pid, j->run->exec, NULL, NULL, j->argv, environ);

	return err ? -err : pid;
}

#ifdef SYS_fork
static pid_t make_sys_fork(struct job *j)
{
	return raw_clone(SYS_fork, 0, 0, 0, child, j);
}
#endif

static pid_t make_clone(struct job *j)
{
	char *top = j->prim->own_stack ? j->run->stack + LOAD_STACK : NULL;

	return raw_clone(SYS_clone, (long)(j->flags | SIGCHLD), (long)top, (long)&j->pidfd, child,
			 j);
}

static pid_t make_clone3(struct job *j)
{
	struct clone_args ca = {
		.flags = j->flags,
		.pidfd = (uintptr_t)&j->pidfd,
		/* a sibling reports its death as its new parent's other children do */
		.exit_signal = j->flags & CLONE_PARENT ? 0 : SIGCHLD,
		.cgroup = j->flags & CLONE_INTO_CGROUP ? (uint64_t)j->run->into.fd : 0,
	};

	if (j->prim->own_stack) {
		ca.stack = (uintptr_t)j->run->stack;
		ca.stack_size = LOAD_STACK;
	}
	return raw_clone3(&ca, child, j);
}

/* A middle process makes the sibling and goes; we are the parent of both and reap both. */
static pid_t make_sibling(struct job *j)
{
	volatile pid_t *ret = load_shared(sizeof(*ret));
	struct line l;
	int status;
	pid_t middle, pid;

	middle = load_fork(j->run->tally);
	if (!middle) {
		*ret = make_clone3(j);
		_exit(0);
	}
	j->maker = middle;
	line_fork(&l, "middle", middle, j->start_ns);
	load_reap(j->run->tally, middle, &status);
	line_death(&l, middle, status);
	pid = *ret;
	munmap((void *)ret, sizeof(*ret));
	return pid;
}

#define VM    CLONE_VM
#define VFORK (CLONE_VM | CLONE_VFORK)
static const struct primitive primitives[] = {
	{"fork", "fork", "clone", make_fork, 0, false},
	{"vfork", "vfork", NULL, make_vfork, VFORK, false},
	{"posix_spawn", "posix_spawn", NULL, make_posix_spawn, VFORK, true},
	{"clone", "fork", "clone", make_clone, 0, false},
	{"clone3", "fork", "clone3", make_clone3, 0, false},
	{"clone3_parent", "fork", "clone3", make_sibling, CLONE_PARENT, false},
	{"clone_vm", "clone", "clone", make_clone, VM, true},
	{"clone_vfork", "vfork", "clone", make_clone, VFORK, false},
	{"clone_vfork_stack", "posix_spawn", "clone", make_clone, VFORK, true},
	{"clone3_vm", "clone", "clone3", make_clone3, VM, true},
	{"clone3_vfork", "vfork", "clone3", make_clone3, VFORK, false},
	{"clone3_vfork_stack", "posix_spawn", "clone3", make_clone3, VFORK, true},
#ifdef SYS_fork
	{"sys_fork", "fork", "fork", make_sys_fork, 0, false},
#endif
};
#define N_PRIMITIVES (sizeof(primitives) / sizeof(primitives[0]))

#endif
