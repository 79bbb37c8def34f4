/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened to one process, or to the last few that fit a question: born of whom and how, its images,
 * signals, children, death, what became of it. Listens to changes; of the living it ends where they do.
 * Deaths are judged by death.h alone.
 */
#ifndef PROCTRAIL_ANALYSIS_WHY_LIFE_H
#define PROCTRAIL_ANALYSIS_WHY_LIFE_H

#include "analysis/death_notes.h"

#define WHY_LIVES   64 /* that fit; the oldest goes */
#define WHY_IMAGES  6
#define WHY_SIGNALS 12
#define WHY_PATH    160
#define WHY_ARGS    512

struct why_image {
	uint64_t at_ns;
	char exe[WHY_PATH];
};

/* Signals of one number and sender, as long as none other came in between */
struct why_signal {
	struct death_who sender;
	uint64_t first_ns, last_ns;
	uint64_t delivered_ns; /* it, or one like it, was taken; 0: not seen */
	uint32_t cnt, merged;  /* merged: one was pending already */
	int32_t sig, code;
	uint8_t result, disposition;
	bool blocked;
};

struct why_life {
	struct death_who who, born_of, parent;
	enum spawn_how how;
	uint64_t spawn_ns; /* from birth to its first image; 0: unknown */
	uint64_t seen_ns;  /* since when it was watched; its start where that was seen */
	bool birth_seen;
	uint32_t uid, threads;
	struct why_image image[WHY_IMAGES];
	uint32_t images; /* ever seen; the last few are kept */
	struct why_signal signal[WHY_SIGNALS];
	uint32_t signals;            /* likewise */
	uint32_t born, died, reaped; /* children */
	char args[WHY_ARGS], unit[96];
	size_t args_len;
	bool args_cut;
	bool dead;
	struct death death;
	struct death_who reaper;
	uint64_t zombie_at_ns, gone_ns; /* 0: not seen */
	uint64_t zombie_err_ns;         /* how far the time between them may be off */
	bool autoreaped, vanished;
	enum ask_fate asked; /* by the last signal that asked it to end */
	struct death_ask ask;
};

/* Whom is asked about: any of them that is set has to fit */
struct why_subject {
	uint32_t pid;      /* 0: any */
	uint64_t start_ns; /* 0: any */
	const char *name;  /* its comm, or the last part of its path; NULL: any */
	uint64_t at_ns;    /* it lived then; 0: whenever */
};

struct why_lives {
	struct why_subject subject;
	struct death_notes notes;
	struct why_life *v[WHY_LIVES]; /* in the order in which they were first known */
	size_t cnt;
	uint64_t dropped;
	int err;
};

void why_lives_init(struct why_lives *w, const struct proc_table *t,
		    const struct why_subject *subject);
void why_lives_release(struct why_lives *w);
/* Any change, as a listener has it */
void why_lives_change(void *ctx, const struct change *c);
/* At the end: what the rows of the living tell beside it. */
void why_lives_finish(struct why_lives *w, const struct proc_table *t);
/* The one that is meant: who lives, or died last; NULL: nobody fits. */
const struct why_life *why_lives_pick(const struct why_lives *w);
bool why_subject_fits(const struct why_subject *s, const struct proc *p);
/* Beside what a row tells, what was recorded of the same process. */
void why_life_join(struct why_life *l, const struct why_life *recorded);
/* From a row alone, where nothing was recorded. */
void why_life_of(const struct proc_table *t, const struct proc *p, struct why_life *ret);

#endif
