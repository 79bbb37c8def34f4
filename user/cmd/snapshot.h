/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces of the recorder's own record, kept apart from rotation: DIR/snapshots/TIME-WHY.trail, cut by a
 * child that reads the record as 'trace -r DIR -w FILE --from --to' does. They have bounds of their own:
 * number, size, and how soon one trigger may ask again.
 */
#ifndef PROCTRAIL_CMD_SNAPSHOT_H
#define PROCTRAIL_CMD_SNAPSHOT_H

#include "cmd/options.h"
#include "model/proc_table.h"

struct snapshots;

/*
 * dir: the recorder's directory; opt: triggers, before, after. Listens to the table, which must live
 * as long as it is told something. NULL without memory.
 */
struct snapshots *snapshots_new(const struct options *opt, const char *dir, struct proc_table *t);
/* Somebody asks for the time up to now (SIGUSR1). */
void snapshots_ask(struct snapshots *s);
/* After each batch: begins what is due, looks after the child. Says what was kept, and what failed. */
void snapshots_step(struct snapshots *s);
/*
 * When the recording is closed: what was still to come is cut now; waits for the child, 30 s at most.
 * Accepts NULL.
 */
void snapshots_finish(struct snapshots *s);

#endif
