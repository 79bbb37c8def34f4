/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads exe, cwd and argv of processes, whom their threads wait for, and their limits, from /proc in
 * a thread of its own, since such a read can hang behind the locks of the process it describes. What
 * does not answer within 50 ms is given up with its thread, and said so in the fact record. Nothing
 * of another process is opened but its entries in /proc; no path of it is followed.
 */
#ifndef PROCTRAIL_SOURCE_PROC_READER_H
#define PROCTRAIL_SOURCE_PROC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROC_READER_TIMEOUT_NS 50000000ULL
#define PROC_READER_MAX_HUNG   8 /* threads given up on; then nothing more is asked */

struct proc_reader;

/* proc_dir: NULL is /proc. args_max: bytes of argv kept. NULL without memory; without a thread (no
 * pids left) only what cannot hang is read, by the caller itself. */
struct proc_reader *proc_reader_new(const char *proc_dir, uint32_t args_max);
void proc_reader_free(struct proc_reader *r);
/* Queues a process; start_ns 0: whoever has the pid. 0 or -ENOMEM */
int proc_reader_ask(struct proc_reader *r, uint32_t tgid, uint64_t start_ns);
/* Likewise, for the REC_FACT_TEXT 'waits:PID:START_NS' (as asked for); its text: proc_waits.h. */
int proc_reader_ask_waits(struct proc_reader *r, uint32_t tgid, uint64_t start_ns);
/* Likewise, for 'limits:PID:START_NS': the soft RLIMIT_NPROC, 'unlimited', 'hung' or 'gone'. */
int proc_reader_ask_limits(struct proc_reader *r, uint32_t tgid, uint64_t start_ns);
/* Appends the records that are ready, gives up on what hangs. */
void proc_reader_collect(struct proc_reader *r, uint64_t now_ns, struct buf *records);
bool proc_reader_idle(const struct proc_reader *r); /* nothing asked or under way */

#endif
