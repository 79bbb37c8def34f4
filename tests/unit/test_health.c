// SPDX-License-Identifier: GPL-2.0-only
/* Health: what stands out, how heavy, and that it fits 24 lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "test_tree_feed.h"
#include "analysis/health_facts.h"
#include "output/health.h"

#define TASK_D 0x2
#define TASK_T 0x4
#define ZOMBIE (REC_F_ZOMBIE | REC_F_DEAD | REC_F_EXITING)

static void calm_facts(struct proc_table *t)
{
	feed_text(t, "/proc/loadavg", "9.13 5.00 1.25 3/1911 4242\n");
	feed_text(t, "/proc/uptime", "3542400.12 1000.00\n");
	feed_text(t, "/proc/meminfo",
		  "MemTotal:       16000000 kB\nMemFree: 1 kB\n"
		  "MemAvailable:    8000000 kB\n");
	feed_text(t, "/proc/sys/kernel/pid_max", "32768\n");
	feed_text(t, "/proc/sys/kernel/threads-max", "120000\n");
	feed_text(t, "/proc/pressure/memory", "some avg10=0.50 avg60=0.00 avg300=0.00 total=1\n");
}

static void expect_view(struct proc_table *t, const struct health_threads *threads, int columns,
			struct health_view view, const char *want)
{
	struct render r = feed_render(t, columns);
	struct buf b = {0};
	struct health h;

	assert_int_equal(health_examine(t, threads, &h), 0);
	view.health = &h;
	health_put_text(&b, &r, &view);
	assert_string_equal(buf_str(&b), want);
	health_release(&h);
	buf_release(&b);
}

static void expect(struct proc_table *t, const struct health_threads *threads, int columns,
		   bool from_proc, const char *want)
{
	expect_view(t, threads, columns, (struct health_view){.from_proc = from_proc}, want);
}

static void a_calm_machine(void **state)
{
	struct proc_table *t = feed_table();

	calm_facts(t);
	feed_text(t, "kmsg", "1 nothing of interest\n");
	FEED(t, .pid = 1, .comm = "systemd", .state = 1);
	FEED(t, .pid = 10, .ppid = 1, .comm = "cron", .state = 1);
	expect(t, &(struct health_threads){0}, 80, false,
	       "db1  Linux 6.1.0  8 CPUs, load 9.1  up 41d         Tue 24 Nov 02:14:06 CET (+01)\n"
	       "NOW   2 processes, 1,911 tasks: all sleep\n"
	       " .    nothing stands out\n"
	       "PAST  no recorder: what died before 02:14:06 is not known to proctrail\n"
	       "      kernel log: 0 OOM kills, 0 crashes\n"
	       "NEXT  proctrail tree | deaths | spawns | trace | doctor | help\n"
	       "      keep a record from now on:  sudo proctrail record\n");
	proc_table_free(t);
}

/* The machine of the samples */
static struct proc_table *trouble(struct health_threads *threads)
{
	struct proc_table *t = feed_table();

	assert_int_equal(proc_table_listen(t, health_threads_change, threads), 0);
	calm_facts(t);
	feed_cgroup(t, 3, "/system.slice/mail.service");
	feed_text(t, "cgroup:/system.slice/mail.service/pids.max", "512\n");
	feed_text(t, "cgroup:/system.slice/mail.service/pids.current", "489\n");
	feed_text(t, "kmsg",
		  "999600000000 Out of memory: Killed process 845 (postgres) total-vm:1kB\n"
		  "999700000000 app[4410]: segfault at 18 ip 0 sp 0 error 4 in app\n"
		  "999710000000 traps: other[9] general protection fault ip:1\n"
		  "999720000000 INFO: task app:4213 blocked for more than 120 seconds.\n");
	FEED(t, .pid = 1, .comm = "systemd", .state = 1, .child_minflt = 5);
	FEED(t, .pid = 4213, .ppid = 1, .comm = "app", .state = TASK_D, .still_s = 192,
	     .sig_pending = 1 << 8);
	FEED(t, .pid = 7720, .ppid = 1, .comm = "worker", .state = 1, .cgroup = 3);
	for (uint32_t pid = 8000; pid < 8038; pid++)
		FEED(t, .pid = pid, .ppid = 7720, .comm = "convert", .flags = ZOMBIE,
		     .still_s = 720, .cgroup = 3);
	FEED(t, .pid = 9011, .ppid = 1, .comm = "web", .state = 1, .child_minflt = 7);
	for (uint32_t pid = 9100; pid < 9103; pid++)
		FEED(t, .pid = pid, .ppid = 9011, .comm = "sh", .flags = ZOMBIE, .still_s = 60);
	FEED(t, .pid = 9200, .ppid = 1, .comm = "vim", .state = TASK_T, .flags = REC_F_STOPPED);
	return t;
}

