// SPDX-License-Identifier: GPL-2.0-only
/* Spawns: the split of one, groups of many, what their figures show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/spawns_findings.h"
#include "test_tree_feed.h"

#define MS(n) ((n)*NS_PER_MS)
#define T0    FEED_NOW

#define FEED_START_100 "900000100000000" /* FEED_START(100) */

struct scene {
	struct proc_table *table;
	struct spawns spawns;
};

static void on_change(void *ctx, const struct change *c)
{
	struct scene *s = ctx;

	if (c->proc || c->kind == CHANGE_FACT)
		spawns_note(&s->spawns, c);
}

static void open_scene(struct scene *s, enum spawns_by by, size_t slow)
{
	s->table = feed_table();
	spawns_init(&s->spawns, s->table, by, slow);
	assert_int_equal(proc_table_listen(s->table, on_change, s), 0);
}

static void close_scene(struct scene *s)
{
	spawns_release(&s->spawns);
	proc_table_free(s->table);
}

static void about(struct event *ev, uint32_t pid, uint32_t ppid, uint64_t start_ns, uint64_t at_ns)
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
static void born_by_call(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			 bool vforked, uint64_t pgtables, uint64_t fork_ns, uint64_t after_ns)
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

static void born(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns, bool vforked,
		 uint64_t pgtables)
{
	born_by_call(s, pid, ppid, start_ns, vforked, pgtables, 0, 0);
}

static void execs(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns, uint64_t at_ns,
		  const char *file, struct rec_exec x)
{
	struct event ev = {.exec = x};

	about(&ev, pid, ppid, start_ns, at_ns);
	ev.h.exec_id = 1;
	ev.file = span_of(file);
	ev.exec.file_len = (uint32_t)strlen(file);
	memcpy(ev.exec.comm, "program", 8);
	feed_apply(s->table, &ev, REC_EXEC);
}

static void dies(struct scene *s, uint32_t pid, uint32_t ppid, uint64_t start_ns, uint64_t at_ns,
		 uint32_t status, uint64_t cpu_ns)
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

static void parent(struct scene *s, uint32_t pid, const char *comm)
{
	feed_seed_below(s->table, &(struct feed_proc){.pid = pid, .ppid = 1, .comm = comm}, 0);
}

static void one(struct scene *s, uint32_t pid, uint32_t ppid, const char *file, uint64_t took_ns)
{
	uint64_t start_ns = T0 + MS(pid);

	born(s, pid, ppid, start_ns, false, 0);
	execs(s, pid, ppid, start_ns, start_ns + took_ns, file, (struct rec_exec){0});
	dies(s, pid, ppid, start_ns, start_ns + took_ns + MS(5), 0, MS(3));
}

/* ---- the split --------------------------------------------------------------------------------- */

static struct spawn_split seen;
static bool seen_any;

static void see(void *ctx, const struct change *c)
{
	(void)ctx;
	if (c->kind == CHANGE_EXEC)
		seen_any = spawn_split_of(c, &seen);
}

static void split_of(struct rec_exec x)
{
	struct scene s;

	seen_any = false;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	assert_int_equal(proc_table_listen(s.table, see, NULL), 0);
	parent(&s, 100, "boss");
	born(&s, 200, 100, T0, false, 0);
	execs(&s, 200, 100, T0, T0 + MS(30), "/bin/x", x);
	close_scene(&s);
	assert_true(seen_any);
	assert_int_equal(seen.total, MS(30));
	assert_int_equal(seen.queued + seen.blocked + seen.running, seen.total);
}

static void parts_are_the_whole_always(void **state)
{
	(void)state;
	split_of((struct rec_exec){.run_delay_ns = MS(4)});
	assert_int_equal(seen.queued, MS(4));
	assert_int_equal(seen.blocked, 0); /* it never gave its CPU away */
	assert_int_equal(seen.err, 0);
	split_of((struct rec_exec){.run_delay_ns = MS(4), .nvcsw = 2, .cpu_ns = MS(6)});
	assert_int_equal(seen.running, MS(6));
	assert_int_equal(seen.blocked, MS(20));
	assert_int_equal(seen.err, MS(10)); /* a tick at most */
	split_of((struct rec_exec){.run_delay_ns = MS(24), .nvcsw = 2, .cpu_ns = MS(4)});
	assert_int_equal(seen.blocked, MS(2));
	assert_int_equal(seen.err, MS(2));
	/* figures that cannot be are cut to what can */
	split_of((struct rec_exec){.run_delay_ns = MS(900), .nvcsw = 1, .cpu_ns = MS(900)});
	assert_int_equal(seen.queued, MS(30));
}

