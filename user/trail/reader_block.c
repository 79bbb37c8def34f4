// SPDX-License-Identifier: GPL-2.0-only
/*
 * From block to block of one segment. A block whose header is good says where the next one begins;
 * after one whose header is not, the next good header is searched for, byte by byte as it were.
 */
#include <errno.h>
#include <string.h>

#include "trail/reader_int.h"

#define BLOCK_STEP 8 /* blocks begin at multiples of it */
#define BLOCK_MIN  (TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER)
#define JUMP_MAX   16 /* blocks that may be missing without a trace */

void reader_go(struct trail_reader *r, uint64_t at, uint64_t sequence)
{
	r->at = at;
	r->sequence = sequence;
	r->searched = 0;
}

/* 0, -EBADMSG (also: it is not all there), or another -errno. */
static int open_block(struct trail_reader *r, uint64_t at, const struct trail_block *b)
{
	struct span bytes;
	int err = trail_file_bytes(&r->file, at, b, &bytes);

	if (!err)
		err = trail_block_open(b, bytes, &r->raw);
	return err == -ENODATA ? -EBADMSG : err;
}

/* The same without unpacking it: what its writer's CRC calls whole is. */
static int check_block(struct trail_reader *r, uint64_t at, const struct trail_block *b)
{
	struct span bytes;
	int err = trail_file_bytes(&r->file, at, b, &bytes);

	if (!err)
		err = trail_block_check(b, bytes);
	return err == -ENODATA ? -EBADMSG : err;
}

/* The file ends behind the block, or goes on with another one: its length is right. */
static bool block_leads_on(struct trail_reader *r, uint64_t at, const struct trail_block *b)
{
	struct trail_block next;
	uint64_t left = r->file.size - at;

	if (b->len >= left)
		return b->len == left;
	return trail_file_block(&r->file, at + b->len, &next) == 0;
}

/* ---- damage ---------------------------------------------------------------------------------- */

/*
 * The next block to trust, from 'from' on. What looks like one may stand in the payload of a bad
 * one: an argument of some process. So it must also lead on, or be whole; and 'strict', its number
 * must be near what the bytes since r->at can have led to, since a wrong one hides all those below.
 */
static int find_good(struct trail_reader *r, uint64_t from, bool strict, uint64_t *ret_at,
		     struct trail_block *ret_block)
{
	struct trail_block b;
	uint64_t at;
	int err;

	for (;; from = at + BLOCK_STEP) {
		err = trail_file_find(&r->file, from, &at, &b);
		if (err)
			return err;
		if (b.sequence < r->sequence ||
		    (strict && b.sequence - r->sequence > (at - r->at) / BLOCK_MIN + JUMP_MAX))
			continue;
		err = block_leads_on(r, at, &b) ? 0 : open_block(r, at, &b);
		if (err == -EBADMSG)
			continue;
		if (err)
			return err;
		*ret_at = at;
		*ret_block = b;
		return 0;
	}
}

/* What the stream lost with a block whose header can be read */
static uint64_t records_of(const struct trail_block *b)
{
	return b->kind == TRAIL_EVENTS ? b->records : 0;
}

/*
 * No good block follows r->at. As long as somebody may write there that is how a trail ends, and so
 * it is after a crash; only where the end was in good order it has been damaged since. Returns
 * -ENODATA.
 */
static int end_of_segment(struct trail_reader *r, const struct trail_block *b)
{
	uint64_t size = r->file.size, left = size > r->at ? size - r->at : 0;
	bool whole = r->seg.kind == TRAIL_SEGMENT_CLOSED || r->seg.kind == TRAIL_SEGMENT_KEYFRAME;
	bool closed = r->ended || (r->dir_fd >= 0 && whole);
	uint64_t lost = b ? records_of(b) : RECORDS_UNKNOWN;

	if (!r->final) {
		if (size >= TRAIL_BLOCK_HEADER)
			r->searched = size - TRAIL_BLOCK_HEADER;
		return -ENODATA;
	}
	if (!closed)
		damage_tell_cut(r, r->at, left);
	else if (!r->ended || left)
		damage_tell(r, r->at, left, r->ended ? 0 : lost, b ? b->last_ns : 0);
	reader_go(r, r->at + left, r->sequence);
	r->ended = closed;
	return -ENODATA;
}

/*
 * The block at r->at is bad; b: its header, NULL when that is bad as well. Goes to the next good
 * one: 0, -ENODATA at the end, or another -errno.
 */
