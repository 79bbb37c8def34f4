// SPDX-License-Identifier: GPL-2.0-only
/*
 * reparent: every way to change one's parent.
 *
 * Orphans cannot be tied by PDEATHSIG, which would be the end of the story at its beginning.
 * They wait at a gate whose only writer is the generator: it closes or dies, and they go.
 * The generator sees their death through pidfds, since another reaps them.
 */
#include <pthread.h>

#include "load.h"

struct run {
	long count, live_ms;
	const char *how;
	const struct load_how *way;
	struct tally *tally;
	struct gate gate;
	int told_rd, told_wr; /* orphans report their pid to the generator */
};

struct told {
	pid_t pid, old_ppid, new_ppid;
	uint64_t start_ns;
};

/* Untied fork; bounded by the gate. */
static pid_t fork_free(struct run *r)
{
	pid_t pid = fork();

	load_must(pid, "fork");
	if (pid)
		tally_add(&r->tally->births, 1);
	return pid;
}

/* An orphan to be: waits until its parent changes, says so, then waits at the gate. */
static void orphan(struct run *r, pid_t old_ppid, uint64_t start_ns)
{
	struct told t = {getpid(), old_ppid, 0, start_ns};

	while (getppid() == old_ppid)
		usleep(500);
	t.new_ppid = getppid();
	if (write(r->told_wr, &t, sizeof(t)) != sizeof(t))
		_exit(1);
	gate_wait(&r->gate);
	_exit(11);
}

