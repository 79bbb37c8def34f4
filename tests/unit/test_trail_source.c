// SPDX-License-Identifier: GPL-2.0-only
/* Reading directories: runs, holes, moments, and a recorder that writes, rotates and deletes. */
#include "trail_made.h"

#include <pthread.h>
#include <stdatomic.h>

#include "source/trail_source.h"

/* ---- segments -------------------------------------------------------------------------------------- */

/* Saves what was made as segment 'number' of the place's directory, and lets it go. */
static void save(struct made *m, const struct place *p, uint64_t number)
{
	made_save(m, p->dir, number, TRAIL_SEGMENT_CLOSED);
	made_release(m);
}

/* Four segments of a run: 1 to 10, 11 to 20, ... */
static void save_run(const struct place *p, uint8_t run, uint64_t number)
{
	struct made m;

	for (uint64_t i = 0; i < 4; i++) {
		made_begin(&m, run, i, i * 10);
		if (i)
			made_keyframe(&m, 1, 3);
		made_events(&m, 5);
		made_keyframe(&m, 2, 3);
		made_events(&m, 5);
		made_end(&m);
		save(&m, p, number + i);
	}
}

static void unlink_segment(const struct place *p, uint64_t number, enum trail_segment_kind kind)
{
	char name[TRAIL_SEGMENT_NAME_LEN], path[2 * FEED_PATH];

	trail_segment_name(number, kind, name);
	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_int_equal(unlink(path), 0);
}

/* The next 'cnt' items count up from 'first'. */
static size_t expect_range(const struct said *s, size_t at, uint64_t first, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++, at++) {
		assert_true(at < s->cnt);
		assert_int_equal(s->items[at], first + i);
	}
	return at;
}

static void segments_are_read_in_order(void **state)
{
	struct place *p = *state;
	struct said s;

	save_run(p, 1, 5);
	said_of_path(&s, p->dir);
	assert_int_equal(s.err, -ENODATA);
	assert_int_equal(s.items[0], RUN_MARK);
	assert_int_equal(expect_range(&s, 1, 1, 40), s.cnt);
	assert_int_equal(s.damage_cnt, 0);
}

static void directory_without_segments_is_no_trail(void **state)
{
	struct place *p = *state;
	struct said s;

	said_of_path(&s, p->dir);
	assert_int_equal(s.err, -ENOENT);
	assert_int_equal(mkdir(p->dir, 0750), 0);
	said_of_path(&s, p->dir);
	assert_int_equal(s.err, -ENOENT);
}

/* The oldest are rotated away, and one in the middle is missing: each time a keyframe begins. */
static void what_is_left_begins_with_its_keyframe(void **state)
{
	struct place *p = *state;
	struct said s;
	size_t at;

	save_run(p, 1, 5);
	unlink_segment(p, 5, TRAIL_SEGMENT_CLOSED);
	unlink_segment(p, 7, TRAIL_SEGMENT_CLOSED);
	said_of_path(&s, p->dir);
	assert_int_equal(s.items[0], RUN_MARK);
	assert_int_equal(s.items[1], KEY_MARK);
	at = expect_range(&s, 2, 11, 10);
	assert_int_equal(s.items[at], KEY_MARK);
	assert_int_equal(s.items[at + 1], GAP_MARK);
	assert_int_equal(expect_range(&s, at + 2, 31, 10), s.cnt);
	assert_int_equal(s.gap.reason, REC_GAP_DAMAGED);
	assert_int_equal(s.gap.from_ns, made_ns(20));
}

/* A header that makes no sense costs its segment, in the middle as at the beginning. */
static void absurd_header_costs_its_segment(void **state)
{
	struct place *p = *state;
	struct made m;
	struct said s;
	size_t at;

	save_run(p, 1, 5);
	made_begin(&m, 1, 1, 10);
	memset(m.bytes.data + 8, 0xff, m.bytes.len - 8);
	buf_pad(&m.bytes, 3000, 'x');
	save(&m, p, 6);
	said_of_path(&s, p->dir);
	at = expect_range(&s, 1, 1, 10);
	assert_int_equal(s.items[at], KEY_MARK);
	assert_int_equal(s.items[at + 1], GAP_MARK);
	assert_int_equal(expect_range(&s, at + 2, 21, 20), s.cnt);
	assert_int_equal(s.damage_cnt, 1);
	assert_false(s.damage.tail);
}

