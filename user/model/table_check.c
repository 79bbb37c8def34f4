// SPDX-License-Identifier: GPL-2.0-only
/* What must hold between two records, whatever the stream was. For tests; nothing else calls it. */
#include "model/table_int.h"

struct tally {
	uint64_t live, zombies, ghosts, dead, rows, held;
};

static const char *check_links(const struct proc *p)
{
	if (p->parent) {
		if (p->prev ? p->prev->next != p : p->parent->children != p)
			return "a child is not its sibling's next";
		if (p->next ? p->next->prev != p : p->parent->last_child != p)
			return "a child is not its sibling's previous";
	} else if (p->prev || p->next) {
		return "a root has siblings";
	}
	if (p->children && p->children->parent != p)
		return "the first child has another parent";
	if (p->last_child && p->last_child->parent != p)
		return "the last child has another parent";
	return NULL;
}

/* A chain longer than there are rows is a circle. */
static const char *check_ancestors(const struct proc_table *t, const struct proc *p)
{
	size_t depth = 0;

	for (; p; p = p->parent) {
		if (!(row_of(p)->bits & ROW_USED))
			return "an ancestor is forgotten";
		if (++depth > t->rows.used)
			return "a circle of parents";
	}
	return NULL;
}

static const char *check_state(const struct proc_table *t, const struct row *r)
{
	const struct proc *p = &r->p;
	bool alive = proc_is_alive(p);

	if (alive && p->death)
		return "a living process has died";
	if (!alive && !p->death && !t->counts.evicted) /* else: no room, perhaps */
		return "a dead process has no death";
	if (p->state == PROC_REAPED && !(r->bits & ROW_EXIT_TOLD))
		return "reaped, but its exit was not told";
	if (p->state == PROC_ZOMBIE && !(r->bits & ROW_EXIT_TOLD))
		return "a zombie, but its exit was not told";
	if ((p->state == PROC_REAPED) != !!(r->bits & ROW_DEAD_LISTED))
		return "the list of the dead is wrong";
	if (p->evidence && p->evidence->zombies) {
		uint32_t cnt = 0;

		for (const struct proc *c = p->children; c; c = c->next)
			cnt += c->state == PROC_ZOMBIE;
		if (cnt != p->evidence->zombies)
			return "evidence.zombies does not count the zombies";
	}
	if (p->parent && p->state == PROC_ZOMBIE && !p->parent->evidence && !t->counts.evicted)
		return "a parent of a zombie has no evidence";
	if ((p->flags & PROC_GHOST) && !p->children && !t->loading)
		return "a ghost that nobody refers to";
	return NULL;
}

static void tally_row(struct tally *tally, const struct row *r)
{
	tally->rows++;
	tally->held += !!(r->bits & ROW_EXIT_HELD);
	if (r->p.flags & PROC_GHOST) {
		tally->ghosts++;
		return;
	}
	switch ((enum proc_state)r->p.state) {
	case PROC_BORN:
	case PROC_RUNNING:
	case PROC_DYING: tally->live++; break;
	case PROC_ZOMBIE: tally->zombies++; break;
	case PROC_REAPED: tally->dead++; break;
	}
}

static const char *check_tally(const struct proc_table *t, const struct tally *tally)
{
	uint64_t listed = 0, held = 0;

	for (const struct proc *p = t->dead_oldest; p && listed <= t->rows.used; p = p->newer)
		listed++;
	for (const struct proc *p = t->held_oldest; p && held <= t->rows.used; p = p->newer)
		held++;
	if (tally->live != t->counts.live)
		return "counts.live is wrong";
	if (tally->zombies != t->counts.zombies_now)
		return "counts.zombies_now is wrong";
	if (tally->dead != t->dead_cnt || tally->dead != listed)
		return "the number of dead is wrong";
	if (tally->held != held)
		return "the number of held deaths is wrong";
	if (tally->ghosts != t->ghosts)
		return "the number of ghosts is wrong";
	if (t->live.cnt + t->dead.cnt != tally->rows || t->dead.cnt != tally->dead)
		return "the indexes are wrong";
	if (tally->rows != t->rows.used || tally->rows > t->opt.max_procs)
		return "the number of rows is wrong";
	return NULL;
}

const char *proc_table_check(const struct proc_table *t)
{
	struct tally tally = {0};
	const char *bad = NULL;
	struct row *r;

	for (size_t i = 0; !bad && (r = pool_at(&t->rows, i)); i++) {
		if (!(r->bits & ROW_USED))
			continue;
		tally_row(&tally, r);
		if (row_find(t, r->p.key) != r)
			return "a row is not found by its key";
		bad = check_links(&r->p);
		if (!bad)
			bad = check_ancestors(t, &r->p);
		if (!bad)
			bad = check_state(t, r);
	}
	return bad ? bad : check_tally(t, &tally);
}
