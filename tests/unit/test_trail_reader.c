// SPDX-License-Identifier: GPL-2.0-only
/* Reading one file: what was written, what is left of it when bytes are missing or wrong. */
#include "trail_made.h"

#include <dirent.h>

/* ---- whole ---------------------------------------------------------------------------------------- */

static void whole_trail_reads_as_written(void **state)
{
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	assert_int_equal(s.err, -ENODATA);
	assert_int_equal(s.items[0], RUN_MARK);
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
	assert_int_equal(s.damage_cnt, 0);
	made_release(&m);
}

/* Record by record the same bytes, not only the numbers. */
static void records_are_the_same_bytes(void **state)
{
	struct rec_tick want[2] = {made_tick(1), made_tick(2)};
	struct trail_reader *r;
	struct trail_batch b;
	struct made m;
	char path[64];
	int fd;

	(void)state;
	made_begin(&m, 1, 0, 0);
	made_events(&m, 2);
	fd = made_memfd(m.bytes.data, m.bytes.len);
	assert_int_equal(trail_reader_open(made_path(fd, path), &r), 0);
	assert_int_equal(trail_reader_next(r, &b), 0);
	assert_int_equal(b.kind, TRAIL_EVENTS);
	assert_true(b.new_run);
	assert_int_equal(b.first_real_ns, made_real(1));
	assert_int_equal(b.last_real_ns, made_real(2));
	assert_int_equal(b.last_ns, made_ns(2));
	assert_int_equal(b.records.len, sizeof(want));
	assert_memory_equal(b.records.data, want, sizeof(want));
	assert_string_equal(trail_reader_header(r)->host, "db1");
	assert_int_equal(trail_reader_next(r, &b), -ENODATA);
	assert_int_equal(trail_reader_next(r, &b), -ENODATA);
	trail_reader_free(r);
	close(fd);
	made_release(&m);
}

static void trail_that_begins_with_a_keyframe_delivers_it(void **state)
{
	struct made m;
	struct said s;

	(void)state;
	made_begin(&m, 1, 7, 100);
	made_keyframe(&m, 2, 3);
	made_events(&m, 2);
	made_keyframe(&m, 1, 3);
	made_events(&m, 1);
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, KEY_MARK, KEY_MARK, 101, 102, 103);
	made_release(&m);

	made_begin(&m, 1, 7, 100);
	made_keyframe(&m, 1, 3);
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, KEY_MARK);
	made_release(&m);
}

/* ---- what is no trail ------------------------------------------------------------------------------ */

static void no_trail_is_refused(void **state)
{
	char garbage[5000];
	struct said s;

	(void)state;
	said_of_bytes(&s, "", 0);
	assert_int_equal(s.err, -EBADMSG);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7 + (i >> 3));
	said_of_bytes(&s, garbage, sizeof(garbage));
	assert_int_equal(s.err, -EBADMSG);
	memcpy(garbage, TRAIL_MAGIC, TRAIL_MAGIC_LEN);
	said_of_bytes(&s, garbage, sizeof(garbage));
	assert_int_not_equal(s.err, 0);
	memset(garbage + TRAIL_MAGIC_LEN, 0xff, sizeof(garbage) - TRAIL_MAGIC_LEN);
	said_of_bytes(&s, garbage, sizeof(garbage));
	assert_int_not_equal(s.err, 0);
	said_of_path(&s, "/nonexistent/trail");
	assert_int_equal(s.err, -ENOENT);
	said_of_path(&s, "/dev/null");
	assert_int_equal(s.err, -EBADMSG);
}

/* Another version, an unknown feature: refused with both named; an unknown compatible one is not. */
static void newer_format_is_refused_by_name(void **state)
{
	struct trail_refusal why = {0};
	struct made m;
	char path[64];
	int fd;

	(void)state;
	made_begin(&m, 1, 0, 0);
	m.head.incompat = 0x40;
	buf_reset(&m.bytes);
	trail_header_put(&m.bytes, &m.head);
	fd = made_memfd(m.bytes.data, m.bytes.len);
	assert_int_equal(trail_check(made_path(fd, path), &why), -EPROTONOSUPPORT);
	assert_int_equal(why.version, TRAIL_VERSION);
	assert_int_equal(why.incompat, 0x40);
	assert_string_equal(why.writer, "test");
	close(fd);

	m.head.incompat = 0;
	m.head.compat = 0x40;
	buf_reset(&m.bytes);
	trail_header_put(&m.bytes, &m.head);
	fd = made_memfd(m.bytes.data, m.bytes.len);
	assert_int_equal(trail_check(made_path(fd, path), &why), 0);
	close(fd);
	made_release(&m);
}

