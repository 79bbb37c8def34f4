// SPDX-License-Identifier: GPL-2.0-only
/* Changes as JSON, by the contract in DESIGN.md. */
#include "output_scene.h"

/* The common fields of the child, 2 ms after its birth; then those of the event. */
static void expect_json(const char *got, const char *event, const char *own)
{
	char expected[2048];

	snprintf(expected, sizeof(expected),
		 "{\"event\":\"%s\",\"ts\":\"2026-11-24T02:11:07.414000000Z\","
		 "\"boot_ns\":3600002000000,\"id\":\"5a01beef.4302.3600000000000\","
		 "\"parent_id\":\"5a01beef.4301.3599000000000\",\"pid\":4302,"
		 "\"start_ns\":3600000000000,\"ppid\":4301,\"birth_ppid\":4301,\"comm\":\"true\","
		 "\"exe\":\"/bin/true\",\"cwd\":\"/tmp\",\"args\":[\"/bin/true\"],"
		 "\"args_truncated\":false,\"uid\":1000,"
		 "\"cgroup\":\"/system.slice/cron.service\",\"unit\":\"cron.service\"%s}\n",
		 event, own);
	assert_string_equal(got, expected);
}

static void fork_tells_how_and_what_it_copied(void **state)
{
	struct scene *s = *state;

	s->ev.fork.clone_flags = 0x20000000 | 0x40000000 | 17;
	s->ev.fork.creator_rss_kb = 812;
	s->ev.fork.syscall = 56;
	expect_json(line(s, CHANGE_FORK, REC_FORK), "fork",
		    ",\"how\":\"fork\",\"syscall\":\"clone\",\"new_ns\":[\"pid\",\"net\"],"
		    "\"parent_rss_kb\":812");
	s->ev.fork.syscall = 0xffffffff;
	s->ev.fork.creator_rss_kb = 0;
	s->ev.fork.clone_flags = 17;
	s->child.how = HOW_UNKNOWN;
	expect_json(line(s, CHANGE_FORK, REC_FORK), "fork", ",\"how\":\"unknown\",\"new_ns\":[]");
}

static void threads_have_a_tid(void **state)
{
	struct scene *s = *state;

	s->ev.h.flags = REC_F_THREAD;
	s->ev.h.tid = 4310;
	s->ev.fork.syscall = 435;
	expect_json(line(s, CHANGE_THREAD, REC_FORK), "fork",
		    ",\"tid\":4310,\"how\":\"thread\",\"syscall\":\"clone3\"");
	expect_json(line(s, CHANGE_THREAD, REC_EXIT), "exit", ",\"tid\":4310");
}

static void spawn_time_is_split_without_a_rest(void **state)
{
	struct scene *s = *state;

	s->child.exec_cnt = 1;
	s->ev.exec.run_delay_ns = 300000;
	s->ev.exec.cpu_ns = 500000;
	s->ev.exec.nvcsw = 1;
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec",
		    ",\"spawn_ns\":2000000,\"queued_ns\":300000,\"blocked_ns\":1200000,"
		    "\"running_ns\":500000");
	s->ev.exec.nvcsw = 0; /* never gave the CPU away: nothing was blocked */
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec",
		    ",\"spawn_ns\":2000000,\"queued_ns\":300000,\"blocked_ns\":0,"
		    "\"running_ns\":1700000");
	s->ev.exec.run_delay_ns = UINT64_MAX;
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec",
		    ",\"spawn_ns\":2000000,\"queued_ns\":2000000,\"blocked_ns\":0,"
		    "\"running_ns\":0");
	s->ev.exec.flags = REC_EXEC_FROM_THREAD;
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec", ",\"spawn_ns\":2000000");
	s->child.exec_cnt = 2; /* a later image is no spawn */
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec", "");
	s->child.exec_cnt = 1;
	s->child.flags = PROC_SEEDED;
	expect_json(line(s, CHANGE_EXEC, REC_EXEC), "exec", "");
}

