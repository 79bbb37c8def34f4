// SPDX-License-Identifier: GPL-2.0-only
/* What is new about zombies: told once, at its time, and not about those that are reaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "output/zombies.h"

#define PARENT   100u
#define CHILD    200u
#define BEGIN_NS (1000 * NS_PER_SEC)
#define REAL_NS  (1795482846ULL * NS_PER_SEC) /* 01:14:06 UTC */

struct scene {
	struct proc_table *t;
	struct zombies_news news;
	struct buf told; /* "zombies+2 verdict=never_waits " since it was looked at last */
	struct buf text;
	struct render r;
	uint64_t now_ns;
	uint32_t children;
};

static uint64_t start_of(uint32_t pid)
{
	return pid * NS_PER_MS;
}

static void apply(struct scene *s, struct event *ev, unsigned type)
{
	ev->h.type = (uint16_t)type;
	ev->h.size = 64;
	ev->h.boot_ns = s->now_ns++;
	assert_int_equal(proc_table_apply(s->t, ev), 0);
}

static struct event event(uint32_t pid, uint32_t ppid)
{
	return (struct event){.h = {.tgid = pid,
				    .tid = pid,
				    .start_ns = start_of(pid),
				    .ppid = ppid,
				    .parent_tid = ppid,
				    .parent_start_ns = ppid ? start_of(ppid) : 0}};
}

static void born(struct scene *s, uint32_t pid, uint32_t ppid, const char *comm)
{
	struct event ev = event(pid, ppid);

	ev.fork.exit_signal = 17;
	snprintf(ev.fork.comm, sizeof(ev.fork.comm), "%s", comm);
	apply(s, &ev, REC_FORK);
}

static void dies(struct scene *s, uint32_t pid, uint32_t ppid)
{
	struct event ev = event(pid, ppid);

	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	ev.zombie.source = REC_ZOMBIE_SIGCHLD;
	ev.zombie.exit_signal = 17;
	apply(s, &ev, REC_ZOMBIE);
}

static void reaped(struct scene *s, uint32_t pid)
{
	struct event ev = event(pid, PARENT);

	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	ev.reap.reaper = (struct rec_proc){start_of(PARENT), PARENT, PARENT};
	apply(s, &ev, REC_REAP);
}

static uint32_t zombie(struct scene *s)
{
	uint32_t pid = CHILD + s->children++;

	born(s, pid, PARENT, "convert");
	dies(s, pid, PARENT);
	return pid;
}

static void fact(struct scene *s, const char *name, const char *text)
{
	struct event ev = {.name = span_of(name), .text = span_of(text)};

	apply(s, &ev, REC_FACT_TEXT);
}

static void on_news(void *ctx, const struct news *n)
{
	struct scene *s = ctx;

	buf_put_str(&s->told, news_kind_name(n->kind));
	if (n->kind == NEWS_ZOMBIES)
		buf_printf(&s->told, "+%llu", (unsigned long long)n->fresh);
	if (n->kind == NEWS_VERDICT)
		buf_printf(&s->told, "=%s", verdict_name(n->parent->verdict));
	buf_put_char(&s->told, ' ');
	zombies_put_news(&s->text, &s->r, n);
}

/* As the command does it: looks whenever one is due. */
static void pass(struct scene *s, uint64_t ms)
{
	for (; ms; ms -= 100) {
		struct event ev = {0};
		struct zombies z;

		s->now_ns += 100 * NS_PER_MS;
		ev.tick.real_ns = REAL_NS + s->now_ns - BEGIN_NS;
		apply(s, &ev, REC_TICK);
		if (!zombies_news_due(&s->news, s->now_ns))
			continue;
		assert_int_equal(zombies_examine(s->t, &(struct zombies_options){0}, &z), 0);
		zombies_news_look(&s->news, s->t, &z, on_news, s);
		zombies_release(&z);
	}
}

static void expect(struct scene *s, const char *want)
{
	assert_string_equal(buf_str(&s->told), want);
	buf_reset(&s->told);
}

static struct scene *open_scene(void)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct event ev = {.host = {.real_ns = REAL_NS}, .zone = span_of("UTC")};

	s->t = proc_table_new(&(struct proc_table_options){0});
	s->r = (struct render){.table = s->t, .style = {.columns = 80}};
	s->now_ns = 1; /* before anybody's birth */
	apply(s, &ev, REC_HOST);
	s->now_ns = BEGIN_NS;
	born(s, PARENT, 1, "worker");
	return s;
}

