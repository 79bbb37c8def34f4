// SPDX-License-Identifier: GPL-2.0-only
/* What is concluded from what /proc said of the threads of a process, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/why_ask.h"
#include "source/script.h"

#define TERM (1ULL << 14)
#define KILL (1ULL << 8)

struct scene {
	struct proc_table *table;
	struct script *script;
	struct why_tasks tasks;
	struct why_lives lives;
	struct stuck_thread threads[8];
	struct stuck stuck;
	struct why why;
};

static void on_change(void *ctx, const struct change *c)
{
	struct scene *s = ctx;

	why_tasks_change(&s->tasks, c);
	why_lives_change(&s->lives, c);
}

static void open_scene(struct scene *s, struct why_subject subject)
{
	*s = (struct scene){.table = proc_table_new(NULL), .script = script_new()};
	assert_non_null(s->table);
	assert_non_null(s->script);
	s->stuck.threads = s->threads;
	s->stuck.pid = s->stuck.ns_pid = 100;
	why_lives_init(&s->lives, s->table, &subject);
	assert_int_equal(proc_table_listen(s->table, on_change, s), 0);
}

static void close_scene(struct scene *s)
{
	why_lives_release(&s->lives);
	why_tasks_release(&s->tasks);
	script_free(s->script);
	proc_table_free(s->table);
}

static void play(struct scene *s, const char *const *lines)
{
	struct buf records = {0};
	struct cursor c;
	struct event ev;

	for (; *lines; lines++) {
		buf_reset(&records);
		if (script_line(s->script, *lines, &records))
			fail_msg("'%s': %s", *lines, script_error(s->script));
		c = cursor_of(records.data, records.len);
		while (c.left) {
			assert_int_equal(event_decode(&c, &ev), 0);
			assert_int_equal(proc_table_apply(s->table, &ev), 0);
		}
	}
	buf_release(&records);
}

#define STORY(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct stuck_thread *add(struct scene *s, uint32_t tid, char state, const char *wchan)
{
	struct stuck_thread *t = &s->threads[s->stuck.cnt++];

	*t = (struct stuck_thread){.tid = tid, .state = state, .call_nr = -1};
	snprintf(t->wchan, sizeof(t->wchan), "%s", wchan);
	s->stuck.thread_cnt = (uint32_t)s->stuck.cnt;
	return t;
}

static enum why_verdict conclude(struct scene *s, enum ask_fate asked,
				 const struct stuck_file *file, uint32_t holder)
{
	const struct stuck_file none = {.fd = -1};
	const struct proc *p = proc_table_find_pid(s->table, 100);

	assert_non_null(p);
	why_begin(p, &s->stuck, &s->tasks, asked, &s->why);
	why_finish(&s->why, s->table, file ? file : &none, holder);
	return s->why.verdict;
}

static void expect_verdict(struct scene *s, enum ask_fate asked, enum why_verdict want)
{
	enum why_verdict got = conclude(s, asked, NULL, 0);

	if (got != want)
		fail_msg("wanted: %s\ngot:    %s", why_verdict_name(want), why_verdict_name(got));
}

#define ONE STORY("1ms seed pid=100 ppid=1 comm=app", "1ms seed_end")

/* D is a state, not a reason: three processes show it, one of them is stuck. */
static void d_is_not_always_io(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, ONE);
	add(&s, 100, 'D', "kernel_clone");
	expect_verdict(&s, ASK_NONE, WHY_VFORK);
	s.stuck.cnt = 0;
	add(&s, 100, 'D', "__refrigerator");
	expect_verdict(&s, ASK_NONE, WHY_FROZEN);
	s.stuck.cnt = 0;
	add(&s, 100, 'D', "io_schedule");
	expect_verdict(&s, ASK_NONE, WHY_IN_D);
	s.stuck.pending = KILL;
	expect_verdict(&s, ASK_NONE, WHY_CANNOT_DIE);
	close_scene(&s);
}

/* The v2 freezer shows S, and a SIGKILL is heard there. */
static void frozen_without_d(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, ONE);
	add(&s, 100, 'S', "do_freezer_trap");
	expect_verdict(&s, ASK_NONE, WHY_FROZEN);
	close_scene(&s);
}