static void another_threads_figures_are_not_told(void **state)
{
	(void)state;
	split_of((struct rec_exec){.flags = REC_EXEC_FROM_THREAD});
	assert_false(seen.known);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static void groups_are_by_parent_how_and_program(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 2);
	parent(&s, 100, "boss");
	one(&s, 1001, 100, "/usr/bin/gs", MS(7));
	one(&s, 1002, 100, "/opt/gs", MS(9));
	one(&s, 1003, 100, "/bin/sh", MS(1));
	born(&s, 1004, 100, T0 + MS(2000), true, 0);
	execs(&s, 1004, 100, T0 + MS(2000), T0 + MS(2003), "/bin/gs", (struct rec_exec){0});
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.cnt, 3);
	assert_int_equal(s.spawns.spawns, 4);
	assert_string_equal(s.spawns.v[0].program, "gs"); /* most time comes first */
	assert_string_equal(s.spawns.v[0].who, "boss");
	assert_int_equal(s.spawns.v[0].parent.tgid, 100);
	assert_int_equal(s.spawns.v[0].cnt, 2);
	assert_int_equal(s.spawns.v[0].total_ns.sum, MS(16));
	assert_int_equal(s.spawns.v[0].cpu_ns, MS(6));
	assert_int_equal(s.spawns.v[0].suspended_ns, 0);
	assert_int_equal(s.spawns.v[1].how, HOW_VFORK);
	assert_int_equal(s.spawns.v[1].suspended_ns, MS(3));
	assert_int_equal(s.spawns.v[1].died, 0);
	assert_int_equal(s.spawns.slow_cnt, 2);
	assert_int_equal(s.spawns.slow[0].key.tgid, 1002);
	assert_int_equal(s.spawns.slow[1].key.tgid, 1001);
	close_scene(&s);
}

static void many_parents_of_one_name_are_one_row(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	for (uint32_t i = 0; i < 5; i++) {
		parent(&s, 100 + i, "make");
		one(&s, 1001 + i, 100 + i, "/bin/cc", MS(2 + i));
	}
	parent(&s, 110, "ninja");
	parent(&s, 111, "ninja");
	one(&s, 1010, 110, "/bin/cc", MS(1));
	one(&s, 1011, 111, "/bin/cc", MS(1));
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.cnt, 3);
	assert_int_equal(s.spawns.v[0].parent.tgid, 0);
	assert_int_equal(s.spawns.v[0].parents, 5);
	assert_int_equal(s.spawns.v[0].cnt, 5);
	assert_int_equal(s.spawns.v[0].total_ns.sum, MS(2 + 3 + 4 + 5 + 6));
	assert_int_equal(hist_percentile(&s.spawns.v[0].total_ns, 0), MS(2));
	assert_int_equal(s.spawns.v[1].cnt, 1);
	close_scene(&s);
}

static void what_is_execed_later_is_the_same_spawn(void **state)
{
	struct scene s;
	struct event ev = {0};

	(void)state;
	open_scene(&s, SPAWNS_BY_PROGRAM, 0);
	parent(&s, 100, "boss");
	born(&s, 200, 100, T0, false, 0);
	execs(&s, 200, 100, T0, T0 + MS(1), "/bin/sh", (struct rec_exec){0});
	about(&ev, 200, 100, T0, T0 + MS(2));
	ev.h.exec_id = 2;
	ev.file = span_of("/bin/convert");
	ev.exec.file_len = 12;
	feed_apply(s.table, &ev, REC_EXEC);
	dies(&s, 200, 100, T0, T0 + MS(40), 0, MS(30));
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.cnt, 1);
	assert_string_equal(s.spawns.v[0].program, "sh");
	assert_int_equal(s.spawns.v[0].cpu_ns, MS(30));
	close_scene(&s);
}

static void lives_of_a_second_are_seen_by_others_too(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PROGRAM, 0);
	parent(&s, 100, "boss");
	born(&s, 200, 100, T0, false, 0);
	execs(&s, 200, 100, T0, T0 + MS(1), "/bin/x", (struct rec_exec){0});
	dies(&s, 200, 100, T0, T0 + MS(1000), 0, MS(900));
	born(&s, 201, 100, T0, false, 0);
	execs(&s, 201, 100, T0, T0 + MS(1), "/bin/x", (struct rec_exec){0});
	dies(&s, 201, 100, T0, T0 + MS(999), 0, MS(70));
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.v[0].died, 2);
	assert_int_equal(s.spawns.v[0].short_cnt, 1);
	assert_int_equal(s.spawns.cpu_ns, MS(70));
	close_scene(&s);
}

