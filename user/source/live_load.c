// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gets the kernel side in. One program that a kernel refuses fails the whole skeleton, so every
 * optional hook is first tried by a program of two instructions, loaded and attached: some kernels
 * refuse at load (fentry without a trampoline), some only at attach (arm64 6.1).
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "source/live_int.h"

#include "probe.skel.h"
#include "proctrail.skel.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define ENOTSUPP     524   /* the kernel's own, not in errno.h */
#define FILES_ENOUGH 64    /* descriptors for all programs, maps and links */
#define SCOPE_PROCS  65536 /* that --pid, --cgroup, --uid or CMD can hold at one time */
#define WAIT_CALLS   4096  /* WAIT_CALL_SLOTS of the kernel side */
#define EXEC_CALLS   4096  /* EXEC_CALL_SLOTS */

#if defined(__aarch64__)
#define SYSCALL(name) "__arm64_sys_" #name
#else
#define SYSCALL(name) "__x64_sys_" #name
#endif

struct optional_hook {
	const char *program;     /* in the skeleton */
	const char *kernel_name; /* function or tracepoint; NULL: a kprobe */
	enum bpf_attach_type attach;
	struct live_hook row;
};

#define NO_EXEC_FAILURES "a failed exec is only inferred, from a child that ends by 126 or 127"

static const struct optional_hook optional_hooks[] = {
	{"on_notify_fexit",
	 "do_notify_parent",
	 BPF_TRACE_FEXIT,
	 {"fexit/do_notify_parent", "zombies and auto-reaps that send no SIGCHLD",
	  "children of a parent that ignores SIGCHLD are seen at their release only", 0,
	  REC_HOOK_NOTIFY}},
	{"on_release_fentry",
	 "release_task",
	 BPF_TRACE_FENTRY,
	 {"fentry/release_task", "exact reap times and the reaper",
	  "reap times are good to 5-30 ms", 0, REC_HOOK_RELEASE_FENTRY}},
	{"on_release_kprobe",
	 NULL,
	 0,
	 {"kprobe/release_task", "the same, where fentry is refused",
	  "reap times are good to 5-30 ms", 0, REC_HOOK_RELEASE_KPROBE}},
	{"on_syscall_exit",
	 "sys_exit",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/sys_exit", "reap times within the wait call, with --exact-reap",
	  "--exact-reap can do nothing", 0, REC_HOOK_WAIT_RETURN}},
	{"on_clone_fentry",
	 "kernel_clone",
	 BPF_TRACE_FENTRY,
	 {"fentry/kernel_clone", "the time inside fork calls, which grows with the heap",
	  "a spawn is told from its birth on, which is late in the call", 0, REC_HOOK_FORK_TIME}},
	{"on_clone_kprobe",
	 NULL,
	 0,
	 {"kprobe/kernel_clone", "the same, where fentry is refused",
	  "a spawn is told from its birth on, which is late in the call", 0, REC_HOOK_FORK_TIME}},
	{"on_sys_enter",
	 "sys_enter",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/sys_enter", "the time inside fork calls, with --fork-time",
	  "--fork-time can do nothing", 0, REC_HOOK_FORK_SYSCALL}},
	{"on_clone_fexit",
	 "kernel_clone",
	 BPF_TRACE_FEXIT,
	 {"fexit/kernel_clone", "fork calls that were refused, and by which limit",
	  "a refused fork leaves no trace", 0, REC_HOOK_FORK_FAILED}},
	{"on_fork_return",
	 "sys_exit",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/sys_exit", "the same, with --fork-time", "a refused fork leaves no trace", 0,
	  REC_HOOK_FORK_FAILED}},
	{"on_execve_fexit",
	 SYSCALL(execve),
	 BPF_TRACE_FEXIT,
	 {"fexit/execve", "exec calls that failed", NO_EXEC_FAILURES, 0, REC_HOOK_EXEC_FAILED}},
	{"on_execveat_fexit",
	 SYSCALL(execveat),
	 BPF_TRACE_FEXIT,
	 {"fexit/execveat", "the same of execveat", NO_EXEC_FAILURES, 0, REC_HOOK_EXEC_FAILED}},
	{"on_open_exec_fexit",
	 "open_exec",
	 BPF_TRACE_FEXIT,
	 {"fexit/open_exec", "which interpreter or loader was missing",
	  "an interpreter or loader that is missing looks like a missing file", 0,
	  REC_HOOK_EXEC_FAILED}},
	{"on_exec_enter",
	 "sys_enter",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/sys_enter", "exec calls that failed, with --exec-failures", NO_EXEC_FAILURES, 0,
	  REC_HOOK_EXEC_SYSCALL}},
	{"on_exec_return",
	 "sys_exit",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/sys_exit", "exec calls that failed, with --exec-failures", NO_EXEC_FAILURES, 0,
	  REC_HOOK_EXEC_SYSCALL}},
	{"on_oom_victim",
	 "mark_victim",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/mark_victim", "victims of the OOM killer",
	  "an OOM kill looks like any SIGKILL of the kernel", 0, REC_HOOK_OOM}},
	{"on_oom_adj",
	 "oom_score_adj_update",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/oom_score_adj_update", "who writes an oom_score_adj",
	  "nobody is named for a biased oom_score_adj", 0, REC_HOOK_OOM}},
	{"on_cgroup_attach",
	 "cgroup_attach_task",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/cgroup_attach_task", "moves between cgroups",
	  "a moved process keeps its first cgroup until the next pass", 0, REC_HOOK_CGROUP}},
	{"on_cgroup_mkdir",
	 "cgroup_mkdir",
	 BPF_TRACE_RAW_TP,
	 {"tp_btf/cgroup_mkdir", "paths of cgroups that live shortly",
	  "a cgroup that is gone at once has no path", 0, REC_HOOK_CGROUP}},
};

