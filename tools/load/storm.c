// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm: short-lived processes as fast as they go, with an exact count.
 *
 * Child i does nothing but _exit(i & 0xff). The loop does nothing but clone and wait: what a
 * tracer costs must not drown in what the generator costs.
 */
#include "load.h"

struct run {
	long count, rate, fan, window;
	const char *how;
	bool exit_codes, log, tree;
	char *stacks;
	struct totals *sum;
};

/* Shared, since under --tree the middle processes count. */
struct totals {
	struct tally tally;
	uint64_t leaves, refused;
	uint64_t code[256];
	uint64_t killed;
};

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = sig;
}

static void leaf(void *arg)
{
	raw_exit((int)(long)arg & 0xff);
}

static pid_t leaf_make(struct run *r, long i)
{
	long code = i & 0xff;
	long flags = SIGCHLD;
	char *top = NULL;

	switch (r->how[0]) {
	case 'c': /* clone_vm: no wait for the child, so it needs a stack of its own */
		flags |= CLONE_VM;
		top = r->stacks + (i % r->window + 1) * LOAD_STACK;
		break;
	case 'v': flags |= CLONE_VM | CLONE_VFORK; break;
	}
#ifdef SYS_vfork
	if (r->how[0] == 'v')
		return raw_clone(SYS_vfork, 0, 0, 0, leaf, (void *)code);
#endif
	return raw_clone(SYS_clone, flags, (long)top, 0, leaf, (void *)code);
}

/* In order of birth, so that a stack is free again when its turn comes. */
static void leaf_reap(struct run *r, pid_t pid)
{
	struct line l;
	int status;

	if (waitpid(pid, &status, 0) != pid)
		load_die(1, "cannot wait for %d: %s", pid, strerror(errno));
	tally_add(&r->sum->tally.deaths, 1);
	if (WIFEXITED(status))
		tally_add(&r->sum->code[WEXITSTATUS(status)], 1);
	else
		tally_add(&r->sum->killed, 1);
	if (r->log)
		line_death(&l, pid, status);
}

static void storm(struct run *r, long first, long count)
{
	pid_t pid[64];
	uint64_t begin_ns = now_ns();
	long born = 0, dead = 0;

	for (; born < count && !stop; born++) {
		if (r->rate)
			sleep_until_ns(begin_ns +
				       (uint64_t)born * 1000000000ULL / (uint64_t)r->rate);
		if (born - dead == r->window) {
			leaf_reap(r, pid[dead % r->window]);
			dead++;
		}
		pid[born % r->window] = leaf_make(r, first + born);
		if (pid[born % r->window] < 0) {
			tally_add(&r->sum->refused, 1);
			break;
		}
	}
	tally_add(&r->sum->tally.births, (uint64_t)born);
	tally_add(&r->sum->leaves, (uint64_t)born);
	for (; dead < born; dead++)
		leaf_reap(r, pid[dead % r->window]);
}

/* Two levels: each middle process makes --fan leaves, reaps them and goes. */
static void storm_tree(struct run *r)
{
	struct line l;
	int status;

	for (long first = 0; first < r->count && !stop; first += r->fan) {
		pid_t mid = load_fork(&r->sum->tally);

		if (!mid) {
			storm(r, first, first + r->fan < r->count ? r->fan : r->count - first);
			_exit(0);
		}
		load_reap(&r->sum->tally, mid, &status);
		if (r->log)
			line_death(&l, mid, status);
	}
}

static void report(struct run *r, uint64_t wall_ns)
{
	const struct totals *s = r->sum;
	const char *sep = "";
	struct line l;

	line_open(&l, "storm");
	line_str(&l, "how", r->how);
	line_num(&l, "pid", getpid());
	line_num(&l, "leaves", (int64_t)s->leaves);
	line_num(&l, "middles", (int64_t)(s->tally.births - s->leaves));
	line_num(&l, "refused", (int64_t)s->refused);
	line_num(&l, "wall_ns", (int64_t)wall_ns);
	line_num(&l, "per_s", (int64_t)(s->tally.births * 1000000000ULL / (wall_ns ? wall_ns : 1)));
	line_num(&l, "killed", (int64_t)s->killed);
	if (r->exit_codes) {
		line_add(&l, ",\"exit_codes\":{");
		for (int i = 0; i < 256; i++) {
			if (!s->code[i])
				continue;
			line_add(&l, "%s\"%d\":%llu", sep, i, (unsigned long long)s->code[i]);
			sep = ",";
		}
		line_add(&l, "}");
	}
	line_close(&l);
	tally_end(&s->tally);
}

static void how_check(struct run *r)
{
	static const char *const known[] = {"vfork", "clone_vm", "fork"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(r->how, known[i]))
			return;
	load_die(2, "--how '%s' is not vfork, clone_vm or fork", r->how);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 40000, .fan = 100, .how = "vfork"};
	const struct load_opt opts[] = {
		OPT_NUM("count", r.count, 1, 10000000, "leaves to make"),
		OPT_STR("how", "vfork|clone_vm|fork", r.how, "primitive"),
		OPT_NUM("rate", r.rate, 0, 1000000, "leaves a second; 0: as fast as they go"),
		OPT_FLAG("exit-codes", r.exit_codes, "histogram of exit codes"),
		OPT_FLAG("log", r.log, "a line a death (slow)"),
		OPT_FLAG("tree", r.tree, "two levels: middle processes make the leaves"),
		OPT_NUM("fan", r.fan, 1, 100000, "leaves a middle process makes"),
		{0},
	};
	uint64_t begin_ns;

	load_parse(argc, argv,
		   "Short-lived processes as fast as they go; leaf i exits with i & 255.", opts,
		   NULL);
	how_check(&r);
	r.window = r.how[0] == 'v' ? 1 : 32;
	r.stacks = load_shared((size_t)r.window * LOAD_STACK);
	r.sum = load_shared(sizeof(*r.sum));
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);
	begin_ns = now_ns();
	if (r.tree)
		storm_tree(&r);
	else
		storm(&r, 0, r.count);
	report(&r, now_ns() - begin_ns);
	return stop ? 128 + stop : 0;
}
