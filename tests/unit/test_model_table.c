// SPDX-License-Identifier: GPL-2.0-only
/* The table as a whole: bounds, a million lives, streams that make no sense, the same answer twice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/proc_table.h"

#define SEC NS_PER_SEC

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void assert_whole(const struct proc_table *t)
{
	const char *bad = proc_table_check(t);

	if (bad)
		fail_msg("after %llu events: %s", (unsigned long long)proc_table_counts(t)->events,
			 bad);
}

static void set_hdr(struct event *ev, unsigned type, uint32_t pid, uint64_t start, uint64_t now)
{
	memset(ev, 0, sizeof(*ev));
	ev->h = (struct rec_hdr){
		.boot_ns = now,
		.start_ns = start,
		.type = type,
		.tgid = pid,
		.tid = pid,
		.ppid = 1,
		.parent_tid = 1,
		.parent_start_ns = 5,
		.size = sizeof(struct rec_hdr),
	};
}

static void apply_life(struct proc_table *t, struct event *ev, uint32_t pid, uint64_t now, bool die)
{
	set_hdr(ev, REC_FORK, pid, now, now);
	ev->fork.creator = (struct rec_proc){.tgid = 1, .tid = 1, .start_ns = 5};
	ev->fork.exit_signal = 17;
	assert_int_equal(proc_table_apply(t, ev), 0);
	set_hdr(ev, REC_EXEC, pid, now, now + 100);
	ev->h.exec_id = 1;
	ev->file = SPAN_LITERAL("/usr/bin/worker");
	ev->args = (struct span){"worker\0-v\0", 10};
	assert_int_equal(proc_table_apply(t, ev), 0);
	if (!die)
		return;
	set_hdr(ev, REC_EXIT, pid, now, now + 200);
	ev->h.exec_id = 1;
	ev->h.flags = REC_F_EXITING | REC_F_DEAD;
	proc_table_apply(t, ev);
	ev->h.type = REC_ZOMBIE;
	ev->zombie.notified = (struct rec_proc){.tgid = 1, .tid = 1, .start_ns = 5};
	ev->zombie.exit_signal = 17;
	ev->zombie.source = REC_ZOMBIE_SIGCHLD;
	proc_table_apply(t, ev);
	set_hdr(ev, REC_FREE, pid, now, now + 300);
	ev->h.exec_id = 1;
	ev->h.flags = REC_F_EXITING | REC_F_DEAD;
	assert_int_equal(proc_table_apply(t, ev), 0);
}

static void a_million_lives_leave_a_bounded_table(void **state)
{
	struct proc_table_options opt = {.max_dead = 1000};
	struct proc_table *t = proc_table_new(&opt);
	const struct proc_counts *n = proc_table_counts(t);
	struct event *ev = calloc(1, sizeof(*ev));
	size_t bytes = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++) {
		apply_life(t, ev, 100 + i % 32000, SEC + i * 1000, true);
		if (i == 100000)
			bytes = proc_table_bytes(t);
	}
	assert_int_equal(n->forks, 1000000);
	assert_int_equal(n->deaths, 1000000);
	assert_int_equal(n->reaps, 1000000);
	assert_int_equal(n->illegal, 0);
	assert_in_range(proc_table_rows(t), 1000, 1002);
	assert_int_equal(proc_table_bytes(t), bytes);
	assert_whole(t);
	proc_table_free(t);
	free(ev);
}

static void a_live_process_costs_at_most_320_bytes(void **state)
{
	struct proc_table *t = proc_table_new(NULL);
	struct event *ev = calloc(1, sizeof(*ev));
	const uint64_t cnt = 500000;
	size_t each;

	(void)state;
	for (uint64_t i = 0; i < cnt; i++)
		apply_life(t, ev, 100 + i, SEC + i * 1000, false);
	assert_int_equal(proc_table_counts(t)->live, cnt);
	each = proc_table_bytes(t) / cnt;
	if (each > 320)
		fail_msg("expected at most 320 bytes a process, got %zu", each);
	assert_whole(t);
	proc_table_free(t);
	free(ev);
}

static void a_full_table_refuses_and_stays_whole(void **state)
{
	struct proc_table_options opt = {.max_procs = 50};
	struct proc_table *t = proc_table_new(&opt);
	struct event *ev = calloc(1, sizeof(*ev));

	(void)state;
	for (uint64_t i = 0; i < 200; i++) {
		set_hdr(ev, REC_FORK, 100 + i, SEC + i, SEC + i);
		assert_int_equal(proc_table_apply(t, ev), i < 49 ? 0 : -ENOMEM);
	}
	assert_int_equal(proc_table_rows(t), 50);
	assert_true(proc_table_counts(t)->evicted >= 151);
	assert_whole(t);
	proc_table_free(t);
	free(ev);
}

static void facts_are_bounded(void **state)
{
	struct proc_table *t = proc_table_new(NULL);
	struct event *ev = calloc(1, sizeof(*ev));
	char name[32], text[65536];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 5000; i++) {
		set_hdr(ev, REC_FACT_TEXT, 0, 0, SEC + i);
		snprintf(name, sizeof(name), "/fact/%d", i);
		ev->name = span_of(name);
		ev->text = (struct span){text, i % 2 ? sizeof(text) : 10};
		proc_table_apply(t, ev);
	}
	assert_in_range(proc_table_bytes(t), 0, 10 << 20);
	assert_int_equal(proc_table_fact(t, "/fact/0").len, 10);
	assert_int_equal(proc_table_fact(t, "/nothing").len, 0);
	proc_table_free(t);
	free(ev);
}

/* ---- nonsense ------------------------------------------------------------------------------- */

