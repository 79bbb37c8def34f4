// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deaths. One process dies once, but up to five records say so, each of which may be missing:
 *
 *	EXIT	last thread gone. Before 6.16 every thread that sees signal->live == 0 makes one: the
 *		last counts. CPU time is not final.
 *	ZOMBIE	the status is right here; or the kernel reaps it at once, and there is no zombie.
 *	REAP	release_task(): gone, exactly now.
 *	FREE	gone, up to an RCU grace period ago; the usage is final.
 *
 * When is CHANGE_EXIT told? Its status must be right. With SIGNAL_GROUP_EXIT (exit_group, a fatal
 * signal) it is, in the first record. Without, the status is the leader's exit_code, which do_exit()
 * stores after signal->live fell: a record that the leader made itself (tid == tgid), or one after
 * its death was seen, has it; one made by another thread may just have missed it. So: told at once
 * from the leader's record, else held until the next record about the process, or PROOF_NS long.
 */
#include <errno.h>
#include <string.h>

#include "model/table_int.h"

#define SIGCHLD 17

void row_take_status(struct row *r, const struct event *ev)
{
	if (!(ev->h.flags & REC_F_EXITING))
		return;
	r->p.status = ev->h.status;
	r->p.flags |= PROC_STATUS_KNOWN;
	if (r->p.death)
		r->p.death->core_dumped = ev->h.status & 0x80;
}

static void take_usage(struct row *r, const struct rec_usage *u)
{
	uint64_t maxrss_kb;

	if (!r->p.death)
		return;
	maxrss_kb = r->p.death->usage.maxrss_kb; /* right at EXIT only where mm is still there */
	r->p.death->usage = *u;
	if (maxrss_kb > u->maxrss_kb)
		r->p.death->usage.maxrss_kb = maxrss_kb;
}

/* ---- exit ----------------------------------------------------------------------------------- */

static void row_die(struct proc_table *t, struct row *r)
{
	if (proc_is_alive(&r->p))
		row_set_state(t, r, PROC_DYING);
	row_death(t, r);
	r->p.threads = 0;
	r->p.flags &= ~(PROC_STOPPED | PROC_LEADER_DEAD);
}

void row_tell_exit(struct proc_table *t, struct row *r, const struct event *ev)
{
	row_unhold(t, r);
	r->ahead_ns = 0;
	row_die(t, r);
	if (r->bits & ROW_EXIT_TOLD)
		return;
	r->bits |= ROW_EXIT_TOLD;
	if (r->p.death)
		r->p.death->core_dumped = (r->p.flags & PROC_STATUS_KNOWN) && (r->p.status & 0x80);
	row_blame_killer(t, r);
	t->counts.healed += row_signal_unseen(t, r);
	t->counts.deaths++;
	if ((r->p.flags & PROC_STATUS_KNOWN) && (r->p.status & 0x7f))
		t->counts.killed++;
	if (!t->listener_cnt)
		return;
	table_tell(t, &(struct change){
			      .kind = CHANGE_EXIT,
			      .boot_ns = r->p.death && r->p.death->exit_ns ? r->p.death->exit_ns :
					 ev                                ? ev->h.boot_ns :
									     t->host.now_ns,
			      .proc = &r->p,
			      .other = r->p.parent,
			      .ev = ev,
		      });
}

void row_suspect_exit(struct proc_table *t, struct row *r, uint64_t now_ns)
{
	row_die(t, r);
	row_hold(t, r);
	r->ahead_ns = now_ns;
}

void rows_tell_held(struct proc_table *t, const struct event *tick)
{
	while (t->held_oldest) {
		struct row *r = row_of(t->held_oldest);
		bool missing = r->bits & ROW_MISSING;

		if (r->ahead_ns + PROOF_NS > tick->h.boot_ns)
			return;
		row_unhold(t, r);
		if (missing) {
			r->p.flags |= PROC_VANISHED | PROC_HEALED;
			t->counts.healed += !table_only_looks(t);
			row_end(t, r, tick, r->ahead_ns);
		} else {
			row_tell_exit(t, r, NULL);
		}
	}
}

static int apply_thread_exit(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (r->p.threads > 1)
		r->p.threads--;
	table_tell_row(t, CHANGE_THREAD, r, r, ev);
	return 0;
}

