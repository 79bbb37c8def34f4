// SPDX-License-Identifier: GPL-2.0-only
/* Rows: made, found by identity, linked into the tree, forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/table_int.h"

#define INDEX_MIN  1024
#define CACHE_LINE 64

/* ---- index ---------------------------------------------------------------------------------- */

static struct row *index_first(const struct row_index *ix, uint32_t tgid)
{
	return ix->buckets[tgid & ix->mask];
}

static struct row *index_find(const struct row_index *ix, struct proc_key key)
{
	struct row *r = index_first(ix, key.tgid);

	while (r && !proc_key_equals(r->p.key, key))
		r = r->hash_next;
	return r;
}

/* The youngest with this pid */
static struct row *index_find_pid(const struct row_index *ix, uint32_t tgid)
{
	struct row *best = NULL;

	for (struct row *r = index_first(ix, tgid); r; r = r->hash_next) {
		if (r->p.key.tgid == tgid && (!best || r->p.key.start_ns > best->p.key.start_ns))
			best = r;
	}
	return best;
}

static void index_link(struct row_index *ix, struct row *r)
{
	struct row **bucket = &ix->buckets[r->p.key.tgid & ix->mask];

	r->hash_next = *bucket;
	*bucket = r;
}

/* Growing is a wish: without memory the chains get longer. */
static void index_grow(struct row_index *ix)
{
	size_t cap = (ix->mask + 1) * 2;
	struct row_index bigger = {calloc(cap, sizeof(struct row *)), cap - 1, ix->cnt};

	if (!bigger.buckets)
		return;
	for (size_t i = 0; i <= ix->mask; i++) {
		for (struct row *r = ix->buckets[i], *next; r; r = next) {
			next = r->hash_next;
			index_link(&bigger, r);
		}
	}
	free(ix->buckets);
	*ix = bigger;
}

static void index_put(struct row_index *ix, struct row *r)
{
	if (ix->cnt++ > ix->mask)
		index_grow(ix);
	index_link(ix, r);
}

static void index_remove(struct row_index *ix, struct row *r)
{
	struct row **link = &ix->buckets[r->p.key.tgid & ix->mask];

	while (*link != r)
		link = &(*link)->hash_next;
	*link = r->hash_next;
	ix->cnt--;
}

struct row *row_find(const struct proc_table *t, struct proc_key key)
{
	struct row *r = index_find(&t->live, key);

	return r || !t->dead.cnt ? r : index_find(&t->dead, key);
}

struct row *row_find_pid(const struct proc_table *t, uint32_t tgid)
{
	struct row *r = index_find_pid(&t->live, tgid);

	return r ? r : index_find_pid(&t->dead, tgid);
}

