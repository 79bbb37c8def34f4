// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts from evidence: what it proves, what it does not, and who looks alike and is healthy. */
#include "zombies_scene.h"

static void never_waits_takes_all_of_the_evidence(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){0});
	expect(&s, VERDICT_UNKNOWN); /* whether a thread sits in a wait call is not known */
	fact(&s, "");
	expect(&s, VERDICT_UNKNOWN); /* nor whether it waits now and then */
	tick(&s, 5000);
	expect(&s, VERDICT_NEVER_WAITS);
	assert_int_equal(judged(&s)->zombies, 2);
	assert_int_equal(judged(&s)->from, FROM_WATCHED);
	assert_true(judged(&s)->reaped_known && !judged(&s)->ever_reaped);
	assert_in_range(judged(&s)->oldest_ns, AGO_NS, AGO_NS + 6 * NS_PER_SEC);
	assert_true(judged(&s)->estimated);
	assert_int_equal(judged(&s)->adopter->key.tgid, 1);
	assert_true(judged(&s)->adopter_reaps);
	close_scene(&s);
}

static void who_has_reaped_before_may_do_it_again(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){.child_minflt = 1}, (struct rec_seed){0});
	fact(&s, "");
	tick(&s, 5000);
	expect(&s, VERDICT_UNKNOWN);
	close_scene(&s);
}

static void a_thread_that_sits_in_a_wait_is_seen(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){0});
	fact(&s, "100 pid 333 0\n");
	tick(&s, 5000);
	expect(&s, VERDICT_WAITS_FOR_OTHERS);
	fact(&s, "hung\n");
	expect(&s, VERDICT_UNKNOWN);
	close_scene(&s);
}

static void waits_for_others_are_told_from_waits_for_any(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){0});
	fact(&s, "");
	wait_call(&s, REC_WAIT_PID, 333);
	tick(&s, 5000);
	expect(&s, VERDICT_WAITS_FOR_OTHERS);
	wait_call(&s, REC_WAIT_ANY, 0);
	expect(&s, VERDICT_UNKNOWN); /* it may take them later */
	close_scene(&s);
}

static void other_exit_signals_need_wall(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){.exit_signal = 10});
	expect(&s, VERDICT_NEEDS_WALL);
	close_scene(&s);
}

static void a_stopped_parent_cannot_wait(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){.h = {.flags = REC_F_STOPPED}}, (struct rec_seed){0});
	expect(&s, VERDICT_PARENT_STOPPED);
	close_scene(&s);
}

static void traced_zombies_are_the_tracers(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){.h = {.flags = REC_F_TRACED}});
	expect(&s, VERDICT_TRACED);
	close_scene(&s);
}

/* ---- healthy ones that look alike ---- */

/* The CMD that we start is there before us, and execs before our eyes. */
static void nobody_sits_in_a_wait_over_an_exec(void **state)
{
	struct scene s;

	(void)state;
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){0});
	seed(&s, PARENT, 1, false, (struct rec_seed){0});
	execs(&s, 1);
	born(&s, YOUNGEST, PARENT);
	dead(&s, YOUNGEST, (struct rec_zombie){0});
	tick(&s, 5000);
	expect(&s, VERDICT_NEVER_WAITS);
	close_scene(&s);
}

static void who_reaps_by_a_timer_is_given_time(void **state)
{
	struct scene s;

	(void)state;
	open_life(&s, 3);
	dead(&s, CHILD, (struct rec_zombie){0});
	tick(&s, 2100);
	expect(&s, VERDICT_UNKNOWN);
	wait_call(&s, REC_WAIT_ANY, 0);
	freed(&s, CHILD);
	dead(&s, CHILD + 1, (struct rec_zombie){0});
	tick(&s, 2100);
	expect(&s, VERDICT_SLOW);
	close_scene(&s);
	open_life(&s, 1);
	dead(&s, CHILD, (struct rec_zombie){0});
	tick(&s, 3100);
	expect(&s, VERDICT_NEVER_WAITS);
	close_scene(&s);
}

static void a_blocked_signal_may_be_taken_soon(void **state)
{
	const struct rec_zombie z = {.disposition = REC_SIG_HANDLER, .blocked = 1, .pending = 1};
	struct scene s;

	(void)state;
	open_life(&s, 1);
	dead(&s, CHILD, z);
	tick(&s, 2100);
	expect(&s, VERDICT_UNKNOWN);
	tick(&s, 1000);
	expect(&s, VERDICT_SIGCHLD_BLOCKED);
	close_scene(&s);
}

