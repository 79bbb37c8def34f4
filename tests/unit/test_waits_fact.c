// SPDX-License-Identifier: GPL-2.0-only
/* Whom a process waits for, from the text of its fact: counted rightly, or refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test_tree_feed.h"
#include "analysis/waits_fact.h"

/* The text in memory of exactly its size, so that a sanitizer sees a read beyond it */
static int parse(const char *text, size_t len, struct waits *ret)
{
	char *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	err = waits_fact_parse((struct span){copy, len}, ret);
	free(copy);
	return err;
}

static struct waits parsed(const char *text)
{
	struct waits w;

	memset(&w, 0xff, sizeof(w));
	if (parse(text, strlen(text), &w))
		fail_msg("refused: '%s'", text);
	return w;
}

static void kinds_are_counted(void **state)
{
	struct waits w = parsed("10 any 0 0\n11 pid 77 4\n12 pid 78 0\n13 pid 77 16777220\n"
				"14 pidfd 5 4\n15 pgid 0 0\n16 pgid 4000000000 0\n17 any 0 4\n");

	(void)state;
	assert_int_equal(w.any, 2);
	assert_int_equal(w.any_limited, 0);
	assert_int_equal(w.pid, 4);
	assert_int_equal(w.pidfd, 1);
	assert_int_equal(w.pgid, 2);
	assert_int_equal(w.pid_cnt, 2);
	assert_int_equal(w.pids[0], 77);
	assert_int_equal(w.pids[1], 78);
	assert_false(w.pids_more);
	assert_true(waits_complete(&w));
}

static void nobody_waits(void **state)
{
	struct waits w = parsed("");

	(void)state;
	assert_int_equal(w.any + w.pid + w.pgid + w.pid_cnt, 0);
	assert_true(waits_complete(&w));
}

/* WNOWAIT reaps nothing, __WCLONE and __WNOTHREAD not everybody; __WALL makes up for __WCLONE. */
static void a_wait_that_does_not_reap_every_child_is_limited(void **state)
{
	(void)state;
	assert_int_equal(parsed("1 any 0 16777220\n").any_limited, 1);   /* WNOWAIT|WEXITED */
	assert_int_equal(parsed("1 any 0 536870912\n").any_limited, 1);  /* __WNOTHREAD */
	assert_int_equal(parsed("1 any 0 2147483648\n").any_limited, 1); /* __WCLONE */
	assert_int_equal(parsed("1 any 0 3221225472\n").any_limited, 0); /* __WCLONE|__WALL */
	assert_int_equal(parsed("1 any 0 1073741834\n").any_limited, 0); /* __WALL and stops */
}

static void what_is_not_known_is_said(void **state)
{
	struct waits w;

	(void)state;
	w = parsed("hung\n");
	assert_true(w.hung && !w.denied && !w.gone && !waits_complete(&w));
	w = parsed("denied\n");
	assert_true(w.denied && !w.hung && !w.gone && !waits_complete(&w));
	w = parsed("gone\n");
	assert_true(w.gone && !w.hung && !w.denied && !waits_complete(&w));
	w = parsed("compat\n");
	assert_true(w.compat && !w.more && !waits_complete(&w));
	w = parsed("9 any 0 0\ncompat\nmore\n");
	assert_true(w.any == 1 && w.compat && w.more && !waits_complete(&w));
	w = parsed("more\n");
	assert_true(w.more && !w.compat && !waits_complete(&w));
}

static void pids_are_bounded(void **state)
{
	struct buf text = {0};
	struct waits w;

	(void)state;
	for (unsigned i = 1; i <= WAITS_PIDS_MAX; i++)
		buf_printf(&text, "%u pid %u 0\n", i, 1000 + i);
	w = parsed(buf_str(&text));
	assert_int_equal(w.pid_cnt, WAITS_PIDS_MAX);
	assert_false(w.pids_more);
	buf_printf(&text, "99 pid 5 0\n");
	w = parsed(buf_str(&text));
	assert_int_equal(w.pid, WAITS_PIDS_MAX + 1);
	assert_int_equal(w.pid_cnt, WAITS_PIDS_MAX);
	assert_int_equal(w.pids[WAITS_PIDS_MAX - 1], 1000 + WAITS_PIDS_MAX);
	assert_true(w.pids_more);
	buf_release(&text);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"\n",
		" ",
		"hung",
		"hung\nhung\n",
		"hung\ndenied\n",
		"hung\n1 any 0 0\n",
		"1 any 0 0\nhung\n",
		"more\n1 any 0 0\n",
		"more\ncompat\n",
		"more\nmore\n",
		"1",
		"1 ",
		"1 any",
		"1 any 0",
		"1 any 0 0",
		"1 any 0 \n",
		"1 any 0 0 \n",
		"1  any 0 0\n",
		"0 any 0 0\n",
		"1 anybody 0 0\n",
		"1 an 0 0\n",
		"1 any -1 0\n",
		"1 any 0 0x4\n",
		"1 any 0 4294967296\n",
		"1 any 0 00000000000\n",
		"99999999999999999999 any 0 0\n",
		"1 pid 0 0\n",
		"1 pid 2147483648 0\n",
		"-1 any 0 0\n",
		"1\nany 0 0\n",
	};
	struct waits w = {.any = 42};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (parse(texts[i], strlen(texts[i]), &w) != -EBADMSG)
			fail_msg("taken: '%s'", texts[i]);
	}
	assert_int_equal(parse("1 any 0 0\n\0", 11, &w), -EBADMSG);
	assert_int_equal(w.any, 42);
}

/* Cut anywhere, a text is refused or is that of fewer threads: never of other ones. */
static void a_cut_text_tells_nothing_wrong(void **state)
{
	static const char text[] = "10 any 0 0\n11 pid 77 16777220\n12 pgid 3 0\ncompat\nmore\n";
	struct waits w;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		int err = parse(text, len, &w);

		assert_int_equal(err, !len || text[len - 1] == '\n' ? 0 : -EBADMSG);
		if (!err && w.pid_cnt)
			assert_int_equal(w.pids[0], 77);
	}
}

static void the_table_knows_by_pid_and_start(void **state)
{
	struct proc_table *t = feed_table();
	const struct proc *p;
	struct waits w;
	char name[64];

	(void)state;
	FEED(t, .pid = 812, .comm = "app");
	p = proc_table_find_pid(t, 812);
	assert_non_null(p);
	snprintf(name, sizeof(name), "waits:812:%llu", (unsigned long long)p->key.start_ns);
	feed_text(t, name, "812 any 0 0\n");
	feed_text(t, "waits:813:5", "");
	feed_text(t, "waits:814:5", "?");
	assert_int_equal(waits_fact_get(t, p->key, &w), 0);
	assert_int_equal(w.any, 1);
	assert_int_equal(waits_fact_get(t, (struct proc_key){813, 5}, &w), 0);
	assert_true(!w.any && waits_complete(&w));
	assert_int_equal(waits_fact_get(t, (struct proc_key){812, 5}, &w), -ENOENT);
	assert_int_equal(waits_fact_get(t, (struct proc_key){814, 5}, &w), -EBADMSG);
	feed_text(t, name, "");
	assert_int_equal(waits_fact_get(t, p->key, &w), 0);
	assert_int_equal(w.any, 0);
	proc_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_counted),
		cmocka_unit_test(nobody_waits),
		cmocka_unit_test(a_wait_that_does_not_reap_every_child_is_limited),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(pids_are_bounded),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_cut_text_tells_nothing_wrong),
		cmocka_unit_test(the_table_knows_by_pid_and_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
