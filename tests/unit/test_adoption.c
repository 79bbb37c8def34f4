// SPDX-License-Identifier: GPL-2.0-only
/* Orphans: who got them, out of whose death, what became of them, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/adoption.h"
#include "output/zombies.h"

#define INIT     1u
#define REAPER   50u
#define MIDDLE   100u
#define ORPHAN   200u
#define BEGIN_NS (1000 * NS_PER_SEC)
#define NOBODY   ((struct proc_key){0})

struct scene {
	struct proc_table *t;
	struct adoptions a;
	struct zombies_ledger ledger;
	uint64_t now_ns;
};

static void on_change(void *ctx, const struct change *c)
{
	struct scene *s = ctx;

	adoptions_note(&s->a, c);
	if (c->proc)
		zombies_ledger_note(&s->ledger, c);
}

/* Everybody's start is told by the pid alone. */
static uint64_t start_of(uint32_t pid)
{
	return pid * NS_PER_MS;
}

static struct proc_key key(uint32_t pid)
{
	return (struct proc_key){pid, start_of(pid)};
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

static void apply(struct scene *s, struct event *ev, unsigned type)
{
	ev->h.type = (uint16_t)type;
	ev->h.size = 64;
	ev->h.boot_ns = s->now_ns;
	s->now_ns += NS_PER_MS;
	assert_int_equal(proc_table_apply(s->t, ev), 0);
}

static void seed(struct scene *s, uint32_t pid, uint32_t ppid, struct rec_seed more)
{
	struct event ev = event(pid, ppid);

	more.h = (struct rec_hdr){.flags = more.h.flags,
				  .tgid = ev.h.tgid,
				  .tid = ev.h.tid,
				  .start_ns = ev.h.start_ns,
				  .ppid = ev.h.ppid,
				  .parent_tid = ev.h.parent_tid,
				  .parent_start_ns = ev.h.parent_start_ns};
	ev.seed = more;
	ev.seed.pass = 1;
	ev.seed.threads = 1;
	ev.seed.exit_signal = 17;
	ev.seed.exit_state = more.h.flags & REC_F_ZOMBIE ? 32 : 0;
	if (!ev.seed.cred.loginuid)
		ev.seed.cred.loginuid = ev.seed.cred.sessionid = ID_UNSET;
	if (!ev.seed.place.pidns)
		ev.seed.place.pidns = 1;
	apply(s, &ev, REC_SEED);
}

#define SEED(s, pid, ppid, ...) seed(s, pid, ppid, (struct rec_seed){__VA_ARGS__})
#define ZOMBIE                  .h = {.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE}

static void born_of_thread(struct scene *s, uint32_t pid, uint32_t ppid, uint32_t tid)
{
	struct event ev = event(pid, ppid);

	ev.h.parent_tid = tid;
	ev.fork.creator = (struct rec_proc){start_of(ppid), ppid, tid};
	ev.fork.place.pidns = 1;
	ev.fork.exit_signal = 17;
	ev.fork.cred.loginuid = ev.fork.cred.sessionid = ID_UNSET;
	snprintf(ev.fork.comm, sizeof(ev.fork.comm), "p%u", pid);
	apply(s, &ev, REC_FORK);
}

static void born(struct scene *s, uint32_t pid, uint32_t ppid)
{
	born_of_thread(s, pid, ppid, ppid);
}

static void dies(struct scene *s, uint32_t pid, uint32_t ppid)
{
	struct event ev = event(pid, ppid);

	ev.h.flags = REC_F_EXITING | REC_F_DEAD;
	apply(s, &ev, REC_EXIT);
	ev = event(pid, ppid);
	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	ev.zombie.source = REC_ZOMBIE_SIGCHLD;
	ev.zombie.exit_signal = 17;
	ev.zombie.notified = (struct rec_proc){start_of(ppid), ppid, ppid};
	apply(s, &ev, REC_ZOMBIE);
}

static void reaped_by(struct scene *s, uint32_t pid, uint32_t ppid, uint32_t by, uint32_t tid)
{
	struct event ev = event(pid, ppid);

	ev.h.flags = REC_F_EXITING | REC_F_DEAD | REC_F_ZOMBIE;
	ev.reap.reaper = (struct rec_proc){start_of(by), by, tid};
	apply(s, &ev, REC_REAP);
}

static void reaped(struct scene *s, uint32_t pid, uint32_t ppid)
{
	reaped_by(s, pid, ppid, ppid, ppid);
}

static void wait_call(struct scene *s, uint32_t pid, uint32_t ppid, uint32_t parent_tid)
{
	struct event ev = event(pid, ppid);

	ev.h.parent_tid = parent_tid;
	ev.wait.kind = REC_WAIT_ANY;
	apply(s, &ev, REC_WAIT);
}

static struct adoption of(struct scene *s, uint32_t pid)
{
	const struct proc *p = proc_table_find(s->t, key(pid));
	struct adoption r;

