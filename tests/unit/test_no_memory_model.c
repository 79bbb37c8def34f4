// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process table, and keyframes of it, while memory runs out at every single place where it can. A
 * record that finds no room is refused and counted; the table stays whole and takes the next one.
 */
#include <glob.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "keyframe_world.h"
#include "model/keyframe.h"
#include "no_memory.h"
#include "source/script.h"

#define WORLD_BYTES 24000
#define TIMELINES   "tests/script/*.ev"

/* ---- applying ---------------------------------------------------------------------------------------- */

/* Applies all of them, whole or not; what was refused is counted. */
static void apply_all(struct proc_table *t, const struct buf *records, unsigned *ret_refused)
{
	struct cursor c = cursor_of(records->data, records->len);
	static struct event ev;
	int err;

	*ret_refused = 0;
	while (c.left) {
		err = event_decode(&c, &ev);
		if (err)
			proc_table_count_bad(t, err);
		else
			err = proc_table_apply(t, &ev);
		if (err != 0 && err != -ENOMEM && err != -EBADMSG)
			fail_msg("a record of type %d: %d", ev.h.type, err);
		*ret_refused += err == -ENOMEM;
	}
}

static void expect_whole(const struct proc_table *t, const char *what, unsigned nth)
{
	const char *bad = proc_table_check(t);

	if (bad)
		fail_msg("%s, allocation %u: %s", what, nth, bad);
}

/* Its keyframe is one: what there was no room for is unknown in it, too. */
static void expect_loadable(const struct proc_table *t, const char *what, unsigned nth)
{
	struct proc_table *loaded = proc_table_new(NULL);
	struct buf key = {0};
	unsigned refused;

	assert_non_null(loaded);
	assert_int_equal(proc_table_put_keyframe(t, 0, &key), 0);
	apply_all(loaded, &key, &refused);
	expect_whole(loaded, what, nth);
	if (proc_table_counts(loaded)->malformed != proc_table_counts(t)->malformed)
		fail_msg("%s, allocation %u: its keyframe cannot be", what, nth);
	buf_release(&key);
	proc_table_free(loaded);
}

/* From the first allocation to the last, in steps; every table must be whole and go on. */
static void apply_without(const struct buf *records, const char *what, unsigned step, bool rest)
{
	bool reached = true;
	struct proc_table *t;
	unsigned refused;

	for (unsigned nth = 1; reached; nth += step) {
		assert_true(nth < NO_MEMORY_MAX);
		no_memory_begin(nth, rest);
		t = proc_table_new(NULL);
		if (t)
			apply_all(t, records, &refused);
		reached = no_memory_end();
		if (!t)
			continue;
		expect_whole(t, what, nth);
		assert_true(reached || refused == 0);
		if (refused > proc_table_counts(t)->evicted)
			fail_msg("%s, allocation %u: %u refused, %" PRIu64 " counted", what, nth,
				 refused, proc_table_counts(t)->evicted);
		expect_loadable(t, what, nth);
		/* with memory again it takes them all */
		apply_all(t, records, &refused);
		assert_int_equal(refused, 0);
		expect_whole(t, what, nth);
		proc_table_free(t);
	}
}

static void table_outlives_a_record_without_room(void **state)
{
	struct buf records = {0};

	(void)state;
	world_run(&records, 7, WORLD_BYTES);
	apply_without(&records, "world", 1, false);
	buf_release(&records);
}

static void table_outlives_memory_that_stays_gone(void **state)
{
	struct buf records = {0};

	(void)state;
	world_run(&records, 11, WORLD_BYTES);
	apply_without(&records, "world", 1, true);
	buf_release(&records);
}

/* ---- timelines: what a world by chance does not come to ---------------------------------------------- */

static void timeline_read(const char *path, struct buf *records)
{
	struct source *src = NULL;
	struct span batch;

	assert_int_equal(script_open(path, &src), 0);
	while (source_next(src, 0, &batch) == 0)
		buf_put_span(records, batch);
	source_free(src);
}

