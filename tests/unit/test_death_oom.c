// SPDX-License-Identifier: GPL-2.0-only
/* The kernel log's account of an OOM kill: as 5.10 and 6.18 write it, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/death_oom.h"

#define HEAD                                                                                  \
	"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes " \
	"swapents oom_score_adj name\n"
#define HEAD_5_10 \
	"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
#define BIG \
	"[  13455]     0 13455     8256     6500     5799      701         0   102400        0            10 big one\n"
#define SMALL \
	"[  13582]     0 13582     8275     1000      900      100         0   102400        0           900 small\n"
#define OTHER \
	"[  11858]     0 11858     3135     2102      672     1430         0    61440        0           900 peer\n"
#define LIMIT "memory: usage 40960kB, limit 40960kB, failcnt 9\n"
#define AT_SHOP \
	"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/shop,"
#define END AT_SHOP "task_memcg=/shop/api,task=small,pid=13582,uid=0\n"

static struct oom_report parse(const char *text, uint32_t victim)
{
	struct oom_report r;

	assert_true(oom_report_parse(span_of(text), victim, 12, &r));
	return r;
}

static void a_cgroups_limit_and_who_was_spared(void **state)
{
	struct oom_report r = parse(LIMIT HEAD BIG SMALL OTHER END, 13582);

	(void)state;
	assert_int_equal(r.where, OOM_WHERE_CGROUP);
	assert_string_equal(r.cgroup, "/shop");
	assert_int_equal(r.limit_kb, 40960);
	assert_true(r.free_kb == OOM_UNKNOWN);
	assert_int_equal(r.victim.size_kb, 4000 + 100);
	assert_int_equal(r.spared_cnt, 1); /* the other is larger, too, but its adj is the same */
	assert_int_equal(r.spared.tgid, 13455);
	assert_int_equal(r.spared.size_kb, 26000 + 100);
	assert_int_equal(r.spared.adj, 10);
	assert_string_equal(r.spared.comm, "big one");
}

static void the_columns_are_those_of_the_head(void **state)
{
	struct oom_report r = parse(
		HEAD_5_10
		"[     50]    33    50     8256     6500   102400       25         -1000 init\n"
		"[  13582]     0 13582     8275     1000   102400        0             0 small\n" END,
		13582);

	(void)state;
	assert_int_equal(r.spared.tgid, 50);
	assert_int_equal(r.spared.adj, -1000);
	assert_int_equal(r.spared.size_kb, (6500 + 25) * 4 + 100);
	assert_true(r.limit_kb == OOM_UNKNOWN);
}

static void the_machines_free_memory(void **state)
{
	struct oom_report r = parse(
		"active_anon:12 inactive_anon:34\\x0a free:2500 free_pcp:12 free_cma:0\n"
		"Node 0 DMA free:15360kB boost:0kB\n" HEAD SMALL
		"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
		"task_memcg=/shop,task=small,pid=13582,uid=0\n",
		13582);

	(void)state;
	assert_int_equal(r.where, OOM_WHERE_GLOBAL);
	assert_int_equal(r.free_kb, 10000);
	assert_string_equal(r.cgroup, "");
	assert_int_equal(r.spared_cnt, 0);
}

static void nobody_is_spared_where_nobody_was_compared(void **state)
{
	(void)state;
	/* sysctl vm.oom_kill_allocating_task */
	assert_int_equal(parse("Out of memory (oom_kill_allocating_task)\n" HEAD BIG SMALL END,
			       13582)
				 .spared_cnt,
			 0);
	/* vm.oom_dump_tasks is off, or the victim is not among the largest that were kept */
	assert_int_equal(parse(END, 13582).spared_cnt, 0);
	assert_int_equal(parse(HEAD BIG END, 13582).spared_cnt, 0);
	/* a head that names no size */
	assert_int_equal(parse("[  pid  ]   uid  tgid name\n" BIG SMALL END, 13582).spared_cnt, 0);
}

static void it_is_of_that_victim_or_of_nobody(void **state)
{
	struct oom_report r;

	(void)state;
	assert_false(oom_report_parse(span_of(LIMIT HEAD BIG SMALL END), 13455, 12, &r));
	assert_false(oom_report_parse(span_of(LIMIT HEAD BIG SMALL), 13582, 12, &r));
	assert_false(oom_report_parse((struct span){0}, 13582, 12, &r));
	/* a name that looks like the end of the line */
	r = parse(AT_SHOP "task_memcg=/shop,task=x,pid=1,uid=0,pid=13582,uid=0\n", 13582);
	assert_string_equal(r.cgroup, "/shop");
}

static void a_cut_or_long_line_is_no_harm(void **state)
{
	static char text[4096];
	struct oom_report r;

	(void)state;
	for (size_t len = 0; len < strlen(LIMIT HEAD BIG SMALL END); len++)
		(void)oom_report_parse((struct span){LIMIT HEAD BIG SMALL END, len}, 13582, 12, &r);
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, AT_SHOP, strlen(AT_SHOP));
	assert_false(oom_report_parse(span_of(text), 13582, 12, &r));
	memset(text, '[', sizeof(text) - 1);
	assert_false(oom_report_parse(span_of(text), 13582, 12, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroups_limit_and_who_was_spared),
		cmocka_unit_test(the_columns_are_those_of_the_head),
		cmocka_unit_test(the_machines_free_memory),
		cmocka_unit_test(nobody_is_spared_where_nobody_was_compared),
		cmocka_unit_test(it_is_of_that_victim_or_of_nobody),
		cmocka_unit_test(a_cut_or_long_line_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
