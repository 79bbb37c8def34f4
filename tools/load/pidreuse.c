// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidreuse: one pid, lived by several processes one straight after the other, each with another
 * fate. clone3 set_tid does it at once; nobody has to run the counter round.
 */
#include "load.h"

struct run {
	long count, pid, gap_ms;
	bool exec;
	struct tally *tally;
};

struct life {
	struct run *run;
	long i;
	pid_t parent;
};

/* Fates in turns: an exit code, a signal, an exec. */
static void live(void *arg)
{
	struct life *life = arg;
	char code[8], *argv[] = {"reborn", "exit-now", code, NULL};

	tie_to_parent(life->parent);
	if (life->i % 3 == 1)
		raw_syscall(SYS_kill, raw_syscall(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
	if (life->i % 3 == 2 && life->run->exec) {
		snprintf(code, sizeof(code), "%ld", life->i & 0xff);
		tally_add(&life->run->tally->execs, 1);
		execv(LOAD_SELF, argv);
		_exit(127);
	}
	raw_exit((int)life->i & 0xff);
}

/* A pid that was just in use and is free now. */
static pid_t pid_choose(struct run *r)
{
	struct line l;
	int status;
	uint64_t start_ns = now_ns();
	pid_t pid = load_fork(r->tally);

	if (!pid)
		_exit(200);
	line_fork(&l, "first", pid, start_ns);
	load_reap(r->tally, pid, &status);
	line_death(&l, pid, status);
	return pid;
}

static void live_once(struct run *r, pid_t pid, long i)
{
	struct life life = {r, i, getpid()};
	struct clone_args ca = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	uint64_t start_ns = now_ns();
	struct line l;
	int status;
	pid_t got = raw_clone3(&ca, live, &life);

	if (got == -EPERM)
		load_die(3, "set_tid needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE");
	if (got < 0)
		load_die(1, "cannot take pid %d again (life %ld): %s", pid, i, strerror(-got));
	tally_add(&r->tally->births, 1);
	line_fork(&l,
		  i % 3 == 1            ? "killed" :
		  i % 3 == 2 && r->exec ? "execs" :
					  "exits",
		  got, start_ns);
	load_reap(r->tally, got, &status);
	line_death(&l, got, status);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 10};
	const struct load_opt opts[] = {
		OPT_NUM("count", r.count, 1, 100000, "lives of the pid"),
		OPT_NUM("pid", r.pid, 0, 4194303, "the pid; 0: one that was just used"),
		OPT_NUM("gap-ms", r.gap_ms, 0, 60000, "pause between two lives"),
		OPT_FLAG("exec", r.exec, "every third life runs an image"),
		{0},
	};
	pid_t pid;

	exit_now_if_asked(argc, argv);
	load_parse(argc, argv, "Several short lives under one pid (needs CAP_SYS_ADMIN).", opts,
		   NULL);
	r.tally = tally_new();
	pid = r.pid ? (pid_t)r.pid : pid_choose(&r);
	for (long i = 0; i < r.count; i++) {
		live_once(&r, pid, i);
		if (r.gap_ms)
			sleep_ms(r.gap_ms);
	}
	tally_end(r.tally);
	return 0;
}
