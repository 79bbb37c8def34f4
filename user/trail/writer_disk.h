/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The writer's files: segments begun, appended to, synced, closed, deleted, within a budget. Every
 * call may wait for the disk as long as that likes. Knows no threads and no queue.
 *
 * What goes wrong with a segment ends it: after EIO or a failed fsync nobody knows which pages
 * arrived, and the kernel will not tell a second time. It keeps what it has, under the name of a
 * crashed one, and the next must begin with a keyframe. Only a disk that is full is waited for.
 */
#ifndef PROCTRAIL_TRAIL_WRITER_DISK_H
#define PROCTRAIL_TRAIL_WRITER_DISK_H

#include "trail/dir.h"
#include "trail/writer.h"

/* What tests replace to let the n-th call fail. */
struct trail_io {
	ssize_t (*write_at)(int fd, const void *data, size_t len, off_t offset); /* pwrite() */
	int (*sync)(int fd);                                                     /* fdatasync() */
};

/* A segment that is not written to any more. */
struct disk_row {
	char name[TRAIL_SEGMENT_NAME_LEN];
	uint64_t number;
	uint64_t bytes;
	uint64_t first_real_ns, last_real_ns; /* 0: its header cannot be read */
	uint64_t last_boot_ns;                /* with 'this_boot' */
	bool this_boot;                       /* its boot_ns can be compared with ours */
	bool stub;                            /* only a keyframe is left of it */
};

struct disk_open_segment {
	int fd; /* -1: none */
	uint64_t number;
	char name[TRAIL_SEGMENT_NAME_LEN];
	uint64_t bytes;    /* whole blocks; the next one goes here */
	uint64_t sequence; /* of the next block */
	uint64_t blocks;
	uint64_t first_real_ns;
	uint64_t first_ns, last_ns; /* of its records; 0: none yet */
	int64_t offset_ns;
	struct buf index;
	uint64_t key_bytes, key_ns; /* where the last keyframe ended, or the beginning */
	uint64_t key_len, key_rows; /* how large it was; 0: there was none yet */
	uint64_t key_records;       /* events since */
	bool named;                 /* the directory with its name in it was synced */
	bool dirty;                 /* written to since the last sync */
};

struct trail_disk {
	struct trail_writer_options opt;
	char *path;
	struct trail_header head;
	struct trail_io io;
	int dir_fd, lock_fd;   /* -1: a single file, or a directory that has gone */
	struct disk_row *rows; /* oldest first, so stubs first */
	size_t row_cnt, row_cap;
	uint64_t row_bytes;
	size_t stub_cnt; /* of the rows */
	uint64_t stub_bytes;
	struct disk_open_segment seg;
	struct buf out; /* a block as it is written */
	uint64_t next_number;
	uint64_t run_segment; /* of the next segment within this run */
	uint64_t written;     /* bytes by this run */
	uint64_t deleted;     /* segments by this run */
	uint64_t synced_ns;   /* boot_ns */
	bool rotate;          /* the next keyframe begins a new segment */
	bool needs_keyframe;  /* nothing else may be written before one */
};

/*
 * As trail_writer_open(), first segment included; a directory on a full disk opens without one.
 * After an error there is nothing to release.
 */
int disk_open(struct trail_disk *d, const struct trail_writer_options *opt,
	      const struct trail_header *head, pid_t *ret_holder);
/*
 * Codes and appends a block; a keyframe's first one begins a new segment when that is due. 0;
 * -ENODATA (only a keyframe can come next: this block never will be stored), -EMSGSIZE (too large:
 * likewise), or what is in the way now: try again.
 */
int disk_store(struct trail_disk *d, struct trail_block *b, struct span raw);
/* What was stored so far survives a crash of the machine: 0 and synced_ns, or the segment is over. */
int disk_sync(struct trail_disk *d);
/* True when a keyframe would be of use, and whether a new segment would begin with it. */
bool disk_wants_keyframe(const struct trail_disk *d);
/* True for the errors that say that there is no room. */
bool disk_is_full(int err);
uint64_t disk_bytes(const struct trail_disk *d);
uint64_t disk_oldest_real_ns(const struct trail_disk *d);
/* Closes the open segment in good order: 0, or the error that ended it otherwise. */
int disk_finish(struct trail_disk *d);
/* Frees and unlocks, as it is. */
void disk_release(struct trail_disk *d);

/* Begins a segment; first: the block it is begun for, NULL for the first of a run. */
int disk_begin(struct trail_disk *d, const struct trail_block *first);

/* ---- writer_files.c --------------------------------------------------------------------------- */

/* Makes the directory when it is missing, locks it, and sees what is there. */
int disk_take_directory(struct trail_disk *d, pid_t *ret_holder);
void disk_drop_directory(struct trail_disk *d);
/* The next segment's file, empty. */
int disk_create_segment(struct trail_disk *d, int *ret_fd);

/* ---- writer_budget.c -------------------------------------------------------------------------- */

/* Lists what is in the directory: rows and next_number. */
int budget_scan(struct trail_disk *d);
/* Forgets the rows. */
void budget_reset(struct trail_disk *d);
/* 0 or -ENOMEM: then it is not counted until the next start. */
int budget_add(struct trail_disk *d, const struct disk_row *row);
/*
 * The disk is full: deletes all stubs, which are small; where there is none, the oldest closed
 * segment. 0, -ENOENT (there is nothing to delete), or another -errno.
 */
int budget_drop_oldest(struct trail_disk *d);
/*
 * Makes the budget hold 'len' more bytes, and the end of the open segment: of segments that have to
 * go for their bytes a stub stays, where there is room for it. 0, -EDQUOT (the budget has no room
 * even so), -ENOSPC (keep_free), or what keeps it from deleting.
 */
int budget_make_room(struct trail_disk *d, uint64_t len, uint64_t now_real_ns, uint64_t now_ns);
/* Above this many bytes a segment is long enough. */
uint64_t budget_segment_bytes(const struct trail_disk *d);

/* ---- writer_stub.c ---------------------------------------------------------------------------- */

/*
 * Makes the stub of a closed segment, whose file stays as it is, in at most 'most' bytes. 0;
 * -ENODATA (it has no keyframe), -EBADMSG (none that is whole), -EFBIG (it does not fit), or another
 * -errno: then nothing is left of it.
 */
int stub_make(struct trail_disk *d, const struct disk_row *row, uint64_t most,
	      struct disk_row *ret_stub);

#endif
