/* SPDX-License-Identifier: GPL-2.0-only */
/* What the caller's side (writer.c) and the thread (writer_thread.c) share. */
#ifndef PROCTRAIL_TRAIL_WRITER_INT_H
#define PROCTRAIL_TRAIL_WRITER_INT_H

#include <pthread.h>

#include "trail/writer_disk.h"

/* Records that are not in the trail, and when that was. count 0: none. */
struct trail_loss {
	uint64_t from_ns, until_ns;
	uint64_t count;
};

void loss_add(struct trail_loss *l, const struct trail_loss *more);
struct rec_gap loss_record(const struct trail_loss *l);

/* A block on its way to the disk: coded, not deflated. */
struct queued {
	struct queued *next;
	struct trail_block info;
	struct buf raw;
	struct trail_loss gap; /* what the REC_GAP records in it say */
	uint64_t kept;         /* the caller's records in it */
	size_t charge;         /* of the queue's memory */
	bool sync;             /* the disk is to have it, not only the page cache */
};

/* NULL without memory. */
struct queued *queued_new(enum trail_block_kind kind);
void queued_free(struct queued *q); /* accepts NULL; without those behind it */
/* A record whose time is 'boot_ns' was coded. */
void queued_account(struct queued *q, uint64_t boot_ns);
/* What is missing in the trail when it does not get there. */
struct trail_loss queued_loss(const struct queued *q);

struct trail_writer {
	/* ---- the caller's own */
	uint64_t sync_ns; /* a block is closed at a tick when it is so old */
	size_t queue_bytes;
	struct trail_encoder *encoder;
	struct queued *open;    /* NULL: nothing was put since the last one */
	struct trail_loss loss; /* no gap stands for it yet */
	uint64_t now_ns;        /* boot_ns of the stream */
	uint64_t unsynced_ns;   /* of the first record behind the last sync; 0: none */
	int64_t offset_ns;      /* realtime - boottime */
	bool started;

	/* ---- under the lock, which is never held over anything that can wait */
	pthread_mutex_t lock;
	struct queued *head, *tail;
	struct trail_writer_status status; /* 'queued': memory, with what the thread has in hand */
	uint64_t stream_ns;                /* now_ns at the end of the last put */
	uint64_t busy_since_ns;            /* the disk has had a block since then; 0: it has none */
	int close_err;                     /* first error after 'stop' */
	unsigned refs;                     /* the caller, and the thread */
	bool idle, stop, abandoned, exited;

	/* ---- written under the lock, read by trail_writer_wants_keyframe() without */
	size_t queued_now; /* = status.queued */
	unsigned keyframes_queued;
	bool keyframe_due; /* says the thread */
	bool heal;         /* a gap was written: a keyframe behind it makes the trail right again */
	bool rotate;       /* asked for, not yet done */
	bool failed;       /* = status.failed */

	/* ---- set once */
	int wake_fd; /* eventfd: something to do, or the end */
	int done_fd; /* eventfd: the thread has finished */

	/* ---- the thread's own (before it starts: the caller's) */
	struct trail_disk disk;
	struct trail_encoder *gap_encoder;
	struct trail_loss gone; /* lost behind the queue, no gap stands for it yet */
};

/* What the thread runs; the caller does when there never was a thread. */
void writer_run(struct trail_writer *w);
/* Gives back a reference, held with the lock, which is released. */
void writer_unref(struct trail_writer *w);
void writer_wake(int event_fd);
/* Waits for the event, at most timeout_ms (-1: for ever). False: it did not come. */
bool writer_wait(int event_fd, int timeout_ms);

#endif