int rows_by_birth(const struct row *a, const struct row *b)
{
	const struct proc_key *x = &a->p.key, *y = &b->p.key;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

/* ---- tree ----------------------------------------------------------------------------------- */

static void parent_count_zombie(struct proc_table *t, struct row *r, bool more)
{
	struct evidence *e, *had;

	if (!r->p.parent)
		return;
	had = row_evidence_if(row_of(r->p.parent));
	e = more ? row_evidence(t, row_of(r->p.parent)) : had;
	if (!e)
		return;
	if (!more)
		e->e.zombies -= e->e.zombies != 0;
	else if (had || !e->e.zombies) /* else it was made late, and has counted this one */
		e->e.zombies++;
}

/* Only a stream that lies makes one its own ancestor; no real parent chain has a circle. */
bool row_is_above(const struct row *r, const struct row *other)
{
	const struct proc *p = &other->p;

	if (!r->p.children)
		return r == other;
	while (p && p != &r->p)
		p = p->parent;
	return p;
}

void row_link(struct proc_table *t, struct row *r, struct row *parent)
{
	struct proc *p = &r->p, *up = &parent->p;

	p->parent = up;
	p->prev = up->last_child;
	p->next = NULL;
	if (up->last_child)
		up->last_child->next = p;
	else
		up->children = p;
	up->last_child = p;
	if (p->state == PROC_ZOMBIE)
		parent_count_zombie(t, r, true);
}

void row_unlink(struct proc_table *t, struct row *r)
{
	struct proc *p = &r->p, *up = p->parent;

	if (!up)
		return;
	if (p->state == PROC_ZOMBIE)
		parent_count_zombie(t, r, false);
	if (p->prev)
		p->prev->next = p->next;
	else
		up->children = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		up->last_child = p->prev;
	p->parent = p->prev = p->next = NULL;
}

/* ---- states --------------------------------------------------------------------------------- */

static bool state_is_live(enum proc_state state)
{
	switch (state) {
	case PROC_BORN:
	case PROC_RUNNING:
	case PROC_DYING: return true;
	case PROC_ZOMBIE:
	case PROC_REAPED: return false;
	}
	return false;
}

void row_set_state(struct proc_table *t, struct row *r, enum proc_state state)
{
	enum proc_state old = r->p.state;

	t->counts.live += state_is_live(state);
	t->counts.live -= state_is_live(old);
	r->p.state = state;
	if (state == PROC_ZOMBIE && old != PROC_ZOMBIE) {
		t->counts.zombies_now++;
		parent_count_zombie(t, r, true);
	} else if (old == PROC_ZOMBIE && state != PROC_ZOMBIE) {
		t->counts.zombies_now--;
		parent_count_zombie(t, r, false);
	}
}

struct death *row_death(struct proc_table *t, struct row *r)
{
	if (!r->p.death) {
		r->p.death = pool_get(&t->deaths);
		if (!r->p.death)
			t->counts.evicted++; /* it is dead all the same, but nobody knows when */
	}
	return death_of(r);
}

/* No stream gives more of argv than this (--args-max); and a row must fit into one record. */
void row_set_str(struct proc_table *t, struct intern_str **field, struct span s, size_t true_len)
{
	struct intern_str *str;

	if (s.len > REC_ARGS_MAX)
		s.len = REC_ARGS_MAX;
	if (*field && (*field)->true_len == true_len && span_equals(intern_span(*field), s))
		return;
	str = intern_get(&t->strings, s, true_len);
	intern_put(&t->strings, *field);
	*field = str;
}

/* ---- lists through newer/older: the dead, and deaths that are held back ---------------------- */

static void list_append(struct proc **oldest, struct proc **newest, struct proc *p)
{
	p->older = *newest;
	p->newer = NULL;
	if (*newest)
		(*newest)->newer = p;
	else
		*oldest = p;
	*newest = p;
}

static void list_remove(struct proc **oldest, struct proc **newest, struct proc *p)
{
	if (p->older)
		p->older->newer = p->newer;
	else
		*oldest = p->newer;
	if (p->newer)
		p->newer->older = p->older;
	else
		*newest = p->older;
	p->older = p->newer = NULL;
}

void row_list_last(struct proc_table *t, struct row *r)
{
	if (r->bits & ROW_DEAD_LISTED) {
		list_remove(&t->dead_oldest, &t->dead_newest, &r->p);
		list_append(&t->dead_oldest, &t->dead_newest, &r->p);
	} else if (r->bits & ROW_EXIT_HELD) {
		list_remove(&t->held_oldest, &t->held_newest, &r->p);
		list_append(&t->held_oldest, &t->held_newest, &r->p);
	}
}

void row_list_dead(struct proc_table *t, struct row *r)
{
	index_remove(&t->live, r);
	index_put(&t->dead, r);
	list_append(&t->dead_oldest, &t->dead_newest, &r->p);
	r->bits |= ROW_DEAD_LISTED;
	t->dead_cnt++;
}

/* Then it is in no index. */
static void dead_remove(struct proc_table *t, struct row *r)
{
	index_remove(&t->dead, r);
	list_remove(&t->dead_oldest, &t->dead_newest, &r->p);
	r->bits &= ~ROW_DEAD_LISTED;
	t->dead_cnt--;
}

void row_unlist_dead(struct proc_table *t, struct row *r)
{
	if (!(r->bits & ROW_DEAD_LISTED))
		return;
	dead_remove(t, r);
	index_put(&t->live, r);
}

void row_hold(struct proc_table *t, struct row *r)
{
	if (r->bits & ROW_EXIT_HELD)
		return;
	list_append(&t->held_oldest, &t->held_newest, &r->p);
	r->bits |= ROW_EXIT_HELD;
}

void row_unhold(struct proc_table *t, struct row *r)
{
	if (!(r->bits & ROW_EXIT_HELD))
		return;
	list_remove(&t->held_oldest, &t->held_newest, &r->p);
	r->bits &= ~(ROW_EXIT_HELD | ROW_MISSING);
}

/* ---- life of a row -------------------------------------------------------------------------- */

static uint64_t gone_ns(const struct proc *p)
{
	return p->death ? p->death->gone_ns : p->seen_ns;
}

void row_forget(struct proc_table *t, struct row *r)
{
	struct row *parent = row_of(r->p.parent);

	if (r->p.state == PROC_REAPED && !(r->bits & ROW_FREED))
		t->unfreed++;
	while (r->p.children)
		row_unlink(t, row_of(r->p.children));
	row_unlink(t, r);
	row_unhold(t, r);
	if (r->bits & ROW_DEAD_LISTED)
		dead_remove(t, r);
	else
		index_remove(&t->live, r);
	row_forget_init(t, r);
	intern_put(&t->strings, r->p.exe);
	intern_put(&t->strings, r->p.args);
	intern_put(&t->strings, r->p.cwd);
	intern_put(&t->strings, r->p.hostname);
	evidence_release(t, r);
	pool_put(&t->deaths, r->p.death);
	pool_put(&t->kills, r->kills);
	cgroup_table_unref(&t->cgroups, (struct cgroup *)r->p.cgroup);
	if (r->p.flags & PROC_GHOST)
		t->ghosts--;
	else if (state_is_live(r->p.state))
		t->counts.live--;
	else if (r->p.state == PROC_ZOMBIE)
		t->counts.zombies_now--;
	pool_put(&t->rows, r);
	row_drop_ghost(t, parent);
}

static uint64_t age_of_dead(const struct proc_table *t, const struct proc *p)
{
	uint64_t gone = gone_ns(p);

	return gone < t->host.now_ns ? t->host.now_ns - gone : 0;
}

/* In a keyframe that is being read the list of the dead has no order yet. */
static bool is_too_old(const struct proc_table *t, const struct proc *p)
{
	return !t->loading && age_of_dead(t, p) > t->opt.dead_ns;
}

static void prefetch(const void *obj, size_t size)
{
	for (size_t at = 0; obj && at < size; at += CACHE_LINE)
		__builtin_prefetch((const char *)obj + at);
}

/*
 * Those whose turn is next are long cold, and a storm of births waits for each of their lines: the
 * row after the next one is fetched now, and of the next, which was fetched so, what it refers to.
 */
static void prefetch_after(const struct proc *oldest)
{
	const struct proc *next = oldest->newer;

	if (!next)
		return;
	prefetch(next->death, sizeof(struct death));
	prefetch(next->newer, sizeof(struct row));
}

/*
 * The dead go by age and by number. Not while a change is told: rows are good until the record is
 * done with.
 */
void rows_forget_old(struct proc_table *t)
{
	while (t->dead_oldest && (t->dead_cnt > t->opt.max_dead || is_too_old(t, t->dead_oldest))) {
		struct proc *oldest = t->dead_oldest;

		if (t->dead_cnt > t->opt.max_dead)
			t->counts.evicted++;
		prefetch_after(oldest);
		row_forget(t, row_of(oldest));
	}
}

void row_drop_ghost(struct proc_table *t, struct row *r)
{
	if (r && (r->p.flags & PROC_GHOST) && !r->p.children)
		row_forget(t, r);
}

struct row *row_alloc(struct proc_table *t, struct proc_key key, uint64_t now_ns)
{
	struct row *r;

	if (t->rows.used >= t->opt.max_procs) {
		if (!t->dead_oldest) {
			t->counts.evicted++;
			return NULL;
		}
		t->counts.evicted++;
		row_forget(t, row_of(t->dead_oldest));
	}
	r = pool_get(&t->rows);
	if (!r) {
		t->counts.evicted++;
		return NULL;
	}
	r->bits = ROW_USED;
	r->first_ns = now_ns;
	r->p.key = key;
	r->p.seen_ns = now_ns;
	r->p.stood_still_ns = REC_STILL_NONE;
	r->p.threads = 1;
	if (key.start_ns > t->newest_start_ns)
		t->newest_start_ns = key.start_ns;
	index_put(&t->live, r);
	return r;
}

/* The oldest life of this pid before 'key' that has not ended; the chain itself has no order. */
static struct row *find_older_life(const struct proc_table *t, struct proc_key key)
{
	struct row *oldest = NULL;

	for (struct row *r = index_first(&t->live, key.tgid); r; r = r->hash_next) {
		if (r->p.key.tgid != key.tgid || r->p.key.start_ns >= key.start_ns ||
		    (r->p.flags & PROC_GHOST))
			continue;
		if (!oldest || r->p.key.start_ns < oldest->p.key.start_ns)
			oldest = r;
	}
	return oldest;
}

/*
 * A pid is free for the next one only when the one before was released: with a newer start every
 * older life is over, whatever was seen of it.
 */
static void end_older_lives(struct proc_table *t, struct proc_key key, const struct event *ev)
{
	struct row *r;

	while ((r = find_older_life(t, key)))
		row_end(t, r, ev, key.start_ns);
}

int row_new(struct proc_table *t, struct proc_key key, const struct event *ev, struct row **ret)
{
	struct row *r;

	end_older_lives(t, key, ev);
	r = row_alloc(t, key, ev->h.boot_ns);
	if (!r)
		return -ENOMEM;
	t->counts.live++;
	*ret = r;
	return 0;
}

struct row *row_find_or_ghost(struct proc_table *t, struct proc_key key, const struct event *ev)
{
	struct row *r;

	if (!key.tgid)
		return NULL;
	if (!key.start_ns)
		return row_find_pid(t, key.tgid);
	r = row_find(t, key);
	if (r)
		return r;
	r = row_alloc(t, key, ev->h.boot_ns);
	if (!r)
		return NULL;
	r->p.flags = PROC_GHOST | PROC_INFERRED;
	r->p.state = PROC_RUNNING;
	t->ghosts++;
	return r;
}

void row_fill_ghost(struct proc_table *t, struct row *r)
{
	r->p.flags &= ~(PROC_GHOST | PROC_INFERRED);
	t->ghosts--;
	t->counts.live++;
}

int rows_init(struct proc_table *t)
{
	t->rows.size = sizeof(struct row);
	t->deaths.size = sizeof(struct death);
	t->evidences.size = sizeof(struct evidence);
	t->kills.size = sizeof(struct kills);
	t->live.mask = t->dead.mask = INDEX_MIN - 1;
	t->live.buckets = calloc(INDEX_MIN, sizeof(struct row *));
	t->dead.buckets = calloc(INDEX_MIN, sizeof(struct row *));
	if (t->live.buckets && t->dead.buckets)
		return 0;
	free(t->live.buckets);
	free(t->dead.buckets);
	return -ENOMEM;
}

static void index_clear(struct row_index *ix)
{
	memset(ix->buckets, 0, (ix->mask + 1) * sizeof(*ix->buckets));
	ix->cnt = 0;
}

void rows_clear(struct proc_table *t)
{
	struct row *r;

	for (size_t i = 0; (r = pool_at(&t->rows, i)); i++) {
		if (r->bits & ROW_USED)
			evidence_release(t, r);
	}
	pool_release(&t->rows);
	pool_release(&t->deaths);
	pool_release(&t->evidences);
	pool_release(&t->kills);
	index_clear(&t->live);
	index_clear(&t->dead);
	t->dead_oldest = t->dead_newest = t->held_oldest = t->held_newest = NULL;
	t->dead_cnt = t->ghosts = 0;
	t->unfreed = t->newest_start_ns = 0;
	t->counts.live = t->counts.zombies_now = 0;
	map_release(&t->inits);
}

void rows_release(struct proc_table *t)
{
	rows_clear(t);
	free(t->live.buckets);
	free(t->dead.buckets);
}