/* ---- cut at every byte ----------------------------------------------------------------------------- */

static void cut_anywhere_keeps_all_before_it(void **state)
{
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	for (size_t cut = 0; cut <= m.bytes.len; cut++) {
		uint64_t want = 0;
		size_t whole = m.begin;

		said_of_bytes(&s, m.bytes.data, cut);
		if (cut < m.begin) {
			assert_int_equal(s.err, -EBADMSG);
			continue;
		}
		for (size_t i = 0; i < m.block_cnt && m.blocks[i].offset + m.blocks[i].len <= cut;
		     i++) {
			whole = m.blocks[i].offset + m.blocks[i].len;
			if (m.blocks[i].kind == TRAIL_EVENTS)
				want = m.blocks[i].first + m.blocks[i].cnt - 1;
		}
		assert_int_equal(s.err, -ENODATA);
		assert_int_equal(s.last, want);
		assert_int_equal(s.cnt, want ? want + 1 : 0);
		assert_int_equal(s.gap_cnt, 0);
		assert_int_equal(s.damage_cnt, cut != whole);
		if (cut == whole)
			continue;
		assert_true(s.damage.tail);
		assert_int_equal(s.damage.offset, whole);
		assert_int_equal(s.damage.bytes, cut - whole);
	}
	made_release(&m);
}

/* ---- every bit ------------------------------------------------------------------------------------- */

static const struct made_block *block_at(const struct made *m, size_t at)
{
	for (size_t i = 0; i < m->block_cnt; i++)
		if (at - m->blocks[i].offset < m->blocks[i].len)
			return &m->blocks[i];
	return NULL;
}

/*
 * All numbers in order; those of 'bad' are there all, or a gap stands for them. Where it was the
 * first, the keyframe on the way makes up for it.
 */
static void expect_all_but(const struct said *s, const struct made *m, const struct made_block *bad,
			   size_t bit)
{
	bool lost = bad->kind == TRAIL_EVENTS && s->gap_cnt;
	uint64_t next = 1;

	if (s->err != -ENODATA)
		fail_msg("bit %zu: %d", bit, s->err);
	for (size_t i = 1; i < s->cnt; i++) {
		if (lost && next == bad->first) {
			if (s->items[i] != GAP_MARK)
				fail_msg("bit %zu: no gap where block %zu was", bit, bad->offset);
			next += bad->cnt;
		} else if (s->items[i] == KEY_MARK && bad == m->blocks) {
			next = m->blocks[4].first;
		} else if (s->items[i] != GAP_MARK) {
			if (s->items[i] != next)
				fail_msg("bit %zu: %" PRId64 " not %" PRIu64, bit,
					 (int64_t)s->items[i], next);
			next++;
		}
	}
	if (next != m->number + 1)
		fail_msg("bit %zu: ends before %" PRIu64, bit, next);
	if (s->gap_cnt && s->damage_cnt != 1)
		fail_msg("bit %zu: %zu rows of damage", bit, s->damage_cnt);
	/* the header is good behind its 72 bytes, and knows how many */
	if (lost && bit / 8 - bad->offset >= TRAIL_BLOCK_HEADER && s->gap_cnt != bad->cnt)
		fail_msg("bit %zu: a gap of %" PRIu64 " not %u", bit, s->gap_cnt, bad->cnt);
}

static void flipped_bit_costs_its_block(void **state)
{
	size_t step = feed_scale(7, 1), lost = 0;
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	for (size_t bit = 0; bit < m.bytes.len * 8; bit += step) {
		const struct made_block *bad = block_at(&m, bit / 8);

		m.bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		said_of_bytes(&s, m.bytes.data, m.bytes.len);
		m.bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		if (!bad) {
			assert_int_not_equal(s.err, -ENODATA);
			continue;
		}
		expect_all_but(&s, &m, bad, bit);
		lost += s.gap_cnt != 0;
	}
	assert_true(lost > m.bytes.len / step);
	made_release(&m);
}

/* ---- larger damage --------------------------------------------------------------------------------- */