static void timelines_without_room(void **state)
{
	unsigned step = getenv("TEST_LONG") ? 1 : 3;
	glob_t files;

	(void)state;
	if (glob(TIMELINES, 0, NULL, &files))
		skip();
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct buf records = {0};

		timeline_read(files.gl_pathv[i], &records);
		apply_without(&records, files.gl_pathv[i], step, false);
		buf_release(&records);
	}
	assert_true(files.gl_pathc > 50);
	globfree(&files);
}

/* ---- keyframes --------------------------------------------------------------------------------------- */

static struct proc_table *world_table(uint64_t seed)
{
	struct proc_table *t = proc_table_new(NULL);
	struct buf records = {0};
	unsigned refused;

	assert_non_null(t);
	world_run(&records, seed, WORLD_BYTES);
	apply_all(t, &records, &refused);
	buf_release(&records);
	return t;
}

/* Whole, or -ENOMEM and nothing: what stood before it in the buffer stays. */
static void keyframe_is_written_whole_or_not(void **state)
{
	struct proc_table *t = world_table(5);
	struct buf want = {0}, out = {0};
	unsigned nth = 1;
	bool reached = true;
	int err;

	(void)state;
	assert_int_equal(proc_table_put_keyframe(t, 0, &want), 0);
	for (; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		buf_put_str(&out, "before");
		no_memory_begin(nth, false);
		err = proc_table_put_keyframe(t, 0, &out);
		reached = no_memory_end();
		assert_memory_equal(out.data, "before", 6);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(out.len, 6);
		} else {
			assert_int_equal(out.len, want.len + 6);
			assert_memory_equal(out.data + 6, want.data, want.len);
		}
		buf_release(&out);
	}
	assert_in_range(nth, 4, NO_MEMORY_MAX);
	buf_release(&want);
	proc_table_free(t);
}

/* A table that could not take all of a keyframe is whole all the same, and never calls itself complete. */
static void load_without(unsigned step, bool rest)
{
	struct proc_table *t = world_table(5), *loaded;
	struct buf key = {0}, again = {0};
	bool reached = true;
	unsigned refused;

	assert_int_equal(proc_table_put_keyframe(t, 0, &key), 0);
	for (unsigned nth = 1; reached; nth += step) {
		assert_true(nth < NO_MEMORY_MAX);
		refused = 0;
		no_memory_begin(nth, rest);
		loaded = proc_table_new(NULL);
		if (loaded)
			apply_all(loaded, &key, &refused);
		reached = no_memory_end();
		if (!loaded)
			continue;
		expect_whole(loaded, "keyframe", nth);
		if (refused && !proc_table_uncertain_since(loaded))
			fail_msg("allocation %u: %u records refused, and it calls itself complete",
				 nth, refused);
		/* with memory again it is the same table */
		proc_table_reset(loaded);
		apply_all(loaded, &key, &refused);
		assert_int_equal(refused, 0);
		assert_int_equal(proc_table_put_keyframe(loaded, 0, &again), 0);
		assert_int_equal(again.len, key.len);
		assert_memory_equal(again.data, key.data, key.len);
		buf_release(&again);
		proc_table_free(loaded);
	}
	buf_release(&key);
	proc_table_free(t);
}

static void keyframe_is_loaded_as_far_as_memory_goes(void **state)
{
	(void)state;
	load_without(1, false);
}

static void keyframe_without_memory_is_not_complete(void **state)
{
	(void)state;
	load_without(1, true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_outlives_a_record_without_room),
		cmocka_unit_test(table_outlives_memory_that_stays_gone),
		cmocka_unit_test(timelines_without_room),
		cmocka_unit_test(keyframe_is_written_whole_or_not),
		cmocka_unit_test(keyframe_is_loaded_as_far_as_memory_goes),
		cmocka_unit_test(keyframe_without_memory_is_not_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
