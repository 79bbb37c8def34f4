/* SPDX-License-Identifier: GPL-2.0-only */
/* -w: the stream that a command reads, kept as a trail. */
#ifndef PROCTRAIL_CMD_RECORDING_H
#define PROCTRAIL_CMD_RECORDING_H

#include "cmd/command.h"
#include "model/proc_table.h"
#include "trail/writer.h"

struct recording;

/*
 * first: records, the first of them a REC_HOST, which says what is recorded; source: where they come
 * from ("live"). The table, which must live as long, is what keyframes are made of. An exit code; has
 * then said what is wrong. Nothing is written yet.
 */
int recording_open(const struct options *opt, const char *source, struct span first,
		   struct proc_table *table, struct recording **ret_recording);
/* Its thread: after privileges were dropped. An exit code. */
int recording_start(struct recording *r);
/*
 * Records in stream order, before they are applied to the table; never waits. First a batch, then each
 * of its records (a storm is thinned by what the table knows), then its end, which is true when a pass
 * over all tasks is needed. A batch may be one record.
 */
void recording_begin_batch(struct recording *r, struct span batch);
void recording_take(struct recording *r, const struct event *ev, struct span record);
bool recording_end_batch(struct recording *r);
/* The table as it is now, from where the recording goes on. */
void recording_put_keyframe(struct recording *r);
void recording_rotate(struct recording *r);
void recording_status(struct recording *r, struct trail_writer_status *ret_status);
/* True when the recording has ended for good (--on-disk-full exit). */
bool recording_failed(struct recording *r);
/* Flushes and closes; says what could not be kept. 'code', or EXIT_FAILED. NULL is accepted. */
int recording_close(struct recording *r, int code);

#endif
