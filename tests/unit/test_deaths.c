// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts of deaths, told as timelines (tests/script/README.md): what the records say, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "output/deaths.h"
#include "source/script.h"

struct scene {
	struct proc_table *table;
	struct script *script;
	struct deaths deaths;
	struct render r;
	struct buf told;
	size_t sets;
};

static void tell(void *ctx, const struct death *const *v, size_t cnt)
{
	struct scene *s = ctx;

	s->sets++;
	deaths_put_set(&s->told, &s->r, v, cnt);
}

static void on_change(void *ctx, const struct change *c)
{
	struct scene *s = ctx;

	deaths_note(&s->deaths, c, true);
}

static void open_scene(struct scene *s, bool json, struct deaths_options opt)
{
	*s = (struct scene){.table = proc_table_new(NULL), .script = script_new()};
	assert_non_null(s->table);
	assert_non_null(s->script);
	opt.tell = tell;
	opt.ctx = s;
	deaths_init(&s->deaths, s->table, &opt);
	s->r = (struct render){
		.table = s->table, .style = {.columns = 80, .wide = true}, .json = json};
	assert_int_equal(proc_table_listen(s->table, on_change, s), 0);
}

static void close_scene(struct scene *s)
{
	deaths_release(&s->deaths);
	script_free(s->script);
	proc_table_free(s->table);
	buf_release(&s->told);
}

static void play(struct scene *s, const char *line)
{
	struct buf records = {0};
	struct cursor c;
	struct event ev;

	if (script_line(s->script, line, &records))
		fail_msg("'%s': %s", line, script_error(s->script));
	c = cursor_of(records.data, records.len);
	while (c.left) {
		assert_int_equal(event_decode(&c, &ev), 0);
		assert_int_equal(proc_table_apply(s->table, &ev), 0);
	}
	buf_release(&records);
}

static void tell_story(struct scene *s, const char *const *lines)
{
	for (; *lines; lines++)
		play(s, *lines);
	deaths_finish(&s->deaths);
}

/* Told as text and as JSON; both must have the words. */
static void expect_told(const char *const *lines, const char *text, const char *json)
{
	struct scene s;

	for (int as_json = 0; as_json <= 1; as_json++) {
		const char *words = as_json ? json : text;

		open_scene(&s, as_json, (struct deaths_options){0});
		tell_story(&s, lines);
		if (words && !strstr(buf_str(&s.told), words))
			fail_msg("wanted: %s\ngot:    %s", words, buf_str(&s.told));
		close_scene(&s);
	}
}

#define STORY(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- senders ---------------------------------------------------------------------------------- */

static void senders_and_their_ways(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=50 ppid=1 comm=sshd", "1ms fork pid=60 ppid=50 comm=bash",
			  "1ms fork pid=70 ppid=60 comm=kill", "1ms fork pid=100 ppid=1 comm=app",
			  "2ms signal pid=100 sig=TERM by=70", "9ms exit pid=100 signal=TERM"),
		    "SIGTERM by kill[70] < bash[60] < sshd[50]; it took 7.0ms to die",
		    "\"cause\":\"signal\",\"killer_pid\":70");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 code=-6",
			  "2ms exit pid=100 signal=TERM"),
		    "(tgkill)", "\"how\":\"tgkill\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 code=-1",
			  "2ms exit pid=100 signal=TERM"),
		    "(sigqueue)", "\"how\":\"sigqueue\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=ABRT by=100 code=-6",
			  "2ms exit pid=100 signal=ABRT core"),
		    "SIGABRT, sent by itself (abort), core dumped", "\"core_dumped\":true");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=ALRM code=0x80",
			  "2ms exit pid=100 signal=ALRM"),
		    "SIGALRM of a timer", "\"how\":\"timer\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=PIPE by=100 thread",
			  "2ms exit pid=100 signal=PIPE"),
		    "SIGPIPE: nobody reads", "\"how\":\"pipe\"");
}