	assert_non_null(p);
	assert_true(adoption_of(&s->a, p, &r));
	return r;
}

static bool is(struct proc_key a, struct proc_key b)
{
	return proc_key_equals(a, b);
}

static void expect_adopter(struct scene *s, uint32_t pid, uint64_t orphans, uint64_t died,
			   uint64_t reaped_cnt)
{
	const struct adopter *by = adopter_find(&s->a, key(pid));

	assert_non_null(by);
	assert_int_equal(by->orphans - by->passed, orphans);
	assert_int_equal(by->died, died);
	assert_int_equal(by->reaped, reaped_cnt);
}

static struct scene *open_scene(void)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct event ev = {.host = {.real_ns = 1795482846ULL * NS_PER_SEC}};

	s->t = proc_table_new(&(struct proc_table_options){0});
	s->now_ns = BEGIN_NS;
	adoptions_init(&s->a, s->t);
	assert_int_equal(proc_table_listen(s->t, on_change, s), 0);
	ev.zone = span_of("UTC");
	apply(s, &ev, REC_HOST);
	SEED(s, INIT, 0, .comm = "init");
	SEED(s, REAPER, INIT, .comm = "tini", .h = {.flags = REC_F_SUBREAPER});
	return s;
}

static void close_scene(struct scene *s)
{
	adoptions_release(&s->a);
	zombies_ledger_release(&s->ledger);
	proc_table_free(s->t);
	free(s);
}

static void an_orphan_goes_to_the_subreaper(void **state)
{
	struct scene *s = open_scene();
	struct adoption r;

	(void)state;
	born(s, MIDDLE, REAPER);
	born(s, ORPHAN, MIDDLE);
	born(s, ORPHAN + 1, MIDDLE);
	dies(s, MIDDLE, REAPER);
	r = of(s, ORPHAN);
	assert_true(is(r.adopter, key(REAPER)) && is(r.from, key(MIDDLE)));
	assert_true(is(r.born_of, key(MIDDLE)));
	assert_int_equal(r.kind, ADOPTER_SUBREAPER);
	assert_string_equal(r.from_comm, "p100");
	assert_string_equal(r.adopter_comm, "tini");
	assert_true(r.from_died_ns && r.from_died_ns <= r.adopted_ns && !r.late);
	expect_adopter(s, REAPER, 2, 0, 0);
	assert_int_equal(adopter_reaps(adopter_find(&s->a, key(REAPER))), REAPS_UNKNOWN);

	dies(s, ORPHAN, REAPER);
	expect_adopter(s, REAPER, 2, 1, 0);
	assert_int_equal(adopter_reaps(adopter_find(&s->a, key(REAPER))), REAPS_NO);
	s->now_ns += 40 * NS_PER_MS;
	reaped(s, ORPHAN, REAPER);
	expect_adopter(s, REAPER, 2, 1, 1);
	assert_int_equal(adopter_reaps(adopter_find(&s->a, key(REAPER))), REAPS_YES);
	assert_in_range(of(s, ORPHAN).waited_ns, 41 * NS_PER_MS, 42 * NS_PER_MS);
	assert_int_equal(s->a.total, 2);
	/* the middle was nobody's orphan, and its own parent has it */
	assert_false(adoption_of(&s->a, proc_table_find(s->t, key(MIDDLE)), &r));
	close_scene(s);
}

/* It has become a subreaper since: init, chosen as the kernel would, has never had the orphan. */
static void a_wrong_guess_leaves_no_adoption(void **state)
{
	struct scene *s = open_scene();
	struct adoption r;

	(void)state;
	SEED(s, 60, INIT, .comm = "late");
	born(s, MIDDLE, 60);
	born(s, ORPHAN, MIDDLE);
	dies(s, MIDDLE, 60);
	assert_true(is(of(s, ORPHAN).adopter, key(INIT)));
	wait_call(s, ORPHAN, 60, 60);
	r = of(s, ORPHAN);
	assert_true(is(r.adopter, key(60)) && is(r.from, key(MIDDLE)));
	assert_int_equal(r.hops, 1);
	assert_int_equal(s->a.total, 1);
	expect_adopter(s, INIT, 0, 0, 0);
	expect_adopter(s, 60, 1, 0, 0);
	close_scene(s);
}

