/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine on which things are spawned, record by record. */
#ifndef PROCTRAIL_TEST_SPAWNS_SCENE_H
#define PROCTRAIL_TEST_SPAWNS_SCENE_H

#include "analysis/spawns_findings.h"
#include "test_tree_feed.h"

#define MS(n) ((n)*NS_PER_MS)
#define T0    FEED_NOW

#define FEED_START_100 "900000100000000" /* FEED_START(100) */

struct scene {
	struct proc_table *table;
	struct spawns spawns;
};

static inline void on_change(void *ctx, const struct change *c)
{
	struct scene *s = ctx;

	if (c->proc || c->kind == CHANGE_FACT)
		spawns_note(&s->spawns, c);
}

static inline void open_scene(struct scene *s, enum spawns_by by, size_t slow)
{
	s->table = feed_table();
	spawns_init(&s->spawns, s->table, by, slow);
	assert_int_equal(proc_table_listen(s->table, on_change, s), 0);
}

static inline void close_scene(struct scene *s)
{
	spawns_release(&s->spawns);
	proc_table_free(s->table);
}

static inline void about(struct event *ev, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			 uint64_t at_ns)
{
	ev->h.tgid = ev->h.tid = pid;
	ev->h.start_ns = start_ns;
	ev->h.ppid = ev->h.parent_tid = ppid;
	ev->h.parent_start_ns = FEED_START(ppid);
	ev->h.boot_ns = at_ns;
}

/*
 * Born of 'ppid' at start_ns; CLONE_VM|CLONE_VFORK on one stack is vfork. The record is made after_ns
 * later, and its call had taken fork_ns by then.
 */
static inline void born_by_call(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
				bool vforked, uint64_t pgtables, uint64_t fork_ns,
				uint64_t after_ns)
{
	struct event ev = {0};

	about(&ev, pid, ppid, start_ns, start_ns + after_ns);
	ev.fork.fork_ns = fork_ns;
	ev.fork.creator =
		(struct rec_proc){.tgid = ppid, .tid = ppid, .start_ns = FEED_START(ppid)};
	ev.fork.clone_flags = vforked ? 0x4100 : 0;
	ev.fork.sp = REC_SP_SAME;
	ev.fork.creator_pgtables_bytes = pgtables;
	ev.fork.exit_signal = 17;
	feed_apply(s->table, &ev, REC_FORK);
}

static inline void born(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			bool vforked, uint64_t pgtables)
{
	born_by_call(s, pid, ppid, start_ns, vforked, pgtables, 0, 0);
}

/* args: NUL-ended, one of them */
static inline void execs_with(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			      uint64_t at_ns, const char *file, const char *args)
{
	struct event ev = {0};

	about(&ev, pid, ppid, start_ns, at_ns);
	ev.h.exec_id = 1;
	ev.file = span_of(file);
	ev.exec.file_len = (uint32_t)strlen(file);
	ev.args = (struct span){args, strlen(args) + 1};
	ev.exec.args_len = ev.exec.args_kept = (uint32_t)ev.args.len;
	memcpy(ev.exec.comm, "program", 8);
	feed_apply(s->table, &ev, REC_EXEC);
}

static inline void execs(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			 uint64_t at_ns, const char *file, struct rec_exec x)
{
	struct event ev = {.exec = x};

	about(&ev, pid, ppid, start_ns, at_ns);
	ev.h.exec_id = 1;
	ev.file = span_of(file);
	ev.exec.file_len = (uint32_t)strlen(file);
	memcpy(ev.exec.comm, "program", 8);
	feed_apply(s->table, &ev, REC_EXEC);
}

static inline void dies(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			uint64_t at_ns, uint32_t status, uint64_t cpu_ns)
{
	static const unsigned types[] = {REC_EXIT, REC_ZOMBIE, REC_REAP, REC_FREE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct event ev = {0};

		about(&ev, pid, ppid, start_ns, at_ns + i);
		ev.h.flags = REC_F_EXITING | REC_F_DEAD;
		ev.h.status = status;
		if (types[i] == REC_EXIT) {
			ev.exit.usage.cpu_ns = cpu_ns;
		} else if (types[i] == REC_ZOMBIE) {
			ev.zombie.usage.cpu_ns = cpu_ns;
			ev.zombie.notified =
				(struct rec_proc){.tgid = ppid, .start_ns = FEED_START(ppid)};
			ev.zombie.source = REC_ZOMBIE_SIGCHLD;
		} else {
			ev.reap.usage.cpu_ns = cpu_ns;
			ev.reap.reaper = ev.zombie.notified;
		}
		feed_apply(s->table, &ev, types[i]);
	}
}

static inline void parent(struct scene *s, uint32_t pid, const char *comm)
{
	feed_seed_below(s->table, &(struct feed_proc){.pid = pid, .ppid = 1, .comm = comm}, 0);
}

static inline void one(struct scene *s, uint32_t pid, uint32_t ppid, const char *file,
		       uint64_t took_ns)
{
	uint64_t start_ns = T0 + MS(pid);

	born(s, pid, ppid, start_ns, false, 0);
	execs(s, pid, ppid, start_ns, start_ns + took_ns, file, (struct rec_exec){0});
	dies(s, pid, ppid, start_ns, start_ns + took_ns + MS(5), 0, MS(3));
}

#endif
