// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine in a storm, its live table, what is kept of it, and the table of whoever reads that later:
 * time before the storm and its root must be there, everybody else's life whole, and the numbers true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/storm.h"
#include "base/clock.h"
#include "model/keyframe.h"

#define TICK_NS   (100 * NS_PER_MS)
#define BEGIN_NS  (5000 * NS_PER_SEC)
#define LIVES_MAX 4096
#define SHELL     100u
#define ROOT      200u
#define BYSTANDER 300u

struct life {
	struct proc_key key, parent;
	uint64_t until_ns; /* then it dies and is reaped; 0: never */
};

struct scene {
	struct proc_table *live, *later;
	struct storm *storm;
	struct buf batch, kept;
	uint64_t now_ns, births, waits;
	uint64_t later_forks, later_thinned, later_waits, later_wait_records;
	uint32_t next_pid, pass;
	struct life lives[LIVES_MAX];
	size_t life_cnt;
	struct storm_news begun, over;
	unsigned begun_cnt, over_cnt;
	bool thinned; /* in the last batch */
};

/* ---- records ---------------------------------------------------------------------------------- */

static void put(struct scene *s, struct rec_hdr *h, unsigned type, size_t size)
{
	h->type = (uint16_t)type;
	h->size = (uint32_t)size;
	h->boot_ns = s->now_ns++;
	buf_put(&s->batch, h, size);
}

static void about(struct rec_hdr *h, const struct life *l)
{
	h->tgid = h->tid = l->key.tgid;
	h->start_ns = l->key.start_ns;
	h->ppid = h->parent_tid = l->parent.tgid;
	h->parent_start_ns = l->parent.start_ns;
}

static struct life *birth(struct scene *s, struct proc_key parent, uint64_t lives_ns)
{
	struct life *l = &s->lives[s->life_cnt++];
	struct rec_fork r = {.exit_signal = 17, .comm = "child"};

	assert_in_range(s->life_cnt, 0, LIVES_MAX - 1);
	*l = (struct life){{s->next_pid++, s->now_ns}, parent, 0};
	if (lives_ns)
		l->until_ns = s->now_ns + lives_ns;
	about(&r.h, l);
	r.creator = (struct rec_proc){parent.start_ns, parent.tgid, parent.tgid};
	put(s, &r.h, REC_FORK, sizeof(r));
	s->births++;
	return l;
}

static void death(struct scene *s, const struct life *l)
{
	struct rec_exit exit = {.comm = "child"};
	struct rec_wait wait = {.kind = REC_WAIT_ANY, .known = 1};
	struct rec_zombie zombie = {.source = REC_ZOMBIE_NOTIFY, .exit_signal = 17};
	struct rec_reap reap = {.reaper = {l->parent.start_ns, l->parent.tgid, l->parent.tgid}};

	about(&exit.h, l);
	exit.h.flags = REC_F_EXITING | REC_F_DEAD;
	exit.h.status = 3 << 8;
	zombie.h = reap.h = exit.h;
	zombie.h.flags |= REC_F_ZOMBIE;
	zombie.notified = reap.reaper;
	wait.h.tgid = wait.h.tid = l->parent.tgid;
	wait.h.start_ns = l->parent.start_ns;
	if (proc_table_find(s->live, l->parent)) {
		put(s, &wait.h, REC_WAIT, sizeof(wait));
		s->waits++;
	}
	put(s, &exit.h, REC_EXIT, sizeof(exit));
	put(s, &zombie.h, REC_ZOMBIE, sizeof(zombie));
	put(s, &reap.h, REC_REAP, sizeof(reap));
	put(s, &reap.h, REC_FREE, sizeof(reap));
}

static void seed(struct scene *s, const struct life *l)
{
	struct rec_seed r = {.pass = s->pass, .threads = 1, .exit_signal = 17, .comm = "seeded"};

	about(&r.h, l);
	put(s, &r.h, REC_SEED, sizeof(r));
}