/* The one that has stood still the longest decides; a fatal signal is pending for it alone. */
static void the_stuck_thread_is_not_the_leader(void **state)
{
	struct scene s;
	struct stuck_thread *t;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, STORY("1ms seed pid=100 ppid=1 comm=app threads=4",
		       "1ms seed pid=100 tid=102 thread state=2 still=2s",
		       "1ms seed pid=100 tid=103 thread state=2 still=192s", "1ms seed_end"));
	add(&s, 100, 'S', "futex_wait");
	add(&s, 101, 'S', "futex_wait");
	add(&s, 102, 'D', "io_schedule");
	t = add(&s, 103, 'D', "rpc_wait_bit_killable");
	t->pending = KILL;
	expect_verdict(&s, ASK_NONE, WHY_CANNOT_DIE);
	assert_int_equal(s.why.thread->tid, 103);
	assert_true(s.why.still_ns == 192 * NS_PER_SEC);
	assert_int_equal(s.why.group[0].first->state, 'D');
	assert_int_equal(s.why.groups, 3);
	close_scene(&s);
}

static void signals_that_are_not_heard(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, ONE);
	add(&s, 100, 'S', "do_sys_poll");
	expect_verdict(&s, ASK_NONE, WHY_WAITS);
	expect_verdict(&s, ASK_IGNORED, WHY_TERM_IGNORED);
	expect_verdict(&s, ASK_HANDLED, WHY_TERM_HANDLED);
	expect_verdict(&s, ASK_DROPPED, WHY_TERM_DROPPED);
	s.stuck.pending = TERM;
	expect_verdict(&s, ASK_NONE, WHY_WAITS); /* on its way */
	s.threads[0].blocked = TERM;
	expect_verdict(&s, ASK_NONE, WHY_TERM_BLOCKED);
	add(&s, 101, 'S', "do_sys_poll"); /* which does not block it, and will take it */
	expect_verdict(&s, ASK_NONE, WHY_WAITS);
	close_scene(&s);
}

static void states_that_say_it_themselves(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, STORY("1ms seed pid=50 ppid=1 comm=gdb", "1ms seed pid=100 ppid=1 comm=app",
		       "1ms seed_end"));
	add(&s, 100, 'T', "do_signal_stop");
	expect_verdict(&s, ASK_NONE, WHY_STOPPED);
	s.threads[0].state = 't';
	s.stuck.tracer = 50;
	expect_verdict(&s, ASK_NONE, WHY_TRACED);
	assert_int_equal(s.why.on_pid, 50);
	assert_non_null(s.why.on);
	s.threads[0].state = 'R';
	s.stuck.tracer = 0;
	expect_verdict(&s, ASK_NONE, WHY_RUNS);
	s.stuck.dumping = true;
	expect_verdict(&s, ASK_NONE, WHY_DUMPS_CORE);
	close_scene(&s);
}

/* Nothing answered: nothing is concluded. */
static void nothing_is_guessed(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, ONE);
	s.stuck.hung = true;
	expect_verdict(&s, ASK_NONE, WHY_UNKNOWN);
	close_scene(&s);
}

static void whom_it_waits_for(void **state)
{
	struct stuck_file pipe = {.fd = 3, .path = "pipe:[12]", .peer = 60};
	struct stuck_file lock = {.fd = 4, .path = "/run/x.lock"};
	struct scene s;
	struct stuck_thread *t;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, STORY("1ms seed pid=60 ppid=1 comm=tail", "1ms seed pid=100 ppid=1 comm=app",
		       "1ms seed pid=110 ppid=100", "1ms seed pid=111 ppid=100", "1ms seed_end"));
	t = add(&s, 100, 'S', "do_wait");
	t->call = STUCK_CALL_WAIT;
	t->wait_pid = 111;
	expect_verdict(&s, ASK_NONE, WHY_WAITS_CHILD);
	assert_int_equal(s.why.on_pid, 111);
	t->wait_pid = 0; /* any: of two nobody knows which */
	expect_verdict(&s, ASK_NONE, WHY_WAITS_CHILD);
	assert_null(s.why.on);
	t->call = STUCK_CALL_FILE;
	assert_int_equal(conclude(&s, ASK_NONE, &pipe, 0), WHY_WAITS_PIPE);
	assert_int_equal(s.why.on_pid, 60);
	assert_true(why_leads_on(&s.why));
	t->call = STUCK_CALL_LOCK;
	assert_int_equal(conclude(&s, ASK_NONE, &lock, 60), WHY_WAITS_LOCK);
	assert_int_equal(s.why.on_pid, 60);
	close_scene(&s);
}

/* ---- lives ------------------------------------------------------------------------------------ */

