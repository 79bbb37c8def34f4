// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/adoption.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---------------------------------------------------------------------------------- */

const char *adopter_kind_name(enum adopter_kind k)
{
	static const char *const names[ADOPTER_KIND_CNT] = {
		[ADOPTER_UNKNOWN] = "unknown",
		[ADOPTER_INIT] = "init",
		[ADOPTER_NAMESPACE_INIT] = "namespace_init",
		[ADOPTER_SUBREAPER] = "subreaper",
		[ADOPTER_THREAD] = "thread",
	};

	return k < ADOPTER_KIND_CNT ? names[k] : NULL;
}

/* The kernel knows no others; that one has become a subreaper only its own next record says. */
static enum adopter_kind kind_of(const struct proc *adopter)
{
	if (adopter->key.tgid == 1)
		return ADOPTER_INIT;
	if (adopter->flags & PROC_NSINIT)
		return ADOPTER_NAMESPACE_INIT;
	return adopter->flags & PROC_GHOST ? ADOPTER_UNKNOWN : ADOPTER_SUBREAPER;
}

/* ---- room ----------------------------------------------------------------------------------- */

void adoptions_init(struct adoptions *a, const struct proc_table *t)
{
	*a = (struct adoptions){.table = t};
}

static void forget_all(struct adoptions *a)
{
	for (size_t i = 0; i < a->adopter_cnt; i++)
		hist_release(&a->adopters[i].waited_ns);
	map_release(&a->by_orphan);
	map_release(&a->by_adopter);
	map_release(&a->by_thread);
	intern_release(&a->strings);
	free(a->adopters);
	free(a->all);
}

void adoptions_release(struct adoptions *a)
{
	forget_all(a);
	memset(a, 0, sizeof(*a));
}

void adoptions_begin(struct adoptions *a)
{
	for (size_t i = 0; i < a->adopter_cnt; i++)
		hist_release(&a->adopters[i].waited_ns);
	map_release(&a->by_adopter);
	a->adopter_cnt = 0;
	for (size_t i = 0; i < a->cnt; i++)
		a->all[i].before = true;
	a->total = a->untold = 0;
}

/* Times of another boot mean nothing here. */
static void note_boot(struct adoptions *a)
{
	const char *boot_id = proc_table_host(a->table)->boot_id;

	if (a->boot_id[0] && strcmp(a->boot_id, boot_id) != 0) {
		forget_all(a);
		adoptions_init(a, a->table);
	}
	memcpy(a->boot_id, boot_id, sizeof(a->boot_id));
}

static struct adoption *record_of(const struct adoptions *a, struct proc_key key)
{
	size_t at = (size_t)map_find(&a->by_orphan, key.tgid, key.start_ns);

	return at ? &a->all[at - 1] : NULL;
}

static bool grow(struct adoptions *a)
{
	size_t cap = a->cap ? 2 * a->cap : 64;
	struct adoption *more = realloc(a->all, cap * sizeof(*more));

	if (!more)
		return false;
	a->all = more;
	a->cap = cap;
	return true;
}

/* The room of the one that has been gone for longest. */
static struct adoption *take_oldest_gone(struct adoptions *a)
{
	struct adoption *r;

	if (!a->gone_first)
		return NULL;
	r = &a->all[a->gone_first - 1];
	a->gone_first = r->next;
	if (!a->gone_first)
		a->gone_last = 0;
	map_remove(&a->by_orphan, r->orphan.tgid, r->orphan.start_ns);
	intern_put(&a->strings, r->place);
	return r;
}

/* A record for 'key', empty but for that; NULL: counted as untold. */
static struct adoption *record_add(struct adoptions *a, struct proc_key key)
{
	struct adoption *r = NULL;

	if (a->cnt == ADOPTIONS_MAX)
		r = take_oldest_gone(a);
	else if (a->cnt < a->cap || grow(a))
		r = &a->all[a->cnt++];
	if (!r) {
		a->untold++;
		return NULL;
	}
	*r = (struct adoption){.orphan = key};
	if (map_put(&a->by_orphan, key.tgid, key.start_ns, (void *)(r - a->all + 1))) {
		a->untold++; /* found by nobody from now on: let its room be the next to be taken */
		r->next = a->gone_first;
		a->gone_first = (size_t)(r - a->all) + 1;
		if (!a->gone_last)
			a->gone_last = a->gone_first;
		return NULL;
	}
	return r;
}

static void list_gone(struct adoptions *a, struct adoption *r)
{
	size_t at = (size_t)(r - a->all) + 1;

	if (a->gone_last)
		a->all[a->gone_last - 1].next = at;
	else
		a->gone_first = at;
	a->gone_last = at;
}

const struct adopter *adopter_find(const struct adoptions *a, struct proc_key key)
{
	return map_find(&a->by_adopter, key.tgid, key.start_ns);
}

/* In whose sums it is; NULL: in nobody's. */
static struct adopter *counted_by(const struct adoptions *a, const struct adoption *r)
{
	if (r->kind == ADOPTER_THREAD || r->before)
		return NULL;
	return map_find(&a->by_adopter, r->adopter.tgid, r->adopter.start_ns);
}

