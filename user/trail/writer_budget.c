// SPDX-License-Identifier: GPL-2.0-only
/* What the directory holds, and what has to go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "trail/writer_disk.h"

#define MIB               (1ull << 20)
#define SEGMENT_PARTS     16 /* of the budget: so much goes at a time */
#define SEGMENT_PARTS_MIN 4
#define SEGMENT_MIN       MIB
#define SEGMENT_MAX       (64 * MIB)
#define STUBS_PARTS       8    /* of the budget: all stubs */
#define STUB_PARTS        64   /* ... and the largest one */
#define STUBS_MAX         1024 /* files that a reader has to look at, whatever they weigh */

/* ---- rows ------------------------------------------------------------------------------------- */

/* sign: 1, or -1 for one that goes */
static void row_account(struct trail_disk *d, const struct disk_row *row, int sign)
{
	uint64_t bytes = sign < 0 ? -row->bytes : row->bytes;

	d->row_bytes += bytes;
	if (!row->stub)
		return;
	d->stub_bytes += bytes;
	d->stub_cnt += (size_t)sign;
}

int budget_add(struct trail_disk *d, const struct disk_row *row)
{
	struct disk_row *more;
	size_t cap;

	if (d->row_cnt == d->row_cap) {
		cap = d->row_cap ? d->row_cap * 2 : 16;
		more = realloc(d->rows, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		d->rows = more;
		d->row_cap = cap;
	}
	d->rows[d->row_cnt++] = *row;
	row_account(d, row, 1);
	return 0;
}

void budget_reset(struct trail_disk *d)
{
	free(d->rows);
	d->rows = NULL;
	d->row_cnt = 0;
	d->row_cap = 0;
	d->row_bytes = 0;
	d->stub_cnt = 0;
	d->stub_bytes = 0;
}

/* stub: what stays of it; NULL: nothing */
static int row_drop(struct trail_disk *d, size_t i, const struct disk_row *stub)
{
	struct disk_row *row = &d->rows[i];

	/* one that somebody else deleted is as good as deleted */
	if (unlinkat(d->dir_fd, row->name, 0) && errno != ENOENT)
		return -errno;
	d->deleted++;
	row_account(d, row, -1);
	if (stub) {
		row_account(d, stub, 1);
		*row = *stub;
		return 0;
	}
	d->row_cnt--;
	memmove(row, row + 1, (d->row_cnt - i) * sizeof(*row));
	return 0;
}

int budget_drop_oldest(struct trail_disk *d)
{
	bool stubs;
	int err;

	if (d->row_cnt == 0)
		return -ENOENT;
	stubs = d->rows[0].stub;
	do {
		err = row_drop(d, 0, NULL);
	} while (!err && stubs && d->row_cnt && d->rows[0].stub);
	return err;
}

/* ---- segments of earlier runs ------------------------------------------------------------------ */

static void row_set_last(struct disk_row *row, const struct trail_block *b)
{
	if (b->last_ns == 0)
		return;
	row->last_boot_ns = b->last_ns;
	row->last_real_ns = trail_block_last_real(b);
}

static int read_block_header(int fd, uint64_t offset, struct trail_block *ret_block)
{
	char bytes[TRAIL_BLOCK_HEADER];
	ssize_t len = pread(fd, bytes, sizeof(bytes), (off_t)offset);

	if (len < 0)
		return -errno;
	return trail_block_parse((struct span){bytes, (size_t)len}, ret_block);
}

/* A closed segment's last block tells its span. The length at a block's end leads there. */
static int read_end(int fd, struct disk_row *row)
{
	uint8_t t[TRAIL_BLOCK_TRAILER];
	struct trail_block b;
	uint32_t len;

	if (row->bytes < sizeof(t) ||
	    pread(fd, t, sizeof(t), (off_t)(row->bytes - sizeof(t))) != sizeof(t))
		return -EBADMSG;
	len = (uint32_t)t[0] | (uint32_t)t[1] << 8 | (uint32_t)t[2] << 16 | (uint32_t)t[3] << 24;
	if (len > row->bytes || read_block_header(fd, row->bytes - len, &b) || b.len != len ||
	    b.kind != TRAIL_END)
		return -EBADMSG;
	row_set_last(row, &b);
	return 0;
}

/*
 * When a segment of an earlier run began and ended, by its own clocks. A crashed one has to be
 * walked: some thousand block headers at most, once, at the start.
 */
static void read_span(int dir_fd, const uint8_t boot_id[16], struct disk_row *row)
{
	static const uint8_t no_boot_id[16];
	char bytes[TRAIL_HEADER_MAX];
	struct trail_header h;
	struct trail_block b;
	size_t header_len;
	ssize_t len;
	int fd;

	fd = openat(dir_fd, row->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	len = pread(fd, bytes, sizeof(bytes), 0);
	if (len <= 0 || trail_header_parse((struct span){bytes, (size_t)len}, &h, &header_len)) {
		close(fd);
		return;
	}
	row->first_real_ns = h.real_ns;
	row->last_real_ns = h.real_ns;
	row->last_boot_ns = h.boot_ns;
	row->this_boot = memcmp(h.boot_id, boot_id, sizeof(h.boot_id)) == 0 &&
			 memcmp(boot_id, no_boot_id, sizeof(no_boot_id)) != 0;
	if (read_end(fd, row)) {
		for (uint64_t at = header_len; read_block_header(fd, at, &b) == 0; at += b.len)
			row_set_last(row, &b);
	}
	close(fd);
}

int budget_scan(struct trail_disk *d)
{
	struct trail_segment *list;
	size_t cnt;
	int err;

	budget_reset(d);
	err = trail_dir_list(d->dir_fd, &list, &cnt);
	if (err)
		return err;
	for (size_t i = 0; i < cnt && !err; i++) {
		struct disk_row row = {.number = list[i].number,
				       .bytes = list[i].size,
				       .stub = list[i].kind == TRAIL_SEGMENT_KEYFRAME};

		memcpy(row.name, list[i].name, sizeof(row.name));
		read_span(d->dir_fd, d->head.boot_id, &row);
		err = budget_add(d, &row);
	}
	if (cnt && list[cnt - 1].number >= d->next_number)
		d->next_number = list[cnt - 1].number + 1;
	free(list);
	return err;
}

/* ---- the budget -------------------------------------------------------------------------------- */

/*
 * Within one boot the boottime tells the age: a wall clock that was set years ahead by mistake must
 * not cost the whole record.
 */
static bool row_expired(const struct trail_disk *d, const struct disk_row *row,
			uint64_t now_real_ns, uint64_t now_ns)
{
	uint64_t now = row->this_boot ? now_ns : now_real_ns;
	uint64_t last = row->this_boot ? row->last_boot_ns : row->last_real_ns;

	return row->last_real_ns && now > last && now - last > d->opt.max_age_ns;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

static int disk_statvfs(const struct trail_disk *d, struct statvfs *ret_vfs)
{
	int fd = d->dir_fd >= 0 ? d->dir_fd : d->seg.fd;

	if (fd < 0 || fstatvfs(fd, ret_vfs))
		return fd < 0 ? -EBADF : -errno;
	return 0;
}

/* In bytes; 0: none. */
static uint64_t budget_limit(const struct trail_disk *d)
{
	uint64_t share = 0;
	struct statvfs vfs;

	if (d->opt.max_percent && disk_statvfs(d, &vfs) == 0) {
		share = (uint64_t)vfs.f_blocks * vfs.f_frsize / 100 * d->opt.max_percent;
		if (share == 0)
			share = 1;
	}
	return smaller_limit(d->opt.max_bytes, share);
}

uint64_t budget_segment_bytes(const struct trail_disk *d)
{
	uint64_t limit = budget_limit(d), bytes = d->opt.segment_bytes;

	if (bytes == 0) {
		bytes = limit / SEGMENT_PARTS;
		if (bytes < SEGMENT_MIN)
			bytes = SEGMENT_MIN;
		if (bytes > SEGMENT_MAX || limit == 0)
			bytes = SEGMENT_MAX;
	}
	/* what is open cannot be deleted: it must stay small beside the whole */
	if (limit && bytes > limit / SEGMENT_PARTS_MIN)
		bytes = limit / SEGMENT_PARTS_MIN;
	return bytes;
}

/* What all stubs may weigh is theirs; there are some that a larger budget has left. */
static void trim_stubs(struct trail_disk *d, uint64_t limit)
{
	for (size_t i = 0; i < d->row_cnt;) {
		if (d->stub_bytes <= limit / STUBS_PARTS && d->stub_cnt <= STUBS_MAX)
			break;
		if (!d->rows[i].stub)
			i++;
		else if (row_drop(d, i, NULL))
			break;
	}
}

/*
 * The oldest segment that has its events goes for its bytes, and its first keyframe stays where that
 * is possible: making room comes first. Without such a segment the oldest stub goes.
 */
static int rotate_oldest(struct trail_disk *d, uint64_t limit)
{
	uint64_t most = limit / STUB_PARTS, left;
	struct disk_row stub;
	bool kept = false;
	size_t i = 0;
	int err;

	while (i < d->row_cnt && d->rows[i].stub)
		i++;
	if (i == d->row_cnt)
		return i ? row_drop(d, 0, NULL) : -ENOENT;
	/* for a moment both are there */
	left = limit > disk_bytes(d) ? limit - disk_bytes(d) : 0;
	if (most > left)
		most = left;
	if (most >= d->rows[i].bytes)
		most = d->rows[i].bytes - (d->rows[i].bytes > 0);
	if (most)
		kept = stub_make(d, &d->rows[i], most, &stub) == 0;
	err = row_drop(d, i, kept ? &stub : NULL);
	if (err && kept)
		unlinkat(d->dir_fd, stub.name, 0);
	trim_stubs(d, limit);
	return err;
}

/* Room for one more stub is kept: when it is made, its segment is still there. */
static int keep_within(struct trail_disk *d, uint64_t limit, uint64_t len)
{
	int err = 0;

	trim_stubs(d, limit);
	while (!err && disk_bytes(d) + len > limit - limit / STUB_PARTS)
		err = rotate_oldest(d, limit);
	if (err == -ENOENT)
		err = disk_bytes(d) + len > limit ? -EDQUOT : 0;
	return err;
}

int budget_make_room(struct trail_disk *d, uint64_t len, uint64_t now_real_ns, uint64_t now_ns)
{
	uint64_t limit = budget_limit(d);
	struct statvfs vfs;
	int err;

	if (d->opt.max_age_ns) {
		while (d->row_cnt && row_expired(d, &d->rows[0], now_real_ns, now_ns))
			if (row_drop(d, 0, NULL))
				break;
	}
	if (limit) {
		err = keep_within(d, limit, len);
		if (err)
			return err;
	}
	if (d->opt.keep_free == 0)
		return 0;
	err = disk_statvfs(d, &vfs);
	if (err)
		return err;
	return (uint64_t)vfs.f_bavail * vfs.f_frsize < d->opt.keep_free + len ? -ENOSPC : 0;
}