static void a_life_from_birth_to_reap(void **state)
{
	const struct why_life *l;
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100});
	play(&s, STORY("1ms fork pid=50 ppid=1 comm=bash", "2ms fork pid=100 ppid=50 comm=bash",
		       "3ms exec pid=100 file=/bin/app comm=app", "4ms fork pid=101 ppid=100",
		       "5ms exit pid=101", "6ms signal pid=100 sig=TERM by=50 disp=ign",
		       "9ms signal pid=100 sig=KILL by=50", "10ms exit pid=100 signal=KILL",
		       "11ms zombie pid=100 source=notify", "15ms reap pid=100 by=50"));
	l = why_lives_pick(&s.lives);
	assert_non_null(l);
	assert_true(l->dead);
	assert_string_equal(l->who.comm, "app");
	assert_string_equal(l->born_of.comm, "bash");
	assert_true(l->spawn_ns == NS_PER_MS);
	assert_int_equal(l->images, 1);
	assert_int_equal(l->signals, 2);
	assert_int_equal(l->born, 1);
	assert_int_equal(l->death.cause, DEATH_SIGNAL);
	assert_int_equal(l->death.ask_fate, ASK_IGNORED);
	assert_true(l->zombie_at_ns && l->gone_ns > l->zombie_at_ns);
	assert_int_equal(l->reaper.key.tgid, 50);
	close_scene(&s);
}

/* A pid has many lives; who is asked about is who had it then. */
static void a_pid_at_a_time(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.pid = 100, .at_ns = SCRIPT_EPOCH_NS + 5 * NS_PER_MS});
	play(&s, STORY("1ms fork pid=100 ppid=1", "2ms exit pid=100 code=1", "3ms reap pid=100",
		       "4ms fork pid=100 ppid=1", "6ms exit pid=100 code=2", "7ms reap pid=100",
		       "8ms fork pid=100 ppid=1"));
	assert_int_equal(death_code_of(&why_lives_pick(&s.lives)->death), 2);
	close_scene(&s);
}

static void the_living_goes_before_the_dead(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, (struct why_subject){.name = "app"});
	play(&s, STORY("1ms fork pid=100 ppid=1 comm=app", "2ms fork pid=101 ppid=1 comm=app",
		       "3ms fork pid=102 ppid=1 comm=other", "4ms exit pid=101"));
	assert_int_equal(why_lives_pick(&s.lives)->who.key.tgid, 100);
	assert_int_equal(s.lives.cnt, 2);
	close_scene(&s);
}

/* ---- the question ----------------------------------------------------------------------------- */

static void questions(void **state)
{
	struct why_ask a;

	(void)state;
	assert_int_equal(why_ask_parse("4213", &a), 0);
	assert_int_equal(a.subject.pid, 4213);
	assert_int_equal(why_ask_parse("4213@02:10", &a), 0);
	assert_int_equal(a.at.kind, WHEN_CLOCK);
	assert_int_equal(why_ask_parse("fe100adf.8101.67639215881083", &a), 0);
	assert_int_equal(a.subject.pid, 8101);
	assert_true(a.subject.start_ns == 67639215881083);
	assert_int_equal(why_ask_parse(":8080", &a), 0);
	assert_int_equal(a.port, 8080);
	assert_int_equal(why_ask_parse("nginx", &a), 0);
	assert_string_equal(a.subject.name, "nginx");
	assert_int_equal(why_ask_parse("python3.11", &a), 0);
	assert_string_equal(a.subject.name, "python3.11");
	assert_int_equal(why_ask_parse(NULL, &a), -EINVAL);
	assert_int_equal(why_ask_parse(":0", &a), -EINVAL);
	assert_int_equal(why_ask_parse(":http", &a), -EINVAL);
	assert_int_equal(why_ask_parse("4213@soon", &a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d_is_not_always_io),
		cmocka_unit_test(frozen_without_d),
		cmocka_unit_test(the_stuck_thread_is_not_the_leader),
		cmocka_unit_test(signals_that_are_not_heard),
		cmocka_unit_test(states_that_say_it_themselves),
		cmocka_unit_test(nothing_is_guessed),
		cmocka_unit_test(whom_it_waits_for),
		cmocka_unit_test(a_life_from_birth_to_reap),
		cmocka_unit_test(a_pid_at_a_time),
		cmocka_unit_test(the_living_goes_before_the_dead),
		cmocka_unit_test(questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
