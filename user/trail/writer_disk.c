// SPDX-License-Identifier: GPL-2.0-only
#include "trail/writer_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define DEFLATE_LEVEL 1

/*
 * Between two keyframes of one segment: what a reader has to go through at most to a moment. A large
 * table's keyframe takes long itself, to write and to read: then it may be as long again, and a row
 * takes as long as so many events.
 */
#define KEY_BYTES   (8u << 20)
#define KEY_NS      (600 * NS_PER_SEC)
#define KEY_RECORDS (512u << 10)
#define ROW_RECORDS 8
/* By age a segment is closed in time for its records to be deleted at most so much late. */
#define AGE_PARTS   16

/* INDEX and END beside the rows: headers, trailers, padding, and one row to come */
#define TAIL_BYTES (2 * (TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER + 8) + TRAIL_INDEX_ROW)

bool disk_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

uint64_t disk_bytes(const struct trail_disk *d)
{
	return d->row_bytes + (d->seg.fd >= 0 ? d->seg.bytes : 0);
}

uint64_t disk_oldest_real_ns(const struct trail_disk *d)
{
	for (size_t i = 0; i < d->row_cnt; i++)
		if (d->rows[i].first_real_ns && !d->rows[i].stub)
			return d->rows[i].first_real_ns;
	return d->seg.fd >= 0 ? d->seg.first_real_ns : 0;
}

/* ---- bytes ------------------------------------------------------------------------------------ */

/*
 * All of 'bytes' at the end of the segment, or none: what a full disk took of them is cut off. One
 * that does not even let itself be cut is not just full.
 */
static int segment_write(struct trail_disk *d, struct span bytes)
{
	struct disk_open_segment *s = &d->seg;
	size_t done = 0;
	ssize_t len;
	int err;

	while (done < bytes.len) {
		len = d->io.write_at(s->fd, bytes.data + done, bytes.len - done,
				     (off_t)(s->bytes + done));
		if (len > 0) {
			done += (size_t)len;
			continue;
		}
		if (len < 0 && errno == EINTR)
			continue;
		err = len < 0 ? -errno : -EIO;
		if (ftruncate(s->fd, (off_t)s->bytes))
			err = disk_is_full(err) ? -EIO : err;
		return err;
	}
	s->bytes += bytes.len;
	s->dirty = true;
	d->written += bytes.len;
	return 0;
}

static bool segment_is_file(const struct trail_disk *d)
{
	return !d->opt.directory;
}

/* ---- the end of a segment --------------------------------------------------------------------- */

/* Takes the open segment, which is called 'kind' from now on, among the closed ones. */
static int segment_retire(struct trail_disk *d, enum trail_segment_kind kind)
{
	struct disk_open_segment *s = &d->seg;
	struct disk_row row = {.number = s->number,
			       .bytes = s->bytes,
			       .first_real_ns = s->first_real_ns,
			       .last_real_ns = s->last_ns ? s->last_ns + (uint64_t)s->offset_ns :
							    s->first_real_ns,
			       .last_boot_ns = s->last_ns,
			       .this_boot = s->last_ns != 0};
	int err = 0;

	close(s->fd);
	s->fd = -1;
	buf_release(&s->index);
	if (segment_is_file(d))
		return 0;
	trail_segment_name(s->number, kind, row.name);
	if (renameat(d->dir_fd, s->name, d->dir_fd, row.name)) {
		err = -errno;
		memcpy(row.name, s->name, sizeof(row.name)); /* tidied up by the next start */
	}
	if (budget_add(d, &row) && !err)
		err = -ENOMEM;
	return err;
}

/* It cannot be trusted any further. */
static void segment_break(struct trail_disk *d)
{
	d->needs_keyframe = true;
	if (d->seg.fd < 0 || segment_is_file(d))
		return; /* a file has no successor: a keyframe in it begins anew */
	segment_retire(d, TRAIL_SEGMENT_CRASHED);
}

static int put_tail(struct trail_disk *d)
{
	struct disk_open_segment *s = &d->seg;
	struct trail_block index = {.kind = TRAIL_INDEX,
				    .sequence = s->sequence,
				    .records = (uint32_t)(s->index.len / TRAIL_INDEX_ROW)};
	struct trail_block end = {.kind = TRAIL_END,
				  .sequence = s->sequence + 1,
				  .first_ns = s->first_ns,
				  .last_ns = s->last_ns,
				  .offset_ns = s->offset_ns};
	int err;

	buf_reset(&d->out);
	err = trail_block_put(&d->out, &index, (struct span){s->index.data, s->index.len},
			      DEFLATE_LEVEL);
	if (err)
		return err;
	err = trail_block_put(&d->out, &end, (struct span){NULL, 0}, DEFLATE_LEVEL);
	if (err)
		return err;
	return segment_write(d, (struct span){d->out.data, d->out.len});
}