static void who_was_there_before_was_not_spawned(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	execs(&s, 100, 1, FEED_START(100), T0 + MS(1), "/bin/x", (struct rec_exec){0});
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.spawns, 0);
	assert_int_equal(s.spawns.cnt, 0);
	close_scene(&s);
}

/* Pid 1 of a namespace, which is the class; what it starts is as ever. */
static void starts_of_containers_are_a_class(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PROGRAM, 4);
	parent(&s, 100, "runc");
	for (uint32_t i = 0; i < 2; i++) {
		struct event ev = {0};

		about(&ev, 200 + i, 100, T0 + i, T0 + i);
		ev.fork.place = (struct rec_place){.pidns = 7, .ns_tgid = 1 + i, .ns_level = 1};
		ev.h.flags = i ? 0 : REC_F_NSINIT;
		ev.fork.exit_signal = 17;
		feed_apply(s.table, &ev, REC_FORK);
		execs(&s, 200 + i, 100, T0 + i, T0 + i + MS(40 - i), "/bin/app",
		      (struct rec_exec){0});
	}
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.cnt, 2);
	assert_true(s.spawns.v[0].container);
	assert_int_equal(s.spawns.v[0].total_ns.sum, MS(40));
	assert_false(s.spawns.v[1].container);
	assert_true(s.spawns.slow[0].container);
	assert_false(s.spawns.slow[1].container);
	close_scene(&s);
}

/* ---- workers and findings ---------------------------------------------------------------------- */

static const struct spawn_group *found(struct scene *s, enum spawn_finding_kind kind,
				       uint64_t span_ns)
{
	struct spawn_finding f[SPAWN_FINDINGS_MAX];
	size_t cnt = spawns_find(&s->spawns, span_ns, f);

	for (size_t i = 0; i < cnt; i++)
		if (f[i].kind == kind)
			return f[i].group;
	return NULL;
}

static void children_without_a_program(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	for (uint32_t i = 0; i < 4; i++) {
		born(&s, 200 + i, 100, T0 + i, false, 0);
		/* 127, 126, killed by 127 & 0x7f = nothing of the kind, 1 */
		dies(&s, 200 + i, 100, T0 + i, T0 + MS(9),
		     (uint32_t[]){127 << 8, 126 << 8, 9, 1 << 8}[i], MS(1));
	}
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.workers, 4);
	assert_int_equal(s.spawns.failed, 2);
	assert_true(s.spawns.v[0].worker);
	assert_int_equal(s.spawns.v[0].total_ns.cnt, 0);
	assert_ptr_equal(found(&s, FINDING_EXEC_FAILED, MS(100)), &s.spawns.v[0]);
	close_scene(&s);
}

static void forks_of_a_large_heap(void **state)
{
	struct scene s;

	(void)state;
	for (int large = 0; large < 2; large++) {
		open_scene(&s, SPAWNS_BY_PARENT, 0);
		parent(&s, 100, "boss");
		born(&s, 200, 100, T0, false, large ? 8 << 20 : 200 << 10);
		execs(&s, 200, 100, T0, T0 + MS(7), "/bin/x", (struct rec_exec){0});
		assert_int_equal(spawns_finish(&s.spawns), 0);
		assert_int_equal(!!found(&s, FINDING_LARGE_HEAP, MS(100)), large);
		close_scene(&s);
	}
	/* vfork copies nothing */
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	born(&s, 200, 100, T0, true, 8 << 20);
	execs(&s, 200, 100, T0, T0 + MS(7), "/bin/x", (struct rec_exec){0});
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_null(found(&s, FINDING_LARGE_HEAP, MS(100)));
	close_scene(&s);
}

