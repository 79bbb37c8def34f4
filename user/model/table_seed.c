// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterator passes. Their rows come through the same rings as the kernel's events, while these go on:
 * a row is as old as its boot_ns says and never overwrites what a later event told. What a row says
 * about a death waits for the end of the pass, since the event may be a moment behind. At the end of
 * a complete pass absence is knowledge too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/table_int.h"

#define PASS_PARTIAL 0x80000000u /* a pass that only collects the scope */
#define SIGCHLD_BIT  (1ULL << 16)
/* How old the stamps of the task that asks may be: a tick, or a read of the pass (live_pass.c). */
#define STAMP_NS     (10 * NS_PER_MS)

/* ---- rows ----------------------------------------------------------------------------------- */

/*
 * A zombie's stamps stand still, both are awake time. The arrival (rq_clock(), one clock on all CPUs)
 * is when it was last given a CPU: it died after that, within the CPU time that it has used. exec_start
 * is the death itself, but on its CPU's rq_clock_task(), which goes without interrupts and stolen
 * time: between two CPUs of a guest that has been up for long that may be minutes. So the arrival
 * judges: exec_start is taken where it lies in between.
 */
static uint64_t zombie_age(const struct rec_seed *s, uint64_t *ret_err_ns)
{
	uint64_t death = s->still_exec_ns, arrival = s->still_arrival_ns;
	uint64_t cpu_ns = s->usage.cpu_ns;

	*ret_err_ns = STAMP_NS;
	if (arrival == REC_STILL_NONE)
		return death;
	if (death != REC_STILL_NONE && death <= arrival + STAMP_NS &&
	    death + cpu_ns + STAMP_NS >= arrival) {
		*ret_err_ns += death > arrival ? death - arrival : arrival - death;
		return death;
	}
	*ret_err_ns += cpu_ns;
	return arrival;
}

static void seed_zombie_age(struct row *r, const struct event *ev)
{
	struct proc_death *d = r->p.death;
	uint64_t err_ns, age = zombie_age(&ev->seed, &err_ns);

	if (!d || age == REC_STILL_NONE || age > ev->h.boot_ns)
		return;
	d->zombie_ns = ev->h.boot_ns - age;
	d->zombie_err_ns = err_ns;
}

/* It was dead before we looked: part of the picture, no event. */
static void seed_new_zombie(struct proc_table *t, struct row *r, const struct event *ev)
{
	row_death(t, r);
	row_take_status(r, ev);
	if (r->p.death) {
		r->p.death->usage = ev->seed.usage;
		r->p.death->tracer = rec_proc_key(&ev->seed.tracer);
	}
	seed_zombie_age(r, ev);
	r->p.flags |= PROC_STATE_Z_SEEDED;
	r->p.threads = 0;
	r->bits |= ROW_EXIT_TOLD | ROW_LET_GO;
	row_set_state(t, r, PROC_ZOMBIE);
	evidence_count_death(t, r, ev);
}

/*
 * Evidence costs as much as the row, so a snapshot is kept only where it tells something: of what
 * has children, has reaped some, or does anything about SIGCHLD. Nothing of all that is told by
 * 'no evidence' as well.
 */
static bool snapshot_tells(const struct row *r, const struct rec_seed *s)
{
	return r->p.evidence || r->p.children || s->child_minflt || s->child_cpu_ns ||
	       ((s->sig_blocked | s->sig_pending | s->sig_ignored | s->sig_caught) & SIGCHLD_BIT);
}

static void seed_evidence(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_seed *s = &ev->seed;
	struct evidence *e;

	if (!snapshot_tells(r, s))
		return;
	e = row_evidence(t, r);
	if (!e || e->e.snapshot_ns > ev->h.boot_ns)
		return;
	e->e.snapshot_ns = ev->h.boot_ns;
	e->e.child_minflt = s->child_minflt;
	e->e.child_cpu_ns = s->child_cpu_ns;
	e->e.sig_blocked = s->sig_blocked;
	e->e.sig_pending = s->sig_pending;
	e->e.sig_ignored = s->sig_ignored;
	e->e.sig_caught = s->sig_caught;
	if (e->e.last_child_death_ns > ev->h.boot_ns)
		return;
	e->e.sa_flags = s->sa_flags;
	e->e.disposition = s->sig_ignored & SIGCHLD_BIT ? REC_SIG_IGN :
			   s->sig_caught & SIGCHLD_BIT  ? REC_SIG_HANDLER :
							  REC_SIG_DFL;
	e->e.blocked = !!(s->sig_blocked & SIGCHLD_BIT);
	e->e.pending = !!(s->sig_pending & SIGCHLD_BIT);
}