int apply_exit(struct proc_table *t, const struct event *ev)
{
	bool exact = ev->h.tid == ev->h.tgid;
	struct row *r;
	int err;

	if (ev->h.flags & REC_F_THREAD)
		return apply_thread_exit(t, ev);
	err = row_observe(t, ev, &r);
	if (err)
		return err;
	if (r->p.state >= PROC_ZOMBIE) {
		t->counts.illegal++;
		return 0;
	}
	exact |= !!(r->p.flags & PROC_LEADER_DEAD);
	row_die(t, r);
	row_take_status(r, ev);
	take_usage(r, &ev->exit.usage);
	if (r->p.death)
		r->p.death->exit_ns = ev->h.boot_ns;
	if (!r->p.comm[0])
		memcpy(r->p.comm, ev->exit.comm, sizeof(r->p.comm));
	if (exact) {
		row_tell_exit(t, r, ev);
	} else if (!(r->bits & (ROW_EXIT_HELD | ROW_EXIT_TOLD))) {
		row_hold(t, r);
		r->ahead_ns = ev->h.boot_ns;
	}
	return 0;
}

/* ---- zombie --------------------------------------------------------------------------------- */

/*
 * From REC_ZOMBIE exact; proved by another record it is somewhere between exit and that record.
 * exit_notify() gives the children away before it notifies the parent.
 */
void row_become_zombie(struct proc_table *t, struct row *r, struct row *notified,
		       const struct event *ev)
{
	struct proc_death *d = r->p.death;

	row_let_go(t, r, ev);
	if (d && !d->zombie_ns) {
		d->zombie_ns = ev->h.boot_ns;
		if (ev->h.type == REC_ZOMBIE) {
			d->zombie_source = ev->zombie.source;
		} else if (d->exit_ns) {
			d->zombie_ns = d->exit_ns;
			d->zombie_err_ns = ev->h.boot_ns - d->exit_ns;
		}
	}
	row_set_state(t, r, PROC_ZOMBIE);
	evidence_count_death(t, r, ev);
	evidence_open_waits(t, r);
	t->counts.zombies++;
	table_tell_row(t, CHANGE_ZOMBIE, r, notified ? notified : row_of(r->p.parent), ev);
}

static void apply_own_zombie(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_zombie *z = &ev->zombie;
	struct proc_death *d;

	row_die(t, r);
	row_take_status(r, ev);
	take_usage(r, &z->usage);
	r->p.exit_signal = z->exit_signal;
	row_tell_exit(t, r, ev);
	row_blame_killer(t, r);
	if (r->p.death)
		r->p.death->tracer = z->flags & REC_ZOMBIE_TRACER ? rec_proc_key(&z->notified) :
								    (struct proc_key){0};
	if (z->flags & REC_ZOMBIE_AUTOREAP) {
		row_let_go(t, r, ev);
		r->p.flags |= PROC_AUTOREAPED;
		if (r->p.death)
			r->p.death->gone_ns = ev->h.boot_ns;
		evidence_count_death(t, r, ev);
	} else if (r->p.state != PROC_ZOMBIE) {
		row_become_zombie(t, r, row_find(t, rec_proc_key(&z->notified)), ev);
	} else {
		/* proved before, or the second of two: first the tracer, then the parent */
		d = r->p.death;
		if (d && !d->zombie_source && !(r->p.flags & PROC_STATE_Z_SEEDED)) {
			d->zombie_source = z->source;
			d->zombie_ns = ev->h.boot_ns;
			d->zombie_err_ns = 0;
		}
		evidence_count_death(t, r, ev);
	}
}

int apply_zombie(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err;

	if ((ev->zombie.flags & REC_ZOMBIE_HANDOVER) && t->host.scoped &&
	    !row_find(t, event_proc(ev)))
		return 0; /* the dying parent is out of scope: nothing of ours changes hands */
	err = row_observe(t, ev, &r);
	if (err)
		return err;
	if (r->p.state == PROC_REAPED) {
		t->counts.illegal++;
		return 0;
	}
	if (ev->zombie.flags & REC_ZOMBIE_HANDOVER)
		row_hand_over(t, r, ev);
	else
		apply_own_zombie(t, r, ev);
	return 0;
}

/* ---- gone ----------------------------------------------------------------------------------- */