/* The call ends a little after the birth: what both have in common is counted once. */
static void fork_calls_stand_beside_the_total(void **state)
{
	const struct spawn_group *programs = NULL, *workers = NULL;
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 4);
	parent(&s, 100, "boss");
	born_by_call(&s, 200, 100, T0, false, 8 << 20, MS(6), MS(1));
	execs(&s, 200, 100, T0, T0 + MS(7), "/bin/x", (struct rec_exec){0});
	born_by_call(&s, 201, 100, T0, false, 8 << 20, MS(8), MS(1));
	execs(&s, 201, 100, T0, T0 + MS(9), "/bin/x", (struct rec_exec){0});
	born_by_call(&s, 202, 100, T0, false, 8 << 20, MS(5), MS(1));
	dies(&s, 202, 100, T0, T0 + MS(9), 0, 0);
	born(&s, 203, 100, T0, false, 8 << 20); /* whose call was not timed */
	execs(&s, 203, 100, T0, T0 + MS(8), "/bin/y", (struct rec_exec){0});
	assert_int_equal(spawns_finish(&s.spawns), 0);
	for (size_t i = 0; i < s.spawns.cnt; i++) {
		const struct spawn_group *g = &s.spawns.v[i];

		if (g->worker)
			workers = g;
		else if (!strcmp(g->program, "x"))
			programs = g;
		else
			assert_int_equal(spawn_group_whole_ns(g), 0);
	}
	assert_non_null(programs);
	assert_int_equal(programs->fork_ns.cnt, 2);
	assert_int_equal(programs->fork_ns.sum, MS(14));
	assert_int_equal(programs->total_ns.sum, MS(16));
	assert_int_equal(spawn_group_whole_ns(programs), MS(14)); /* 6 + 7 - 1, 8 + 9 - 1 */
	assert_non_null(workers);
	assert_int_equal(workers->fork_ns.sum, MS(5));
	assert_int_equal(s.spawns.slow[0].fork_ns, MS(8));
	assert_int_equal(s.spawns.slow[1].fork_ns, 0);
	close_scene(&s);
}

static void refused_calls_are_counted_by_limit(void **state)
{
	struct event ev = {0};
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	about(&ev, 100, 1, FEED_START(100), T0);
	ev.fork_failed.limit = REC_LIMIT_NPROC;
	ev.fork_failed.repeat = 9;
	feed_apply(s.table, &ev, REC_FORK_FAILED);
	ev.fork_failed.limit = 200; /* of a later version */
	ev.fork_failed.repeat = 0;
	feed_apply(s.table, &ev, REC_FORK_FAILED);
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.forks_failed, 11);
	assert_int_equal(s.spawns.forks_limited[REC_LIMIT_NPROC], 10);
	assert_int_equal(s.spawns.forks_limited[REC_LIMIT_UNKNOWN], 1);
	assert_int_equal(s.spawns.cnt, 0);
	close_scene(&s);
}

static void who_waits_for_a_cpu(void **state)
{
	struct scene s;

	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		open_scene(&s, SPAWNS_BY_PARENT, 0);
		parent(&s, 100, "boss");
		for (uint32_t i = 0; i < 20; i++) {
			born(&s, 200 + i, 100, T0 + i, false, 0);
			execs(&s, 200 + i, 100, T0 + i, T0 + i + MS(20), "/bin/x",
			      (struct rec_exec){.run_delay_ns = busy ? MS(15) : MS(1)});
		}
		assert_int_equal(spawns_finish(&s.spawns), 0);
		assert_int_equal(!!found(&s, FINDING_QUEUE, MS(100)), busy);
		/* none has ended, for two seconds */
		assert_null(found(&s, FINDING_PILE_UP, MS(1000)));
		assert_non_null(found(&s, FINDING_PILE_UP, MS(2000)));
		close_scene(&s);
	}
}

/* Twenty of them, queueing, born in the cgroup of their parent */
static void queue_up(struct scene *s)
{
	parent(s, 100, "boss");
	for (uint32_t i = 0; i < 20; i++) {
		born(s, 200 + i, 100, T0 + i, false, 0);
		execs(s, 200 + i, 100, T0 + i, T0 + i + MS(20), "/bin/x",
		      (struct rec_exec){.run_delay_ns = MS(15)});
	}
	assert_int_equal(spawns_finish(&s->spawns), 0);
}

/* Where the cpu controller has a hierarchy of its own */
static void be_v1(struct scene *s)
{
	struct event ev = {.host.cpus = 8, .host.cgroup_kind = REC_CGROUP_V1_MEMORY};

	feed_apply(s->table, &ev, REC_HOST);
}

static void tell_stat(struct scene *s, const char *path, unsigned periods, unsigned throttled)
{
	char name[64], text[128];

	snprintf(name, sizeof(name), "cgroup:%s/cpu.stat", path);
	snprintf(text, sizeof(text),
		 "usage_usec 900\nnr_periods %u\nnr_throttled %u\nthrottled_usec %u\n", periods,
		 throttled, throttled * 70);
	feed_text(s->table, name, text);
}

static struct spawn_finding why_queued(struct scene *s)
{
	struct spawn_finding f[SPAWN_FINDINGS_MAX];
	size_t cnt = spawns_find(&s->spawns, MS(100), f);

	for (size_t i = 0; i < cnt; i++) {
		if (f[i].kind == FINDING_QUEUE)
			return f[i];
	}
	fail_msg("not found");
	return (struct spawn_finding){0};
}