static void pass(struct scene *s)
{
	struct rec_seed_end r = {.began_ns = s->now_ns, .pass = ++s->pass};

	for (size_t i = 0; i < s->life_cnt; i++)
		seed(s, &s->lives[i]);
	r.rows = (uint32_t)s->life_cnt;
	put(s, &r.h, REC_SEED_END, sizeof(r));
}

static void tick(struct scene *s)
{
	struct rec_tick r = {.real_ns = s->now_ns};

	put(s, &r.h, REC_TICK, sizeof(r));
}

/* ---- as cmd/recording.c and session.c do ------------------------------------------------------ */

static void read_later(struct scene *s, struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);
	struct event ev;

	while (c.left) {
		assert_int_equal(event_decode(&c, &ev), 0);
		s->later_forks += ev.h.type == REC_FORK;
		if (ev.h.type == REC_WAIT) {
			s->later_wait_records++;
			s->later_waits += 1 + ev.wait.repeat;
		}
		if (ev.h.type == REC_THINNED) {
			s->later_thinned += ev.thinned.births;
			assert_true(ev.thinned.from_ns < ev.h.boot_ns);
			assert_true(ev.thinned.from_ns >= BEGIN_NS);
		}
		assert_int_equal(proc_table_apply(s->later, &ev), 0);
	}
}

static void take_news(struct scene *s)
{
	struct storm_news news;

	if (!storm_take_news(s->storm, &news))
		return;
	*(news.over ? &s->over : &s->begun) = news;
	*(news.over ? &s->over_cnt : &s->begun_cnt) += 1;
}

static void run_batch(struct scene *s)
{
	struct cursor c = cursor_of(s->batch.data, s->batch.len);
	struct event ev;

	buf_reset(&s->kept);
	s->thinned = storm_begin_batch(s->storm, &s->kept);
	while (c.left) {
		const char *at = (const char *)c.p;

		assert_int_equal(event_decode(&c, &ev), 0);
		if (s->thinned)
			storm_keep(s->storm, &ev,
				   (struct span){at, (size_t)((const char *)c.p - at)}, &s->kept);
		assert_int_equal(proc_table_apply(s->live, &ev), 0);
	}
	if (!s->thinned)
		buf_put(&s->kept, s->batch.data, s->batch.len);
	read_later(s, (struct span){s->kept.data, s->kept.len});
	buf_reset(&s->batch);
	take_news(s);
	if (storm_wants_pass(s->storm))
		pass(s); /* its rows come with the next batch */
}

static void die_of_age(struct scene *s)
{
	for (size_t i = s->life_cnt; i--;) {
		if (!s->lives[i].until_ns || s->lives[i].until_ns > s->now_ns)
			continue;
		death(s, &s->lives[i]);
		s->lives[i] = s->lives[--s->life_cnt];
	}
}

/* 'burst' children of each of the parents, and one of the bystander, in each tenth of a second */
static void run(struct scene *s, unsigned seconds, const struct proc_key *parents,
		size_t parent_cnt, unsigned burst)
{
	uint64_t end_ns = s->now_ns + seconds * NS_PER_SEC;
	struct proc_key by = s->lives[3].key;

	assert_int_equal(by.tgid, BYSTANDER);
	while (s->now_ns < end_ns) {
		uint64_t next_ns = s->now_ns + TICK_NS;

		die_of_age(s);
		for (size_t i = 0; i < parent_cnt; i++)
			for (unsigned n = 0; n < burst; n++)
				birth(s, parents[i], 50 * NS_PER_MS);
		birth(s, by, 50 * NS_PER_MS);
		s->now_ns = next_ns;
		tick(s);
		run_batch(s);
	}
}

static struct proc_key resident(struct scene *s, uint32_t pid, struct proc_key parent)
{
	s->next_pid = pid;
	return birth(s, parent, 0)->key;
}

static struct proc_key scene_open(struct scene *s)
{
	struct rec_host host = {.real_ns = BEGIN_NS};
	struct proc_key init, shell, root;

