// SPDX-License-Identifier: GPL-2.0-only
#include "tools/bench/machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/bench/programs.h"

#define BOOT_NS    (36931 * NS_PER_SEC)
#define REAL_NS    (1795486267ULL * NS_PER_SEC)
#define PID_MAX    4194304u
#define PIDNS      4026531836u
#define CGROUP     11816u
#define CPUS       2
#define TICK_NS    (100 * NS_PER_MS)
#define GRACE_NS   (20 * NS_PER_MS) /* the ends of those reaped come in batches */
#define FLIGHT_MAX 262144           /* born and not yet freed, or left as zombies */
#define COMMANDS   4096             /* different command lines of those who were there */
#define PER_PARENT 1000             /* of them, below one parent */
#define US(n)      ((n)*NS_PER_US)

#define SIGHUP  1
#define SIGCHLD 17

#define CLONE_VFORK_FLAGS 0x4100
#define SYSCALL_VFORK     58
#define DEATH_FLAGS       (REC_F_EXITING | REC_F_DEAD)

enum step { STEP_FORK, STEP_EXEC, STEP_EXIT, STEP_WAIT, STEP_ZOMBIE, STEP_REAP, STEP_FREE };

struct task {
	uint64_t start_ns;
	uint32_t tgid, parent; /* parent: place in 'tasks' */
	uint32_t exec_id, status;
	uint32_t source; /* which file it compiles */
	uint32_t cpu_us;
	uint32_t last_child; /* its pid */
	uint32_t next_free;
	uint8_t program, child; /* child: the next one of its program's */
	uint8_t cpu;
};

/* What will happen; the earliest is on top of a heap. */
struct moment {
	uint64_t ns;
	uint32_t task;
	uint32_t step;
};

struct machine {
	struct machine_options opt;
	uint64_t random;
	uint64_t now_ns, tick_ns, others_ns;
	uint64_t made;
	struct task *tasks;
	uint32_t task_cnt, free_tasks; /* free_tasks: a list through next_free; 0: none */
	struct moment *heap;
	uint32_t heap_cnt;
	uint64_t *pids; /* a bit each: in use */
	uint32_t last_pid, zombies;
	bool signalled; /* turns: others wait, others get signals */
};

/* ---- chance ---------------------------------------------------------------------------------- */

/* xorshift64*, as the workload generators have it */
static uint32_t chance(struct machine *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (uint32_t)((m->random * 2685821657736338717ULL) >> 32);
}

/* Around 'mean': between half of it and half as much again. */
static uint64_t about(struct machine *m, uint64_t mean)
{
	return mean / 2 + (uint64_t)(((__uint128_t)mean * chance(m)) >> 32);
}

/* How often one of those who only live does something, so that it is one record in a hundred. */
static uint64_t others_every(const struct machine *m)
{
	return (m->opt.mix == MIX_BUILD ? 60000 : 600) * NS_PER_US / m->opt.parents;
}

/* ---- what will happen ------------------------------------------------------------------------ */

/* Of the same moment the earlier-born comes first: the order never depends on the heap's shape. */
static bool is_earlier(const struct moment *a, const struct moment *b)
{
	if (a->ns != b->ns)
		return a->ns < b->ns;
	return a->task != b->task ? a->task < b->task : a->step < b->step;
}