static void row_gone(struct proc_table *t, struct row *r, struct row *reaper,
		     const struct event *ev)
{
	row_unhold(t, r);
	row_let_go(t, r, ev);
	evidence_count_reap(t, r);
	row_set_state(t, r, PROC_REAPED);
	r->p.flags &= ~(PROC_STOPPED | PROC_TRACED);
	row_forget_init(t, r);
	pool_put(&t->kills, r->kills);
	r->kills = NULL;
	row_list_dead(t, r);
	t->counts.reaps++;
	if (t->listener_cnt)
		table_tell(t, &(struct change){
				      .kind = CHANGE_REAP,
				      .boot_ns = r->p.death ? r->p.death->gone_ns : ev->h.boot_ns,
				      .proc = &r->p,
				      .other = reaper ? &reaper->p : NULL,
				      .ev = ev,
			      });
	evidence_forget_hist(t, r);
}

/*
 * Neither notify nor SIGCHLD was seen. do_notify_parent() sends a signal for every child with
 * exit_signal SIGCHLD unless the parent ignores it, and then the kernel reaps: with nothing lost,
 * no record is the proof.
 */
static bool silence_means_autoreap(const struct proc_table *t, const struct row *r)
{
	const struct evidence *e = r->p.parent ? row_evidence_if(row_of(r->p.parent)) : NULL;

	if (r->p.exit_signal != SIGCHLD)
		return false;
	if (e && e->e.disposition == REC_SIG_IGN)
		return true;
	return !t->uncertain_ns && !(r->p.flags & (PROC_INFERRED | PROC_VANISHED)) &&
	       (r->bits & (ROW_BIRTH_SEEN | ROW_EXIT_TOLD));
}

/* Everything before the end of 'r' that was not told yet; 'by_itself': no other process reaped it. */
static void row_finish_death(struct proc_table *t, struct row *r, const struct event *ev,
			     bool by_itself)
{
	row_tell_exit(t, r, ev);
	if (r->p.state != PROC_DYING || (r->p.flags & PROC_AUTOREAPED))
		return;
	if (by_itself) {
		r->p.flags |= PROC_AUTOREAPED;
		evidence_count_death(t, r, ev);
	} else if (ev->h.type == REC_REAP) {
		row_become_zombie(t, r, NULL, ev); /* somebody reaped it: it was one */
	} else {
		evidence_count_death(t, r, ev);
	}
}

int apply_reap(struct proc_table *t, const struct event *ev)
{
	struct proc_key reaper = rec_proc_key(&ev->reap.reaper);
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (r->p.state == PROC_REAPED) {
		t->counts.illegal++;
		return 0;
	}
	row_die(t, r);
	row_take_status(r, ev);
	take_usage(r, &ev->reap.usage);
	row_finish_death(t, r, ev, proc_key_equals(reaper, r->p.key));
	if (r->p.death) {
		struct proc_death *d = r->p.death;

		if (!d->gone_ns)
			d->gone_ns = ev->h.boot_ns;
		if (d->zombie_ns > d->gone_ns) /* clocks of two CPUs */
			d->gone_ns = d->zombie_ns;
		d->reaper = reaper;
		d->reap_source = REC_REAP;
	}
	row_gone(t, r, row_find(t, reaper), ev);
	return 0;
}

/* Bounds instead of a moment; an auto-reaped one was gone when it was born. */
static void row_gone_by(struct proc_table *t, struct row *r, const struct event *ev,
			uint64_t upper_ns)
{
	if (r->p.death && !r->p.death->gone_ns) {
		if (r->p.flags & PROC_AUTOREAPED)
			r->p.death->gone_ns = r->p.death->exit_ns ? r->p.death->exit_ns : upper_ns;
		else
			death_bracket(r, upper_ns);
	}
	row_gone(t, r, NULL, ev);
}

int apply_free(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (r->bits & ROW_FREED) {
		t->counts.illegal++;
		return 0;
	}
	r->bits |= ROW_FREED;
	if (r->p.state == PROC_REAPED) { /* told by release_task, or by its pid's next life */
		take_usage(r, &ev->reap.usage);
		return 0;
	}
	row_die(t, r);
	row_take_status(r, ev);
	take_usage(r, &ev->reap.usage);
	row_finish_death(t, r, ev, silence_means_autoreap(t, r));
	row_gone_by(t, r, ev, ev->h.boot_ns);
	return 0;
}

void row_end(struct proc_table *t, struct row *r, const struct event *ev, uint64_t upper_ns)
{
	row_finish_death(t, r, ev, false);
	row_gone_by(t, r, ev, upper_ns);
}
