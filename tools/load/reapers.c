// SPDX-License-Identifier: GPL-2.0-only
/*
 * reapers: many parents at once, all of them healthy. Each lives a random schedule: waves of
 * children that die in bursts, one by one or at once, reaped in one of the ways there are, some of
 * them late. Nobody may be accused of leaving zombies, at whatever moment one looks.
 *
 * Having reaped all of its children a parent stays until --live-ms are over, so that all can be
 * judged together.
 */
#include <limits.h>

#include "reapers_ways.h"

#define WAVES    3
#define PAUSE_MS 300

static const struct way {
	const char *name, *verdict;
	void (*run)(struct run *r);
	const char *help;
} ways[] = {
	{"any", "healthy", w_any, "blocks in waitpid(-1)"},
	{"order", "slow", w_order, "waitpid(pid) in order of birth, whoever dies first"},
	{"poll", "healthy", w_poll, "waitpid(pid, WNOHANG) of each, every 20 ms"},
	{"thread", "healthy", w_thread, "another thread waits"},
	{"pidfd", "healthy", w_pidfd, "polls pidfds, waitid(P_PIDFD)"},
	{"waitid", "healthy", w_waitid, "waitid(P_ALL)"},
	{"peek", "healthy", w_peek, "waitid(P_ALL, WNOWAIT), then waitpid(pid)"},
	{"handler", "healthy", w_handler, "handler loops with WNOHANG"},
	{"suspend", "healthy", w_suspend, "handler, blocked but for sigsuspend()"},
	{"signalfd", "healthy", w_signalfd, "SIGCHLD blocked, signalfd"},
	{"sigwait", "healthy", w_sigwait, "SIGCHLD blocked, sigwaitinfo"},
	{"late", "slow", w_late, "every --late-ms all that are dead"},
	{"late_noted", "slow", w_late_noted, "so, with a handler that only notes it"},
	{"late_blocked", "slow", w_late_blocked, "so, with that handler's signal blocked"},
	{"sigign", "healthy", w_sigign, "SIGCHLD ignored, wait() until there are none"},
	{"nocldwait", "healthy", w_nocldwait, "SA_NOCLDWAIT, no wait at all"},
	{"autoreap", "healthy", w_autoreap, "CLONE_AUTOREAP (Linux 7.1)"},
	{"subreaper", "healthy", w_subreaper, "adopts and reaps the children of one that died"},
	{"double", "healthy", w_double, "double fork, each adopted and reaped by a subreaper"},
	{"shell", "slow", w_shell, "jobs in fore- and background, reaped at the prompt"},
	{0},
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]) - 1)

static void line_parent(const struct way *w)
{
	struct line l;

	line_open(&l, "parent");
	line_str(&l, "how", w->name);
	line_str(&l, "verdict", w->verdict);
	line_num(&l, "pid", getpid());
	line_num(&l, "ppid", getppid());
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

/* From here on its verdict is settled. */
static void line_result(struct run *r, const struct way *w)
{
	struct line l;

	line_open(&l, "result");
	line_str(&l, "how", w->name);
	line_str(&l, "verdict", w->verdict);
	line_num(&l, "pid", getpid());
	line_num(&l, "reaped", r->reaped);
	line_num(&l, "late", r->late);
	line_num(&l, "unwaited", r->auto_reaped);
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
}

static __attribute__((noreturn)) void schedule(struct run *r, const struct way *w)
{
	long waves = 1 + draw(r, WAVES);

	r->child = load_shared(MAX_CHILDREN * sizeof(*r->child));
	line_parent(w);
	for (long i = 0; i < waves; i++) {
		sleep_ms(draw(r, PAUSE_MS));
		wave_plan(r);
		w->run(r);
		if (r->left)
			load_die(1, "%s: %ld children were not reaped", w->name, r->left);
	}
	line_result(r, w);
	sleep_until_ns(*r->end_ns);
	_exit(0);
}

static const struct way *way_choose(struct run *r, const char *how, bool autoreap)
{
	const struct way *w = ways;

	if (strcmp(how, "mixed")) {
		while (strcmp(w->name, how))
			w++;
		return w;
	}
	do
		w = &ways[draw(r, (long)N_WAYS)];
	while (w->run == w_autoreap && !autoreap);
	return w;
}

static void reapers(struct run *r, const char *how, long count, uint64_t seed)
{
	bool autoreap = autoreap_known(r->tally);
	int status;

	for (long i = 0; i < count; i++) {
		/* each schedule by its number: independent of how the others went */
		r->rand = (seed + 1) * 0x9e3779b97f4a7c15ULL + (uint64_t)i * 0xbf58476d1ce4e5b9ULL;
		r->rand += !r->rand;
		for (int k = 0; k < 8; k++)
			(void)load_rand(&r->rand);
		if (!load_fork(r->tally))
			schedule(r, way_choose(r, how, autoreap));
	}
	for (long i = 0; i < count; i++) {
		load_reap(r->tally, -1, &status);
		if (status)
			load_die(1, "a parent ended with status 0x%x", status);
	}
	tally_end(r->tally);
}

int main(int argc, char **argv)
{
	static struct run r = {.children = 6, .span_ms = 1500, .late_ms = 2000};
	struct load_how hows[N_WAYS + 2] = {{"mixed", NULL, "at random"}};
	long count = 100, seed = 1, live_ms = 5000;
	const char *how = "mixed";
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY", how, "how they reap"),
		OPT_NUM("count", count, 1, 10000, "schedules: parents at the same time"),
		OPT_NUM("seed", seed, 0, LONG_MAX, "of all that is random"),
		OPT_NUM("children", r.children, 1, MAX_CHILDREN, "in a wave, at most"),
		OPT_NUM("span-ms", r.span_ms, 1, 60000, "in which a wave dies"),
		OPT_NUM("late-ms", r.late_ms, 1, 60000, "between two reaps: late"),
		OPT_NUM("live-ms", live_ms, 0, 3600000, "how long parents stay at least"),
		{0},
	};

	for (size_t i = 0; i < N_WAYS; i++)
		hows[i + 1] = (struct load_how){ways[i].name, NULL, ways[i].help};
	load_parse(argc, argv, "Parents that reap, in every way there is.", opts, hows);
	how_find(hows, how);
	signals_default();
	r.tally = tally_new();
	r.end_ns = load_shared(sizeof(*r.end_ns));
	*r.end_ns = now_ns() + (uint64_t)live_ms * LOAD_NS_PER_MS;
	if (!strcmp(how, "autoreap") && !autoreap_known(r.tally))
		load_die(3, "this kernel has no CLONE_AUTOREAP");
	reapers(&r, how, count, (uint64_t)seed);
	return 0;
}