static void waits_in_order_come_to_everybody(void **state)
{
	struct scene s;

	(void)state;
	open_life(&s, 3);
	wait_call(&s, REC_WAIT_PID, CHILD);
	dead(&s, CHILD + 1, (struct rec_zombie){0});
	dead(&s, CHILD + 2, (struct rec_zombie){0});
	tick(&s, 2100);
	expect(&s, VERDICT_UNKNOWN);
	tick(&s, 60000);
	expect(&s, VERDICT_UNKNOWN); /* the oldest goes on running */
	dead(&s, CHILD, (struct rec_zombie){0});
	freed(&s, CHILD);
	wait_call(&s, REC_WAIT_PID, CHILD + 1);
	tick(&s, 1);
	assert_int_equal(judged(&s)->awaited, 1); /* its end is on its way */
	expect(&s, VERDICT_SLOW);
	close_scene(&s);
}

static void the_order_is_seen_of_a_call_that_was_there_before(void **state)
{
	struct scene s;

	(void)state;
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){0});
	seed(&s, PARENT, 1, false, (struct rec_seed){0});
	seed(&s, CHILD, PARENT, false, (struct rec_seed){.place = {.pidns = 9, .ns_tgid = 7}});
	seed(&s, CHILD + 1, PARENT, true, (struct rec_seed){0});
	fact(&s, "100 pid 7 0\n");
	tick(&s, 5000);
	expect(&s, VERDICT_UNKNOWN);
	close_scene(&s);
}

static void a_younger_one_is_waited_for_instead(void **state)
{
	struct scene s;

	(void)state;
	open_life(&s, 2);
	dead(&s, CHILD, (struct rec_zombie){0});
	wait_call(&s, REC_WAIT_PID, CHILD + 1);
	tick(&s, 3100);
	expect(&s, VERDICT_WAITS_FOR_OTHERS);
	close_scene(&s);
}

/* The free of one that a looping handler has reaped was missed. */
static void merged_signals_are_no_proof_without_a_look(void **state)
{
	const struct rec_zombie first = HANDLED, merged = {.disposition = REC_SIG_HANDLER,
							   .flags = REC_ZOMBIE_MERGED};
	struct scene s;

	(void)state;
	open_life(&s, 2);
	dead(&s, CHILD, first);
	dead(&s, CHILD + 1, merged);
	for (int i = 0; i < 3; i++)
		wait_call(&s, REC_WAIT_ANY, 0);
	freed(&s, CHILD);
	tick(&s, 4000);
	expect(&s, VERDICT_SLOW);
	seed(&s, CHILD + 1, PARENT, true, (struct rec_seed){0});
	expect(&s, VERDICT_MERGED_SIGCHLD);
	close_scene(&s);
}

/* "sh -c 'job & exec app'", long before us: the kernel knows that the image is another. */
static void zombies_of_an_earlier_image_are_inherited(void **state)
{
	const struct rec_seed other = {.h = {.flags = REC_F_OTHER_IMAGE}};
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, other);
	fact(&s, "");
	tick(&s, 5000);
	expect(&s, VERDICT_INHERITED_OVER_EXEC);
	close_scene(&s);
	/* alive when we came */
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){0});
	seed(&s, PARENT, 1, false, (struct rec_seed){0});
	seed(&s, CHILD, PARENT, false, other);
	fact(&s, "");
	dead(&s, CHILD, (struct rec_zombie){0});
	tick(&s, 5000);
	expect(&s, VERDICT_INHERITED_OVER_EXEC);
	born(&s, YOUNGEST, PARENT);
	dead(&s, YOUNGEST, (struct rec_zombie){0});
	tick(&s, 5000);
	expect(&s, VERDICT_NEVER_WAITS); /* of this image is one that it does not reap */
	close_scene(&s);
	/* an adopter's image is never the one that bore them */
	open_scene(&s, (struct rec_seed){.h = {.flags = REC_F_SUBREAPER}}, other);
	fact(&s, "");
	tick(&s, 5000);
	expect(&s, VERDICT_NEVER_WAITS);
	close_scene(&s);
}

