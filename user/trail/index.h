/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The payload of a TRAIL_INDEX block: where this segment can be entered. It saves a reader the walk
 * over all block headers; from these it can be made again.
 */
#ifndef PROCTRAIL_TRAIL_INDEX_H
#define PROCTRAIL_TRAIL_INDEX_H

#include <stdint.h>

#include "base/buf.h"

#define TRAIL_INDEX_ENTRY 24 /* bytes: three little-endian numbers of 64 bits, in this order */

/* One keyframe. */
struct trail_index_entry {
	uint64_t offset;   /* of its first block in the file */
	uint64_t boot_ns;  /* when it was taken: what the block's last_ns says */
	int64_t offset_ns; /* realtime - boottime then */
};

void trail_index_put(struct buf *payload, const struct trail_index_entry *e);
/* Takes the next entry: 0, -ENODATA at the end, -EBADMSG when a part of one is left. */
int trail_index_next(struct cursor *payload, struct trail_index_entry *ret_entry);

#endif
