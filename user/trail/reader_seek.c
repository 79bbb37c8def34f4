// SPDX-License-Identifier: GPL-2.0-only
/* Where in time a trail is, and where to begin for a moment in it: without decoding anything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trail/reader_int.h"

#define BLOCK_STEP    8
#define TAIL_BLOCKS   16 /* at the end of a segment that may say no time */
#define ENTRIES_TRIED 8  /* damaged keyframes before a segment is given up */

/* ---- block headers ---------------------------------------------------------------------------- */

/* The next block header at or behind *at: 0 with its place, -ENODATA, or another -errno. */
static int walk(struct trail_file *f, uint64_t *at, struct trail_block *ret_block)
{
	int err = trail_file_block(f, *at, ret_block);

	if (err == -EBADMSG)
		err = trail_file_find(f, *at + BLOCK_STEP, at, ret_block);
	return err;
}

/* The last block that says a time: from the end where that is whole, else by walking there. */
static int last_block(struct trail_file *f, struct trail_block *ret_block)
{
	uint64_t at = f->size;
	struct trail_block b;
	int err;

	for (int i = 0; i < TAIL_BLOCKS; i++) {
		if (trail_file_block_before(f, at, &at, &b))
			break;
		if (b.last_ns) {
			*ret_block = b;
			return 0;
		}
	}
	ret_block->last_ns = 0;
	for (at = f->begin; !(err = walk(f, &at, &b)); at += b.len)
		if (b.last_ns && b.len <= f->size - at)
			*ret_block = b;
	if (err != -ENODATA)
		return err;
	return ret_block->last_ns ? 0 : -ENODATA;
}

static bool is_closed(struct trail_file *f)
{
	struct trail_block b;
	uint64_t at;

	return trail_file_block_before(f, f->size, &at, &b) == 0 && b.kind == TRAIL_END;
}

/* ---- extent ----------------------------------------------------------------------------------- */

/* h: NULL where it cannot be read */
static void extent_add(struct trail_extent *e, const struct trail_segment *s, uint64_t bytes,
		       const struct trail_header *h)
{
	bool stub = s->kind == TRAIL_SEGMENT_KEYFRAME;

	e->segments++;
	e->bytes += bytes;
	e->stubs += stub;
	e->stub_bytes += stub ? bytes : 0;
	if (!h)
		return;
	if (!stub && !e->events_real_ns)
		e->events_real_ns = h->real_ns;
	if (e->runs == 0)
		e->first = *h;
	if (e->runs == 0 || memcmp(e->last.run_id, h->run_id, sizeof(h->run_id)) != 0)
		e->runs++;
	e->last = *h;
}

/* Until when the trail goes: what the last segment says that says anything. */
static int extent_end(struct trail_reader *r, const struct trail_segment *rows, size_t cnt,
		      struct trail_extent *e)
{
	struct trail_block b;
	struct trail_file f;
	int err;

	e->last_real_ns = e->last.real_ns;
	for (size_t i = cnt; i-- > 0;) {
		err = reader_open_segment(r, &rows[i], &f);
		if (reader_is_short(err))
			return err;
		if (err)
			continue;
		if (i + 1 == cnt && r->dir_fd < 0)
			e->open = !is_closed(&f);
		err = last_block(&f, &b);
		trail_file_close(&f);
		if (!err)
			e->last_real_ns = trail_block_last_real(&b);
		if (err != -ENODATA)
			return err;
	}
	return 0;
}

static int find_extent(struct trail_reader *r, struct trail_extent *ret_extent)
{
	struct trail_segment *rows;
	struct trail_extent e = {0};
	struct trail_file f;
	size_t cnt;
	int err;

	err = reader_list(r, &rows, &cnt);
	if (err)
		return err;
	for (size_t i = 0; i < cnt; i++) {
		err = reader_open_segment(r, &rows[i], &f);
		if (reader_is_short(err))
			goto out;
		if (err == -ENOENT)
			continue;
		extent_add(&e, &rows[i], err ? rows[i].size : f.size, err ? NULL : &f.head);
		if (!err)
			trail_file_close(&f);
	}
	e.first_real_ns = e.first.real_ns;
	if (cnt && r->dir_fd >= 0)
		e.open = rows[cnt - 1].kind == TRAIL_SEGMENT_OPEN ||
			 rows[cnt - 1].kind == TRAIL_SEGMENT_CRASHED;
	err = e.runs == 0 ? -ENOENT : extent_end(r, rows, cnt, &e);
out:
	free(rows);
	if (!err)
		*ret_extent = e;
	return err;
}

int trail_reader_extent(struct trail_reader *r, struct trail_extent *ret_extent)
{
	int err = find_extent(r, ret_extent);

	for (int tries = 0; err == -ENOENT && reader_wait_for_segment(r, tries); tries++)
		err = find_extent(r, ret_extent);
	return err;
}

/* ---- seek ------------------------------------------------------------------------------------- */

/* The latest keyframe of a segment at or before a moment, and below an offset. */
struct entry {
	uint64_t real_ns;
	uint64_t below;
	uint64_t at; /* the answer; 0: none */
};

