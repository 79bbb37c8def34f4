// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keyframes that are not as they should be: with a piece missing, broken off, larger than the table
 * may be, made by somebody who means harm.
 */
#include "keyframe_side.h"

#include <errno.h>

/* ---- scenes --------------------------------------------------------------------------------- */

static struct stream *world_stream(uint64_t seed, size_t bytes)
{
	struct stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->name = "world";
	world_run(&s->bytes, seed, bytes);
	stream_index(s);
	return s;
}

/* The keyframe of what came before 'cut', with an index of its records. */
static struct stream *keyframe_of(const struct stream *world, size_t cut)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct side side;

	assert_non_null(s);
	side_open(&side, &world->opt);
	side_apply(&side, stream_part(world, 0, cut));
	assert_int_equal(proc_table_put_keyframe(side.table, 0, &s->bytes), 0);
	stream_index(s);
	side_close(&side);
	return s;
}

static void stream_free(struct stream *s)
{
	buf_release(&s->bytes);
	free(s);
}

static struct rec_hdr hdr_at(const struct stream *s, size_t i)
{
	struct rec_hdr h;

	memcpy(&h, s->bytes.data + s->at[i], sizeof(h));
	return h;
}

static void assert_whole(const struct side *side)
{
	const char *bad = proc_table_check(side->table);

	if (bad)
		fail_msg("%s", bad);
}

/* ---- in good order -------------------------------------------------------------------------- */

static void only_the_host_is_told(void **state)
{
	struct stream *world = world_stream(11, 300000);
	struct stream *keyframe = keyframe_of(world, world->cnt);
	struct side side;
	char host[8];

	(void)state;
	side_open(&side, NULL);
	side_apply(&side, stream_part(keyframe, 0, keyframe->cnt));
	snprintf(host, sizeof(host), "%d ", CHANGE_HOST);
	assert_memory_equal(side.said.data, host, strlen(host));
	assert_ptr_equal(memchr(side.said.data, '\n', side.said.len),
			 side.said.data + side.said.len - 1);
	side_close(&side);
	stream_free(keyframe);
	stream_free(world);
}

/* Into a table that has seen another machine: listeners stay, nothing else does. */
static void a_table_that_was_reset_is_as_new(void **state)
{
	struct stream *world = world_stream(11, 300000), *other = world_stream(12, 300000);
	struct stream *keyframe = keyframe_of(world, world->cnt);
	struct side fresh, used;

	(void)state;
	side_open(&fresh, NULL);
	side_open(&used, NULL);
	side_apply(&used, stream_part(other, 0, other->cnt));
	proc_table_reset(used.table);
	assert_int_equal(proc_table_rows(used.table), 0);
	assert_same("reset", 0, fresh.table, used.table);
	buf_reset(&used.said);
	side_apply(&fresh, stream_part(keyframe, 0, keyframe->cnt));
	side_apply(&used, stream_part(keyframe, 0, keyframe->cnt));
	assert_same("reset", 1, fresh.table, used.table);
	assert_same_bytes("what is said", world, 0, &fresh.said, &used.said);
	side_close(&fresh);
	side_close(&used);
	stream_free(keyframe);
	stream_free(other);
	stream_free(world);
}

static void a_smaller_table_takes_what_it_may_hold(void **state)
{
	struct proc_table_options small = {.max_procs = 20, .max_dead = 3};
	struct stream *world = world_stream(3, 300000);
	struct stream *keyframe = keyframe_of(world, world->cnt);
	struct side side;

	(void)state;
	side_open(&side, &small);
	side_apply(&side, stream_part(keyframe, 0, keyframe->cnt));
	assert_whole(&side);
	assert_in_range(proc_table_rows(side.table), 1, 20);
	assert_in_range(side.table->dead_cnt, 0, 3);
	assert_true(proc_table_uncertain_since(side.table) > 0);
	side_close(&side);
	stream_free(keyframe);
	stream_free(world);
}

/* ---- in bad order --------------------------------------------------------------------------- */

/* The stream that follows need not fit: it has to be survived, like any other. */
static void assert_survives(struct side *side, const struct stream *world)
{
	struct buf once = {0}, twice = {0};
	struct side again;

	assert_whole(side);
	side_apply(side, stream_part(world, world->cnt / 2, world->cnt));
	assert_whole(side);
	side_open(&again, &world->opt);
	assert_int_equal(proc_table_put_keyframe(side->table, 0, &once), 0);
	side_apply(&again, bytes_of(&once));
	assert_whole(&again);
	assert_int_equal(proc_table_put_keyframe(again.table, 0, &twice), 0);
	assert_same_bytes("keyframe", world, 0, &once, &twice);
	side_close(&again);
	buf_release(&once);
	buf_release(&twice);
}