static struct adopter *adopter_add(struct adoptions *a, const struct adoption *r)
{
	struct adopter *by = counted_by(a, r);

	if (by)
		return by;
	if (!a->adopters)
		a->adopters = calloc(ADOPTERS_MAX, sizeof(*a->adopters));
	if (!a->adopters || a->adopter_cnt == ADOPTERS_MAX)
		return NULL;
	by = &a->adopters[a->adopter_cnt];
	if (map_put(&a->by_adopter, r->adopter.tgid, r->adopter.start_ns, by))
		return NULL;
	*by = (struct adopter){.key = r->adopter};
	a->adopter_cnt++;
	return by;
}

/* ---- adoptions ------------------------------------------------------------------------------ */

static void take_name(char to[REC_COMM_LEN], const struct proc *p)
{
	if (p->comm[0])
		memcpy(to, p->comm, REC_COMM_LEN);
}

/* What it took along from where it came. */
static void take_origin(struct adoptions *a, struct adoption *r, const struct proc *p)
{
	take_name(r->comm, p);
	r->born_of = p->birth_parent;
	r->uid = p->uid;
	r->loginuid = p->loginuid;
	r->sessionid = p->sessionid;
	r->sid = p->sid;
	if (p->cgroup && p->cgroup->path)
		r->place = intern_get(&a->strings, intern_span(p->cgroup->path),
				      p->cgroup->path->true_len);
}

static bool death_was_seen(const struct proc *p)
{
	return p->death && p->death->exit_ns;
}

/*
 * The model gives orphans away as the kernel would, as soon as the parent is a zombie; a record of the
 * orphan may name another adopter (one that has become a subreaper since): then the first has never had
 * it. A death of the first in between makes it a second adoption.
 */
static bool is_correction(const struct adoption *r, const struct change *c)
{
	return r->derived && c->from && proc_key_equals(c->from->key, r->adopter) &&
	       !death_was_seen(c->from);
}

static void take_death(struct adoption *r, const struct change *c, bool told)
{
	const struct proc *from = c->from;

	r->from = from ? from->key : (struct proc_key){0};
	memset(r->from_comm, 0, sizeof(r->from_comm));
	r->from_died_ns = 0;
	r->adopted_ns = c->boot_ns;
	r->late = told;
	if (!from)
		return;
	take_name(r->from_comm, from);
	if (!death_was_seen(from))
		return;
	r->from_died_ns = from->death->exit_ns;
	if (told && r->from_died_ns <= c->boot_ns) { /* they go right after the last thread */
		r->adopted_ns = r->from_died_ns;
		r->late = false;
	}
}

static void set_adopter(struct adoptions *a, struct adoption *r, const struct proc *adopter)
{
	struct adopter *by;

	r->adopter = adopter->key;
	r->kind = (uint8_t)kind_of(adopter);
	memset(r->adopter_comm, 0, sizeof(r->adopter_comm));
	take_name(r->adopter_comm, adopter);
	if (r->before)
		return;
	by = adopter_add(a, r);
	if (!by) {
		a->untold++;
		return;
	}
	by->orphans++;
	if (r->kind != ADOPTER_UNKNOWN || by->kind == ADOPTER_UNKNOWN)
		by->kind = (enum adopter_kind)r->kind;
	take_name(by->comm, adopter);
	if (r->zombie_ns)
		by->died++;
}

/* It has it no more: it never had, or it has died itself. */
static void leave_adopter(struct adoptions *a, struct adoption *r, bool correction)
{
	struct adopter *by = counted_by(a, r);

	if (!by)
		return;
	if (correction)
		by->orphans--;
	else
		by->passed++;
	if (r->zombie_ns)
		by->died--;
}

static void note_adopt(struct adoptions *a, const struct change *c)
{
	bool told = !c->ev || c->ev->h.tgid == c->proc->key.tgid;
	struct adoption *r = record_of(a, c->proc->key);

	if (!c->other)
		return;
	if (r && r->gone_ns)
		return; /* a record of its end came late */
	if (r && r->kind != ADOPTER_THREAD && is_correction(r, c)) {
		leave_adopter(a, r, true);
	} else {
		a->total++;
		if (r && r->kind != ADOPTER_THREAD)
			leave_adopter(a, r, false);
		if (!r) {
			r = record_add(a, c->proc->key);
			if (!r)
				return;
			take_origin(a, r, c->proc);
		}
		if (c->proc->state == PROC_ZOMBIE && c->proc->death)
			r->zombie_ns = c->proc->death->zombie_ns;
		take_death(r, c, told);
		r->before = false;
		r->hops++;
	}
	r->derived = !told;
	set_adopter(a, r, c->other);
}

/* ---- threads -------------------------------------------------------------------------------- */

