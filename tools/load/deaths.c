// SPDX-License-Identifier: GPL-2.0-only
/*
 * deaths: random deaths, each with its cause: who sent what by which call, or what the kernel was brought to
 * send. Every signal comes from a process of its own, which logs when its call began and ended: of two
 * killers the log tells which was first, or that nobody can know.
 */
#include "deaths_ways.h"

#define SLOW_EVERY 4 /* of those that take a while: so much rarer */

static const struct way {
	const char *name;
	void (*run)(struct run *r);
	const char *help;
	bool slow, asked; /* asked: only where it is named, or --slow */
} ways[] = {
	{"exit", w_exit, "a code from 0 to 255", false, false},
	{"shell", w_shell, "128+n, as a shell says of its killed child", false, false},
	{"kill", w_kill, "kill() by another process", false, false},
	{"tgkill", w_tgkill, "tgkill() by another process", false, false},
	{"sigqueue", w_sigqueue, "sigqueue() by another process", false, false},
	{"self", w_self, "kill() of itself", false, false},
	{"fault", w_fault, "SIGSEGV at a known address", false, false},
	{"pipe", w_pipe, "SIGPIPE", false, false},
	{"timer", w_timer, "a POSIX timer", false, false},
	{"alarm", w_alarm, "setitimer()", false, false},
	{"pdeathsig", w_pdeathsig, "its parent dies", false, false},
	{"seccomp", w_seccomp, "a filter forbids a call", false, false},
	{"tty", w_tty, "its terminal hangs up", false, false},
	{"group", w_group, "kill(-pgid): all of a process group", false, false},
	{"race", w_race, "two killers, neither knows of the other", false, false},
	{"handled", w_handled, "SIGTERM handled, then SIGKILL", true, false},
	{"ignored", w_ignored, "SIGTERM ignored, then SIGKILL", true, false},
	{"blocked", w_blocked, "SIGTERM blocked, then SIGKILL", true, false},
	{"rlimit", w_rlimit, "RLIMIT_CPU: takes a second", true, true},
	{0},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]) - 1)

static const struct way *way_choose(struct run *r)
{
	const struct way *w;

	for (;;) {
		w = &ways[load_rand(&r->rand) % WAYS];
		if (strcmp(r->how, "all") != 0) {
			for (w = ways; strcmp(w->name, r->how) != 0;)
				w++;
			return w;
		}
		if (!w->asked && (!w->slow || load_rand(&r->rand) % SLOW_EVERY == 0))
			return w;
	}
}

/* One after the other; what becomes an orphan comes to it. */
static void work(struct run *r, long nr)
{
	r->rand = (uint64_t)(r->seed * 1000 + nr + 1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < 8; i++)
		load_rand(&r->rand); /* near seeds begin alike */
	for (long i = nr; i < r->count; i += r->jobs) {
		way_choose(r)->run(r);
		reap_all(r);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 100, .jobs = 4, .seed = 1, .pause_ms = 15, .how = "all"};
	struct load_how hows[WAYS + 1] = {0};
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY|all", r.how, "all: random ones, but not rlimit"),
		OPT_NUM("count", r.count, 1, 1000000, "so many, some with several deaths"),
		OPT_NUM("jobs", r.jobs, 1, 64, "at a time"),
		OPT_NUM("seed", r.seed, 1, 1L << 40, "of the random choice"),
		OPT_NUM("pause-ms", r.pause_ms, 1, 8000, "between SIGTERM and SIGKILL"),
		{0},
	};

	for (size_t i = 0; i < WAYS; i++)
		hows[i] = (struct load_how){ways[i].name, NULL, ways[i].help};
	load_parse(argc, argv, "Random deaths with their causes.", opts, hows);
	if (strcmp(r.how, "all") != 0)
		how_find(hows, r.how);
	signals_default();
	r.tally = tally_new();
	for (long i = 0; i < r.jobs; i++)
		if (!load_fork(r.tally))
			work(&r, i);
	reap_all(&r);
	tally_end(r.tally);
	return 0;
}
