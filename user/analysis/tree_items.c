// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/tree_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define CUT_COMM_LEN (REC_COMM_LEN - 1)

void tree_items_release(struct tree_items *it)
{
	free(it->v);
	free(it->begin);
	free(it->child);
	free(it->order);
	free(it->root);
	memset(it, 0, sizeof(*it));
}

static char item_state(const struct proc *p)
{
	char c;

	if (p->state == PROC_REAPED)
		return 'e';
	if (p->state == PROC_DYING)
		return 'X';
	if (p->state == PROC_ZOMBIE)
		return 'Z';
	c = proc_state_char(p);
	return c == 'D' || c == 'T' || c == 't' ? c : 0;
}

/* ---- which rows, in order of birth --------------------------------------------------------- */

static bool is_candidate(const struct proc *p, const struct tree_options *opt, struct tree *tree)
{
	if (p->flags & PROC_GHOST)
		return false;
	if (p->state == PROC_REAPED && !opt->dead)
		return false;
	if (p->flags & PROC_KTHREAD && !opt->kernel) {
		tree->hidden_kthreads += p->state != PROC_REAPED && !opt->root_pid;
		return false;
	}
	return true;
}

static int by_birth(const void *a, const void *b)
{
	const struct proc *x = ((const struct tree_item *)a)->proc;
	const struct proc *y = ((const struct tree_item *)b)->proc;

	if (x->key.start_ns != y->key.start_ns)
		return x->key.start_ns < y->key.start_ns ? -1 : 1;
	return (x->key.tgid > y->key.tgid) - (x->key.tgid < y->key.tgid);
}

static int collect_rows(struct tree_items *it, const struct proc_table *t,
			const struct tree_options *opt, struct tree *tree)
{
	const struct proc *p;

	it->v = calloc(proc_table_rows(t) + 1, sizeof(*it->v));
	if (!it->v)
		return -ENOMEM;
	for (size_t i = 0; (p = proc_table_next(t, &i));) {
		if (is_candidate(p, opt, tree))
			it->v[it->cnt++].proc = p;
	}
	qsort(it->v, it->cnt, sizeof(*it->v), by_birth);
	tree->total = it->cnt;
	return 0;
}

/* ---- who is below whom --------------------------------------------------------------------- */

static uint32_t item_at(const struct map *index, struct proc_key key)
{
	uintptr_t at = (uintptr_t)map_find(index, key.tgid, key.start_ns);

	return at ? (uint32_t)(at - 1) : ITEM_NONE;
}

/*
 * Among the dead the tree of births is the one that can be understood: an adopter inherits
 * children of everybody who ended. A snapshot shows who must reap: the current parent.
 */
static uint32_t parent_of(const struct map *index, const struct proc *p,
			  const struct tree_options *opt)
{
	uint32_t at = ITEM_NONE;

	if (opt->dead && p->birth_parent.tgid)
		at = item_at(index, p->birth_parent);
	if (at == ITEM_NONE && p->parent && p->state != PROC_REAPED)
		at = item_at(index, p->parent->key);
	return at;
}