#define OPTIONAL_CNT (sizeof(optional_hooks) / sizeof(optional_hooks[0]))

static const char *const required_programs[] = {
	"on_newtask",         "on_exec",           "on_exit", "on_rename", "on_free", "on_wait",
	"on_signal_generate", "on_signal_deliver",
};

#define REQUIRED_CNT (sizeof(required_programs) / sizeof(required_programs[0]))

/* libbpf's own words only help when somebody asked for them (-v -v) */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("libbpf: %s", line);
	return level == LIBBPF_WARN ? 1 : 0;
}

static const struct bpf_insn probe_insns[] = {
	/* return 0 */
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

#define PROBE_INSN_CNT (sizeof(probe_insns) / sizeof(probe_insns[0]))

/* Takes prog over; 0 or -errno */
static int probe_attach(const char *tracepoint, int prog)
{
	int link;

	if (prog < 0)
		return prog;
	link = bpf_raw_tracepoint_open(tracepoint, prog);
	close(prog);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/* A tp_btf hook is there when its tracepoint is; that needs no type information. */
static int probe_tracepoint(const char *name)
{
	return probe_attach(name, bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "probe", "GPL",
						probe_insns, PROBE_INSN_CNT, NULL));
}

static int load_trampoline(enum bpf_attach_type attach, uint32_t id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach, .attach_btf_id = id);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", probe_insns, PROBE_INSN_CNT,
			     &opts);
}

/*
 * fentry and fexit. The kernel's type information takes 50 ms to read: first a type that is no
 * function, which a kernel without trampolines refuses for another reason than the type.
 */
static int probe_trampoline(struct btf **btf, const struct optional_hook *hook)
{
	int id = load_trampoline(hook->attach, 1);

	if (id == -EPERM || id == -EACCES || id == -EOPNOTSUPP || id == -ENOTSUPP)
		return id;
	if (id >= 0)
		close(id);
	if (!*btf)
		*btf = btf__load_vmlinux_btf();
	if (!*btf)
		return -ENOENT;
	id = btf__find_by_name_kind(*btf, hook->kernel_name, BTF_KIND_FUNC);
	return id < 0 ? id : probe_attach(NULL, load_trampoline(hook->attach, (uint32_t)id));
}

