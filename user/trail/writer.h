/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recording. The caller's thread codes records into the open block and never waits; a thread of
 * its own deflates, writes, syncs, rotates and deletes. What the disk does not take within the
 * bounded queue is counted, and a gap stands in the trail at that place.
 *
 * Times are the stream's: the writer reads no clock.
 *
 * A segment that met EIO, a read-only file system, a failed fsync, or was removed is over: it is never
 * appended to again. The next one begins with a keyframe, and what is put before that comes is
 * counted. A single file has no successor: there the keyframe follows in the same file. A disk that
 * is full is waited for, between attempts 0.2 s to 5 s.
 */
#ifndef PROCTRAIL_TRAIL_WRITER_H
#define PROCTRAIL_TRAIL_WRITER_H

#include <sys/types.h>

#include "trail/block.h"

#define TRAIL_SYNC_NONE   UINT64_MAX       /* blocks are written once a second, never fsynced */
#define TRAIL_SYNC_BLOCK  (UINT64_MAX - 1) /* each block when it is full, or once a second */
#define TRAIL_QUEUE_BYTES (64u << 20)

enum trail_full {
	TRAIL_FULL_DROP_OLDEST, /* delete the oldest closed segments, else pause */
	TRAIL_FULL_PAUSE,       /* keep trying; what does not fit is counted */
	TRAIL_FULL_EXIT,        /* status.failed is set, the caller ends */
};

/*
 * max_bytes, max_percent and max_age_ns are the record's own size: whatever on_full says, the oldest
 * closed segments are deleted to keep them, before each write. keep_free makes the disk full early.
 * Of segments that go for max_bytes or max_percent the first keyframe stays (a stub): at most 1,024,
 * in 1/8 of the size together and 1/64 each, within it; the oldest go first. On a full disk, too.
 * Of age: within one boot the boottime decides, so a wall clock that is set does not delete anything.
 */
struct trail_writer_options {
	const char *path;       /* a file that must not exist, or a directory */
	bool directory;         /* segments, rotated; made (0750) when missing */
	uint64_t sync_ms;       /* TRAIL_SYNC_*, or a block at least so often, fsynced */
	uint64_t segment_bytes; /* 0: 1/16 of max_bytes, 1 to 64 MiB; at most 1/4 of it */
	uint64_t max_bytes;     /* of the directory's segments; 0: no limit */
	uint64_t max_age_ns;    /* by the segments' own clocks; 0: no limit */
	uint64_t keep_free;     /* bytes of the file system to leave free; 0: none */
	unsigned max_percent;   /* of the file system; 0: no limit */
	enum trail_full on_full;
	size_t queue_bytes; /* of memory; 0: TRAIL_QUEUE_BYTES. A keyframe may double it */
};

struct trail_writer;

/*
 * Opens file or directory and takes the directory's lock. head: source, host, kernel and clocks;
 * run_id, segment, version and fields are filled in here. 0; -EEXIST (the file is there and not
 * empty), -EINVAL (what is there is no regular file), -EBUSY (another recorder holds the directory:
 * *ret_holder is its pid, 0 unknown), -EPERM (others may write to the directory, or it or the empty
 * file belongs to somebody else), -ELOOP (a symbolic link), or another -errno. O_NOFOLLOW throughout.
 * ret_holder may be NULL.
 */
int trail_writer_open(const struct trail_writer_options *opt, const struct trail_header *head,
		      struct trail_writer **ret_writer, pid_t *ret_holder);
/* Starts the thread: after privileges were dropped. Without one (-EAGAIN) the caller cannot record. */
int trail_writer_start(struct trail_writer *w);

/*
 * Whole records in stream order, back to back and aligned to 8. Ticks among them move time on, and
 * clocks with them. Never waits. What cannot be kept is counted.
 */
void trail_writer_put(struct trail_writer *w, struct span records);
/*
 * True when the next thing written should be a keyframe: a new segment is due (size, age, a failed
 * fsync, a SIGHUP), the last keyframe of this segment is far away (8 MiB or 512 Ki records, behind a
 * large one more; 10 minutes), or a gap was written. Not while one is on its way, nor behind a disk
 * that does not keep up. The caller then calls
 *	trail_writer_keyframe(w, records)	with all records of it
 * before it puts anything else; it need not at once.
 */
bool trail_writer_wants_keyframe(const struct trail_writer *w);
void trail_writer_keyframe(struct trail_writer *w, struct span records);
/* The next keyframe begins a new segment. A single file: if it was moved away (SIGHUP). */
void trail_writer_rotate(struct trail_writer *w);

struct trail_writer_status {
	uint64_t records;        /* put */
	uint64_t lost;           /* put, but not kept: REC_GAP records in the trail add up to it */
	uint64_t written;        /* bytes on disk by this run */
	uint64_t dir_bytes;      /* of all segments now; a file: its size */
	uint64_t queued;         /* memory that waits for the disk; 0: all is there */
	uint64_t segments;       /* stubs, too */
	uint64_t oldest_real_ns; /* begin of the oldest segment that has its events */
	uint64_t synced_boot_ns; /* everything up to here would survive a crash; 0: nothing */
	/* What keeps it from writing now; 0: nothing. -EDQUOT: the budget; -ETIMEDOUT: a call has not
	 * come back from the disk for 5 s. */
	int err;
	uint64_t err_since_ns; /* boot_ns */
	bool failed;           /* for good (TRAIL_FULL_EXIT, no thread) */
};

void trail_writer_get_status(struct trail_writer *w, struct trail_writer_status *ret);
/*
 * Writes what is queued, closes the segment in good order; waits at most timeout_ms for the disk,
 * and tries nothing twice. 0, -ETIMEDOUT, or the -errno that kept something from being written. Frees
 * w in any case; NULL is accepted. After -ETIMEDOUT the thread that still hangs owns the memory and
 * the directory's lock: when the disk answers it frees both and writes nothing more.
 */
int trail_writer_close(struct trail_writer *w, int timeout_ms);

#endif