static void the_kernels_own_reasons(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=SEGV code=1 addr=0x18",
			  "2ms exit pid=100 signal=SEGV"),
		    "SIGSEGV at 0x18", "\"cause\":\"fault\",\"code\":1,\"how\":\"kernel\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=KILL by=60 thread",
			  "2ms exit pid=100 signal=KILL"),
		    "SIGKILL by cgroup.kill, written by", "\"cause\":\"cgroup_kill\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=HUP by=60 code=0x80",
			  "2ms exit pid=100 signal=HUP"),
		    "its terminal hung up", "\"cause\":\"tty\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=INT code=0x80",
			  "2ms exit pid=100 signal=INT"),
		    "SIGINT from its terminal (Ctrl-C)", "\"cause\":\"tty\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=XCPU code=0x80",
			  "2ms exit pid=100 signal=XCPU"),
		    "RLIMIT_CPU", "\"cause\":\"rlimit\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=KILL by=100 code=0x80",
			  "2ms exit pid=100 signal=KILL"),
		    "SIGKILL: no CPU time left (RLIMIT_CPU)", "\"cause\":\"rlimit\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=SYS code=1",
			  "2ms exit pid=100 signal=SYS"),
		    "SIGSYS: a seccomp filter", "\"cause\":\"seccomp\"");
	/* before 5.16 it sends none */
	expect_told(STORY("1ms fork pid=100 ppid=1",
			  "2ms signal pid=100 sig=SYS code=1 addr=0xc000003e000000aa",
			  "2ms exit pid=100 signal=SYS"),
		    "forbids system call 170 of x86-64",
		    "\"seccomp_syscall\":170,\"seccomp_arch\":\"x86-64\"");
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms exit pid=100 signal=SYS"), "seccomp",
		    "\"cause\":\"seccomp\"");
}

/* A parent that is dying sends nothing by itself. */
static void a_parents_death_is_no_kill(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=100 ppid=1 comm=boss", "1ms fork pid=101 ppid=100",
			  "2ms die pid=100 code=0", "2ms signal pid=101 sig=TERM by=100",
			  "3ms exit pid=101 signal=TERM"),
		    "at the death of its parent boss[100]",
		    "\"cause\":\"pdeathsig\",\"killer_pid\":100");
	expect_told(STORY("1ms fork pid=100 ppid=1 comm=boss", "1ms fork pid=101 ppid=100",
			  "2ms signal pid=101 sig=TERM by=100", "2ms die pid=100 code=0",
			  "3ms exit pid=101 signal=TERM"),
		    "SIGTERM by boss[100]", "\"cause\":\"signal\",\"killer_pid\":100");
}

static void what_nobody_saw_is_unknown(void **state)
{
	(void)state;
	/* a group exit's own SIGKILL is delivered, never generated */
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms deliver pid=100 sig=KILL",
			  "3ms exit pid=100 signal=KILL"),
		    "SIGKILL, from whom is unknown", "\"cause\":\"unknown\",\"lived_ns\"");
	/* it was blocked: another one did it */
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 blocked",
			  "3ms exit pid=100 signal=KILL"),
		    "from whom is unknown", "\"cause\":\"unknown\"");
	/* the kernel, but neither a victim was marked nor a namespace ended */
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=KILL by=60 code=0x80",
			  "3ms exit pid=100 signal=KILL"),
		    "by the kernel: why is unknown", "\"cause\":\"unknown\"");
	/* it exits although somebody's signal waits */
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 blocked",
			  "3ms exit pid=100 code=3"),
		    "exit 3\n", "\"exit_code\":3,\"cause\":\"exit\",\"lived_ns\"");
}

/* ---- asked before ----------------------------------------------------------------------------- */

static void asked(const char *how, const char *deliver, const char *text, const char *json)
{
	char term[96];

	snprintf(term, sizeof(term), "2ms signal pid=100 sig=TERM by=60 %s", how);
	expect_told(STORY("1ms fork pid=100 ppid=1", term, deliver,
			  "30002ms signal pid=100 sig=KILL by=70",
			  "30002ms exit pid=100 signal=KILL"),
		    text, json);
}

static void term_then_kill_is_one_line_with_its_delay(void **state)
{
	(void)state;
	asked("disp=handler", "3ms deliver pid=100 sig=TERM disp=handler",
	      "30s after SIGTERM by ?[60], which its handler took", "\"asked_fate\":\"handled\"");
	asked("disp=handler", "3ms tick", "30s after SIGTERM by ?[60], for which it has a handler",
	      "\"asked_fate\":\"pending\"");
	asked("disp=ign result=ignored", "3ms tick", "which it ignores",
	      "\"asked_fate\":\"ignored\"");
	asked("blocked", "3ms tick", "which it had blocked", "\"asked_fate\":\"blocked\"");
	expect_told(STORY("1ms fork pid=100 ppid=1 level=1 ns_pid=1 flags=nsinit",
			  "1ms set pid=100 flags=nsinit", "2ms rename pid=100 comm=init",
			  "2ms signal pid=100 sig=TERM by=60 result=ignored",
			  "12ms signal pid=100 sig=KILL by=60", "12ms exit pid=100 signal=KILL"),
		    "10ms after SIGTERM, which the kernel dropped", "\"asked_fate\":\"dropped\"");
}