static void trouble_at_80(void **state)
{
	struct health_threads threads = {0};
	struct proc_table *t = trouble(&threads);

	expect(t, &threads, 80, false,
	       "db1  Linux 6.1.0  8 CPUs, load 9.1  up 41d         Tue 24 Nov 02:14:06 CET (+01)\n"
	       "NOW   46 processes, 1,911 tasks: 1 D, 1 T, 41 Z; the others sleep\n"
	       " !!   mail.service 489/512 pids (pids.max), 38 are zombies\n"
	       " !!   app[4213] in D for 3m12s~; SIGKILL pending\n"
	       " !!   38 zombies of worker[7720], the oldest dead for 12m~; it has never reaped\n"
	       "      a child\n"
	       " .    3 zombies of web[9011], the oldest dead for 1m~\n"
	       " .    vim[9200] stopped (T)\n"
	       "PAST  no recorder: what died before 02:14:06 is not known to proctrail\n"
	       "      kernel log: 1 OOM kill at about 02:07:26 (postgres[845]), 2 crashes, the\n"
	       "      last at about 02:09:16 (other[9]), 1 hung task at about 02:09:26\n"
	       "      (app[4213])\n"
	       "NEXT  proctrail zombies | why --stuck | tree --state T | tree | deaths | spawns\n"
	       "      | trace | doctor | help\n"
	       "      keep a record from now on:  sudo proctrail record\n");
	health_threads_release(&threads);
	proc_table_free(t);
}

static void never_more_than_24_lines_nor_60_columns(void **state)
{
	struct health_threads threads = {0};
	struct proc_table *t = trouble(&threads);
	struct render r = feed_render(t, 60);
	struct buf b = {0};
	struct health h;
	char comm[16];

	/* twenty thousand kinds of trouble */
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(comm, sizeof(comm), "stuck-%05u", i);
		FEED(t, .pid = 20000 + i, .ppid = 1, .comm = comm, .state = TASK_D,
		     .still_s = 100 + i);
	}
	assert_int_equal(health_examine(t, &(struct health_threads){0}, &h), 0);
	health_put_text(&b, &r, &(struct health_view){.health = &h, .from_proc = true});
	if (feed_lines(buf_str(&b)) > 24 || feed_widest(buf_str(&b)) > 60)
		fail_msg("%zu lines, %zu columns:\n%s", feed_lines(buf_str(&b)),
			 feed_widest(buf_str(&b)), buf_str(&b));
	assert_non_null(strstr(buf_str(&b), " more: proctrail --json"));
	assert_non_null(strstr(buf_str(&b), "from /proc"));
	health_release(&h);
	buf_release(&b);
	health_threads_release(&threads);
	proc_table_free(t);
}

/* Threads in D have no row of their own: the listener keeps them. */
static void a_thread_in_d_is_found(void **state)
{
	struct proc_table *t = feed_table();
	struct health_threads threads = {0};
	struct event ev = {0};
	struct health h;

	assert_int_equal(proc_table_listen(t, health_threads_change, &threads), 0);
	FEED(t, .pid = 50, .comm = "app", .state = 1, .threads = 64);
	ev.h.tgid = 50;
	ev.h.tid = 73;
	ev.h.start_ns = FEED_START(50);
	ev.h.flags = REC_F_THREAD;
	ev.seed.pass = 1;
	ev.seed.state = TASK_D;
	ev.seed.still_exec_ns = FEED_SEC(90);
	feed_apply(t, &ev, REC_SEED);
	assert_int_equal(health_examine(t, &threads, &h), 0);
	assert_int_equal(h.stuck, 1);
	assert_int_equal(h.findings[0].kind, FIND_STUCK);
	assert_int_equal(h.findings[0].weight, HEALTH_ALARM);
	assert_int_equal(h.findings[0].proc->key.tgid, 50);
	health_release(&h);
	health_threads_release(&threads);
	proc_table_free(t);
}

