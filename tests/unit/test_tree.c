// SPDX-License-Identifier: GPL-2.0-only
/* The tree: what folds, what is marked, and that it fits the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

#include "test_tree_feed.h"
#include "output/tree.h"

#define TASK_D 0x2
#define TASK_T 0x4

static struct buf draw(struct proc_table *t, const struct tree_options *opt, int columns,
		       uint64_t watched_ns, bool utf8)
{
	struct render r = feed_render(t, columns);
	struct tree tree;
	struct buf b = {0};

	r.style.utf8 = utf8;
	r.style.wide = opt->unfolded;
	assert_int_equal(tree_build(t, opt, &tree), 0);
	tree_put_text(&b, &r,
		      &(struct tree_view){.tree = &tree,
					  .complete = true,
					  .watched_ns = watched_ns,
					  .filtered = opt->shows != NULL});
	buf_str(&b);
	tree_release(&tree);
	return b;
}

static void expect(struct proc_table *t, const struct tree_options *opt, int columns,
		   uint64_t watched_ns, const char *want)
{
	struct buf b = draw(t, opt, columns, watched_ns, false);

	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
}

/* The machine of the samples: a chain, workers, a leaking parent, a container. */
static struct proc_table *sample(void)
{
	static const char web[] = "/kubepods/pod1/7f9c0000000000000000000000000000"
				  "00000000000000000000000000000000";
	struct proc_table *t = feed_table();

	feed_cgroup(t, 1, "/init.scope");
	feed_cgroup(t, 2, "/system.slice/sshd.service");
	feed_cgroup(t, 3, "/system.slice/mail.service");
	feed_cgroup(t, 4, web);
	FEED(t, .pid = 1, .comm = "systemd", .cgroup = 1, .state = 1);
	FEED(t, .pid = 892, .ppid = 1, .comm = "sshd", .cgroup = 2, .state = 1);
	FEED(t, .pid = 1204, .ppid = 892, .comm = "sshd", .cgroup = 2, .state = 1);
	FEED(t, .pid = 1205, .ppid = 1204, .comm = "bash", .cgroup = 2, .state = 1);
	FEED(t, .pid = 1340, .ppid = 1205, .comm = "vim.basic", .cgroup = 2, .state = TASK_T,
	     .flags = REC_F_STOPPED);
	FEED(t, .pid = 901, .ppid = 1, .comm = "nginx", .state = 1);
	for (uint32_t pid = 910; pid < 974; pid++)
		FEED(t, .pid = pid, .ppid = 901, .comm = "nginx", .state = 1);
	FEED(t, .pid = 7720, .ppid = 1, .comm = "worker", .threads = 4, .cgroup = 3, .state = 1);
	for (uint32_t pid = 7800; pid < 7831; pid++)
		FEED(t, .pid = pid, .ppid = 7720, .comm = "convert",
		     .flags = REC_F_ZOMBIE | REC_F_DEAD | REC_F_EXITING, .still_s = 720,
		     .cgroup = 3);
	for (uint32_t pid = 7840; pid < 7847; pid++)
		FEED(t, .pid = pid, .ppid = 7720, .comm = "gs",
		     .flags = REC_F_ZOMBIE | REC_F_DEAD | REC_F_EXITING, .still_s = 540,
		     .cgroup = 3);
	FEED(t, .pid = 8990, .ppid = 1, .comm = "shim", .state = 1);
	FEED(t, .pid = 9011, .ppid = 8990, .comm = "web", .flags = REC_F_NSINIT, .cgroup = 4,
	     .hostname = "shop-web-77b", .state = 1);
	FEED(t, .pid = 9100, .ppid = 9011, .comm = "app", .state = TASK_D, .still_s = 192,
	     .cgroup = 4);
	FEED(t, .pid = 2, .comm = "kthreadd", .flags = REC_F_KTHREAD, .state = 1);
	FEED(t, .pid = 3, .ppid = 2, .comm = "kworker/0:1", .flags = REC_F_KTHREAD, .state = 1);
	return t;
}

static void sample_at_80(void **state)
{
	struct proc_table *t = sample();

	expect(t, &(struct tree_options){0}, 80, 0,
	       "112 processes; 2 kernel threads hidden (-k)               02:14:06 CET, complete\n"
	       "systemd[1] 1d 3h\n"
	       "|-sshd[892] 1d 3h\n"
	       "| `-sshd[1204] 1d 3h -- bash[1205] 1d 3h -- vim.basic[1340] 1d 3h  T\n"
	       "|-nginx[901] 1d 3h -- nginx x64 1d 3h\n"
	       "|-worker[7720] 1d 3h, 4 threads, mail.service\n"
	       "| |-convert x31  Z 12m~\n"
	       "| `-gs x7        Z 9m~\n"
	       "`-shim[8990] 1d 3h\n"
	       "  `-web[9011] 1d 3h = 1 in shop-web-77b (7f9c) -- app[9100] 1d 3h  D 3m12s~\n"
	       "~ since before proctrail looked: from the scheduler's clock\n");
	proc_table_free(t);
}

