/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests of trails: a stream of numbered records, and a walk over what became of them. The
 * walk knows blocks and the codec, not the reader: what it finds missing is what a gap must count.
 */
#ifndef PROCTRAIL_TESTS_TRAIL_FEED_H
#define PROCTRAIL_TESTS_TRAIL_FEED_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "trail/dir.h"
#include "trail/writer.h"

#define FEED_BOOT_NS (1000 * NS_PER_SEC)
#define FEED_REAL_NS (1795486267ull * NS_PER_SEC)
#define FEED_PATH    128

static inline uint64_t feed_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* 1: a short run; more under TEST_LONG. */
static inline unsigned feed_scale(unsigned normal, unsigned thorough)
{
	return getenv("TEST_LONG") ? thorough : normal;
}

/* ---- a place ------------------------------------------------------------------------------------ */

struct place {
	char top[32];
	char dir[FEED_PATH];  /* does not exist yet */
	char file[FEED_PATH]; /* nor does this */
};

static inline int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	strcpy(p->top, "/tmp/test_trail_XXXXXX");
	if (!mkdtemp(p->top))
		return -1;
	snprintf(p->dir, sizeof(p->dir), "%s/trail", p->top);
	snprintf(p->file, sizeof(p->file), "%s/one.trail", p->top);
	*state = p;
	return 0;
}

static inline void place_clear(const char *path)
{
	char command[FEED_PATH + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command))
		fail_msg("cannot remove %s", path);
}

static inline int place_remove(void **state)
{
	struct place *p = *state;

	place_clear(p->top);
	free(p);
	return 0;
}

/* ---- the stream --------------------------------------------------------------------------------- */

/* Every record has the next number, wherever its type has room for one. */
struct feed {
	struct trail_writer *w;
	uint64_t number; /* of the last record */
	uint64_t now_ns;
	int64_t offset_ns;
	uint64_t seed;
	uint64_t slowest_ns; /* put */
	uint64_t keyframes;
	struct buf records;
};

static inline struct trail_header feed_header(void)
{
	return (struct trail_header){.boot_id = {1, 2, 3},
				     .boot_ns = FEED_BOOT_NS,
				     .real_ns = FEED_REAL_NS,
				     .source = "script",
				     .host = "db1",
				     .writer = "test"};
}

static inline void feed_prepare(struct feed *f)
{
	*f = (struct feed){.now_ns = FEED_BOOT_NS,
			   .offset_ns = (int64_t)(FEED_REAL_NS - FEED_BOOT_NS),
			   .seed = 1};
}

static inline void feed_open(struct feed *f, const struct trail_writer_options *opt)
{
	struct trail_header head = feed_header();
	pid_t holder = 0;

	feed_prepare(f);
	assert_int_equal(trail_writer_open(opt, &head, &f->w, &holder), 0);
	assert_int_equal(trail_writer_start(f->w), 0);
}

static inline uint64_t feed_random(struct feed *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed;
}

static inline void feed_send(struct feed *f)
{
	struct timespec a, b;
	uint64_t took;

	clock_gettime(CLOCK_MONOTONIC, &a);
	trail_writer_put(f->w, (struct span){f->records.data, f->records.len});
	clock_gettime(CLOCK_MONOTONIC, &b);
	took = (uint64_t)(b.tv_sec - a.tv_sec) * NS_PER_SEC + (uint64_t)b.tv_nsec -
	       (uint64_t)a.tv_nsec;
	if (took > f->slowest_ns)
		f->slowest_ns = took;
	buf_reset(&f->records);
}

/* Births that do not compress: some 70 bytes each on the disk. */
static inline void feed_events(struct feed *f, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++) {
		struct rec_fork r = {.h = {.boot_ns = f->now_ns += 1000,
					   .start_ns = feed_random(f),
					   .size = sizeof(r),
					   .type = REC_FORK,
					   .tgid = (uint32_t)feed_random(f) & 0x3fffff,
					   .ppid = 1},
				     .place.cgroup_id = feed_random(f),
				     .creator_rss_kb = feed_random(f),
				     .creator_pgtables_bytes = feed_random(f),
				     .clone_flags = ++f->number,
				     .comm = "sh"};

		buf_put(&f->records, &r, sizeof(r));
	}
	feed_send(f);
}