static void exit_has_a_code_or_a_signal(void **state)
{
	struct scene *s = *state;

	s->child.death = &s->death;
	s->death.exit_ns = BOOT_NS + NS_PER_MS;
	expect_json(line(s, CHANGE_EXIT, REC_EXIT), "exit", ",\"lived_ns\":1000000");
	s->child.flags = PROC_STATUS_KNOWN;
	s->child.status = 3 << 8;
	s->death.usage.maxrss_kb = 1024;
	s->death.killer = (struct proc_killer){.key = s->shell.key, .comm = "sh", .sig = 15};
	expect_json(line(s, CHANGE_EXIT, REC_EXIT), "exit",
		    ",\"exit_code\":3,\"lived_ns\":1000000,\"maxrss_kb\":1024");
	s->child.status = 15;
	expect_json(line(s, CHANGE_EXIT, REC_EXIT), "exit",
		    ",\"signal\":15,\"signal_name\":\"SIGTERM\",\"core_dumped\":false,"
		    "\"killer_pid\":4301,\"killer_comm\":\"sh\",\"lived_ns\":1000000,"
		    "\"maxrss_kb\":1024");
	s->child.status = 11 | 0x80;
	s->death.killer = (struct proc_killer){.sig = 11}; /* the kernel */
	expect_json(line(s, CHANGE_EXIT, REC_EXIT), "exit",
		    ",\"signal\":11,\"signal_name\":\"SIGSEGV\",\"core_dumped\":true,"
		    "\"lived_ns\":1000000,\"maxrss_kb\":1024");
}

static void zombie_and_reap_carry_their_times(void **state)
{
	struct scene *s = *state;

	s->child.death = &s->death;
	s->death = (struct proc_death){
		.exit_ns = BOOT_NS + NS_PER_MS,
		.zombie_ns = BOOT_NS + 2 * NS_PER_MS,
		.zombie_source = REC_ZOMBIE_SIGCHLD,
		.usage = {.utime_ns = 4000000, .stime_ns = 4000000, .minflt = 99},
	};
	expect_json(line(s, CHANGE_ZOMBIE, REC_ZOMBIE), "zombie",
		    ",\"zombie_source\":\"sigchld\",\"utime_ns\":4000000,\"stime_ns\":4000000,"
		    "\"teardown_ns\":1000000");
	s->death.usage = (struct rec_usage){0};
	s->death.zombie_source = 0;
	s->child.flags = PROC_STATE_Z_SEEDED;
	s->death.exit_ns = 0;
	expect_json(line(s, CHANGE_ZOMBIE, REC_SEED), "zombie", ",\"zombie_source\":\"seed\"");

	/* ticks say 3:1, the scheduler says 8.27 ms in all, as cputime_adjust() would split it */
	s->death.usage = (struct rec_usage){.utime_ns = 12000000,
					    .stime_ns = 4000000,
					    .cpu_ns = 8270000,
					    .minflt = 99,
					    .majflt = 1};
	s->death.gone_ns = s->death.zombie_ns + 5 * NS_PER_MS;
	s->death.zombie_err_ns = 0;
	s->death.reap_source = REC_REAP;
	s->death.reaper = s->shell.key;
	expect_json(line(s, CHANGE_REAP, REC_REAP), "reap",
		    ",\"utime_ns\":6202500,\"stime_ns\":2067500,\"minflt\":99,\"majflt\":1,"
		    "\"zombie_ns\":5000000,\"zombie_err_ns\":0,\"reap_source\":\"release_task\","
		    "\"reaper_pid\":4301");
	s->death.usage.utime_ns = 0;
	s->death.usage.stime_ns = 0;
	s->death.zombie_ns = 0; /* never a zombie: reaped by the kernel */
	s->death.reap_source = REC_FREE;
	s->death.reaper = (struct proc_key){0};
	expect_json(line(s, CHANGE_REAP, REC_FREE), "reap",
		    ",\"utime_ns\":8270000,\"stime_ns\":0,\"minflt\":99,\"majflt\":1,"
		    "\"reap_source\":\"free\"");
}

