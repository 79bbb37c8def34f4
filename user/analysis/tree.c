// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/tree_items.h"

/* A kept child of a node's members, while they are sorted into kinds. */
struct entry {
	uint64_t key;
	uint32_t item; /* items are numbered by birth, so this is the order too */
};

/* One kind: entries[first] .. */
struct kind {
	uint32_t first, cnt;
	uint32_t order; /* the first of its items */
};

struct fold {
	struct tree_items items;
	const struct tree_options *opt;
	struct tree *tree;
	uint64_t now_ns;
	uint32_t *members;      /* item numbers, those of one node together */
	uint32_t *first_member; /* by node; first_member[node + 1] ends them */
	struct entry *entries;
	struct kind *kinds;
	size_t node_cap, member_cnt;
};

uint64_t proc_still_ns(const struct proc *p, uint64_t now_ns, bool *ret_estimated)
{
	const struct proc_death *d = p->death;

	*ret_estimated = false;
	if (p->state == PROC_ZOMBIE && d && d->zombie_ns && d->zombie_ns <= now_ns) {
		*ret_estimated = p->flags & PROC_STATE_Z_SEEDED;
		return now_ns - d->zombie_ns;
	}
	if (!(p->flags & PROC_SEEDED) || !p->stood_still_ns || p->stood_still_ns == REC_STILL_NONE)
		return TREE_UNKNOWN;
	*ret_estimated = true;
	return p->stood_still_ns;
}

static uint64_t proc_lived_ns(const struct proc *p)
{
	const struct proc_death *d = p->death;
	uint64_t end = 0;

	if (d)
		end = d->exit_ns ? d->exit_ns : d->zombie_ns ? d->zombie_ns : d->gone_ns;
	return end >= p->key.start_ns && end ? end - p->key.start_ns : TREE_UNKNOWN;
}

static uint64_t longest(uint64_t a, uint64_t b)
{
	if (a == TREE_UNKNOWN)
		return b;
	return b != TREE_UNKNOWN && b > a ? b : a;
}

static void add_member(struct fold *f, struct tree_node *node, uint32_t at)
{
	const struct tree_item *item = &f->items.v[at];
	const struct proc *p = item->proc;
	bool estimated;

	f->members[f->member_cnt++] = at;
	node->cnt++;
	if (!node->proc) {
		node->proc = p;
		node->unit = item->unit;
		node->container = item->container;
		node->origin = item->origin;
		node->oldest_ns = p->key.start_ns;
		node->still_ns = node->lived_ns = TREE_UNKNOWN;
		node->state = item->state;
		node->context = !item->match;
		node->adopted = p->flags & PROC_ADOPTED;
	}
	if (item->state && item->state != 'e' && item->state != 'X') {
		node->still_ns = longest(node->still_ns, proc_still_ns(p, f->now_ns, &estimated));
		node->estimated |= estimated;
	}
	if (item->state == 'e')
		node->lived_ns = longest(node->lived_ns, proc_lived_ns(p));
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static int by_order(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* The kept ones among these items -> f->entries; returns how many. */
static size_t gather(struct fold *f, const uint32_t *items, size_t cnt, size_t n)
{
	for (size_t i = 0; i < cnt; i++)
		if (f->items.v[items[i]].keep)
			f->entries[n++] = (struct entry){f->items.v[items[i]].key, items[i]};
	return n;
}

/* Entries -> kinds, in order of their first member. Fewer than 'from' alike stay single. */
static size_t sort_kinds(struct fold *f, size_t n, size_t from)
{
	size_t kinds = 0;

	qsort(f->entries, n, sizeof(*f->entries), by_key);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && f->entries[end].key == f->entries[i].key; end++)
			;
		size_t step = end - i >= from ? end - i : 1;

		for (size_t k = i; k < end; k += step)
			f->kinds[kinds++] =
				(struct kind){(uint32_t)k, (uint32_t)step, f->entries[k].item};
	}
	qsort(f->kinds, kinds, sizeof(*f->kinds), by_order);
	return kinds;
}

static struct tree_node *new_node(struct fold *f)
{
	struct tree *tree = f->tree;

	/* a node has at least one item of its own but for [0] and the others: the cap is exact */
	f->first_member[tree->node_cnt] = (uint32_t)f->member_cnt;
	return &tree->nodes[tree->node_cnt++];
}

static void add_kind(struct fold *f, const struct kind *k)
{
	struct tree_node *node = new_node(f);

	for (uint32_t i = 0; i < k->cnt; i++)
		add_member(f, node, f->entries[k->first + i].item);
	f->first_member[f->tree->node_cnt] = (uint32_t)f->member_cnt;
}

