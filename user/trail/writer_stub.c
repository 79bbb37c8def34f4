// SPDX-License-Identifier: GPL-2.0-only
/*
 * What outlives a segment that the budget takes away: its first keyframe, in a file of its own that is
 * the segment's beginning and end with everything else left out. The bytes are copied, not cut to
 * size where they lie: a reader may have the segment open, and the first one of a run has events
 * before its keyframe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail/reader_file.h"
#include "trail/writer_disk.h"

#define FILE_MODE 0640
#define LEVEL     1 /* zlib's; an END has nothing to deflate */

struct stub {
	struct trail_file from;
	uint64_t at, len;         /* of the keyframe in the segment */
	struct trail_block block; /* its last one */
	uint64_t first_ns;
	int fd;
	uint64_t bytes; /* written so far */
};

/* ---- the keyframe ------------------------------------------------------------------------------- */

/* Where the first one begins: 0 or -errno, -ENODATA where there is none. */
static int find_begin(struct stub *s)
{
	struct trail_block b;
	int err;

	for (s->at = s->from.begin;; s->at += b.len) {
		err = trail_file_block(&s->from, s->at, &b);
		if (err)
			return err;
		if (b.kind == TRAIL_KEYFRAME && b.flags & TRAIL_BLOCK_FIRST)
			return 0;
	}
}

/* Half a process table is a wrong one: the whole keyframe is there, or it is not kept. */
static int find_end(struct stub *s, uint64_t most)
{
	struct trail_block b = {0};
	uint64_t sequence = 0;
	int err;

	for (s->len = 0; !(b.flags & TRAIL_BLOCK_LAST); s->len += b.len) {
		err = trail_file_block(&s->from, s->at + s->len, &b);
		if (err)
			return err;
		if (b.kind != TRAIL_KEYFRAME || !!(b.flags & TRAIL_BLOCK_FIRST) != (s->len == 0) ||
		    (s->len && b.sequence != sequence))
			return -EBADMSG;
		if (s->len == 0)
			s->first_ns = b.first_ns;
		if (b.len > most || s->len > most - b.len)
			return -EFBIG;
		sequence = b.sequence + 1;
		s->block = b;
	}
	return 0;
}

/* ---- the file ----------------------------------------------------------------------------------- */

static int stub_write(struct trail_disk *d, struct stub *s, struct span bytes)
{
	size_t done = 0;
	ssize_t len;

	while (done < bytes.len) {
		len = d->io.write_at(s->fd, bytes.data + done, bytes.len - done,
				     (off_t)(s->bytes + done));
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len < 0 ? -errno : -EIO;
		done += (size_t)len;
	}
	s->bytes += bytes.len;
	return 0;
}

static int copy_header(struct trail_disk *d, struct stub *s)
{
	char bytes[TRAIL_HEADER_MAX];

	if (s->from.begin > sizeof(bytes) ||
	    pread(s->from.fd, bytes, s->from.begin, 0) != (ssize_t)s->from.begin)
		return -EIO;
	return stub_write(d, s, (struct span){bytes, s->from.begin});
}

static int copy_keyframe(struct trail_disk *d, struct stub *s)
{
	struct trail_block b;
	struct span bytes;
	int err;

	for (uint64_t at = s->at; at < s->at + s->len; at += b.len) {
		err = trail_file_block(&s->from, at, &b);
		if (!err)
			err = trail_file_bytes(&s->from, at, &b, &bytes);
		if (!err)
			err = trail_block_check(&b, bytes);
		if (!err)
			err = stub_write(d, s, bytes);
		if (err)
			return err;
	}
	return 0;
}

/* It says until when the segment went: by that its age is told. */
static int put_end(struct trail_disk *d, struct stub *s, const struct disk_row *row)
{
	struct trail_block end = {.kind = TRAIL_END,
				  .sequence = s->block.sequence + 1,
				  .first_ns = s->first_ns,
				  .last_ns = s->block.last_ns,
				  .offset_ns = s->block.offset_ns};
	struct buf out = {0};
	int err;

	if (row->last_boot_ns > end.last_ns) {
		end.last_ns = row->last_boot_ns;
		end.offset_ns = (int64_t)(row->last_real_ns - row->last_boot_ns);
	}
	err = trail_block_put(&out, &end, (struct span){NULL, 0}, LEVEL);
	if (!err)
		err = stub_write(d, s, (struct span){out.data, out.len});
	buf_release(&out);
	return err;
}

static int fill(struct trail_disk *d, struct stub *s, const struct disk_row *row)
{
	int err;

	if (fchmod(s->fd, FILE_MODE))
		return -errno;
	err = copy_header(d, s);
	if (!err)
		err = copy_keyframe(d, s);
	if (!err)
		err = put_end(d, s, row);
	if (!err && d->opt.sync_ms != TRAIL_SYNC_NONE && d->io.sync(s->fd))
		err = -errno;
	return err;
}

/* Under another name until it is whole: who finds a stub finds all of it. */
static int store(struct trail_disk *d, struct stub *s, const struct disk_row *row,
		 struct disk_row *stub_row)
{
	char part[TRAIL_SEGMENT_NAME_LEN];
	int err;

	trail_segment_name(row->number, TRAIL_SEGMENT_KEYFRAME_PART, part);
	trail_segment_name(row->number, TRAIL_SEGMENT_KEYFRAME, stub_row->name);
	s->fd = openat(d->dir_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       FILE_MODE);
	if (s->fd < 0)
		return -errno;
	err = fill(d, s, row);
	close(s->fd);
	if (!err && renameat(d->dir_fd, part, d->dir_fd, stub_row->name))
		err = -errno;
	if (err)
		unlinkat(d->dir_fd, part, 0);
	stub_row->bytes = s->bytes;
	return err;
}

int stub_make(struct trail_disk *d, const struct disk_row *row, uint64_t most,
	      struct disk_row *ret_stub)
{
	struct disk_row stub_row = *row;
	struct stub s = {.fd = -1};
	uint64_t rest;
	int err;

	err = trail_file_open(&s.from, d->dir_fd, row->name);
	if (err)
		return err;
	rest = s.from.begin + TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER;
	err = most > rest ? find_begin(&s) : -EFBIG;
	if (!err)
		err = find_end(&s, most - rest);
	if (!err)
		err = store(d, &s, row, &stub_row);
	trail_file_close(&s.from);
	if (err)
		return err;
	stub_row.stub = true;
	*ret_stub = stub_row;
	return 0;
}