static void limits_of_the_whole_machine(void **state)
{
	struct proc_table *t = feed_table();
	struct health h;

	feed_text(t, "/proc/loadavg", "30.00 5.00 1.25 3/31500 4242\n");
	feed_text(t, "/proc/sys/kernel/pid_max", "32768\n");
	feed_text(t, "/proc/meminfo", "MemTotal: 100000 kB\nMemAvailable: 1000 kB\n");
	feed_text(t, "/proc/pressure/memory", "some avg10=45.67 avg60=0.00\nfull avg10=1.00\n");
	FEED(t, .pid = 1, .comm = "init", .state = 1);
	assert_int_equal(health_examine(t, &(struct health_threads){0}, &h), 0);
	assert_int_equal(h.finding_cnt, 4);
	assert_int_equal(h.findings[0].kind, FIND_PID_MAX);
	assert_int_equal(h.findings[0].weight, HEALTH_ALARM);
	assert_int_equal(h.findings[1].kind, FIND_MEMORY);
	assert_int_equal(h.findings[2].kind, FIND_PRESSURE);
	assert_int_equal(h.findings[2].cnt, 45);
	assert_int_equal(h.findings[3].kind, FIND_LOAD);
	health_release(&h);
	proc_table_free(t);
}

static void what_is_not_known_is_not_said(void **state)
{
	struct proc_table *t = feed_table();

	FEED(t, .pid = 1, .comm = "init", .state = 1);
	FEED(t, .pid = 2, .ppid = 1, .comm = "app", .state = TASK_D);
	expect(t, &(struct health_threads){0}, 80, true,
	       "from /proc, nothing is traced: how long in D or Z unknown\n"
	       "db1  Linux 6.1.0  8 CPUs  up 11d                   Tue 24 Nov 02:14:06 CET (+01)\n"
	       "NOW   2 processes, 2 tasks: 1 D; the others sleep\n"
	       " .    app[2] in D\n"
	       "PAST  no recorder: what died before 02:14:06 is not known to proctrail\n"
	       "      kernel log: not readable here\n"
	       "NEXT  proctrail tree --state D | tree | deaths | spawns | trace | doctor | help\n"
	       "      the whole answer:  sudo proctrail\n"
	       "      keep a record from now on:  sudo proctrail record\n");
	proc_table_free(t);
}

static void json_has_the_findings(void **state)
{
	struct health_threads threads = {0};
	struct proc_table *t = trouble(&threads);
	struct render r = feed_render(t, 80);
	struct buf b = {0};
	struct health h;

	assert_int_equal(health_examine(t, &(struct health_threads){0}, &h), 0);
	health_put_json(&b, &r, &h);
	assert_int_equal(feed_lines(buf_str(&b)), 1 + h.finding_cnt);
	assert_non_null(strstr(buf_str(&b), "\"zombies\":41"));
	assert_non_null(strstr(buf_str(&b), "\"kind\":\"cgroup_pids\",\"weight\":\"alarm\","
					    "\"name\":\"/system.slice/mail.service\",\"count\":489,"
					    "\"limit\":512,\"zombies\":38"));
	assert_non_null(strstr(buf_str(&b), "\"never_reaped\":true"));
	health_release(&h);
	buf_release(&b);
	health_threads_release(&threads);
	proc_table_free(t);
}

static void facts_of_broken_texts(void **state)
{
	uint64_t load[3], tasks;
	struct health h = {0};

	assert_int_equal(fact_u64(span_of("max\n")), HEALTH_UNKNOWN);
	assert_int_equal(fact_u64(span_of("")), HEALTH_UNKNOWN);
	assert_int_equal(fact_centi(span_of("3")), 300);
	assert_int_equal(fact_meminfo_kb(span_of("MemTotal:"), "MemTotal:"), HEALTH_UNKNOWN);
	fact_loadavg(span_of("x y z"), load, &tasks);
	assert_int_equal(load[0], HEALTH_UNKNOWN);
	assert_int_equal(tasks, HEALTH_UNKNOWN);
	fact_kernel_log(span_of("5 Killed process 7 (a b) c) total-vm\n6 Killed process x\n7"), &h);
	assert_int_equal(h.oom.cnt, 1);
	assert_int_equal(h.oom.pid, 7);
	assert_true(span_equals(h.oom.comm, SPAN_LITERAL("a b) c")));
}