static void entry_offer(struct entry *e, uint64_t at, uint64_t real_ns)
{
	if (real_ns <= e->real_ns && at < e->below && at > e->at)
		e->at = at;
}

/* From the index at the end of a closed segment: 0, or -ENODATA where there is no good one. */
static int entry_by_index(struct trail_reader *r, struct entry *e)
{
	struct trail_file *f = &r->file;
	struct trail_index_row row;
	struct trail_block b;
	struct cursor c;
	struct span bytes;
	uint64_t at = f->size;
	int err;

	if (trail_file_block_before(f, at, &at, &b) || b.kind != TRAIL_END ||
	    trail_file_block_before(f, at, &at, &b) || b.kind != TRAIL_INDEX)
		return -ENODATA;
	err = trail_file_bytes(f, at, &b, &bytes);
	if (!err)
		err = trail_block_open(&b, bytes, &r->raw);
	if (err)
		return err == -EBADMSG ? -ENODATA : err;
	c = cursor_of(r->raw.data, r->raw.len);
	while ((err = trail_index_next(&c, &row)) == 0)
		entry_offer(e, row.offset, row.real_ns);
	return err == -ENODATA ? 0 : -ENODATA;
}

/* The same from the block headers. */
static int entry_by_walk(struct trail_file *f, struct entry *e)
{
	struct trail_block b;
	uint64_t at;
	int err;

	for (at = f->begin; !(err = walk(f, &at, &b)); at += b.len)
		if (b.kind == TRAIL_KEYFRAME && b.flags & TRAIL_BLOCK_FIRST)
			entry_offer(e, at, trail_block_last_real(&b));
	return err == -ENODATA ? 0 : err;
}

/* Goes to the keyframe at 'at': 0, -EBADMSG (it is not whole), or another -errno. */
static int go_to_keyframe(struct trail_reader *r, uint64_t at)
{
	struct trail_block b;
	int err = reader_check_keyframe(r, at);

	if (!err)
		err = trail_file_block(&r->file, at, &b);
	if (!err)
		reader_go(r, at, b.sequence);
	return err == -ENODATA ? -EBADMSG : err;
}

/*
 * Goes to where the current segment is entered best: its latest whole keyframe at or before the
 * moment, or its beginning where that is the run's. 0, -ENODATA (nowhere), or another -errno.
 */
static int go_before(struct trail_reader *r, uint64_t real_ns)
{
	struct entry e = {.real_ns = real_ns, .below = UINT64_MAX};
	int err;

	for (int i = 0; i < ENTRIES_TRIED; i++) {
		e.at = 0;
		err = entry_by_index(r, &e);
		if (err == -ENODATA)
			err = entry_by_walk(&r->file, &e);
		if (err)
			return err;
		if (!e.at)
			break;
		err = go_to_keyframe(r, e.at);
		if (err != -EBADMSG)
			return err;
		e.below = e.at;
	}
	/* a stub holds the beginning of no run */
	return r->file.head.segment == 0 && !r->behind_stub ? 0 : -ENODATA;
}

/* What was read before the jump is history, also of the segment that is jumped into. */
static int seek_into(struct trail_reader *r, const struct trail_segment *s, struct trail_file *f)
{
	int err = reader_take_segment(r, s, f);

	if (err)
		return err;
	r->key = KEY_WANTED;
	r->new_run = true;
	r->last_ns = r->file.head.boot_ns;
	r->offset_ns = (int64_t)(r->file.head.real_ns - r->file.head.boot_ns);
	return 0;
}

/* Where the clock was set back several segments may fit; the latest is what was meant. */
static int seek_in(struct trail_reader *r, const struct trail_segment *rows, size_t cnt,
		   uint64_t real_ns)
{
	bool back = false; /* a segment that fitted had no good keyframe */
	struct trail_file f;
	int err;

	for (size_t i = cnt; i-- > 0;) {
		err = reader_open_segment(r, &rows[i], &f);
		if (reader_is_short(err))
			return err;
		if (err)
			continue;
		if (f.head.real_ns > real_ns && !back) {
			trail_file_close(&f);
			continue;
		}
		err = seek_into(r, &rows[i], &f);
		if (!err)
			err = go_before(r, real_ns);
		if (err != -ENODATA)
			return err;
		back = true;
	}
	for (size_t i = 0; i < cnt; i++) {
		err = reader_open_segment(r, &rows[i], &f);
		if (reader_is_short(err))
			return err;
		if (!err)
			return seek_into(r, &rows[i], &f);
	}
	return -ENOENT;
}

int trail_reader_seek(struct trail_reader *r, uint64_t real_ns)
{
	struct trail_segment *rows;
	size_t cnt;
	int err;

	damage_retract_tail(r);
	err = reader_list(r, &rows, &cnt);
	if (err)
		return err;
	err = seek_in(r, rows, cnt, real_ns);
	r->gap = (struct reader_gap){
		0}; /* what was bad on the way to the entry is not in what follows it */
	free(rows);
	return err;
}
