// SPDX-License-Identifier: GPL-2.0-only
/* Reading a directory whose oldest segments are keyframes only. */
#include "trail_made.h"

#include "source/trail_source.h"

/* ---- what is left of a run ------------------------------------------------------------------------- */

static void path_of(const struct place *p, uint64_t number, enum trail_segment_kind kind,
		    char path[2 * FEED_PATH])
{
	char name[TRAIL_SEGMENT_NAME_LEN];

	trail_segment_name(number, kind, name);
	snprintf(path, 2 * FEED_PATH, "%s/%s", p->dir, name);
}

static void save(struct made *m, const struct place *p, uint64_t number,
		 enum trail_segment_kind kind)
{
	made_save(m, p->dir, number, kind);
	made_release(m);
}

/* Segment 'segment' of a run was 10 records behind 'number': what is left of it. */
static void save_stub(const struct place *p, uint8_t run, uint64_t segment, uint64_t number)
{
	struct made m;

	made_begin(&m, run, segment, number);
	if (segment == 0) { /* there were events before */
		m.block_cnt = 2;
		m.number += 5;
	}
	made_keyframe(&m, 2, 3);
	m.number = number + 10;
	made_block(&m, TRAIL_END, 0, 0, number + 1, (struct span){NULL, 0});
	save(&m, p, number, TRAIL_SEGMENT_KEYFRAME);
}

/* The same, whole. */
static void save_whole(const struct place *p, uint8_t run, uint64_t segment, uint64_t number,
		       enum trail_segment_kind kind)
{
	struct made m;

	made_begin(&m, run, segment, number);
	if (segment)
		made_keyframe(&m, 2, 3);
	made_events(&m, 10);
	made_end(&m);
	save(&m, p, number, kind);
}

static void expect_gap(const struct said *s, uint64_t from, uint64_t to)
{
	assert_int_equal(s->gap.reason, REC_GAP_ROTATED);
	assert_int_equal(s->gap.count, 0);
	assert_int_equal(s->gap.from_ns, made_ns(from));
	assert_int_equal(s->gap.h.boot_ns, made_ns(to));
}

#define KEY2 KEY_MARK, KEY_MARK /* of two blocks */

static void stubs_are_read_as_keyframes_between_gaps(void **state)
{
	struct place *p = *state;
	struct said s;

	save_stub(p, 1, 0, 10);
	save_stub(p, 1, 1, 20);
	save_whole(p, 1, 2, 30, TRAIL_SEGMENT_CLOSED);
	save_whole(p, 1, 3, 40, TRAIL_SEGMENT_CLOSED);
	said_of_path(&s, p->dir);
	assert_int_equal(s.items[0], RUN_MARK);
	/* the mark of a batch comes before what is in it */
	said_expect(&s, KEY2, KEY_MARK, GAP_MARK, KEY_MARK, KEY_MARK, GAP_MARK, KEY_MARK, 31, 32,
		    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50);
	expect_gap(&s, 20, 30);
	assert_int_equal(s.damage_cnt, 0);
}

/* A run whose stubs were the last of it, and one that has its beginning no more. */
static void gaps_stay_in_their_run(void **state)
{
	struct place *p = *state;
	struct said s;

	save_stub(p, 1, 1, 10);
	save_whole(p, 2, 0, 30, TRAIL_SEGMENT_CLOSED);
	said_of_path(&s, p->dir);
	said_expect(&s, KEY2, GAP_MARK, RUN_MARK, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40);
	expect_gap(&s, 10, 10);

	place_clear(p->dir);
	save_stub(p, 1, 1, 10);
	save_stub(p, 2, 0, 30);
	said_of_path(&s, p->dir);
	said_expect(&s, KEY2, GAP_MARK, RUN_MARK, KEY_MARK, GAP_MARK, KEY_MARK);
	expect_gap(&s, 30, 35);
	assert_int_equal(s.damage_cnt, 0);
}

