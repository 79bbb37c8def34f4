/* SPDX-License-Identifier: GPL-2.0-only */
/* A process table that is told of one parent and its children, and what is judged of it. */
#ifndef PROCTRAIL_ZOMBIES_SCENE_H
#define PROCTRAIL_ZOMBIES_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/zombies.h"

#define PARENT   100u
#define CHILD    200u
#define YOUNGEST 2000u /* born after BEGIN_NS: pids tell when */
#define BEGIN_NS (1000 * NS_PER_SEC)
#define AGO_NS   (60 * NS_PER_SEC)

struct scene {
	struct proc_table *t;
	uint64_t now_ns;
	struct zombies z;
};

static inline void apply(struct scene *s, struct event *ev, unsigned type, size_t size)
{
	ev->h.type = (uint16_t)type;
	ev->h.size = (uint32_t)size;
	ev->h.boot_ns = s->now_ns++;
	assert_int_equal(proc_table_apply(s->t, ev), 0);
}

static inline void host_since(struct scene *s, uint64_t begin_ns)
{
	struct event ev = {.host = {.real_ns = BEGIN_NS}};

	memset(s, 0, sizeof(*s));
	s->t = proc_table_new(&(struct proc_table_options){0});
	s->now_ns = begin_ns;
	apply(s, &ev, REC_HOST, sizeof(ev.host));
	s->now_ns = BEGIN_NS;
}

static inline void host(struct scene *s)
{
	host_since(s, BEGIN_NS);
}

/* A row of the first pass; a zombie has been dead for AGO_NS. */
static inline void seed(struct scene *s, uint32_t pid, uint32_t ppid, bool zombie,
			struct rec_seed more)
{
	struct event ev = {.seed = more};

	ev.h.tgid = ev.h.tid = pid;
	ev.h.start_ns = pid * NS_PER_SEC;
	ev.h.ppid = ev.h.parent_tid = ppid;
	ev.h.parent_start_ns = ppid * NS_PER_SEC;
	ev.seed.pass = 1;
	ev.seed.threads = 1;
	if (!ev.seed.exit_signal)
		ev.seed.exit_signal = 17;
	ev.seed.still_exec_ns = ev.seed.still_arrival_ns = zombie ? AGO_NS : 0;
	snprintf(ev.seed.comm, sizeof(ev.seed.comm), "%s", zombie ? "dead" : "parent");
	ev.h.flags |= zombie ? REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE : 0;
	ev.seed.exit_state = zombie ? 32 : 0;
	apply(s, &ev, REC_SEED, sizeof(ev.seed));
}

static inline void tick(struct scene *s, uint64_t ms)
{
	struct event ev = {.tick = {.real_ns = BEGIN_NS}};

	s->now_ns += ms * NS_PER_MS;
	apply(s, &ev, REC_TICK, sizeof(ev.tick));
}

static inline void fact(struct scene *s, const char *text)
{
	char name[64];
	struct event ev = {0};

	snprintf(name, sizeof(name), "waits:%u:%llu", PARENT,
		 (unsigned long long)PARENT * NS_PER_SEC);
	ev.name = span_of(name);
	ev.text = span_of(text);
	apply(s, &ev, REC_FACT_TEXT, sizeof(ev.fact));
}

static inline void wait_call(struct scene *s, unsigned kind, uint32_t pid)
{
	struct event ev = {.wait = {.kind = (uint8_t)kind, .pid = pid, .known = 1}};

	ev.h.tgid = ev.h.tid = PARENT;
	ev.h.start_ns = PARENT * NS_PER_SEC;
	apply(s, &ev, REC_WAIT, sizeof(ev.wait));
}

static inline const struct zombie_parent *judged(struct scene *s)
{
	zombies_release(&s->z);
	assert_int_equal(zombies_examine(s->t, &(struct zombies_options){.all = true}, &s->z), 0);
	for (size_t i = 0; i < s->z.parent_cnt; i++)
		if (s->z.parents[i].proc->key.tgid == PARENT)
			return &s->z.parents[i];
	fail_msg("the parent is not told");
	return NULL;
}

static inline void expect(struct scene *s, enum verdict want)
{
	const struct zombie_parent *f = judged(s);

	if (f->verdict != want)
		fail_msg("%s instead of %s%s%s", verdict_name(f->verdict), verdict_name(want),
			 f->decides ? ": " : "", f->decides ? f->decides : "");
	assert_int_equal(!!f->decides, want == VERDICT_UNKNOWN);
}

static inline void close_scene(struct scene *s)
{
	zombies_release(&s->z);
	proc_table_free(s->t);
}

/* A parent that was there before us, with two zombies. */
static inline void open_scene(struct scene *s, struct rec_seed parent, struct rec_seed child)
{
	host(s);
	seed(s, 1, 0, false, (struct rec_seed){.child_minflt = 5});
	seed(s, PARENT, 1, false, parent);
	seed(s, CHILD, PARENT, true, child);
	seed(s, CHILD + 1, PARENT, true, child);
}

/* A child born while we watch, from its parent's birth on. */
static inline void born(struct scene *s, uint32_t pid, uint32_t ppid)
{
	struct event ev = {0};

	ev.h.tgid = ev.h.tid = pid;
	ev.h.start_ns = pid * NS_PER_SEC;
	ev.h.ppid = ev.h.parent_tid = ppid;
	ev.h.parent_start_ns = ppid * NS_PER_SEC;
	ev.fork.exit_signal = 17;
	apply(s, &ev, REC_FORK, sizeof(ev.fork));
}

static inline void dead(struct scene *s, uint32_t pid, struct rec_zombie more)
{
	struct event ev = {.zombie = more};

	ev.h.tgid = ev.h.tid = pid;
	ev.h.start_ns = pid * NS_PER_SEC;
	ev.h.ppid = ev.h.parent_tid = PARENT;
	ev.h.parent_start_ns = PARENT * NS_PER_SEC;
	ev.zombie.exit_signal = 17;
	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	apply(s, &ev, REC_ZOMBIE, sizeof(ev.zombie));
}

static inline void freed(struct scene *s, uint32_t pid)
{
	struct event ev = {0};

	ev.h.tgid = ev.h.tid = pid;
	ev.h.start_ns = pid * NS_PER_SEC;
	ev.h.flags = REC_F_EXITING | REC_F_DEAD;
	apply(s, &ev, REC_FREE, sizeof(ev.reap));
}

/* A parent whose whole life is seen, with children CHILD, CHILD + 1, ... */
static inline void open_life(struct scene *s, uint32_t children)
{
	host_since(s, NS_PER_SEC); /* before anybody's birth */
	seed(s, 1, 0, false, (struct rec_seed){.child_minflt = 5});
	born(s, PARENT, 1);
	for (uint32_t i = 0; i < children; i++)
		born(s, CHILD + i, PARENT);
}

#define HANDLED                                \
	{                                      \
		.disposition = REC_SIG_HANDLER \
	}

static inline void execs(struct scene *s, uint32_t exec_id)
{
	struct event ev = {0};

	ev.h.tgid = ev.h.tid = PARENT;
	ev.h.start_ns = PARENT * NS_PER_SEC;
	ev.h.exec_id = exec_id;
	apply(s, &ev, REC_EXEC, sizeof(ev.exec));
}

#endif
