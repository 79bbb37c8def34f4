// SPDX-License-Identifier: GPL-2.0-only
/*
 * zombies: a parent that leaves zombies in exactly the way named, or a healthy one that looks
 * like it. The generator is the parent's parent: it starts it, waits, and writes the truth log.
 *
 * Kill the parent (its pid is in the "parent" line) and its zombies go to init: what they are
 * then is no longer ours to know, and the log says so.
 */
#include <sys/ptrace.h>

#include "zombies_twins.h"

enum { GATED = 1, QUICK = 2, NEWPID = 4, DELAYED = 8, NO_SIGNAL = 16, APART = 32, LEAKS = 64 };

static const struct way {
	const char *name, *verdict;
	void (*run)(struct run *r);
	int traits;
	const char *help;
} ways[] = {
	{"never_waits", "never_waits", w_never, QUICK | LEAKS, "no wait call at all"},
	{"waits_for_others", "waits_for_others", w_others, QUICK, "waitpid(another pid) only"},
	{"merged", "merged_sigchld", w_merged, GATED, "one child per SIGCHLD, signals merge"},
	{"sigchld_blocked", "sigchld_blocked", w_blocked, QUICK | LEAKS,
	 "handler there, signal blocked"},
	{"parent_stopped", "parent_stopped", w_stopped, GATED, "SIGSTOP before they die"},
	{"parent_stuck", "parent_stuck", w_stuck, DELAYED, "in D: vfork child does not exec"},
	{"traced", "traced", w_traced, GATED, "a tracer holds the dead"},
	{"init_does_not_reap", "init_does_not_reap", w_init, GATED | NEWPID,
	 "pid 1 of a namespace adopts and ignores (root)"},
	{"inherited_over_exec", "inherited_over_exec", w_exec, DELAYED, "job & exec app"},
	{"needs_wall", "needs_wall", w_wall, QUICK | NO_SIGNAL, "exit signal 0, plain wait"},
	{"leader_dead", "leader_dead", w_leader, 0, "leaders dead, a thread of each lives"},
	{"slow", "slow", w_slow, 0, "reaps all every --lifetime-ms"},
	{"healthy", "healthy", w_healthy, 0, "blocks in waitpid(-1)"},
	{"sigign", "healthy", w_sigign, 0, "twin: SIGCHLD ignored, auto-reap"},
	{"nocldwait", "healthy", w_nocldwait, 0, "twin: SA_NOCLDWAIT, auto-reap"},
	{"thread_reaper", "healthy", w_thread, 0, "twin: another thread waits"},
	{"signalfd", "healthy", w_signalfd, 0, "twin: SIGCHLD blocked, signalfd"},
	{"sigwait", "healthy", w_sigwait, 0, "twin: SIGCHLD blocked, sigtimedwait"},
	{"pidfd", "healthy", w_pidfd, GATED | APART, "twin: pidfds, then waitpid(pid)"},
	{"burst", "healthy", w_burst, GATED, "twin: handler loops, all die at once"},
	{"late", "slow", w_late, GATED | APART,
	 "each reaped --lifetime-ms after its death, timed exactly"},
	{0},
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

static size_t shared_size(long children)
{
	return sizeof(struct shared) + (size_t)children * sizeof(struct slot);
}

static struct shared *shared_map(int fd, long children)
{
	struct shared *sh =
		mmap(NULL, shared_size(children), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (sh == MAP_FAILED)
		load_die(1, "cannot map the shared memory: %s", strerror(errno));
	return sh;
}

/* Opens the gate, waits for all of whatever kind; the auto-reaped are gone by then, too. */
static void parent_clean(struct run *r)
{
	signal(SIGCHLD, SIG_DFL);
	r->sh->cleaning = 1;
	gate_release(r);
	while (reap_one(r, -1, __WALL) > 0 || errno == EINTR)
		;
	_exit(0);
}

/* We are the image after exec: sleep as an application would that knows of no children. */
static void app(char **argv)
{
	struct run r = {.shm_fd = atoi(argv[2]), .live_ms = atol(argv[3]), .gate = {-1, -1}};

	tie_to_parent(0);
	r.sh = shared_map(r.shm_fd, 0);
	r.children = r.sh->children;
	munmap(r.sh, shared_size(0));
	r.sh = shared_map(r.shm_fd, r.children);
	ready(&r);
	sleep_until_ns(r.sh->end_ns);
	parent_clean(&r);
}

struct parent_arg {
	struct run *run;
	const struct way *way;
	pid_t self;
};

static void parent_main(void *arg)
{
	struct parent_arg *a = arg;

	tie_to_parent(a->way->traits & NEWPID ? 0 : a->self);
	a->way->run(a->run);
	parent_clean(a->run);
}

/* Holds the children of the parent until the time is up; detaches by exiting. */
static pid_t tracer_start(struct run *r)
{
	struct pollfd attached;
	int fd[2];
	pid_t pid;

	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	pid = load_fork(&r->sh->tally);
	if (pid) {
		attached = (struct pollfd){.fd = fd[0], .events = POLLIN};
		close(fd[1]);
		poll(&attached, 1, 5000);
		close(fd[0]);
		return pid;
	}
	close(r->gate.wr);
	for (long i = 0; i < r->children; i++) {
		while (!__atomic_load_n(&r->sh->slot[i].inner_pid, __ATOMIC_ACQUIRE))
			usleep(100);
		load_must(ptrace(PTRACE_SEIZE, r->sh->slot[i].pid, 0, 0), "trace a child");
	}
	close(fd[1]);
	sleep_until_ns(r->sh->end_ns);
	_exit(0);
}

static void parent_drive(struct run *r, const struct way *w, pid_t parent)
{
	struct line l;
	int status;
	pid_t tracer = 0;

	if (w->run == w_stopped) {
		kill(parent, SIGSTOP);
		waitpid(parent, &status, WUNTRACED);
	}
	if (w->run == w_traced)
		tracer = tracer_start(r);
	gate_release(r);
	if (tracer) {
		line_fork(&l, "tracer", tracer, now_ns());
		load_reap(&r->sh->tally, tracer, &status);
		line_death(&l, tracer, status);
	}
	if (w->run == w_stopped) {
		sleep_until_ns(r->sh->end_ns);
		kill(parent, SIGCONT);
	}
}

static void line_slot(struct run *r, const struct slot *s, pid_t parent)
{
	struct line l;

	line_open(&l, "zombie");
	line_num(&l, "pid", s->pid);
	if (s->inner_pid != s->pid)
		line_num(&l, "pidns_pid", s->inner_pid);
	line_num(&l, "ppid", parent);
	if (s->exit_ns)
		line_num(&l, "exit_ns", (int64_t)s->exit_ns);
	if (s->seen_ns)
		line_num(&l, "seen_ns", (int64_t)s->seen_ns);
	if (s->reap_end_ns) {
		line_num(&l, "reap_begin_ns", (int64_t)s->reap_begin_ns);
		line_num(&l, "reap_end_ns", (int64_t)s->reap_end_ns);
		line_num(&l, "zombie_ns",
			 (int64_t)(s->reap_end_ns - (s->seen_ns ? s->seen_ns : s->exit_ns)));
		line_num(&l, "reaper", s->reaper);
		line_bool(&l, "left", s->left);
		line_status(&l, s->status);
	} else {
		line_str(&l, "reaped", r->sh->cleaning ? "auto" : "parent_killed");
	}
	line_close(&l);
}

static void report(struct run *r, const struct way *w, pid_t parent, int status)
{
	long left = 0, reaped = 0, unwaited = 0;
	struct line l;

	for (long i = 0; i < r->children; i++) {
		const struct slot *s = &r->sh->slot[i];

		if (!s->made)
			continue;
		line_slot(r, s, parent);
		left += s->left;
		reaped += s->reap_end_ns && !s->left;
		unwaited += !s->reap_end_ns;
	}
	line_death(&l, parent, status);
	line_open(&l, "result");
	line_str(&l, "how", w->name);
	line_str(&l, "verdict", w->verdict);
	line_num(&l, "pid", parent);
	line_num(&l, "left", left);     /* reaped only when the generator cleaned up */
	line_num(&l, "reaped", reaped); /* by the parent in its way */
	line_num(&l, "unwaited", unwaited);
	line_close(&l);
	r->sh->tally.deaths += (uint64_t)unwaited; /* pdeathsig or auto-reap: dead by now */
	tally_end(&r->sh->tally);
}

static void zombies(struct run *r, const struct way *w)
{
	struct parent_arg a = {r, w, getpid()};
	uint64_t start_ns = now_ns();
	siginfo_t gone = {0};
	struct line l;
	int status;
	pid_t parent;

	parent = raw_clone(SYS_clone, SIGCHLD | (w->traits & NEWPID ? CLONE_NEWPID : 0), 0, 0,
			   parent_main, &a);
	if (parent < 0)
		load_die(3, "cannot make the parent: %s", strerror(-parent));
	tally_add(&r->sh->tally.births, 1);
	while (!__atomic_load_n(&r->sh->ready, __ATOMIC_ACQUIRE) && !gone.si_pid &&
	       waitid(P_PID, (id_t)parent, &gone, WEXITED | WNOHANG | WNOWAIT) == 0)
		usleep(1000);
	line_open(&l, "parent");
	line_str(&l, "how", w->name);
	line_str(&l, "verdict", w->verdict);
	line_num(&l, "pid", parent);
	line_num(&l, "ppid", getpid());
	line_num(&l, "children", r->children);
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_num(&l, "ready_ns", (int64_t)r->sh->ready);
	line_num(&l, "end_ns", (int64_t)r->sh->end_ns);
	line_close(&l);
	parent_drive(r, w, parent);
	load_reap(&r->sh->tally, parent, &status);
	report(r, w, parent, status);
}

int main(int argc, char **argv)
{
	struct run r = {.children = 10, .live_ms = 2000, .lifetime_ms = 500, .how = "never_waits"};
	struct load_how hows[N_WAYS] = {0};
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY", r.how, "how they come to be"),
		OPT_NUM("children", r.children, 1, 100000, "children"),
		OPT_NUM("live-ms", r.live_ms, 1, 3600000, "how long the parent stays like this"),
		OPT_NUM("lifetime-ms", r.lifetime_ms, 0, 3600000, "of a zombie: slow, late"),
		OPT_NUM("interval-ms", r.interval_ms, 0, 60000,
			"between two deaths; 0: all at once"),
		OPT_NUM("every-us", r.every_us, 0, 60000000,
			"between two births, while the parent lives (never_waits, sigchld_blocked)"),
		{0},
	};
	const struct way *w = ways;

	if (argc == 4 && !strcmp(argv[1], "app"))
		app(argv);
	for (size_t i = 0; i + 1 < N_WAYS; i++)
		hows[i] = (struct load_how){ways[i].name, NULL, ways[i].help};
	load_parse(argc, argv, "A parent that does not reap, or seems not to.", opts, hows);
	how_find(hows, r.how);
	while (strcmp(w->name, r.how))
		w++;
	if (r.every_us && !(w->traits & LEAKS))
		load_die(2, "--every-us is not for '%s'", r.how);
	r.gated = w->traits & GATED;
	r.untied = w->traits & NEWPID;
	r.quick = (w->traits & QUICK) && !r.interval_ms;
	r.delay_ms = w->traits & DELAYED ? 100 : 0;
	/* one at a time, or the pidfd of the next is looked at too late */
	if ((w->traits & APART) && !r.interval_ms)
		r.interval_ms = 20 + (w->run == w_late ? r.lifetime_ms : 0);
	r.exit_signal = w->traits & NO_SIGNAL ? 0 : SIGCHLD;
	r.shm_fd = (int)load_must(memfd_create("zombies", 0), "make shared memory");
	load_must(ftruncate(r.shm_fd, (off_t)shared_size(r.children)), "make shared memory");
	r.sh = shared_map(r.shm_fd, r.children);
	signals_default();
	r.sh->children = r.children;
	gate_open(&r.gate);
	zombies(&r, w);
	return 0;
}