static void seek_finds_the_keyframe_before(void **state)
{
	static const struct {
		uint64_t moment, at; /* at: the first that is read */
	} cases[] = {{5, 10}, {10, 10}, {19, 10}, {20, 20}, {29, 20}, {30, 30}, {99, 40}};
	struct place *p = *state;
	struct trail_reader *r;
	struct trail_batch b;

	save_stub(p, 1, 1, 10);
	save_stub(p, 1, 2, 20);
	save_whole(p, 1, 3, 30, TRAIL_SEGMENT_CLOSED);
	save_whole(p, 1, 4, 40, TRAIL_SEGMENT_CLOSED);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(trail_reader_seek(r, made_real(cases[i].moment)), 0);
		assert_int_equal(trail_reader_next(r, &b), 0);
		assert_int_equal(b.kind, TRAIL_KEYFRAME);
		assert_true(b.entry && b.new_run);
		if (b.last_ns != made_ns(cases[i].at))
			fail_msg("seek to %" PRIu64 " enters at %" PRIu64 ", not %" PRIu64,
				 cases[i].moment, (b.last_ns - FEED_BOOT_NS) / MADE_STEP_NS,
				 cases[i].at);
		assert_int_equal(trail_reader_next(r, &b), 0);
		assert_false(b.entry);
	}
	trail_reader_free(r);
}

/* Before the keyframe of a run's first segment is the one of the run before. */
static void seek_before_a_stub_s_keyframe_goes_further_back(void **state)
{
	struct place *p = *state;
	struct trail_reader *r;
	struct trail_batch b;

	save_stub(p, 1, 4, 10);
	save_stub(p, 2, 0, 30);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	assert_int_equal(trail_reader_seek(r, made_real(33)), 0);
	assert_int_equal(trail_reader_next(r, &b), 0);
	assert_int_equal(b.last_ns, made_ns(10));
	assert_int_equal(trail_reader_seek(r, made_real(35)), 0);
	assert_int_equal(trail_reader_next(r, &b), 0);
	assert_int_equal(b.last_ns, made_ns(35));
	trail_reader_free(r);
}

static void extent_counts_stubs(void **state)
{
	struct place *p = *state;
	struct trail_reader *r;
	struct trail_extent e;

	save_stub(p, 1, 1, 10);
	save_stub(p, 1, 2, 20);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	assert_int_equal(trail_reader_extent(r, &e), 0);
	assert_int_equal(e.segments, 2);
	assert_int_equal(e.stubs, 2);
	assert_int_equal(e.bytes, e.stub_bytes);
	assert_int_equal(e.events_real_ns, 0);
	assert_int_equal(e.first_real_ns, made_real(10));
	assert_int_equal(e.last_real_ns, made_real(30));
	assert_false(e.open);
	save_whole(p, 1, 3, 30, TRAIL_SEGMENT_OPEN);
	assert_int_equal(trail_reader_extent(r, &e), 0);
	assert_int_equal(e.segments, 3);
	assert_int_equal(e.stubs, 2);
	assert_int_equal(e.bytes, dir_weight(p->dir));
	assert_true(e.stub_bytes < e.bytes);
	assert_int_equal(e.events_real_ns, made_real(30));
	assert_int_equal(e.first_real_ns, made_real(10));
	assert_true(e.open);
	trail_reader_free(r);
}

static void directory_of_stubs_only_is_a_trail(void **state)
{
	struct place *p = *state;
	struct said s;

	save_stub(p, 1, 1, 10);
	save_stub(p, 1, 2, 20);
	said_of_path(&s, p->dir);
	assert_int_equal(s.err, -ENODATA);
	said_expect(&s, KEY2, KEY_MARK, GAP_MARK, KEY_MARK);
	expect_gap(&s, 10, 20);
	assert_int_equal(s.damage_cnt, 0);
}