static void signals_name_their_sender(void **state)
{
	struct scene *s = *state;

	s->ev.signal.sig = 15;
	s->ev.signal.code = -6;
	s->ev.signal.disposition = REC_SIG_HANDLER;
	s->ev.signal.sender = (struct rec_proc){s->shell.key.start_ns, 4301, 4301};
	memcpy(s->ev.signal.sender_comm, "sh", 3);
	expect_json(line(s, CHANGE_SIGNAL, REC_SIGNAL), "signal",
		    ",\"signal\":15,\"signal_name\":\"SIGTERM\",\"sender_pid\":4301,"
		    "\"sender_comm\":\"sh\",\"code\":-6,\"result\":\"delivered\","
		    "\"disposition\":\"handler\",\"repeat\":0");
	s->c.proc = NULL; /* a target that only the record knows */
	s->c.other = NULL;
	assert_string_equal(
		line(s, CHANGE_SIGNAL, REC_SIGNAL),
		"{\"event\":\"signal\",\"ts\":\"2026-11-24T02:11:07.414000000Z\","
		"\"boot_ns\":3600002000000,\"id\":\"5a01beef.4302.3600000000000\","
		"\"parent_id\":\"5a01beef.4301.3599000000000\",\"pid\":4302,"
		"\"start_ns\":3600000000000,\"ppid\":4301,\"signal\":15,"
		"\"signal_name\":\"SIGTERM\",\"sender_pid\":4301,\"sender_comm\":\"sh\","
		"\"code\":-6,\"result\":\"delivered\",\"disposition\":\"handler\","
		"\"repeat\":0}\n");
}

static void loss_and_healing_have_a_place_and_a_size(void **state)
{
	struct scene *s = *state;

	s->c = (struct change){.boot_ns = BOOT_NS + 2 * NS_PER_MS,
			       .from_ns = BOOT_NS,
			       .cnt = 12,
			       .reason = REC_GAP_RING,
			       .cpu = 3,
			       .ev = &s->ev};
	s->ev.gap.rec_type = REC_EXIT;
	s->ev.h.tgid = 0;
	s->ev.h.start_ns = 0;
	s->ev.h.ppid = 0;
	assert_string_equal(line(s, CHANGE_LOST, REC_GAP),
			    "{\"event\":\"lost\",\"ts\":\"2026-11-24T02:11:07.414000000Z\","
			    "\"boot_ns\":3600002000000,\"count\":12,\"from_boot_ns\":3600000000000,"
			    "\"reason\":\"ring\",\"cpu\":3,\"record\":\"exit\"}\n");
	assert_string_equal(text(s, CHANGE_LOST, REC_GAP, 80),
			    "02:11:07.414           lost   12 records of exit, ring, CPU 3       "
			    "within 2.0ms\n");
	s->c.cpu = 0xffff;
	s->r.json = true;
	assert_string_equal(line(s, CHANGE_HEAL, REC_SEED_END),
			    "{\"event\":\"heal\",\"ts\":\"2026-11-24T02:11:07.414000000Z\","
			    "\"boot_ns\":3600002000000,\"count\":12,"
			    "\"from_boot_ns\":3600000000000}\n");
}

static void what_is_not_known_is_absent(void **state)
{
	struct scene *s = *state;
	struct proc bare = {.key = {77, BOOT_NS}};
	struct change c = {.kind = CHANGE_EXIT, .boot_ns = BOOT_NS, .proc = &bare};

	render_change(&s->b, &s->r, &c);
	assert_string_equal(buf_str(&s->b),
			    "{\"event\":\"exit\",\"ts\":\"2026-11-24T02:11:07.412000000Z\","
			    "\"boot_ns\":3600000000000,\"id\":\"5a01beef.77.3600000000000\","
			    "\"pid\":77,\"start_ns\":3600000000000}\n");
	s->r.json = false;
	buf_reset(&s->b);
	render_change(&s->b, &s->r, &c);
	assert_string_equal(buf_str(&s->b), "02:11:07.412        77 exit   status unknown\n");
}

static void changes_without_a_line_are_silent(void **state)
{
	struct scene *s = *state;

	assert_string_equal(line(s, CHANGE_TICK, REC_TICK), "");
	assert_string_equal(line(s, CHANGE_SEEN, REC_SEED), "");
	assert_null(event_format_find("nonsense"));
	assert_string_equal(event_format_find("exit")->event, "exit");
}