static void an_adopter_that_dies_hands_on(void **state)
{
	struct scene *s = open_scene();
	struct adoption r;

	(void)state;
	SEED(s, 60, REAPER, .comm = "inner", .h = {.flags = REC_F_SUBREAPER});
	born(s, MIDDLE, 60);
	born(s, ORPHAN, MIDDLE);
	dies(s, MIDDLE, 60);
	assert_true(is(of(s, ORPHAN).adopter, key(60)));
	dies(s, 60, REAPER);
	r = of(s, ORPHAN);
	assert_true(is(r.adopter, key(REAPER)) && is(r.from, key(60)));
	assert_true(is(r.born_of, key(MIDDLE)));
	assert_int_equal(r.hops, 2);
	expect_adopter(s, 60, 0, 0, 0);
	expect_adopter(s, REAPER, 1, 0, 0);
	close_scene(s);
}

/* The thread that forked is gone: the process stays the parent, and nobody adopts. */
static void a_thread_hands_over_within_its_process(void **state)
{
	struct scene *s = open_scene();
	struct adoption r;

	(void)state;
	SEED(s, 60, INIT, .comm = "java", .threads = 9);
	born_of_thread(s, ORPHAN, 60, 61);
	wait_call(s, ORPHAN, 60, 61);
	assert_false(adoption_of(&s->a, proc_table_find(s->t, key(ORPHAN)), &r));
	wait_call(s, ORPHAN, 60, 62);
	r = of(s, ORPHAN);
	assert_int_equal(r.kind, ADOPTER_THREAD);
	assert_int_equal(r.from_tid, 61);
	assert_int_equal(r.by_tid, 62);
	assert_true(is(r.adopter, key(60)) && r.late);
	assert_null(adopter_find(&s->a, key(60)));
	assert_int_equal(s->a.by_thread.cnt, 0);
	close_scene(s);
}

/* What is gone makes room, what is still there is kept. */
static void room_is_bounded(void **state)
{
	struct scene *s = open_scene();
	uint32_t orphan = 1000, middle;

	(void)state;
	born(s, MIDDLE, REAPER);
	born(s, ORPHAN, MIDDLE);
	dies(s, MIDDLE, REAPER);
	for (int i = 0; i < ADOPTIONS_MAX + 10; i++) {
		middle = orphan++;
		born(s, middle, REAPER);
		born(s, orphan, middle);
		dies(s, middle, REAPER);
		reaped(s, middle, REAPER);
		dies(s, orphan, REAPER);
		reaped(s, orphan++, REAPER);
	}
	assert_int_equal(s->a.cnt, ADOPTIONS_MAX);
	assert_int_equal(s->a.by_orphan.cnt, ADOPTIONS_MAX);
	assert_int_equal(s->a.untold, 0);
	assert_int_equal(s->a.total, ADOPTIONS_MAX + 11);
	assert_true(is(of(s, ORPHAN).from, key(MIDDLE)));
	assert_true(is(of(s, orphan - 1).from, key(orphan - 2)));
	assert_null(map_find(&s->a.by_orphan, 1001, start_of(1001)));
	expect_adopter(s, REAPER, ADOPTIONS_MAX + 11, ADOPTIONS_MAX + 10, ADOPTIONS_MAX + 10);
	close_scene(s);
}

/* ---- of before we looked ---- */

static void fact_cgroup(struct scene *s, uint64_t id, const char *path)
{
	struct event ev = {.fact = {.id = id}, .text = span_of(path)};

	apply(s, &ev, REC_FACT_CGROUP);
}

