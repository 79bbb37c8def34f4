// SPDX-License-Identifier: GPL-2.0-only
/* What this kernel offers, what is missing, and what that costs the answers. */
#include "cmd/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/emit.h"
#include "model/event.h"

#define DEFAULT_RING_MIB 8

static void add(struct doctor *d, enum doctor_section section, enum doctor_state state,
		const char *name, const char *cost, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static void add(struct doctor *d, enum doctor_section section, enum doctor_state state,
		const char *name, const char *cost, const char *fmt, ...)
{
	struct doctor_row *row;
	va_list ap;

	if (d->row_cnt == DOCTOR_MAX_ROWS)
		return;
	row = &d->rows[d->row_cnt++];
	*row = (struct doctor_row){.section = section, .state = state, .name = name, .cost = cost};
	va_start(ap, fmt);
	vsnprintf(row->detail, sizeof(row->detail), fmt, ap);
	va_end(ap);
}

/* ---- what is here --------------------------------------------------------------------------- */

static void check_privileges(struct doctor *d, const struct options *opt)
{
	static const char cost[] =
		"without both nothing can be traced; health and tree still answer"
		" from /proc";

	if (d->caps_err) {
		add(d, DOCTOR_CHECK, DOCTOR_UNKNOWN, "privileges", cost, "cannot be read");
		return;
	}
	if (host_may_trace(d->caps))
		add(d, DOCTOR_CHECK, DOCTOR_OK, "privileges", cost, "CAP_BPF and CAP_PERFMON");
	else
		add(d, DOCTOR_CHECK, DOCTOR_MISSING, "privileges", cost, "missing:%s%s",
		    host_cap_in(d->caps, HOST_CAP_BPF) ? "" : " CAP_BPF",
		    host_cap_in(d->caps, HOST_CAP_PERFMON) ? "" : " CAP_PERFMON");
}

/* What more buys what. */
static void check_more_privileges(struct doctor *d, const struct options *opt)
{
	static const struct {
		unsigned cap;
		const char *name, *gives, *cost;
	} rows[] = {
		{HOST_CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
		 "exe and cwd of processes that were there before us, other users' too",
		 "exe and cwd of other users' processes from before the start stay unknown"},
		{HOST_CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		 "cgroup and /proc files with closed permissions",
		 "limits in closed cgroup directories stay unknown"},
		{HOST_CAP_SYSLOG, "CAP_SYSLOG", "OOM kills and crashes the kernel log still holds",
		 "what the kernel log says of the past may stay unknown"},
		{HOST_CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE",
		 "room for the ring where memory is still charged to RLIMIT_MEMLOCK (before 5.11)",
		 "on kernels before 5.11 start it with: ulimit -l unlimited"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool has = host_cap_in(d->caps, rows[i].cap);

		add(d, DOCTOR_CHECK, has ? DOCTOR_OK : DOCTOR_MISSING, rows[i].name, rows[i].cost,
		    "%s", has ? rows[i].gives : "missing");
	}
}

static void check_pidns(struct doctor *d, const struct options *opt)
{
	static const char cost[] = "pids of the kernel and of /proc would not be the same";
	int inner = host_inner_pidns(opt->proc_dir);

	if (inner < 0)
		add(d, DOCTOR_CHECK, DOCTOR_UNKNOWN, "pid namespace", cost, "cannot be read: %s",
		    strerror(-inner));
	else if (inner)
		add(d, DOCTOR_CHECK, DOCTOR_MISSING, "pid namespace", cost,
		    "this is an inner one (a container)");
	else
		add(d, DOCTOR_CHECK, DOCTOR_OK, "pid namespace", cost, "the initial one");
}

static void check_lockdown(struct doctor *d, const struct options *opt)
{
	static const char cost[] = "BPF programs may not read the kernel's memory: nothing can be"
				   " traced";
	enum host_lockdown l = host_lockdown();

	if (l == HOST_LOCKDOWN_UNKNOWN)
		add(d, DOCTOR_CHECK, DOCTOR_UNKNOWN, "lockdown", NULL,
		    "not readable (securityfs); the load below tells");
	else
		add(d, DOCTOR_CHECK,
		    l == HOST_LOCKDOWN_CONFIDENTIALITY ? DOCTOR_MISSING : DOCTOR_OK, "lockdown",
		    cost, "%s", host_lockdown_name(l));
}

static void check_btf(struct doctor *d, const struct options *opt)
{
	bool has = host_has_btf();

	add(d, DOCTOR_CHECK, has ? DOCTOR_OK : DOCTOR_MISSING, "kernel types",
	    "without BTF the programs cannot be fitted to this kernel: nothing can be traced",
	    has ? "%s" : "%s is not there", HOST_BTF_PATH);
}

static void check_ring(struct doctor *d, const struct options *opt)
{
	int64_t stats = 0, jit = 1;

	add(d, DOCTOR_CHECK, DOCTOR_OK, "ring", NULL,
	    "%d MiB of kernel memory while tracing (--ring), of %" PRIu64 " MiB", DEFAULT_RING_MIB,
	    d->kernel.mem_kb / 1024);
	if (!host_sysctl(opt->proc_dir, "net/core/bpf_jit_enable", &jit) && !jit)
		add(d, DOCTOR_CHECK, DOCTOR_NOTE, "JIT",
		    "the programs are interpreted: each event costs several times as much",
		    "off: sysctl net.core.bpf_jit_enable=1");
	if (!host_sysctl(opt->proc_dir, "kernel/bpf_stats_enabled", &stats) && stats)
		add(d, DOCTOR_CHECK, DOCTOR_NOTE, "BPF statistics",
		    "each run of every BPF program takes two clock reads more",
		    "on: kernel.bpf_stats_enabled=1");
}

static void check_cgroups(struct doctor *d, const struct options *opt)
{
	static const char cost[] = "systemd units, containers and pids limits stay unknown";
	struct host_cgroups cg;
	int err = host_cgroups(opt->proc_dir, &cg);

	if (err)
		add(d, DOCTOR_CHECK, DOCTOR_UNKNOWN, "cgroups", cost, "mounts cannot be read: %s",
		    strerror(-err));
	else if (cg.v1_memory[0] || cg.v1_pids[0])
		add(d, DOCTOR_CHECK, DOCTOR_OK, "cgroups", cost, "v1: memory at %s, pids at %s%s%s",
		    cg.v1_memory[0] ? cg.v1_memory : "(none)",
		    cg.v1_pids[0] ? cg.v1_pids : "(none)", cg.v2[0] ? "; v2 at " : "", cg.v2);
	else if (cg.v2[0])
		add(d, DOCTOR_CHECK, DOCTOR_OK, "cgroups", cost, "v2 at %s", cg.v2);
	else
		add(d, DOCTOR_CHECK, DOCTOR_MISSING, "cgroups", cost, "not mounted");
	add(d, DOCTOR_CHECK, DOCTOR_OK, "other mounts", NULL, "tracefs and bpffs are not needed");
}

/* Loads and attaches everything, for a moment: the only proof that it works. */
static void check_programs(struct doctor *d, const struct options *opt)
{
	struct live_options live = {.proc_dir = opt->proc_dir};
	enum live_obstacle why = LIVE_OK;
	struct source *source = NULL;
	int err;

	if (d->obstacle != LIVE_OK) {
		add(d, DOCTOR_CHECK, DOCTOR_UNKNOWN, "programs", NULL, "not tried");
		return;
	}
	err = live_open(&live, &source, &why);
	source_free(source);
	if (!err) {
		add(d, DOCTOR_CHECK, DOCTOR_OK, "programs", NULL, "load and attach");
		return;
	}
	d->obstacle = why != LIVE_OK ? why : LIVE_REFUSED;
	add(d, DOCTOR_CHECK, DOCTOR_MISSING, "programs", "nothing can be traced", "refused: %s",
	    strerror(-err));
}

static void (*const checks[])(struct doctor *, const struct options *) = {
	check_privileges, check_pidns, check_lockdown, check_btf,
	check_programs,   check_ring,  check_cgroups,  check_more_privileges,
};

/* ---- hooks, and what they make of the answers ------------------------------------------------ */

static const char *errno_name(int err)
{
	const char *name = strerrorname_np(-err);

	return name ? name : "unknown error";
}

static uint32_t add_hooks(struct doctor *d)
{
	const struct live_hook *rows;
	size_t cnt = live_probe_hooks(&rows);
	uint32_t works = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (!rows[i].err) {
			works |= rows[i].bit;
			add(d, DOCTOR_HOOK, DOCTOR_OK, rows[i].name, NULL, "%s", rows[i].gives);
		} else {
			add(d, DOCTOR_HOOK, DOCTOR_MISSING, rows[i].name, rows[i].without,
			    "refused (%s)", errno_name(rows[i].err));
		}
	}
	return works;
}

/* The rungs of a ladder, the best first; the last needs nothing optional. */
struct rung {
	uint32_t bit;
	const char *says;
};

static const struct rung birth_rungs[] = {
	{REC_HOOK_NOTIFY, "exact, and told apart from a reap by the kernel itself"},
	{0, "exact, from SIGCHLD; a lower bound (exit) where the parent ignores SIGCHLD"},
};

static const struct rung reap_rungs[] = {
	{REC_HOOK_RELEASE_FENTRY, "exact"},
	{REC_HOOK_RELEASE_KPROBE, "exact"},
	{REC_HOOK_WAIT_RETURN,
	 "between the wait call and the kernel's free, mostly within 30ms; with --exact-reap within "
	 "the call, for 0.1us of every syscall"},
	{0,
	 "between the wait call and the kernel's free, mostly within 30ms; seconds where that is missed"},
};

static const struct rung fork_rungs[] = {
	{REC_HOOK_FORK_TIME, "timed from its entry"},
	{REC_HOOK_FORK_SYSCALL,
	 "not timed: a spawn is told from its birth on, late in the call; with --fork-time from the "
	 "entry, for 0.2us of every syscall"},
	{0, "not timed: a spawn is told from its birth on, late in the call"},
};

static const struct rung exec_rungs[] = {
	{REC_HOOK_EXEC_FAILED, "with the path tried, and what was missing"},
	{REC_HOOK_EXEC_SYSCALL,
	 "inferred from children that end by 126 or 127; with --exec-failures with the path tried, "
	 "for 0.15us of every syscall"},
	{0, "inferred from children that end by 126 or 127"},
};

static void add_ladder(struct doctor *d, const char *name, const struct rung *rungs, int cnt,
		       uint32_t works)
{
	for (int i = 0; i < cnt; i++) {
		if (rungs[i].bit && !(works & rungs[i].bit))
			continue;
		add(d, DOCTOR_ANSWER, DOCTOR_OK, name, NULL, "%s (rung %d of %d)", rungs[i].says,
		    i + 1, cnt);
		return;
	}
}

/* The hooks are tried first: the trial of everything drops privileges, as tracing does. */
static void examine(struct doctor *d, const struct options *opt)
{
	uint32_t works = 0;

	d->caps_err = host_caps(&d->caps);
	d->obstacle = live_check(opt->proc_dir);
	if (d->obstacle == LIVE_OK)
		works = add_hooks(d);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		checks[i](d, opt);
	if (d->obstacle != LIVE_OK)
		return;
	add_ladder(d, "zombie's birth", birth_rungs, 2, works);
	add_ladder(d, "reap", reap_rungs, 4, works);
	add_ladder(d, "fork call", fork_rungs, 3, works);
	add_ladder(d, "failed exec", exec_rungs, 3, works);
}

int cmd_doctor(const struct options *opt)
{
	struct doctor d = {0};
	struct text_style st;
	struct buf b = {0};
	int err;

	err = host_kernel(&d.kernel);
	if (err) {
		log_err(err, "cannot ask for the kernel's name");
		return EXIT_FAILED;
	}
	emit_style(opt, &st);
	examine(&d, opt);
	if (opt->json)
		doctor_put_json(&b, &d);
	else
		doctor_put_text(&b, &d, &st);
	return emit(opt, &b, d.obstacle == LIVE_OK ? EXIT_DONE : EXIT_IMPOSSIBLE);
}
