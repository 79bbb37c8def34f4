/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a bounded recording keeps of a storm, so that it does not push out what was before.
 *
 * Births are counted by the ancestor that they come from. A subtree that has more than 2,000 a second
 * for 10 s is a storm; after its first 100,000 lives those that follow are only counted, second by
 * second, by parent, image and fate (REC_THINNED), and none of their records is kept. They are rows
 * of the live table all the same; proc.tag tells them. When the storm is over a pass over all tasks
 * brings back whoever of them still lives.
 */
#ifndef PROCTRAIL_ANALYSIS_STORM_H
#define PROCTRAIL_ANALYSIS_STORM_H

#include "model/proc_table.h"

#define STORM_THINNED 0x8000 /* proc.tag: left out of the recording, of keyframes too */

struct storm;

/* Listens to the table, whose tags it uses; the table must live longer. NULL without memory. */
struct storm *storm_new(struct proc_table *t);
void storm_free(struct storm *s); /* accepts NULL; only when the table tells nothing any more */

/*
 * Before each batch of records: true when they are to be looked at one by one (storm_keep), else it may
 * be kept as it is. What was counted last is appended to 'out'.
 */
bool storm_begin_batch(struct storm *s, struct buf *out);
/* Those who survived the storm are not all brought back yet: no moment for a keyframe. */
bool storm_is_settling(const struct storm *s);
/* True once when a pass over all tasks is needed. */
bool storm_wants_pass(struct storm *s);

/*
 * For every record of such a batch, before it is applied: appends to 'out' what is kept in its
 * place, if anything. Of 'out' the err tells of a lack of memory.
 */
void storm_keep(struct storm *s, const struct event *ev, struct span record, struct buf *out);
/* Appends what was counted since; for the end of the recording. */
void storm_flush(struct storm *s, struct buf *out);

struct storm_news {
	bool over; /* else it begins to be thinned */
	struct proc_key root;
	char comm[REC_COMM_LEN];
	uint64_t lives; /* since it began */
	uint64_t rate;  /* births in the last second */
};

/* What has happened since it was asked last; false: nothing. */
bool storm_take_news(struct storm *s, struct storm_news *ret_news);

#endif
