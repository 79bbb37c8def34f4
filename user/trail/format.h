/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a trail is made of, byte by byte: TRAIL.md has the whole of it in words. All numbers are
 * little-endian whatever the machine; nothing here is read or written by casting.
 */
#ifndef PROCTRAIL_TRAIL_FORMAT_H
#define PROCTRAIL_TRAIL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* ---- segment header ------------------------------------------------------------------------- */

/* Not ASCII first, CR LF and ^Z after the name: a text transfer shows at once (as PNG does). */
#define TRAIL_MAGIC        "\x89PTRL\r\n\x1a"
#define TRAIL_MAGIC_LEN    8
#define TRAIL_VERSION      1
#define TRAIL_HEADER_FIXED 176 /* bytes before the texts */
#define TRAIL_HEADER_MAX   4096
#define TRAIL_TYPES        40 /* entries of the table of field counts; REC_TYPE_CNT of event.h */

/* Feature bits: an unknown one here means that the file must not be read ... */
#define TRAIL_INCOMPAT_KNOWN 0x0u
/* ... and here, that there is something more which may be ignored. */
#define TRAIL_COMPAT_KNOWN   0x0u

/* ---- block ---------------------------------------------------------------------------------- */

#define TRAIL_BLOCK_MAGIC   0x4b4c4250u /* "PBLK" */
#define TRAIL_BLOCK_END     0x444e4550u /* "PEND": after the length at the block's end */
#define TRAIL_BLOCK_HEADER  72
#define TRAIL_BLOCK_TRAILER 8
#define TRAIL_RAW_MAX       (1u << 20) /* a payload before deflate; more is damage */
#define TRAIL_BLOCK_MAX     (TRAIL_RAW_MAX + 4096)

enum trail_block_kind {
	TRAIL_EVENTS = 1,   /* records of the stream, in stream order */
	TRAIL_KEYFRAME = 2, /* records that put the model into the state it had here */
	TRAIL_INDEX = 3,    /* where the keyframes of this segment are */
	TRAIL_END = 4,      /* the segment was closed in good order */
};

#define TRAIL_BLOCK_FIRST  0x01 /* first block of a keyframe */
#define TRAIL_BLOCK_LAST   0x02 /* last block of a keyframe */
#define TRAIL_BLOCK_STORED 0x04 /* the payload is not deflated: it would not have shrunk */

/* ---- payload -------------------------------------------------------------------------------- */

#define TRAIL_AS_BYTES    0x80  /* in the type byte: the record as it is, behind its length */
#define TRAIL_STRINGS_MAX 16384 /* of one block that have a number; the others are literals */
#define TRAIL_SLOTS       1024  /* processes whose last record is remembered, by tgid */
#define TRAIL_CPUS        256   /* the same by CPU */
#define TRAIL_INDEX_ROW   24    /* bytes of one row of an index */

#endif
