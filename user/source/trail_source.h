/* SPDX-License-Identifier: GPL-2.0-only */
/* A trail as a source: the same stream, in the same order, as it was when it was recorded. */
#ifndef PROCTRAIL_SOURCE_TRAIL_SOURCE_H
#define PROCTRAIL_SOURCE_TRAIL_SOURCE_H

#include "source/source.h"
#include "trail/reader.h"

struct trail_source_options {
	const char *path;      /* a file or a directory */
	uint64_t from_real_ns; /* begin at the latest keyframe before this; 0: at the beginning */
	uint64_t to_real_ns;   /* end after the block that holds this; 0: at the end */
	bool follow;           /* wait for more at the end of a trail that is being written */
};

/* As trail_reader_open(). ops->name is what was recorded: "live", "proc". */
int trail_source_open(const struct trail_source_options *opt, struct source **ret_source);
struct trail_reader *trail_source_reader(struct source *s);

#endif