/* A crash cuts one segment; nobody had promised what is missing. A closed one that is cut is damage. */
static void cut_end_is_damage_only_where_it_was_closed(void **state)
{
	struct place *p = *state;
	struct made m;
	struct said s;

	made_begin(&m, 1, 0, 0);
	made_events(&m, 5);
	made_events(&m, 5);
	m.bytes.len -= 16;
	made_save(&m, p->dir, 1, TRAIL_SEGMENT_CRASHED);
	made_release(&m);
	made_begin(&m, 2, 0, 20);
	made_events(&m, 1);
	made_end(&m);
	save(&m, p, 2);
	said_of_path(&s, p->dir);
	said_expect(&s, 1, 2, 3, 4, 5, RUN_MARK, 21);
	assert_int_equal(s.damage_cnt, 1);
	assert_true(s.damage.tail);

	made_begin(&m, 1, 0, 0);
	made_events(&m, 5);
	made_events(&m, 5);
	m.bytes.len -= 16;
	unlink_segment(p, 1, TRAIL_SEGMENT_CRASHED);
	save(&m, p, 1);
	said_of_path(&s, p->dir);
	said_expect(&s, 1, 2, 3, 4, 5, GAP_MARK, RUN_MARK, 21);
	assert_int_equal(s.gap_cnt, 5);
	assert_false(s.damage.tail);
}

/* ---- moments --------------------------------------------------------------------------------------- */

static void seek(struct said *s, struct trail_reader *r, uint64_t real_ns)
{
	*s = (struct said){0};
	assert_int_equal(trail_reader_seek(r, real_ns), 0);
	said_by(s, r);
	assert_int_equal(s->err, -ENODATA);
	assert_int_equal(s->items[0], RUN_MARK);
}

static void expect_from_keyframe(const struct said *s, uint64_t first, unsigned cnt)
{
	size_t at = 1;

	assert_int_equal(s->items[1], KEY_MARK);
	while (s->items[at] == KEY_MARK)
		at++;
	assert_int_equal(expect_range(s, at, first, cnt), s->cnt);
}

static void seek_begins_at_the_keyframe_before(void **state)
{
	struct place *p = *state;
	struct trail_reader *r;
	struct said s;

	save_run(p, 1, 5);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	seek(&s, r, made_real(28));
	expect_from_keyframe(&s, 26, 15);
	seek(&s, r, made_real(25));
	expect_from_keyframe(&s, 26, 15);
	seek(&s, r, made_real(24));
	expect_from_keyframe(&s, 21, 20);
	seek(&s, r, made_real(1000));
	expect_from_keyframe(&s, 36, 5);
	seek(&s, r, made_real(3)); /* the run's beginning says more than a keyframe */
	assert_int_equal(expect_range(&s, 1, 1, 40), s.cnt);
	seek(&s, r, 5); /* long before all of it */
	assert_int_equal(expect_range(&s, 1, 1, 40), s.cnt);
	trail_reader_free(r);

	/* without the beginning of the run, before all of it is the first keyframe */
	unlink_segment(p, 5, TRAIL_SEGMENT_CLOSED);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	seek(&s, r, made_real(3));
	expect_from_keyframe(&s, 11, 30);
	trail_reader_free(r);
}

/* No index, no end: the block headers say the same. */
static void seek_needs_no_index(void **state)
{
	struct trail_reader *r;
	struct made m;
	struct said s;
	char path[64];
	int fd;

	(void)state;
	made_begin(&m, 1, 0, 0);
	for (int i = 0; i < 5; i++) {
		made_events(&m, 10);
		made_keyframe(&m, 1, 2);
	}
	fd = made_memfd(m.bytes.data, m.bytes.len - 20);
	assert_int_equal(trail_reader_open(made_path(fd, path), &r), 0);
	seek(&s, r, made_real(35));
	expect_from_keyframe(&s, 31, 20);
	/* the last keyframe lacks its end: the one before it answers */
	seek(&s, r, made_real(60));
	expect_from_keyframe(&s, 41, 10);
	trail_reader_free(r);
	close(fd);
	made_release(&m);
}

