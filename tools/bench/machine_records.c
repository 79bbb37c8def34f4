// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel would have said, with the values that it says. */
#include <string.h>

#include "tools/bench/machine_int.h"

#define PIDNS             4026531836u
#define SIGHUP            1
#define SIGCHLD           17
#define CLONE_VFORK_FLAGS 0x4100
#define SYSCALL_VFORK     58
#define DEATH_FLAGS       (REC_F_EXITING | REC_F_DEAD)

static struct rec_proc named(const struct task *t)
{
	return (struct rec_proc){.start_ns = t->start_ns, .tgid = t->tgid, .tid = t->tgid};
}

static void fill(const struct machine *m, const struct task *t, struct rec_hdr *h, unsigned type,
		 uint32_t flags)
{
	const struct task *up = &m->tasks[t->parent];

	*h = (struct rec_hdr){
		.boot_ns = m->now_ns,
		.start_ns = t->start_ns,
		.parent_start_ns = t == up ? 0 : up->start_ns,
		.type = (__u16)type,
		.cpu = t->cpu,
		.tgid = t->tgid,
		.tid = t->tgid,
		.ppid = t == up ? 0 : up->tgid,
		.parent_tid = t == up ? 0 : up->tgid,
		.exec_id = t->exec_id,
		.status = flags & REC_F_EXITING ? t->status : 0,
		.flags = flags,
	};
}

static void put(struct buf *out, struct rec_hdr *h, size_t size)
{
	records_put(out, h, size, NULL, 0);
}

static void fill_place(const struct task *t, struct rec_place *p, struct rec_cred *c)
{
	*p = (struct rec_place){.cgroup_id = CGROUP, .pidns = PIDNS, .ns_tgid = t->tgid};
	*c = (struct rec_cred){.uid = 1000,
			       .euid = 1000,
			       .gid = 1000,
			       .loginuid = UINT32_MAX,
			       .sessionid = UINT32_MAX,
			       .sid = 1};
}

static struct rec_usage usage_of(const struct task *t, bool final)
{
	const struct program_facts *f = program_facts(t->program);

	return (struct rec_usage){
		.utime_ns = t->cpu_us / 5000 * 4 * NS_PER_MS,
		.stime_ns = t->cpu_us / 16000 * 4 * NS_PER_MS,
		.cpu_ns = US((uint64_t)t->cpu_us) + (final ? 700 + t->tgid % 97 : 0),
		.minflt = f->minflt,
		.nvcsw = f->child_cnt,
		.nivcsw = 1 + t->cpu_us / 9000,
		.maxrss_kb = f->maxrss_kb,
	};
}

void put_fork(struct machine *m, const struct task *t, struct buf *out)
{
	const struct task *up = &m->tasks[t->parent];
	struct rec_fork r = {
		.creator = named(up),
		.clone_flags = CLONE_VFORK_FLAGS,
		.creator_rss_kb = program_facts(up->program)->maxrss_kb,
		.creator_pgtables_bytes = 49152,
		.syscall = SYSCALL_VFORK,
		.exit_signal = SIGCHLD,
		.sp = REC_SP_SAME,
	};

	fill(m, t, &r.h, REC_FORK, 0);
	r.h.cpu = up->cpu;
	fill_place(t, &r.place, &r.cred);
	memcpy(r.comm, program_facts(up->program)->comm, sizeof(r.comm));
	put(out, &r.h, sizeof(r));
}

void put_exec(struct machine *m, const struct task *t, struct buf *out)
{
	const struct program_facts *f = program_facts(t->program);
	struct rec_exec r = {
		.run_delay_ns = about(m, US(200)),
		.cpu_ns = about(m, US(300)),
		.thread_start_ns = t->start_ns,
		.argc = f->argc,
		.old_tid = t->tgid,
		.file_len = (__u32)strlen(f->file),
	};
	char args[PROGRAM_ARGS_MAX];
	struct span tail = program_args(t->program, t->source, args);

	fill(m, t, &r.h, REC_EXEC, 0);
	fill_place(t, &r.place, &r.cred);
	r.args_len = r.args_kept = (__u32)tail.len;
	if (r.args_kept > PROGRAM_ARGS_KEPT)
		tail.len = r.args_kept = PROGRAM_ARGS_KEPT;
	memcpy(r.comm, f->comm, sizeof(r.comm));
	memcpy(r.file, f->file, r.file_len);
	r.cwd_len = (__u16)sizeof("project\0src\0home");
	memcpy(r.cwd, "project\0src\0home", r.cwd_len);
	records_put(out, &r.h, sizeof(r), &tail, 1);
}

void put_exit(struct machine *m, const struct task *t, struct buf *out)
{
	struct rec_exit r = {.usage = usage_of(t, false)};

	fill(m, t, &r.h, REC_EXIT, DEATH_FLAGS);
	memcpy(r.comm, program_facts(t->program)->comm, sizeof(r.comm));
	put(out, &r.h, sizeof(r));
}

void put_zombie(struct machine *m, const struct task *t, struct buf *out)
{
	struct rec_zombie r = {
		.usage = usage_of(t, true),
		.notified = named(&m->tasks[t->parent]),
		.exit_signal = SIGCHLD,
		.si_pid = t->tgid,
		.result = 1,
		.source = REC_ZOMBIE_SIGCHLD,
		.disposition = REC_SIG_DFL,
	};

	fill(m, t, &r.h, REC_ZOMBIE, DEATH_FLAGS | REC_F_ZOMBIE);
	put(out, &r.h, sizeof(r));
}

