// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawn_place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int spawn_place_note(struct spawn_place *place, const struct proc *p, const struct proc *parent,
		     struct intern *names)
{
	struct span path = p->cgroup ? intern_span(p->cgroup->path) : (struct span){0};

	if (place->teller.tgid) {
		place->several |= !span_equals(path, intern_span(place->path));
		place->tellers_differ |= !proc_key_equals(p->birth_parent, place->teller);
		return 0;
	}
	place->teller = p->birth_parent;
	place->moved = !parent || parent->cgroup != p->cgroup;
	if (!path.len)
		return 0;
	place->path = intern_get(names, path, (uint32_t)path.len);
	return place->path ? 0 : -ENOMEM;
}

void spawn_place_merge(struct spawn_place *place, const struct spawn_place *more)
{
	if (!more->teller.tgid)
		return;
	if (!place->teller.tgid) {
		*place = *more;
		return;
	}
	place->several |= more->several || place->path != more->path;
	place->moved |= more->moved;
	place->tellers_differ = true;
}

bool spawn_place_find(const struct spawn_place *place, const struct proc_table *t,
		      struct span *ret_path)
{
	struct span path = intern_span(place->path), told;
	char name[64];

	*ret_path = (struct span){0};
	if (place->several)
		return false;
	*ret_path = path;
	if (proc_table_host(t)->cgroup_kind == REC_CGROUP_V2)
		return path.len;
	snprintf(name, sizeof(name), "cpu:%" PRIu32 ":%" PRIu64, place->teller.tgid,
		 place->teller.start_ns);
	told = proc_table_fact(t, name);
	if (!told.len || place->moved)
		return false;
	/* what one parent says holds for others where both hierarchies have the same paths */
	if (place->tellers_differ && !span_equals(told, path)) {
		*ret_path = (struct span){0};
		return false;
	}
	*ret_path = told;
	return true;
}