static void sample_at_60(void **state)
{
	struct proc_table *t = sample();
	struct buf b = draw(t, &(struct tree_options){0}, 60, 0, true);

	assert_true(feed_widest(buf_str(&b)) <= 60);
	assert_non_null(strstr(buf_str(&b), "\u2514\u2500"));
	assert_non_null(strstr(buf_str(&b), "vim.basic[1340]"));
	buf_release(&b);
	proc_table_free(t);
}

static void kernel_threads_fold_to_the_slash(void **state)
{
	struct proc_table *t = sample();
	struct buf b;
	char comm[16];

	for (uint32_t cpu = 1; cpu < 9; cpu++) {
		snprintf(comm, sizeof(comm), "kworker/%u:0", cpu);
		FEED(t, .pid = 10 + cpu, .ppid = 2, .comm = comm, .flags = REC_F_KTHREAD);
	}
	b = draw(t, &(struct tree_options){.kernel = true}, 80, 0, false);
	assert_non_null(strstr(buf_str(&b), "kthreadd[2]"));
	assert_non_null(strstr(buf_str(&b), " x9 "));
	assert_null(strstr(buf_str(&b), "hidden"));
	buf_release(&b);
	proc_table_free(t);
}

static bool is_app(void *ctx, const struct proc *p)
{
	return span_equals(proc_comm(p), SPAN_LITERAL("app"));
}

static void a_filter_keeps_the_ancestors(void **state)
{
	struct proc_table *t = sample();

	expect(t, &(struct tree_options){.shows = is_app}, 80, 0,
	       "1 of 112 processes                                        02:14:06 CET, complete\n"
	       "systemd[1] 1d 3h\n"
	       "`-shim[8990] 1d 3h\n"
	       "  `-web[9011] 1d 3h = 1 in shop-web-77b (7f9c) -- app[9100] 1d 3h  D 3m12s~\n"
	       "~ since before proctrail looked: from the scheduler's clock\n");
	proc_table_free(t);
}

static void a_subtree_by_pid(void **state)
{
	struct proc_table *t = sample();
	struct tree tree;

	expect(t, &(struct tree_options){.root_pid = 901}, 80, 0,
	       "65 processes                                              02:14:06 CET, complete\n"
	       "nginx[901] 1d 3h -- nginx x64 1d 3h\n");
	assert_int_equal(tree_build(t, &(struct tree_options){.root_pid = 5555}, &tree), -ESRCH);
	proc_table_free(t);
}

static void like_subtrees_fold_with_their_children(void **state)
{
	struct proc_table *t = feed_table();
	uint32_t pid = 100;

	FEED(t, .pid = 1, .comm = "init", .state = 1);
	for (int i = 0; i < 5; i++) {
		uint32_t session = pid++;

		FEED(t, .pid = session, .ppid = 1, .comm = "sshd", .state = 1);
		/* how many of a kind does not matter: one to five shells each */
		for (int k = 0; k <= i; k++)
			FEED(t, .pid = pid++, .ppid = session, .comm = "bash", .state = 1);
	}
	FEED(t, .pid = pid, .ppid = 1, .comm = "sshd", .state = 1);
	FEED(t, .pid = pid + 1, .ppid = pid, .comm = "sftp", .state = 1);
	expect(t, &(struct tree_options){0}, 80, 0,
	       "23 processes                                              02:14:06 CET, complete\n"
	       "init[1] 1d 3h\n"
	       "|-sshd x5 1d 3h -- bash x15 1d 3h\n"
	       "`-sshd[120] 1d 3h -- sftp[121] 1d 3h\n");
	proc_table_free(t);
}

/* 10ms fork, 20ms exits, two of them killed: the dead are below who bore them, with their fate */
static void the_dead_with_their_fate(void **state)
{
	struct proc_table *t = feed_table();
	uint64_t sh;

	FEED(t, .pid = 1, .comm = "init", .state = 1);
	feed_fork(t, 200, 1, FEED_START(1), "sh", 10);
	sh = FEED_NOW + 10 * NS_PER_MS;
	for (uint32_t i = 0; i < 4; i++) {
		feed_fork(t, 201 + i, 200, sh, "true", 20 + i);
		feed_gone(t, 201 + i, 20 + i, 200, sh, 0, 30 + i);
	}
	feed_fork(t, 300, 200, sh, "app", 40);
	feed_gone(t, 300, 40, 200, sh, 9, 52);
	feed_gone(t, 200, 10, 1, FEED_START(1), 3 << 8, 60);
	expect(t, &(struct tree_options){.dead = true}, 80, FEED_SEC(10),
	       "7 processes in 10s, 6 ended (1 killed)                    02:14:06 CET, complete\n"
	       "init[1] 1d 3h -- sh[200] lived 50ms, exit 3\n"
	       "|-true x4 lived up to 10ms, exit 0\n"
	       "`-app[300] lived 12ms, SIGKILL\n");
	proc_table_free(t);
}

