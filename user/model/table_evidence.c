// SPDX-License-Identifier: GPL-2.0-only
/*
 * What parents do about their children, and, where release_task() has no hook, between which two
 * moments a child was reaped.
 */
#include <errno.h>

#include "model/table_int.h"

#define SIGCHLD               17
#define CHILDREN_LOOKED_AT    16
#define NS_CHILDREN_LOOKED_AT 256

static uint32_t zombies_below(const struct proc *p)
{
	uint32_t cnt = 0;

	for (const struct proc *c = p->children; c; c = c->next)
		cnt += c->state == PROC_ZOMBIE;
	return cnt;
}

struct evidence *row_evidence(struct proc_table *t, struct row *r)
{
	struct evidence *e = row_evidence_if(r);

	if (e)
		return e;
	e = pool_get(&t->evidences);
	if (!e) {
		t->counts.evicted++;
		return NULL;
	}
	if (t->counts.evicted) /* there may have been no room for it when a child became one */
		e->e.zombies = zombies_below(&r->p);
	e->e.watched_since_ns = r->first_ns;
	e->e.disposition = REC_SIG_UNKNOWN;
	r->p.evidence = &e->e;
	return e;
}

/* Buckets are 4 KiB: the living may have them, the dead are told with them and then lose them. */
void evidence_forget_hist(struct proc_table *t, struct row *r)
{
	if (!r->p.evidence)
		return;
	if (r->p.evidence->zombie_ns.buckets)
		t->hist_cnt--;
	hist_release(&r->p.evidence->zombie_ns);
}

void evidence_release(struct proc_table *t, struct row *r)
{
	evidence_forget_hist(t, r);
	pool_put(&t->evidences, r->p.evidence);
	r->p.evidence = NULL;
}

bool proc_is_awaited(const struct proc *p)
{
	return p->death && ((const struct death *)p->death)->wait_ns;
}

uint32_t proc_any_waits_since(const struct proc *p, uint64_t since_ns)
{
	const struct evidence *e = (const struct evidence *)p->evidence;
	uint32_t cnt = 0;

	for (int i = 0; e && i < WAITS_KEPT; i++)
		cnt += e->any_ns[i] > since_ns;
	return cnt;
}

bool proc_is_of_other_image(const struct proc *p)
{
	return (((const struct row *)p)->bits & ROW_OTHER_IMAGE) && p->parent &&
	       (!p->birth_parent.tgid || proc_key_equals(p->birth_parent, p->parent->key));
}

/* ---- waits ---------------------------------------------------------------------------------- */

/* eligible_child(): __WALL takes all, else __WCLONE decides between clone children and others. */
static bool wait_fits(uint32_t pid, uint8_t options, const struct proc *child)
{
	if (options & (REC_WAIT_NOEXIT | REC_WAIT_NOWAIT))
		return false;
	if (pid && pid != child->key.tgid)
		return false;
	if ((options & REC_WAIT_ALL) || (child->flags & PROC_INFERRED))
		return true;
	return !(options & REC_WAIT_CLONE) == (child->exit_signal == SIGCHLD);
}

static void count_wait(struct proc_waits *w, const struct event *ev)
{
	const struct rec_wait *rec = &ev->wait;
	uint32_t cnt = 1 + rec->repeat;

	w->last_ns = ev->h.boot_ns;
	w->last_pid = rec->pid;
	w->last_kind = rec->kind;
	w->last_options = rec->options;
	w->cnt[rec->kind <= REC_WAIT_PGID ? rec->kind : REC_WAIT_UNKNOWN] += cnt;
	if (rec->options & REC_WAIT_NOHANG)
		w->nohang_cnt += cnt;
	if (rec->options & (REC_WAIT_ALL | REC_WAIT_CLONE))
		w->all_cnt += cnt;
}

/* The zombie this wait must be reaping, if there is no other it could be; the latest are looked at. */
static struct row *find_sure(const struct proc_table *t, const struct row *r,
			     const struct event *ev)
{
	const struct rec_wait *w = &ev->wait;
	struct row *child;
	struct proc *p;

	if (w->kind == REC_WAIT_PID) {
		child = row_find_pid(t, w->pid);
		return child && child->p.parent == &r->p && child->p.state == PROC_ZOMBIE &&
				       wait_fits(w->pid, w->options, &child->p) ?
			       child :
			       NULL;
	}
	if (w->kind != REC_WAIT_ANY || r->p.evidence->zombies != 1)
		return NULL;
	p = r->p.last_child;
	for (int i = 0; p && i < CHILDREN_LOOKED_AT; i++, p = p->prev) {
		if (p->state == PROC_ZOMBIE)
			return wait_fits(0, w->options, p) ? row_of(p) : NULL;
	}
	return NULL;
}

static void open_wait(struct evidence *e, const struct event *ev)
{
	const struct rec_wait *w = &ev->wait;
	struct open_wait *o = &e->open[0];

	for (int i = 0; i < WAITS_OPEN; i++) {
		if (e->open[i].ns < o->ns) /* a free one has 0 */
			o = &e->open[i];
	}
	*o = (struct open_wait){
		.ns = ev->h.boot_ns,
		.tid = ev->h.tid,
		.options = w->options,
		.pid = w->kind == REC_WAIT_PID ? w->pid : 0,
	};
}