static void seed_fill(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_seed *s = &ev->seed;
	struct span hostname = {s->hostname, strnlen(s->hostname, sizeof(s->hostname))};

	r->p.seen_ns = ev->h.boot_ns;
	memcpy(r->p.comm, s->comm, sizeof(r->p.comm));
	row_take_flags(t, r, ev);
	row_take_parent(t, r, ev);
	row_take_cred(r, &s->cred);
	row_take_place(t, r, &s->place);
	if (ev->h.flags & REC_F_OTHER_IMAGE)
		r->bits |= ROW_OTHER_IMAGE;
	r->p.rss_kb = s->rss_kb;
	r->p.exit_signal = s->exit_signal;
	r->p.task_state = s->state;
	r->p.stood_still_ns = s->still_exec_ns != REC_STILL_NONE ? s->still_exec_ns :
								   s->still_arrival_ns;
	if (s->threads && r->p.state < PROC_DYING)
		r->p.threads = s->threads;
	if (hostname.len)
		row_set_str(t, &r->p.hostname, hostname, hostname.len);
}

static int seed_new(struct proc_table *t, struct row *r, const struct event *ev)
{
	int err;

	if (!r) {
		err = row_new(t, event_proc(ev), ev, &r);
		if (err)
			return err;
	} else {
		row_fill_ghost(t, r);
	}
	r->p.flags |= PROC_SEEDED;
	r->p.state = PROC_RUNNING;
	r->p.exec_id = ev->h.exec_id;
	r->p.pass = ev->seed.pass;
	seed_fill(t, r, ev);
	if (ev->h.flags & REC_F_ZOMBIE)
		seed_new_zombie(t, r, ev);
	else if (ev->h.flags & REC_F_DEAD)
		row_suspect_exit(t, r, ev->h.boot_ns);
	seed_evidence(t, r, ev);
	table_tell_row(t, CHANGE_SEEN, r, row_of(r->p.parent), ev);
	return 0;
}

static void seed_known(struct proc_table *t, struct row *r, const struct event *ev)
{
	bool quiet = ev->h.boot_ns >= r->p.seen_ns + PROOF_NS; /* no stop is just under way */

	r->p.pass = ev->seed.pass;
	r->bits &= ~(ROW_PASS_ZOMBIE | ROW_PASS_DEAD | ROW_PASS_CONT);
	if (r->bits & ROW_MISSING)
		row_unhold(t, r);
	seed_evidence(t, r, ev);
	if (ev->h.boot_ns < r->p.seen_ns)
		return; /* seen before, written down after: all it says is older */
	seed_fill(t, r, ev);
	if (r->p.state < PROC_ZOMBIE)
		row_prove_exec(t, r, ev);
	if (r->p.death)
		r->p.death->tracer = rec_proc_key(&ev->seed.tracer);
	if (ev->h.flags & REC_F_ZOMBIE)
		r->bits |= ROW_PASS_ZOMBIE;
	if (ev->h.flags & REC_F_DEAD) {
		r->bits |= ROW_PASS_DEAD;
		if (r->p.state < PROC_ZOMBIE)
			row_take_status(r, ev);
	}
	if (!(ev->h.flags & REC_F_STOPPED) && quiet)
		r->bits |= ROW_PASS_CONT;
}

int apply_seed(struct proc_table *t, const struct event *ev)
{
	struct row *r = row_find(t, event_proc(ev));

	if (ev->h.flags & REC_F_THREAD) {
		table_tell_row(t, CHANGE_FACT, r, NULL, ev);
		return 0;
	}
	if (!ev->h.tgid || !ev->h.start_ns)
		return -ENOENT;
	if (!(ev->h.flags & REC_F_JOINED)) {
		if (ev->seed.pass != t->pass) {
			t->pass = ev->seed.pass;
			t->pass_rows = 0;
		}
		t->pass_rows++;
	}
	if (!r || (r->p.flags & PROC_GHOST))
		return seed_new(t, r, ev);
	if (r->p.state == PROC_REAPED) {
		if (!(r->p.flags & PROC_VANISHED) || ev->h.boot_ns < r->p.seen_ns)
			return 0;
		row_revive(t, r, ev);
	}
	seed_known(t, r, ev);
	return 0;
}

/* ---- end of a pass -------------------------------------------------------------------------- */

/* Was this row ever covered by what passes show? Strangers in a scoped stream were not. */
static bool pass_covers(const struct proc_table *t, const struct row *r)
{
	return !t->host.scoped || r->p.pass || !(r->p.flags & PROC_INFERRED);
}

