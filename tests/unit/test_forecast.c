// SPDX-License-Identifier: GPL-2.0-only
/* Which limit a leak hits first, and when; and what is said where little is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>

#include "test_tree_feed.h"
#include "analysis/forecast.h"
#include "output/zombies.h"

#define WORKER  7720u
#define ZOMBIE  (REC_F_ZOMBIE | REC_F_DEAD | REC_F_EXITING)
#define MAIL    "cgroup:/system.slice/mail.service/"
#define SLICE   "cgroup:/system.slice/"
#define PER_MIN 1000ULL /* leak_milli */
#define NEVER   FORECAST_UNKNOWN

/* A parent with 4 threads and 'zombies' zombies in mail.service, and another process in its slice. */
static struct proc_table *scene(uint32_t zombies)
{
	struct proc_table *t = feed_table();

	feed_cgroup(t, 3, "/system.slice/mail.service");
	feed_cgroup(t, 4, "/system.slice/other.service");
	FEED(t, .pid = 1, .comm = "systemd", .state = 1, .child_minflt = 5);
	FEED(t, .pid = WORKER, .ppid = 1, .comm = "worker", .state = 1, .cgroup = 3, .threads = 4);
	FEED(t, .pid = 7800, .ppid = 1, .comm = "other", .state = 1, .cgroup = 4, .threads = 2);
	for (uint32_t i = 0; i < zombies; i++)
		FEED(t, .pid = 8000 + i, .ppid = WORKER, .comm = "convert", .flags = ZOMBIE,
		     .still_s = 10 + i * 20, .cgroup = 3);
	return t;
}

static void mail_limit(struct proc_table *t, const char *current, const char *max)
{
	feed_text(t, MAIL "pids.current", current);
	feed_text(t, MAIL "pids.max", max);
}

static void machine_limits(struct proc_table *t, const char *load, const char *pid_max,
			   const char *threads_max)
{
	feed_text(t, "/proc/loadavg", load);
	feed_text(t, "/proc/sys/kernel/pid_max", pid_max);
	feed_text(t, "/proc/sys/kernel/threads-max", threads_max);
}

static struct forecast found(const struct proc_table *t, uint64_t leak_milli)
{
	const struct proc *parent = proc_table_find_pid(t, WORKER);
	struct forecast f = {0};

	assert_non_null(parent);
	assert_int_equal(forecast_find(t, parent, leak_milli, &f), 0);
	return f;
}

static void expect(struct proc_table *t, uint64_t leak_milli, enum limit_kind kind,
		   const char *name, uint64_t used, uint64_t max, uint64_t full_s)
{
	struct forecast f = found(t, leak_milli);

	assert_string_equal(limit_kind_name(f.kind), limit_kind_name(kind));
	assert_true(span_equals(f.name, span_of(name)));
	assert_int_equal(f.used, used);
	assert_int_equal(f.max, max);
	assert_int_equal(f.full_ns == NEVER ? NEVER : f.full_ns / NS_PER_SEC, full_s);
}

static void nothing_known_is_no_forecast(void **state)
{
	struct proc_table *t = scene(2);
	struct forecast f;

	(void)state;
	assert_int_equal(forecast_find(t, proc_table_find_pid(t, WORKER), 60 * PER_MIN, &f),
			 -ENOENT);
	proc_table_free(t);
}

static void broken_facts_are_not_known(void **state)
{
	struct proc_table *t = scene(2);
	struct forecast f;

	(void)state;
	mail_limit(t, "489\n", "max\n");
	machine_limits(t, "0.00 0.00", "32768\n", "");
	assert_int_equal(forecast_find(t, proc_table_find_pid(t, WORKER), 60 * PER_MIN, &f),
			 -ENOENT);
	mail_limit(t, "", "512\n");
	machine_limits(t, "0.00 0.00 0.00 1/x 7\n", "32768\n", "-1\n");
	assert_int_equal(forecast_find(t, proc_table_find_pid(t, WORKER), 60 * PER_MIN, &f),
			 -ENOENT);
	/* one that is right is found among them */
	machine_limits(t, "0.00 0.00 0.00 1/768 7\n", "32768\n", "\n");
	expect(t, 320 * PER_MIN, LIMIT_PID_MAX, "", 768, 32768, 6000);
	proc_table_free(t);
}

static void time_is_what_is_left_by_the_rate(void **state)
{
	struct proc_table *t = scene(2);

	(void)state;
	mail_limit(t, "489\n", "512\n");
	expect(t, 3100, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 489, 512, 445);
	expect(t, 23 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 489, 512, 60);
	expect(t, 1, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 489, 512, 23 * 60000);
	expect(t, 0, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 489, 512, NEVER);
	/* whatever a trail says: no overflow, and later than any time is never */
	mail_limit(t, "1\n", "1844674407370955160\n");
	expect(t, 1, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 8 - 2, 1844674407370955160,
	       NEVER);
	proc_table_free(t);
}