/* What was throttled before we watched explains nothing; above a cgroup that may run, another may not. */
static void throttled_is_not_busy(void **state)
{
	static const struct {
		unsigned first, last; /* throttled periods of /a, of 100 and 200 */
		enum spawn_queue_cause cause;
	} cases[] = {{90, 150, QUEUE_THROTTLED}, {90, 95, QUEUE_BUSY}, {0, 10, QUEUE_THROTTLED}};
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spawn_finding f;

		open_scene(&s, SPAWNS_BY_PARENT, 0);
		be_v1(&s);
		feed_text(s.table, "cgroup:/a/cpu.max", "20000 100000");
		tell_stat(&s, "/a", 100, cases[i].first);
		tell_stat(&s, "/a/b", 100, 0);
		tell_stat(&s, "/other", 100, 0);
		feed_text(s.table, "cpu:100:" FEED_START_100, "/a/b");
		tell_stat(&s, "/a", 200, cases[i].last);
		tell_stat(&s, "/a/b", 200, 0);
		tell_stat(&s, "/other", 200, 100);
		queue_up(&s);
		f = why_queued(&s);
		assert_int_equal(f.cause, cases[i].cause);
		if (f.throttle) {
			assert_string_equal(f.throttle->path, "/a");
			assert_int_equal(f.throttle->quota_us, 20000);
			assert_int_equal(f.throttle->period_us, 100000);
			assert_int_equal(f.counts.periods, 100);
			assert_int_equal(f.counts.throttled, cases[i].last - cases[i].first);
			assert_int_equal(f.counts.throttled_ns, f.counts.throttled * 70000ULL);
		}
		close_scene(&s);
	}
}

/* Nobody said where they live: neither is claimed. */
static void unknown_quotas_are_not_told_as_none(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	tell_stat(&s, "/a", 100, 0);
	tell_stat(&s, "/a", 200, 100);
	queue_up(&s);
	assert_int_equal(why_queued(&s).cause, QUEUE_UNKNOWN);
	close_scene(&s);
}

/* Who runs under ever new names must not cost ever more memory, and is counted all the same. */
static void ever_new_names_are_one_group_in_the_end(void **state)
{
	const uint32_t cnt = 9000;
	uint64_t sum = 0;
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PROGRAM, 0);
	parent(&s, 100, "boss");
	for (uint32_t i = 0; i < cnt; i++) {
		char file[32];

		snprintf(file, sizeof(file), "/bin/x%u", i);
		one(&s, 1000 + i, 100, file, MS(1));
	}
	one(&s, 1000 + cnt, 100, "/bin/x0", MS(1)); /* known from before */
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_in_range(s.spawns.cnt, 1000, 8200);
	for (size_t i = 0; i < s.spawns.cnt; i++)
		sum += s.spawns.v[i].cnt;
	assert_int_equal(sum, cnt + 1);
	assert_string_equal(s.spawns.v[0].program, "(others)");
	assert_int_equal(s.spawns.v[0].cnt, cnt + 1 - (s.spawns.cnt - 1) - 1);
	assert_int_equal(s.spawns.unnamed, s.spawns.v[0].cnt);
	close_scene(&s);
}

static void names_of_groups_are_parsed(void **state)
{
	enum spawns_by by;

	(void)state;
	for (enum spawns_by i = 0; i < SPAWNS_BY_CNT; i++) {
		assert_int_equal(spawns_by_parse(spawns_by_name(i), &by), 0);
		assert_int_equal(by, i);
	}
	assert_int_not_equal(spawns_by_parse("colour", &by), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_the_whole_always),
		cmocka_unit_test(another_threads_figures_are_not_told),
		cmocka_unit_test(groups_are_by_parent_how_and_program),
		cmocka_unit_test(many_parents_of_one_name_are_one_row),
		cmocka_unit_test(what_is_execed_later_is_the_same_spawn),
		cmocka_unit_test(lives_of_a_second_are_seen_by_others_too),
		cmocka_unit_test(who_was_there_before_was_not_spawned),
		cmocka_unit_test(starts_of_containers_are_a_class),
		cmocka_unit_test(children_without_a_program),
		cmocka_unit_test(forks_of_a_large_heap),
		cmocka_unit_test(fork_calls_stand_beside_the_total),
		cmocka_unit_test(refused_calls_are_counted_by_limit),
		cmocka_unit_test(who_waits_for_a_cpu),
		cmocka_unit_test(throttled_is_not_busy),
		cmocka_unit_test(unknown_quotas_are_not_told_as_none),
		cmocka_unit_test(ever_new_names_are_one_group_in_the_end),
		cmocka_unit_test(names_of_groups_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