/* Of a recording: what only a pass shows of this moment is left out, not shown as it once was. */
static void what_ran_then_is_not_known(void **state)
{
	struct proc_table *t = proc_table_new(&(struct proc_table_options){0});
	struct event ev = {.seed = {.h = {.type = REC_SEED,
					  .boot_ns = 9 * NS_PER_SEC,
					  .tgid = 7,
					  .start_ns = NS_PER_SEC,
					  .size = sizeof(struct rec_seed)},
				    .pass = 1,
				    .state = 2, /* D */
				    .threads = 1,
				    .comm = "stuck"}};
	struct health h;

	(void)state;
	assert_int_equal(proc_table_apply(t, &ev), 0);
	assert_int_equal(health_examine(t, &(struct health_threads){0}, &h), 0);
	assert_int_equal(h.stuck, 1);
	health_release(&h);
	assert_int_equal(health_examine(t, NULL, &h), 0);
	assert_int_equal(h.stuck, HEALTH_UNKNOWN);
	assert_int_equal(h.running, HEALTH_UNKNOWN);
	assert_int_equal(h.processes, 1);
	assert_int_equal(h.finding_cnt, 0);
	health_release(&h);
	proc_table_free(t);
}

/* clang-format off */
#define WANT_NOW                                                                                   \
	"db1  Linux 6.1.0  8 CPUs, load 9.1  up 41d         Tue 24 Nov 02:14:06 CET (+01)\n"      \
	"NOW   1 process, 1,911 tasks: all sleep\n"                                               \
	" .    nothing stands out\n"
#define WANT_NEXT                                                                                  \
	"      kernel log: not readable here\n"                                                     \
	"NEXT  proctrail tree | deaths | spawns | trace | doctor | help\n"
#define WANT_RECORDED                                                                              \
	WANT_NOW                                                                                   \
	"PAST  recorded since Sun 23 Nov 13:13:20 CET (+01); ask: proctrail trace --from\n"        \
	"      -10m | tree --at TIME\n"                                                             \
	WANT_NEXT
#define WANT_RECORDED_ONCE                                                                         \
	WANT_NOW                                                                                   \
	"PAST  recorded since Sun 23 Nov 13:13:20 CET (+01) until Sun 23 Nov 13:14:50 CET\n"       \
	"      (+01); ask: proctrail trace --from -10m | tree --at TIME\n"                          \
	WANT_NEXT                                                                                  \
	"      keep a record from now on:  sudo proctrail record\n"
#define WANT_RECORDING                                                                             \
	"from t.trail, as it was then: who was in D or running is not recorded\n"                  \
	"db1  Linux 6.1.0  8 CPUs, load 9.1  up 11d         Tue 24 Nov 02:14:06 CET (+01)\n"       \
	"NOW   1 process, 1,911 tasks\n"                                                           \
	" .    nothing stands out\n"                                                               \
	"NEXT  proctrail tree -r t.trail [--at TIME] | deaths -r t.trail | trace -r\n"     \
	"      t.trail --from -10m | info -r t.trail\n"
/* clang-format on */

/* A recorder is there, or what is asked is a recording itself. */
static void the_past_is_pointed_to(void **state)
{
	const uint64_t began_ns = 1763900000 * NS_PER_SEC;
	struct proc_table *t = feed_table();
	struct health_threads none = {0};

	(void)state;
	calm_facts(t);
	FEED(t, .pid = 1, .comm = "systemd", .state = 1);
	expect_view(t, &none, 80, (struct health_view){.recorded_ns = began_ns}, WANT_RECORDED);
	expect_view(t, &none, 80,
		    (struct health_view){.recorded_ns = began_ns,
					 .recorded_until_ns = began_ns + 90 * NS_PER_SEC},
		    WANT_RECORDED_ONCE);
	expect_view(t, NULL, 80, (struct health_view){.recording = "t.trail"}, WANT_RECORDING);
	proc_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calm_machine),
		cmocka_unit_test(trouble_at_80),
		cmocka_unit_test(never_more_than_24_lines_nor_60_columns),
		cmocka_unit_test(a_thread_in_d_is_found),
		cmocka_unit_test(limits_of_the_whole_machine),
		cmocka_unit_test(what_is_not_known_is_not_said),
		cmocka_unit_test(json_has_the_findings),
		cmocka_unit_test(facts_of_broken_texts),
		cmocka_unit_test(what_ran_then_is_not_known),
		cmocka_unit_test(the_past_is_pointed_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