static int sync_directory(struct trail_disk *d)
{
	if (d->opt.sync_ms == TRAIL_SYNC_NONE || d->dir_fd < 0)
		return 0;
	return fsync(d->dir_fd) ? -errno : 0;
}

int disk_finish(struct trail_disk *d)
{
	struct disk_open_segment *s = &d->seg;
	int err, err2;

	if (s->fd < 0)
		return 0;
	d->needs_keyframe = true;
	if (s->blocks == 0 && !segment_is_file(d)) {
		close(s->fd);
		s->fd = -1;
		buf_release(&s->index);
		return unlinkat(d->dir_fd, s->name, 0) ? -errno : 0;
	}
	err = s->index.err ? s->index.err : put_tail(d);
	if (!err)
		err = disk_sync(d);
	if (s->fd < 0)
		return err; /* the sync failed and has retired it */
	err2 = segment_retire(d, err ? TRAIL_SEGMENT_CRASHED : TRAIL_SEGMENT_CLOSED);
	if (!err2)
		err2 = sync_directory(d);
	return err ? err : err2;
}

int disk_sync(struct trail_disk *d)
{
	struct disk_open_segment *s = &d->seg;
	int err;

	if (s->fd < 0 || d->opt.sync_ms == TRAIL_SYNC_NONE)
		return 0;
	if (s->dirty && d->io.sync(s->fd)) {
		err = -errno;
		segment_break(d);
		return err;
	}
	s->dirty = false;
	if (!s->named) {
		err = sync_directory(d);
		if (err) {
			segment_break(d);
			return err;
		}
		s->named = true;
	}
	if (s->last_ns > d->synced_ns)
		d->synced_ns = s->last_ns;
	return 0;
}

/* ---- the beginning of a segment ------------------------------------------------------------------ */

int disk_begin(struct trail_disk *d, const struct trail_block *first)
{
	struct disk_open_segment *s = &d->seg;
	struct trail_header h = d->head;
	int err, fd = -1;

	if (!segment_is_file(d) && d->dir_fd < 0) {
		err = disk_take_directory(d, NULL);
		if (err)
			return err;
	}
	h.segment = d->run_segment;
	if (first && d->run_segment) {
		h.boot_ns = first->last_ns;
		h.real_ns = trail_block_last_real(first);
	}
	buf_reset(&d->out);
	trail_header_put(&d->out, &h);
	if (d->out.err) {
		buf_release(&d->out);
		return -ENOMEM;
	}
	err = budget_make_room(d, d->out.len + TAIL_BYTES, h.real_ns, h.boot_ns);
	if (err)
		return err;
	err = disk_create_segment(d, &fd);
	if (err == -ENOENT && !segment_is_file(d))
		disk_drop_directory(d); /* removed: the next attempt makes it again */
	if (err)
		return err;
	s->fd = fd;
	s->bytes = 0;
	err = segment_write(d, (struct span){d->out.data, d->out.len});
	if (err) {
		if (!segment_is_file(d)) /* an empty file can be taken again */
			unlinkat(d->dir_fd, s->name, 0);
		close(fd);
		s->fd = -1;
		return err;
	}
	s->sequence = 0;
	s->blocks = 0;
	s->first_real_ns = h.real_ns;
	s->first_ns = 0;
	s->last_ns = 0;
	s->offset_ns = (int64_t)(h.real_ns - h.boot_ns);
	s->key_bytes = s->bytes;
	s->key_ns = h.boot_ns;
	s->key_len = s->key_rows = s->key_records = 0;
	s->named = false;
	buf_release(&s->index);
	d->next_number++;
	d->run_segment++;
	return 0;
}

/* ---- storing ------------------------------------------------------------------------------------ */

/*
 * Somebody removed the file or the whole directory: write() would not notice. A file system may not
 * count links at all, so the name decides.
 */
