/* SPDX-License-Identifier: GPL-2.0-only */
/* Whom 'why' is asked about, and what of the living is found out for it. */
#ifndef PROCTRAIL_CMD_WHY_ASK_H
#define PROCTRAIL_CMD_WHY_ASK_H

#include "analysis/why.h"
#include "analysis/why_life.h"
#include "base/when.h"
#include "cmd/session.h"
#include "output/why.h"
#include "source/stuck.h"

struct why_ask {
	const char *word; /* as it was given */
	struct why_subject subject;
	struct when at; /* PID@TIME */
	uint32_t port;  /* :PORT; 0: not that */
	char name[64];
};

/* PID, PID@TIME, ID, NAME or :PORT. 0 or -EINVAL, which it has said. subject points into *ret. */
int why_ask_parse(const char *word, struct why_ask *ret);

/* One look at the machine, and at those that are asked about */
struct why_live {
	struct session *session;
	struct why_tasks tasks;
	struct bounded *bounded;
	const struct options *opt;
	struct stuck stuck[WHY_CHAIN];
	struct why why[WHY_CHAIN];
	size_t links;
};

/* An exit code; close it whatever it is. */
int why_live_open(struct why_live *live, const struct options *opt);
int why_live_close(struct why_live *live, int code);
/* NULL: nobody is called so. Says on stderr who else is. */
const struct proc *why_live_find(struct why_live *live, const struct why_ask *ask);
/* From p on to whom it waits for: why[0 .. links). asked: as recorded. 0 or -ENOMEM */
int why_live_follow(struct why_live *live, const struct proc *p, enum ask_fate asked);
/* Everybody who was told to die and lives, and who is longer in D than that. 0 or -ENOMEM */
int why_live_put_stuck(struct why_live *live, uint64_t longer_ns, struct buf *b);

#endif
