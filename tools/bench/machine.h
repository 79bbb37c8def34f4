/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that does not exist: the records that its kernel would have made, in their order. The
 * same options give the same records everywhere, so that a trail of any size can be made again.
 *
 * What follows what, how far apart and with which values is taken from trails of real storms and
 * builds: a birth, an image, a wait, a death, the zombie, and in batches the end of what was reaped
 * an RCU grace period before.
 */
#ifndef PROCTRAIL_BENCH_MACHINE_H
#define PROCTRAIL_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum machine_mix {
	MIX_STORM, /* a few parents, children that do nothing but end */
	MIX_BUILD, /* make, sh, gcc, cc1, as: images with long command lines */
};

struct machine_options {
	enum machine_mix mix;
	uint64_t seed;
	uint32_t live;    /* processes that were there before, and stay */
	uint32_t parents; /* of them, those that make children all the time */
	uint32_t zombies; /* that nobody will ever reap */
	bool reaps;       /* the kernel has the hook for the exact reap, too */
};

struct machine;

/* NULL without memory. */
struct machine *machine_new(const struct machine_options *opt);
void machine_free(struct machine *m); /* accepts NULL */

/* Appends what a stream begins with: the host and who is there, with their command lines. */
void machine_put_begin(struct machine *m, struct buf *out);
/* Appends what happens next: one record of the kernel's, and a tick before it where one is due. */
void machine_put_next(struct machine *m, struct buf *out);

#endif