/* A keyframe with a bad block is none: the one before answers, with more to read. */
static void seek_passes_a_bad_keyframe(void **state)
{
	struct place *p = *state;
	struct trail_reader *r;
	struct made m;
	struct said s;

	save_run(p, 1, 5);
	made_begin(&m, 1, 3, 30);
	made_keyframe(&m, 1, 3);
	made_events(&m, 5);
	made_keyframe(&m, 2, 3);
	made_events(&m, 5);
	made_end(&m);
	m.bytes.data[m.blocks[3].offset + TRAIL_BLOCK_HEADER] ^= 4;
	m.bytes.data[m.blocks[0].offset + TRAIL_BLOCK_HEADER] ^= 4;
	save(&m, p, 8);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	seek(&s, r, made_real(39));
	expect_from_keyframe(&s, 26, 15);
	assert_int_equal(s.damage_cnt, 2);
	trail_reader_free(r);
}

/* Alone and its keyframe bad: all of its events are there, and the next keyframe is given too. */
static void bad_first_keyframe_is_made_up_for(void **state)
{
	struct made m;
	struct said s;

	(void)state;
	made_begin(&m, 1, 3, 0);
	made_keyframe(&m, 2, 3);
	made_events(&m, 2);
	made_keyframe(&m, 1, 3);
	made_events(&m, 2);
	made_end(&m);
	m.bytes.data[m.blocks[1].offset + TRAIL_BLOCK_HEADER] ^= 4;
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, GAP_MARK, 1, 2, KEY_MARK, 3, 4);
	assert_int_equal(s.damage_cnt, 1);
	made_release(&m);
}

static void extent_tells_without_reading(void **state)
{
	struct place *p = *state;
	struct trail_extent e;
	struct trail_reader *r;
	struct said s = {0};
	struct made m;

	save_run(p, 1, 5);
	made_begin(&m, 2, 0, 100);
	made_events(&m, 5);
	made_events(&m, 5);
	m.bytes.len -= 8; /* its last block is being written */
	made_save(&m, p->dir, 9, TRAIL_SEGMENT_OPEN);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	assert_int_equal(trail_reader_extent(r, &e), 0);
	assert_int_equal(e.first_real_ns, made_real(0));
	assert_int_equal(e.last_real_ns, made_real(105));
	assert_int_equal(e.segments, 5);
	assert_int_equal(e.runs, 2);
	assert_int_equal(e.bytes, dir_weight(p->dir));
	assert_int_equal(e.last.run_id[0], 2);
	assert_true(e.open);
	said_by(&s, r); /* and has moved nothing */
	assert_int_equal(expect_range(&s, 1, 1, 40), 41);
	trail_reader_free(r);

	unlink_segment(p, 9, TRAIL_SEGMENT_OPEN);
	assert_int_equal(trail_reader_open(p->dir, &r), 0);
	assert_int_equal(trail_reader_extent(r, &e), 0);
	assert_int_equal(e.last_real_ns, made_real(40));
	assert_false(e.open);
	trail_reader_free(r);
	made_release(&m);
}

/* ---- while it is written --------------------------------------------------------------------------- */

/* Byte by byte: at no time is anything told that is not so. */
static void growing_file_is_followed(void **state)
{
	struct place *p = *state;
	struct said s = {0};
	struct trail_reader *r;
	size_t whole = 0, tail;
	struct made m;
	int fd;

	made_small(&m);
	m.blocks[m.block_cnt] = (struct made_block){.offset = m.bytes.len, .len = 1};
	fd = open(p->file, O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, m.bytes.data, m.begin), m.begin);
	assert_int_equal(trail_reader_open(p->file, &r), 0);
	for (size_t i = m.begin; i < m.bytes.len; i++) {
		assert_int_equal(write(fd, m.bytes.data + i, 1), 1);
		said_by(&s, r);
		assert_int_equal(s.err, -ENODATA);
		while (m.blocks[whole].offset + m.blocks[whole].len <= i + 1)
			whole++;
		tail = i + 1 - m.blocks[whole].offset;
		assert_int_equal(s.damage_cnt, whole < m.block_cnt && tail ? 1 : 0);
		if (!s.damage_cnt)
			continue;
		assert_true(s.damage.tail);
		assert_int_equal(s.damage.bytes, tail);
	}
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
	assert_int_equal(s.damage_cnt, 0);
	trail_reader_free(r);
	close(fd);
	made_release(&m);
}

