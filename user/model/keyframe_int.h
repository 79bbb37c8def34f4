/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of writing a keyframe share. */
#ifndef PROCTRAIL_MODEL_KEYFRAME_INT_H
#define PROCTRAIL_MODEL_KEYFRAME_INT_H

#include "model/table_int.h"

struct keyframe {
	const struct proc_table *t;
	struct buf *out;
	uint16_t skip_tags;
	size_t rows; /* written */
	size_t at;   /* where the record that is being written begins */
};

/* Appends the fixed part, 'h' its first member; whatever follows is appended to k->out. */
void keyframe_begin(struct keyframe *k, struct rec_hdr *h, unsigned type, size_t size);
void keyframe_end(struct keyframe *k); /* the record is whole */
void keyframe_put_row(struct keyframe *k, const struct row *r);

static inline struct rec_proc rec_proc_of(struct proc_key key)
{
	return (struct rec_proc){.start_ns = key.start_ns, .tgid = key.tgid};
}

#endif
