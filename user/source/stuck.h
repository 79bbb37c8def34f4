/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the threads of a process are in the kernel, and what of: all that /proc tells without touching
 * anything they wait for. Every read is bounded in time (bounded.h); what did not answer is said.
 * 'syscall' and 'stack' want PTRACE_MODE_ATTACH and CAP_SYS_ADMIN: where they are denied wchan is left.
 */
#ifndef PROCTRAIL_SOURCE_STUCK_H
#define PROCTRAIL_SOURCE_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "source/bounded.h"

#define STUCK_THREADS 256 /* looked at; the others are counted */
#define STUCK_FRAMES  8
#define STUCK_NAME    40 /* of a function in the kernel */

/* What a call waits for, as far as its number says */
enum stuck_call {
	STUCK_CALL_NONE, /* not in a call */
	STUCK_CALL_OTHER,
	STUCK_CALL_FILE, /* its first argument is a descriptor */
	STUCK_CALL_PATH, /* it names a file by its path */
	STUCK_CALL_WAIT, /* for a child */
	STUCK_CALL_FUTEX,
	STUCK_CALL_POLL,
	STUCK_CALL_SLEEP,
	STUCK_CALL_SIGNAL,
	STUCK_CALL_LOCK,
	STUCK_CALL_FORK,
};

struct stuck_thread {
	uint32_t tid;
	char state; /* as in status; 0: unknown */
	char comm[16];
	uint64_t pending, blocked; /* bit n-1 = signal n */
	char wchan[STUCK_NAME];
	char stack[STUCK_FRAMES][STUCK_NAME]; /* the innermost first */
	enum stuck_call call;
	const char *call_name; /* static; NULL: none, or one we have no name for */
	int64_t call_nr;       /* -1: in none */
	uint64_t args[3];
	uint32_t wait_pid; /* STUCK_CALL_WAIT: for this child, as it numbers it; 0: any */
	bool running;
};

/* A descriptor that a thread waits on. Nothing here was opened, nothing asked of its file system. */
struct stuck_file {
	int fd; /* -1: none */
	char path[256];
	char mount[128], fs[32], device[96]; /* empty: unknown */
	uint32_t peer;                       /* pipe: who has the other end; 0: nobody or unknown */
	bool peer_known;                     /* all were looked at */
	char remote[96];                     /* socket: "tcp 10.0.0.1:443" */
};

struct stuck {
	uint32_t pid;
	bool gone, hung, denied, stack_denied;
	uint32_t ns_pid; /* the innermost */
	uint32_t ns_level;
	uint32_t tracer;
	bool dumping;                      /* CoreDumping */
	uint64_t pending, ignored, caught; /* of the process */
	uint32_t thread_cnt;               /* there are */
	struct stuck_thread *threads;      /* of whom so many were read */
	size_t cnt;
	char freezer[160]; /* the cgroup to thaw, if it is frozen */
	bool freezer_v2;
};

/* 0 or -ENOMEM; what could not be known is in *ret. Release with stuck_release(). */
int stuck_read(struct bounded *b, uint32_t pid, struct stuck *ret);
void stuck_release(struct stuck *s);

/* The descriptor that thread t waits on: of STUCK_CALL_FILE and _LOCK. */
void stuck_file_read(struct bounded *b, const struct stuck *s, const struct stuck_thread *t,
		     struct stuck_file *ret);
/* Who holds the file lock that pid waits for; 0: unknown, or it waits for none. */
uint32_t stuck_lock_holder(struct bounded *b, uint32_t pid);
/* exe, cwd and argv as one REC_FACT_PROC record */
void stuck_put_fact(struct bounded *b, const struct stuck *s, uint64_t start_ns,
		    struct buf *records);
/* Who listens on a TCP port: up to max pids, in ret_pids; how many. */
size_t stuck_port(struct bounded *b, uint32_t port, uint32_t *ret_pids, size_t max);

#endif