static void plan(struct machine *m, uint32_t task, enum step step, uint64_t in_ns)
{
	struct moment now = {m->now_ns + in_ns, task, step};
	uint32_t i = m->heap_cnt++;

	for (; i && is_earlier(&now, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = now;
}

static struct moment take_next(struct machine *m)
{
	struct moment first = m->heap[0], last = m->heap[--m->heap_cnt];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < m->heap_cnt) {
		if (child + 1 < m->heap_cnt && is_earlier(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!is_earlier(&m->heap[child], &last))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = last;
	return first;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static uint32_t pid_take(struct machine *m)
{
	do {
		m->last_pid = m->last_pid + 1 < PID_MAX ? m->last_pid + 1 : 300;
	} while (m->pids[m->last_pid / 64] >> (m->last_pid % 64) & 1);
	m->pids[m->last_pid / 64] |= 1ULL << (m->last_pid % 64);
	return m->last_pid;
}

/* 0: too many are under way. */
static uint32_t task_new(struct machine *m, uint32_t parent, enum program program)
{
	uint32_t at = m->free_tasks;

	if (at)
		m->free_tasks = m->tasks[at].next_free;
	else if (m->task_cnt < m->opt.live + FLIGHT_MAX)
		at = m->task_cnt++;
	else
		return 0;
	m->tasks[at] = (struct task){
		.start_ns = m->now_ns - US(1) - chance(m) % 200,
		.tgid = pid_take(m),
		.parent = parent,
		.exec_id = m->tasks[parent].exec_id,
		.program = (uint8_t)program,
		.cpu = (uint8_t)(chance(m) % CPUS),
	};
	return at;
}

static void task_free(struct machine *m, uint32_t at)
{
	struct task *t = &m->tasks[at];

	m->pids[t->tgid / 64] &= ~(1ULL << (t->tgid % 64));
	t->next_free = m->free_tasks;
	m->free_tasks = at;
}

static struct rec_proc named(const struct task *t)
{
	return (struct rec_proc){.start_ns = t->start_ns, .tgid = t->tgid, .tid = t->tgid};
}

/* ---- records --------------------------------------------------------------------------------- */

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

static void put_fork(struct machine *m, const struct task *t, struct buf *out)
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

static void put_exec(struct machine *m, const struct task *t, struct buf *out)
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

static void put_exit(struct machine *m, const struct task *t, struct buf *out)
{
	struct rec_exit r = {.usage = usage_of(t, false)};

	fill(m, t, &r.h, REC_EXIT, DEATH_FLAGS);
	memcpy(r.comm, program_facts(t->program)->comm, sizeof(r.comm));
	put(out, &r.h, sizeof(r));
}

static void put_zombie(struct machine *m, const struct task *t, struct buf *out)
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

static void put_reap(struct machine *m, const struct task *t, unsigned type, struct buf *out)
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

static void put_wait(struct machine *m, const struct task *t, uint32_t pid, struct buf *out)
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

static void put_signal(struct machine *m, const struct task *t, struct buf *out)
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

static void put_tick(struct machine *m, struct buf *out)
{
	struct rec_tick r = {
		.h = {.boot_ns = m->tick_ns, .type = REC_TICK, .cpu = REC_CPU_USER},
		.real_ns = m->tick_ns + (REAL_NS - BOOT_NS),
		.attempted = m->made,
		.delivered = m->made,
	};

	put(out, &r.h, sizeof(r));
}

/* ---- the beginning --------------------------------------------------------------------------- */

static void put_host(struct machine *m, struct buf *out)
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

static void put_seed(struct machine *m, const struct task *t, struct buf *out)
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

static void put_facts(struct machine *m, const struct task *t, struct buf *out)
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

/* The first is init; then those that make children, and the rest below masters of their own. */
static void seed_tasks(struct machine *m)
{
	for (uint32_t i = 0; i < m->opt.live; i++) {
		struct task *t = &m->tasks[i];

		*t = (struct task){
			.start_ns = NS_PER_SEC + i * US(30),
			.tgid = i ? pid_take(m) : 1,
			.exec_id = 2,
			.source = i % COMMANDS,
			.cpu_us = chance(m) % 4000000,
			.program = PROGRAM_WORKER,
			.cpu = (uint8_t)(i % CPUS),
		};
		if (i && i <= m->opt.parents)
			t->program = m->opt.mix == MIX_BUILD ? PROGRAM_MAKE : PROGRAM_STORM;
		else if (i % PER_PARENT && i > PER_PARENT)
			t->parent = i - i % PER_PARENT;
	}
	m->task_cnt = m->opt.live;
	m->tasks[0].program = PROGRAM_INIT;
}

void machine_put_begin(struct machine *m, struct buf *out)
{
	struct rec_seed_end end = {
		.h = {.boot_ns = BOOT_NS, .type = REC_SEED_END, .cpu = 0},
		.began_ns = BOOT_NS,
		.pass = 1,
		.rows = m->opt.live,
		.tasks = m->opt.live,
	};
	struct rec_text cgroup = {
		.h = {.boot_ns = BOOT_NS, .type = REC_FACT_CGROUP, .cpu = REC_CPU_USER},
		.id = CGROUP,
	};
	struct span path = SPAN_LITERAL("/system.slice/worker.service");

	put_host(m, out);
	cgroup.text_len = (__u32)path.len;
	records_put(out, &cgroup.h, sizeof(cgroup), &path, 1);
	for (uint32_t i = 0; i < m->opt.live; i++)
		put_seed(m, &m->tasks[i], out);
	put(out, &end.h, sizeof(end));
	for (uint32_t i = 0; i < m->opt.live; i++)
		put_facts(m, &m->tasks[i], out);
	for (uint32_t i = 1; i <= m->opt.parents; i++)
		plan(m, i, STEP_FORK, about(m, US(100)));
}

/* ---- life ------------------------------------------------------------------------------------ */

/* A child of 'at': in a storm a leaf, in a build what the program has next to do. */
static void do_fork(struct machine *m, uint32_t at, struct buf *out)
{
	struct task *up = &m->tasks[at];
	const struct program_facts *f = program_facts(up->program);
	uint32_t born = task_new(m, at, f->children[up->child % f->child_cnt]);
	struct task *t = &m->tasks[born];

	if (!born) {
		plan(m, at, STEP_FORK, GRACE_NS);
		return;
	}
	t->source = up->program == PROGRAM_MAKE ? chance(m) % PROGRAM_SOURCES : up->source;
	t->cpu = up->cpu;
	up->child++;
	up->last_child = t->tgid;
	put_fork(m, t, out);
	if (program_facts(t->program)->file)
		plan(m, born, STEP_EXEC, about(m, US(400)));
	else
		plan(m, born, STEP_EXIT, about(m, US(5)));
}

static void do_exec(struct machine *m, uint32_t at, struct buf *out)
{
	struct task *t = &m->tasks[at];
	const struct program_facts *f = program_facts(t->program);

	t->exec_id++;
	put_exec(m, t, out);
	plan(m, t->parent, STEP_WAIT, about(m, US(300)));
	if (f->child_cnt)
		plan(m, at, STEP_FORK, about(m, US(700)));
	else
		plan(m, at, STEP_EXIT, about(m, US((uint64_t)f->cpu_us)));
}

static void do_exit(struct machine *m, uint32_t at, struct buf *out)
{
	struct task *t = &m->tasks[at];

	t->cpu_us = (uint32_t)about(m, program_facts(t->program)->cpu_us);
	if (!program_facts(t->program)->file)
		t->status = (t->tgid & 0xff) << 8;
	else
		t->status = chance(m) % 50 == 0 ? 1 << 8 : 0;
	put_exit(m, t, out);
	if (!program_facts(t->program)->file)
		plan(m, t->parent, STEP_WAIT, about(m, US(2)));
	plan(m, at, STEP_ZOMBIE, about(m, US(5)));
}

/* The parent of a leaf waits for it alone, as vfork() and waitpid() do; sh and make for anybody. */
static void do_wait(struct machine *m, uint32_t at, struct buf *out)
{
	const struct task *t = &m->tasks[at];

	put_wait(m, t, t->program == PROGRAM_STORM ? t->last_child : 0, out);
}

/* Those that stay are the first: they are as old as the trail. */
static void do_zombie(struct machine *m, uint32_t at, struct buf *out)
{
	struct task *t = &m->tasks[at];
	struct task *up = &m->tasks[t->parent];
	const struct program_facts *f = program_facts(up->program);
	bool stays = m->zombies < m->opt.zombies && t->parent <= m->opt.parents;

	put_zombie(m, t, out);
	m->zombies += stays;
	if (!stays)
		plan(m, at, m->opt.reaps ? STEP_REAP : STEP_FREE,
		     m->opt.reaps ? US(3) : GRACE_NS - m->now_ns % GRACE_NS + US(50));
	if (t->parent <= m->opt.parents || up->child < f->child_cnt)
		plan(m, t->parent, STEP_FORK, about(m, US(14)));
	else
		plan(m, t->parent, STEP_EXIT, about(m, US(900)));
}

static void do_reap(struct machine *m, uint32_t at, struct buf *out)
{
	put_reap(m, &m->tasks[at], REC_REAP, out);
	plan(m, at, STEP_FREE, GRACE_NS - m->now_ns % GRACE_NS + US(50));
}

/* All the others do something now and then: look for children, get a signal. */
static void do_others(struct machine *m, struct buf *out)
{
	const struct task *t = &m->tasks[chance(m) % m->opt.live];

	if (m->signalled)
		put_wait(m, t, 0, out);
	else
		put_signal(m, t, out);
	m->signalled = !m->signalled;
	m->others_ns = m->now_ns + about(m, others_every(m));
}

static void do_step(struct machine *m, const struct moment *now, struct buf *out)
{
	switch ((enum step)now->step) {
	case STEP_FORK: do_fork(m, now->task, out); break;
	case STEP_EXEC: do_exec(m, now->task, out); break;
	case STEP_EXIT: do_exit(m, now->task, out); break;
	case STEP_WAIT: do_wait(m, now->task, out); break;
	case STEP_ZOMBIE: do_zombie(m, now->task, out); break;
	case STEP_REAP: do_reap(m, now->task, out); break;
	case STEP_FREE:
		put_reap(m, &m->tasks[now->task], REC_FREE, out);
		task_free(m, now->task);
		break;
	}
}

void machine_put_next(struct machine *m, struct buf *out)
{
	struct moment now;

	m->made++;
	if (m->others_ns <= m->heap[0].ns) {
		m->now_ns = m->others_ns;
		do_others(m, out);
		return;
	}
	now = take_next(m);
	for (; m->tick_ns <= now.ns; m->tick_ns += TICK_NS)
		put_tick(m, out);
	m->now_ns = now.ns;
	do_step(m, &now, out);
}

/* ---- making it ------------------------------------------------------------------------------- */

struct machine *machine_new(const struct machine_options *opt)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->opt = *opt;
	m->random = opt->seed * 2 + 1;
	m->now_ns = BOOT_NS;
	m->tick_ns = BOOT_NS + TICK_NS;
	m->others_ns = BOOT_NS + others_every(m);
	m->last_pid = 1;
	m->tasks = calloc(opt->live + FLIGHT_MAX, sizeof(*m->tasks));
	m->heap = calloc(opt->parents + 2 * FLIGHT_MAX, sizeof(*m->heap));
	m->pids = calloc(PID_MAX / 64, sizeof(*m->pids));
	if (!m->tasks || !m->heap || !m->pids) {
		machine_free(m);
		return NULL;
	}
	m->pids[0] = 3; /* nobody has 0, and init has 1 */
	seed_tasks(m);
	return m;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	free(m->tasks);
	free(m->heap);
	free(m->pids);
	free(m);
}