struct digest {
	uint64_t hash;
	uint64_t changes;
	uint64_t exits, reaps, zombies, births;
};

static void digest_change(void *ctx, const struct change *c)
{
	struct digest *d = ctx;
	uint64_t words[] = {
		c->kind,
		c->boot_ns,
		c->proc ? c->proc->key.tgid : 0,
		c->proc ? c->proc->status : 0,
		c->other ? c->other->key.tgid : 0,
		c->from ? c->from->key.tgid : 0,
		c->cnt,
		c->proc ? c->proc->state : 0,
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		d->hash = (d->hash ^ words[i]) * 0x100000001b3ULL;
	d->changes++;
	d->exits += c->kind == CHANGE_EXIT;
	d->reaps += c->kind == CHANGE_REAP;
	d->births += c->kind == CHANGE_FORK || c->kind == CHANGE_SEEN;
}

#define PIDS         24
#define PROC_JUMP_NS (200 * NS_PER_MS)

static struct rec_proc random_proc(uint64_t *seed, uint64_t now)
{
	return (struct rec_proc){
		.tgid = rnd(seed) % PIDS,
		.tid = rnd(seed) % PIDS,
		.start_ns = rnd(seed) % 8 ? 10 + rnd(seed) % 3 : rnd(seed) % 2 * now,
	};
}

static void random_event(struct event *ev, uint64_t *seed, uint64_t now)
{
	static const unsigned types[] = {
		REC_FORK,    REC_FORK, REC_EXEC,     REC_EXIT,    REC_ZOMBIE,    REC_REAP,
		REC_FREE,    REC_WAIT, REC_SIGNAL,   REC_DELIVER, REC_RENAME,    REC_CGROUP,
		REC_OOM,     REC_SEED, REC_SEED_END, REC_TICK,    REC_FACT_PROC, REC_GAP,
		REC_OOM_ADJ, REC_SEED, REC_WAITED,
	};
	struct rec_proc parent = random_proc(seed, now);

	for (size_t i = 0; i < sizeof(*ev) / 8; i++)
		((uint64_t *)ev)[i] = rnd(seed) & (rnd(seed) % 2 ? 0xff : UINT64_MAX);
	ev->file = ev->cwd = SPAN_LITERAL("/x");
	ev->args = SPAN_LITERAL("x");
	ev->name = ev->text = ev->zone = SPAN_LITERAL("y");
	ev->h.boot_ns = now;
	ev->h.type = types[rnd(seed) % (sizeof(types) / sizeof(*types))];
	ev->h.tgid = rnd(seed) % PIDS;
	ev->h.tid = rnd(seed) % 3 ? ev->h.tgid : rnd(seed) % PIDS;
	ev->h.start_ns = rnd(seed) % 16 ? 10 + rnd(seed) % 3 : now;
	ev->h.ppid = parent.tgid;
	ev->h.parent_start_ns = parent.start_ns;
	ev->h.exec_id = rnd(seed) % 4;
	ev->h.flags = rnd(seed) & rnd(seed) & 0x1fff;
	ev->h.cpu = rnd(seed) % 4;
	ev->h.lost = rnd(seed) % 64 ? 0 : 3;
	switch (ev->h.type) {
	case REC_FORK:
		ev->fork.creator = random_proc(seed, now);
		ev->fork.place.ns_level = rnd(seed) % 3;
		ev->fork.place.pidns = 1 + rnd(seed) % 3;
		ev->fork.clone_flags &= ~0x10000ULL | rnd(seed);
		break;
	case REC_ZOMBIE:
		ev->zombie.notified = random_proc(seed, now);
		ev->zombie.si_pid = rnd(seed) % PIDS;
		ev->zombie.flags = rnd(seed) & rnd(seed);
		break;
	case REC_REAP: ev->reap.reaper = random_proc(seed, now); break;
	case REC_WAIT:
		ev->wait.kind = rnd(seed) % 5;
		ev->wait.options = rnd(seed) & rnd(seed);
		ev->wait.pid = rnd(seed) % PIDS;
		break;
	case REC_WAITED:
		ev->waited.pid = rnd(seed) % PIDS;
		ev->waited.ns_pid = rnd(seed) % 4;
		ev->waited.begin_ns = rnd(seed) % 4 ? now - rnd(seed) % 64 : 0;
		break;
	case REC_SIGNAL:
		ev->signal.sender = random_proc(seed, now);
		ev->signal.sig = rnd(seed) % 66;
		ev->signal.disposition = rnd(seed) % 3;
		break;
	case REC_SEED: ev->seed.pass = now / 64; break;
	case REC_SEED_END:
		ev->seed_end.pass = now / 64;
		ev->seed_end.began_ns = now - rnd(seed) % 64;
		ev->seed_end.rows = rnd(seed) % 24;
		break;
	}
}

static struct digest run_nonsense(uint64_t seed, unsigned cnt, size_t max_procs, unsigned check)
{
	struct proc_table_options opt = {.max_procs = max_procs, .max_dead = 10, .dead_ns = 5000};
	struct proc_table *t = proc_table_new(&opt);
	struct event *ev = malloc(sizeof(*ev));
	struct digest d = {.hash = 0xcbf29ce484222325ULL};
	uint64_t now = 1000;

	proc_table_listen(t, digest_change, &d);
	for (unsigned i = 0; i < cnt; i++) {
		now += rnd(&seed) % 512 ? 1 : PROC_JUMP_NS;
		random_event(ev, &seed, now);
		proc_table_apply(t, ev);
		if (i % check == 0)
			assert_whole(t);
	}
	assert_whole(t);
	assert_true(proc_table_counts(t)->deaths == d.exits);
	assert_true(proc_table_counts(t)->reaps == d.reaps);
	proc_table_free(t);
	free(ev);
	return d;
}

static void no_order_of_records_breaks_the_table(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++)
		run_nonsense(seed * 0x9e3779b97f4a7c15ULL, 2000, seed % 2 ? 0 : 20, 1);
	run_nonsense(42, 300000, 0, 5000);
}

static void the_same_stream_gives_the_same_changes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct digest a = run_nonsense(seed, 20000, 30, 20000);
		struct digest b = run_nonsense(seed, 20000, 30, 20000);

		assert_true(a.changes > 1000);
		assert_int_equal(a.changes, b.changes);
		assert_int_equal(a.hash, b.hash);
	}
}

static void at_most_eight_listen(void **state)
{
	struct proc_table *t = proc_table_new(NULL);
	struct digest d = {0};

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(proc_table_listen(t, digest_change, &d), 0);
	assert_int_equal(proc_table_listen(t, digest_change, &d), -ENOSPC);
	proc_table_free(t);
	proc_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_lives_leave_a_bounded_table),
		cmocka_unit_test(a_live_process_costs_at_most_320_bytes),
		cmocka_unit_test(a_full_table_refuses_and_stays_whole),
		cmocka_unit_test(facts_are_bounded),
		cmocka_unit_test(no_order_of_records_breaks_the_table),
		cmocka_unit_test(the_same_stream_gives_the_same_changes),
		cmocka_unit_test(at_most_eight_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
