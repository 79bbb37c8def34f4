// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/trigger.h"

static struct trigger parsed(const char *text)
{
	struct trigger t;

	if (trigger_parse(text, &t))
		fail_msg("'%s' is refused", text);
	return t;
}

static void what_is_no_condition_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"o",
		"ooms",
		"oom>1",
		"zombies",
		"zombies100",
		"zombies>",
		"zombies>-1",
		"zombies>1x",
		"zombies>>1",
		"zombies ~1",
		"lost",
		"lost>99999999999999999999",
		"exit",
		"exit:",
		"exit:!=0",
		"exit:sh!=",
		"exit:a-name-that-is-longer-than-sixty-three-bytes-is-nobodys-name-here!=0",
	};
	struct trigger t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (trigger_parse(bad[i], &t) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
}

static bool dies(struct trigger *t, const char *comm, uint32_t status)
{
	struct proc p = {.flags = PROC_STATUS_KNOWN, .status = status};
	struct change c = {.kind = CHANGE_EXIT, .proc = &p};
	struct proc_counts counts = {0};

	memcpy(p.comm, comm, strnlen(comm, sizeof(p.comm)));
	return trigger_fires(t, &counts, &c);
}

static void deaths_are_told_by_name_and_fate(void **state)
{
	struct trigger t = parsed("exit:job*!=0");

	(void)state;
	assert_false(dies(&t, "job-1", 0));
	assert_true(dies(&t, "job-1", 3 << 8));
	assert_true(dies(&t, "job-1", 9));
	assert_false(dies(&t, "a-job", 3 << 8));
	t = parsed("exit:sixteen_letters_>=137");
	assert_true(dies(&t, "sixteen_letters_", 9));
	assert_false(dies(&t, "sixteen_letters_", 15 << 8));
	t = parsed("exit:cron");
	assert_true(dies(&t, "cron", 0));
	t = parsed("exit:sh=3");
	assert_true(dies(&t, "sh", 3 << 8));
	assert_false(dies(&t, "sh", 4 << 8));
}

static bool at_tick(struct trigger *t, uint64_t zombies, uint64_t lost, uint64_t missed)
{
	struct proc_counts counts = {.zombies_now = zombies, .lost = lost, .missed = missed};
	struct change c = {.kind = CHANGE_TICK};

	return trigger_fires(t, &counts, &c);
}

static void zombies_fire_when_they_become_too_many(void **state)
{
	struct trigger t = parsed("zombies>100");

	(void)state;
	assert_false(at_tick(&t, 100, 0, 0));
	assert_true(at_tick(&t, 101, 0, 0));
	assert_false(at_tick(&t, 500, 0, 0));
	assert_false(at_tick(&t, 7, 0, 0));
	assert_true(at_tick(&t, 500, 0, 0));
}

static void losses_fire_each_time(void **state)
{
	struct trigger t = parsed("lost>0");

	(void)state;
	assert_false(at_tick(&t, 0, 0, 0));
	assert_true(at_tick(&t, 0, 3, 0));
	assert_false(at_tick(&t, 0, 3, 0));
	assert_true(at_tick(&t, 0, 3, 1));
	t = parsed("lost>=10");
	assert_false(at_tick(&t, 0, 9, 0));
	assert_true(at_tick(&t, 0, 9, 1));
	assert_false(at_tick(&t, 0, 18, 1));
	assert_true(at_tick(&t, 0, 19, 1));
}

static void each_oom_kill_fires(void **state)
{
	struct trigger t = parsed("oom");
	struct proc_counts counts = {0};

	(void)state;
	assert_true(trigger_fires(&t, &counts, &(struct change){.kind = CHANGE_OOM}));
	assert_true(trigger_fires(&t, &counts, &(struct change){.kind = CHANGE_OOM}));
	assert_false(trigger_fires(&t, &counts, &(struct change){.kind = CHANGE_TICK}));
	assert_false(dies(&t, "sh", 9));
}

static void words_are_fit_for_a_file_name(void **state)
{
	struct trigger t = parsed("exit:a/../b *!=0");
	struct buf b = {0};

	(void)state;
	trigger_put_word(&b, &t);
	assert_string_equal(buf_str(&b), "exit-a_.._b__");
	buf_reset(&b);
	t = parsed("zombies>1");
	trigger_put_word(&b, &t);
	assert_string_equal(buf_str(&b), "zombies");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_condition_is_refused),
		cmocka_unit_test(deaths_are_told_by_name_and_fate),
		cmocka_unit_test(zombies_fire_when_they_become_too_many),
		cmocka_unit_test(losses_fire_each_time),
		cmocka_unit_test(each_oom_kill_fires),
		cmocka_unit_test(words_are_fit_for_a_file_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