static void a_missing_record_costs_itself_and_is_known(void **state)
{
	struct stream *world = world_stream(5, 200000);
	struct stream *keyframe = keyframe_of(world, world->cnt / 2);
	struct side side;

	(void)state;
	for (size_t i = 0; i < keyframe->cnt; i++) {
		struct rec_hdr h = hdr_at(keyframe, i);
		bool last = i + 1 == keyframe->cnt;

		side_open(&side, NULL);
		side_apply(&side, stream_part(keyframe, 0, i));
		side_apply(&side, stream_part(keyframe, i + 1, keyframe->cnt));
		assert_whole(&side);
		if (h.type == REC_ROW)
			assert_true(proc_table_uncertain_since(side.table) > 0);
		side_apply(&side, stream_part(world, world->cnt / 2, world->cnt / 2 + 1));
		if (last)
			assert_true(proc_table_uncertain_since(side.table) > 0);
		assert_false(side.table->loading);
		assert_survives(&side, world);
		side_close(&side);
	}
	stream_free(keyframe);
	stream_free(world);
}

static void flipped_bits_break_nothing(void **state)
{
	struct stream *world = world_stream(9, 150000);
	struct stream *keyframe = keyframe_of(world, world->cnt / 2);
	struct proc_table_options small = {.max_procs = 20, .max_dead = 3};
	struct buf copy = {0};
	struct world dice = {.rnd = 77};
	struct side side;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		buf_reset(&copy);
		buf_put(&copy, keyframe->bytes.data, keyframe->bytes.len);
		for (uint32_t n = 1 + pick(&dice, 40); n; n--) {
			size_t rec = pick(&dice, (uint32_t)keyframe->cnt);
			size_t len = keyframe->at[rec + 1] - keyframe->at[rec];
			size_t at = keyframe->at[rec] + pick(&dice, (uint32_t)len);

			/* not the size: where records begin is another test's question */
			if (at - keyframe->at[rec] - offsetof(struct rec_hdr, size) >= 6)
				copy.data[at] ^= (char)(1 << pick(&dice, 8));
		}
		side_open(&side, i % 4 ? NULL : &small);
		side_apply(&side, bytes_of(&copy));
		assert_survives(&side, world);
		side_close(&side);
	}
	buf_release(&copy);
	stream_free(keyframe);
	stream_free(world);
}

/* Rows twice, children before their parents, several keyframes in one another */
static void records_in_any_order_break_nothing(void **state)
{
	struct stream *world = world_stream(6, 150000);
	struct stream *keyframe = keyframe_of(world, world->cnt / 2);
	struct world dice = {.rnd = 78};
	struct side side;

	(void)state;
	for (int i = 0; i < 300; i++) {
		side_open(&side, NULL);
		for (size_t n = 0; n < 2 * keyframe->cnt; n++) {
			size_t rec = pick(&dice, (uint32_t)keyframe->cnt);

			side_apply(&side, stream_part(keyframe, rec, rec + 1));
			assert_whole(&side);
		}
		assert_survives(&side, world);
		side_close(&side);
	}
	stream_free(keyframe);
	stream_free(world);
}

/* ---- rows that no table can have had -------------------------------------------------------- */

struct odd {
	const char *what;
	void (*make)(struct rec_row *r);
};

static void odd_no_pid(struct rec_row *r)
{
	r->h.tgid = 0;
}

static void odd_own_parent(struct rec_row *r)
{
	r->h.ppid = r->h.tgid;
	r->h.parent_start_ns = r->h.start_ns;
}

static void odd_parent_without_start(struct rec_row *r)
{
	r->h.ppid = r->h.tgid;
	r->h.parent_start_ns = 0;
}

static void odd_state(struct rec_row *r)
{
	r->state = PROC_REAPED + 1;
}

static void odd_how(struct rec_row *r)
{
	r->how = HOW_THREAD + 1;
}

static void odd_dead_without_death(struct rec_row *r)
{
	r->state = PROC_DYING;
}

static void odd_alive_with_death(struct rec_row *r)
{
	r->parts |= REC_PART_DEATH;
}

static void odd_untold_zombie(struct rec_row *r)
{
	r->state = PROC_ZOMBIE;
	r->parts |= REC_PART_DEATH;
}

static void odd_alive_held(struct rec_row *r)
{
	r->marks |= ROW_EXIT_HELD;
}

static void odd_reaped_held(struct rec_row *r)
{
	r->state = PROC_REAPED;
	r->parts |= REC_PART_DEATH;
	r->marks |= ROW_EXIT_HELD | ROW_EXIT_TOLD;
}

static void odd_missing_not_held(struct rec_row *r)
{
	r->marks |= ROW_MISSING;
}

static void odd_ghost_zombie(struct rec_row *r)
{
	odd_untold_zombie(r);
	r->marks |= ROW_EXIT_TOLD;
	r->flags |= PROC_GHOST;
}

static void odd_ghost_with_parent(struct rec_row *r)
{
	r->flags |= PROC_GHOST;
	r->h.ppid = 1;
	r->h.parent_start_ns = 5;
}

static void odd_too_many_kills(struct rec_row *r)
{
	r->parts |= REC_PART_KILLS;
	r->kills = KILLS_MAX + 1;
}