static inline void feed_tick(struct feed *f, unsigned ms)
{
	struct rec_tick r = {
		.h = {.size = sizeof(r), .type = REC_TICK, .cpu = 0xffff},
		.delivered = ++f->number,
	};

	f->now_ns += ms * NS_PER_MS;
	r.h.boot_ns = f->now_ns;
	r.real_ns = f->now_ns + (uint64_t)f->offset_ns;
	buf_put(&f->records, &r, sizeof(r));
	feed_send(f);
}

/* Many records in little time and few bytes. */
static inline void feed_ticks(struct feed *f, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++) {
		struct rec_tick r = {
			.h = {.boot_ns = f->now_ns += 1000,
			      .size = sizeof(r),
			      .type = REC_TICK,
			      .cpu = 0xffff},
			.real_ns = f->now_ns + (uint64_t)f->offset_ns,
			.delivered = ++f->number,
		};

		buf_put(&f->records, &r, sizeof(r));
	}
	feed_send(f);
}

/* A table of 'rows' processes, some 10 bytes each on the disk, when one is asked for. */
static inline bool feed_keyframe_rows(struct feed *f, unsigned rows)
{
	struct buf b = {0};

	if (!trail_writer_wants_keyframe(f->w))
		return false;
	for (unsigned i = 0; i < rows; i++) {
		struct rec_seed r = {.h = {.boot_ns = f->now_ns,
					   .start_ns = i + 1,
					   .size = sizeof(r),
					   .type = REC_SEED,
					   .tgid = i + 1},
				     .rss_kb = feed_random(f)};

		buf_put(&b, &r, sizeof(r));
	}
	trail_writer_keyframe(f->w, (struct span){b.data, b.len});
	buf_release(&b);
	f->keyframes++;
	return true;
}

static inline bool feed_keyframe(struct feed *f)
{
	return feed_keyframe_rows(f, 10);
}

static inline struct trail_writer_status feed_status(struct feed *f)
{
	struct trail_writer_status s;

	trail_writer_get_status(f->w, &s);
	return s;
}

#define FEED_DEADLINE_MS 20000

