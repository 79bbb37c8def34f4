/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gets bytes to a descriptor that may stop taking them (Ctrl-S, a full pager, a hung disk) without
 * ever making the caller wait: a thread of its own behind a bounded queue. Chunks are whole lines;
 * what does not fit is counted and never half written. Where no thread can be had (no pids left)
 * the caller writes itself.
 */
#ifndef PROCTRAIL_OUTPUT_WRITER_H
#define PROCTRAIL_OUTPUT_WRITER_H

#include "base/buf.h"

struct writer;

#define WRITER_QUEUE_BYTES (64u << 20)

/* Takes the descriptor over when own is set. NULL without memory. */
struct writer *writer_new(int fd, bool own, size_t queue_bytes);
/* Queues whole lines; 0, -ENOBUFS (queue full: these lines are dropped, counted), or the error that
 * ended writing (-EPIPE, -ENOSPC, -EIO ...: sticky). Never blocks while the thread exists. */
int writer_put(struct writer *w, struct span lines, uint64_t line_cnt);
/* Waits at most timeout_ms for the queue to empty; 0, -ETIMEDOUT, or the sticky error. */
int writer_flush(struct writer *w, int timeout_ms);
uint64_t writer_dropped(const struct writer *w); /* lines */
int writer_error(const struct writer *w);        /* 0 or the sticky -errno */
/* A regular file that could not take a whole line is cut back to its last whole one. */
void writer_free(struct writer *w); /* accepts NULL; does not wait for a stuck reader */

#endif
