// SPDX-License-Identifier: GPL-2.0-only
/* Where the zombies of an adopter came from. */
#include <stdlib.h>
#include <string.h>

#include "analysis/adoption.h"

#define GROUPS_MAX 64 /* kept while they are counted; what is beyond them is in no group */

static bool may_adopt(const struct proc *p)
{
	return p->key.tgid == 1 || p->flags & (PROC_NSINIT | PROC_SUBREAPER);
}

/* Who leads the session that it was in, if that says more than its parent does. */
static const struct proc *session_leader(const struct adoptions *a, const struct proc *p)
{
	const struct proc *l =
		p->sid && p->sid != p->key.tgid ? proc_table_find_pid(a->table, p->sid) : NULL;

	if (!l || l == p->parent || l->key.start_ns > p->key.start_ns || !l->comm[0])
		return NULL;
	return proc_is_alive(l) ? l : NULL;
}

/* False: as far as is known it is the parent's own child. */
static bool describe(const struct adoptions *a, const struct proc *zombie, struct origin *ret)
{
	const struct proc *from;

	memset(ret, 0, sizeof(*ret));
	ret->orphans = adoption_of(a, zombie, &ret->like);
	if (ret->like.kind == ADOPTER_THREAD)
		return false; /* the same process has it */
	/* of a row of a pass nothing says who bore it */
	if (!ret->orphans && (zombie->birth_parent.tgid || !may_adopt(zombie->parent)))
		return false;
	ret->leader = ret->orphans && ret->like.from.tgid ? NULL : session_leader(a, zombie);
	ret->cnt = 1;
	if (ret->like.from_comm[0])
		return true;
	from = proc_table_find(a->table, ret->like.from); /* the dead are known for a while */
	if (from && from->comm[0])
		memcpy(ret->like.from_comm, from->comm, sizeof(ret->like.from_comm));
	if (from && from->death && !ret->like.from_died_ns)
		ret->like.from_died_ns = from->death->exit_ns;
	return true;
}

static bool is_alike(const struct origin *x, const struct origin *y)
{
	const struct adoption *a = &x->like, *b = &y->like;

	return proc_key_equals(a->from, b->from) && x->leader == y->leader &&
	       x->orphans == y->orphans && memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 &&
	       a->loginuid == b->loginuid && a->sessionid == b->sessionid &&
	       span_equals(intern_span(a->place), intern_span(b->place));
}

static int by_number(const void *a, const void *b)
{
	const struct origin *x = a, *y = b;

	if (x->cnt != y->cnt)
		return x->cnt < y->cnt ? 1 : -1;
	return x->like.orphan.start_ns < y->like.orphan.start_ns ?
		       -1 :
		       x->like.orphan.start_ns > y->like.orphan.start_ns;
}

size_t origins_find(const struct adoptions *a, const struct proc *parent,
		    struct origin ret_origins[ORIGINS_MAX], uint64_t *ret_others)
{
	struct origin groups[GROUPS_MAX], one;
	size_t cnt = 0, i;
	uint64_t all = 0;

	for (const struct proc *p = parent->children; p; p = p->next) {
		if (p->state != PROC_ZOMBIE || p->flags & (PROC_GHOST | PROC_KTHREAD) ||
		    !describe(a, p, &one))
			continue;
		all++;
		for (i = 0; i < cnt && !is_alike(&groups[i], &one); i++)
			;
		if (i < cnt)
			groups[i].cnt++;
		else if (cnt < GROUPS_MAX)
			groups[cnt++] = one;
	}
	qsort(groups, cnt, sizeof(groups[0]), by_number);
	if (cnt > ORIGINS_MAX)
		cnt = ORIGINS_MAX;
	for (i = 0; i < cnt; i++) {
		ret_origins[i] = groups[i];
		all -= groups[i].cnt;
	}
	*ret_others = all;
	return cnt;
}