	memset(s, 0, sizeof(*s));
	s->now_ns = BEGIN_NS;
	s->live = proc_table_new(&(struct proc_table_options){0});
	s->later = proc_table_new(&(struct proc_table_options){0});
	s->storm = storm_new(s->live);
	put(s, &host.h, REC_HOST, sizeof(host));
	init = resident(s, 1, (struct proc_key){0});
	shell = resident(s, SHELL, init);
	root = resident(s, ROOT, shell);
	resident(s, BYSTANDER, init);
	s->next_pid = 1000;
	run(s, 2, NULL, 0, 0);
	return root;
}

static void scene_close(struct scene *s)
{
	assert_null(proc_table_check(s->live));
	assert_null(proc_table_check(s->later));
	buf_release(&s->batch);
	buf_release(&s->kept);
	proc_table_free(s->live);
	proc_table_free(s->later);
	storm_free(s->storm);
}

/* Everybody who lives, and nobody else, under the parent that it has. */
static void assert_same_living(const struct scene *s, const struct proc_table *t)
{
	const struct proc *p;
	size_t living = 0;

	for (size_t i = 0; i < s->life_cnt; i++) {
		const struct life *l = &s->lives[i];

		p = proc_table_find(t, l->key);
		if (!p)
			fail_msg("%u is not known", l->key.tgid);
		if (l->parent.tgid)
			assert_int_equal(p->parent ? p->parent->key.tgid : 0, l->parent.tgid);
	}
	for (size_t i = 0; (p = proc_table_next(t, &i));)
		living += p->state != PROC_REAPED;
	assert_int_equal(living, s->life_cnt);
}