/* A piece is missing from the middle of one block to the middle of another: lengths mislead. */
static void missing_piece_costs_what_it_touches(void **state)
{
	struct buf cut = {0};
	struct made m;
	struct said s;

	(void)state;
	made_begin(&m, 1, 0, 0);
	for (int i = 0; i < 6; i++)
		made_events(&m, 2);
	made_end(&m);
	buf_put(&cut, m.bytes.data, m.blocks[1].offset + 80);
	buf_put(&cut, m.bytes.data + m.blocks[2].offset + 40,
		m.bytes.len - m.blocks[2].offset - 40);
	said_of_bytes(&s, cut.data, cut.len);
	said_expect(&s, 1, 2, GAP_MARK, 7, 8, 9, 10, 11, 12);
	assert_int_equal(s.damage_cnt, 1);
	assert_int_equal(s.damage.offset, m.blocks[1].offset);
	assert_int_equal(s.damage.records, UINT64_MAX);
	buf_release(&cut);

	/* whole blocks: no byte is wrong, only the numbers tell */
	buf_put(&cut, m.bytes.data, m.blocks[1].offset);
	buf_put(&cut, m.bytes.data + m.blocks[4].offset, m.bytes.len - m.blocks[4].offset);
	said_of_bytes(&s, cut.data, cut.len);
	said_expect(&s, 1, 2, GAP_MARK, 9, 10, 11, 12);
	assert_int_equal(s.damage_cnt, 1);
	assert_int_equal(s.damage.bytes, 0);
	buf_release(&cut);
	made_release(&m);
}

/* Bytes between two blocks that follow each other: nothing of the stream is lost. */
static void foreign_bytes_lose_nothing(void **state)
{
	struct buf b = {0};
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	buf_put(&b, m.bytes.data, m.blocks[1].offset);
	buf_pad(&b, 300 * 1024 + 16, 'P');
	buf_put(&b, m.bytes.data + m.blocks[1].offset, m.bytes.len - m.blocks[1].offset);
	said_of_bytes(&s, b.data, b.len);
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
	assert_int_equal(s.damage_cnt, 1);
	assert_int_equal(s.damage.bytes, 300 * 1024 + 16);
	assert_int_equal(s.damage.records, 0);
	buf_release(&b);
	made_release(&m);
}

/* A block of before where another should be, as a disk may show it after a crash: not told again. */
static void block_of_long_ago_is_not_told_again(void **state)
{
	struct buf b = {0};
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	buf_put(&b, m.bytes.data, m.blocks[4].offset);
	buf_put(&b, m.bytes.data + m.blocks[1].offset, m.blocks[1].len);
	buf_put(&b, m.bytes.data + m.blocks[4].offset, m.bytes.len - m.blocks[4].offset);
	said_of_bytes(&s, b.data, b.len);
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
	assert_int_equal(s.damage_cnt, 1);
	assert_int_equal(s.damage.bytes, m.blocks[1].len);
	buf_reset(&b);

	/* and not when it is met in the search behind foreign bytes */
	buf_put(&b, m.bytes.data, m.blocks[4].offset);
	buf_pad(&b, 64, 'P');
	buf_put(&b, m.bytes.data + m.blocks[1].offset, m.blocks[1].len);
	buf_put(&b, m.bytes.data + m.blocks[4].offset, m.bytes.len - m.blocks[4].offset);
	said_of_bytes(&s, b.data, b.len);
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
	assert_int_equal(s.damage.bytes, m.blocks[1].len + 64);
	buf_release(&b);
	made_release(&m);
}

/* The last block of events is bad, and no record follows that the gap could stand in front of. */
static void loss_at_the_end_is_told(void **state)
{
	struct made m;
	struct said s;

	(void)state;
	made_small(&m);
	m.bytes.data[m.blocks[5].offset + TRAIL_BLOCK_HEADER] ^= 1;
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, GAP_MARK);
	assert_int_equal(s.gap.count, 2);
	assert_int_equal(s.gap.reason, REC_GAP_DAMAGED);
	assert_int_equal(s.gap.from_ns, made_ns(12));
	assert_int_equal(s.gap.h.boot_ns, made_ns(14));
	assert_int_equal(s.gap.h.cpu, 0xffff);
	made_release(&m);
}

