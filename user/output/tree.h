/* SPDX-License-Identifier: GPL-2.0-only */
/* A folded tree as text that fits the terminal, and its processes as JSON. */
#ifndef PROCTRAIL_OUTPUT_TREE_H
#define PROCTRAIL_OUTPUT_TREE_H

#include "analysis/tree.h"
#include "output/render.h"

struct tree_view {
	const struct tree *tree;
	const char *from;    /* where it is from, when not from the kernel: "/proc"; else NULL */
	uint64_t watched_ns; /* 0: a snapshot */
	bool complete;
	bool filtered; /* only part of what is known is shown */
};

/* First line, then the tree. */
void tree_put_text(struct buf *b, const struct render *r, const struct tree_view *v);
/* One object "proc" a process, parents first, each a whole line. */
void tree_put_json(struct buf *b, const struct render *r, const struct tree *tree);

#endif