/* A kprobe is attached through perf, which libbpf knows how to do. */
static int probe_kprobe(void)
{
	struct probe_bpf *skel = probe_bpf__open_and_load();
	struct bpf_link *link;
	int err = skel ? 0 : -errno;

	if (!err) {
		link = bpf_program__attach(skel->progs.probe_release_kprobe);
		err = link ? 0 : -errno;
		bpf_link__destroy(link);
	}
	probe_bpf__destroy(skel);
	return err;
}

static int probe_hook(struct btf **btf, const struct optional_hook *hook)
{
	if (!hook->kernel_name)
		return probe_kprobe();
	if (hook->attach == BPF_TRACE_RAW_TP)
		return probe_tracepoint(hook->kernel_name);
	return probe_trampoline(btf, hook);
}

size_t live_probe_hooks(const struct live_hook **ret_rows)
{
	static struct live_hook rows[OPTIONAL_CNT];

	struct btf *btf = NULL; /* read with the first hook that needs it */

	libbpf_set_print(print_libbpf);
	for (size_t i = 0; i < OPTIONAL_CNT; i++) {
		rows[i] = optional_hooks[i].row;
		rows[i].err = probe_hook(&btf, &optional_hooks[i]);
	}
	btf__free(btf);
	*ret_rows = rows;
	return OPTIONAL_CNT;
}

static void set_autoload(struct live *l, const char *program, bool on)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(l->skel->obj, program);

	if (prog)
		bpf_program__set_autoload(prog, on);
}

#define HOOKS_RELEASE (REC_HOOK_RELEASE_FENTRY | REC_HOOK_RELEASE_KPROBE)

/* The rungs stand in the table best first: one that works makes those below it unnecessary. */
static bool wants_hook(const struct live *l, const struct optional_hook *hook)
{
	uint32_t bit = hook->row.bit;

	if (l->opt.snapshot)
		return false;
	if (bit == REC_HOOK_RELEASE_KPROBE)
		return !(l->hooks & REC_HOOK_RELEASE_FENTRY);
	if (bit == REC_HOOK_WAIT_RETURN)
		return l->opt.exact_reap && !(l->hooks & HOOKS_RELEASE);
	if (bit == REC_HOOK_FORK_TIME)
		return !(l->hooks & REC_HOOK_FORK_TIME);
	if (bit == REC_HOOK_FORK_SYSCALL)
		return l->opt.fork_time && !(l->hooks & REC_HOOK_FORK_TIME);
	if (bit == REC_HOOK_FORK_FAILED)
		return !(l->hooks & bit) && (hook->attach == BPF_TRACE_FEXIT || l->opt.fork_time);
	if (bit == REC_HOOK_EXEC_FAILED && !strcmp(hook->kernel_name, "open_exec"))
		return l->hooks & bit; /* by itself it tells nothing */
	if (bit == REC_HOOK_EXEC_SYSCALL)
		return l->opt.exec_failures && !(l->hooks & REC_HOOK_EXEC_FAILED);
	return true;
}

static void choose_hooks(struct live *l)
{
	struct btf *btf = NULL;

	l->hooks = 0;
	for (size_t i = 0; i < OPTIONAL_CNT; i++) {
		const struct optional_hook *hook = &optional_hooks[i];
		bool on = wants_hook(l, hook) && !probe_hook(&btf, hook);

		set_autoload(l, hook->program, on);
		if (on)
			l->hooks |= hook->row.bit;
	}
	btf__free(btf);
	for (size_t i = 0; i < REQUIRED_CNT; i++)
		set_autoload(l, required_programs[i], !l->opt.snapshot);
	if (l->opt.snapshot)
		l->hooks = REC_HOOK_NONE;
}

