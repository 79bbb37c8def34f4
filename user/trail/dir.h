/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of segments. A segment is one file, its name says its place in time and how it ended:
 *	0000000017.open			written now (or left by a crash that nobody tidied up yet)
 *	0000000017.trail		closed in good order: never changes again
 *	0000000017.crashed.trail	ended somehow: never appended to, its end may be missing
 *	0000000017.keyframe.trail	rotated away; its first keyframe is kept (a stub)
 * Numbers rise over all runs and are never used again. A file called 'lock' is held by the recorder.
 *
 * Everything is done relative to a descriptor: whoever renames a parent directory meanwhile changes
 * nothing, and no symbolic link is followed.
 */
#ifndef PROCTRAIL_TRAIL_DIR_H
#define PROCTRAIL_TRAIL_DIR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum trail_segment_kind {
	TRAIL_SEGMENT_CLOSED,
	TRAIL_SEGMENT_CRASHED,
	TRAIL_SEGMENT_OPEN,
	TRAIL_SEGMENT_KEYFRAME,
	TRAIL_SEGMENT_KEYFRAME_PART, /* one that is being made: never listed */
};

#define TRAIL_SEGMENT_NUMBER_MAX 9999999999ull
#define TRAIL_SEGMENT_NAME_LEN   32 /* with NUL */

struct trail_segment {
	uint64_t number;
	uint64_t size; /* bytes */
	enum trail_segment_kind kind;
	char name[TRAIL_SEGMENT_NAME_LEN];
};

void trail_segment_name(uint64_t number, enum trail_segment_kind kind,
			char ret_name[TRAIL_SEGMENT_NAME_LEN]);

/*
 * All segments of the directory 'fd' (whose offset is left alone), by number; other files are not
 * looked at. The caller frees *ret_rows. A recorder may work there: what it deletes meanwhile is
 * left out, what it renames meanwhile appears once or not at all (look again), never twice: of a
 * segment and its stub the segment. 0, -ENOMEM or another -errno.
 */
int trail_dir_list(int fd, struct trail_segment **ret_rows, size_t *ret_cnt);

/* For readers: a directory, not a symbolic link; as trail_dir_make() but for what it refuses. */
int trail_dir_open(const char *path, int *ret_fd);
/*
 * For the recorder: the directory, made (0750) when it is missing; its parent must be there. 0,
 * -ELOOP (a symbolic link), -ENOTDIR, -EPERM (others can write to it, or its owner is neither root
 * nor we), or another -errno.
 */
int trail_dir_make(const char *path, int *ret_fd);
/*
 * Locks it for as long as *ret_fd is open, and writes our pid there. 0, -EBUSY with the holder's
 * pid (0: unknown), or another -errno.
 */
int trail_dir_lock(int dir_fd, int *ret_fd, pid_t *ret_holder);
/*
 * With the lock: segments that a crash left open get their name, and stubs that it left half made, or
 * beside their segment, are removed. 0 or the first -errno.
 */
int trail_dir_tidy(int dir_fd);

#endif
