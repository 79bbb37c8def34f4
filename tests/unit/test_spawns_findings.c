// SPDX-License-Identifier: GPL-2.0-only
/* Spawns: what their figures show, and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spawns_scene.h"

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
		close_scene(&s);
	}
}

/* Copies that were started at once are a pool; those that come one by one and stay are a pile. */
static void copies_pile_up(void **state)
{
	static const struct {
		uint64_t every_ns;
		const char *file, *args[2];
		bool one_ends, found;
	} cases[] = {
		{MS(500), "/bin/backup.sh", {"sh", "sh"}, false, true},
		{MS(500), "/bin/backup.sh", {"sh", "sh"}, true, false},
		{MS(5), "/bin/backup.sh", {"sh", "sh"}, false, false},
		{MS(500), "/bin/backup.sh", {"a", "b"}, false, true},
		{MS(500), "/usr/bin/python3.11", {"a.py", "b.py"}, false, false},
		{MS(500), "/usr/bin/python3.11", {"a.py", "a.py"}, false, true},
	};
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_scene(&s, SPAWNS_BY_PARENT, 0);
		parent(&s, 100, "cron");
		for (uint32_t k = 0; k < 6; k++) {
			uint64_t at_ns = T0 + k * cases[i].every_ns;

			born(&s, 200 + k, 100, at_ns, false, 0);
			execs_with(&s, 200 + k, 100, at_ns, at_ns + MS(1), cases[i].file,
				   cases[i].args[k % 2]);
		}
		if (cases[i].one_ends)
			dies(&s, 202, 100, T0 + 2 * cases[i].every_ns, T0 + MS(4000), 0, 0);
		assert_int_equal(spawns_finish(&s.spawns), 0);
		assert_int_equal(!!found(&s, FINDING_PILE_UP, MS(5000)), cases[i].found);
		close_scene(&s);
	}
}

/* What the cheapest life took bounds what a worker that stays could save. */
static void interpreters_are_started_again_and_again(void **state)
{
	static const struct {
		const char *file, *args;
		uint32_t cnt;
		uint64_t cpu_ns;
		bool found;
	} cases[] = {
		{"/usr/bin/python3.11", "python3", 20, MS(30), true},
		{"/opt/report", "/usr/bin/perl5", 20, MS(30), true}, /* by #! */
		{"/usr/bin/gs", "gs", 20, MS(30), false},
		{"/usr/bin/perldoc", "perldoc", 20, MS(30), false},
		{"/usr/bin/python3.11", "python3", 9, MS(30), false},
		{"/usr/bin/python3.11", "python3", 20, MS(1), false},
	};
	struct scene s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spawn_group *g;

		open_scene(&s, SPAWNS_BY_PARENT, 0);
		parent(&s, 100, "web");
		for (uint32_t k = 0; k < cases[i].cnt; k++) {
			uint64_t at_ns = T0 + k * MS(50);

			born(&s, 200 + k, 100, at_ns, false, 0);
			execs_with(&s, 200 + k, 100, at_ns, at_ns + MS(1), cases[i].file,
				   cases[i].args);
			dies(&s, 200 + k, 100, at_ns, at_ns + MS(200), 0,
			     cases[i].cpu_ns + k * MS(1));
		}
		assert_int_equal(spawns_finish(&s.spawns), 0);
		g = found(&s, FINDING_INTERPRETER, MS(1000));
		assert_int_equal(!!g, cases[i].found);
		assert_null(found(&s, FINDING_INTERPRETER, MS(999)));
		if (g)
			assert_int_equal(spawn_group_start_ns(g), cases[i].cpu_ns);
		close_scene(&s);
	}
}

/* Of make's shells and their children: make, whoever started make too. */
static void storms_have_a_root(void **state)
{
	struct spawn_finding f[SPAWN_FINDINGS_MAX];
	struct scene s;

	(void)state;
	for (int others = 0; others < 2; others++) {
		bool stormy = false;
		size_t cnt;

		open_scene(&s, SPAWNS_BY_PARENT, 0);
		parent(&s, 90, "bash");
		feed_seed_below(s.table,
				&(struct feed_proc){.pid = 100, .ppid = 90, .comm = "make"}, 0);
		parent(&s, 110, "other");
		for (uint32_t i = 0; i < 10; i++)
			feed_seed_below(
				s.table,
				&(struct feed_proc){.pid = 120 + i, .ppid = 100, .comm = "sh"}, 0);
		for (uint32_t i = 0; i < 200; i++)
			one(&s, 1000 + i, others && i % 2 ? 110 : 120 + i % 10, "/bin/cc", MS(1));
		assert_int_equal(spawns_finish(&s.spawns), 0);
		cnt = spawns_find(&s.spawns, MS(2000), f);
		for (size_t i = 0; i < cnt; i++) {
			if (f[i].kind != FINDING_STORM)
				continue;
			stormy = true;
			assert_int_equal(f[i].root.key.tgid, 100);
			assert_string_equal(f[i].root.comm, "make");
			assert_int_equal(f[i].root.cnt, 200);
		}
		assert_int_equal(stormy, !others); /* from two places it has no root */
		cnt = spawns_find(&s.spawns, MS(20000), f);
		for (size_t i = 0; i < cnt; i++)
			assert_int_not_equal(f[i].kind, FINDING_STORM); /* 10 a second are none */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_without_a_program),
		cmocka_unit_test(forks_of_a_large_heap),
		cmocka_unit_test(who_waits_for_a_cpu),
		cmocka_unit_test(copies_pile_up),
		cmocka_unit_test(interpreters_are_started_again_and_again),
		cmocka_unit_test(storms_have_a_root),
		cmocka_unit_test(throttled_is_not_busy),
		cmocka_unit_test(unknown_quotas_are_not_told_as_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
