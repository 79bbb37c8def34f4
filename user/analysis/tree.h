/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process table as a tree that a person can read: like siblings are folded into one node
 * ("nginx x64"), and so are their children. Pure layout: no text, no terminal.
 *
 * Siblings are alike when name, state, fate, place (unit, container), origin and the set of kinds
 * below them are; how many of a kind are below does not matter, only which kinds.
 */
#ifndef PROCTRAIL_ANALYSIS_TREE_H
#define PROCTRAIL_ANALYSIS_TREE_H

#include "model/proc_table.h"

#define TREE_FOLD_FROM 3   /* so many like siblings become one node */
#define TREE_MAX_KINDS 100 /* so many kinds below one parent, then "others" */
#define TREE_UNKNOWN   UINT64_MAX

struct tree_options {
	bool kernel; /* kernel threads too */
	bool dead;   /* the dead too; then everybody is below the one who bore them */
	bool unfolded;
	uint32_t root_pid; /* 0: everything */
	/* NULL: all. Ancestors of what is shown are kept, as context. */
	bool (*shows)(void *ctx, const struct proc *p);
	void *ctx;
};

struct tree_node {
	const struct proc *proc;     /* the oldest of them; NULL for [0] and for others */
	struct span unit, container; /* where it differs from the parent's and says something */
	const struct proc *origin;   /* adopted: who bore it; with 'dead', who adopted it */
	uint64_t oldest_ns;          /* birth of the oldest */
	uint64_t still_ns;           /* longest time in its state (Z D T t), else TREE_UNKNOWN */
	uint64_t lived_ns;           /* longest life of the dead, else TREE_UNKNOWN */
	uint32_t cnt;                /* processes in this node */
	uint32_t kinds;              /* > 0: others, of so many kinds, all below them counted */
	uint32_t first_child, child_cnt; /* in tree.nodes, contiguous */
	char state;                      /* 'Z' 'D' 'T' 't' 'X', 'e': ended, 0: lives */
	bool estimated;                  /* still_ns began before we looked */
	bool context;                    /* is not shown for itself */
	bool adopted;
};

struct tree {
	struct tree_node *nodes; /* [0] is nobody: its children are the roots */
	size_t node_cnt;
	const struct proc **procs; /* those shown, unfolded, parents first */
	size_t proc_cnt;
	size_t total; /* candidates: not hidden */
	size_t hidden_kthreads;
	size_t ended, killed, zombies; /* among the shown */
};

/* Reads only rows; pointers stay valid while the table does not change. 0, -ENOMEM, or -ESRCH when
 * root_pid is not there. */
int tree_build(const struct proc_table *t, const struct tree_options *opt, struct tree *ret_tree);
void tree_release(struct tree *tree);

/* How long p has been in its state, where that is known; TREE_UNKNOWN else. */
uint64_t proc_still_ns(const struct proc *p, uint64_t now_ns, bool *ret_estimated);

#endif
