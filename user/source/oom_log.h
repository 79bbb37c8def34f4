/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel log says of an OOM kill, as the REC_FACT_TEXT "oom": the one place that names the
 * cgroup whose limit was reached, and everybody's size at that moment. dump_header() writes it before
 * mark_victim() fires, so it stands in the stream before its REC_OOM.
 *
 * Lines of that one kill, as they are in the log: who ran out, what was used and what is the limit, the
 * machine's free memory, the head of the table of tasks, its OOM_LOG_TASKS largest, and last
 * "oom-kill:constraint=...". Nothing where the log is not readable, or the kernel left it out: it prints
 * ten in five seconds.
 */
#ifndef PROCTRAIL_SOURCE_OOM_LOG_H
#define PROCTRAIL_SOURCE_OOM_LOG_H

#include <stdint.h>

#include "base/buf.h"

#define OOM_LOG_TASKS 32
#define OOM_LOG_LINE  256

struct oom_log_task {
	uint64_t rss; /* pages */
	char line[OOM_LOG_LINE];
};

struct oom_log {
	int fd; /* of /dev/kmsg, at its end; -1: not readable */
	struct buf lines;
	struct oom_log_task tasks[OOM_LOG_TASKS];
	size_t task_cnt;
};

/* Asks for a capability that is given up later. Never fails: without the log there are no facts. */
void oom_log_open(struct oom_log *o);
void oom_log_release(struct oom_log *o);
/* Reads on, up to what it says of this victim. */
void oom_log_put(struct oom_log *o, uint32_t victim, struct buf *records);

#endif