static void odd_waits_without_evidence(struct rec_row *r)
{
	r->parts |= REC_PART_WAITS;
}

/* Of these the row is 500 zeros longer than its fixed part: a part is there, but says nothing. */
static void refused_row_leaves_nothing(const struct odd *odd)
{
	char bytes[sizeof(struct rec_row) + 504] = {0};
	struct rec_row r = {.h = {.size = sizeof(bytes),
				  .type = REC_ROW,
				  .cpu = 0xffff,
				  .tgid = 9,
				  .boot_ns = 100,
				  .start_ns = 9},
			    .state = PROC_RUNNING};
	struct side side;

	side_open(&side, NULL);
	memcpy(bytes, &r, sizeof(r));
	side_apply(&side, (struct span){bytes, sizeof(bytes)});
	assert_int_equal(proc_table_rows(side.table), 1); /* it is a row but for what is odd */
	proc_table_reset(side.table);

	odd->make(&r);
	memcpy(bytes, &r, sizeof(r));
	side_apply(&side, (struct span){bytes, sizeof(bytes)});
	if (proc_table_rows(side.table) || proc_table_counts(side.table)->malformed != 1)
		fail_msg("%s: expected to be refused, got %zu rows, %llu malformed", odd->what,
			 proc_table_rows(side.table),
			 (unsigned long long)proc_table_counts(side.table)->malformed);
	side_close(&side);
}

static void rows_that_cannot_be_are_refused(void **state)
{
	static const struct odd odds[] = {
		{"no pid", odd_no_pid},
		{"its own parent", odd_own_parent},
		{"a parent without a start", odd_parent_without_start},
		{"a state unheard of", odd_state},
		{"a birth unheard of", odd_how},
		{"dead without a death", odd_dead_without_death},
		{"alive with a death", odd_alive_with_death},
		{"a zombie nobody was told of", odd_untold_zombie},
		{"alive, its exit held back", odd_alive_held},
		{"reaped, its exit held back", odd_reaped_held},
		{"missing, not held back", odd_missing_not_held},
		{"a ghost that is a zombie", odd_ghost_zombie},
		{"a ghost with a parent", odd_ghost_with_parent},
		{"more kills than there is room", odd_too_many_kills},
		{"waits without evidence", odd_waits_without_evidence},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odds) / sizeof(*odds); i++)
		refused_row_leaves_nothing(&odds[i]);
}

/* hist_percentile() looks for as many values as 'cnt' says: they have to be there. */
static void histograms_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint64_t cnt, min, max;
		uint32_t buckets, pair[4];
		bool good;
	} rows[] = {
		{.cnt = 1, .min = 7, .max = 7, .good = true},
		{.cnt = 2, .min = 1, .max = 9},
		{3, 1, 9, 2, {1, 1, 9, 2}, true},
		{4, 1, 9, 2, {1, 1, 9, 2}, false},
		{3, 9, 1, 2, {1, 1, 9, 2}, false},
		{3, 1, 9, 2, {9, 1, 9, 2}, false},
		{3, 1, 9, 2, {9, 1, 1, 2}, false},
		{3, 1, 9, 2, {1, 1, HIST_BUCKETS, 2}, false},
		{1, 1, 9, 2, {1, 1, 9, 0}, false},
		{3, 1, 9, HIST_BUCKETS + 1, {1, 1, 9, 2}, false},
		{3, 1, 9, 0x20000000, {1, 1, 9, 2}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct {
			struct rec_row row;
			struct rec_row_evidence evidence;
			struct rec_row_hist hist;
			uint32_t pair[4];
		} rec = {
			.row = {.h = {.size = sizeof(rec),
				      .type = REC_ROW,
				      .cpu = 0xffff,
				      .tgid = 9,
				      .start_ns = 9},
				.state = PROC_RUNNING,
				.parts = REC_PART_EVIDENCE | REC_PART_HIST},
			.hist = {.cnt = rows[i].cnt,
				 .min = rows[i].min,
				 .max = rows[i].max,
				 .buckets = rows[i].buckets},
		};
		struct side side;

		memcpy(rec.pair, rows[i].pair, sizeof(rec.pair));
		side_open(&side, NULL);
		side_apply(&side, (struct span){(char *)&rec, sizeof(rec)});
		if ((proc_table_rows(side.table) == 1) != rows[i].good)
			fail_msg("histogram %zu: expected it to be %s", i,
				 rows[i].good ? "taken" : "refused");
		side_close(&side);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_host_is_told),
		cmocka_unit_test(a_table_that_was_reset_is_as_new),
		cmocka_unit_test(a_smaller_table_takes_what_it_may_hold),
		cmocka_unit_test(a_missing_record_costs_itself_and_is_known),
		cmocka_unit_test(flipped_bits_break_nothing),
		cmocka_unit_test(records_in_any_order_break_nothing),
		cmocka_unit_test(rows_that_cannot_be_are_refused),
		cmocka_unit_test(histograms_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
