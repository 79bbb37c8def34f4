/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of the reader: trails made block by block, so that a test knows what stands at which
 * byte, and what a reader says about them, all of it, for comparison.
 */
#ifndef PROCTRAIL_TESTS_TRAIL_MADE_H
#define PROCTRAIL_TESTS_TRAIL_MADE_H

#include "trail_feed.h"

#include <sys/mman.h>

#include "trail/reader.h"

#define MADE_BLOCKS_MAX 256
#define MADE_STEP_NS    1000

struct made_block {
	size_t offset, len;
	enum trail_block_kind kind;
	uint64_t first; /* number of the first record */
	unsigned cnt;
};

/* One segment in memory. */
struct made {
	struct buf bytes, index;
	struct trail_encoder *encoder;
	struct trail_header head;
	size_t begin; /* of the first block */
	struct made_block blocks[MADE_BLOCKS_MAX];
	size_t block_cnt;
	uint64_t number; /* of the last record */
};

static inline uint64_t made_ns(uint64_t number)
{
	return FEED_BOOT_NS + number * MADE_STEP_NS;
}

static inline uint64_t made_real(uint64_t number)
{
	return made_ns(number) + (FEED_REAL_NS - FEED_BOOT_NS);
}

/* number: of the last record before it */
static inline void made_begin(struct made *m, uint8_t run, uint64_t segment, uint64_t number)
{
	*m = (struct made){.encoder = trail_encoder_new(), .head = feed_header(), .number = number};
	assert_non_null(m->encoder);
	m->head.version = TRAIL_VERSION;
	m->head.fields = trail_fields_now();
	m->head.run_id[0] = run;
	m->head.segment = segment;
	m->head.boot_ns = made_ns(number);
	m->head.real_ns = made_real(number);
	trail_header_put(&m->bytes, &m->head);
	m->begin = m->bytes.len;
}

static inline void made_release(struct made *m)
{
	buf_release(&m->bytes);
	buf_release(&m->index);
	trail_encoder_free(m->encoder);
}

static inline void made_block(struct made *m, enum trail_block_kind kind, uint32_t flags,
			      unsigned cnt, uint64_t first, struct span raw)
{
	struct made_block *d = &m->blocks[m->block_cnt];
	struct trail_block b = {.kind = kind,
				.flags = flags,
				.records = cnt,
				.sequence = m->block_cnt,
				.offset_ns = (int64_t)(FEED_REAL_NS - FEED_BOOT_NS),
				.first_ns = made_ns(first),
				.last_ns = made_ns(m->number)};

	assert_true(m->block_cnt < MADE_BLOCKS_MAX);
	*d = (struct made_block){m->bytes.len, 0, kind, first, cnt};
	assert_int_equal(trail_block_put(&m->bytes, &b, raw, 1), 0);
	d->len = b.len;
	m->block_cnt++;
}

/* A tick that says its number. */
static inline struct rec_tick made_tick(uint64_t number)
{
	return (struct rec_tick){.h = {.boot_ns = made_ns(number),
				       .size = sizeof(struct rec_tick),
				       .type = REC_TICK,
				       .cpu = 0xffff},
				 .real_ns = made_real(number),
				 .delivered = number};
}

static inline void made_events(struct made *m, unsigned cnt)
{
	struct buf raw = {0};

	trail_encoder_begin(m->encoder);
	for (unsigned i = 0; i < cnt; i++) {
		struct rec_tick r = made_tick(++m->number);

		assert_int_equal(trail_encode(m->encoder, &r.h, &raw), 0);
	}
	made_block(m, TRAIL_EVENTS, 0, cnt, m->number - cnt + 1, (struct span){raw.data, raw.len});
	buf_release(&raw);
}

/* A keyframe of so many blocks: its rows say the number of the record before it. */
static inline void made_keyframe(struct made *m, unsigned blocks, unsigned rows)
{
	struct trail_index_row row = {m->bytes.len, made_real(m->number), made_ns(m->number)};
	struct buf raw = {0};

	trail_index_put(&m->index, &row);
	for (unsigned i = 0; i < blocks; i++) {
		buf_reset(&raw);
		trail_encoder_begin(m->encoder);
		for (unsigned j = 0; j < rows; j++) {
			struct rec_seed r = {.h = {.boot_ns = made_ns(m->number),
						   .size = sizeof(r),
						   .type = REC_SEED,
						   .tgid = i * rows + j + 1}};

			assert_int_equal(trail_encode(m->encoder, &r.h, &raw), 0);
		}
		made_block(m, TRAIL_KEYFRAME,
			   (i == 0 ? TRAIL_BLOCK_FIRST : 0) |
				   (i + 1 == blocks ? TRAIL_BLOCK_LAST : 0),
			   rows, m->number, (struct span){raw.data, raw.len});
	}
	buf_release(&raw);
}

static inline void made_end(struct made *m)
{
	made_block(m, TRAIL_INDEX, 0, (unsigned)(m->index.len / TRAIL_INDEX_ROW), m->number,
		   (struct span){m->index.data, m->index.len});
	made_block(m, TRAIL_END, 0, 0, m->number, (struct span){NULL, 0});
}