/* The first of many TERMs counts; one that came to the dying asks for nothing. */
static void many_may_ask(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=100 ppid=1",
			  "2ms signal pid=100 sig=TERM by=60 disp=handler",
			  "5ms signal pid=100 sig=TERM by=60 disp=handler",
			  "12ms signal pid=100 sig=KILL by=60",
			  "12ms signal pid=100 sig=TERM by=60 result=ignored",
			  "13ms exit pid=100 signal=KILL"),
		    "10ms after SIGTERM", "\"asked_count\":2,\"asked_before_ns\":10000000");
}

/* ---- out of memory ---------------------------------------------------------------------------- */

static void an_oom_victim_and_its_adj(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=60 ppid=1 comm=setup", "1ms fork pid=70 ppid=1 comm=hungry",
			  "1ms fork pid=99 ppid=1", "2ms oom_adj pid=99 by=60 adj=500",
			  "3ms fork pid=100 ppid=99 comm=app",
			  "4ms signal pid=100 sig=KILL by=70 code=0x80",
			  "4ms oom pid=100 by=70 adj=500 rss=2048", "9ms exit pid=100 signal=KILL"),
		    "OOM, 2.0 MiB, adj 500, written by setup[60] at",
		    "\"cause\":\"oom\",\"killer_pid\":70");
	/* earlyoom is a sender like any */
	expect_told(STORY("1ms fork pid=60 ppid=1 comm=earlyoom", "1ms fork pid=100 ppid=1",
			  "4ms signal pid=100 sig=KILL by=60", "9ms exit pid=100 signal=KILL"),
		    "SIGKILL by earlyoom[60]", "\"cause\":\"signal\"");
}

/* ---- codes ------------------------------------------------------------------------------------ */

static void codes_of_shells(void **state)
{
	(void)state;
	expect_told(STORY("1ms fork pid=60 ppid=1 comm=kill", "1ms fork pid=100 ppid=1 comm=job.sh",
			  "2ms fork pid=101 ppid=100 comm=convert",
			  "3ms signal pid=101 sig=KILL by=60", "3ms exit pid=101 signal=KILL",
			  "4ms reap pid=101", "5ms exit pid=100 code=137"),
		    "exit 137 = its child convert[101] was killed by SIGKILL (kill[60])",
		    "\"child_pid\":101");
	/* a shell in a shell hands it on */
	expect_told(STORY("1ms fork pid=90 ppid=1 comm=outer",
			  "1ms fork pid=100 ppid=90 comm=job.sh",
			  "2ms fork pid=101 ppid=100 comm=convert",
			  "3ms signal pid=101 sig=SEGV code=1", "3ms exit pid=101 signal=SEGV",
			  "4ms reap pid=101", "5ms exit pid=100 code=139", "6ms reap pid=100",
			  "7ms exit pid=90 code=139"),
		    "lived 6.0ms\n         exit 139 = its child convert[101] was killed by SIGSEGV",
		    "\"pid\":90");
	/* another one's death is not its own */
	expect_told(STORY("1ms fork pid=100 ppid=1", "2ms fork pid=101 ppid=100",
			  "3ms exit pid=101 signal=TERM", "4ms exit pid=100 code=137"),
		    "no child of it was seen to die so", "\"exit_code\":137");
	expect_told(STORY("1ms fork pid=100 ppid=1", "4ms exit pid=100 code=127"),
		    "command not found", NULL);
	expect_told(STORY("1ms fork pid=100 ppid=1", "4ms exit pid=100 code=126"), "not executable",
		    NULL);
}

/* ---- groups ----------------------------------------------------------------------------------- */

static void one_call_is_one_entry(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, false, (struct deaths_options){0});
	tell_story(&s,
		   STORY("1ms fork pid=60 ppid=1 comm=systemd", "1ms fork pid=100 ppid=1 comm=web",
			 "1ms fork pid=101 ppid=1 comm=web", "1ms fork pid=102 ppid=1 comm=log",
			 "1ms fork pid=103 ppid=1 comm=other", "2ms signal pid=100 sig=TERM by=60",
			 "2ms signal pid=101 sig=TERM by=60", "2ms exit pid=100 signal=TERM",
			 "3ms signal pid=102 sig=TERM by=60", "3ms exit pid=103 code=1",
			 "9ms exit pid=101 signal=TERM", "50ms exit pid=102 signal=TERM"));
	assert_int_equal(s.sets, 2);
	assert_non_null(strstr(buf_str(&s.told), "3 died together, within 48ms: web x2, log[102]"));
	assert_non_null(strstr(buf_str(&s.told), "SIGTERM by systemd[60], which sent it to 3"));
	close_scene(&s);
}

