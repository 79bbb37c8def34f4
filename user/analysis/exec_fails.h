/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Execs that failed. execvp() tries each directory of PATH: those tries are one search, no failure when
 * it ends in a program, else one failure, told by the try that says most. So a failure is known when
 * its process execs something, asks for another name, dies, or the end has come.
 *
 * Only where REC_HOOK_EXEC_FAILED or REC_HOOK_EXEC_SYSCALL is live: else there is nothing to listen to.
 */
#ifndef PROCTRAIL_ANALYSIS_EXEC_FAILS_H
#define PROCTRAIL_ANALYSIS_EXEC_FAILS_H

#include "base/map.h"
#include "model/proc_table.h"

#define EXEC_FAILS_MAX 64 /* of one kind each; the others are only counted */

/* Failures that are alike in all of this */
struct exec_fail {
	uint64_t cnt;
	uint32_t tries; /* of one search, the most */
	int error;      /* errno */
	uint32_t flags; /* REC_NOEXEC_* */
	char file[REC_FILE_LEN];
	char interp[REC_INTERP_LEN]; /* "": unknown */
	char comm[REC_COMM_LEN];     /* who asked last */
};

struct exec_fails {
	struct map searches; /* process -> the one that goes on */
	struct exec_fail *v;
	size_t cnt;
	uint64_t failed; /* in all */
	uint64_t found;  /* searches that ended in a program, and what they tried before */
	uint64_t found_tries;
	int err; /* 0, or -ENOMEM: some are not counted */
};

void exec_fails_release(struct exec_fails *x);
/* CHANGE_EXEC_FAILED, CHANGE_EXEC, CHANGE_EXIT and CHANGE_REAP; others are nothing to it. */
void exec_fails_note(struct exec_fails *x, const struct change *c);
/* Nothing more comes: what goes on has failed, unless it is too young. Most first. */
void exec_fails_finish(struct exec_fails *x, uint64_t now_ns);

/* Whether failed execs are told to somebody who has these REC_HOOK_*. */
static inline bool exec_fails_watched(uint32_t hooks)
{
	return hooks & (REC_HOOK_EXEC_FAILED | REC_HOOK_EXEC_SYSCALL);
}

#endif