#define FOLLOW_EVENTS 60000
#define FOLLOW_BEGUN  10000 /* by then there are blocks on the disk */

struct follower {
	const char *path;
	atomic_bool *wait_for; /* after its first batch; NULL: never */
	pthread_t thread;
	atomic_ullong read;
	uint64_t last, holes, gaps, keyframes;
	int err;
};

/* Numbers rise; where some are missing a gap says so. */
static void follow_records(struct follower *f, struct span records, bool *gap)
{
	struct cursor c = cursor_of(records.data, records.len);
	const struct rec_hdr *h;
	struct said s = {0};

	while (c.left) {
		h = (const struct rec_hdr *)c.p;
		s.last = 0;
		said_record(&s, h);
		cursor_take(&c, h->size);
		if (h->type == REC_GAP) {
			f->gaps++;
			*gap = true;
		} else if (s.last) {
			if (s.last <= f->last || (s.last != f->last + 1 && f->read && !*gap))
				f->holes++;
			*gap = false;
			f->read++;
			f->last = s.last;
		}
	}
}

static void *follow(void *arg)
{
	struct follower *f = arg;
	uint64_t begin_ms = feed_clock_ms();
	struct trail_reader *r = NULL;
	struct trail_batch b;
	bool gap = false;

	do {
		b = (struct trail_batch){0};
		f->err = r ? trail_reader_next(r, &b) : trail_reader_open(f->path, &r);
		if (f->err == -ENODATA || f->err == -ENOENT) {
			poll(NULL, 0, 1);
			continue;
		}
		if (f->err)
			break;
		f->keyframes += b.kind == TRAIL_KEYFRAME;
		follow_records(f, b.records, &gap);
		while (f->wait_for && f->read && !*f->wait_for)
			poll(NULL, 0, 1);
	} while (f->last < FOLLOW_EVENTS && feed_clock_ms() - begin_ms < FEED_DEADLINE_MS);
	trail_reader_free(r);
	return NULL;
}

/* One keeps up as well as it can; the other looks away until most has been deleted under it. */
static void two_readers_follow_a_rotation(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = {.path = p->dir,
					   .directory = true,
					   .sync_ms = TRAIL_SYNC_NONE,
					   .segment_bytes = 128 << 10,
					   .max_bytes = 1 << 20};
	atomic_bool written = false;
	struct follower f[2] = {{.path = p->dir}, {.path = p->dir, .wait_for = &written}};
	struct trail_writer_status s;
	struct feed feed;

	feed_open(&feed, &opt);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&f[i].thread, NULL, follow, &f[i]), 0);
	while (feed.number < FOLLOW_EVENTS) {
		feed_events(&feed, 499);
		feed_tick(&feed, 100);
		feed_keyframe(&feed);
		if (feed.number % 2000 == 0)
			feed_settle(&feed);
		while (feed.number == FOLLOW_BEGUN && !f[1].read)
			poll(NULL, 0, 1);
	}
	s = feed_status(&feed);
	assert_int_equal(s.lost, 0);
	feed_close(&feed, 0);
	written = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(f[i].thread, NULL);
		if (f[i].last != FOLLOW_EVENTS || f[i].holes)
			fail_msg("reader %d: read %llu to %" PRIu64 ", %" PRIu64
				 " silent holes, error %d",
				 i, f[i].read, f[i].last, f[i].holes, f[i].err);
	}
	assert_true(f[1].gaps > 0);
	assert_true(f[1].keyframes > 0);
	assert_true(f[1].read < FOLLOW_EVENTS);
}

/* ---- as a source ----------------------------------------------------------------------------------- */

static void open_source(const struct place *p, struct trail_source_options opt,
			struct source **ret_source)
{
	opt.path = p->dir;
	assert_int_equal(trail_source_open(&opt, ret_source), 0);
}

static void expect_host(const struct span *batch, size_t at, const char *name)
{
	const struct rec_host *h = (const struct rec_host *)(batch->data + at);

	assert_true(batch->len >= at + sizeof(*h));
	assert_int_equal(h->h.type, REC_HOST);
	assert_int_equal(h->host_len, strlen(name));
	assert_memory_equal(h + 1, name, strlen(name));
	assert_int_equal(h->boot_id[2], 3);
}

