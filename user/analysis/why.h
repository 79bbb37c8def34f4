/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a living process is where it is: one conclusion from its row, what /proc told of all its threads
 * (source/stuck.h), and the signals it has not taken. In two steps, for what there is to ask about the
 * thread that decides is only known when it is chosen.
 *
 *	why_begin()	state and signals: which verdict, by which thread
 *	(the caller reads what that thread waits on: stuck_file_read(), stuck_lock_holder())
 *	why_finish()	what a call waits for, who else is in it
 *
 * D is not always I/O: a parent suspended in vfork() and a task in the v1 freezer are in D too, and die
 * of a SIGKILL at once, or when they are thawed. Nothing is concluded from D alone.
 */
#ifndef PROCTRAIL_ANALYSIS_WHY_H
#define PROCTRAIL_ANALYSIS_WHY_H

#include "analysis/death.h"
#include "analysis/why_tasks.h"
#include "source/stuck.h"

#define WHY_GROUPS 8

/* The names are JSON's: why_verdict_name(). */
enum why_verdict {
	WHY_UNKNOWN, /* nothing answered */
	WHY_RUNS,    /* on a CPU, or would be */
	WHY_WAITS,   /* asleep in a call, or outside of any: nothing special */
	WHY_WAITS_CHILD,
	WHY_WAITS_PIPE,
	WHY_WAITS_SOCKET,
	WHY_WAITS_LOCK, /* of a file */
	WHY_WAITS_FUTEX,
	WHY_STOPPED,
	WHY_TRACED,
	WHY_FROZEN,
	WHY_VFORK,
	WHY_IN_D,
	WHY_CANNOT_DIE, /* SIGKILL is pending, and a thread is where it does not look */
	WHY_DYING,      /* SIGKILL is pending, and nothing in the way was seen */
	WHY_DUMPS_CORE,
	WHY_TERM_BLOCKED,
	WHY_TERM_IGNORED,
	WHY_TERM_HANDLED,
	WHY_TERM_DROPPED,
	WHY_ZOMBIE,
	WHY_VERDICT_CNT
};

/* Threads that wait at one place */
struct why_group {
	const struct stuck_thread *first;
	uint32_t cnt;
};

struct why {
	const struct proc *p;
	const struct stuck *stuck;
	enum why_verdict verdict;
	const struct stuck_thread *thread; /* that decides; NULL: none */
	uint64_t still_ns;                 /* how long it has; REC_STILL_NONE: unknown */
	struct why_group group[WHY_GROUPS];
	size_t groups;
	uint32_t ungrouped;
	bool killed; /* a SIGKILL is pending */
	bool term_pending, term_blocked, term_ignored, term_caught;
	bool is_init; /* pid 1 of its pid namespace: what it has no handler for is dropped */
	uint32_t zombies, children;
	struct stuck_file file; /* fd -1: none */
	const struct proc *on;  /* the process that it waits for; NULL: none, or unknown */
	uint32_t on_pid;        /* likewise, where the table does not know it */
	enum ask_fate asked;    /* of the last that asked it to end, as recorded */
	uint32_t others;        /* threads of others in D on the same mount */
	struct proc_key first_other;
};

void why_begin(const struct proc *p, const struct stuck *stuck, const struct why_tasks *tasks,
	       enum ask_fate asked, struct why *ret);
/* file: of why.thread, fd -1 where none was read; holder: of the lock it waits for, 0: nobody known. */
void why_finish(struct why *w, const struct proc_table *t, const struct stuck_file *file,
		uint32_t holder);
/* Whether waiting for w.on is all it does: then that one's story is the next question. */
bool why_leads_on(const struct why *w);

const char *why_verdict_name(enum why_verdict v); /* "cannot_die" */
/* Where a thread is, in a word: its call, else the function it sleeps in, else its state. */
const char *why_place(const struct stuck_thread *t);

#endif