/* A shim in shell, which waits for its helpers and then becomes the application. */
static void what_a_shim_has_reaped_says_nothing_of_the_application(void **state)
{
	struct scene s;

	(void)state;
	for (int shim = 0; shim < 2; shim++) {
		open_life(&s, 1);
		wait_call(&s, REC_WAIT_ANY, 0);
		dead(&s, CHILD, (struct rec_zombie)HANDLED);
		freed(&s, CHILD);
		if (shim)
			execs(&s, 1);
		born(&s, YOUNGEST, PARENT);
		dead(&s, YOUNGEST, (struct rec_zombie){0});
		tick(&s, 4000);
		expect(&s, shim ? VERDICT_NEVER_WAITS : VERDICT_SLOW);
		assert_int_equal(judged(&s)->image_reaped, !shim);
		assert_true(judged(&s)->ever_reaped);
		wait_call(&s, REC_WAIT_PID, 333);
		expect(&s, shim ? VERDICT_WAITS_FOR_OTHERS : VERDICT_SLOW);
		close_scene(&s);
	}
}

/* An exec whose record was lost: which image has reaped is not known. */
static void an_exec_whose_time_is_not_known_leaves_it_open(void **state)
{
	struct event ev = {.rename = {.comm = "app"}};
	struct scene s;

	(void)state;
	open_life(&s, 1);
	wait_call(&s, REC_WAIT_ANY, 0);
	dead(&s, CHILD, (struct rec_zombie)HANDLED);
	freed(&s, CHILD);
	for (int i = 0; i < 2; i++) { /* the first may be ahead of the exec's own record */
		ev.h.tgid = ev.h.tid = PARENT;
		ev.h.start_ns = PARENT * NS_PER_SEC;
		ev.h.exec_id = 1;
		apply(&s, &ev, REC_RENAME, sizeof(ev.rename));
		tick(&s, 5000);
	}
	assert_true(proc_table_find_pid(s.t, PARENT)->flags & PROC_EXECED);
	wait_call(&s, REC_WAIT_ANY, 0);
	born(&s, YOUNGEST, PARENT);
	dead(&s, YOUNGEST, (struct rec_zombie){0});
	tick(&s, 4000);
	expect(&s, VERDICT_UNKNOWN);
	close_scene(&s);
}

/* One that has reaped and leaves zombies now is no help. */
static void an_adopter_that_leaves_zombies_itself_reaps_nothing(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct rec_seed){0}, (struct rec_seed){0});
	assert_true(judged(&s)->adopter_reaps);
	seed(&s, CHILD + 7, 1, true, (struct rec_seed){0});
	assert_false(judged(&s)->adopter_reaps);
	close_scene(&s);
}

/* A subreaper may have waited for its own by their pids; who waits for any takes orphans, too. */
static void an_adopter_reaps_that_waits_for_any(void **state)
{
	struct event ev = {.wait = {.kind = REC_WAIT_ANY, .known = 1}};
	struct scene s;

	(void)state;
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){0});
	seed(&s, 50, 1, false,
	     (struct rec_seed){.h = {.flags = REC_F_SUBREAPER}, .child_minflt = 9});
	seed(&s, PARENT, 50, false, (struct rec_seed){0});
	seed(&s, CHILD, PARENT, true, (struct rec_seed){0});
	assert_int_equal(judged(&s)->adopter->key.tgid, 50);
	assert_false(judged(&s)->adopter_reaps);
	ev.h.tgid = ev.h.tid = 50;
	ev.h.flags = REC_F_SUBREAPER;
	ev.h.start_ns = 50 * NS_PER_SEC;
	apply(&s, &ev, REC_WAIT, sizeof(ev.wait));
	assert_true(judged(&s)->adopter_reaps);
	close_scene(&s);
}

/* ---- what is not known ---- */

/* As from /proc: no stamps of the scheduler. */
static void ages_that_are_not_known_are_no_ages(void **state)
{
	struct event ev = {.seed = {.pass = 1,
				    .threads = 1,
				    .exit_signal = 17,
				    .exit_state = 32,
				    .still_exec_ns = REC_STILL_NONE,
				    .still_arrival_ns = REC_STILL_NONE}};
	struct scene s;

	(void)state;
	host(&s);
	seed(&s, PARENT, 1, false, (struct rec_seed){0});
	ev.h.tgid = ev.h.tid = CHILD;
	ev.h.start_ns = CHILD * NS_PER_SEC;
	ev.h.ppid = ev.h.parent_tid = PARENT;
	ev.h.parent_start_ns = PARENT * NS_PER_SEC;
	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	apply(&s, &ev, REC_SEED, sizeof(ev.seed));
	fact(&s, "");
	tick(&s, 5000);
	expect(&s, VERDICT_UNKNOWN);
	assert_false(judged(&s)->age_known);
	assert_int_equal(judged(&s)->leak_milli, 0);
	close_scene(&s);
}

