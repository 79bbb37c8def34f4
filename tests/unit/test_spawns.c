// SPDX-License-Identifier: GPL-2.0-only
/* Spawns: the split of one, groups of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "spawns_scene.h"

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

static void fails(struct scene *s, uint32_t pid, uint64_t at_ns, int error, const char *file,
		  uint32_t flags)
{
	struct event ev = {0};

	about(&ev, pid, 100, FEED_START(pid), at_ns);
	ev.exec_failed.error = error;
	ev.exec_failed.flags = flags;
	strcpy(ev.exec_failed.file, file);
	memcpy(ev.exec_failed.comm, "sh", 3);
	ev.file = span_of(ev.exec_failed.file);
	feed_apply(s->table, &ev, REC_EXEC_FAILED);
}

static const struct exec_fail *fail_of(const struct scene *s, const char *file)
{
	const struct exec_fails *x = &s->spawns.execs;

	for (size_t i = 0; i < x->cnt; i++) {
		if (!strcmp(x->v[i].file, file))
			return &x->v[i];
	}
	return NULL;
}

static void a_search_of_path_is_one(void **state)
{
	const struct exec_fail *f;
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	for (uint32_t pid = 200; pid < 205; pid++)
		born(&s, pid, 100, FEED_START(pid), false, 0);
	/* found in the end, though one directory is in PATH twice */
	fails(&s, 200, T0 + 1, ENOENT, "/a/ls", 0);
	fails(&s, 200, T0 + 1, ENOENT, "/a/ls", 0);
	fails(&s, 200, T0 + 2, EACCES, "/b/ls", 0);
	execs(&s, 200, 100, FEED_START(200), T0 + 3, "/c/ls", (struct rec_exec){0});
	/* in vain: EACCES says more, whatever comes after it; and its death ends it */
	fails(&s, 201, T0 + 1, ENOENT, "/a/no", 0);
	fails(&s, 201, T0 + 2, EACCES, "/b/no", 0);
	fails(&s, 201, T0 + 3, ENOENT, "/c/no", 0);
	dies(&s, 201, 100, FEED_START(201), T0 + 4, 126 << 8, 0);
	/* the first place again, later, is another search, another name too: three failures */
	fails(&s, 202, T0 + 1, ENOENT, "/a/x", 0);
	fails(&s, 202, T0 + 2, ENOENT, "/b/x", 0);
	fails(&s, 202, T0 + MS(20), ENOENT, "/a/x", 0);
	fails(&s, 202, T0 + MS(21), ENOENT, "/a/y", 0);
	execs(&s, 202, 100, FEED_START(202), T0 + MS(22), "/bin/sh", (struct rec_exec){0});
	/* it is there, though a later directory is not */
	fails(&s, 203, T0 + 1, ENOENT, "/a/gs", REC_NOEXEC_OPENED);
	fails(&s, 203, T0 + 2, ENOTDIR, "/b/gs", 0);
	dies(&s, 203, 100, FEED_START(203), T0 + 4, 127 << 8, 0);
	/* not execvp's: known at once, and nothing to be found later */
	fails(&s, 204, T0 + 1, E2BIG, "/bin/cat", 0);
	execs(&s, 204, 100, FEED_START(204), T0 + 5, "/bin/cat", (struct rec_exec){0});
	assert_int_equal(spawns_finish(&s.spawns), 0);

	assert_int_equal(s.spawns.execs.found, 1);
	assert_int_equal(s.spawns.execs.found_tries, 3);
	assert_int_equal(s.spawns.execs.failed, 6);
	f = fail_of(&s, "/b/no");
	assert_non_null(f);
	assert_int_equal(f->error, EACCES);
	assert_int_equal(f->tries, 3);
	f = fail_of(&s, "/a/gs");
	assert_non_null(f);
	assert_int_equal(f->error, ENOENT);
	assert_int_equal(f->flags, REC_NOEXEC_OPENED);
	assert_non_null(fail_of(&s, "/bin/cat"));
	assert_non_null(fail_of(&s, "/b/x"));
	assert_non_null(fail_of(&s, "/a/x"));
	assert_non_null(fail_of(&s, "/a/y"));
	close_scene(&s);
}

/* What is going on when the end comes: an old try has failed, one of this moment may go on. */
static void a_search_that_goes_on_at_the_end(void **state)
{
	struct event ev = {0};
	struct scene s;

	(void)state;
	open_scene(&s, SPAWNS_BY_PARENT, 0);
	parent(&s, 100, "boss");
	born(&s, 200, 100, FEED_START(200), false, 0);
	born(&s, 201, 100, FEED_START(201), false, 0);
	fails(&s, 200, T0, ENOENT, "/a/old", 0);
	fails(&s, 201, T0 + MS(100), ENOENT, "/a/young", 0);
	about(&ev, 100, 1, FEED_START(100), T0 + MS(101));
	feed_apply(s.table, &ev, REC_RENAME);
	assert_int_equal(spawns_finish(&s.spawns), 0);
	assert_int_equal(s.spawns.execs.failed, 1);
	assert_non_null(fail_of(&s, "/a/old"));
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
		cmocka_unit_test(fork_calls_stand_beside_the_total),
		cmocka_unit_test(refused_calls_are_counted_by_limit),
		cmocka_unit_test(a_search_of_path_is_one),
		cmocka_unit_test(a_search_that_goes_on_at_the_end),
		cmocka_unit_test(ever_new_names_are_one_group_in_the_end),
		cmocka_unit_test(names_of_groups_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
