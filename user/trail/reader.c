// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trail/reader_int.h"

#define RECORDS_MAX  (64u << 20) /* of one block; what a hostile one may cost us */
#define RECORDS_KEEP (8u << 20)  /* memory that is kept from one block to the next */

/* ---- open and free --------------------------------------------------------------------------- */

static int reader_open(const char *path, struct trail_header *ret_refused,
		       struct trail_reader **ret_reader)
{
	struct trail_reader *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (!r)
		return -ENOMEM;
	r->dir_fd = -1;
	r->file.fd = -1;
	r->path = strdup(path);
	if (r->path)
		err = reader_open_path(r, path, ret_refused);
	if (err) {
		trail_reader_free(r);
		return err;
	}
	*ret_reader = r;
	return 0;
}

int trail_reader_open(const char *path, struct trail_reader **ret_reader)
{
	struct trail_header refused;

	return reader_open(path, &refused, ret_reader);
}

void trail_reader_free(struct trail_reader *r)
{
	if (!r)
		return;
	damage_release(r);
	trail_decoder_free(r->decoder);
	trail_file_close(&r->file);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	buf_release(&r->raw);
	buf_release(&r->records);
	free(r->path);
	free(r);
}

/* Of a directory every segment is asked: a newer recorder may have taken over in the middle. */
static int check_segments(struct trail_reader *r, struct trail_header *ret_refused)
{
	struct trail_segment *rows;
	struct trail_file f;
	size_t cnt;
	int err;

	err = reader_list(r, &rows, &cnt);
	if (err)
		return err;
	for (size_t i = 0; i < cnt && !err; i++) {
		err = reader_open_segment(r, &rows[i], &f);
		if (!err)
			trail_file_close(&f);
		else if (err == -EPROTONOSUPPORT)
			*ret_refused = f.head;
		else if (!reader_is_short(err))
			err = 0; /* damage is told where it is met */
	}
	free(rows);
	return err;
}

int trail_check(const char *path, struct trail_refusal *ret_refusal)
{
	struct trail_header refused = {0};
	struct trail_reader *r = NULL;
	int err = reader_open(path, &refused, &r);

	if (!err)
		err = check_segments(r, &refused);
	trail_reader_free(r);
	if (err == -EPROTONOSUPPORT) {
		ret_refusal->version = refused.version;
		ret_refusal->incompat = refused.incompat & ~TRAIL_INCOMPAT_KNOWN;
		memcpy(ret_refusal->writer, refused.writer, sizeof(ret_refusal->writer));
	}
	return err;
}

const struct trail_header *trail_reader_header(const struct trail_reader *r)
{
	return &r->file.head;
}

/* ---- batches --------------------------------------------------------------------------------- */

static struct trail_batch batch_of(struct trail_reader *r, enum trail_block_kind kind)
{
	struct trail_batch batch = {
		.records = {r->records.data, r->records.len},
		.kind = kind,
		.new_run = r->new_run,
		.last_ns = r->last_ns,
	};

	r->new_run = false;
	return batch;
}

static void records_reset(struct trail_reader *r)
{
	buf_reset(&r->records);
	if (r->records.cap > RECORDS_KEEP)
		buf_release(&r->records);
}

/* What a whole block, unpacked in r->raw, says beside what can be decoded: the rest is lost. */
static int decode(struct trail_reader *r, const struct trail_block *b)
{
	struct span raw = {r->raw.data, r->raw.len};
	uint32_t records = 0;
	uint64_t lost;
	int err;

	err = trail_decode(r->decoder, raw, RECORDS_MAX, &r->records, &records);
	if (r->records.err || err == -ENOMEM) {
		buf_release(&r->records);
		return -ENOMEM;
	}
	if (err && err != -EBADMSG && err != -EMSGSIZE)
		return err;
	if (!err && records == b->records)
		return 0;
	lost = b->records > records ? b->records - records : 0;
	damage_tell(r, r->at - b->len, b->len, err && !lost ? RECORDS_UNKNOWN : lost, b->last_ns);
	return 0;
}

/* 0, -EAGAIN (nothing to deliver in it), or another -errno; after -ENOMEM as if not tried. */
static int deliver(struct trail_reader *r, const struct trail_block *b,
		   struct trail_batch *ret_batch)
{
	struct reader_gap gap = r->gap;
	int err;

	records_reset(r);
	gap_put(r, b->first_ns);
	err = decode(r, b);
	if (err) {
		r->gap = gap;
		reader_go(r, r->at - b->len, b->sequence);
		return err;
	}
	if (b->last_ns)
		r->last_ns = b->last_ns;
	r->offset_ns = b->offset_ns;
	if (b->flags & TRAIL_BLOCK_LAST && b->kind == TRAIL_KEYFRAME)
		r->key = KEY_PASS;
	if (r->file.head.segment == 0 && b->sequence == 0 && b->kind == TRAIL_EVENTS)
		r->key = KEY_PASS; /* everything from the beginning: no keyframe knows more */
	if (!r->records.len)
		return -EAGAIN;
	*ret_batch = batch_of(r, b->kind);
	ret_batch->entry = b->kind == TRAIL_KEYFRAME && b->flags & TRAIL_BLOCK_FIRST;
	if (b->last_ns) {
		ret_batch->first_real_ns = trail_block_first_real(b);
		ret_batch->last_real_ns = trail_block_last_real(b);
	}
	return 0;
}

/* Nothing follows that could show the loss, so it stands alone. */
static int deliver_gap(struct trail_reader *r, struct trail_batch *ret_batch)
{
	struct reader_gap gap = r->gap;

	records_reset(r);
	gap_put(r, 0);
	if (r->records.err) {
		buf_release(&r->records);
		r->gap = gap;
		return -ENOMEM;
	}
	*ret_batch = batch_of(r, TRAIL_EVENTS);
	ret_batch->first_real_ns = ret_batch->last_real_ns = r->last_ns + (uint64_t)r->offset_ns;
	return 0;
}

static int at_end(struct trail_reader *r, struct trail_batch *ret_batch)
{
	if (gap_is_due(r))
		return deliver_gap(r, ret_batch);
	if (r->final)
		return -ENODATA;
	trail_file_refresh(&r->file); /* also for the next call, which must not see old bytes */
	if (r->file.size > r->at)
		damage_tell_tail(r, r->at, r->file.size - r->at);
	return -ENODATA;
}

static bool is_delivered(const struct trail_reader *r, const struct trail_block *b)
{
	return b->kind == TRAIL_EVENTS || (b->kind == TRAIL_KEYFRAME && r->key == KEY_TAKEN);
}

int trail_reader_next(struct trail_reader *r, struct trail_batch *ret_batch)
{
	struct trail_block b;
	int err;

	damage_retract_tail(r);
	for (;;) {
		err = reader_next_block(r, &b);
		if (!err && is_delivered(r, &b)) {
			err = deliver(r, &b, ret_batch);
			if (err != -EAGAIN)
				return err;
		} else if (err == -ENODATA) {
			err = reader_move_on(r);
			if (err == -EAGAIN)
				return deliver_gap(r, ret_batch);
			if (err == -ENODATA)
				return at_end(r, ret_batch);
			if (err)
				return err;
		} else if (err) {
			return err;
		}
	}
}
