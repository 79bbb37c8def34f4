// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawn_root.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX     32
#define ANCESTORS_MAX 8192 /* beyond, whoever is new has too few below it to matter */
#define SHARE_PERCENT 90

void spawn_roots_release(struct spawn_roots *r)
{
	map_release(&r->below);
}

int spawn_roots_note(struct spawn_roots *r, const struct proc_table *t, const struct proc *p)
{
	struct proc_key key = p->birth_parent;

	for (int i = 0; i < DEPTH_MAX && key.tgid > 1; i++) {
		uintptr_t cnt = (uintptr_t)map_find(&r->below, key.tgid, key.start_ns);

		if ((cnt || r->below.cnt < ANCESTORS_MAX) &&
		    map_put(&r->below, key.tgid, key.start_ns, (void *)(cnt + 1)))
			return -ENOMEM;
		p = proc_table_find(t, key);
		if (!p)
			break;
		key = p->birth_parent.tgid || !p->parent ? p->birth_parent : p->parent->key;
	}
	return 0;
}

/* The fewer are below it, the nearer it is; of those in one line the youngest. */
static bool is_nearer(const struct map_slot *slot, const struct spawn_root *root)
{
	uint64_t cnt = (uintptr_t)slot->value;

	return !root->cnt || cnt < root->cnt || (cnt == root->cnt && slot->b > root->key.start_ns);
}

bool spawn_roots_find(const struct spawn_roots *r, const struct proc_table *t, uint64_t spawns,
		      struct spawn_root *ret_root)
{
	struct spawn_root root = {0};
	const struct map_slot *slot;
	const struct proc *p;

	for (size_t i = 0; (slot = map_next(&r->below, &i));) {
		if ((uintptr_t)slot->value * 100 < spawns * SHARE_PERCENT ||
		    !is_nearer(slot, &root))
			continue;
		root.key = (struct proc_key){(uint32_t)slot->a, slot->b};
		root.cnt = (uintptr_t)slot->value;
	}
	if (!root.cnt)
		return false;
	p = proc_table_find(t, root.key);
	if (p)
		memcpy(root.comm, p->comm, sizeof(p->comm));
	*ret_root = root;
	return true;
}
