// SPDX-License-Identifier: GPL-2.0-only
/*
 * exitcodes: random deaths, several in flight, each with its raw status word as waitpid gave it.
 *
 * What was planned is logged before it happens, what waitpid said afterwards: in a race between
 * two killers only the second is the truth.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "load.h"

struct run {
	long count, jobs, seed;
	bool cores, only_codes;
	uint64_t rand;
	struct tally *tally;
};

enum by {
	BY_EXIT,
	BY_SELF,
	BY_THREAD_EXIT,
	BY_THREAD,
	BY_KILL,
	BY_SIGQUEUE,
	BY_TGKILL,
	BY_RACE,
	N_BY
};

static const char *const by_names[] = {"exit", "self",     "thread_exit", "thread",
				       "kill", "sigqueue", "tgkill",      "race"};

struct plan {
	enum by by;
	int code; /* exit code or signal */
};

/* All whose default is to kill, with and without core. */
static const int fatal[] = {SIGHUP,  SIGINT,    SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,
			    SIGFPE,  SIGKILL,   SIGUSR1, SIGSEGV, SIGUSR2,   SIGPIPE, SIGALRM,
			    SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,
			    SIGPWR,  SIGSYS,    34,      64};

static struct plan plan_make(struct run *r)
{
	struct plan p = {BY_EXIT, 0};

	/* half of them plain exits, as in life */
	if (!r->only_codes && load_rand(&r->rand) % 2)
		p.by = load_rand(&r->rand) % N_BY;
	if (p.by == BY_EXIT || p.by == BY_THREAD_EXIT)
		p.code = load_rand(&r->rand) & 0xff;
	else
		p.code = fatal[load_rand(&r->rand) % (sizeof(fatal) / sizeof(fatal[0]))];
	return p;
}

static void *thread_dies(void *arg)
{
	const struct plan *p = arg;

	if (p->by == BY_THREAD_EXIT)
		_exit(p->code);
	syscall(SYS_tgkill, getpid(), gettid(), p->code);
	pause();
	return NULL;
}

/* Whoever waits to be killed does not wait for ever. */
static void die(struct run *r, struct plan *p)
{
	struct rlimit core = {0, 0};
	pthread_t id;

	if (!r->cores)
		setrlimit(RLIMIT_CORE, &core);
	if (p->by == BY_EXIT)
		_exit(p->code);
	if (p->by == BY_SELF || p->by == BY_RACE)
		kill(getpid(), p->code);
	if (p->by == BY_THREAD || p->by == BY_THREAD_EXIT) {
		tally_add(&r->tally->threads, 1);
		if (pthread_create(&id, NULL, thread_dies, p))
			_exit(254);
	}
	sleep_ms(10000);
	_exit(255);
}

static void kill_as_planned(const struct plan *p, pid_t pid)
{
	const union sigval v = {.sival_int = 7};

	if (p->by == BY_KILL)
		kill(pid, p->code);
	else if (p->by == BY_SIGQUEUE)
		sigqueue(pid, p->code, v);
	else if (p->by == BY_TGKILL)
		syscall(SYS_tgkill, pid, pid, p->code);
	else if (p->by == BY_RACE)
		kill(pid, SIGKILL);
}

static void start(struct run *r)
{
	struct plan p = plan_make(r);
	uint64_t start_ns = now_ns();
	bool from_parent = p.by == BY_KILL || p.by == BY_SIGQUEUE || p.by == BY_TGKILL ||
			   p.by == BY_RACE;
	struct line l;
	pid_t pid = load_fork(r->tally);

	if (!pid)
		die(r, &p);
	line_open(&l, "fork");
	line_str(&l, "by", by_names[p.by]);
	line_num(&l, "code", p.code);
	line_num(&l, "pid", pid);
	line_num(&l, "ppid", getpid());
	if (p.by != BY_EXIT && p.by != BY_THREAD_EXIT && p.by != BY_RACE)
		line_num(&l, "sender", from_parent ? getpid() : pid);
	line_num(&l, "start_ns", (int64_t)start_ns);
	line_close(&l);
	kill_as_planned(&p, pid);
}

static void reap(struct run *r)
{
	struct line l;
	int status;
	pid_t pid = load_reap(r->tally, -1, &status);

	if (pid < 0)
		load_die(1, "cannot wait: %s", strerror(errno));
	line_death(&l, pid, status);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 100, .jobs = 8, .seed = 1};
	const struct load_opt opts[] = {
		OPT_NUM("count", r.count, 1, 1000000, "deaths"),
		OPT_NUM("jobs", r.jobs, 1, 1000, "in flight at most"),
		OPT_NUM("seed", r.seed, 1, 1L << 40, "of the random choice"),
		OPT_FLAG("only-codes", r.only_codes, "exit codes only, no signals"),
		OPT_FLAG("cores", r.cores, "leave RLIMIT_CORE alone (default: 0)"),
		{0},
	};

	load_parse(argc, argv, "Random deaths: codes 0..255, fatal signals, threads, races.", opts,
		   NULL);
	signals_default();
	r.rand = (uint64_t)r.seed;
	r.tally = tally_new();
	for (long i = 0; i < r.count; i++) {
		if (i >= r.jobs)
			reap(&r);
		start(&r);
	}
	for (long i = r.count < r.jobs ? r.count : r.jobs; i > 0; i--)
		reap(&r);
	tally_end(r.tally);
	return 0;
}
