/* SPDX-License-Identifier: GPL-2.0-only */
/* The bare program's answer: at most HEALTH_LINES lines, however much is wrong. */
#ifndef PROCTRAIL_OUTPUT_HEALTH_H
#define PROCTRAIL_OUTPUT_HEALTH_H

#include "analysis/health.h"
#include "output/render.h"

#define HEALTH_LINES 24

struct health_view {
	const struct health *health;
	/* What the recorder holds of this machine, wall times; until 0: it goes on. Both 0: nothing. */
	uint64_t recorded_ns, recorded_until_ns;
	const char *recording; /* NULL: the machine is looked at */
	bool from_proc;        /* without BPF: what only the kernel side knows is missing */
};

void health_put_text(struct buf *b, const struct render *r, const struct health_view *v);
/* One object "health", then one "finding" each, heaviest first. */
void health_put_json(struct buf *b, const struct render *r, const struct health *h);

#endif
