/* SPDX-License-Identifier: GPL-2.0-only */
/* What is worth a snapshot: conditions that are looked at as the table tells what happens. */
#ifndef PROCTRAIL_ANALYSIS_TRIGGER_H
#define PROCTRAIL_ANALYSIS_TRIGGER_H

#include "model/proc_table.h"

#define TRIGGERS_MAX     8
#define TRIGGER_NAME_LEN 64

struct trigger {
	enum { TRIGGER_OOM, TRIGGER_ZOMBIES, TRIGGER_LOST, TRIGGER_EXIT } kind;
	enum {
		TRIGGER_ANY,
		TRIGGER_LT,
		TRIGGER_LE,
		TRIGGER_EQ,
		TRIGGER_NE,
		TRIGGER_GE,
		TRIGGER_GT
	} op;
	uint64_t value;
	char name[TRIGGER_NAME_LEN]; /* TRIGGER_EXIT: of the process, as in a shell */
	/* while it runs */
	uint64_t base; /* lost so far */
	bool held;     /* it was true when it was looked at last */
};

/*
 * oom, zombies>100, lost>0, exit:NAME!=0 (NAME is a glob; killed by signal n counts as 128+n). With
 * > >= < <= = !=. 0 or -EINVAL.
 */
int trigger_parse(const char *text, struct trigger *ret_trigger);

/*
 * Whether this change makes it fire: each OOM kill and each such death; zombies when it becomes true;
 * lost for what was lost since it fired last.
 */
bool trigger_fires(struct trigger *t, const struct proc_counts *counts, const struct change *c);

/* Whether a figure meets the condition, whatever it is a figure of. */
bool trigger_holds(const struct trigger *t, uint64_t v);

/* "oom", "zombies", "lost", "exit-NAME": letters, digits, '-', '_' and '.', for a file's name. */
void trigger_put_word(struct buf *b, const struct trigger *t);

#endif
