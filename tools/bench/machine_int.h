/* SPDX-License-Identifier: GPL-2.0-only */
/* What the machine consists of: shared by what happens (machine.c) and what is told of it. */
#ifndef PROCTRAIL_BENCH_MACHINE_INT_H
#define PROCTRAIL_BENCH_MACHINE_INT_H

#include "base/clock.h"
#include "tools/bench/machine.h"
#include "tools/bench/programs.h"

#define BOOT_NS (36931 * NS_PER_SEC)
#define REAL_NS (1795486267ULL * NS_PER_SEC)
#define CGROUP  11816u
#define CPUS    2
#define US(n)   ((n)*NS_PER_US)

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

/* xorshift64*, as the workload generators have it */
static inline uint32_t chance(struct machine *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (uint32_t)((m->random * 2685821657736338717ULL) >> 32);
}

/* Around 'mean': between half of it and half as much again. */
static inline uint64_t about(struct machine *m, uint64_t mean)
{
	return mean / 2 + (uint64_t)(((__uint128_t)mean * chance(m)) >> 32);
}

/* ---- machine_records.c ----------------------------------------------------------------------- */

void put_fork(struct machine *m, const struct task *t, struct buf *out);
void put_exec(struct machine *m, const struct task *t, struct buf *out);
void put_exit(struct machine *m, const struct task *t, struct buf *out);
void put_zombie(struct machine *m, const struct task *t, struct buf *out);
void put_reap(struct machine *m, const struct task *t, unsigned type, struct buf *out);
void put_wait(struct machine *m, const struct task *t, uint32_t pid, struct buf *out); /* 0: any */
void put_signal(struct machine *m, const struct task *t, struct buf *out);
void put_tick(struct machine *m, struct buf *out);
void put_host(struct machine *m, struct buf *out);
void put_cgroup(struct machine *m, struct buf *out);
void put_seed(struct machine *m, const struct task *t, struct buf *out);
void put_seed_end(struct machine *m, struct buf *out);
void put_facts(struct machine *m, const struct task *t, struct buf *out);

#endif
