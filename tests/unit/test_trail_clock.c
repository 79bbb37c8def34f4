// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wall clock that is set by years, forward and back, while it is recorded: nothing is deleted for
 * it, and every record keeps the wall time that it had. Set forward, it leads to each moment by the
 * clock that showed it; set back, it shows a time twice, and which one is meant nobody knows.
 */
#include "trail_made.h"

#define YEAR_NS   (365ull * 24 * 3600 * NS_PER_SEC)
#define SECONDS   5 /* of a phase */
#define PER_TICK  10
#define PHASE_CNT 3

/* What the clock is ahead, by phase: set forward twice; forward by ten years, then back by thirty. */
static const int64_t forward_ns[PHASE_CNT] = {0, (int64_t)(10 * YEAR_NS), (int64_t)(30 * YEAR_NS)};
static const int64_t back_ns[PHASE_CNT] = {0, (int64_t)(10 * YEAR_NS), -(int64_t)(20 * YEAR_NS)};

struct phase {
	uint64_t first, last;          /* numbers of records */
	uint64_t begin_real, end_real; /* of its first and last tick */
};

/* Each phase begins a segment; the clock is set between two ticks, as always. */
static void record_phases(const struct place *p, const int64_t *ahead_ns, struct phase *phases)
{
	struct trail_writer_options opt = {.path = p->dir,
					   .directory = true,
					   .sync_ms = 1000,
					   .max_age_ns = 7 * 24 * 3600 * NS_PER_SEC};
	struct feed f;

	feed_open(&f, &opt);
	for (int i = 0; i < PHASE_CNT; i++) {
		f.offset_ns = (int64_t)(FEED_REAL_NS - FEED_BOOT_NS) + ahead_ns[i];
		phases[i].first = f.number + 1;
		for (int s = 0; s < SECONDS; s++) {
			feed_events(&f, PER_TICK);
			feed_tick(&f, 1000);
			if (s == 0)
				phases[i].begin_real = f.now_ns + (uint64_t)f.offset_ns;
			feed_settle(&f);
		}
		phases[i].last = f.number;
		phases[i].end_real = f.now_ns + (uint64_t)f.offset_ns;
		if (i + 1 == PHASE_CNT)
			break;
		trail_writer_rotate(f.w);
		assert_true(feed_keyframe(&f));
		feed_settle(&f);
	}
	feed_close(&f, 0);
}

static void nothing_is_deleted_for_it(void **state)
{
	struct phase phases[PHASE_CNT];
	struct place *p = *state;
	struct walk k = {0};

	record_phases(p, back_ns, phases);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.files, PHASE_CNT);
	assert_int_equal(k.records, phases[PHASE_CNT - 1].last);
	assert_int_equal(k.gaps, 0);
}

/* The last tick of a batch is its end: the wall time there is the tick's own. */
static void records_keep_their_wall_time(void **state)
{
	struct phase phases[PHASE_CNT];
	struct place *p = *state;
	struct trail_reader *r;
	struct trail_batch b;
	unsigned ticks = 0;

	record_phases(p, back_ns, phases);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	while (trail_reader_next(r, &b) == 0) {
		struct cursor c = cursor_of(b.records.data, b.records.len);
		uint64_t real_ns = 0;

		while (c.left) {
			const struct rec_hdr *h = (const struct rec_hdr *)c.p;

			if (h->type == REC_TICK)
				real_ns = ((const struct rec_tick *)h)->real_ns;
			cursor_take(&c, h->size);
		}
		assert_int_not_equal(real_ns, 0);
		assert_int_equal(b.last_real_ns, real_ns);
		ticks++;
	}
	assert_int_equal(ticks, PHASE_CNT * SECONDS);
	trail_reader_free(r);
}

/* Number of the first record behind the keyframe that a moment leads to. */
static uint64_t first_behind(struct trail_reader *r, uint64_t real_ns)
{
	static struct said s;

	s = (struct said){0};
	assert_int_equal(trail_reader_seek(r, real_ns), 0);
	said_by(&s, r);
	assert_int_equal(s.err, -ENODATA);
	for (size_t i = 0; i < s.cnt; i++)
		if (s.items[i] < RUN_MARK)
			return s.items[i];
	return 0;
}

static void moment_is_found_by_the_clock_that_showed_it(void **state)
{
	struct phase phases[PHASE_CNT];
	struct place *p = *state;
	struct trail_reader *r;

	record_phases(p, forward_ns, phases);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	for (int i = 0; i < PHASE_CNT; i++)
		assert_int_equal(first_behind(r, phases[i].end_real - 1), phases[i].first);
	/* no clock showed what lies in between: what was known last, and then what came */
	assert_int_equal(first_behind(r, phases[1].begin_real - YEAR_NS), phases[1].first);
	assert_int_equal(first_behind(r, phases[2].begin_real - YEAR_NS), phases[2].first);
	assert_int_equal(first_behind(r, phases[0].begin_real - YEAR_NS), phases[0].first);
	trail_reader_free(r);
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PLACED(nothing_is_deleted_for_it),
		PLACED(records_keep_their_wall_time),
		PLACED(moment_is_found_by_the_clock_that_showed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
