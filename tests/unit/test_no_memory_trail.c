// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trails written and read while memory runs out, at every single place where it can: each scenario is
 * run with its first allocation failing, then its second, until none fails. What was not kept is
 * counted, what was kept is read, and who asks again after -ENOMEM has missed nothing.
 */
#include "trail_made.h"

#include "no_memory.h"
#include "source/trail_source.h"
#include "trail/writer_int.h"

#define BATCHES 6
#define FORKS   12 /* of a batch; a tick follows */
#define KEYS    5  /* rows of a keyframe */

/* ---- writing ----------------------------------------------------------------------------------------- */

/* Made beforehand: while memory is short only the writer may ask for some. */
struct script {
	struct buf batches[BATCHES], key;
	uint64_t number;
};

static void put_row(struct buf *b, uint32_t tgid)
{
	struct rec_seed r = {.h = {.boot_ns = FEED_BOOT_NS,
				   .start_ns = tgid,
				   .size = sizeof(r),
				   .type = REC_SEED,
				   .tgid = tgid}};

	buf_put(b, &r, sizeof(r));
}

static void script_make(struct script *s)
{
	uint64_t now_ns = FEED_BOOT_NS;

	*s = (struct script){0};
	for (unsigned i = 0; i < BATCHES; i++) {
		for (unsigned j = 0; j < FORKS; j++) {
			struct rec_fork r = {.h = {.boot_ns = ++now_ns,
						   .size = sizeof(r),
						   .type = REC_FORK,
						   .tgid = j + 2},
					     .clone_flags = ++s->number,
					     .comm = "sh"};

			buf_put(&s->batches[i], &r, sizeof(r));
		}
		struct rec_tick t = {.h = {.boot_ns = now_ns += NS_PER_SEC,
					   .size = sizeof(t),
					   .type = REC_TICK,
					   .cpu = 0xffff},
				     .real_ns = now_ns + FEED_REAL_NS - FEED_BOOT_NS,
				     .delivered = ++s->number};

		buf_put(&s->batches[i], &t, sizeof(t));
	}
	for (uint32_t tgid = 1; tgid <= KEYS; tgid++)
		put_row(&s->key, tgid);
}

static void script_release(struct script *s)
{
	for (unsigned i = 0; i < BATCHES; i++)
		buf_release(&s->batches[i]);
	buf_release(&s->key);
}

