// SPDX-License-Identifier: GPL-2.0-only
/*
 * spawn: every primitive that starts a process, each with what it was and how long it took.
 *
 * "class" in the truth log is the name proctrail should give it: CLONE_VM and CLONE_VFORK both
 * set is vfork on the parent's stack and posix_spawn on another; CLONE_VM alone is clone;
 * neither is fork. Other bits say nothing about it, which is what --how mixed is for.
 */
#include "spawn_primitives.h"

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = sig;
}

/* The C library chooses for these two; it is asked by strace, not guessed: absent from the log. */
static const char *primitive_syscall(const struct primitive *p)
{
#ifdef SYS_vfork
	if (p->make == make_vfork)
		return "vfork";
#else
	if (p->make == make_vfork)
		return "clone";
#endif
	return p->syscall;
}

static const struct primitive *primitive_find(struct run *r)
{
	if (!strcmp(r->how, "mixed"))
		return &primitives[load_rand(&r->rand) % N_PRIMITIVES];
	for (size_t i = 0; i < N_PRIMITIVES; i++)
		if (!strcmp(r->how, primitives[i].name))
			return &primitives[i];
	load_die(2, "--how '%s' is not known; --help lists them", r->how);
}

/* Bits that change nothing about the class, as asked for or, mixed, at random. */
static uint64_t extra_flags(struct run *r, const struct primitive *p)
{
	static const uint64_t any[] = {CLONE_FS, CLONE_SYSVSEM, CLONE_IO};
	bool mixed = !strcmp(r->how, "mixed");
	bool clone3 = p->make == make_clone3 || p->make == make_sibling;
	uint32_t dice = mixed ? load_rand(&r->rand) : 0;
	uint64_t f = 0;

	if (p->make != make_clone && !clone3)
		return 0;
	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
		if (dice & (1U << i))
			f |= any[i];
	if (p->make != make_sibling && (r->pidfd || dice & 8))
		f |= CLONE_PIDFD;
	if (clone3 && (r->clear_sighand || dice & 16))
		f |= CLONE_CLEAR_SIGHAND;
	if (clone3 && r->into_cgroup && (!mixed || dice & 32))
		f |= CLONE_INTO_CGROUP;
	return f;
}

static void job_report(struct run *r, struct job *j, int status)
{
	const char *sys = primitive_syscall(j->prim);
	struct line l;

	line_open(&l, "spawn");
	line_str(&l, "how", j->prim->name);
	line_str(&l, "class", j->prim->class);
	if (sys)
		line_str(&l, "syscall", sys);
	line_num(&l, "flags", (int64_t)j->flags);
	line_num(&l, "pid", j->pid);
	line_num(&l, "ppid", j->parent);
	line_num(&l, "maker", j->maker);
	line_num(&l, "start_ns", (int64_t)j->start_ns);
	line_num(&l, "call_ns", (int64_t)j->call_ns);
	if (j->spawn_ns)
		line_num(&l, "spawn_ns", (int64_t)j->spawn_ns);
	if (j->argv[0])
		line_str(&l, "exec", r->exec);
	line_num(&l, "reaped_ns", (int64_t)now_ns());
	line_status(&l, status);
	line_close(&l);
}

static void job_reap(struct run *r)
{
	int status;
	pid_t pid = load_reap(r->tally, -1, &status);

	if (pid < 0)
		load_die(1, "cannot wait: %s", strerror(errno));
	for (long i = 0; i < r->jobs; i++) {
		if (r->jobs_tab[i].pid != pid)
			continue;
		job_report(r, &r->jobs_tab[i], status);
		if (r->jobs_tab[i].flags & CLONE_PIDFD)
			close(r->jobs_tab[i].pidfd);
		r->jobs_tab[i].pid = 0;
		r->in_flight--;
		return;
	}
	load_die(1, "reaped %d, which is not ours", pid);
}

/* The child's copy of a close-on-exec pipe is closed by exec: then its image is in place. */
static uint64_t exec_seen_ns(int *fd)
{
	char c;

	close(fd[1]);
	while (read(fd[0], &c, 1) < 0 && errno == EINTR)
		;
	close(fd[0]);
	return now_ns();
}

static void job_fill(struct run *r, struct job *j, long i)
{
	*j = (struct job){.run = r, .prim = primitive_find(r), .pidfd = -1};
	j->parent = j->maker = getpid();
	j->code = (int)(r->exit_code >= 0 ? r->exit_code : i & 0xff);
	j->flags = j->prim->flags | extra_flags(r, j->prim);
	if (!r->no_exec || j->prim->make == make_posix_spawn) {
		snprintf(j->code_text, sizeof(j->code_text), "%d", j->code);
		j->argv[0] = "spawned";
		if (!strcmp(r->exec, LOAD_SELF)) {
			j->argv[1] = "exit-now";
			j->argv[2] = j->code_text;
		}
	}
}