/* Born of another thread than the leader: at that one's death it goes to another of the process. */
static void note_birth(struct adoptions *a, const struct proc *p)
{
	if (!p->parent || p->parent_tid == p->parent->key.tgid || !p->parent_tid)
		return;
	if (a->by_thread.cnt < ADOPTIONS_MAX)
		(void)map_put(&a->by_thread, p->key.tgid, p->key.start_ns,
			      (void *)(uintptr_t)p->parent_tid);
}

/* Nothing tells of it but the next record of the child: it names the thread that has it now. */
static void note_thread(struct adoptions *a, const struct change *c)
{
	const struct proc *p = c->proc;
	uint32_t tid = (uint32_t)(uintptr_t)map_find(&a->by_thread, p->key.tgid, p->key.start_ns);
	struct adoption *r;

	if (!tid || tid == p->parent_tid)
		return;
	map_remove(&a->by_thread, p->key.tgid, p->key.start_ns);
	if (!p->parent || !p->parent_tid || record_of(a, p->key))
		return;
	r = record_add(a, p->key);
	if (!r)
		return;
	take_origin(a, r, p);
	a->total++;
	r->hops = 1;
	r->kind = ADOPTER_THREAD;
	r->adopter = r->from = p->parent->key;
	take_name(r->adopter_comm, p->parent);
	take_name(r->from_comm, p->parent);
	r->from_tid = tid;
	r->by_tid = p->parent_tid;
	r->adopted_ns = c->boot_ns;
	r->late = true;
}

/* ---- deaths of orphans ---------------------------------------------------------------------- */

static void note_zombie(struct adoptions *a, const struct proc *p)
{
	struct adoption *r = record_of(a, p->key);
	struct adopter *by;

	if (!r || r->zombie_ns || !p->death || !p->death->zombie_ns)
		return;
	r->zombie_ns = p->death->zombie_ns;
	take_name(r->comm, p);
	by = counted_by(a, r);
	if (by)
		by->died++;
}

static void count_reap(struct adopter *by, const struct adoption *r)
{
	by->reaped++;
	by->autoreap += r->autoreap;
	if (!r->zombie_ns) /* auto-reaped: never a zombie */
		by->died++;
	else if (!hist_add(&by->waited_ns, r->waited_ns) && r->err_ns > by->err_ns)
		by->err_ns = r->err_ns;
}

static void note_reap(struct adoptions *a, const struct proc *p)
{
	struct adoption *r = record_of(a, p->key);
	const struct proc_death *d = p->death;
	uint64_t from_ns;
	struct adopter *by;

	if (a->by_thread.cnt)
		map_remove(&a->by_thread, p->key.tgid, p->key.start_ns);
	if (!r || r->gone_ns || !d)
		return;
	note_zombie(a, p);
	take_name(r->comm, p);
	r->gone_ns = d->gone_ns ? d->gone_ns : p->seen_ns;
	r->autoreap = p->flags & PROC_AUTOREAPED;
	/* an old zombie that was handed over has waited for this one since then only */
	from_ns = r->zombie_ns > r->adopted_ns || r->kind == ADOPTER_THREAD ? r->zombie_ns :
									      r->adopted_ns;
	r->waited_ns = r->zombie_ns && r->gone_ns > from_ns ? r->gone_ns - from_ns : 0;
	r->err_ns = d->zombie_err_ns;
	by = counted_by(a, r);
	if (by && !(p->flags & PROC_VANISHED))
		count_reap(by, r);
	list_gone(a, r);
}

void adoptions_note(struct adoptions *a, const struct change *c)
{
	if (c->kind == CHANGE_HOST) {
		note_boot(a);
		return;
	}
	if (!c->proc)
		return;
	if (a->by_thread.cnt)
		note_thread(a, c);
	if (c->kind == CHANGE_FORK)
		note_birth(a, c->proc);
	else if (c->kind == CHANGE_ADOPT)
		note_adopt(a, c);
	else if (c->kind == CHANGE_ZOMBIE)
		note_zombie(a, c->proc);
	else if (c->kind == CHANGE_REAP)
		note_reap(a, c->proc);
}

enum reaps adopter_reaps(const struct adopter *r)
{
	if (r->reaped)
		return REAPS_YES;
	return r->died ? REAPS_NO : REAPS_UNKNOWN;
}

bool adoption_of(const struct adoptions *a, const struct proc *p, struct adoption *ret_adoption)
{
	const struct adoption *r = record_of(a, p->key);

	if (r) {
		*ret_adoption = *r;
		return true;
	}
	if (!p->parent)
		return false;
	/* the row alone: adopted before the records began */
	*ret_adoption = (struct adoption){
		.orphan = p->key,
		.adopter = p->parent->key,
		.born_of = p->birth_parent,
		.place = p->cgroup ? p->cgroup->path : NULL,
		.uid = p->uid,
		.loginuid = p->loginuid,
		.sessionid = p->sessionid,
		.sid = p->sid,
		.kind = (uint8_t)kind_of(p->parent),
	};
	take_name(ret_adoption->comm, p);
	take_name(ret_adoption->adopter_comm, p->parent);
	if (p->flags & PROC_ADOPTED)
		ret_adoption->from = p->birth_parent;
	return p->flags & PROC_ADOPTED;
}