/* Waits until 'cond' about 's', the writer's status, holds. */
#define feed_wait(f, s, cond)                                                                  \
	do {                                                                                   \
		uint64_t begin_ms = feed_clock_ms();                                           \
		for ((s) = feed_status(f); !(cond); (s) = feed_status(f)) {                    \
			if (feed_clock_ms() - begin_ms > FEED_DEADLINE_MS)                     \
				fail_msg("never: %s; err %d queued %" PRIu64 " lost %" PRIu64, \
					 #cond, (s).err, (s).queued, (s).lost);                \
			poll(NULL, 0, 1);                                                      \
		}                                                                              \
	} while (0)

static inline void feed_settle(struct feed *f)
{
	struct trail_writer_status s;

	feed_wait(f, s, s.queued == 0);
}

static inline void feed_close(struct feed *f, int want)
{
	assert_int_equal(trail_writer_close(f->w, 20000), want);
	f->w = NULL;
	buf_release(&f->records);
}

/* ---- the walk ----------------------------------------------------------------------------------- */

struct walk {
	uint64_t records;         /* numbered ones */
	uint64_t first, last;     /* their numbers */
	uint64_t missing;         /* numbers in between that are not there */
	uint64_t backwards;       /* numbers that came late or twice */
	uint64_t gaps, gap_count; /* REC_GAP, and what they count */
	uint64_t gap_ahead;       /* ... of that before the first record */
	uint64_t keyframes, keyframe_records;
	uint64_t blocks, files, bytes;
	uint64_t stubs, stub_bytes; /* beside these */
	uint64_t ended;             /* segments with an END */
	uint64_t bare;      /* segments of a run, but its first, without a keyframe in front */
	uint64_t indexed;   /* keyframes in indexes */
	uint64_t damaged;   /* blocks that cannot be opened or decoded */
	uint64_t torn;      /* bytes behind the last whole block */
	uint64_t last_real; /* of any block */
	uint64_t last_boot; /* of the last numbered record */
};

static inline void walk_number(struct walk *k, uint64_t number, uint64_t boot_ns)
{
	if (k->records == 0)
		k->first = number;
	else if (number <= k->last)
		k->backwards++;
	else
		k->missing += number - k->last - 1;
	k->records++;
	k->last = number;
	k->last_boot = boot_ns;
}

static inline void walk_record(struct walk *k, const struct rec_hdr *h)
{
	const struct rec_gap *gap = (const struct rec_gap *)h;

	switch (h->type) {
	case REC_FORK: walk_number(k, ((const struct rec_fork *)h)->clone_flags, h->boot_ns); break;
	case REC_TICK: walk_number(k, ((const struct rec_tick *)h)->delivered, h->boot_ns); break;
	case REC_GAP:
		assert_int_equal(gap->reason, REC_GAP_DISK);
		assert_int_equal(h->cpu, 0xffff);
		assert_true(gap->from_ns <= h->boot_ns);
		k->gaps++;
		k->gap_count += gap->count;
		k->gap_ahead += k->records ? 0 : gap->count;
		break;
	default: fail_msg("a record of type %d", h->type);
	}
}

static inline void walk_payload(struct walk *k, const struct trail_header *head,
				const struct trail_block *b, const struct buf *raw)
{
	struct trail_decoder *d = trail_decoder_new(&head->fields);
	struct buf records = {0};
	uint32_t cnt = 0;

	if (trail_decode(d, (struct span){raw->data, raw->len}, 64u << 20, &records, &cnt) ||
	    cnt != b->records)
		k->damaged++;
	for (size_t at = 0; at < records.len;) {
		const struct rec_hdr *h = (const struct rec_hdr *)(records.data + at);

		if (b->kind == TRAIL_KEYFRAME)
			k->keyframe_records++;
		else
			walk_record(k, h);
		at += (h->size + 7u) & ~7u;
	}
	buf_release(&records);
	trail_decoder_free(d);
}

static inline void walk_block(struct walk *k, const struct trail_header *head,
			      const struct trail_block *b, const char *bytes)
{
	struct trail_index_row row;
	struct buf raw = {0};
	struct cursor c;

	if (trail_block_open(b, (struct span){bytes, b->len}, &raw)) {
		k->damaged++;
		buf_release(&raw);
		return;
	}
	if (b->last_ns && trail_block_last_real(b) > k->last_real)
		k->last_real = trail_block_last_real(b);
	switch (b->kind) {
	case TRAIL_KEYFRAME:
		k->keyframes += b->flags & TRAIL_BLOCK_FIRST;
		walk_payload(k, head, b, &raw);
		break;
	case TRAIL_EVENTS: walk_payload(k, head, b, &raw); break;
	case TRAIL_INDEX:
		c = cursor_of(raw.data, raw.len);
		while (trail_index_next(&c, &row) == 0)
			k->indexed++;
		break;
	case TRAIL_END: k->ended++; break;
	}
	buf_release(&raw);
}

static inline void walk_file(struct walk *k, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY);
	uint64_t sequence = 0;
	struct trail_header head;
	struct trail_block b;
	size_t at = 0;
	struct stat st;
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	k->files++;
	k->bytes += (uint64_t)st.st_size;
	if (trail_header_parse((struct span){data, (size_t)st.st_size}, &head, &at) == 0) {
		while (!trail_block_parse((struct span){data + at, (size_t)st.st_size - at}, &b) &&
		       b.len <= (size_t)st.st_size - at) {
			if (sequence == 0 && head.segment && !(b.flags & TRAIL_BLOCK_FIRST))
				k->bare++;
			assert_int_equal(b.sequence, sequence++);
			walk_block(k, &head, &b, data + at);
			k->blocks++;
			at += b.len;
		}
	}
	k->torn += (uint64_t)st.st_size - at;
	free(data);
}

static inline void walk_dir(struct walk *k, const char *path)
{
	struct trail_segment *rows;
	size_t cnt;
	int fd;

	assert_int_equal(trail_dir_open(path, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &rows, &cnt), 0);
	for (size_t i = 0; i < cnt; i++) {
		if (rows[i].kind != TRAIL_SEGMENT_KEYFRAME) {
			walk_file(k, fd, rows[i].name);
			continue;
		}
		k->stubs++;
		k->stub_bytes += rows[i].size;
	}
	free(rows);
	close(fd);
}

/* What the directory's segments weigh now, a writer at work or not. */
static inline uint64_t dir_weight(const char *path)
{
	struct trail_segment *rows;
	uint64_t sum = 0;
	size_t cnt;
	int fd;

	assert_int_equal(trail_dir_open(path, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &rows, &cnt), 0);
	for (size_t i = 0; i < cnt; i++)
		sum += rows[i].size;
	free(rows);
	close(fd);
	return sum;
}

/* Nothing but what a gap counts is missing between the first and the last record. */
static inline void walk_expect_whole(const struct walk *k)
{
	assert_int_equal(k->backwards, 0);
	assert_int_equal(k->damaged, 0);
	assert_int_equal(k->bare, 0);
	assert_int_equal(k->missing, k->gap_count - k->gap_ahead);
}

#endif