static int skip_bad(struct trail_reader *r, const struct trail_block *b)
{
	uint64_t at = r->at + BLOCK_STEP, records;
	struct trail_block next;
	int err;

	if (!r->final)
		trail_file_refresh(&r->file);
	if (b && block_leads_on(r, r->at, b))
		at = r->at + b->len;
	if (at < r->searched)
		at = r->searched;
	err = find_good(r, at, true, &at, &next);
	if (err == -ENODATA)
		err = find_good(r, at, false, &at, &next);
	if (err)
		return err == -ENODATA ? end_of_segment(r, b) : err;
	if (b)
		records = next.sequence == b->sequence + 1 ? records_of(b) : RECORDS_UNKNOWN;
	else
		records = next.sequence == r->sequence ? 0 : RECORDS_UNKNOWN;
	damage_tell(r, r->at, at - r->at, records, b ? b->last_ns : 0);
	reader_go(r, at, next.sequence);
	return 0;
}

/* ---- keyframes -------------------------------------------------------------------------------- */

int reader_check_keyframe(struct trail_reader *r, uint64_t at)
{
	uint64_t sequence = 0;
	struct trail_block b;
	bool first = true;
	int err;

	do {
		err = trail_file_block(&r->file, at, &b);
		if (err)
			return err;
		if (b.kind != TRAIL_KEYFRAME || first != !!(b.flags & TRAIL_BLOCK_FIRST) ||
		    (!first && b.sequence != sequence))
			return -EBADMSG;
		if (at + b.len > r->file.size)
			return -ENODATA;
		err = check_block(r, at, &b);
		if (err == -EBADMSG)
			damage_tell(r, at, b.len, b.records, b.last_ns);
		if (err)
			return err;
		at += b.len;
		sequence = b.sequence + 1;
		first = false;
	} while (!(b.flags & TRAIL_BLOCK_LAST));
	return 0;
}

/*
 * Decides about the keyframe that begins at r->at: it is taken whole or not at all, since half a
 * process table is a wrong one. 0 or -errno; -ENODATA: it is being written.
 */
static int decide_keyframe(struct trail_reader *r)
{
	int err;

	if (!r->final)
		trail_file_refresh(&r->file);
	err = reader_check_keyframe(r, r->at);
	if (err == 0)
		r->key = KEY_TAKEN;
	if (err == -ENODATA && !r->final)
		return err;
	return err == -EBADMSG || err == -ENODATA ? 0 : err;
}

/* ---- the next one ----------------------------------------------------------------------------- */

/* Looks at the block at r->at: 0, -EBADMSG, -ENODATA (being written), or another -errno. */
static int look_at(struct trail_reader *r, const struct trail_block *b)
{
	int err;

	if (b->kind == TRAIL_KEYFRAME && r->key == KEY_WANTED && b->flags & TRAIL_BLOCK_FIRST) {
		err = decide_keyframe(r);
		if (err)
			return err;
	}
	if (b->kind != TRAIL_KEYFRAME && r->key == KEY_TAKEN)
		r->key = KEY_PASS;
	if (b->kind == TRAIL_EVENTS || (b->kind == TRAIL_KEYFRAME && r->key == KEY_TAKEN))
		return open_block(r, r->at, b);
	if (r->at + b->len > r->file.size && !r->final)
		trail_file_refresh(&r->file);
	return r->at + b->len > r->file.size ? -EBADMSG : 0;
}

int reader_next_block(struct trail_reader *r, struct trail_block *ret_block)
{
	struct trail_block b;
	int err;

	for (;;) {
		err = trail_file_block(&r->file, r->at, &b);
		if (err == -ENODATA)
			return end_of_segment(r, NULL);
		if (!err && b.sequence < r->sequence)
			err = -EBADMSG; /* of long ago: it does not belong here */
		if (err == -EBADMSG) {
			err = skip_bad(r, NULL);
			if (err)
				return err;
			continue;
		}
		if (!err)
			err = look_at(r, &b);
		if (err != -EBADMSG)
			break;
		err = skip_bad(r, &b);
		if (err)
			return err;
	}
	if (err)
		return err;
	if (b.sequence != r->sequence)
		damage_tell(r, r->at, 0, RECORDS_UNKNOWN, 0);
	reader_go(r, r->at + b.len, b.sequence + 1);
	r->ended |= b.kind == TRAIL_END;
	*ret_block = b;
	return 0;
}