/* A container's init with three zombies of before: two of a login's session, one of its own place. */
static void old_orphans_say_where_they_are_from(void **state)
{
	struct scene *s = open_scene();
	struct origin o[ORIGINS_MAX];
	uint64_t others;

	(void)state;
	fact_cgroup(s, 7, "/system.slice/web.service");
	SEED(s, 60, INIT, .comm = "bash");
	SEED(s, 70, INIT, .comm = "web", .h = {.flags = REC_F_NSINIT}, .place = {.pidns = 9});
	for (uint32_t i = 0; i < 2; i++)
		SEED(s, ORPHAN + i, 70, .comm = "sh", ZOMBIE,
		     .cred = {.sid = 60, .loginuid = 1000, .sessionid = 4});
	SEED(s, ORPHAN + 2, 70, .comm = "job", ZOMBIE, .place = {.cgroup_id = 7, .pidns = 9});
	assert_int_equal(origins_find(&s->a, proc_table_find(s->t, key(70)), o, &others), 2);
	assert_int_equal(others, 0);
	assert_int_equal(o[0].cnt, 2);
	assert_false(o[0].orphans);
	assert_int_equal(o[0].like.loginuid, 1000);
	assert_non_null(o[0].leader);
	assert_int_equal(o[0].leader->key.tgid, 60);
	assert_string_equal(o[1].like.comm, "job");
	assert_null(o[1].leader);
	/* who adopts nobody has none but its own */
	SEED(s, 300, 60, .comm = "own", ZOMBIE);
	assert_int_equal(origins_find(&s->a, proc_table_find(s->t, key(60)), o, &others), 0);
	close_scene(s);
}

static void their_kinds_are_counted(void **state)
{
	struct scene *s = open_scene();
	struct origin o[ORIGINS_MAX];
	uint64_t others;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		born(s, MIDDLE + i, REAPER);
		born(s, ORPHAN + i, MIDDLE + i);
		dies(s, MIDDLE + i, REAPER);
		reaped(s, MIDDLE + i, REAPER);
		dies(s, ORPHAN + i, REAPER);
	}
	assert_int_equal(origins_find(&s->a, proc_table_find(s->t, key(REAPER)), o, &others),
			 ORIGINS_MAX);
	assert_int_equal(others, 6 - ORIGINS_MAX);
	assert_true(is(o[0].like.from, key(MIDDLE)) && o[0].orphans);
	close_scene(s);
}

/* ---- the books ---- */

static void the_ledger_tells_reapers_apart(void **state)
{
	struct scene *s = open_scene();

	(void)state;
	SEED(s, 60, INIT, .comm = "parent", .threads = 2);
	for (uint32_t i = 0; i < 4; i++) {
		born(s, ORPHAN + i, 60);
		dies(s, ORPHAN + i, 60);
	}
	reaped(s, ORPHAN, 60);
	reaped_by(s, ORPHAN + 1, 60, 60, 61);
	reaped_by(s, ORPHAN + 2, 60, REAPER, REAPER);
	born(s, MIDDLE, REAPER);
	born(s, 210, MIDDLE);
	dies(s, MIDDLE, REAPER);
	dies(s, 210, REAPER);
	reaped(s, 210, REAPER);
	assert_int_equal(s->ledger.born, 6);
	assert_int_equal(s->ledger.reaped, 4);
	assert_int_equal(s->ledger.by_parent, 1);
	assert_int_equal(s->ledger.by_thread, 1);
	assert_int_equal(s->ledger.by_tracer, 1);
	assert_int_equal(s->ledger.by_adopter, 1);
	assert_int_equal(s->ledger.by_other, 0);
	assert_int_equal(s->ledger.teardown_ns.cnt, 6);
	assert_in_range(s->ledger.teardown_ns.max, NS_PER_MS, NS_PER_MS + 1);
	close_scene(s);
}

/* ---- what is said ---- */

static void put(struct scene *s, bool json, bool all, struct buf *b)
{
	struct render r = {.table = s->t, .style = {.columns = 80}, .json = json};
	struct zombies z;
	struct zombies_view v = {.zombies = &z,
				 .ledger = &s->ledger,
				 .adoptions = &s->a,
				 .watched_ns = NS_PER_SEC,
				 .complete = true,
				 .all = all};

	assert_int_equal(zombies_examine(s->t, &(struct zombies_options){.all = all}, &z), 0);
	if (json)
		zombies_put_json(b, &r, &v);
	else
		zombies_put_text(b, &r, &v);
	zombies_release(&z);
}

static void expect_words(struct scene *s, bool json, bool all, const char *const *words)
{
	struct buf b = {0};

	put(s, json, all, &b);
	for (; *words; words++)
		if (!strstr(buf_str(&b), *words))
			fail_msg("'%s' is not said in:\n%s", *words, buf_str(&b));
	buf_release(&b);
}

