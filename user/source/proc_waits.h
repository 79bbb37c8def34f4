/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sits in a wait call right now, and for whom: it makes no sched_process_wait record while it
 * blocks, so of a parent that was there before us only /proc/P/task/T/syscall tells. Reading that
 * takes the process's exec lock and PTRACE_MODE_ATTACH (fs/proc/base.c, proc_pid_syscall()): it can
 * hang, and CAP_SYS_PTRACE makes it independent of whose process it is.
 *
 * The text has one line a thread that waits for a death, 'TID KIND ID OPTIONS':
 *   any     any child; ID is 0
 *   pid     ID as the caller gave it, which is its own pid namespace's
 *   pgid    ID is the group, 0: the caller's own
 *   pidfd   ID is the caller's file descriptor
 * OPTIONS are those of the call, in decimal. It is empty where no thread waits. Then, once each:
 *   compat  a 32-bit thread may be in a wait call: not told apart
 *   more    there were more threads than we look at
 * Or it is a single line:
 *   hung    /proc did not answer, or could not be asked without a thread that may hang
 *   denied  it may not be read, or not all of it
 *   gone    the process is not there any more
 */
#ifndef PROCTRAIL_SOURCE_PROC_WAITS_H
#define PROCTRAIL_SOURCE_PROC_WAITS_H

#include <stdint.h>

#include "base/buf.h"

#define PROC_WAITS_THREADS_MAX 256

enum proc_wait {
	PROC_WAIT_NONE,   /* running, or in another call, or waits for stops and continues only */
	PROC_WAIT_DEATH,  /* in wait4() or waitid() */
	PROC_WAIT_COMPAT, /* perhaps, by the number that the call has in another ABI */
};

struct proc_wait_call {
	const char *kind; /* static: "any", "pid", "pgid", "pidfd" */
	uint32_t id;
	uint32_t options;
};

/* line: the text of /proc/P/task/T/syscall. ret_call is set with PROC_WAIT_DEATH only. */
enum proc_wait proc_wait_parse(const char *line, struct proc_wait_call *ret_call);

/* Appends the text for a process; dir: its open directory in /proc. May hang. */
void proc_waits_put(int dir, struct buf *text);

#endif