/* A chain that does not fit is cut into full lines; nothing is lost and nothing is too wide. */
static void a_chain_of_thousands(void **state)
{
	struct proc_table *t = feed_table();
	struct buf b;

	for (uint32_t pid = 1; pid <= 3000; pid++)
		FEED(t, .pid = pid, .ppid = pid - 1, .comm = "nest", .state = 1);
	b = draw(t, &(struct tree_options){0}, 60, 0, false);
	assert_true(feed_widest(buf_str(&b)) <= 60);
	assert_non_null(strstr(buf_str(&b), "nest[3000]"));
	assert_non_null(strstr(buf_str(&b), " deep> "));
	buf_release(&b);
	proc_table_free(t);
}

static void thirty_thousand_stay_readable(void **state)
{
	struct proc_table *t = feed_table();
	char comm[16];
	struct buf b;

	FEED(t, .pid = 1, .comm = "init", .state = 1);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t pid = 100 + 10 * i;

		FEED(t, .pid = pid, .ppid = 1, .comm = "session", .state = 1);
		for (uint32_t k = 1; k < 8; k++) {
			snprintf(comm, sizeof(comm), "job%u", (i + k) % 5);
			FEED(t, .pid = pid + k, .ppid = pid, .comm = comm, .state = 1);
		}
	}
	/* six thousand names of their own */
	for (uint32_t i = 0; i < 6000; i++) {
		snprintf(comm, sizeof(comm), "u%u", i);
		FEED(t, .pid = 40000 + i, .ppid = 1, .comm = comm, .state = 1);
	}
	b = draw(t, &(struct tree_options){0}, 80, 0, false);
	assert_true(feed_widest(buf_str(&b)) <= 80);
	if (feed_lines(buf_str(&b)) > 120)
		fail_msg("%zu lines:\n%.2000s", feed_lines(buf_str(&b)), buf_str(&b));
	assert_non_null(strstr(buf_str(&b), "30,001 processes"));
	assert_non_null(strstr(buf_str(&b), "session x3,000"));
	assert_non_null(strstr(buf_str(&b), "others of "));
	buf_release(&b);
	proc_table_free(t);
}

static void hostile_names_are_harmless(void **state)
{
	struct proc_table *t = feed_table();
	struct buf b;

	FEED(t, .pid = 1, .comm = "init", .state = 1);
	FEED(t, .pid = 2, .ppid = 1, .comm = "\033[2J\007\x1f\n\x9b\xff", .state = 1);
	FEED(t, .pid = 3, .ppid = 1, .comm = "\x1b]0;\x1b\x1b\x1b\x1b\x1b\x1b\x1b", .state = 1);
	b = draw(t, &(struct tree_options){0}, 60, 0, true);
	for (const char *p = buf_str(&b); *p; p++)
		if (*p != '\n')
			assert_false((unsigned char)*p < 0x20 || *p == 0x7f);
	assert_true(feed_widest(buf_str(&b)) <= 60);
	assert_int_equal(feed_lines(buf_str(&b)), 4);
	buf_release(&b);
	proc_table_free(t);
}

static void json_is_one_object_a_process(void **state)
{
	struct proc_table *t = sample();
	struct render r = feed_render(t, 80);
	struct tree tree;
	struct buf b = {0};
	const char *text;

	assert_int_equal(tree_build(t, &(struct tree_options){0}, &tree), 0);
	tree_put_json(&b, &r, &tree);
	text = buf_str(&b);
	assert_int_equal(feed_lines(text), 112);
	assert_non_null(strstr(text, "{\"event\":\"proc\""));
	assert_non_null(strstr(text, "\"stage\":\"zombie\""));
	assert_non_null(strstr(text, "\"still_ns\":192000000000,\"still_estimated\":true"));
	assert_non_null(strstr(text, "\"unit\":\"mail.service\""));
	assert_null(strstr(text, "kthreadd"));
	buf_release(&b);
	tree_release(&tree);
	proc_table_free(t);
}

static void nothing_to_show(void **state)
{
	struct proc_table *t = feed_table();

	expect(t, &(struct tree_options){0}, 80, 0,
	       "0 processes                                               02:14:06 CET, complete\n");
	proc_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_at_80),
		cmocka_unit_test(sample_at_60),
		cmocka_unit_test(kernel_threads_fold_to_the_slash),
		cmocka_unit_test(a_filter_keeps_the_ancestors),
		cmocka_unit_test(a_subtree_by_pid),
		cmocka_unit_test(like_subtrees_fold_with_their_children),
		cmocka_unit_test(the_dead_with_their_fate),
		cmocka_unit_test(a_chain_of_thousands),
		cmocka_unit_test(thirty_thousand_stay_readable),
		cmocka_unit_test(hostile_names_are_harmless),
		cmocka_unit_test(json_is_one_object_a_process),
		cmocka_unit_test(nothing_to_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