static void the_first_one_is_chosen_not_the_fullest(void **state)
{
	struct proc_table *t = scene(2);

	(void)state;
	machine_limits(t, "0.00 0.00 0.00 1/9000 7\n", "10000\n", "12000\n"); /* 1000 left, 90 % */
	mail_limit(t, "10\n", "512\n");                                       /* 502 left, 2 % */
	feed_text(t, SLICE "pids.current", "20\n");
	feed_text(t, SLICE "pids.max", "1024\n");
	expect(t, 60 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 10, 512, 502);
	expect(t, 0, LIMIT_PID_MAX, "", 9000, 10000, NEVER); /* nothing grows: the fullest */
	machine_limits(t, "0.00 0.00 0.00 1/9000 7\n", "10000\n", "9100\n");
	expect(t, 60 * PER_MIN, LIMIT_THREADS_MAX, "", 9000, 9100, 100);
	/* the one above binds, too */
	feed_text(t, SLICE "pids.current", "1000\n");
	expect(t, 60 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice", 1000, 1024, 24);
	proc_table_free(t);
}

static void what_is_full_is_full_now(void **state)
{
	struct proc_table *t = scene(2);

	(void)state;
	mail_limit(t, "600\n", "512\n"); /* lowered below what there was */
	expect(t, 0, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 600, 512, 0);
	expect(t, 60 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 600, 512, 0);
	mail_limit(t, "0\n", "0\n");
	expect(t, 0, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 6, 0, 0);
	proc_table_free(t);
}

static void threads_take_slots(void **state)
{
	struct proc_table *t = scene(38);
	struct forecast f;

	(void)state;
	mail_limit(t, "42\n", "512\n");
	f = found(t, 0);
	assert_int_equal(f.zombies, 38);
	assert_int_equal(f.processes, 1);
	assert_int_equal(f.threads, 3);
	feed_text(t, SLICE "pids.current", "500\n");
	feed_text(t, SLICE "pids.max", "512\n");
	f = found(t, 0);
	assert_int_equal(f.zombies, 38);
	assert_int_equal(f.processes, 2);
	assert_int_equal(f.threads, 4);
	proc_table_free(t);
}

/* The kernel was asked once; zombies have come since. */
static void the_table_knows_more_than_an_old_fact(void **state)
{
	struct proc_table *t = scene(40);

	(void)state;
	mail_limit(t, "5\n", "104\n");
	expect(t, 60 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 44, 104, 60);
	proc_table_free(t);
}

/* An init is given orphans that stay in cgroups of their own: they do not fill the init's. */
static void zombies_fill_where_they_lie(void **state)
{
	struct proc_table *t = scene(1);

	(void)state;
	for (uint32_t pid = 9000; pid < 9003; pid++)
		FEED(t, .pid = pid, .ppid = WORKER, .comm = "orphan", .flags = ZOMBIE, .still_s = 9,
		     .cgroup = 4);
	mail_limit(t, "12\n", "112\n");
	machine_limits(t, "0.00 0.00 0.00 1/700 7\n", "1000\n", "2000\n");
	expect(t, 60 * PER_MIN, LIMIT_PID_MAX, "", 700, 1000, 300); /* not 100 s: 1 in 4 is in it */
	mail_limit(t, "52\n", "112\n");
	expect(t, 60 * PER_MIN, LIMIT_CGROUP_PIDS, "/system.slice/mail.service", 52, 112, 240);
	proc_table_free(t);
}

static void a_name_that_begins_alike_is_another(void **state)
{
	struct proc_table *t = scene(1);

	(void)state;
	feed_cgroup(t, 5, "/system.slice/mail.service2");
	for (uint32_t pid = 9000; pid < 9100; pid++)
		FEED(t, .pid = pid, .ppid = 1, .comm = "alike", .state = 1, .cgroup = 5);
	mail_limit(t, "10\n", "512\n");
	assert_int_equal(found(t, 0).processes, 1);
	proc_table_free(t);
}

/* All tasks of the uid count, wherever they are; root is not bound. */
static void a_user_may_have_so_many_tasks(void **state)
{
	struct proc_table *t = feed_table();
	char name[64];

	(void)state;
	FEED(t, .pid = 1, .comm = "systemd", .state = 1);
	FEED(t, .pid = WORKER, .ppid = 1, .comm = "worker", .state = 1, .uid = 1000, .threads = 4);
	FEED(t, .pid = 7800, .ppid = 1, .comm = "same", .state = 1, .uid = 1000, .threads = 90);
	FEED(t, .pid = 7801, .ppid = 1, .comm = "other", .state = 1, .uid = 1001, .threads = 99);
	for (uint32_t pid = 8000; pid < 8006; pid++)
		FEED(t, .pid = pid, .ppid = WORKER, .comm = "convert", .flags = ZOMBIE,
		     .uid = pid < 8003 ? 1000 : 1001); /* half of them left our uid */
	machine_limits(t, "0.00 0.00 0.00 1/400 7\n", "1000\n", "2000\n");
	snprintf(name, sizeof(name), "limits:%u:%" PRIu64, WORKER, (uint64_t)FEED_START(WORKER));
	feed_text(t, name, "197");
	expect(t, 60 * PER_MIN, LIMIT_NPROC, "", 97, 197, 200);
	feed_text(t, name, "unlimited");
	expect(t, 60 * PER_MIN, LIMIT_PID_MAX, "", 400, 1000, 600);
	feed_text(t, name, "gone\n");
	expect(t, 60 * PER_MIN, LIMIT_PID_MAX, "", 400, 1000, 600);
	proc_table_free(t);

	t = scene(2); /* of root */
	machine_limits(t, "0.00 0.00 0.00 1/400 7\n", "1000\n", "2000\n");
	feed_text(t, name, "197");
	expect(t, 60 * PER_MIN, LIMIT_PID_MAX, "", 400, 1000, 600);
	proc_table_free(t);
}

/* ---- what is shown -------------------------------------------------------------------------- */

static void shown(struct proc_table *t, bool json, struct buf *ret)
{
	struct render r = feed_render(t, 80);
	struct zombies z;
	struct zombies_view v = {.zombies = &z, .complete = true};

	assert_int_equal(zombies_examine(t, &(struct zombies_options){0}, &z), 0);
	buf_reset(ret);
	if (json)
		zombies_put_json(ret, &r, &(struct zombies_view){.zombies = &z});
	else
		zombies_put_text(ret, &r, &v);
	zombies_release(&z);
}

static void expect_shown(struct proc_table *t, bool json, const char *word, bool there)
{
	struct buf b = {0};

	shown(t, json, &b);
	if (!strstr(buf_str(&b), word) == there)
		fail_msg("%s '%s' in:\n%s", there ? "no" : "unwanted", word, buf_str(&b));
	buf_release(&b);
}

/* 3 a minute: 38 in 37 * 20 s */
static void the_line_names_the_limit_and_the_time(void **state)
{
	struct proc_table *t = scene(38);

	(void)state;
	mail_limit(t, "489\n", "512\n");
	expect_shown(t, false,
		     "\n  limit  mail.service 489/512 pids (pids.max): full in 7m, about "
		     "02:21; it holds\n"
		     "         38 zombies, 1 process, 3 more threads\n",
		     true);
	expect_shown(t, true,
		     "\"limit\":\"cgroup_pids\",\"limit_cgroup\":\"/system.slice/mail.service\","
		     "\"limit_used\":489,\"limit_max\":512,\"limit_full_ns\":460000000000,"
		     "\"limit_zombies\":38,\"limit_processes\":1,\"limit_threads\":3",
		     true);
	mail_limit(t, "510\n", "512\n");
	expect_shown(t, false, "full in 40s, about 02:14:46", true);
	mail_limit(t, "512\n", "512\n");
	expect_shown(t, false, "512/512 pids (pids.max): full; it holds", true);
	mail_limit(t, "480\n", "12000\n");
	expect_shown(t, false, "480/12,000 pids (pids.max): full in 2d; it holds", true);
	proc_table_free(t);
}

static void the_far_and_the_unknown_are_not_shown(void **state)
{
	struct proc_table *t = scene(38);

	(void)state;
	expect_shown(t, false, "  limit", false);
	expect_shown(t, true, "\"limit", false);
	mail_limit(t, "50\n", "2000000\n");
	expect_shown(t, false, "  limit", false);
	expect_shown(t, true, "\"limit_full_ns\"", true);
	proc_table_free(t);

	t = scene(1); /* no rate of one */
	mail_limit(t, "460\n", "512\n");
	expect_shown(t, false, "  limit", false);
	expect_shown(t, true, "\"limit_used\":460,\"limit_max\":512,\"limit_zombies\"", true);
	mail_limit(t, "470\n", "512\n");
	expect_shown(t, false, "\n  limit  mail.service 470/512 pids (pids.max); it holds", true);
	proc_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known_is_no_forecast),
		cmocka_unit_test(broken_facts_are_not_known),
		cmocka_unit_test(time_is_what_is_left_by_the_rate),
		cmocka_unit_test(the_first_one_is_chosen_not_the_fullest),
		cmocka_unit_test(what_is_full_is_full_now),
		cmocka_unit_test(threads_take_slots),
		cmocka_unit_test(the_table_knows_more_than_an_old_fact),
		cmocka_unit_test(zombies_fill_where_they_lie),
		cmocka_unit_test(a_name_that_begins_alike_is_another),
		cmocka_unit_test(a_user_may_have_so_many_tasks),
		cmocka_unit_test(the_line_names_the_limit_and_the_time),
		cmocka_unit_test(the_far_and_the_unknown_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
