/* SPDX-License-Identifier: GPL-2.0-only */
/* -r: a recording instead of the running machine, and which part of it. */
#ifndef PROCTRAIL_CMD_REPLAY_H
#define PROCTRAIL_CMD_REPLAY_H

#include "base/clock.h"
#include "cmd/command.h"
#include "model/event.h"
#include "model/proc_table.h"
#include "output/render.h"
#include "source/source.h"

#define RECORDER_DIR "/var/lib/proctrail"

/* Wall times in ns since the epoch */
struct replay {
	uint64_t from_ns;           /* 0: from the beginning */
	uint64_t to_ns;             /* UINT64_MAX: to the end */
	uint64_t first_ns, last_ns; /* of what there is of it */
	bool follow;                /* it has no end */
	bool begun;                 /* the part that was asked for has begun */
};

/* What -r says; "" is the recorder's directory. */
const char *replay_path(const char *read_path);

/*
 * Opens what -r names at the place that --from, --to, --at and --duration say. An exit code; has
 * then said what is wrong.
 */
int replay_open(const struct options *opt, struct replay *ret_replay, struct source **ret_source);

enum replay_place { REPLAY_BEFORE, REPLAY_WITHIN, REPLAY_AFTER };

/* Where a record lies; clock: as the records before it have set it. */
enum replay_place replay_place_of(struct replay *r, const struct wall_clock *clock,
				  const struct event *ev);

/* Before a record is applied: behind a hole what a keyframe says is all that is known. */
void replay_enter(struct proc_table *t, const struct event *ev);

/* Appends "incident.trail of db1, Tue 24 Nov 02:10:00 CET (+01) to 02:12:00, 2m" and a newline. */
void replay_put_title(struct buf *b, const struct replay *r, const char *path,
		      const struct render *render);

/* Why a trail cannot be opened, and what to do; an exit code. */
int replay_say_open(const char *path, int err);
/* Says on stderr what of the recording was damaged. */
void replay_say_damage(struct source *s);

#endif
