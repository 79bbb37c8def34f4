/* SPDX-License-Identifier: GPL-2.0-only */
/* Headers and blocks as bytes: CRC, deflate, bounds. Knows nothing of files. */
#ifndef PROCTRAIL_TRAIL_BLOCK_H
#define PROCTRAIL_TRAIL_BLOCK_H

#include <stdbool.h>

#include "base/buf.h"
#include "trail/codec.h"
#include "trail/format.h"

#define TRAIL_TEXT_LEN 128 /* with NUL; longer texts are cut */

/* What a segment says about itself before its first block. */
struct trail_header {
	uint16_t version;
	uint32_t incompat, compat;
	uint64_t segment;    /* number within the run, from 0 */
	uint8_t run_id[16];  /* random: all segments of one recording share it */
	uint8_t boot_id[16]; /* of the host */
	uint64_t boot_ns;    /* CLOCK_BOOTTIME at its beginning */
	uint64_t real_ns;    /* CLOCK_REALTIME then */
	uint32_t hooks;      /* REC_HOOK_* */
	int32_t gmtoff_s;
	uint32_t cpus;
	struct trail_fields fields;
	char source[TRAIL_TEXT_LEN]; /* what was recorded: "live", "proc", "script" */
	char host[TRAIL_TEXT_LEN], release[TRAIL_TEXT_LEN], machine[TRAIL_TEXT_LEN];
	char zone[TRAIL_TEXT_LEN];   /* abbreviation */
	char writer[TRAIL_TEXT_LEN]; /* proctrail's version that wrote it */
};

void trail_header_put(struct buf *b, const struct trail_header *h);
/*
 * 0 with the header and its length in bytes; -EBADMSG (no trail, or damaged), -EPROTONOSUPPORT
 * (version or an incompatible feature: ret_header has version, incompat and writer all the same),
 * -ENODATA (too short to tell).
 */
int trail_header_parse(struct span bytes, struct trail_header *ret_header, size_t *ret_len);

struct trail_block {
	enum trail_block_kind kind;
	uint32_t flags; /* TRAIL_BLOCK_* */
	uint32_t len;   /* whole block with header, padding and trailer; a multiple of 8 */
	uint32_t payload_len, raw_len;
	uint32_t payload_crc;
	uint32_t records;
	uint64_t sequence;          /* within the segment, from 0 */
	uint64_t first_ns, last_ns; /* boot_ns of the oldest and the latest record; both 0: none */
	int64_t offset_ns;          /* realtime - boottime at the end of the block */
};

/* The wall time of the block's ends, in ns since the epoch */
static inline uint64_t trail_block_first_real(const struct trail_block *b)
{
	return b->first_ns + (uint64_t)b->offset_ns;
}

static inline uint64_t trail_block_last_real(const struct trail_block *b)
{
	return b->last_ns + (uint64_t)b->offset_ns;
}

/*
 * Deflates 'raw' and appends the whole block; fills len, payload_len, raw_len and the CRCs of 'b'.
 * level: zlib's, 1 for speed. 0, -EMSGSIZE (raw is over TRAIL_RAW_MAX), or -ENOMEM.
 */
int trail_block_put(struct buf *out, struct trail_block *b, struct span raw, int level);
/*
 * Parses a header. -EBADMSG: magic, CRC or a bound is wrong; -ENODATA: fewer than
 * TRAIL_BLOCK_HEADER bytes. Nothing behind the header is looked at.
 */
int trail_block_parse(struct span bytes, struct trail_block *ret_block);
/* 'bytes' is a whole block (b->len of them): compares the trailer and the payload's CRC. 0, -EBADMSG. */
int trail_block_check(const struct trail_block *b, struct span bytes);
/* The same, and replaces ret_raw by the inflated payload. 0, -EBADMSG, or -ENOMEM. */
int trail_block_open(const struct trail_block *b, struct span bytes, struct buf *ret_raw);

/* One keyframe of a segment, as TRAIL_INDEX lists them. */
struct trail_index_row {
	uint64_t offset;  /* of its first block in the segment */
	uint64_t real_ns; /* wall time of its first record */
	uint64_t boot_ns;
};

/* Appends a row to the payload of an index; the block's 'records' counts the rows. */
void trail_index_put(struct buf *raw, const struct trail_index_row *row);
/* Takes the next row: 0, -ENODATA at the end, -EBADMSG when half a row is left. */
int trail_index_next(struct cursor *c, struct trail_index_row *ret_row);

#endif