static void a_namespace_ends_with_its_init(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, true, (struct deaths_options){0});
	tell_story(&s, STORY("1ms fork pid=100 ppid=1 level=1 ns_pid=1 flags=nsinit comm=init",
			     "1ms set pid=100 flags=nsinit", "2ms fork pid=101 ppid=100 comm=a",
			     "2ms fork pid=102 ppid=100 comm=b", "3ms die pid=100 code=0",
			     "3ms signal pid=101 sig=KILL by=100 code=0x80",
			     "3ms signal pid=102 sig=KILL by=100 code=0x80",
			     "4ms exit pid=101 signal=KILL", "4ms exit pid=102 signal=KILL"));
	assert_int_equal(s.sets, 1);
	assert_non_null(strstr(buf_str(&s.told), "\"cause\":\"namespace_end\",\"killer_pid\":100"));
	assert_non_null(strstr(buf_str(&s.told), "\"group_size\":2"));
	close_scene(&s);
}

/* Slowly, one after the other: not one event. */
static void apart_in_time_is_apart(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, true, (struct deaths_options){0});
	tell_story(&s,
		   STORY("1ms fork pid=100 ppid=1", "1ms fork pid=101 ppid=1",
			 "2ms signal pid=100 sig=TERM by=60", "3ms exit pid=100 signal=TERM",
			 "30ms signal pid=101 sig=TERM by=60", "31ms exit pid=101 signal=TERM"));
	assert_int_equal(s.sets, 2);
	assert_null(strstr(buf_str(&s.told), "group_kill"));
	close_scene(&s);
}

/* Told when the moment is over, by the stream's own clock. */
static void held_for_a_moment(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, false, (struct deaths_options){0});
	play(&s, "1ms fork pid=100 ppid=1");
	play(&s, "2ms exit pid=100 code=1");
	play(&s, "150ms tick");
	assert_int_equal(s.sets, 0);
	play(&s, "250ms tick");
	assert_int_equal(s.sets, 1);
	close_scene(&s);
}

/* ---- what is told, what is kept --------------------------------------------------------------- */

static void chosen(struct deaths_options opt, uint64_t told)
{
	struct scene s;

	open_scene(&s, true, opt);
	tell_story(&s, STORY("1ms fork pid=100 ppid=1", "1ms fork pid=101 ppid=1",
			     "1ms fork pid=102 ppid=1", "2ms exit pid=100 code=0",
			     "2ms exit pid=101 code=1", "2ms signal pid=102 sig=KILL by=60",
			     "2ms exit pid=102 signal=KILL"));
	assert_int_equal(s.deaths.told, told);
	assert_int_equal(s.deaths.deaths, 3);
	assert_int_equal(s.deaths.failed, 2);
	assert_int_equal(s.deaths.killed, 1);
	close_scene(&s);
}

static void only_those_asked_for(void **state)
{
	(void)state;
	chosen((struct deaths_options){0}, 2);
	chosen((struct deaths_options){.all = true}, 3);
	chosen((struct deaths_options){.sig = 9}, 1);
	chosen((struct deaths_options){.sig = 15}, 0);
}

/* In one moment more than are held: all are told, and nothing grows. */
static void a_storm_is_told_whole(void **state)
{
	const int cnt = DEATHS_HELD_MAX + 1000;
	char line[96];
	struct scene s;

	(void)state;
	open_scene(&s, true, (struct deaths_options){0});
	for (int i = 0; i < cnt; i++) {
		snprintf(line, sizeof(line), "1ms fork pid=%d ppid=1", 1000 + i);
		play(&s, line);
		snprintf(line, sizeof(line), "1ms signal pid=%d sig=KILL by=60", 1000 + i);
		play(&s, line);
		snprintf(line, sizeof(line), "1ms exit pid=%d signal=KILL", 1000 + i);
		play(&s, line);
	}
	deaths_finish(&s.deaths);
	assert_int_equal(s.deaths.told, cnt);
	assert_in_range(s.deaths.cap, 1, 2 * DEATHS_HELD_MAX);
	assert_int_equal(s.deaths.notes.by_proc.cnt, 1); /* their parent lives */
	close_scene(&s);
}

/* A machine that booted again: its old processes died in between, and nothing of them is kept. */
static void a_reboot_forgets(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, true, (struct deaths_options){0});
	tell_story(&s, STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 blocked",
			     "3ms host boot=2"));
	assert_int_equal(s.deaths.notes.by_proc.cnt, 0);
	close_scene(&s);
	open_scene(&s, true, (struct deaths_options){0});
	tell_story(&s, STORY("1ms fork pid=100 ppid=1", "2ms signal pid=100 sig=TERM by=60 blocked",
			     "3ms host"));
	assert_int_equal(s.deaths.notes.by_proc.cnt, 1);
	close_scene(&s);
}

