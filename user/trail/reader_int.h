/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the reader share. */
#ifndef PROCTRAIL_TRAIL_READER_INT_H
#define PROCTRAIL_TRAIL_READER_INT_H

#include <errno.h>

#include "trail/dir.h"
#include "trail/reader.h"
#include "trail/reader_file.h"

/* Keyframes are passed over but where the stream is entered. */
enum reader_key {
	KEY_PASS,
	KEY_WANTED, /* the next whole one is delivered */
	KEY_TAKEN,  /* within it */
};

/* What is missing before the next batch. */
struct reader_gap {
	uint64_t cnt;      /* records lost, at least; 0: none */
	uint64_t until_ns; /* until when; 0: until the next batch begins */
	bool rotated;      /* fine events were rotated away between here and the last keyframe */
};

struct trail_reader {
	char *path;
	int dir_fd; /* -1: one file */

	/* the segment that is read */
	struct trail_segment seg; /* number and kind: of a directory only */
	struct trail_file file;
	struct trail_decoder *decoder;
	uint64_t at;       /* where the next block should be */
	uint64_t sequence; /* ... and which */
	uint64_t searched; /* up to here there is no good block behind the bad one at 'at' */
	bool ended;        /* its TRAIL_END was seen */
	bool final;        /* nobody writes to it any more, and its size is known */

	/* the stream */
	enum reader_key key;
	bool entered;         /* some segment is there: file.head says of which run */
	bool new_run;         /* to be told with the next batch */
	uint64_t next_number; /* segments below have been read */
	uint64_t last_ns;     /* boot_ns of the latest record that was read */
	int64_t offset_ns;    /* realtime - boottime there */
	struct reader_gap gap;
	bool behind_stub; /* the next segment begins behind a hole that no gap stands for yet */
	struct buf raw, records;

	struct trail_damage *damage;
	size_t damage_cnt, damage_cap;
	bool tail_told; /* the last row is a tail that may become whole yet */
};

/* ---- reader_block.c -------------------------------------------------------------------------- */

/* Goes to a block of the segment. */
void reader_go(struct trail_reader *r, uint64_t at, uint64_t sequence);
/*
 * The next good block of the segment: its payload is in r->raw when it is one to deliver. What lies
 * between is told as damage. 0, -ENODATA (the segment ends here, so far), or -errno.
 */
int reader_next_block(struct trail_reader *r, struct trail_block *ret_block);
/*
 * Whether the keyframe that begins at 'at' is good in all its blocks; tells which is not. 0,
 * -EBADMSG, -ENODATA (its end is not there), or another -errno.
 */
int reader_check_keyframe(struct trail_reader *r, uint64_t at);

/* ---- reader_damage.c ------------------------------------------------------------------------- */

#define RECORDS_UNKNOWN UINT64_MAX

/* Tells what was skipped, in the rows and by a gap before the next batch. */
void damage_tell(struct trail_reader *r, uint64_t offset, uint64_t bytes, uint64_t records,
		 uint64_t until_ns);
/* The same of a whole segment, which is not the one that is read. */
void damage_tell_segment(struct trail_reader *r, const char *name, uint64_t bytes);
/* A row, no gap: a crash cut the end off. */
void damage_tell_cut(struct trail_reader *r, uint64_t offset, uint64_t bytes);
/* The same, of a file that may be written still: the row stands until there is another look. */
void damage_tell_tail(struct trail_reader *r, uint64_t offset, uint64_t bytes);
void damage_retract_tail(struct trail_reader *r);
void damage_release(struct trail_reader *r);
/* Records are missing before the next batch; cnt RECORDS_UNKNOWN: at least one. */
void gap_add(struct trail_reader *r, uint64_t cnt, uint64_t until_ns);
static inline bool gap_is_due(const struct trail_reader *r)
{
	return r->gap.cnt || r->gap.rotated;
}
/* Puts the gap into r->records, if there is one; next_ns: when the next batch begins. */
void gap_put(struct trail_reader *r, uint64_t next_ns);

/* ---- reader_segment.c ------------------------------------------------------------------------ */

/* Opens 'path', a file or the first segment of a directory: as trail_reader_open(). */
int reader_open_path(struct trail_reader *r, const char *path, struct trail_header *ret_refused);
/*
 * At the end of a segment. 0: look again, here or in the next segment, which begins now. -EAGAIN:
 * the gap that is due belongs to the run that ends here, deliver it first. -ENODATA: there is
 * nothing more, so far. Or another -errno.
 */
int reader_move_on(struct trail_reader *r);
/* After the tries-th attempt that found none to enter: waits a moment; false: no more. */
bool reader_wait_for_segment(struct trail_reader *r, int tries);
/* All segments there are now, a file being one; the caller frees them. */
int reader_list(const struct trail_reader *r, struct trail_segment **ret_rows, size_t *ret_cnt);
/* Opens one of them beside the one that is read: as trail_file_init(). */
int reader_open_segment(const struct trail_reader *r, const struct trail_segment *s,
			struct trail_file *ret_file);
/* An error that is ours, and says nothing about the segment. */
static inline bool reader_is_short(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}
/* Reads on at the begin of 'f', which is that segment, and takes it over. 0 or -ENOMEM. */
int reader_take_segment(struct trail_reader *r, const struct trail_segment *s,
			struct trail_file *f);

#endif