static void job_start(struct run *r, struct job *j, long i)
{
	int fd[2] = {-1, -1};

	job_fill(r, j, i);
	if (j->argv[0])
		load_must(pipe2(fd, O_CLOEXEC), "make a pipe");
	j->start_ns = now_ns();
	j->pid = j->prim->make(j);
	j->call_ns = now_ns() - j->start_ns;
	if (j->pid < 0)
		load_die(1, "%s failed: %s (after %ld)", j->prim->name, strerror(-j->pid), i);
	tally_add(&r->tally->births, 1);
	r->in_flight++;
	if (j->argv[0]) {
		j->spawn_ns = exec_seen_ns(fd) - j->start_ns;
		tally_add(&r->tally->execs, 1);
	}
	/* its stack is the only one: wait until it is free again */
	if (j->prim->class[0] == 'c')
		while (j->pid)
			job_reap(r);
}

static void flags_parse(struct run *r)
{
	char *names = strdup(r->flag_names), *save = NULL;

	for (char *w = strtok_r(names, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (!strcmp(w, "clear_sighand"))
			r->clear_sighand = true;
		else if (!strcmp(w, "pidfd"))
			r->pidfd = true;
		else if (!strcmp(w, "into_cgroup"))
			r->into_cgroup = true;
		else
			load_die(2, "--flags: '%s' is not clear_sighand, pidfd or into_cgroup", w);
	}
	free(names);
}

/* A parent of a known size: touched, so that fork has page tables to copy. */
static void heap_fill(long mb)
{
	char *p = mb ? malloc((size_t)mb << 20) : NULL;

	if (mb && !p)
		load_die(1, "no memory for --heap-mb %ld", mb);
	for (long i = 0; i < mb << 8; i++)
		p[i << 12] = 1;
	__asm__ volatile("" : : "r"(p) : "memory");
}

int main(int argc, char **argv)
{
	struct run r = {.count = 10,
			.exit_code = -1,
			.seed = 1,
			.jobs = 1,
			.how = "fork",
			.exec = LOAD_SELF,
			.flag_names = ""};
	struct load_how hows[N_PRIMITIVES + 1] = {0};
	const struct load_opt opts[] = {
		OPT_STR("how", "PRIMITIVE|mixed", r.how, "mixed: random, with random other bits"),
		OPT_NUM("count", r.count, 1, 1000000, "spawns"),
		OPT_STR("exec", "PATH", r.exec, "program to run, without arguments"),
		OPT_FLAG("no-exec", r.no_exec, "children exit without exec (not posix_spawn's)"),
		OPT_NUM("exit", r.exit_code, -1, 255, "exit code; -1: number of the spawn & 255"),
		OPT_STR("flags", "LIST", r.flag_names, "of clear_sighand,pidfd,into_cgroup"),
		OPT_STR("cgroup", "DIR", r.cgroup, "cgroup v2 for into_cgroup; default: makes one"),
		OPT_NUM("seed", r.seed, 1, 1L << 40, "of mixed"),
		OPT_NUM("jobs", r.jobs, 1, 1000, "in flight at most"),
		OPT_NUM("sleep-ms", r.sleep_ms, 0, 60000, "child sleeps before exec or exit"),
		OPT_NUM("busy-ms", r.busy_ms, 0, 60000, "child burns CPU before exec or exit"),
		OPT_NUM("heap-mb", r.heap_mb, 0, 1L << 17, "heap of the parent"),
		{0},
	};

	exit_now_if_asked(argc, argv);
	for (size_t i = 0; i < N_PRIMITIVES; i++)
		hows[i] = (struct load_how){primitives[i].name, NULL, primitives[i].class};
	load_parse(argc, argv, "Starts processes by every primitive; the class stands beside it.",
		   opts, hows);
	flags_parse(&r);
	r.rand = (uint64_t)r.seed;
	primitive_find(&r);
	if (access(r.exec, X_OK))
		load_die(1, "cannot run '%s': %s", r.exec, strerror(errno));
	r.tally = tally_new();
	r.stack = load_shared(LOAD_STACK);
	r.jobs_tab = calloc((size_t)r.jobs, sizeof(*r.jobs_tab));
	heap_fill(r.heap_mb);
	if (r.into_cgroup) {
		signal(SIGINT,
		       on_stop); /* the directory must go; else dying is all there is to do */
		signal(SIGTERM, on_stop);
		if (!cgroup_open(&r.into, r.cgroup))
			load_die(1, "into_cgroup: no cgroup v2 to make one in; give --cgroup DIR");
	}
	for (long i = 0, slot; i < r.count && !stop; i++) {
		while (r.in_flight == r.jobs)
			job_reap(&r);
		for (slot = 0; r.jobs_tab[slot].pid; slot++)
			;
		job_start(&r, &r.jobs_tab[slot], i);
	}
	while (r.in_flight)
		job_reap(&r);
	if (r.into_cgroup)
		cgroup_close(&r.into);
	tally_end(r.tally);
	return stop ? 128 + stop : 0;
}
