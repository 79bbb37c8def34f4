// SPDX-License-Identifier: GPL-2.0-only
#include "trail/reader_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP       8    /* blocks begin at multiples of it */
#define AHEAD_HEAD 4096 /* read when only headers are looked at: many, where blocks are small */
#define AHEAD_BODY (128u << 10) /* read when blocks are */
#define SECTOR     4096         /* what a medium that fails takes with it */

/* ---- the window ------------------------------------------------------------------------------ */

static int window_grow(struct trail_file *f, size_t len)
{
	char *window;

	if (len <= f->window_cap)
		return 0;
	window = realloc(f->window, len);
	if (!window)
		return -ENOMEM;
	f->window = window;
	f->window_cap = len;
	return 0;
}

/*
 * 'len' bytes at 'at', from the window or read into it together with what follows, 'ahead' bytes in
 * all. 0, -ENODATA (the file ends before), or -errno.
 */
static int file_view(struct trail_file *f, uint64_t at, size_t len, size_t ahead,
		     struct span *ret_bytes)
{
	uint64_t left = f->size > at ? f->size - at : 0;
	size_t want = ahead < left ? ahead : (size_t)left;
	ssize_t got;
	int err;

	if (want < len)
		want = len;
	if (at < f->window_at || at - f->window_at > f->window_len ||
	    f->window_len - (at - f->window_at) < len) {
		if (at > (uint64_t)INT64_MAX - want)
			return -ENODATA;
		f->window_len = 0;
		err = window_grow(f, want);
		if (err)
			return err;
		f->window_at = at;
		while (f->window_len < len) {
			got = pread(f->fd, f->window + f->window_len, want - f->window_len,
				    (off_t)(at + f->window_len));
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return got ? -errno : -ENODATA;
			f->window_len += (size_t)got;
		}
	}
	*ret_bytes = (struct span){f->window + (at - f->window_at), len};
	return 0;
}

void trail_file_refresh(struct trail_file *f)
{
	struct stat st;

	f->window_len = 0;
	if (fstat(f->fd, &st) == 0)
		f->size = (uint64_t)st.st_size;
}

/* ---- open and close --------------------------------------------------------------------------- */

static int read_header(struct trail_file *f)
{
	size_t len = f->size < TRAIL_HEADER_MAX ? (size_t)f->size : TRAIL_HEADER_MAX;
	struct span bytes = {NULL, 0};
	int err = len ? file_view(f, 0, len, 0, &bytes) : 0;

	if (!err)
		err = trail_header_parse(bytes, &f->head, &len);
	if (!err)
		f->begin = len;
	return err;
}

int trail_file_init(struct trail_file *ret, int fd)
{
	struct stat st;
	int err = 0;

	*ret = (struct trail_file){.fd = fd};
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err) {
		ret->size = (uint64_t)st.st_size;
		err = read_header(ret);
	}
	if (err)
		trail_file_close(ret);
	return err;
}

int trail_file_open(struct trail_file *ret, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : trail_file_init(ret, fd);
}

void trail_file_close(struct trail_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->window);
	f->fd = -1;
	f->window = NULL;
	f->window_cap = f->window_len = 0;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* What a failing medium does not give back is damaged like anything else. */
static int as_damage(int err)
{
	return err == -EIO || err == -ENODATA ? -EBADMSG : err;
}

int trail_file_block(struct trail_file *f, uint64_t at, struct trail_block *ret_block)
{
	struct span bytes;
	int err = file_view(f, at, TRAIL_BLOCK_HEADER, AHEAD_HEAD, &bytes);

	if (!err)
		return as_damage(trail_block_parse(bytes, ret_block));
	return err == -ENODATA ? err : as_damage(err);
}

int trail_file_bytes(struct trail_file *f, uint64_t at, const struct trail_block *b,
		     struct span *ret_bytes)
{
	int err = file_view(f, at, b->len, AHEAD_BODY, ret_bytes);

	return err == -ENODATA ? err : as_damage(err);
}

/*
 * The first header in 'bytes': 0 or -ENODATA, and in any case where to look on. Only what lies
 * wholly in them is found.
 */
static int find_in(struct span bytes, size_t *ret_skip, struct trail_block *ret_block)
{
	uint32_t magic = htole32(TRAIL_BLOCK_MAGIC);
	int err = -ENODATA;
	size_t i;

	for (i = 0; i + TRAIL_BLOCK_HEADER <= bytes.len; i += STEP) {
		struct span here = {bytes.data + i, TRAIL_BLOCK_HEADER};

		if (memcmp(here.data, &magic, sizeof(magic)) != 0)
			continue;
		err = trail_block_parse(here, ret_block) ? -ENODATA : 0;
		if (!err)
			break;
	}
	*ret_skip = i;
	return err;
}

int trail_file_find(struct trail_file *f, uint64_t from, uint64_t *ret_at,
		    struct trail_block *ret_block)
{
	uint64_t at = (from + STEP - 1) & ~(uint64_t)(STEP - 1);
	struct span bytes;
	size_t skip;
	int err;

	while (at < f->size && f->size - at >= TRAIL_BLOCK_HEADER) {
		err = file_view(f, at, TRAIL_BLOCK_HEADER, AHEAD_BODY, &bytes);
		if (err == -ENODATA)
			break; /* it was cut while we read */
		if (err == -EIO) {
			at = (at / SECTOR + 1) * SECTOR;
			continue;
		}
		if (err)
			return err;
		bytes.len = f->window_len - (size_t)(at - f->window_at);
		err = find_in(bytes, &skip, ret_block);
		at += skip;
		if (!err) {
			*ret_at = at;
			return 0;
		}
	}
	return -ENODATA;
}

int trail_file_block_before(struct trail_file *f, uint64_t end, uint64_t *ret_at,
			    struct trail_block *ret_block)
{
	uint32_t trailer[2], len;
	struct trail_block b;
	struct span bytes;

	if (end < f->begin || end - f->begin < TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER ||
	    file_view(f, end - sizeof(trailer), sizeof(trailer), 0, &bytes))
		return -ENODATA;
	memcpy(trailer, bytes.data, sizeof(trailer));
	len = le32toh(trailer[0]);
	if (le32toh(trailer[1]) != TRAIL_BLOCK_END || len > end - f->begin ||
	    trail_file_block(f, end - len, &b) || b.len != len)
		return -ENODATA;
	*ret_at = end - len;
	*ret_block = b;
	return 0;
}
