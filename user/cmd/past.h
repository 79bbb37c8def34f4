/* SPDX-License-Identifier: GPL-2.0-only */
/* What the recorder knows of the machine that is looked at now: its past, found by itself. */
#ifndef PROCTRAIL_CMD_PAST_H
#define PROCTRAIL_CMD_PAST_H

#include "model/proc_table.h"

struct past {
	struct proc_table
		*table; /* as the recorder had it last; NULL: nothing is recorded of this boot */
	uint64_t since_real_ns; /* since when it is recorded, as far as it is kept */
	bool fresh;             /* it goes on: only what came in the last moments is missing */
};

/* Whether the recorder has kept anything, and whether it is (or seems to be) at it still. */
bool past_is_recorded(bool *ret_goes_on);
/*
 * Reads the recorder's directory from its last keyframe to its end, which takes as long as there is to
 * read since then. 'now' is a table of the running machine: whose boot, and what time it is. 0, also
 * where nothing of this boot is recorded or may be read, or -ENOMEM. Free with past_release().
 */
int past_read(const struct proc_table *now, struct past *ret_past);
void past_release(struct past *p);

#endif