/* Ten seconds in which a container's init gets three orphans and reaps none. */
static struct scene *idle_init(void)
{
	struct scene *s = open_scene();

	SEED(s, 70, INIT, .comm = "web", .h = {.flags = REC_F_NSINIT},
	     .place = {.pidns = 9, .ns_level = 1, .ns_tgid = 1});
	SEED(s, MIDDLE, 70, .comm = "healthcheck",
	     .place = {.pidns = 9, .ns_level = 1, .ns_tgid = 2});
	for (uint32_t i = 0; i < 3; i++) {
		struct event ev = event(ORPHAN + i, MIDDLE);

		ev.fork.creator = (struct rec_proc){start_of(MIDDLE), MIDDLE, MIDDLE};
		ev.fork.place = (struct rec_place){.pidns = 9, .ns_level = 1, .ns_tgid = 3 + i};
		ev.fork.exit_signal = 17;
		ev.fork.cred.loginuid = 1000;
		ev.fork.cred.sessionid = 4;
		snprintf(ev.fork.comm, sizeof(ev.fork.comm), "sh");
		apply(s, &ev, REC_FORK);
	}
	dies(s, MIDDLE, 70);
	reaped(s, MIDDLE, 70);
	for (uint32_t i = 0; i < 3; i++)
		dies(s, ORPHAN + i, 70);
	s->now_ns += 10 * NS_PER_SEC;
	apply(s, &(struct event){.tick = {.real_ns = 1795482856ULL * NS_PER_SEC}}, REC_TICK);
	return s;
}

static void text_names_the_true_origin(void **state)
{
	static const char *const words[] = {
		"  dead   3 sh; 3 exit 0; at 01:14:05\n",
		"  from   sh x3, orphans of healthcheck[100] (died 01:14:05), login of uid 1000\n"
		"         (session 4)\n",
		"         adopted 3: reaped none of 3 that died\n",
		"  waited 1 reaped after 1.0ms\n",
		"in this time: 4 zombies born, 1 reaped (1 by the parent); they waited 1.0ms,",
		"; from death to zombie (teardown)",
		"orphans in this time: web[70] adopted 3: reaped none of 3 that died\n",
		NULL};
	struct scene *s = idle_init();

	(void)state;
	expect_words(s, false, false, words);
	close_scene(s);
}

static void json_is_flat_and_names_it_too(void **state)
{
	static const char *const words[] = {
		"{\"event\":\"origin\"",
		"\"adopter_pid\":70,\"adopter_start_ns\":70000000,\"adopter_comm\":\"web\","
		"\"comm\":\"sh\",\"zombies\":3,\"orphans\":true,\"from_pid\":100,"
		"\"from_start_ns\":100000000,\"from_comm\":\"healthcheck\"",
		"\"loginuid\":1000,\"sessionid\":4",
		"\"how\":\"namespace_init\",\"orphans\":3,\"passed_on\":0,\"died\":3,\"reaped\":0",
		"\"reaps\":false",
		"\"event\":\"adoption\"",
		"\"teardown_p50_ns\":",
		NULL};
	struct scene *s = idle_init();

	(void)state;
	expect_words(s, true, false, words);
	close_scene(s);
}

static void who_reaps_has_its_lifetimes_shown(void **state)
{
	static const char *const words[] = {
		"THEY WAITED        PID   REAPED     P50     P90     P99     MAX  10us-10s\n",
		"tini                50       60   2.0ms   2.0ms   501ms   501ms |   @ .  |\n",
		NULL};
	struct scene *s = open_scene();

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		born(s, ORPHAN + i, REAPER);
		dies(s, ORPHAN + i, REAPER);
		s->now_ns += i ? NS_PER_MS : 500 * NS_PER_MS;
		reaped(s, ORPHAN + i, REAPER);
	}
	expect_words(s, false, true, words);
	close_scene(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_orphan_goes_to_the_subreaper),
		cmocka_unit_test(a_wrong_guess_leaves_no_adoption),
		cmocka_unit_test(an_adopter_that_dies_hands_on),
		cmocka_unit_test(a_thread_hands_over_within_its_process),
		cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(old_orphans_say_where_they_are_from),
		cmocka_unit_test(their_kinds_are_counted),
		cmocka_unit_test(the_ledger_tells_reapers_apart),
		cmocka_unit_test(text_names_the_true_origin),
		cmocka_unit_test(json_is_flat_and_names_it_too),
		cmocka_unit_test(who_reaps_has_its_lifetimes_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
