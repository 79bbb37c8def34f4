// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads: the ways in which a thread's end is not the process's end, and the other way round.
 *
 * Threads leave by the raw exit system call with a code of their own, so that a tracer which
 * takes some thread's code for the process's is caught. What waitpid says is the truth: the
 * leader's code in old kernels, the last thread's since synchronize_group_exit() (5.17).
 */
#include <pthread.h>

#include "load.h"

struct run {
	long count, threads, live_ms;
	const char *how;
	const struct load_how *way;
	struct tally *tally;
};

/* One process's threads. */
struct crew {
	struct run *run;
	pthread_barrier_t all;
	long n;
	pid_t leader;
};

struct member {
	struct crew *crew;
	int code;
};

static void thread_log(const char *what, int code)
{
	struct line l;

	line_open(&l, what);
	line_num(&l, "tid", gettid());
	line_num(&l, "pid", getpid());
	line_num(&l, "code", code);
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

static void *live_then_exit(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crew->all);
	sleep_ms(m->crew->run->live_ms);
	raw_thread_exit(m->code);
}

/* Spins to the start, because a barrier lets them go one after the other. */
static void *leave_together(void *arg)
{
	struct member *m = arg;

	__atomic_fetch_add(&m->crew->n, -1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&m->crew->n, __ATOMIC_SEQ_CST) > 0)
		sched_yield();
	raw_thread_exit(m->code);
}

static void *exec_from_here(void *arg)
{
	struct member *m = arg;
	char *argv[] = {"from-thread", "exit-now", "42", NULL};

	pthread_barrier_wait(&m->crew->all);
	if (m->code != 1)
		pause();
	thread_log("exec", 42);
	tally_add(&m->crew->run->tally->execs, 1);
	execv(LOAD_SELF, argv);
	_exit(127);
}

static void *exit_group_from_here(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crew->all);
	if (m->code != 1)
		pause();
	thread_log("exit_group", 43);
	_exit(43);
}

static void *fault_from_here(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crew->all);
	if (m->code != 1)
		pause();
	thread_log("fault", SIGSEGV);
	arg = load_shared(4096);
	munmap(arg, 4096);
	return *(void *volatile *)arg;
}

static void *die_alone(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crew->all);
	if (m->code != 1)
		pause();
	thread_log("thread_exit", m->code);
	raw_thread_exit(m->code);
}

static void *nothing(void *arg)
{
	return arg;
}

static void crew_start(struct run *r, struct crew *c, struct member *m, void *(*fn)(void *))
{
	pthread_t id;

	c->run = r;
	c->n = r->threads + 1;
	pthread_barrier_init(&c->all, NULL, (unsigned int)r->threads + 1);
	for (long i = 0; i < r->threads; i++) {
		m[i] = (struct member){c, (int)i + 1};
		if (pthread_create(&id, NULL, fn, &m[i]))
			load_die(1, "cannot make thread %ld", i);
		tally_add(&r->tally->threads, 1);
	}
}

/* In the child: start the crew, then what the leader does. */
static void do_leader_first(struct run *r)
{
	struct crew c;
	struct member *m = calloc((size_t)r->threads, sizeof(*m));

	crew_start(r, &c, m, live_then_exit);
	pthread_barrier_wait(&c.all);
	thread_log("leader_exit", 7);
	raw_thread_exit(7);
}

static void do_together(struct run *r)
{
	struct crew c;
	struct member *m = calloc((size_t)r->threads, sizeof(*m));
	struct member leader = {&c, 99};

	crew_start(r, &c, m, leave_together);
	leave_together(&leader);
}

static void do_paused(struct run *r, void *(*fn)(void *))
{
	struct crew c;
	struct member *m = calloc((size_t)r->threads, sizeof(*m));

	crew_start(r, &c, m, fn);
	pthread_barrier_wait(&c.all);
	sleep_ms(r->live_ms); /* exec, exit_group and the fault end us here */
	_exit(5);
}

static void do_exec(struct run *r)
{
	do_paused(r, exec_from_here);
}

static void do_exit_group(struct run *r)
{
	do_paused(r, exit_group_from_here);
}

static void do_fault(struct run *r)
{
	do_paused(r, fault_from_here);
}

static void do_alone(struct run *r)
{
	do_paused(r, die_alone);
}

/* --count threads in one process, --threads at a time. */
static void do_storm(struct run *r)
{
	pthread_t id[1000];

	for (long i = 0; i < r->count; i += r->threads) {
		long n = r->count - i < r->threads ? r->count - i : r->threads;

		for (long k = 0; k < n; k++) {
			if (pthread_create(&id[k], NULL, nothing, NULL))
				load_die(1, "cannot make thread %ld", i + k);
			tally_add(&r->tally->threads, 1);
		}
		for (long k = 0; k < n; k++)
			pthread_join(id[k], NULL);
	}
	_exit(0);
}

static const struct load_how ways[] = {
	{"leader_first", do_leader_first,
	 "leader exits (7), threads live --live-ms and exit 1, 2, ..."},
	{"together", do_together, "all exit at once: threads with 1, 2, ..., the leader with 99"},
	{"exec", do_exec, "a thread that is not the leader execs; the image exits 42"},
	{"exit_group", do_exit_group, "a thread ends the process with 43"},
	{"fault", do_fault, "a thread faults: SIGSEGV for all"},
	{"alone", do_alone, "one thread dies alone, the process lives --live-ms, exits 5"},
	{"storm", do_storm, "one process makes --count threads, --threads at a time"},
	{0},
};

int main(int argc, char **argv)
{
	struct run r = {.count = 1, .threads = 4, .live_ms = 200, .how = "leader_first"};
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY", r.how, "what happens"),
		OPT_NUM("count", r.count, 1, 1000000, "processes (storm: threads)"),
		OPT_NUM("threads", r.threads, 1, 1000, "threads besides the leader"),
		OPT_NUM("live-ms", r.live_ms, 0, 600000, "how long what stays lives"),
		{0},
	};
	long processes;

	exit_now_if_asked(argc, argv);
	load_parse(argc, argv, "Threads and processes that end in different orders.", opts, ways);
	r.way = how_find(ways, r.how);
	r.tally = tally_new();
	processes = r.way->run == do_storm ? 1 : r.count;
	for (long i = 0; i < processes; i++) {
		struct line l;
		int status;
		uint64_t start_ns = now_ns();
		pid_t pid = load_fork(r.tally);

		if (!pid)
			r.way->run(&r);
		line_fork(&l, r.how, pid, start_ns);
		load_reap(r.tally, pid, &status);
		line_death(&l, pid, status);
	}
	tally_end(r.tally);
	return 0;
}
