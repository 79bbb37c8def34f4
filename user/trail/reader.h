/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trail, read: a file or a directory of segments, oldest first, also while it is written and
 * rotated. Nothing in it is believed before it was checked; a bad block costs that block.
 */
#ifndef PROCTRAIL_TRAIL_READER_H
#define PROCTRAIL_TRAIL_READER_H

#include "trail/block.h"

struct trail_reader;

/*
 * 0; -ENOENT (no such file, no segment in the directory), -EBADMSG (not a trail), -EPROTONOSUPPORT
 * (see trail_reader_refusal), -EACCES or another -errno.
 */
int trail_reader_open(const char *path, struct trail_reader **ret_reader);
void trail_reader_free(struct trail_reader *r); /* accepts NULL */

/* Why -EPROTONOSUPPORT: what the file asks for, in words that name both versions. */
struct trail_refusal {
	uint16_t version;
	uint32_t incompat; /* unknown bits */
	char writer[TRAIL_TEXT_LEN];
};

int trail_check(const char *path, struct trail_refusal *ret_refusal); /* as trail_reader_open */

/* What the headers and block headers tell without decoding: cheap, also for a large trail. */
struct trail_extent {
	uint64_t first_real_ns, last_real_ns; /* wall time covered */
	struct trail_header first, last;      /* headers of the first and the last segment */
	uint64_t bytes, segments, runs;
	uint64_t stubs, stub_bytes; /* of these: segments of which a keyframe is left */
	uint64_t events_real_ns; /* begin of the first segment that has its events; 0: none has */
	bool open; /* the last segment is not closed: written now, or left by a crash */
};

int trail_reader_extent(struct trail_reader *r, struct trail_extent *ret_extent);

/*
 * Goes to the latest keyframe (or begin of a run) at or before that wall time, to the first one
 * where there is none before. The next batch is the keyframe.
 */
int trail_reader_seek(struct trail_reader *r, uint64_t real_ns);

/* What a batch is. */
struct trail_batch {
	struct span records;        /* valid until the next call */
	enum trail_block_kind kind; /* TRAIL_EVENTS, or TRAIL_KEYFRAME where the stream is entered */
	bool entry;   /* first of a keyframe, gaps aside: the stream is entered here */
	bool new_run; /* first of a run: what was known before is history */
	uint64_t first_real_ns, last_real_ns;
	uint64_t last_ns; /* boot_ns of the latest record so far */
};

/*
 * The next block's records: 0, or -ENODATA at the end (call again later to follow a trail that is
 * being written), or -errno. A block that is lost appears as a REC_GAP record (REC_GAP_DAMAGED) at
 * the head of the next batch, with what is known of its place; its count is a lower bound. Behind a
 * keyframe that is all that rotation left of its segment stands one too (REC_GAP_ROTATED, count 0).
 *
 * Keyframes on the way are passed over: who reads on needs none. All batches of one are delivered
 * where the stream is entered: after open, after seek, at a new run, where a segment of the run is
 * missing. Half a process table would be a wrong one: of a keyframe with a bad block nothing is
 * delivered, the events go on, and the next whole keyframe is delivered when it comes.
 */
int trail_reader_next(struct trail_reader *r, struct trail_batch *ret_batch);

/* The segment header that the latest batch belongs to. */
const struct trail_header *trail_reader_header(const struct trail_reader *r);

struct trail_damage {
	const char *path;
	uint64_t offset, bytes; /* skipped from here to the next good block or the end */
	uint64_t records;       /* lost; UINT64_MAX: nobody knows */
	bool tail; /* the file ends in the middle of a block: a crash, or still written */
};

/* What was found damaged so far, in the order of reading; at most the first 1,000 are kept. */
size_t trail_reader_damage(const struct trail_reader *r, const struct trail_damage **ret_rows);

#endif