static struct span span_of_buf(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

/* Every batch, a keyframe where one is wanted, another segment in the middle. Returns what close said. */
static int write_script(struct trail_writer *w, const struct script *s)
{
	for (unsigned i = 0; i < BATCHES; i++) {
		if (i == BATCHES / 2)
			trail_writer_rotate(w);
		if (trail_writer_wants_keyframe(w))
			trail_writer_keyframe(w, span_of_buf(&s->key));
		trail_writer_put(w, span_of_buf(&s->batches[i]));
	}
	return trail_writer_close(w, 20000);
}

/* The thread gives back what it holds after close has returned. */
static void expect_fds(unsigned want, unsigned nth)
{
	uint64_t begin_ms = feed_clock_ms();

	while (open_fds() != want) {
		if (feed_clock_ms() - begin_ms > FEED_DEADLINE_MS)
			fail_msg("allocation %u: %u descriptors are left", nth, open_fds() - want);
		poll(NULL, 0, 1);
	}
}

/* Up to where it ended everything is there or counted; past that only a close that said so. */
static void expect_kept(const char *dir, const struct script *s, int closed, unsigned nth)
{
	struct walk k = {0};
	uint64_t seen;

	walk_dir(&k, dir);
	seen = k.records + k.gap_count;
	if (k.damaged || k.torn || k.backwards || k.bare || k.missing > k.gap_count)
		fail_msg("allocation %u: damaged %" PRIu64 " torn %" PRIu64 " backwards %" PRIu64
			 " bare %" PRIu64 " missing %" PRIu64 " counted %" PRIu64,
			 nth, k.damaged, k.torn, k.backwards, k.bare, k.missing, k.gap_count);
	if (closed && closed != -ENOMEM)
		fail_msg("allocation %u: close says %d", nth, closed);
	if (seen > s->number || (!closed && seen != s->number))
		fail_msg("allocation %u: close says %d, and %" PRIu64 " of %" PRIu64
			 " are kept or counted",
			 nth, closed, seen, s->number);
}

static void write_without(void **state, bool thread, bool rest, unsigned step)
{
	struct place *p = *state;
	struct trail_writer_options opt = {.path = p->dir, .directory = true, .sync_ms = 500};
	struct trail_header head = feed_header();
	struct trail_writer *w;
	unsigned nth = 1, fds;
	bool reached = true;
	struct script s;
	int err;

	script_make(&s);
	for (; reached; nth += step) {
		assert_true(nth < NO_MEMORY_MAX);
		w = NULL;
		fds = open_fds();
		no_memory_begin(nth, rest);
		err = trail_writer_open(&opt, &head, &w, NULL);
		if (!err && thread)
			err = trail_writer_start(w);
		if (!err)
			err = write_script(w, &s);
		reached = no_memory_end();
		expect_fds(fds, nth);
		if (w)
			expect_kept(p->dir, &s, err, nth);
		else
			assert_int_equal(err, -ENOMEM);
		assert_true(reached || err == 0);
		/* whatever happened, the place is usable */
		assert_int_equal(trail_writer_open(&opt, &head, &w, NULL), 0);
		assert_int_equal(write_script(w, &s), 0);
		place_clear(p->dir);
	}
	assert_in_range(nth, 20, NO_MEMORY_MAX);
	script_release(&s);
}

/* The caller's thread does it all, at close: each allocation has its number. */
static void writer_counts_what_it_cannot_hold(void **state)
{
	write_without(state, false, false, 1);
}

static void writer_outlives_memory_that_stays_gone(void **state)
{
	write_without(state, false, true, 1);
}

/* With its thread, which tries again: numbers fall here or there. */
static void writer_thread_tries_again(void **state)
{
	write_without(state, true, false, feed_scale(7, 1));
}

static void writer_thread_ends_without_memory(void **state)
{
	write_without(state, true, true, feed_scale(7, 1));
}

/* Its stub is made, or the segment goes without one: nothing is left half made. */
static void rotation_needs_no_memory(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = {.path = p->dir, .directory = true, .sync_ms = 500};
	struct trail_header head = feed_header();
	bool reached = true, kept;
	char part[2 * FEED_PATH];
	struct trail_disk d;
	struct made m;
	unsigned nth, fds;
	int err;

	snprintf(part, sizeof(part), "%s/0000000001.keyframe.part", p->dir);
	for (nth = 1; reached; nth++) {
		made_begin(&m, 1, 1, 0);
		made_keyframe(&m, 2, 3);
		for (unsigned i = 0; i < 200; i++)
			made_events(&m, 100);
		made_end(&m);
		made_save(&m, p->dir, 1, TRAIL_SEGMENT_CLOSED);
		assert_int_equal(disk_open(&d, &opt, &head, NULL), 0);
		d.opt.max_bytes = 1 << 20;
		fds = open_fds();
		no_memory_begin(nth, false);
		err = budget_make_room(&d, d.opt.max_bytes - d.seg.bytes - 18000, head.real_ns,
				       head.boot_ns);
		reached = no_memory_end();
		assert_int_equal(err, 0);
		assert_int_equal(open_fds(), fds);
		kept = d.row_cnt == 1 && d.rows[0].stub;
		assert_true(kept || d.row_cnt == 0);
		assert_true(kept || reached);
		assert_int_equal(disk_bytes(&d), dir_weight(p->dir));
		assert_int_equal(access(part, F_OK), -1);
		disk_release(&d);
		made_release(&m);
		place_clear(p->dir);
	}
	assert_in_range(nth, 3, NO_MEMORY_MAX);
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* Two stubs, and three segments of two runs with damage in the middle: all that a reader allocates for. */
static void make_directory(const char *dir)
{
	struct made m;

	for (uint64_t i = 0; i < 2; i++) {
		made_begin(&m, 9, 3 + i, 0);
		made_keyframe(&m, 1, 3);
		made_block(&m, TRAIL_END, 0, 0, 0, (struct span){NULL, 0});
		made_save(&m, dir, i, TRAIL_SEGMENT_KEYFRAME);
		made_release(&m);
	}
	made_begin(&m, 1, 0, 0);
	made_events(&m, 3);
	made_events(&m, 4);
	made_events(&m, 5);
	made_end(&m);
	m.bytes.data[m.blocks[1].offset + TRAIL_BLOCK_HEADER] ^= 1;
	made_save(&m, dir, 2, TRAIL_SEGMENT_CLOSED);
	made_release(&m);
	made_begin(&m, 1, 1, 12);
	made_keyframe(&m, 2, 3);
	made_events(&m, 5);
	m.bytes.len -= 9;
	made_save(&m, dir, 3, TRAIL_SEGMENT_CRASHED);
	made_release(&m);
	made_begin(&m, 2, 0, 20);
	made_events(&m, 2);
	made_keyframe(&m, 1, 3);
	made_events(&m, 2);
	made_save(&m, dir, 4, TRAIL_SEGMENT_OPEN);
	made_release(&m);
}

/* What it says, asked again where it had no memory; 'short' counts how often that was. */
static int said_all(struct said *s, const char *path, unsigned *ret_short)
{
	struct trail_reader *r = NULL;
	struct trail_extent extent;
	int err;

	*s = (struct said){0};
	*ret_short = 0;
	err = trail_reader_open(path, &r);
	if (err)
		return err;
	do {
		said_by(s, r);
		*ret_short += s->err == -ENOMEM;
	} while (s->err == -ENOMEM && *ret_short < 100);
	err = trail_reader_extent(r, &extent);
	if (!err)
		err = trail_reader_seek(r, made_real(17));
	if (!err) {
		said_add(s, UINT64_MAX - 100);
		do {
			said_by(s, r);
			*ret_short += s->err == -ENOMEM;
		} while (s->err == -ENOMEM && *ret_short < 100);
	}
	trail_reader_free(r);
	return err ? err : s->err;
}

static void reader_that_asks_again_misses_nothing(void **state)
{
	struct place *p = *state;
	static struct said want, got;
	bool reached = true;
	unsigned nth, shorts, fds;
	int err;

	make_directory(p->dir);
	assert_int_equal(said_all(&want, p->dir, &shorts), -ENODATA);
	assert_int_equal(want.damage_cnt, 2);
	for (nth = 1; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		fds = open_fds();
		no_memory_begin(nth, false);
		err = said_all(&got, p->dir, &shorts);
		reached = no_memory_end();
		assert_int_equal(open_fds(), fds);
		if (err == -ENOMEM)
			continue;
		if (err != -ENODATA)
			fail_msg("allocation %u: %d", nth, err);
		for (size_t i = 0; i < want.cnt || i < got.cnt; i++) {
			if (i < got.cnt && i < want.cnt && want.items[i] == got.items[i])
				continue;
			fail_msg("allocation %u: item %zu is %" PRId64 ", not %" PRId64, nth, i,
				 i < got.cnt ? (int64_t)got.items[i] : 0,
				 i < want.cnt ? (int64_t)want.items[i] : 0);
		}
		assert_int_equal(got.gap_cnt, want.gap_cnt);
	}
	assert_in_range(nth, 15, NO_MEMORY_MAX);
}

/* It stays gone: an answer that is not whole never looks as if it were. */
static void reader_without_memory_says_so(void **state)
{
	struct place *p = *state;
	static struct said want, got;
	bool reached = true;
	unsigned nth, shorts, fds;
	int err;

	make_directory(p->dir);
	assert_int_equal(said_all(&want, p->dir, &shorts), -ENODATA);
	for (nth = 1; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		fds = open_fds();
		no_memory_begin(nth, true);
		err = said_all(&got, p->dir, &shorts);
		reached = no_memory_end();
		assert_int_equal(open_fds(), fds);
		if (err != -ENOMEM && (err != -ENODATA || got.cnt != want.cnt))
			fail_msg("allocation %u: %d with %zu of %zu items", nth, err, got.cnt,
				 want.cnt);
	}
}

/* As a source: what begins a run is not lost either. */
static void source_without_memory_says_so(void **state)
{
	struct place *p = *state;
	struct trail_source_options opt = {.path = p->dir};
	static struct said want, got;
	bool reached = true;
	struct source *src;
	struct span batch;
	unsigned fds;
	int err;

	make_directory(p->dir);
	for (unsigned nth = 0; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		fds = open_fds();
		src = NULL;
		got = (struct said){0};
		no_memory_begin(nth ? nth : NO_MEMORY_MAX, false);
		err = trail_source_open(&opt, &src);
		while (!err && (err = source_next(src, 0, &batch)) == 0)
			said_records(&got, batch);
		source_free(src);
		reached = no_memory_end() || !nth;
		assert_int_equal(open_fds(), fds);
		if (nth == 0)
			want = got;
		else if (err != -ENOMEM && (err != -ENODATA || got.cnt != want.cnt))
			fail_msg("allocation %u: %d with %zu of %zu items", nth, err, got.cnt,
				 want.cnt);
	}
	assert_true(want.cnt > 10);
}

/* ---- the codec --------------------------------------------------------------------------------------- */

/* A record that found no memory is coded when it is offered again, and the block is the same. */
static int encode_all(struct trail_encoder **ret, const struct script *s, struct buf *out)
{
	struct cursor c = cursor_of(s->batches[0].data, s->batches[0].len);
	unsigned tries = 0;
	int err;

	*ret = trail_encoder_new();
	if (!*ret)
		return -ENOMEM;
	trail_encoder_begin(*ret);
	while (c.left) {
		const struct rec_hdr *h = (const struct rec_hdr *)c.p;

		err = trail_encode(*ret, h, out);
		if (err == -ENOMEM && tries++ < 10) {
			out->err = 0;
			continue;
		}
		if (err)
			return err;
		cursor_take(&c, h->size);
	}
	return 0;
}

static void codec_goes_on_after_no_memory(void **state)
{
	struct trail_fields fields = trail_fields_now();
	struct buf want = {0}, coded = {0}, records = {0};
	struct trail_encoder *e = NULL;
	struct trail_decoder *d = NULL;
	bool reached = true;
	struct script s;
	uint32_t cnt;
	int err;

	(void)state;
	script_make(&s);
	assert_int_equal(encode_all(&e, &s, &want), 0);
	trail_encoder_free(e);
	for (unsigned nth = 1; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		no_memory_begin(nth, false);
		err = encode_all(&e, &s, &coded);
		reached = no_memory_end();
		assert_true(err == 0 || (err == -ENOMEM && !e));
		if (!err) {
			assert_int_equal(coded.len, want.len);
			assert_memory_equal(coded.data, want.data, want.len);
		}
		trail_encoder_free(e);
		buf_release(&coded);
	}
	reached = true;
	for (unsigned nth = 1; reached; nth++) {
		assert_true(nth < NO_MEMORY_MAX);
		no_memory_begin(nth, false);
		d = trail_decoder_new(&fields);
		err = d ? trail_decode(d, span_of_buf(&want), 1 << 20, &records, &cnt) : -ENOMEM;
		reached = no_memory_end();
		if (err)
			assert_int_equal(err, -ENOMEM);
		else
			assert_int_equal(records.len, s.batches[0].len);
		trail_decoder_free(d);
		buf_release(&records);
	}
	buf_release(&want);
	script_release(&s);
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PLACED(writer_counts_what_it_cannot_hold),
		PLACED(writer_outlives_memory_that_stays_gone),
		PLACED(writer_thread_tries_again),
		PLACED(writer_thread_ends_without_memory),
		PLACED(rotation_needs_no_memory),
		PLACED(reader_that_asks_again_misses_nothing),
		PLACED(reader_without_memory_says_so),
		PLACED(source_without_memory_says_so),
		cmocka_unit_test(codec_goes_on_after_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