static void every_word_of_every_template_is_a_field(void **state)
{
	static const char *const events[] = {"fork",  "exec",   "exit", "zombie", "reap",
					     "adopt", "signal", "stop", "cont",   "rename",
					     "oom",   "lost",   "heal", "fact"};

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		const struct event_format *f = event_format_find(events[i]);
		const char *texts[] = {f->what, f->note};

		for (size_t k = 0; k < 2; k++) {
			for (const char *p = texts[k]; p && (p = strchr(p, '{')); p++) {
				char name[32] = {0};

				memcpy(name, p + 1, strcspn(p + 1, "}"));
				if (!field_find(name))
					fail_msg("%s: no field '%s'", events[i], name);
			}
		}
	}
}

/* Any byte in every foreign string, through both forms: nothing a terminal obeys comes out. */
static void hostile_names_harm_nobody(void **state)
{
	struct scene *s = *state;
	struct text_style styles[] = {{.utf8 = true, .columns = 60}, {.columns = 80}};

	for (int byte = 0; byte < 256; byte++) {
		char name[16], args[8] = {'a', (char)byte, 'z', 0, '\x1b', '[', 'm', 0};

		memset(name, byte, sizeof(name) - 1);
		name[15] = '\0';
		memcpy(s->child.comm, name, sizeof(name));
		memcpy(s->shell.comm, name, sizeof(name));
		s->child.args = str(s, (struct span){args, sizeof(args)}, 0);
		s->child.exe = str(s, (struct span){name, 15}, 0);
		for (int kind = 0; kind < CHANGE_KIND_CNT; kind++) {
			s->r.json = true;
			line(s, kind, REC_FORK);
			assert_true(utf8_is_valid((struct span){s->b.data, s->b.len}));
			for (size_t i = 0; i + 1 < s->b.len; i++)
				assert_true((uint8_t)s->b.data[i] >= 0x20 && s->b.data[i] != 0x7f);
			s->r.json = false;
			for (size_t k = 0; k < 2; k++) {
				s->r.style = styles[k];
				line(s, kind, REC_FORK);
				assert_true(utf8_is_valid((struct span){s->b.data, s->b.len}));
				for (size_t i = 0; i < s->b.len; i++)
					assert_true(((uint8_t)s->b.data[i] >= 0x20 ||
						     s->b.data[i] == '\n') &&
						    s->b.data[i] != 0x7f);
			}
		}
	}
}

static void stream_begins_and_ends_with_itself(void **state)
{
	struct scene *s = *state;

	render_start(&s->b, &s->r, "live");
	assert_string_equal(
		buf_str(&s->b),
		"{\"event\":\"start\",\"schema\":1,\"host\":\"db1\","
		"\"boot_id\":\"5a01beef0405060708090a0b0c0d0e0f\",\"tz\":\"UTC\","
		"\"kernel\":\"6.1.0\",\"source\":\"live\","
		"\"hooks\":[\"notify\",\"release_kprobe\"],"
		"\"ts\":\"2026-11-24T02:11:07.412000000Z\",\"boot_ns\":3600000000000,"
		"\"utc_offset_s\":0,\"machine\":\"x86_64\",\"version\":\"0.1\",\"cpus\":8,"
		"\"mem_kb\":8388608,\"scoped\":false,\"threads\":false}\n");
	buf_reset(&s->b);
	render_summary(&s->b, &s->r, true);
	assert_string_equal(
		buf_str(&s->b),
		"{\"event\":\"summary\",\"events\":0,\"lost\":0,\"healed\":0,"
		"\"complete\":true,\"missed\":0,\"evicted\":0,\"forks\":0,\"execs\":0,"
		"\"deaths\":0,\"killed\":0,\"reaps\":0,\"zombies\":0,\"watched_ns\":0}\n");
	buf_reset(&s->b);
	render_trace_summary(&s->b, &s->r);
	assert_string_equal(buf_str(&s->b), "0 forks, 0 execs, 0 deaths; 0 events, none lost\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fork_tells_how_and_what_it_copied),
		TEST(threads_have_a_tid),
		TEST(spawn_time_is_split_without_a_rest),
		TEST(exit_has_a_code_or_a_signal),
		TEST(zombie_and_reap_carry_their_times),
		TEST(signals_name_their_sender),
		TEST(loss_and_healing_have_a_place_and_a_size),
		TEST(what_is_not_known_is_absent),
		TEST(changes_without_a_line_are_silent),
		TEST(every_word_of_every_template_is_a_field),
		TEST(hostile_names_harm_nobody),
		TEST(stream_begins_and_ends_with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