static void damaged_stub_is_passed_over(void **state)
{
	struct place *p = *state;
	struct made m;
	struct said s;

	save_stub(p, 1, 1, 10);
	made_begin(&m, 1, 2, 20);
	made_keyframe(&m, 2, 3);
	m.bytes.data[m.blocks[1].offset + TRAIL_BLOCK_HEADER] ^= 4;
	made_block(&m, TRAIL_END, 0, 0, 20, (struct span){NULL, 0});
	save(&m, p, 20, TRAIL_SEGMENT_KEYFRAME);
	save_whole(p, 1, 3, 30, TRAIL_SEGMENT_CLOSED);
	said_of_path(&s, p->dir);
	assert_int_equal(s.damage_cnt, 1);
	/* both reasons are told */
	said_expect(&s, KEY2, KEY_MARK, GAP_MARK, GAP_MARK, KEY_MARK, 31, 32, 33, 34, 35, 36, 37,
		    38, 39, 40);
	assert_int_equal(s.gap.reason, REC_GAP_DAMAGED);
}

/* Who has the segment open reads all of it, and goes on without a gap. */
static void follower_keeps_what_it_has_open(void **state)
{
	static const enum trail_segment_kind kinds[] = {TRAIL_SEGMENT_CLOSED, TRAIL_SEGMENT_OPEN};
	struct place *p = *state;
	char path[2 * FEED_PATH];
	struct trail_reader *r;
	struct trail_batch b;
	struct said s;

	for (size_t i = 0; i < 2; i++) {
		s = (struct said){0};
		save_whole(p, 1, 0, 10, kinds[i]);
		assert_int_equal(trail_reader_open(p->dir, &r), 0);
		path_of(p, 10, kinds[i], path);
		assert_int_equal(unlink(path), 0);
		save_stub(p, 1, 0, 10);
		save_stub(p, 1, 1, 20);
		save_whole(p, 1, 2, 30, TRAIL_SEGMENT_OPEN);
		assert_int_equal(trail_reader_next(r, &b), 0);
		assert_int_equal(b.kind, TRAIL_EVENTS);
		assert_int_equal(b.last_ns, made_ns(20));
		/* up to the next one's keyframe it has read everything; behind that is the hole */
		said_by(&s, r);
		said_expect(&s, KEY_MARK, GAP_MARK, KEY_MARK, 31, 32, 33, 34, 35, 36, 37, 38, 39,
			    40);
		expect_gap(&s, 20, 30);
		assert_int_equal(s.damage_cnt, 0);
		trail_reader_free(r);
		place_clear(p->dir);
	}
}

/* --at within a hole: the keyframe before it, that something is missing behind it, and the end. */
static void source_ends_in_the_hole(void **state)
{
	struct place *p = *state;
	struct trail_source_options opt = {
		.path = p->dir, .from_real_ns = made_real(15), .to_real_ns = made_real(15)};
	const struct rec_seed *row;
	struct said s = {0};
	struct source *src;
	struct span batch;

	save_stub(p, 1, 1, 10);
	save_stub(p, 1, 2, 20);
	save_whole(p, 1, 3, 30, TRAIL_SEGMENT_CLOSED);
	assert_int_equal(trail_source_open(&opt, &src), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source_next(src, 0, &batch), 0);
		row = (const struct rec_seed *)(batch.data + batch.len - sizeof(*row));
		assert_int_equal(row->h.type, REC_SEED);
		assert_int_equal(row->h.boot_ns, made_ns(10));
	}
	assert_int_equal(source_next(src, 0, &batch), 0);
	assert_int_equal(batch.len, sizeof(struct rec_gap));
	said_records(&s, batch);
	expect_gap(&s, 10, 10);
	assert_int_equal(source_next(src, 0, &batch), -ENODATA);
	source_free(src);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_PLACE(stubs_are_read_as_keyframes_between_gaps),
		IN_PLACE(gaps_stay_in_their_run),
		IN_PLACE(seek_finds_the_keyframe_before),
		IN_PLACE(seek_before_a_stub_s_keyframe_goes_further_back),
		IN_PLACE(extent_counts_stubs),
		IN_PLACE(directory_of_stubs_only_is_a_trail),
		IN_PLACE(damaged_stub_is_passed_over),
		IN_PLACE(follower_keeps_what_it_has_open),
		IN_PLACE(source_ends_in_the_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
