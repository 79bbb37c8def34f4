/* SPDX-License-Identifier: GPL-2.0-only */
/* What stands in a tree for one node: "worker[7720] 3d, 4 threads, mail.service". */
#ifndef PROCTRAIL_OUTPUT_TREE_TEXT_H
#define PROCTRAIL_OUTPUT_TREE_TEXT_H

#include "analysis/tree.h"
#include "output/render.h"

#define TREE_BREAK '\x1f' /* a line may be broken here; not shown */

struct tree_text {
	const struct render *r;
	uint64_t now_ns;
	size_t label_width; /* labels of leaves with a state are padded to this */
	bool dead;          /* the dead are in the tree */
};

/* Chooses label_width for the children of n. */
void tree_text_align(struct tree_text *t, const struct tree *tree, const struct tree_node *n);
void tree_text_put(const struct tree_text *t, struct buf *b, const struct tree_node *n);

#endif