static void note_wait(struct proc_table *t, struct row *r, struct evidence *e,
		      const struct event *ev)
{
	const struct rec_wait *w = &ev->wait;
	struct row *sure;

	if (w->options & (REC_WAIT_NOEXIT | REC_WAIT_NOWAIT))
		return;
	sure = find_sure(t, r, ev);
	if (sure) {
		struct death *d = death_of(sure);

		if (d && !d->wait_ns)
			d->wait_ns = ev->h.boot_ns;
		e->sure = sure->p.key;
		e->sure_tid = ev->h.tid;
	}
	if (w->kind != REC_WAIT_PID && !(w->options & REC_WAIT_CLONE))
		e->any_ns[e->any_cnt++ % WAITS_KEPT] = ev->h.boot_ns;
	if (!(w->options & REC_WAIT_NOHANG) && !sure && (w->kind == REC_WAIT_PID || !e->e.zombies))
		open_wait(e, ev);
}

void row_went_on(struct proc_table *t, struct row *r, uint32_t tid, uint64_t now_ns)
{
	struct evidence *e = row_evidence_if(r);
	struct row *child;

	if (!e)
		return;
	for (int i = 0; i < WAITS_OPEN; i++) {
		if (e->open[i].tid == tid)
			e->open[i] = (struct open_wait){0};
	}
	if (!e->sure.tgid || e->sure_tid != tid)
		return;
	child = row_find(t, e->sure);
	if (child && child->p.state == PROC_ZOMBIE && child->p.death &&
	    !death_of(child)->wait_end_ns)
		death_of(child)->wait_end_ns = now_ns;
	e->sure = (struct proc_key){0};
	e->sure_tid = 0;
}

int apply_wait(struct proc_table *t, const struct event *ev)
{
	struct evidence *e;
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (!proc_is_alive(&r->p)) {
		t->counts.illegal++;
		return 0;
	}
	if (r->p.flags & PROC_STOPPED)
		row_set_stopped(t, r, false, ev);
	e = row_evidence(t, r);
	if (!e)
		return -ENOMEM;
	row_went_on(t, r, ev->h.tid, ev->h.boot_ns);
	count_wait(&e->e.waits, ev);
	note_wait(t, r, e, ev);
	table_tell_row(t, CHANGE_WAIT, r, NULL, ev);
	return 0;
}

/* By its pid in the caller's own namespace, which names nobody elsewhere; the oldest are looked at. */
static struct row *find_ns_child(const struct row *r, uint32_t ns_pid)
{
	struct proc *p = r->p.children;

	for (int i = 0; p && i < NS_CHILDREN_LOOKED_AT; i++, p = p->next) {
		if (p->ns_tgid == ns_pid && p->ns_level == r->p.ns_level && p->death &&
		    !death_of(row_of(p))->wait_end_ns)
			return row_of(p);
	}
	return NULL;
}

/*
 * The very call that reaped this child: narrower than whatever was concluded before. Of two that claim
 * it the later is right: the earlier told of a stop, and it was dead before it could tell.
 */
static void note_waited(struct row *r, struct row *child, const struct event *ev)
{
	const struct rec_waited *w = &ev->waited;
	struct death *d = death_of(child);

	if (w->begin_ns)
		d->wait_ns = w->begin_ns;
	else if (!d->wait_ns)
		d->wait_ns = d->d.zombie_ns;
	d->wait_end_ns = ev->h.boot_ns;
	d->d.reaper = r->p.key;
}

int apply_waited(struct proc_table *t, const struct event *ev)
{
	const struct rec_waited *w = &ev->waited;
	struct evidence *e;
	struct row *r, *child;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	e = row_evidence_if(r);
	if (e && e->sure_tid == ev->h.tid) /* it says itself which one it was */
		e->sure = (struct proc_key){0};
	row_went_on(t, r, ev->h.tid, ev->h.boot_ns);
	child = w->pid ? row_find_pid(t, w->pid) : find_ns_child(r, w->ns_pid);
	if (child && child->p.parent == &r->p && child->p.death && child->p.state != PROC_REAPED)
		note_waited(r, child, ev);
	return 0;
}

/* A wait that blocked before the death ends with it: one wait, one child. */
void evidence_open_waits(struct proc_table *t, struct row *child)
{
	struct evidence *e = child->p.parent ? row_evidence_if(row_of(child->p.parent)) : NULL;
	struct death *d = death_of(child);

	(void)t;
	if (!e || !d)
		return;
	for (int i = 0; i < WAITS_OPEN; i++) {
		struct open_wait *o = &e->open[i];

		if (!o->ns || !wait_fits(o->pid, o->options, &child->p))
			continue;
		d->wait_ns = d->d.zombie_ns;
		e->sure = child->p.key;
		e->sure_tid = o->tid;
		*o = (struct open_wait){0};
		return;
	}
}

/* ---- deaths and reaps of children ----------------------------------------------------------- */