static bool segment_is_gone(const struct trail_disk *d)
{
	const struct disk_open_segment *s = &d->seg;
	struct stat st;

	if (fstat(s->fd, &st) || st.st_nlink)
		return false;
	if (segment_is_file(d))
		return lstat(d->path, &st) && errno == ENOENT;
	return fstatat(d->dir_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
}

static void segment_forget(struct trail_disk *d)
{
	close(d->seg.fd);
	d->seg.fd = -1;
	buf_release(&d->seg.index);
	d->needs_keyframe = true;
	disk_drop_directory(
		d); /* whoever removed a segment may have removed the lock too: begin again */
}

/* A file is followed by another one of its name, once it was moved away. */
static bool segment_is_due(const struct trail_disk *d)
{
	const struct disk_open_segment *s = &d->seg;
	struct stat st;

	if (s->fd < 0)
		return false;
	if (segment_is_file(d))
		return d->rotate && lstat(d->path, &st) && errno == ENOENT;
	if (d->rotate)
		return true;
	/* one that holds little more than its keyframe would be followed by the next like it */
	if (s->bytes >= budget_segment_bytes(d) && s->bytes - s->key_bytes >= s->key_len)
		return true;
	return d->opt.max_age_ns && s->last_ns > s->first_ns &&
	       s->last_ns - s->first_ns >= d->opt.max_age_ns / AGE_PARTS;
}

static bool keyframe_is_far(const struct disk_open_segment *s)
{
	uint64_t bytes = s->bytes - s->key_bytes;

	return (bytes >= KEY_BYTES && bytes >= s->key_len) ||
	       (s->key_records >= KEY_RECORDS && s->key_records >= ROW_RECORDS * s->key_rows) ||
	       (s->last_ns > s->key_ns && s->last_ns - s->key_ns >= KEY_NS);
}

bool disk_wants_keyframe(const struct trail_disk *d)
{
	if (d->needs_keyframe || segment_is_due(d))
		return true;
	return d->seg.fd >= 0 && keyframe_is_far(&d->seg);
}

static bool begins_keyframe(const struct trail_block *b)
{
	return b->kind == TRAIL_KEYFRAME && b->flags & TRAIL_BLOCK_FIRST;
}

/* What the segment knows of a block that was written at 'offset'. */
static void segment_account(struct trail_disk *d, const struct trail_block *b, uint64_t offset)
{
	struct disk_open_segment *s = &d->seg;
	struct trail_index_row row = {offset, trail_block_last_real(b), b->last_ns};

	s->sequence++;
	s->blocks++;
	s->offset_ns = b->offset_ns;
	if (b->last_ns && (s->first_ns == 0 || b->first_ns < s->first_ns))
		s->first_ns = b->first_ns;
	if (b->last_ns > s->last_ns)
		s->last_ns = b->last_ns;
	if (b->kind == TRAIL_EVENTS)
		s->key_records += b->records;
	if (b->kind != TRAIL_KEYFRAME)
		return;
	if (begins_keyframe(b)) {
		trail_index_put(&s->index, &row);
		s->key_ns = b->last_ns;
		s->key_len = s->key_rows = s->key_records = 0;
		d->needs_keyframe = false;
	}
	s->key_len += b->len;
	s->key_rows += b->records;
	s->key_bytes = s->bytes;
}

/*
 * Where the open segment alone fills the budget (no keyframe came in time, or the budget is tiny)
 * waiting would be for ever: it is closed, and can be deleted then.
 */
static int append_over_budget(struct trail_disk *d)
{
	if (segment_is_file(d) || d->seg.blocks == 0)
		return -EDQUOT;
	disk_finish(d);
	return -ENODATA;
}

static int segment_append(struct trail_disk *d, struct trail_block *b, struct span raw)
{
	struct disk_open_segment *s = &d->seg;
	uint64_t offset = s->bytes;
	int err;

	b->sequence = s->sequence;
	buf_reset(&d->out);
	err = trail_block_put(&d->out, b, raw, DEFLATE_LEVEL);
	if (err) {
		buf_release(&d->out);
		return err;
	}
	err = budget_make_room(d, d->out.len + s->index.len + TAIL_BYTES, trail_block_last_real(b),
			       b->last_ns);
	if (err == -EDQUOT)
		return append_over_budget(d);
	if (err)
		return err;
	err = segment_write(d, (struct span){d->out.data, d->out.len});
	if (err) {
		if (!disk_is_full(err))
			segment_break(d);
		return err;
	}
	segment_account(d, b, offset);
	return 0;
}

static int store_once(struct trail_disk *d, struct trail_block *b, struct span raw)
{
	int err;

	if (d->seg.fd >= 0 && segment_is_gone(d)) {
		segment_forget(d);
		if (!begins_keyframe(b))
			return -ENOENT;
	}
	if (d->needs_keyframe && !begins_keyframe(b))
		return -ENODATA;
	if (begins_keyframe(b) && segment_is_due(d)) {
		err = disk_finish(d); /* however it ended, it has ended: the next attempt begins */
		if (err)
			return err;
	}
	if (begins_keyframe(b))
		d->rotate = false; /* a file that was not moved away goes on */
	if (d->seg.fd < 0) {
		err = disk_begin(d, b);
		if (err)
			return err;
	}
	return segment_append(d, b, raw);
}

int disk_store(struct trail_disk *d, struct trail_block *b, struct span raw)
{
	int err = store_once(d, b, raw);

	if (err == -ENODATA && begins_keyframe(b))
		err = store_once(d, b, raw); /* the segment that was in its way has been closed */
	/* One at a time: a file system may free the space of a deleted file late. */
	if (disk_is_full(err) && d->opt.on_full == TRAIL_FULL_DROP_OLDEST &&
	    budget_drop_oldest(d) == 0)
		err = store_once(d, b, raw);
	return err;
}
