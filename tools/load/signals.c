// SPDX-License-Identifier: GPL-2.0-only
/*
 * signals: who sends what to whom, by which call, and what becomes of it.
 *
 * A target sets itself up, says ready, and waits; then its parent acts. Signals that the kernel
 * sends have sender 0 in the truth log. What waitpid says is logged as the death.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "signals_target.h"

static void a_none(struct run *r, pid_t pid)
{
	(void)r;
	(void)pid;
}

static void a_kill(struct run *r, pid_t pid)
{
	(void)r;
	send_kill(pid, SIGKILL);
}

static void a_term(struct run *r, pid_t pid)
{
	(void)r;
	send_kill(pid, SIGTERM);
}

static void a_tgkill(struct run *r, pid_t pid)
{
	(void)r;
	line_signal("tgkill", getpid(), pid, SIGTERM);
	syscall(SYS_tgkill, pid, pid, SIGTERM);
}

static void a_sigqueue(struct run *r, pid_t pid)
{
	const union sigval v = {.sival_int = 4711};

	(void)r;
	line_signal("sigqueue", getpid(), pid, SIGTERM);
	sigqueue(pid, SIGTERM, v);
}

static void a_term_kill(struct run *r, pid_t pid)
{
	send_kill(pid, SIGTERM);
	sleep_ms(r->pause_ms);
	send_kill(pid, SIGKILL);
}

static void a_stop_cont(struct run *r, pid_t pid)
{
	int status;

	send_kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	sleep_ms(r->pause_ms);
	send_kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	send_kill(pid, SIGTERM);
}

static void a_merged(struct run *r, pid_t pid)
{
	for (int i = 0; i < 10; i++)
		send_kill(pid, SIGUSR1); /* blocked: the first stays pending, nine are merged */
	a_kill(r, pid);
}

/* Two killers, neither knows of the other. */
static void a_race(struct run *r, pid_t pid)
{
	pid_t other = load_fork(r->tally);

	send_kill(pid, other ? SIGTERM : SIGKILL);
	if (!other)
		_exit(0);
}

static void a_group(struct run *r, pid_t pid)
{
	(void)r;
	line_signal("kill_group", getpid(), -pid, SIGTERM);
	kill(-pid, SIGTERM);
}

static void a_flood(struct run *r, pid_t pid)
{
	uint64_t begin_ns = now_ns(), sent = 0;
	uint64_t end_ns = begin_ns + (uint64_t)r->seconds * 1000000000ULL;
	struct line l;

	for (; now_ns() < end_ns && !kill(pid, SIGUSR1); sent++)
		if (r->rate)
			sleep_until_ns(begin_ns + sent * 1000000000ULL / (uint64_t)r->rate);
	sleep_ms(20);
	line_open(&l, "flood");
	line_num(&l, "sender", getpid());
	line_num(&l, "target", pid);
	line_num(&l, "signal", SIGUSR1);
	line_num(&l, "sent", (int64_t)sent);
	line_num(&l, "handled", (int64_t)*r->handled); /* fewer: some were merged */
	line_num(&l, "wall_ns", (int64_t)(now_ns() - begin_ns));
	line_close(&l);
	a_kill(r, pid);
}