static void close_scene(struct scene *s)
{
	zombies_news_release(&s->news);
	proc_table_free(s->t);
	buf_release(&s->told);
	buf_release(&s->text);
	free(s);
}

static void who_reaps_in_time_is_no_news(void **state)
{
	struct scene *s = open_scene();

	(void)state;
	for (int i = 0; i < 10; i++) {
		uint32_t pid = zombie(s);

		pass(s, 2900);
		reaped(s, pid);
	}
	expect(s, "");
	close_scene(s);
}

static void a_leak_is_told_as_it_begins(void **state)
{
	struct scene *s = open_scene();

	(void)state;
	pass(s, 1000);
	for (int i = 0; i < 4; i++) {
		zombie(s);
		pass(s, 1000);
	}
	/* the first is three seconds old, and that it never waits is known with it */
	expect(s, "zombies+1 verdict=never_waits leak ");
	close_scene(s);
}

/* A thousand lines a minute would tell no more than this. */
static void a_flood_is_told_less_and_less_often(void **state)
{
	struct scene *s = open_scene();
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 600; i++) {
		zombie(s);
		pass(s, 500);
	}
	for (const char *at = buf_str(&s->told); (at = strstr(at, "zombies+")); at++)
		lines++;
	assert_in_range(lines, 6, 12); /* in five minutes */
	close_scene(s);
}

static void the_end_is_told_once(void **state)
{
	struct scene *s = open_scene();
	uint32_t pid = zombie(s);

	(void)state;
	pass(s, 5000);
	expect(s, "zombies+1 verdict=never_waits ");
	reaped(s, pid);
	pass(s, 3000);
	expect(s, "gone ");
	pass(s, 700000);
	expect(s, "");
	assert_int_equal(s->news.by_parent.cnt, 0);
	close_scene(s);
}

static void a_verdict_that_changes_is_told(void **state)
{
	struct event ev = event(PARENT, 1);
	struct scene *s = open_scene();

	(void)state;
	zombie(s);
	pass(s, 4000);
	expect(s, "zombies+1 verdict=never_waits ");
	ev.wait.kind = REC_WAIT_PID;
	ev.wait.pid = 777;
	apply(s, &ev, REC_WAIT);
	pass(s, 2000);
	expect(s, "verdict=waits_for_others ");
	assert_non_null(strstr(buf_str(&s->text),
			       "  worker[100]            waits for others, before: "
			       "never waits\n"));
	close_scene(s);
}

static void a_limit_is_told_as_it_comes_nearer(void **state)
{
	struct scene *s = open_scene();

	(void)state;
	fact(s, "/proc/sys/kernel/pid_max", "1000\n");
	fact(s, "/proc/loadavg", "1 1 1 1/890 4242\n");
	zombie(s);
	pass(s, 4000);
	expect(s, "zombies+1 verdict=never_waits ");
	fact(s, "/proc/loadavg", "1 1 1 1/950 4242\n");
	pass(s, 2000);
	expect(s, "limit ");
	pass(s, 5000);
	expect(s, "");
	fact(s, "/proc/loadavg", "1 1 1 1/1000 4242\n");
	pass(s, 2000);
	expect(s, "limit ");
	assert_non_null(strstr(buf_str(&s->text), "1,000/1,000 pids of the"));
	close_scene(s);
}

static void a_line_has_what_a_reader_needs(void **state)
{
	struct scene *s = open_scene();

	(void)state;
	zombie(s);
	zombie(s);
	pass(s, 4000);
	assert_string_equal(buf_str(&s->text),
			    "01:14:09  worker[100]            +2 zombies older than 3s, the last: "
			    "convert\n"
			    "01:14:09  worker[100]            never waits\n");
	buf_reset(&s->text);
	s->r.json = true;
	zombie(s);
	pass(s, 4000);
	assert_non_null(strstr(buf_str(&s->text),
			       "\"what\":\"zombies\",\"pid\":100,\"start_ns\":100000000,"
			       "\"comm\":\"worker\",\"zombies\":3,\"verdict\":\"never_waits\","
			       "\"more\":1,"));
	close_scene(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reaps_in_time_is_no_news),
		cmocka_unit_test(a_leak_is_told_as_it_begins),
		cmocka_unit_test(a_flood_is_told_less_and_less_often),
		cmocka_unit_test(the_end_is_told_once),
		cmocka_unit_test(a_verdict_that_changes_is_told),
		cmocka_unit_test(a_limit_is_told_as_it_comes_nearer),
		cmocka_unit_test(a_line_has_what_a_reader_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