/* One of everything: events, a keyframe on the way, an end. */
static inline void made_small(struct made *m)
{
	made_begin(m, 1, 0, 0);
	made_events(m, 3);
	made_events(m, 4);
	made_keyframe(m, 2, 3);
	made_events(m, 5);
	made_events(m, 2);
	made_end(m);
}

/* ---- as files ------------------------------------------------------------------------------------ */

/* A file without a place; made_path() names it. */
static inline int made_memfd(const void *bytes, size_t len)
{
	int fd = memfd_create("trail", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

static inline const char *made_path(int fd, char path[64])
{
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return path;
}

static inline void made_save(const struct made *m, const char *dir, uint64_t number,
			     enum trail_segment_kind kind)
{
	char name[TRAIL_SEGMENT_NAME_LEN], path[2 * FEED_PATH];
	int fd;

	mkdir(dir, 0750);
	trail_segment_name(number, kind, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->bytes.data, m->bytes.len), m->bytes.len);
	close(fd);
}

/* ---- what a reader says --------------------------------------------------------------------------- */

#define SAID_MAX 4096

/* Numbers as they came; a gap is GAP_MARK, a keyframe's batch KEY_MARK, a run's begin RUN_MARK. */
#define GAP_MARK UINT64_MAX
#define KEY_MARK (UINT64_MAX - 1)
#define RUN_MARK (UINT64_MAX - 2)

struct said {
	uint64_t items[SAID_MAX];
	size_t cnt;
	uint64_t gap_cnt;   /* records that the gaps count */
	struct rec_gap gap; /* the last one */
	uint64_t last;      /* number of the last record */
	uint64_t most;      /* bytes of a batch */
	size_t damage_cnt;
	struct trail_damage damage; /* the first */
	int err;
};

static inline void said_add(struct said *s, uint64_t item)
{
	if (s->cnt < SAID_MAX)
		s->items[s->cnt++] = item;
}

static inline void said_record(struct said *s, const struct rec_hdr *h)
{
	switch (h->type) {
	case REC_TICK:
		s->last = ((const struct rec_tick *)h)->delivered;
		said_add(s, s->last);
		break;
	case REC_FORK:
		s->last = ((const struct rec_fork *)h)->clone_flags;
		said_add(s, s->last);
		break;
	case REC_GAP:
		memcpy(&s->gap, h, sizeof(s->gap));
		s->gap_cnt += s->gap.count;
		said_add(s, GAP_MARK);
		break;
	}
}

/* Every record is whole, aligned and fits its batch, whatever the trail was. */
static inline void said_records(struct said *s, struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);

	assert_true(((uintptr_t)records.data & 7) == 0);
	while (c.left) {
		const struct rec_hdr *h = (const struct rec_hdr *)c.p;

		assert_true(c.left >= sizeof(*h));
		assert_true(h->size >= sizeof(*h) && h->size % 8 == 0);
		said_record(s, h);
		assert_non_null(cursor_take(&c, h->size));
	}
}

/* Reads until there is no more. */
static inline void said_by(struct said *s, struct trail_reader *r)
{
	const struct trail_damage *rows;
	struct trail_batch b;

	while ((s->err = trail_reader_next(r, &b)) == 0) {
		if (b.new_run)
			said_add(s, RUN_MARK);
		if (b.kind == TRAIL_KEYFRAME)
			said_add(s, KEY_MARK);
		if (b.records.len > s->most)
			s->most = b.records.len;
		said_records(s, b.records);
	}
	s->damage_cnt = trail_reader_damage(r, &rows);
	if (s->damage_cnt)
		s->damage = rows[0];
	s->damage.path = NULL;
}

static inline void said_of_path(struct said *s, const char *path)
{
	struct trail_reader *r;

	*s = (struct said){.err = trail_reader_open(path, &r)};
	if (s->err)
		return;
	said_by(s, r);
	trail_reader_free(r);
}

static inline void said_of_bytes(struct said *s, const void *bytes, size_t len)
{
	int fd = made_memfd(bytes, len);
	char path[64];

	said_of_path(s, made_path(fd, path));
	close(fd);
}

/* The items are these, RUN_MARK in front of them left out; 0 ends the list. */
static inline void said_expect_at(const struct said *s, const uint64_t *want, const char *file,
				  int line)
{
	size_t i = s->cnt && s->items[0] == RUN_MARK ? 1 : 0, n = 0;

	for (; want[n]; n++, i++) {
		if (i < s->cnt && s->items[i] == want[n])
			continue;
		fail_msg("%s:%d: item %zu is %" PRId64 ", not %" PRId64, file, line, n,
			 i < s->cnt ? (int64_t)s->items[i] : 0, (int64_t)want[n]);
	}
	if (i != s->cnt)
		fail_msg("%s:%d: item %zu is %" PRId64 ", not the end", file, line, n,
			 (int64_t)s->items[i]);
}
#define said_expect(s, ...) said_expect_at(s, (uint64_t[]){__VA_ARGS__, 0}, __FILE__, __LINE__)

#endif