void put_reap(struct machine *m, const struct task *t, unsigned type, struct buf *out)
{
	struct rec_reap r = {.usage = usage_of(t, true)};

	fill(m, t, &r.h, type, DEATH_FLAGS);
	if (type == REC_REAP) {
		r.reaper = named(&m->tasks[t->parent]);
	} else {
		r.h.parent_start_ns = 0; /* the kernel has forgotten by then */
		r.h.ppid = r.h.parent_tid = 0;
	}
	put(out, &r.h, sizeof(r));
}

void put_wait(struct machine *m, const struct task *t, uint32_t pid, struct buf *out)
{
	struct rec_wait r = {
		.pid = pid,
		.repeat = pid ? 0 : chance(m) % 4,
		.kind = pid ? REC_WAIT_PID : REC_WAIT_ANY,
		.options = pid ? 0 : REC_WAIT_NOHANG,
		.known = 1,
	};

	fill(m, t, &r.h, REC_WAIT, 0);
	put(out, &r.h, sizeof(r));
}

void put_signal(struct machine *m, const struct task *t, struct buf *out)
{
	struct rec_signal r = {
		.sender = named(&m->tasks[0]),
		.sig = SIGHUP,
		.target_tid = t->tgid,
		.group = 1,
		.disposition = REC_SIG_HANDLER,
		.sender_comm = "init",
	};

	fill(m, t, &r.h, REC_SIGNAL, 0);
	memcpy(r.comm, program_facts(t->program)->comm, sizeof(r.comm));
	put(out, &r.h, sizeof(r));
}

void put_tick(struct machine *m, struct buf *out)
{
	struct rec_tick r = {
		.h = {.boot_ns = m->tick_ns, .type = REC_TICK, .cpu = REC_CPU_USER},
		.real_ns = m->tick_ns + (REAL_NS - BOOT_NS),
		.attempted = m->made,
		.delivered = m->made,
	};

	put(out, &r.h, sizeof(r));
}

/* ---- the beginning -------------------------------------------------------------------------- */

void put_host(struct machine *m, struct buf *out)
{
	struct rec_host r = {
		.h = {.boot_ns = m->now_ns, .type = REC_HOST, .cpu = REC_CPU_USER},
		.real_ns = REAL_NS,
		.mem_kb = 64u << 20,
		.boot_id = {1, 2, 3},
		.hooks = REC_HOOK_PT_REGS | (m->opt.reaps ? REC_HOOK_RELEASE_FENTRY : 0),
		.cpus = CPUS,
		.page_shift = 12,
	};
	struct span tails[] = {SPAN_LITERAL("made"), SPAN_LITERAL("6.18.0"), SPAN_LITERAL("x86_64"),
			       SPAN_LITERAL("UTC"), SPAN_LITERAL(PROCTRAIL_VERSION)};

	r.host_len = (__u16)tails[0].len;
	r.release_len = (__u16)tails[1].len;
	r.machine_len = (__u16)tails[2].len;
	r.zone_len = (__u16)tails[3].len;
	r.version_len = (__u16)tails[4].len;
	records_put(out, &r.h, sizeof(r), tails, 5);
}

void put_cgroup(struct machine *m, struct buf *out)
{
	struct rec_text r = {
		.h = {.boot_ns = m->now_ns, .type = REC_FACT_CGROUP, .cpu = REC_CPU_USER},
		.id = CGROUP,
	};
	struct span path = SPAN_LITERAL("/system.slice/worker.service");

	r.text_len = (__u32)path.len;
	records_put(out, &r.h, sizeof(r), &path, 1);
}

void put_seed_end(struct machine *m, struct buf *out)
{
	struct rec_seed_end r = {
		.h = {.boot_ns = m->now_ns, .type = REC_SEED_END},
		.began_ns = m->now_ns,
		.pass = 1,
		.rows = m->opt.live,
		.tasks = m->opt.live,
	};

	put(out, &r.h, sizeof(r));
}

void put_seed(struct machine *m, const struct task *t, struct buf *out)
{
	struct rec_seed r = {
		.usage = usage_of(t, true),
		.still_exec_ns = US(40),
		.still_arrival_ns = US(40),
		.sig_caught = 0x4001,
		.rss_kb = 5200,
		.pgtables_bytes = 49152,
		.task_start_ns = t->start_ns,
		.pass = 1,
		.threads = 1,
		.exit_signal = SIGCHLD,
		.state = 1,
		.pgid = t->tgid,
	};

	fill(m, t, &r.h, REC_SEED, 0);
	fill_place(t, &r.place, &r.cred);
	memcpy(r.comm, program_facts(t->program)->comm, sizeof(r.comm));
	put(out, &r.h, sizeof(r));
}

void put_facts(struct machine *m, const struct task *t, struct buf *out)
{
	const char *exe = program_facts(t->program)->file;
	char args[PROGRAM_ARGS_MAX];
	struct span tails[] = {span_of(exe), SPAN_LITERAL("/srv"),
			       program_args(t->program, t->source, args)};
	struct rec_fact_proc r = {
		.exe_len = (__u32)tails[0].len,
		.cwd_len = (__u32)tails[1].len,
		.args_len = (__u32)tails[2].len,
		.args_kept = (__u32)tails[2].len,
	};

	fill(m, t, &r.h, REC_FACT_PROC, 0);
	r.h.cpu = REC_CPU_USER;
	records_put(out, &r.h, sizeof(r), tails, 3);
}
