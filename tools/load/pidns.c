// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidns: something like a container: a process that is pid 1 of a namespace, with a hostname,
 * and children inside. The truth log gives inner and outer pids.
 *
 * Whoever kills pid 1 of a namespace kills all in it, so the whole of it is tied to us by it.
 */
#include <sched.h>

#include "load.h"

struct run {
	long children, live_ms, depth;
	const char *how, *hostname;
	const struct load_how *way;
	bool orphans;
	struct tally *tally;
};

static void line_inside(const char *role, uint64_t start_ns)
{
	struct line l;

	line_open(&l, "inside");
	line_str(&l, "role", role);
	line_num(&l, "pid", outer_pid());
	line_num(&l, "pidns_pid", getpid());
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_close(&l);
}

static void leaf(struct run *r, long i)
{
	sleep_ms(r->live_ms);
	_exit((int)(i + 1) & 0xff);
}

static void children_make(struct run *r)
{
	for (long i = 0; i < r->children; i++) {
		uint64_t start_ns = now_ns();

		if (!load_fork(r->tally)) {
			line_inside("child", start_ns);
			leaf(r, i);
		}
	}
}

/* An orphan in the namespace is adopted by its pid 1, not by the host's. */
static void orphan_make(struct run *r)
{
	uint64_t start_ns = now_ns();
	pid_t pid = load_fork(r->tally);

	if (pid)
		return;
	line_inside("middle", start_ns);
	pid = fork();
	if (pid) {
		tally_add(&r->tally->births, 1);
		_exit(0);
	}
	line_inside("orphan", start_ns);
	leaf(r, 99);
}

static void line_inner_death(pid_t pid, int status)
{
	struct line l;

	line_open(&l, "inner_death");
	line_num(&l, "pidns_pid", pid);
	line_num(&l, "by", outer_pid());
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_status(&l, status);
	line_close(&l);
}

static void nest(struct run *r, long depth);

static void init_main(struct run *r, uint64_t start_ns, long depth)
{
	int status;

	tie_to_parent(0);
	if (r->hostname[0] && sethostname(r->hostname, strlen(r->hostname)))
		load_die(1, "cannot set the hostname: %s", strerror(errno));
	line_inside("init", start_ns);
	if (depth > 1)
		nest(r, depth - 1);
	children_make(r);
	if (r->orphans)
		orphan_make(r);
	for (pid_t pid; (pid = load_reap(r->tally, -1, &status)) > 0;)
		line_inner_death(pid, status);
	_exit(21);
}

struct init_arg {
	struct run *run;
	uint64_t start_ns;
	long depth;
};

static void init_entry(void *arg)
{
	struct init_arg *a = arg;

	init_main(a->run, a->start_ns, a->depth);
}

static pid_t make_clone(struct run *r, long depth)
{
	struct init_arg a = {r, now_ns(), depth};

	return raw_clone(SYS_clone, CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS | SIGCHLD, 0, 0,
			 init_entry, &a);
}

static pid_t make_clone3(struct run *r, long depth)
{
	struct init_arg a = {r, now_ns(), depth};
	struct clone_args ca = {.flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS,
				.exit_signal = SIGCHLD};

	return raw_clone3(&ca, init_entry, &a);
}

/* unshare(CLONE_NEWPID): the next child is pid 1. Its flags say nothing of a namespace. */
static pid_t make_unshare(struct run *r, long depth)
{
	struct init_arg a = {r, now_ns(), depth};

	if (unshare(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS))
		return -errno;
	return raw_clone(SYS_clone, SIGCHLD, 0, 0, init_entry, &a);
}

static void nest(struct run *r, long depth)
{
	struct line l;
	uint64_t start_ns = now_ns();
	int status;
	pid_t pid = !strcmp(r->how, "clone")  ? make_clone(r, depth) :
		    !strcmp(r->how, "clone3") ? make_clone3(r, depth) :
						make_unshare(r, depth);

	if (pid < 0)
		load_die(3, "cannot make a pid namespace: %s (needs CAP_SYS_ADMIN)",
			 strerror(-pid));
	tally_add(&r->tally->births, 1);
	line_open(&l, "container");
	line_str(&l, "how", r->how);
	/* one in another knows its inner pid only: its own "inside" line has both */
	line_num(&l, outer_pid() == getpid() ? "pid" : "pidns_pid", pid);
	line_num(&l, "ppid", outer_pid());
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_str(&l, "hostname", r->hostname);
	line_close(&l);
	if (load_reap(r->tally, pid, &status) != pid)
		return;
	if (outer_pid() == getpid())
		line_death(&l, pid, status);
	else
		line_inner_death(pid, status);
}

/* unshare changes the caller's namespace for children for ever: do it in a process to spare. */
static void container(struct run *r)
{
	uint64_t start_ns = now_ns();
	struct line l;
	int status;
	pid_t shim = load_fork(r->tally);

	if (!shim) {
		nest(r, r->depth);
		_exit(0);
	}
	line_fork(&l, "shim", shim, start_ns);
	load_reap(r->tally, shim, &status);
	line_death(&l, shim, status);
}

int main(int argc, char **argv)
{
	struct run r = {
		.children = 3, .live_ms = 100, .depth = 1, .how = "clone", .hostname = "pod-7f9c"};
	long count = 1;
	const struct load_opt opts[] = {
		OPT_STR("how", "clone|clone3|unshare", r.how, "who makes the namespace"),
		OPT_NUM("count", count, 1, 10000, "containers, one after the other"),
		OPT_NUM("children", r.children, 0, 10000, "children of each pid 1"),
		OPT_FLAG("orphans", r.orphans, "one more, orphaned inside, adopted by pid 1"),
		OPT_NUM("depth", r.depth, 1, 30, "namespaces in one another"),
		OPT_STR("hostname", "NAME", r.hostname, "set by pid 1"),
		OPT_NUM("live-ms", r.live_ms, 0, 600000, "how long children live"),
		{0},
	};

	load_parse(argc, argv, "Container-like processes (needs CAP_SYS_ADMIN).", opts, NULL);
	if (strcmp(r.how, "clone") && strcmp(r.how, "clone3") && strcmp(r.how, "unshare"))
		load_die(2, "--how '%s' is not clone, clone3 or unshare", r.how);
	r.tally = tally_new();
	for (long i = 0; i < count; i++)
		container(&r);
	tally_end(r.tally);
	return 0;
}