static uint64_t children_kept(const struct scene *s, uint32_t pid)
{
	const struct proc *p = proc_table_find_pid(s->later, pid);

	assert_non_null(p);
	return p->evidence ? p->evidence->died : 0;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void a_storm_is_thinned_and_its_numbers_are_true(void **state)
{
	static struct scene s;
	struct proc_key root = scene_open(&s);
	struct life *survivor;
	uint64_t whole;

	(void)state;
	run(&s, 9, &root, 1, 300);
	assert_int_equal(s.later_thinned, 0);
	run(&s, 50, &root, 1, 300);
	assert_int_equal(s.begun_cnt, 1);
	assert_int_equal(s.begun.root.tgid, ROOT);
	assert_in_range(s.begun.lives, 100000, 110000);
	assert_in_range(s.begun.rate, 2900, 3100);

	survivor = birth(&s, root, 0);
	s.lives[4] = *survivor; /* not the one that the next death moves */
	s.life_cnt--;
	run(&s, 30, NULL, 0, 0);
	assert_int_equal(s.over_cnt, 1);
	assert_false(s.thinned);
	whole = s.later_forks;
	assert_int_equal(whole + s.later_thinned, s.births);
	assert_in_range(s.later_thinned, 70000, 80000);
	assert_int_equal(proc_table_counts(s.later)->forks, proc_table_counts(s.live)->forks);
	assert_int_equal(proc_table_counts(s.later)->deaths, proc_table_counts(s.live)->deaths);
	assert_int_equal(proc_table_counts(s.later)->reaps, proc_table_counts(s.live)->reaps);
	assert_int_equal(proc_table_counts(s.later)->thinned, s.later_thinned);
	assert_in_range(s.later_wait_records, 1, s.waits - 60000);
	assert_in_range(s.later_waits, s.waits - 1000, s.waits);
	/* the parent's evidence counts those who have no rows */
	assert_int_equal(children_kept(&s, ROOT), 59 * 10 * 300);
	assert_same_living(&s, s.later);
	scene_close(&s);
}

static void a_keyframe_within_a_storm_knows_whom_the_record_knows(void **state)
{
	static struct scene s;
	struct proc_key root = scene_open(&s);
	struct proc_table *entered = proc_table_new(&(struct proc_table_options){0});
	struct buf keyframe = {0};
	struct cursor c;
	struct event ev;
	const struct proc *p;
	size_t rows = 0, later = 0;

	(void)state;
	run(&s, 50, &root, 1, 300);
	assert_true(s.thinned);
	assert_int_equal(proc_table_put_keyframe(s.live, STORM_THINNED, &keyframe), 0);
	c = cursor_of(keyframe.data, keyframe.len);
	while (c.left) {
		assert_int_equal(event_decode(&c, &ev), 0);
		assert_int_equal(proc_table_apply(entered, &ev), 0);
	}
	assert_null(proc_table_check(entered));
	assert_int_equal(proc_table_uncertain_since(entered), 0); /* it says that it is whole */
	for (size_t i = 0; (p = proc_table_next(s.later, &i));)
		later += p->state != PROC_REAPED;
	for (size_t i = 0; (p = proc_table_next(entered, &i));) {
		rows += p->state != PROC_REAPED;
		assert_non_null(proc_table_find(s.later, p->key));
	}
	assert_int_equal(rows, later);
	buf_release(&keyframe);
	proc_table_free(entered);
	scene_close(&s);
}

/* Each has two children and dies: nobody's parent lives, and the first ones are long forgotten. */
static void a_fork_bomb_has_a_root(void **state)
{
	static struct scene s;
	struct proc_key root = scene_open(&s);
	uint64_t end_ns = s.now_ns + 60 * NS_PER_SEC;

	(void)state;
	die_of_age(&s);
	assert_int_equal(s.life_cnt, 4);
	birth(&s, root, 50 * NS_PER_MS);
	while (s.now_ns < end_ns) {
		uint64_t next_ns = s.now_ns + TICK_NS;
		size_t cnt = s.life_cnt;

		for (size_t i = 4; i < cnt; i++) {
			birth(&s, s.lives[i].key, 50 * NS_PER_MS);
			if (cnt < 300)
				birth(&s, s.lives[i].key, 50 * NS_PER_MS);
		}
		s.now_ns = next_ns;
		/* the parents are those of before */
		for (size_t i = cnt; i-- > 4;) {
			death(&s, &s.lives[i]);
			s.lives[i] = s.lives[--s.life_cnt];
		}
		for (size_t i = 4; i < s.life_cnt; i++)
			s.lives[i].parent = s.lives[0].key; /* adopted by init */
		tick(&s);
		run_batch(&s);
	}
	assert_int_equal(s.begun_cnt, 1);
	assert_int_equal(s.begun.root.tgid, ROOT);
	assert_true(s.later_thinned > 30000);
	run(&s, 30, NULL, 0, 0);
	assert_int_equal(s.over_cnt, 1);
	assert_int_equal(s.later_forks + s.later_thinned, s.births);
	assert_same_living(&s, s.later);
	scene_close(&s);
}

static void workers_together_are_their_parents_storm(void **state)
{
	static struct scene s;
	struct proc_key root = scene_open(&s), workers[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		workers[i] = birth(&s, root, 0)->key;
	run(&s, 60, workers, 4, 70);
	assert_int_equal(s.begun_cnt, 1);
	assert_int_equal(s.begun.root.tgid, ROOT);
	buf_reset(&s.kept);
	storm_flush(s.storm, &s.kept);
	read_later(&s, (struct span){s.kept.data, s.kept.len});
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(children_kept(&s, workers[i].tgid),
				 proc_table_find(s.live, workers[i])->evidence->died);
	scene_close(&s);
}

static void a_busy_machine_is_no_storm(void **state)
{
	static struct scene s;
	struct proc_key root = scene_open(&s);

	(void)state;
	run(&s, 60, &root, 1, 190);
	assert_int_equal(s.begun_cnt, 0);
	assert_int_equal(s.later_forks, s.births);
	/* nor is a short one */
	run(&s, 8, &root, 1, 400);
	run(&s, 5, NULL, 0, 0);
	run(&s, 8, &root, 1, 400);
	assert_int_equal(s.begun_cnt, 0);
	assert_int_equal(s.later_forks, s.births);
	assert_same_living(&s, s.later);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_is_thinned_and_its_numbers_are_true),
		cmocka_unit_test(a_keyframe_within_a_storm_knows_whom_the_record_knows),
		cmocka_unit_test(a_fork_bomb_has_a_root),
		cmocka_unit_test(workers_together_are_their_parents_storm),
		cmocka_unit_test(a_busy_machine_is_no_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
