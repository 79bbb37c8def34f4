// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a record's header proves. Every record carries identity, parent, exec id, status and state
 * bits as they were when it was made: what no event told must have been lost, and is told now,
 * derived, with the record as its proof ('ev' of such a change is of another type than usual).
 */
#include <errno.h>

#include "model/table_int.h"

void row_note_init(struct proc_table *t, struct row *r)
{
	if (r->p.ns_level == 0 || !(r->p.flags & PROC_NSINIT) || !r->p.pidns)
		return;
	map_put(&t->inits, r->p.pidns, 0, r); /* without memory: an adopter less is known */
}

void row_forget_init(struct proc_table *t, const struct row *r)
{
	if ((r->p.flags & PROC_NSINIT) && map_find(&t->inits, r->p.pidns, 0) == r)
		map_remove(&t->inits, r->p.pidns, 0);
}

void row_take_flags(struct proc_table *t, struct row *r, const struct event *ev)
{
	uint32_t f = ev->h.flags;
	uint16_t now = r->p.flags & ~(PROC_SUBREAPER | PROC_TRACED | PROC_LEADER_DEAD);

	if (f & REC_F_KTHREAD)
		now |= PROC_KTHREAD;
	if (f & REC_F_NSINIT) /* only records with a place have it: never cleared */
		now |= PROC_NSINIT;
	if (f & REC_F_SUBREAPER)
		now |= PROC_SUBREAPER;
	if (f & REC_F_TRACED)
		now |= PROC_TRACED;
	if (f & REC_F_LEADER_DEAD)
		now |= PROC_LEADER_DEAD;
	if ((f & REC_F_STOPPED) && !(now & PROC_STOPPED) && proc_is_alive(&r->p))
		row_set_stopped(t, r, true, ev);
	r->p.flags = now | (r->p.flags & PROC_STOPPED);
}

/*
 * A parent changes only when it dies. The children are given away before its zombie, but after its
 * sched_process_exit: one that still lives in our books has died unseen, or its record is on the
 * way in another ring.
 */
static void suspect_old_parent(struct proc_table *t, struct row *old, uint64_t now_ns)
{
	if (proc_is_alive(&old->p) && !(old->p.flags & PROC_GHOST))
		row_suspect_exit(t, old, now_ns);
}

void row_take_parent(struct proc_table *t, struct row *r, const struct event *ev)
{
	struct proc_key key = event_parent(ev);
	struct row *parent, *old;

	r->p.parent_tid = ev->h.parent_tid;
	if (!key.tgid || (r->p.parent && key.tgid == r->p.parent->key.tgid &&
			  (!key.start_ns || key.start_ns == r->p.parent->key.start_ns)))
		return;
	parent = row_find_or_ghost(t, key, ev);
	old = row_of(r->p.parent);
	if (!parent || parent == old)
		return;
	if (row_is_above(r, parent)) {
		t->counts.illegal++;
		row_drop_ghost(t, parent);
		return;
	}
	if (!old && !(r->bits & ROW_ORPHAN)) {
		row_link(t, r, parent);
		return;
	}
	if (old)
		suspect_old_parent(t, old, ev->h.boot_ns);
	row_adopt(t, r, parent, ev);
}

/* True when the header has been ahead of the events for so long that the event must be lost. */
static bool proof_is_ripe(struct row *r, uint64_t now_ns)
{
	if (!r->ahead_ns) {
		r->ahead_ns = now_ns;
		return false;
	}
	return now_ns >= r->ahead_ns + PROOF_NS;
}

/* Deaths and their aftermath: what such a record says of exec and exit is final. */
static bool rec_is_final(unsigned type)
{
	return type == REC_EXIT || type == REC_ZOMBIE || type == REC_REAP || type == REC_FREE;
}

void row_prove_exec(struct proc_table *t, struct row *r, const struct event *ev)
{
	if ((int32_t)(ev->h.exec_id - r->p.exec_id) <= 0)
		return;
	if (rec_is_final(ev->h.type) || ev->h.exec_id - r->p.exec_id > 1 ||
	    proof_is_ripe(r, ev->h.boot_ns))
		row_derive_exec(t, r, ev);
}

static void prove_death(struct proc_table *t, struct row *r, const struct event *ev)
{
	if (!(ev->h.flags & REC_F_DEAD) || rec_is_final(ev->h.type) || r->p.state >= PROC_ZOMBIE)
		return;
	if (!proof_is_ripe(r, ev->h.boot_ns))
		return;
	row_take_status(r, ev);
	row_tell_exit(t, r, ev);
	if (ev->h.flags & REC_F_ZOMBIE)
		row_become_zombie(t, r, NULL, ev);
}

/* A pass found it missing, and here it is: the pass was wrong, not the record. */
void row_revive(struct proc_table *t, struct row *r, const struct event *ev)
{
	t->counts.illegal++;
	row_unlist_dead(t, r);
	pool_put(&t->deaths, r->p.death);
	r->p.death = NULL;
	r->bits &= ~(ROW_EXIT_TOLD | ROW_LET_GO | ROW_DIED_COUNTED | ROW_NOTIFIED);
	r->p.flags &= ~(PROC_VANISHED | PROC_HEALED | PROC_STATUS_KNOWN);
	row_set_state(t, r, PROC_RUNNING);
	table_tell_row(t, CHANGE_SEEN, r, row_of(r->p.parent), ev);
}

static int row_infer(struct proc_table *t, const struct event *ev, struct row **ret)
{
	struct row *r;
	int err;

	/* the late end of a life that was forgotten meanwhile */
	if (ev->h.type == REC_FREE && t->unfreed) {
		t->unfreed--;
		return -ENOENT;
	}
	err = row_new(t, event_proc(ev), ev, &r);
	if (err)
		return err;
	r->p.flags = PROC_INFERRED;
	r->p.state = PROC_RUNNING;
	r->p.exec_id = ev->h.exec_id;
	*ret = r;
	return 0;
}

int row_observe(struct proc_table *t, const struct event *ev, struct row **ret)
{
	struct row *r;
	bool fresh = false;
	int err;

	if (!ev->h.tgid || !ev->h.start_ns)
		return -ENOENT;
	r = row_find(t, event_proc(ev));
	if (!r) {
		err = row_infer(t, ev, &r);
		if (err)
			return err;
		fresh = true;
	} else if (r->p.flags & PROC_GHOST) {
		row_fill_ghost(t, r);
		r->p.flags |= PROC_INFERRED;
		r->p.exec_id = ev->h.exec_id;
		fresh = true;
	} else if (r->p.state == PROC_REAPED) {
		if (!(r->p.flags & PROC_VANISHED) || rec_is_final(ev->h.type)) {
			*ret = r;
			return 0;
		}
		row_revive(t, r, ev);
	}
	if (ev->h.boot_ns > r->p.seen_ns)
		r->p.seen_ns = ev->h.boot_ns;
	if (ev->h.type != REC_FREE) { /* which is made without flags and parent */
		row_take_flags(t, r, ev);
		row_take_parent(t, r, ev);
	}
	if (fresh)
		table_tell_row(t, CHANGE_SEEN, r, row_of(r->p.parent), ev);
	if (ev->h.type != REC_EXEC)
		row_prove_exec(t, r, ev);
	prove_death(t, r, ev);
	*ret = r;
	return 0;
}
