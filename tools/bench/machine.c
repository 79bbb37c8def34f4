// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "tools/bench/machine_int.h"

#define PID_MAX    4194304u
#define TICK_NS    (100 * NS_PER_MS)
#define GRACE_NS   (20 * NS_PER_MS) /* the ends of those reaped come in batches */
#define FLIGHT_MAX 262144           /* born and not yet freed, or left as zombies */
#define COMMANDS   4096             /* different command lines of those who were there */
#define PER_PARENT 1000             /* of them, below one parent */

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

/* ---- the beginning --------------------------------------------------------------------------- */

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
	put_host(m, out);
	put_cgroup(m, out);
	for (uint32_t i = 0; i < m->opt.live; i++)
		put_seed(m, &m->tasks[i], out);
	put_seed_end(m, out);
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