/* Between two runs nobody watched; and where the host's record is missing the header stands in. */
static void source_tells_that_nobody_watched(void **state)
{
	struct place *p = *state;
	const struct rec_gap *gap;
	struct source *s;
	struct said said = {0};
	struct span batch;
	struct made m;

	made_begin(&m, 1, 0, 0);
	made_events(&m, 5);
	save(&m, p, 1);
	made_begin(&m, 2, 0, 20);
	made_events(&m, 5);
	made_end(&m);
	save(&m, p, 2);
	open_source(p, (struct trail_source_options){0}, &s);
	assert_string_equal(s->ops->name, "script");
	assert_int_equal(source_next(s, 0, &batch), 0);
	expect_host(&batch, 0, "db1");
	said_records(&said, batch);
	assert_int_equal(source_next(s, 0, &batch), 0); /* the first lacks its end */
	gap = (const struct rec_gap *)batch.data;
	assert_int_equal(gap->reason, REC_GAP_DAMAGED);
	assert_int_equal(source_next(s, 0, &batch), 0);
	gap = (const struct rec_gap *)batch.data;
	assert_int_equal(gap->h.type, REC_GAP);
	assert_int_equal(gap->reason, REC_GAP_UNWATCHED);
	assert_int_equal(gap->from_ns, made_ns(5));
	assert_int_equal(gap->h.boot_ns, made_ns(20));
	expect_host(&batch, sizeof(*gap), "db1");
	said_records(&said, batch);
	assert_int_equal(said.last, 25);
	assert_int_equal(source_next(s, 0, &batch), -ENODATA);
	source_free(s);
}

static void source_ends_behind_the_moment(void **state)
{
	struct place *p = *state;
	struct trail_source_options opt = {.from_real_ns = made_real(23),
					   .to_real_ns = made_real(27)};
	struct said said = {0};
	struct source *s;
	struct span batch;

	save_run(p, 1, 5);
	open_source(p, opt, &s);
	while ((said.err = source_next(s, 0, &batch)) == 0)
		said_records(&said, batch);
	assert_int_equal(said.err, -ENODATA);
	assert_int_equal(expect_range(&said, 0, 21, 10), said.cnt);
	source_free(s);
}

static void source_follows_until_it_is_stopped(void **state)
{
	struct place *p = *state;
	struct said said = {0};
	struct source *s;
	struct span batch;
	struct made m;

	made_begin(&m, 1, 0, 0);
	made_events(&m, 1);
	made_save(&m, p->dir, 1, TRAIL_SEGMENT_OPEN);
	open_source(p, (struct trail_source_options){.follow = true}, &s);
	assert_int_equal(source_next(s, 0, &batch), 0);
	assert_int_equal(source_next(s, 1, &batch), 0);
	assert_int_equal(batch.len, 0);
	made_events(&m, 1);
	made_save(&m, p->dir, 1, TRAIL_SEGMENT_OPEN);
	assert_int_equal(source_next(s, 1, &batch), 0);
	said_records(&said, batch);
	assert_int_equal(said.last, 2);
	source_stop(s);
	assert_int_equal(source_next(s, 1, &batch), -ENODATA);
	source_free(s);
	made_release(&m);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(segments_are_read_in_order),
		IN_PLACE(directory_without_segments_is_no_trail),
		IN_PLACE(what_is_left_begins_with_its_keyframe),
		IN_PLACE(absurd_header_costs_its_segment),
		IN_PLACE(cut_end_is_damage_only_where_it_was_closed),
		IN_PLACE(seek_begins_at_the_keyframe_before),
		cmocka_unit_test(seek_needs_no_index),
		IN_PLACE(seek_passes_a_bad_keyframe),
		cmocka_unit_test(bad_first_keyframe_is_made_up_for),
		IN_PLACE(extent_tells_without_reading),
		IN_PLACE(growing_file_is_followed),
		IN_PLACE(two_readers_follow_a_rotation),
		IN_PLACE(source_tells_that_nobody_watched),
		IN_PLACE(source_ends_behind_the_moment),
		IN_PLACE(source_follows_until_it_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
