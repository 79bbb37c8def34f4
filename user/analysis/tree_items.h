/* SPDX-License-Identifier: GPL-2.0-only */
/* tree.c's first half: rows -> items with parents, children and keys. */
#ifndef PROCTRAIL_ANALYSIS_TREE_ITEMS_H
#define PROCTRAIL_ANALYSIS_TREE_ITEMS_H

#include "analysis/tree.h"

#define ITEM_NONE UINT32_MAX

/* One process on its way into the tree. Items are in order of birth. */
struct tree_item {
	const struct proc *proc;
	const struct proc *origin;
	struct span unit, container;
	uint64_t own;    /* what it is */
	uint64_t key;    /* what it is and the kinds below it: equal keys fold */
	uint32_t parent; /* index, ITEM_NONE: a root */
	uint32_t size;   /* kept processes of its subtree */
	bool match, keep;
	char state;
};

struct tree_items {
	struct tree_item *v;
	size_t cnt;
	uint32_t *begin; /* children of i: child[begin[i]] .. child[begin[i + 1]] */
	uint32_t *child;
	uint32_t *order; /* parents before children */
	size_t ordered;  /* fewer than cnt below a root_pid */
	uint32_t *root;
	size_t root_cnt;
};

int tree_items_collect(struct tree_items *it, const struct proc_table *t,
		       const struct tree_options *opt, struct tree *tree);
void tree_items_release(struct tree_items *it);

#endif
