/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who does not reap, and why. A function of the process table: the rows of the zombies and the evidence
 * in their parents' rows, so that it is the same live and from a trail.
 *
 * A verdict says what the evidence proves; where it proves none it is 'unknown', with what would
 * decide. Evidence of a parent whose birth was seen is complete (since birth). Of one that was there
 * before it is what a pass found (snapshot) and what was seen since (watched).
 */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_H

#include "analysis/waits_fact.h"
#include "model/proc_table.h"

enum verdict {
	VERDICT_NEVER_WAITS,
	VERDICT_WAITS_FOR_OTHERS,
	VERDICT_MERGED_SIGCHLD,
	VERDICT_SIGCHLD_BLOCKED,
	VERDICT_PARENT_STOPPED,
	VERDICT_PARENT_STUCK,
	VERDICT_TRACED,
	VERDICT_INIT_DOES_NOT_REAP,
	VERDICT_INHERITED_OVER_EXEC,
	VERDICT_NEEDS_WALL,
	VERDICT_LEADER_DEAD,
	VERDICT_SLOW,
	VERDICT_HEALTHY,
	VERDICT_UNKNOWN,
	VERDICT_CNT
};

enum evidence_from { FROM_BIRTH, FROM_SNAPSHOT, FROM_WATCHED };

/* What its zombies ran, and how many of each. */
#define ZOMBIE_KINDS 4

struct zombie_kind {
	char comm[REC_COMM_LEN];
	uint64_t cnt;
};

struct zombie_parent {
	const struct proc *proc;
	/* Its row in the table that has seen it for longest, whose evidence counts: proc, or of the past */
	const struct proc *seen;
	enum verdict verdict;
	enum evidence_from from;
	uint64_t watched_ns; /* how long records about it have come */
	const char *decides; /* VERDICT_UNKNOWN: what would decide */

	uint64_t zombies;     /* children that wait to be reaped */
	uint64_t leader_dead; /* children whose leader is dead while threads live: no zombies */
	uint64_t adopted, traced, walled, before_exec; /* of the zombies */
	uint64_t birth_unseen;   /* of them: there before us, whoever bore them */
	uint64_t awaited;        /* of them: a wait call fits, only their end was not told yet */
	uint64_t looked_at;      /* of them: a look at all tasks has found them, too */
	uint64_t fresh;          /* of them died while we watched */
	uint64_t killed;         /* of them by a signal */
	struct proc_key tracer;  /* who holds the first of those traced that it is known of */
	uint64_t held_by_others; /* traced, by another than that one */
	bool age_known;          /* of one of them at least */
	uint64_t oldest_ns, newest_ns; /* since their deaths */
	bool estimated;                /* oldest_ns is from the scheduler's stamps */
	uint64_t oldest_err_ns;        /* how far off it can be */
	uint64_t leak_milli;           /* more of them a minute, in thousandths */
	/* Whom its threads waited for when they were asked, in calls that may be from before us */
	struct waits sits;
	bool sits_known;
	bool in_turn;                   /* each is waited for when others have come after it */
	bool reaped_known, ever_reaped; /* by any image of it */
	bool image_reaped;              /* by the present one, as far as is known */
	struct zombie_kind kinds[ZOMBIE_KINDS];
	uint64_t kinds_other;

	/* Who would have the zombies if it died; NULL: not known. */
	const struct proc *adopter;
	bool adopter_reaps; /* it waits for any child, as far as is known, and leaves no zombies */
};

struct zombies {
	struct zombie_parent *parents; /* those with most zombies first */
	size_t parent_cnt;
	uint64_t zombies;                    /* in all */
	uint64_t leaks, undecided, harmless; /* parents that have some */
	uint64_t leak_milli;
};

struct zombies_options {
	bool all; /* parents without zombies whose children died, too */
	bool (*shows)(void *ctx, const struct proc *parent); /* whose; NULL: everybody's */
	void *ctx;
	/*
	 * What a recorder knows of the same boot, NULL: nothing. Of zombies that died before the table
	 * began it has the deaths; of what parents do it counts only where it goes on to this moment.
	 */
	const struct proc_table *past;
	bool past_fresh;
};

/* Rows stay valid while the table does not change. 0 or -ENOMEM. */
int zombies_examine(const struct proc_table *t, const struct zombies_options *opt,
		    struct zombies *ret_zombies);
void zombies_release(struct zombies *z);
/* Who would be given the children of 'parent' if it died; NULL: not known, or they die with it. */
const struct proc *zombies_adopter(const struct proc *parent);

/* Whether the evidence is a recorder's. */
bool zombies_is_past(const struct zombie_parent *f);
const char *verdict_name(enum verdict v);             /* "never_waits" */
const char *evidence_from_name(enum evidence_from f); /* "since birth" */
/* Whether more and more zombies are to be expected of it, or those there are stay. */
bool verdict_is_leak(enum verdict v);

#endif