static void a_moment_in_d_is_not_stuck(void **state)
{
	const uint64_t still[] = {50 * NS_PER_MS, REC_STILL_NONE, 5 * NS_PER_SEC};
	const enum verdict want[] = {VERDICT_NEVER_WAITS, VERDICT_NEVER_WAITS,
				     VERDICT_PARENT_STUCK};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct event ev = {.seed = {.pass = 2,
					    .threads = 1,
					    .exit_signal = 17,
					    .state = 2, /* D */
					    .still_exec_ns = still[i],
					    .still_arrival_ns = REC_STILL_NONE}};
		struct scene s;

		open_scene(&s, (struct rec_seed){0}, (struct rec_seed){0});
		fact(&s, "");
		tick(&s, 5000);
		ev.h.tgid = ev.h.tid = PARENT;
		ev.h.start_ns = PARENT * NS_PER_SEC;
		ev.h.ppid = ev.h.parent_tid = 1;
		ev.h.parent_start_ns = NS_PER_SEC;
		apply(&s, &ev, REC_SEED, sizeof(ev.seed));
		expect(&s, want[i]);
		close_scene(&s);
	}
}

static void adopters_are_of_the_same_namespace(void **state)
{
	struct scene s;

	(void)state;
	/* docker exec: its parent is outside, its init no ancestor */
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){.place = {.pidns = 1}});
	seed(&s, PARENT, 1, false, (struct rec_seed){.place = {.pidns = 9}});
	seed(&s, CHILD, PARENT, true, (struct rec_seed){.place = {.pidns = 9}});
	assert_null(judged(&s)->adopter);
	close_scene(&s);
	/* an init: nobody inherits, the namespace ends */
	host(&s);
	seed(&s, 1, 0, false, (struct rec_seed){.place = {.pidns = 1}});
	seed(&s, PARENT, 1, false,
	     (struct rec_seed){.h = {.flags = REC_F_NSINIT}, .place = {.pidns = 9}});
	seed(&s, CHILD, PARENT, true, (struct rec_seed){.place = {.pidns = 9}});
	assert_null(judged(&s)->adopter);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_waits_takes_all_of_the_evidence),
		cmocka_unit_test(who_has_reaped_before_may_do_it_again),
		cmocka_unit_test(a_thread_that_sits_in_a_wait_is_seen),
		cmocka_unit_test(waits_for_others_are_told_from_waits_for_any),
		cmocka_unit_test(other_exit_signals_need_wall),
		cmocka_unit_test(a_stopped_parent_cannot_wait),
		cmocka_unit_test(traced_zombies_are_the_tracers),
		cmocka_unit_test(nobody_sits_in_a_wait_over_an_exec),
		cmocka_unit_test(who_reaps_by_a_timer_is_given_time),
		cmocka_unit_test(a_blocked_signal_may_be_taken_soon),
		cmocka_unit_test(waits_in_order_come_to_everybody),
		cmocka_unit_test(the_order_is_seen_of_a_call_that_was_there_before),
		cmocka_unit_test(a_younger_one_is_waited_for_instead),
		cmocka_unit_test(merged_signals_are_no_proof_without_a_look),
		cmocka_unit_test(zombies_of_an_earlier_image_are_inherited),
		cmocka_unit_test(what_a_shim_has_reaped_says_nothing_of_the_application),
		cmocka_unit_test(an_exec_whose_time_is_not_known_leaves_it_open),
		cmocka_unit_test(an_adopter_that_leaves_zombies_itself_reaps_nothing),
		cmocka_unit_test(an_adopter_reaps_that_waits_for_any),
		cmocka_unit_test(ages_that_are_not_known_are_no_ages),
		cmocka_unit_test(a_moment_in_d_is_not_stuck),
		cmocka_unit_test(adopters_are_of_the_same_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
