// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold: many idle processes, cheaply, until --ms are over or stdin ends or a signal comes.
 *
 * The idle ones share our memory (CLONE_VM, 4 KiB of stack each) and sleep in pause(): 30,000
 * cost some hundred MiB of kernel stacks and nothing else. Interrupted or not, all are killed
 * by their own pid and reaped.
 */
#include "load.h"

#define STACK 4096

struct run {
	long count, ms, depth;
	bool stdin_ends, private_vm;
	struct tally *tally;
	char *stacks;
	pid_t self;
	pid_t *pids;
};

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = sig;
}

static void idle(void *arg)
{
	struct run *r = arg;

	tie_to_parent(r->self);
	for (;;) /* the handler of a shared VM child would run, too: nobody signals it but KILL */
		raw_syscall(SYS_ppoll, 0, 0, 0, 0);
}

static long hold_make(struct run *r)
{
	long flags = SIGCHLD | (r->private_vm ? 0 : CLONE_VM | CLONE_FILES | CLONE_FS);
	long i;

	for (i = 0; i < r->count && !stop; i++) {
		char *top = r->private_vm ? NULL : r->stacks + (i + 1) * STACK;

		r->pids[i] = raw_clone(SYS_clone, flags, (long)top, 0, idle, r);
		if (r->pids[i] < 0) {
			fprintf(stderr, "hold: refused after %ld: %s\n", i, strerror(-r->pids[i]));
			break;
		}
		tally_add(&r->tally->births, 1);
	}
	return i;
}

static void hold_wait(struct run *r)
{
	uint64_t end_ns = now_ns() + (uint64_t)r->ms * LOAD_NS_PER_MS;
	struct pollfd p = {.fd = r->stdin_ends ? STDIN_FILENO : -1, .events = POLLIN};
	char buf[256];

	while (!stop && now_ns() < end_ns) {
		uint64_t left_ms = (end_ns - now_ns()) / LOAD_NS_PER_MS;

		if (poll(&p, 1, (int)left_ms + 1) > 0 && read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			return;
	}
}

/* A chain: each process is the child of the one before; the last tells, then all wait. */
static void chain(struct run *r, long depth, struct gate *g)
{
	struct line l;
	int status;
	uint64_t start_ns = now_ns();
	pid_t pid = load_fork(r->tally);

	if (!pid) {
		if (depth > 1)
			chain(r, depth - 1, g);
		gate_wait(g);
		_exit(0);
	}
	line_fork(&l, "chain", pid, start_ns);
	if (r->self == getpid())
		return;
	close(g->wr); /* or the last would wait for an end that we hold open */
	load_reap(r->tally, pid, &status);
	_exit(0);
}

static void ready(struct run *r, long made)
{
	struct line l;

	line_open(&l, "ready");
	line_num(&l, "pid", getpid());
	line_num(&l, "held", made);
	if (made) {
		line_num(&l, "first", r->pids[0]);
		line_num(&l, "last", r->pids[made - 1]);
	}
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 100, .ms = 1000};
	const struct load_opt opts[] = {
		OPT_NUM("count", r.count, 0, 1000000, "idle processes"),
		OPT_NUM("ms", r.ms, 0, 3600000, "how long"),
		OPT_NUM("chain", r.depth, 0, 1000, "and a chain of parent and child this deep"),
		OPT_FLAG("stdin", r.stdin_ends, "end when stdin ends, too"),
		OPT_FLAG("private-vm", r.private_vm, "memory of their own (fork; dearer)"),
		{0},
	};
	struct gate g;
	int status;
	long made;

	load_parse(argc, argv, "Keeps idle processes alive.", opts, NULL);
	r.self = getpid();
	r.tally = tally_new();
	r.pids = calloc((size_t)r.count + 1, sizeof(*r.pids));
	r.stacks = load_shared((size_t)(r.count + 1) * STACK);
	gate_open(&g);
	if (r.depth)
		chain(&r, r.depth, &g);
	/* after the chain: its members keep the default and die of Ctrl-C by themselves */
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);
	signal(SIGHUP, on_stop);
	made = hold_make(&r);
	ready(&r, made);
	hold_wait(&r);
	for (long i = 0; i < made; i++)
		kill(r.pids[i], SIGKILL);
	close(g.wr);
	while (load_reap(r.tally, -1, &status) > 0)
		;
	tally_end(r.tally);
	return stop ? 128 + stop : 0;
}