static size_t round_up_pow2(size_t v)
{
	size_t r = (size_t)sysconf(_SC_PAGESIZE);

	while (r < v)
		r *= 2;
	return r;
}

static int configure(struct live *l)
{
	struct proctrail_bpf *skel = l->skel;
	const struct live_options *opt = &l->opt;
	int err;

	l->cpus = (uint32_t)libbpf_num_possible_cpus();
	l->ring_cnt = opt->rings ? opt->rings : (l->cpus < 64 ? l->cpus : 64) / 8;
	if (l->ring_cnt < 1)
		l->ring_cnt = 1;
	if (l->ring_cnt > LIVE_MAX_RINGS)
		l->ring_cnt = LIVE_MAX_RINGS;
	l->ring_bytes = round_up_pow2((opt->ring_bytes ? opt->ring_bytes : 8u << 20) / l->ring_cnt);

	skel->rodata->cfg_rings = l->ring_cnt;
	skel->rodata->cfg_wake_bytes = (uint32_t)(l->ring_bytes / 4);
	skel->rodata->cfg_scoped = opt->scope_by != 0;
	skel->rodata->cfg_threads = opt->threads;
	skel->rodata->cfg_all_signals = opt->all_signals;
	skel->rodata->cfg_args_max = opt->args_max ? opt->args_max : 512;
	skel->rodata->cfg_page_shift = (__u32)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));
	skel->rodata->cfg_self_tgid = (uint32_t)getpid();
	skel->rodata->cfg_cgroup_kind = l->cgroups.kind;
	skel->rodata->cfg_cgroup_hierarchy = l->cgroups.hierarchy;
	skel->rodata->cfg_notify_hooked = !!(l->hooks & REC_HOOK_NOTIFY);
	skel->rodata->cfg_release_hooked = !!(l->hooks & HOOKS_RELEASE);
	skel->rodata->cfg_waits_end = !!(l->hooks & REC_HOOK_WAIT_RETURN);
	skel->rodata->cfg_fork_timed = !!(l->hooks & (REC_HOOK_FORK_TIME | REC_HOOK_FORK_SYSCALL));

	err = bpf_map__set_max_entries(skel->maps.ring, (uint32_t)l->ring_bytes);
	err = err ?: bpf_map__set_max_entries(skel->maps.rings, l->ring_cnt);
	err = err ?: bpf_map__set_max_entries(skel->maps.counters, l->cpus);
	if (l->hooks & REC_HOOK_WAIT_RETURN)
		err = err ?: bpf_map__set_max_entries(skel->maps.wait_calls, WAIT_CALLS);
	if (l->hooks & (REC_HOOK_EXEC_FAILED | REC_HOOK_EXEC_SYSCALL))
		err = err ?: bpf_map__set_max_entries(skel->maps.exec_calls, EXEC_CALLS);
	err = err ?: bpf_map__set_max_entries(skel->maps.scope, opt->scope_by ? SCOPE_PROCS : 1);
	return err;
}