static void add_others(struct fold *f, const struct kind *kinds, size_t cnt)
{
	struct tree_node *node = new_node(f);

	node->kinds = (uint32_t)cnt;
	node->still_ns = node->lived_ns = TREE_UNKNOWN;
	for (size_t k = 0; k < cnt; k++)
		for (uint32_t i = 0; i < kinds[k].cnt; i++)
			node->cnt += f->items.v[f->entries[kinds[k].first + i].item].size;
	f->first_member[f->tree->node_cnt] = (uint32_t)f->member_cnt;
}

static size_t gather_children(struct fold *f, size_t at)
{
	const struct tree_items *it = &f->items;
	size_t n = 0;

	if (at == 0)
		return gather(f, it->root, it->root_cnt, 0);
	for (uint32_t m = f->first_member[at]; m < f->first_member[at + 1]; m++) {
		uint32_t item = f->members[m];

		n = gather(f, it->child + it->begin[item], it->begin[item + 1] - it->begin[item],
			   n);
	}
	return n;
}

/* All nodes below node 'at', which must be the next in line: children are made breadth first. */
static void fold_children(struct fold *f, size_t at)
{
	struct tree *tree = f->tree;
	size_t from = tree->nodes[at].cnt > 1 ? 1 : TREE_FOLD_FROM;
	size_t n = gather_children(f, at), shown, kinds;

	if (f->opt->unfolded)
		from = SIZE_MAX;
	shown = kinds = sort_kinds(f, n, from);
	if (!f->opt->unfolded && kinds > TREE_MAX_KINDS)
		shown = TREE_MAX_KINDS - 1;
	tree->nodes[at].first_child = (uint32_t)tree->node_cnt;
	for (size_t k = 0; k < shown; k++)
		add_kind(f, &f->kinds[k]);
	if (shown < kinds)
		add_others(f, f->kinds + shown, kinds - shown);
	tree->nodes[at].child_cnt = (uint32_t)(tree->node_cnt - tree->nodes[at].first_child);
}

static void list_procs(struct fold *f)
{
	struct tree *tree = f->tree;

	for (size_t i = 0; i < f->items.ordered; i++) {
		const struct tree_item *item = &f->items.v[f->items.order[i]];

		if (!item->match)
			continue;
		tree->procs[tree->proc_cnt++] = item->proc;
		tree->zombies += item->state == 'Z';
		tree->ended += item->state == 'e';
		tree->killed += item->state == 'e' && item->proc->flags & PROC_STATUS_KNOWN &&
				item->proc->status & 0x7f;
	}
}

static int fold_alloc(struct fold *f)
{
	size_t cnt = f->items.cnt;

	/* each parent may have one node "others" more than it has items */
	f->node_cap = 2 * cnt + 2;
	f->tree->nodes = calloc(f->node_cap, sizeof(*f->tree->nodes));
	f->tree->procs = calloc(cnt + 1, sizeof(*f->tree->procs));
	f->members = calloc(cnt + 1, sizeof(*f->members));
	f->first_member = calloc(f->node_cap + 1, sizeof(*f->first_member));
	f->entries = calloc(cnt + 1, sizeof(*f->entries));
	f->kinds = calloc(cnt + 1, sizeof(*f->kinds));
	if (!f->tree->nodes || !f->tree->procs || !f->members || !f->first_member || !f->entries ||
	    !f->kinds)
		return -ENOMEM;
	return 0;
}

int tree_build(const struct proc_table *t, const struct tree_options *opt, struct tree *ret_tree)
{
	struct tree tree = {0};
	struct fold f = {.opt = opt, .tree = &tree, .now_ns = proc_table_host(t)->now_ns};
	int err;

	err = tree_items_collect(&f.items, t, opt, &tree);
	if (!err)
		err = fold_alloc(&f);
	if (err)
		goto out;
	new_node(&f);
	for (size_t at = 0; at < tree.node_cnt; at++)
		fold_children(&f, at);
	list_procs(&f);
	*ret_tree = tree;
	memset(&tree, 0, sizeof(tree));
out:
	tree_release(&tree);
	tree_items_release(&f.items);
	free(f.members);
	free(f.first_member);
	free(f.entries);
	free(f.kinds);
	return err;
}

void tree_release(struct tree *tree)
{
	free(tree->nodes);
	free(tree->procs);
	memset(tree, 0, sizeof(*tree));
}