/* In 60 columns, too, and with a name that fills a line by itself. */
static void long_names_wrap(void **state)
{
	struct scene s;
	size_t at = 0;

	(void)state;
	open_scene(&s, false, (struct deaths_options){0});
	s.r.style = (struct text_style){.columns = 60};
	tell_story(
		&s,
		STORY("1ms fork pid=50 ppid=1 level=1 ns_pid=7 comm=fifteen_letters",
		      "1ms exec pid=50 hostname=a-very-long-name-of-a-container.in-a-very-long-domain.example",
		      "2ms signal pid=50 sig=TERM by=60 disp=handler",
		      "9ms signal pid=50 sig=KILL by=60", "9ms exit pid=50 signal=KILL"));
	for (const char *p = buf_str(&s.told); *p; p++) {
		at = *p == '\n' ? 0 : at + 1;
		assert_in_range(at, 0, 60);
	}
	assert_non_null(strstr(buf_str(&s.told), "lived 8.0ms"));
	close_scene(&s);
}

/* ---- patterns --------------------------------------------------------------------------------- */

static void restarts_make_a_crash_loop(void **state)
{
	const struct death_pattern *v[4];
	const struct death_killer *k[4];
	char line[96];
	struct scene s;

	(void)state;
	open_scene(&s, false, (struct deaths_options){0});
	play(&s, "1ms fork pid=50 ppid=1 comm=runsv");
	play(&s, "1ms fork pid=60 ppid=1 comm=kill");
	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "%ds fork pid=%d ppid=50 comm=app", 2 * i + 2,
			 100 + i);
		play(&s, line);
		snprintf(line, sizeof(line), "%ds exit pid=%d code=1", 2 * i + 3, 100 + i);
		play(&s, line);
	}
	for (int i = 0; i < 3; i++) { /* together: workers that are killed, no restart */
		snprintf(line, sizeof(line), "20s fork pid=%d ppid=50 comm=worker", 200 + i);
		play(&s, line);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "21s signal pid=%d sig=KILL by=60", 200 + i);
		play(&s, line);
		snprintf(line, sizeof(line), "21s exit pid=%d signal=KILL", 200 + i);
		play(&s, line);
	}
	for (int i = 0; i < 3; i++) { /* a shell looks for something that is not there */
		snprintf(line, sizeof(line), "%dms fork pid=%d ppid=50 comm=test", 22000 + 9 * i,
			 300 + i);
		play(&s, line);
		snprintf(line, sizeof(line), "%dms exit pid=%d code=1", 22005 + 9 * i, 300 + i);
		play(&s, line);
	}
	deaths_finish(&s.deaths);
	assert_int_equal(death_patterns_rank(&s.deaths.patterns, 2, 4, v), 3);
	assert_string_equal(v[0]->comm, "app");
	assert_int_equal(v[0]->cnt, 4);
	assert_true(death_pattern_is_loop(v[0]));
	assert_int_equal(death_pattern_period_ns(v[0]), 2 * NS_PER_SEC);
	assert_string_equal(v[0]->starter.comm, "runsv");
	assert_false(death_pattern_is_loop(v[1]));
	assert_false(death_pattern_is_loop(v[2]));
	assert_int_equal(death_killers_rank(&s.deaths.patterns, 4, k), 1);
	assert_int_equal(k[0]->cnt, 3);
	assert_string_equal(k[0]->who.comm, "kill");
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_and_their_ways),
		cmocka_unit_test(the_kernels_own_reasons),
		cmocka_unit_test(a_parents_death_is_no_kill),
		cmocka_unit_test(what_nobody_saw_is_unknown),
		cmocka_unit_test(term_then_kill_is_one_line_with_its_delay),
		cmocka_unit_test(many_may_ask),
		cmocka_unit_test(an_oom_victim_and_its_adj),
		cmocka_unit_test(codes_of_shells),
		cmocka_unit_test(one_call_is_one_entry),
		cmocka_unit_test(a_namespace_ends_with_its_init),
		cmocka_unit_test(apart_in_time_is_apart),
		cmocka_unit_test(held_for_a_moment),
		cmocka_unit_test(only_those_asked_for),
		cmocka_unit_test(a_storm_is_told_whole),
		cmocka_unit_test(a_reboot_forgets),
		cmocka_unit_test(long_names_wrap),
		cmocka_unit_test(restarts_make_a_crash_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
