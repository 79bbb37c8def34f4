// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets the children of a dead process: find_new_reaper() of kernel/exit.c over again, since
 * handing over a live child has no hook. Derived when the parent has become a zombie (the children
 * are given away just before), confirmed or corrected by the next record of each child.
 */
#include "model/table_int.h"

#define SIGCHLD 17

static struct row *namespace_init(const struct proc_table *t, const struct proc *dead)
{
	if (dead->ns_level == 0)
		return row_find_pid(t, 1);
	return map_find(&t->inits, dead->pidns, 0);
}

/*
 * The nearest living subreaper among the ancestors of the same pid namespace depth, else the
 * namespace's init. NULL: not to be told from what is known, for instance because an ancestor is
 * outside the scope and may be a subreaper. A thread of the dead parent's own process does not
 * count here: a process dies after its last thread.
 */
static struct row *find_adopter(const struct proc_table *t, const struct row *dead)
{
	const struct proc *p = dead->p.parent;
	struct row *init;

	if (!dead->p.pidns || (dead->p.flags & PROC_NSINIT))
		return NULL;
	for (; p; p = p->parent) {
		if (p->flags & PROC_GHOST || !p->pidns)
			return NULL;
		if (p->ns_level != dead->p.ns_level || p->key.tgid == 1)
			break;
		if ((p->flags & PROC_SUBREAPER) && proc_is_alive(p))
			return row_of(p);
	}
	if (!p)
		return NULL;
	init = namespace_init(t, &dead->p);
	return init && proc_is_alive(&init->p) && !(init->p.flags & PROC_GHOST) ? init : NULL;
}

/* The adoptive parent owes the zombie a wait from now on. */
static void adopter_count_zombie(struct proc_table *t, const struct row *r, struct row *parent)
{
	struct evidence *e;

	if (r->p.state != PROC_ZOMBIE || !(r->bits & ROW_DIED_COUNTED))
		return;
	e = row_evidence(t, parent);
	if (e)
		e->e.died++;
}

void row_adopt(struct proc_table *t, struct row *r, struct row *parent, const struct event *ev)
{
	struct row *old = row_of(r->p.parent);

	row_unlink(t, r);
	row_link(t, r, parent);
	adopter_count_zombie(t, r, parent);
	r->bits &= ~ROW_ORPHAN;
	r->p.flags |= PROC_ADOPTED;
	r->p.exit_signal = SIGCHLD; /* reparent_leader() */
	t->counts.adoptions++;
	if (t->listener_cnt) {
		const struct row *from = old ? old : row_find(t, r->p.birth_parent);

		table_tell(t, &(struct change){
				      .kind = CHANGE_ADOPT,
				      .boot_ns = ev ? ev->h.boot_ns : t->host.now_ns,
				      .proc = &r->p,
				      .other = &parent->p,
				      .from = from ? &from->p : NULL,
				      .ev = ev,
			      });
	}
	row_drop_ghost(t, old);
}

void row_let_go(struct proc_table *t, struct row *r, const struct event *ev)
{
	struct row *adopter, *child, *next;

	if (r->bits & ROW_LET_GO)
		return;
	r->bits |= ROW_LET_GO;
	if (!r->p.children)
		return;
	adopter = find_adopter(t, r);
	for (child = row_of(r->p.children); child; child = next) {
		next = row_of(child->p.next);
		if (child->p.state == PROC_REAPED)
			continue; /* stays where it died: history */
		/*
		 * A zombie is handed over with a signal to the adopter, told before (row_hand_over). One
		 * that was not has been reaped, and only its end (REC_FREE) is still under way.
		 */
		if (child->p.state == PROC_ZOMBIE && !t->uncertain_ns)
			continue;
		if (adopter && adopter != r && !row_is_above(child, adopter)) {
			row_adopt(t, child, adopter, ev);
			continue;
		}
		row_unlink(t, child);
		child->bits |= ROW_ORPHAN;
	}
}

/* The zombie as the notified process calls it. */
static bool is_called(const struct proc *p, uint32_t pid, const struct row *by)
{
	if (!by || by->p.ns_level == 0)
		return p->key.tgid == pid;
	return p->pidns == by->p.pidns && p->ns_tgid == pid;
}

static struct row *find_handed(const struct proc_table *t, const struct row *from,
			       const struct row *to, uint32_t pid)
{
	struct row *r;

	if (!to || to->p.ns_level == 0) {
		r = row_find_pid(t, pid);
		return r && r->p.state == PROC_ZOMBIE ? r : NULL;
	}
	for (struct proc *p = from->p.children; p; p = p->next) { /* in the kernel's order */
		if (p->state == PROC_ZOMBIE && is_called(p, pid, to))
			return row_of(p);
	}
	return NULL;
}

/*
 * Also made when a tracer lets go of a zombie: its real parent is told then, and nobody adopts.
 */
void row_hand_over(struct proc_table *t, struct row *from, const struct event *ev)
{
	const struct rec_zombie *z = &ev->zombie;
	struct row *to = row_find(t, rec_proc_key(&z->notified));
	struct row *child = find_handed(t, from, to, z->si_pid);

	if (!child)
		return;
	if (!to)
		to = row_find_or_ghost(t, rec_proc_key(&z->notified), ev);
	if (to && child->p.parent == &from->p && to != from && !row_is_above(child, to))
		row_adopt(t, child, to, ev);
	if (z->flags & REC_ZOMBIE_AUTOREAP)
		child->p.flags |= PROC_AUTOREAPED;
	evidence_count_death(t, child, ev);
	row_drop_ghost(t, to);
}