static int find_parents(struct tree_items *it, const struct tree_options *opt)
{
	struct map index = {0};
	int err = 0;

	for (size_t i = 0; i < it->cnt && !err; i++)
		err = map_put(&index, it->v[i].proc->key.tgid, it->v[i].proc->key.start_ns,
			      (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < it->cnt && !err; i++) {
		it->v[i].parent = parent_of(&index, it->v[i].proc, opt);
		if (it->v[i].parent == i)
			it->v[i].parent = ITEM_NONE;
	}
	map_release(&index);
	return err;
}

static int list_children(struct tree_items *it)
{
	it->begin = calloc(it->cnt + 2, sizeof(*it->begin));
	it->child = calloc(it->cnt + 1, sizeof(*it->child));
	it->order = calloc(it->cnt + 1, sizeof(*it->order));
	it->root = calloc(it->cnt + 1, sizeof(*it->root));
	if (!it->begin || !it->child || !it->order || !it->root)
		return -ENOMEM;
	/* counted one slot further, so that filling leaves begin[] as it is wanted */
	for (size_t i = 0; i < it->cnt; i++)
		if (it->v[i].parent != ITEM_NONE)
			it->begin[it->v[i].parent + 2]++;
	for (size_t i = 2; i < it->cnt + 2; i++)
		it->begin[i] += it->begin[i - 1];
	for (size_t i = 0; i < it->cnt; i++)
		if (it->v[i].parent != ITEM_NONE)
			it->child[it->begin[it->v[i].parent + 1]++] = (uint32_t)i;
	return 0;
}

static int find_roots(struct tree_items *it, const struct proc_table *t,
		      const struct tree_options *opt)
{
	const struct proc *root = NULL;

	if (opt->root_pid) {
		root = proc_table_find_pid(t, opt->root_pid);
		if (!root)
			return -ESRCH;
	}
	for (size_t i = 0; i < it->cnt; i++)
		if (root ? it->v[i].proc == root : it->v[i].parent == ITEM_NONE)
			it->root[it->root_cnt++] = (uint32_t)i;
	return root && !it->root_cnt ? -ESRCH : 0;
}

static void put_in_order(struct tree_items *it)
{
	memcpy(it->order, it->root, it->root_cnt * sizeof(*it->order));
	it->ordered = it->root_cnt;
	for (size_t i = 0; i < it->ordered; i++) {
		uint32_t at = it->order[i];

		for (uint32_t c = it->begin[at]; c < it->begin[at + 1]; c++)
			it->order[it->ordered++] = it->child[c];
	}
}

/* ---- what is said about it ------------------------------------------------------------------ */

/* sshd.service says nothing about sshd; the kernel cuts names at 15 bytes. */
static bool unit_is_plain(struct span unit, struct span comm)
{
	size_t len = 0;

	while (len < unit.len && unit.data[len] != '.' && unit.data[len] != '@')
		len++;
	if (len > CUT_COMM_LEN && comm.len == CUT_COMM_LEN)
		len = CUT_COMM_LEN;
	return span_equals((struct span){unit.data, len}, comm) ||
	       span_equals(unit, SPAN_LITERAL("init.scope"));
}

static void label(struct tree_item *item, const struct proc *parent)
{
	const struct cgroup *cg = item->proc->cgroup;
	const struct cgroup *above = parent ? parent->cgroup : NULL;

	if (!cg || (above && above == cg))
		return;
	/* a container's scope is its unit too: said once */
	if (cg->container.len && !(above && span_equals(above->container, cg->container)))
		item->container = cg->container;
	else if (cg->unit.len && !(above && span_equals(above->unit, cg->unit)) &&
		 !unit_is_plain(cg->unit, proc_comm(item->proc)))
		item->unit = cg->unit;
}

static void describe(struct tree_items *it, const struct proc_table *t,
		     const struct tree_options *opt)
{
	for (size_t i = 0; i < it->cnt; i++) {
		struct tree_item *item = &it->v[i];
		const struct proc *p = item->proc;
		const struct proc *parent = item->parent != ITEM_NONE ? it->v[item->parent].proc :
									NULL;

		item->state = item_state(p);
		item->match = !opt->shows || opt->shows(opt->ctx, p);
		label(item, parent);
		if (!(p->flags & PROC_ADOPTED))
			continue;
		if (!opt->dead)
			item->origin = proc_table_find(t, p->birth_parent);
		else if (p->state != PROC_REAPED)
			item->origin = p->parent;
	}
}

/* ---- keys ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

static uint64_t mix_span(uint64_t h, struct span s)
{
	return mix(mix(h, s.data, s.len), &s.len, sizeof(s.len));
}

/* Kernel threads are one kind up to the slash: kworker/3:1-events, kworker/u8:0 */
static struct span kind_name(const struct proc *p)
{
	struct span comm = proc_comm(p);
	const char *slash = NULL;

	if (p->flags & PROC_KTHREAD && comm.len)
		slash = memchr(comm.data, '/', comm.len);
	if (slash)
		comm.len = (size_t)(slash - comm.data);
	return comm;
}

static uint64_t own_key(const struct tree_item *item)
{
	const struct proc *p = item->proc;
	uint64_t h = mix_span(0xcbf29ce484222325ULL, kind_name(p));
	uint32_t marks[3] = {p->flags & (PROC_KTHREAD | PROC_NSINIT | PROC_ADOPTED), 0,
			     item->match};

	if (item->state == 'e' || item->state == 'Z')
		marks[1] = p->flags & PROC_STATUS_KNOWN ? p->status : UINT32_MAX;
	h = mix(h, &item->state, 1);
	h = mix(h, marks, sizeof(marks));
	h = mix_span(h, item->unit);
	h = mix_span(h, item->container);
	if (p->flags & PROC_NSINIT)
		h = mix_span(h, intern_span(p->hostname));
	return item->origin ? mix_span(h, proc_comm(item->origin)) : h;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Which kinds are below, not how many: workers with three or with four helpers are alike. */
static void finish_item(struct tree_items *it, struct tree_item *item, uint64_t *keys)
{
	size_t at = (size_t)(item - it->v), n = 0;
	uint64_t h = item->own, last = 0;

	item->keep = item->match;
	item->size = item->match;
	for (uint32_t c = it->begin[at]; c < it->begin[at + 1]; c++) {
		const struct tree_item *child = &it->v[it->child[c]];

		if (!child->keep)
			continue;
		item->keep = true;
		item->size += child->size;
		keys[n++] = child->key;
	}
	qsort(keys, n, sizeof(*keys), by_value);
	for (size_t i = 0; i < n; i++) {
		if (!i || keys[i] != last)
			h = mix(h, &keys[i], sizeof(*keys));
		last = keys[i];
	}
	item->key = h;
}

static int make_keys(struct tree_items *it)
{
	uint64_t *keys = calloc(it->cnt + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = it->ordered; i-- > 0;) {
		struct tree_item *item = &it->v[it->order[i]];

		item->own = own_key(item);
		finish_item(it, item, keys);
	}
	free(keys);
	return 0;
}

int tree_items_collect(struct tree_items *it, const struct proc_table *t,
		       const struct tree_options *opt, struct tree *tree)
{
	int err;

	err = collect_rows(it, t, opt, tree);
	if (!err)
		err = find_parents(it, opt);
	if (!err)
		err = list_children(it);
	if (!err)
		err = find_roots(it, t, opt);
	if (err)
		return err;
	put_in_order(it);
	describe(it, t, opt);
	return make_keys(it);
}