/* Good CRCs, absurd contents: what is told and what is decoded differ. */
static void block_that_lies_is_damage(void **state)
{
	struct made m;
	struct said s;
	struct rec_tick tick;
	struct buf raw = {0};

	(void)state;
	made_begin(&m, 1, 0, 0);
	made_events(&m, 1);
	trail_encoder_begin(m.encoder);
	tick = made_tick(++m.number);
	assert_int_equal(trail_encode(m.encoder, &tick.h, &raw), 0);
	buf_pad(&raw, 40, '\x7f');
	made_block(&m, TRAIL_EVENTS, 0, 10, 2, (struct span){raw.data, raw.len});
	made_events(&m, 1);
	made_block(&m, (enum trail_block_kind)9, 0, 77, 3, (struct span){"new", 3});
	made_end(&m);
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, 1, 2, GAP_MARK, 3);
	assert_int_equal(s.gap_cnt, 9);
	assert_int_equal(s.damage_cnt, 1);
	buf_release(&raw);
	made_release(&m);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

/*
 * A payload of 1 MiB whose records all name the same string of 4 KiB: hundreds of MiB unpacked. What fits
 * the bound is delivered, the rest is counted.
 */
static void bomb_is_bounded(void **state)
{
	static struct {
		struct rec_exec r;
		char args[4096];
	} big;
	size_t ends[8] = {0};
	char again[256];
	struct buf raw = {0};
	unsigned cnt = 8;
	struct made m;
	struct said s;

	(void)state;
	made_begin(&m, 1, 0, 0);
	made_events(&m, 1);
	big.r.h.size = sizeof(big);
	big.r.h.type = REC_EXEC;
	big.r.args_kept = big.r.args_len = sizeof(big.args);
	memset(big.args, 'a', sizeof(big.args));
	trail_encoder_begin(m.encoder);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(trail_encode(m.encoder, &big.r.h, &raw), 0);
		ends[i] = raw.len;
	}
	/* from the third on each says: as the one before */
	assert_int_equal(ends[7] - ends[6], ends[6] - ends[5]);
	assert_true(ends[7] - ends[6] < sizeof(again));
	memcpy(again, raw.data + ends[6], ends[7] - ends[6]);
	while (raw.len + (ends[7] - ends[6]) <= TRAIL_RAW_MAX) {
		buf_put(&raw, again, ends[7] - ends[6]);
		cnt++;
	}
	made_block(&m, TRAIL_EVENTS, 0, cnt, 2, (struct span){raw.data, raw.len});
	made_events(&m, 1);
	said_of_bytes(&s, m.bytes.data, m.bytes.len);
	said_expect(&s, 1, GAP_MARK, 2);
	assert_in_range(s.most, 32u << 20, (64u << 20) + sizeof(struct rec_gap));
	assert_int_equal(s.gap_cnt, cnt - s.most / sizeof(big));
	buf_release(&raw);
	made_release(&m);
}

/* ---- what fuzzing found ---------------------------------------------------------------------------- */

#define CORPUS "tests/fuzz/corpus/trail"

/* Nothing in it stops a reader, and what it delivers is whole. */
static void corpus_is_read_to_its_end(void **state)
{
	DIR *dir = opendir(CORPUS);
	struct dirent *e;
	unsigned cnt = 0;
	char path[512];
	struct said s;

	(void)state;
	if (!dir)
		skip();
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", e->d_name);
		said_of_path(&s, path);
		if (s.err != -ENODATA && s.err != -EBADMSG && s.err != -EPROTONOSUPPORT)
			fail_msg("%s: %d", path, s.err);
		cnt++;
	}
	closedir(dir);
	assert_true(cnt > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_trail_reads_as_written),
		cmocka_unit_test(records_are_the_same_bytes),
		cmocka_unit_test(trail_that_begins_with_a_keyframe_delivers_it),
		cmocka_unit_test(no_trail_is_refused),
		cmocka_unit_test(newer_format_is_refused_by_name),
		cmocka_unit_test(cut_anywhere_keeps_all_before_it),
		cmocka_unit_test(flipped_bit_costs_its_block),
		cmocka_unit_test(missing_piece_costs_what_it_touches),
		cmocka_unit_test(foreign_bytes_lose_nothing),
		cmocka_unit_test(block_of_long_ago_is_not_told_again),
		cmocka_unit_test(loss_at_the_end_is_told),
		cmocka_unit_test(block_that_lies_is_damage),
		cmocka_unit_test(bomb_is_bounded),
		cmocka_unit_test(corpus_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