void evidence_count_death(struct proc_table *t, struct row *child, const struct event *ev)
{
	const struct rec_zombie *z = &ev->zombie;
	struct evidence *e;

	if (!child->p.parent)
		return;
	e = row_evidence(t, row_of(child->p.parent));
	if (!e)
		return;
	if (!(child->bits & ROW_DIED_COUNTED)) {
		child->bits |= ROW_DIED_COUNTED;
		e->e.died++;
		e->e.last_child_death_ns = ev->h.boot_ns;
	}
	if (ev->h.type != REC_ZOMBIE || (z->flags & REC_ZOMBIE_TRACER))
		return;
	if (!(z->flags & REC_ZOMBIE_HANDOVER) && !proc_key_equals(event_proc(ev), child->p.key))
		return; /* another's record, which proved this death */
	child->bits |= ROW_NOTIFIED;
	e->e.disposition = z->disposition;
	e->e.sa_flags = z->sa_flags;
	e->e.blocked = z->blocked;
	e->e.pending = z->pending;
	if (z->flags & REC_ZOMBIE_MERGED)
		e->e.merged++;
}

/*
 * begin_new_exec(): a handler of SIGCHLD is gone with the image (flush_signal_handlers()), a signal
 * that is ignored, blocked or pending stays so. The rest counts what happened since the birth.
 */
void evidence_of_new_image(struct row *r)
{
	struct evidence *e = row_evidence_if(r);

	if (!e)
		return;
	e->e.waits = (struct proc_waits){0};
	e->e.sig_caught = 0;
	if (e->e.disposition == REC_SIG_HANDLER) {
		e->e.disposition = REC_SIG_DFL;
		e->e.sa_flags = 0;
	}
}

/* The first value needs no buckets: hist_percentile() answers it from 'min'. */
static void add_lifetime(struct proc_table *t, struct hist *h, uint64_t ns)
{
	uint64_t first = h->min;

	if (h->cnt == 0) {
		h->cnt = 1;
		h->sum = h->min = h->max = ns;
		return;
	}
	if (!h->buckets) {
		if (t->hist_cnt >= HISTS_MAX)
			return;
		*h = (struct hist){0};
		if (hist_add(h, first))
			return;
		t->hist_cnt++;
	}
	hist_add(h, ns);
}

void evidence_count_reap(struct proc_table *t, struct row *child)
{
	const struct proc_death *d = child->p.death;
	struct evidence *e;

	if (!child->p.parent || !(child->bits & ROW_DIED_COUNTED))
		return;
	e = row_evidence(t, row_of(child->p.parent));
	if (!e)
		return;
	if (child->p.flags & PROC_AUTOREAPED) {
		e->e.autoreaped++;
		return;
	}
	e->e.reaped++;
	if (!d)
		return;
	e->e.last_reap_ns = d->gone_ns;
	if (child->p.flags & PROC_VANISHED)
		return; /* found missing by a pass: only an upper bound */
	if (child->p.state == PROC_ZOMBIE && d->zombie_ns && d->gone_ns >= d->zombie_ns)
		add_lifetime(t, &e->e.zombie_ns, d->gone_ns - d->zombie_ns);
}

/* The first wait for any child at or after 'ns'; 0: none, or it is out of the ring already. */
static uint64_t first_wait_since(const struct evidence *e, uint64_t ns)
{
	uint32_t i = e->any_cnt > WAITS_KEPT ? e->any_cnt - WAITS_KEPT : 0;

	if (i && e->any_ns[i % WAITS_KEPT] > ns)
		return 0;
	for (; i < e->any_cnt; i++) {
		if (e->any_ns[i % WAITS_KEPT] >= ns)
			return e->any_ns[i % WAITS_KEPT];
	}
	return 0;
}

/*
 * lower: the zombie's birth, or the begin of the first wait that fits it where that is later.
 * upper: the end of the process in the kernel, or the next record of the only thread that can have
 * reaped it. With a fitting wait the reap follows its begin at once, unless the parent had others to
 * reap first: gone_ns is the lower bound then, and without one the upper. Either way the lifetime is
 * off by at most zombie_err_ns.
 */
void death_bracket(struct row *r, uint64_t upper_ns)
{
	const struct evidence *e = r->p.parent ? row_evidence_if(row_of(r->p.parent)) : NULL;
	struct death *d = death_of(r);
	uint64_t lower = d->d.zombie_ns ? d->d.zombie_ns : d->d.exit_ns;
	uint64_t wait = d->wait_ns;

	if (d->wait_end_ns && d->wait_end_ns < upper_ns)
		upper_ns = d->wait_end_ns;
	if (!wait && e && r->p.exit_signal == SIGCHLD)
		wait = first_wait_since(e, lower);
	if (wait > lower)
		lower = wait;
	if (lower > upper_ns || !lower)
		lower = upper_ns;
	d->d.reap_source = wait ? REC_WAIT : REC_FREE;
	d->d.gone_ns = wait ? lower : upper_ns;
	if (r->p.state == PROC_ZOMBIE)
		d->d.zombie_err_ns += upper_ns - lower;
}
