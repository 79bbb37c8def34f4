/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of one segment. They are read through a window, not mapped: a file that somebody cuts
 * while we read would be a SIGBUS. Nothing here knows what was read before.
 */
#ifndef PROCTRAIL_TRAIL_READER_FILE_H
#define PROCTRAIL_TRAIL_READER_FILE_H

#include "trail/block.h"

struct trail_file {
	int fd;        /* -1: none */
	uint64_t size; /* when it was last looked at */
	struct trail_header head;
	uint64_t begin; /* where the blocks begin */
	char *window;
	size_t window_cap, window_len;
	uint64_t window_at;
};

/*
 * Takes 'fd' over, also when it fails. 0; as trail_header_parse(): ret->head then tells what can be
 * told, and there is nothing to close; -EINVAL (not a regular file), or another -errno.
 */
int trail_file_init(struct trail_file *ret, int fd);
int trail_file_open(struct trail_file *ret, int dir_fd, const char *name);
void trail_file_close(struct trail_file *f); /* may be closed already */

/* Looks again how long it is, and forgets what it has read: it may be written to. */
void trail_file_refresh(struct trail_file *f);

/* The block header at 'at': 0, -ENODATA (the file ends before it is whole), -EBADMSG. */
int trail_file_block(struct trail_file *f, uint64_t at, struct trail_block *ret_block);
/*
 * The bytes of that whole block, valid until the next call; as above.
 */
int trail_file_bytes(struct trail_file *f, uint64_t at, const struct trail_block *b,
		     struct span *ret_bytes);
/* The first place from 'from' on where a block header stands: 0, -ENODATA, or another -errno. */
int trail_file_find(struct trail_file *f, uint64_t from, uint64_t *ret_at,
		    struct trail_block *ret_block);
/* The block that ends at 'end', found by its trailer: 0 or -ENODATA. */
int trail_file_block_before(struct trail_file *f, uint64_t end, uint64_t *ret_at,
			    struct trail_block *ret_block);

#endif