/* True when the pass put the row right. */
static bool heal_seen(struct proc_table *t, struct row *r, const struct event *ev)
{
	uint32_t bits = r->bits;

	r->bits &= ~(ROW_PASS_ZOMBIE | ROW_PASS_DEAD | ROW_PASS_CONT);
	if ((bits & ROW_PASS_ZOMBIE) && r->p.state < PROC_ZOMBIE &&
	    !(r->p.flags & PROC_AUTOREAPED)) {
		r->p.flags |= PROC_HEALED;
		row_tell_exit(t, r, ev);
		row_become_zombie(t, r, NULL, ev);
		return true;
	}
	if ((bits & ROW_PASS_DEAD) && proc_is_alive(&r->p)) {
		r->p.flags |= PROC_HEALED;
		row_suspect_exit(t, r, ev->h.boot_ns);
		return true;
	}
	if ((bits & ROW_PASS_CONT) && (r->p.flags & PROC_STOPPED)) {
		r->p.flags |= PROC_HEALED;
		row_set_stopped(t, r, false, ev);
		return true;
	}
	return false;
}

/*
 * Not in the pass, and nothing was heard of it since the pass began: gone. A dead one is gone
 * rightly when its REC_FREE is still under way, so with nothing lost that is waited for.
 */
static bool heal_missing(struct proc_table *t, struct row *r, const struct event *ev)
{
	if (r->p.seen_ns >= ev->seed_end.began_ns || !pass_covers(t, r))
		return false;
	if (!proc_is_alive(&r->p) && !t->uncertain_ns) {
		if (!(r->bits & ROW_EXIT_HELD)) {
			r->bits |= ROW_MISSING;
			r->ahead_ns = ev->h.boot_ns;
			row_hold(t, r);
		}
		return false;
	}
	r->p.flags |= PROC_VANISHED | PROC_HEALED;
	row_end(t, r, ev, ev->seed_end.began_ns);
	return true;
}

static bool may_need_healing(const struct proc_table *t, const struct row *r,
			     const struct rec_seed_end *end)
{
	if (!(r->bits & ROW_USED) || r->p.state == PROC_REAPED || (r->p.flags & PROC_GHOST))
		return false;
	if (r->p.pass == end->pass)
		return r->bits & (ROW_PASS_ZOMBIE | ROW_PASS_DEAD | ROW_PASS_CONT);
	return r->p.seen_ns < end->began_ns && pass_covers(t, r);
}

static int by_birth(const void *a, const void *b)
{
	return rows_by_birth(*(struct row *const *)a, *(struct row *const *)b);
}

/*
 * In order of birth: where a row lies in memory depends on when this table was begun, and nothing
 * that is told may. Healing one row never makes another one need it.
 */
static uint64_t heal_rows(struct proc_table *t, const struct event *ev)
{
	uint64_t healed = 0;
	size_t cnt = 0, at = 0;
	struct row *r, **rows;

	for (size_t i = 0; (r = pool_at(&t->rows, i)); i++)
		cnt += may_need_healing(t, r, &ev->seed_end);
	rows = calloc(cnt ? cnt : 1, sizeof(struct row *));
	if (!rows)
		return 0; /* the next pass may have more luck */
	for (size_t i = 0; at < cnt && (r = pool_at(&t->rows, i)); i++) {
		if (may_need_healing(t, r, &ev->seed_end))
			rows[at++] = r;
	}
	qsort(rows, cnt, sizeof(struct row *), by_birth);
	for (size_t i = 0; i < cnt; i++) {
		if (rows[i]->p.pass == ev->seed_end.pass)
			healed += heal_seen(t, rows[i], ev);
		else
			healed += heal_missing(t, rows[i], ev);
	}
	free(rows);
	return healed;
}

/*
 * A row that was lost itself must not look like a process that is gone: neither with fewer rows than
 * were made, nor with anything lost since the pass began.
 */
static bool pass_is_complete(const struct proc_table *t, const struct rec_seed_end *end)
{
	uint32_t rows = end->pass == t->pass ? t->pass_rows : 0;

	return !(end->pass & PASS_PARTIAL) && rows == end->rows &&
	       (!t->uncertain_ns || t->loss_ns <= end->began_ns);
}

int apply_seed_end(struct proc_table *t, const struct event *ev)
{
	const struct rec_seed_end *end = &ev->seed_end;
	uint64_t healed, since = t->uncertain_ns;

	if (pass_is_complete(t, end)) {
		healed = heal_rows(t, ev);
		if (table_only_looks(t))
			healed = 0;
		t->counts.healed += healed;
		t->uncertain_ns = 0;
		if (since || healed)
			table_tell(t, &(struct change){
					      .kind = CHANGE_HEAL,
					      .boot_ns = ev->h.boot_ns,
					      .ev = ev,
					      .from_ns = since,
					      .cnt = healed,
				      });
	}
	table_tell_row(t, CHANGE_FACT, NULL, NULL, ev);
	return 0;
}