/* As it is now; 0: not known */
static uint32_t read_sysctl(const char *proc_dir, const char *name)
{
	char path[256];
	uint32_t value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/kernel/%s", proc_dir ? proc_dir : "/proc", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu32, &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

void live_read_limits(struct live *l)
{
	if (!(l->hooks & REC_HOOK_FORK_FAILED))
		return;
	l->skel->bss->limit_threads_max = read_sysctl(l->opt.proc_dir, "threads-max");
	l->skel->bss->limit_pid_max = read_sysctl(l->opt.proc_dir, "pid_max");
}

static int set_scope(struct live *l)
{
	const struct live_options *opt = &l->opt;
	uint64_t id;
	int level, err;

	live_read_limits(l);
	l->skel->bss->scope_by = opt->scope_by;
	l->skel->bss->scope_pid = opt->scope_pid;
	l->skel->bss->scope_uid = opt->scope_uid;
	if (!(opt->scope_by & LIVE_SCOPE_CGROUP))
		return 0;
	err = cgroupfs_find(&l->cgroups, opt->scope_cgroup, &id, &level);
	if (err)
		return err;
	l->skel->bss->scope_cgroup_id = id;
	l->skel->bss->scope_cgroup_level = level;
	return 0;
}

/*
 * libbpf takes twice the size of the kernel's types, and uses it once. Page by page that is 2,700 faults,
 * which take longer than all the rest of the reading (15 us each in some virtual machines: 30 of 55
 * ms). So malloc gets the memory first, filled by one call (5.14; before, nothing is gained).
 */
static void heap_warm(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len;
	struct stat st;
	char *p;

	if (stat("/sys/kernel/btf/vmlinux", &st) || st.st_size <= 0 || st.st_size > 12 << 20)
		return;
	len = 2 * (size_t)st.st_size + (4u << 20);
	mallopt(M_MMAP_THRESHOLD, 32 << 20); /* from the heap, and kept there when freed */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	p = malloc(len);
	if (p)
		(void)madvise(p + page - (uintptr_t)p % page, len - page, MADV_POPULATE_WRITE);
	free(p);
}

static void heap_cool(void)
{
	mallopt(M_MMAP_THRESHOLD, 128 << 10); /* as they were */
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
	malloc_trim(0);
}

/* libbpf asks the kernel what it can by making maps: without descriptors it can nothing. */
static bool has_few_files(void)
{
	struct rlimit r;

	return !getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < FILES_ENOUGH;
}

static int load(struct live *l, enum live_obstacle *ret_why)
{
	int err;

	l->skel = proctrail_bpf__open();
	if (!l->skel)
		return -errno;
	choose_hooks(l);
	err = configure(l);
	if (!err)
		err = proctrail_bpf__load(l->skel);
	/* libbpf takes a first map that fails for a kernel without global data, and leaves ours out. */
	if (!err && !l->skel->bss)
		err = -ENOMEM;
	if (err && has_few_files())
		return -EMFILE;
	if (err) {
		/* what runs out here is no refusal: the errno tells more */
		if (err != -EMFILE && err != -ENFILE && err != -ENOMEM)
			*ret_why = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 0 ?
					   LIVE_NO_RINGBUF :
					   LIVE_REFUSED;
		return err;
	}
	return set_scope(l);
}

int live_load(struct live *l, enum live_obstacle *ret_why)
{
	int err;

	libbpf_set_print(print_libbpf);
	heap_warm();
	err = load(l, ret_why);
	heap_cool();
	return err;
}

static int attach_one(struct live *l, const char *name, bool required)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(l->skel->obj, name);
	struct bpf_link *link;

	if (!prog || !bpf_program__autoload(prog))
		return 0;
	link = bpf_program__attach(prog);
	if (!link)
		return required ? -errno : 0;
	l->links[l->link_cnt++] = link;
	return 0;
}

/*
 * Deaths first, births last: a process whose birth is recorded has its death recorded too, while
 * one that was born before is found by the pass that follows.
 */
int live_attach(struct live *l)
{
	int err = 0;

	l->iter_link = bpf_program__attach_iter(l->skel->progs.iter_tasks, NULL);
	if (!l->iter_link)
		return -errno;
	for (size_t i = 0; i < OPTIONAL_CNT && !err; i++)
		err = attach_one(l, optional_hooks[i].program, false);
	for (size_t i = REQUIRED_CNT; i > 0 && !err; i--)
		err = attach_one(l, required_programs[i - 1], true);
	return err;
}

void live_detach(struct live *l)
{
	while (l->link_cnt > 0)
		bpf_link__destroy(l->links[--l->link_cnt]);
}

void live_unload(struct live *l)
{
	live_detach(l);
	bpf_link__destroy(l->iter_link);
	l->iter_link = NULL;
	proctrail_bpf__destroy(l->skel);
	l->skel = NULL;
}