static const struct scene {
	const char *name;
	void (*target)(struct run *r);
	void (*act)(struct run *r, pid_t pid);
	const char *help;
	int readies; /* so many say ready */
} scenes[] = {
	{"kill", wait_for_it, a_kill, "KILL", 1},
	{"term", wait_for_it, a_term, "TERM, default", 1},
	{"tgkill", wait_for_it, a_tgkill, "TERM to the thread", 1},
	{"sigqueue", wait_for_it, a_sigqueue, "TERM with a value", 1},
	{"raise", t_raise, a_none, "USR2 to itself", 1},
	{"term_handled", t_handle_exit, a_term, "a handler that exits 115", 1},
	{"term_stays", t_handle_stay, a_term_kill, "a handler that returns; then KILL", 1},
	{"term_ignored", t_ignore, a_term_kill, "TERM ignored, then KILL", 1},
	{"term_blocked", t_block, a_term_kill, "TERM blocked and pending, then KILL", 1},
	{"merged", t_block, a_merged, "ten USR1 while blocked, then KILL", 1},
	{"stop_cont", wait_for_it, a_stop_cont, "STOP, CONT, TERM", 1},
	{"segv", t_segv, a_none, "a fault", 1},
	{"pipe", t_pipe, a_none, "SIGPIPE", 1},
	{"alarm", t_alarm, a_none, "setitimer: SIGALRM", 1},
	{"posix_timer", t_posix_timer, a_none, "timer_create: USR1", 1},
	{"abort", t_abort, a_none, "ABRT, core limit 0", 1},
	{"core", t_core, a_none, "QUIT, core limit 1 MiB, in a directory of its own", 1},
	{"pdeathsig", t_pdeathsig, a_none, "the parent dies: TERM by PR_SET_PDEATHSIG", 1},
	{"xcpu", t_xcpu, a_none, "RLIMIT_CPU 1 s: XCPU", 1},
	{"seccomp", t_seccomp, a_none, "a filter kills: SYS", 1},
	{"race", wait_for_it, a_race, "TERM and KILL from two senders at once", 1},
	{"group", t_group, a_group, "kill(-pgid): five die of one call", GROUP},
	{"flood", t_handle_stay, a_flood, "handled USR1 at --rate for --seconds, then KILL", 1},
	{0},
};

static void core_dir(bool make)
{
	char path[400], dir[64];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/tmp/signals-%d", getpid());
	if (make) {
		load_must(mkdir(dir, 0700), "make a directory for the core");
		return;
	}
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void scene_run(struct run *r, const struct scene *s)
{
	uint64_t start_ns = now_ns();
	struct line l;
	int status, fd[2];
	char c;
	pid_t pid;

	*r->handled = 0;
	load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	r->ready_wr = fd[1];
	if (s->target == t_core)
		core_dir(true);
	pid = load_fork(r->tally);
	if (!pid) {
		close(fd[0]);
		s->target(r);
		_exit(255);
	}
	close(fd[1]);
	line_fork(&l, s->name, pid, start_ns);
	for (int i = 0; i < s->readies; i++)
		if (read(fd[0], &c, 1) != 1)
			break;
	s->act(r, pid);
	while ((pid = load_reap(r->tally, -1, &status)) > 0)
		line_death(&l, pid, status);
	close(fd[0]);
	if (s->target == t_core)
		core_dir(false);
}
#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

int main(int argc, char **argv)
{
	struct run r = {.count = 1, .rate = 0, .seconds = 1, .pause_ms = 50, .how = "all"};
	struct load_how hows[N_SCENES] = {0};
	const struct load_opt opts[] = {
		OPT_STR("how", "CASE|all", r.how, "all: every one but flood"),
		OPT_NUM("count", r.count, 1, 100000, "how often"),
		OPT_NUM("pause-ms", r.pause_ms, 0, 8000, "between TERM and KILL, STOP and CONT"),
		OPT_NUM("rate", r.rate, 0, 1000000,
			"flood: signals a second; 0: as fast as they go"),
		OPT_NUM("seconds", r.seconds, 1, 8, "flood: how long"),
		{0},
	};
	bool all;

	for (size_t i = 0; i + 1 < N_SCENES; i++)
		hows[i] = (struct load_how){scenes[i].name, NULL, scenes[i].help};
	load_parse(argc, argv, "Signals of every kind, sent, raised, and by the kernel.", opts,
		   hows);
	all = !strcmp(r.how, "all");
	if (!all)
		how_find(hows, r.how);
	signals_default();
	r.tally = tally_new();
	r.handled = handled_by_us = load_shared(sizeof(*r.handled));
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what pdeathsig and group orphan comes to us */
	for (long i = 0; i < r.count; i++)
		for (const struct scene *s = scenes; s->name; s++)
			if (all ? s->act != a_flood : !strcmp(r.how, s->name))
				scene_run(&r, s);
	tally_end(r.tally);
	return 0;
}