static void line_adopt(struct told *t)
{
	struct line l;

	line_open(&l, "adopt");
	line_num(&l, "pid", t->pid);
	line_num(&l, "birth_ppid", t->old_ppid);
	line_num(&l, "ppid", t->new_ppid);
	line_num(&l, "start_ns", (int64_t)t->start_ns);
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

/* n orphans tell of their new parent; then they are let go and seen dead. */
static void orphans_follow(struct run *r, int n)
{
	struct told t[16];
	int fd[16], status;
	struct line l;

	for (int i = 0; i < n; i++) {
		if (read(r->told_rd, &t[i], sizeof(t[i])) != sizeof(t[i]))
			load_die(1, "an orphan did not report");
		fd[i] = pidfd_of(t[i].pid);
		line_adopt(&t[i]);
	}
	sleep_ms(r->live_ms);
	close(r->gate.wr);
	close(r->gate.rd);
	for (int i = 0; i < n; i++) {
		bool gone = load_gone(r->tally, fd[i], 10000);

		line_open(&l, "gone");
		line_num(&l, "pid", t[i].pid);
		line_num(&l, "by", t[i].new_ppid);
		line_num(&l, "ts_ns", (int64_t)now_ns());
		line_bool(&l, "seen", gone);
		/* only of our own do we know the status */
		if (t[i].new_ppid == getpid() && waitpid(t[i].pid, &status, 0) == t[i].pid)
			line_status(&l, status);
		line_close(&l);
	}
}

static void middle_reap(struct run *r, pid_t pid, uint64_t start_ns)
{
	struct line l;
	int status;

	line_fork(&l, "middle", pid, start_ns);
	load_reap(r->tally, pid, &status);
	line_death(&l, pid, status);
}

/* A middle process makes n orphans and dies. */
static void orphans_make(struct run *r, int n)
{
	uint64_t start_ns = now_ns();
	pid_t self = getpid(), middle = load_fork(r->tally);

	if (!middle) {
		self = getpid();
		for (int i = 0; i < n; i++) {
			start_ns = now_ns();
			if (!fork_free(r))
				orphan(r, self, start_ns);
		}
		_exit(0);
	}
	middle_reap(r, middle, start_ns);
}

/* fork, setsid, fork: as daemons do. */
static void do_daemon(struct run *r)
{
	uint64_t start_ns = now_ns();
	pid_t middle = load_fork(r->tally);

	if (!middle) {
		pid_t self = getpid();

		setsid();
		start_ns = now_ns();
		if (!fork_free(r))
			orphan(r, self, start_ns);
		_exit(0);
	}
	middle_reap(r, middle, start_ns);
	orphans_follow(r, 1);
}

static void do_orphan(struct run *r)
{
	orphans_make(r, 3);
	orphans_follow(r, 3);
}

static void do_subreaper(struct run *r)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	orphans_make(r, 3);
	orphans_follow(r, 3);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/*
 * Three links, each the parent of the next, go from above, one after the other; the orphan comes
 * last. Each knows who was above it from before the fork: afterwards it may be gone already.
 */
static void chain_go(struct run *r)
{
	pid_t above = 0;

	for (int depth = 0;; depth++) {
		pid_t self = getpid();
		uint64_t start_ns = now_ns();

		if (!fork_free(r)) {
			if (depth == 2)
				orphan(r, self, start_ns);
			above = self;
			continue;
		}
		while (above && getppid() == above)
			usleep(500);
		_exit(depth);
	}
}

static void do_chain(struct run *r)
{
	uint64_t start_ns = now_ns();
	pid_t top;
	struct line l;
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	top = load_fork(r->tally);
	if (!top)
		chain_go(r);
	line_fork(&l, "middle", top, start_ns);
	orphans_follow(r, 1);
	for (pid_t pid; (pid = load_reap(r->tally, -1, &status)) > 0;)
		line_death(&l, pid, status);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void *thread_forks(void *arg)
{
	struct run *r = arg;
	uint64_t start_ns = now_ns();
	struct line l;
	pid_t pid = fork_free(r);

	if (!pid) {
		gate_wait(&r->gate);
		_exit(12);
	}
	line_open(&l, "thread_fork");
	line_num(&l, "tid", gettid());
	line_num(&l, "pid", pid);
	line_num(&l, "ppid", getpid());
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_close(&l);
	return NULL;
}

/* The forking thread dies; its child gets another thread of us as real_parent: no adoption. */
static void do_thread(struct run *r)
{
	pthread_t id;
	struct line l;
	int status;
	pid_t pid;

	if (pthread_create(&id, NULL, thread_forks, r))
		load_die(1, "cannot make a thread");
	tally_add(&r->tally->threads, 1);
	pthread_join(id, NULL);
	sleep_ms(r->live_ms);
	close(r->gate.wr);
	close(r->gate.rd);
	pid = load_reap(r->tally, -1, &status);
	line_death(&l, pid, status);
}

static void sibling_lives(void *arg)
{
	struct run *r = arg;

	gate_wait(&r->gate);
	_exit(13);
}

/* CLONE_PARENT: never the middle's child, so nothing changes when it dies. */
static void do_clone_parent(struct run *r)
{
	uint64_t start_ns = now_ns();
	struct line l;
	int status;
	pid_t middle = load_fork(r->tally), pid;

	if (!middle) {
		struct clone_args ca = {.flags = CLONE_PARENT};

		pid = raw_clone3(&ca, sibling_lives, r);
		load_must(pid < 0 ? (errno = -pid, -1) : pid, "clone a sibling");
		tally_add(&r->tally->births, 1);
		line_open(&l, "fork");
		line_str(&l, "role", "sibling");
		line_num(&l, "pid", pid);
		line_num(&l, "ppid", getppid());
		line_num(&l, "maker", getpid());
		line_num(&l, "start_ns", (int64_t)start_ns);
		line_close(&l);
		_exit(0);
	}
	middle_reap(r, middle, start_ns);
	sleep_ms(r->live_ms);
	close(r->gate.wr);
	close(r->gate.rd);
	pid = load_reap(r->tally, -1, &status);
	line_death(&l, pid, status);
}

static const struct load_how ways[] = {
	{"daemon", do_daemon, "double fork with setsid"},
	{"orphan", do_orphan, "three orphans of one parent go to init (or a subreaper above us)"},
	{"subreaper", do_subreaper, "three orphans come to us, PR_SET_CHILD_SUBREAPER"},
	{"chain", do_chain, "three generations die from above, each handing on the next"},
	{"thread", do_thread, "the forking thread dies: the child stays in the process"},
	{"clone_parent", do_clone_parent,
	 "CLONE_PARENT: the maker dies, the parent does not change"},
	{0},
};

static void run_one(struct run *r, const struct load_how *way)
{
	struct line l;

	gate_open(&r->gate);
	line_open(&l, "case");
	line_str(&l, "how", way->name);
	line_close(&l);
	way->run(r);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 1, .live_ms = 100, .how = "all"};
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY|all", r.how, "what happens"),
		OPT_NUM("count", r.count, 1, 100000, "how often"),
		OPT_NUM("live-ms", r.live_ms, 0, 600000, "how long orphans live after adoption"),
		{0},
	};
	bool all;
	int fd[2];

	load_parse(argc, argv, "Processes whose parent changes.", opts, ways);
	all = !strcmp(r.how, "all");
	r.way = all ? ways : how_find(ways, r.how);
	r.tally = tally_new();
	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	r.told_rd = fd[0];
	r.told_wr = fd[1];
	for (long i = 0; i < r.count; i++)
		for (const struct load_how *w = r.way; w->name; w++) {
			run_one(&r, w);
			if (!all)
				break;
		}
	tally_end(r.tally);
	return 0;
}
