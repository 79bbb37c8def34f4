// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of a keyframe -> the table, silently: they are what is known, not what happened. They may
 * come from a file that somebody else wrote, so a row that no table can have had is refused whole,
 * before anything of it is taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/table_int.h"

/* What the model would have to have been told by a list, by its place or not at all */
#define MARKS_TAKEN                                                                                \
	(ROW_BIRTH_SEEN | ROW_EXIT_TOLD | ROW_FREED | ROW_LET_GO | ROW_ORPHAN | ROW_EXEC_DERIVED | \
	 ROW_PASS_ZOMBIE | ROW_PASS_DEAD | ROW_PASS_CONT | ROW_DIED_COUNTED | ROW_NOTIFIED)

/* The parts of one row, copied: in the record nothing need be aligned. */
struct parts {
	uint32_t cut[4]; /* exe, args, cwd, hostname */
	struct rec_row_death death;
	struct rec_row_kill killer, kills[KILLS_MAX];
	struct rec_row_evidence evidence;
	struct rec_row_waits waits;
	struct rec_row_hist hist;
	struct span pairs;
	struct rec_proc tracer;
};

/* ---- reading -------------------------------------------------------------------------------- */

static void take(struct cursor *c, void *dst, size_t len)
{
	const void *p = cursor_take(c, len);

	if (p && len)
		memcpy(dst, p, len);
}

static int take_parts(const struct event *ev, struct parts *ret)
{
	struct cursor c = cursor_of(ev->text.data, ev->text.len);
	unsigned parts = ev->row.parts;

	memset(ret, 0, sizeof(*ret));
	if (ev->row.kills > KILLS_MAX)
		return -EBADMSG;
	if (parts & REC_PART_CUT)
		take(&c, ret->cut, sizeof(ret->cut));
	if (parts & REC_PART_DEATH)
		take(&c, &ret->death, sizeof(ret->death));
	if (parts & REC_PART_KILLER)
		take(&c, &ret->killer, sizeof(ret->killer));
	if (parts & REC_PART_KILLS)
		take(&c, ret->kills, ev->row.kills * sizeof(*ret->kills));
	if (parts & REC_PART_EVIDENCE)
		take(&c, &ret->evidence, sizeof(ret->evidence));
	if (parts & REC_PART_WAITS)
		take(&c, &ret->waits, sizeof(ret->waits));
	if (parts & REC_PART_HIST)
		take(&c, &ret->hist, sizeof(ret->hist));
	if (ret->hist.buckets > HIST_BUCKETS)
		return -EBADMSG;
	ret->pairs = cursor_span(&c, ret->hist.buckets * 2 * sizeof(uint32_t));
	if (parts & REC_PART_TRACER)
		take(&c, &ret->tracer, sizeof(ret->tracer));
	return c.err;
}

static void get_pair(const struct parts *parts, uint32_t i, uint32_t *ret_pair)
{
	memcpy(ret_pair, parts->pairs.data + i * 2 * sizeof(uint32_t), 2 * sizeof(uint32_t));
}

/* ---- what can be ---------------------------------------------------------------------------- */

/* A percentile is looked for among as many values as the histogram says it has. */
static bool hist_can_be(const struct parts *parts)
{
	const struct rec_row_hist *h = &parts->hist;
	uint64_t sum = 0;
	uint32_t pair[2];
	int64_t last = -1;

	if (!h->buckets)
		return h->cnt <= 1;
	for (uint32_t i = 0; i < h->buckets; i++) {
		get_pair(parts, i, pair);
		if (pair[0] >= HIST_BUCKETS || pair[0] <= last || !pair[1])
			return false;
		last = pair[0];
		sum += pair[1];
	}
	return sum == h->cnt && h->min <= h->max;
}

static bool ghost_can_be(const struct rec_row *r)
{
	return r->state == PROC_RUNNING && !r->h.ppid && !(r->marks & ROW_EXIT_HELD);
}

static bool life_can_be(const struct rec_row *r)
{
	bool death = r->parts & REC_PART_DEATH, told = r->marks & ROW_EXIT_TOLD;
	bool held = r->marks & ROW_EXIT_HELD;

	switch (r->state) {
	case PROC_BORN:
	case PROC_RUNNING: return !death && !held;
	case PROC_DYING: return death;
	case PROC_ZOMBIE: return death && told;
	case PROC_REAPED: return death && told && !held;
	}
	return false;
}

static bool row_can_be(const struct rec_row *r, const struct parts *parts)
{
	if (!r->h.tgid || !r->h.start_ns || r->how > HOW_THREAD)
		return false;
	if (r->h.ppid && (!r->h.parent_start_ns ||
			  (r->h.ppid == r->h.tgid && r->h.parent_start_ns == r->h.start_ns)))
		return false;
	if ((r->marks & ROW_MISSING) && !(r->marks & ROW_EXIT_HELD))
		return false;
	if ((r->flags & PROC_GHOST) && !ghost_can_be(r))
		return false;
	if ((r->parts & (REC_PART_WAITS | REC_PART_HIST)) && !(r->parts & REC_PART_EVIDENCE))
		return false;
	return life_can_be(r) && hist_can_be(parts);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void load_life(struct row *r, const struct rec_row *rec)
{
	struct proc *p = &r->p;

	r->bits |= rec->marks & MARKS_TAKEN;
	if (rec->marks & MARK_OTHER_IMAGE)
		r->bits |= ROW_OTHER_IMAGE;
	r->first_ns = rec->first_ns;
	r->ahead_ns = rec->ahead_ns;
	p->birth_parent = (struct proc_key){rec->birth_tgid, rec->birth_start_ns};
	p->parent_tid = rec->h.parent_tid;
	p->exec_id = rec->h.exec_id;
	p->status = rec->h.status;
	p->seen_ns = rec->seen_ns;
	p->exec_ns = rec->exec_ns;
	p->stood_still_ns = rec->still_ns;
	p->exec_cnt = rec->exec_cnt;
	p->pass = rec->pass;
	p->exit_signal = rec->exit_signal;
	p->flags = rec->flags;
	p->how = rec->how;
}

static void load_place(struct proc_table *t, struct row *r, const struct rec_row *rec)
{
	struct proc *p = &r->p;

	row_take_cred(r, &rec->cred);
	row_set_cgroup(t, r, rec->cgroup_id);
	p->rss_kb = rec->rss_kb;
	p->pidns = rec->pidns;
	p->ns_tgid = rec->ns_tgid;
	p->ns_level = rec->ns_level;
	p->threads = rec->threads;
	p->task_state = rec->task_state;
	memcpy(p->comm, rec->comm, sizeof(p->comm));
	if (rec->marks & ROW_INIT)
		row_note_init(t, r);
}

static void load_texts(struct proc_table *t, struct row *r, const struct event *ev,
		       const struct parts *parts)
{
	row_set_str(t, &r->p.exe, ev->file, parts->cut[0]);
	row_set_str(t, &r->p.args, ev->args, parts->cut[1]);
	row_set_str(t, &r->p.cwd, ev->cwd, parts->cut[2]);
	row_set_str(t, &r->p.hostname, ev->name, parts->cut[3]);
}

static struct proc_killer killer_of(const struct rec_row_kill *rec)
{
	struct proc_killer k = {
		.key = rec_proc_key(&rec->sender),
		.sent_ns = rec->sent_ns,
		.sig = rec->sig,
		.code = rec->code,
	};

	memcpy(k.comm, rec->comm, sizeof(k.comm));
	return k;
}

static int load_death(struct proc_table *t, struct row *r, const struct parts *parts)
{
	const struct rec_row_death *rec = &parts->death;
	struct death *d = row_death(t, r);

	if (!d)
		return -ENOMEM;
	d->d = (struct proc_death){
		.usage = rec->usage,
		.exit_ns = rec->exit_ns,
		.zombie_ns = rec->zombie_ns,
		.zombie_err_ns = rec->zombie_err_ns,
		.gone_ns = rec->gone_ns,
		.reaper = rec_proc_key(&rec->reaper),
		.tracer = rec_proc_key(&parts->tracer),
		.killer = killer_of(&parts->killer),
		.zombie_source = rec->zombie_source,
		.reap_source = rec->reap_source,
		.core_dumped = rec->core_dumped,
	};
	d->wait_ns = rec->wait_ns;
	d->wait_end_ns = rec->wait_end_ns;
	return 0;
}

static int load_kills(struct proc_table *t, struct row *r, const struct parts *parts,
		      const struct rec_row *rec)
{
	r->kills = pool_get(&t->kills);
	if (!r->kills)
		return -ENOMEM;
	r->kills->cnt = rec->kills;
	r->kills->taken = rec->taken;
	for (uint32_t i = 0; i < rec->kills; i++)
		r->kills->kill[i] = killer_of(&parts->kills[i]);
	return 0;
}

/* ---- evidence ------------------------------------------------------------------------------- */

static int load_hist(struct proc_table *t, struct hist *h, const struct parts *parts)
{
	const struct rec_row_hist *rec = &parts->hist;
	uint32_t pair[2];

	if (rec->buckets) {
		if (t->hist_cnt >= HISTS_MAX)
			return -ENOMEM;
		h->buckets = calloc(HIST_BUCKETS, sizeof(*h->buckets));
		if (!h->buckets)
			return -ENOMEM;
		t->hist_cnt++;
	}
	h->cnt = rec->cnt;
	h->sum = rec->sum;
	h->min = rec->min;
	h->max = rec->max;
	for (uint32_t i = 0; i < rec->buckets; i++) {
		get_pair(parts, i, pair);
		h->buckets[pair[0]] = pair[1];
	}
	return 0;
}

static void load_waits(struct evidence *e, const struct rec_row_waits *rec)
{
	memcpy(e->any_ns, rec->any_ns, sizeof(e->any_ns));
	e->any_cnt = rec->any_cnt;
	for (int i = 0; i < WAITS_OPEN; i++)
		e->open[i] = (struct open_wait){
			.ns = rec->open_ns[i],
			.tid = rec->open_tid[i],
			.pid = rec->open_child[i],
			.options = rec->open_options[i],
		};
	e->sure = rec_proc_key(&rec->sure);
	e->sure_tid = rec->sure_tid;
}

/* How many children are zombies their own rows will tell. */
static int load_evidence(struct proc_table *t, struct row *r, const struct parts *parts)
{
	const struct rec_row_evidence *rec = &parts->evidence;
	struct evidence *e = row_evidence(t, r);

	if (!e)
		return -ENOMEM;
	e->e = (struct proc_evidence){
		.waits = {.last_ns = rec->wait_ns,
			  .nohang_cnt = rec->nohang_cnt,
			  .all_cnt = rec->all_cnt,
			  .last_pid = rec->wait_pid,
			  .last_kind = rec->wait_kind,
			  .last_options = rec->wait_options},
		.watched_since_ns = rec->watched_since_ns,
		.last_child_death_ns = rec->child_death_ns,
		.last_reap_ns = rec->reap_ns,
		.child_minflt = rec->child_minflt,
		.child_cpu_ns = rec->child_cpu_ns,
		.sig_blocked = rec->sig_blocked,
		.sig_pending = rec->sig_pending,
		.sig_ignored = rec->sig_ignored,
		.sig_caught = rec->sig_caught,
		.snapshot_ns = rec->snapshot_ns,
		.died = rec->died,
		.reaped = rec->reaped,
		.autoreaped = rec->autoreaped,
		.merged = rec->merged,
		.sa_flags = rec->sa_flags,
		.disposition = rec->disposition,
		.blocked = rec->blocked,
		.pending = rec->pending,
	};
	memcpy(e->e.waits.cnt, rec->wait_cnt, sizeof(e->e.waits.cnt));
	load_waits(e, &parts->waits);
	return load_hist(t, &e->e.zombie_ns, parts);
}

/* ---- a row as a whole ----------------------------------------------------------------------- */

static int load_row(struct proc_table *t, struct row *r, const struct event *ev,
		    const struct parts *parts)
{
	const struct rec_row *rec = &ev->row;
	int err = 0;

	load_life(r, rec);
	load_place(t, r, rec);
	load_texts(t, r, ev, parts);
	if (rec->parts & REC_PART_DEATH)
		err = load_death(t, r, parts);
	if (!err && (rec->parts & REC_PART_KILLS))
		err = load_kills(t, r, parts, rec);
	if (!err && (rec->parts & REC_PART_EVIDENCE))
		err = load_evidence(t, r, parts);
	return err;
}

/* Its parent may be missing where a piece of the keyframe is: then it is known by name only. */
static void place_row(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_row *rec = &ev->row;
	struct row *parent = row_find_or_ghost(t, event_parent(ev), ev);

	if (parent)
		row_link(t, r, parent);
	if (rec->marks & ROW_EXIT_HELD) {
		row_hold(t, r);
		r->bits |= rec->marks & ROW_MISSING;
	}
	if (rec->state == PROC_REAPED)
		row_list_dead(t, r);
}

int apply_row(struct proc_table *t, const struct event *ev)
{
	struct parts parts;
	struct row *r;
	int err = take_parts(ev, &parts);

	if (err || !row_can_be(&ev->row, &parts) || row_find(t, event_proc(ev))) {
		t->counts.malformed++;
		return -EBADMSG;
	}
	if (!t->loading)
		t->loaded = 0;
	t->loading = true;
	r = row_alloc(t, event_proc(ev), ev->h.boot_ns);
	if (!r)
		return -ENOMEM;
	if (ev->row.flags & PROC_GHOST) {
		t->ghosts++;
		r->p.state = PROC_RUNNING;
	} else {
		t->counts.live++;
		row_set_state(t, r, ev->row.state);
	}
	err = load_row(t, r, ev, &parts);
	if (err) {
		t->counts.evicted++;
		row_forget(t, r);
		return err;
	}
	place_row(t, r, ev);
	t->loaded++;
	return 0;
}

/* ---- beside the rows ------------------------------------------------------------------------ */

static int load_cpus(struct proc_table *t, struct cursor *c, uint32_t cnt)
{
	struct rec_table_cpu rec = {0};

	for (uint32_t i = 0; i < cnt && !c->err; i++) {
		struct cpu_loss *cpu;

		take(c, &rec, sizeof(rec));
		if (c->err || rec.cpu >= UINT16_MAX)
			return -EBADMSG;
		cpu = table_cpu(t, rec.cpu);
		if (!cpu)
			return -ENOMEM;
		cpu->lost = rec.lost;
		cpu->seen_ns = rec.seen_ns;
	}
	return 0;
}

/* Each goes to the end of the list it is on, one after the other: then they have this order. */
static int load_order(struct proc_table *t, struct cursor *c, uint32_t cnt)
{
	struct rec_proc rec = {0};

	for (uint32_t i = 0; i < cnt; i++) {
		struct row *r;

		take(c, &rec, sizeof(rec));
		if (c->err)
			return -EBADMSG;
		r = row_find(t, rec_proc_key(&rec));
		if (r)
			row_list_last(t, r);
	}
	return 0;
}

/* On top of what went wrong with the keyframe itself. */
static void load_counts(struct proc_counts *n, const struct rec_table_end *rec)
{
	n->forks += rec->forks;
	n->execs += rec->execs;
	n->deaths += rec->deaths;
	n->killed += rec->killed;
	n->zombies += rec->zombies;
	n->reaps += rec->reaps;
	n->adoptions += rec->adoptions;
	n->signals += rec->signals;
	n->threads += rec->threads;
	n->events += rec->events;
	n->lost += rec->lost;
	n->missed += rec->missed;
	n->healed += rec->healed;
	n->illegal += rec->illegal;
	n->evicted += rec->evicted;
	n->malformed += rec->malformed;
	n->unknown_type += rec->unknown_type;
	n->thinned += rec->thinned;
	n->attempted = rec->attempted;
	n->delivered = rec->delivered;
}

static void end_loading(struct proc_table *t, bool whole)
{
	struct row *r;

	t->loading = false;
	for (size_t i = 0; (r = pool_at(&t->rows, i)); i++) {
		if (r->bits & ROW_USED)
			row_drop_ghost(t, r);
	}
	if (!whole && !t->uncertain_ns)
		t->uncertain_ns = t->host.now_ns ? t->host.now_ns : 1;
	if (!whole && t->host.now_ns > t->loss_ns)
		t->loss_ns = t->host.now_ns;
}

void table_break_loading(struct proc_table *t)
{
	end_loading(t, false);
}

static int load_end(struct proc_table *t, struct cursor *c)
{
	struct rec_table_end rec = {0};

	take(c, &rec, c->left < sizeof(rec) ? c->left : sizeof(rec));
	load_counts(&t->counts, &rec);
	t->host.start_ns = rec.start_ns;
	t->host.run_ns = rec.run_ns;
	t->uncertain_ns = rec.uncertain_ns;
	t->loss_ns = rec.loss_ns;
	t->unfreed = rec.unfreed;
	t->pass = rec.pass;
	t->pass_rows = rec.pass_rows;
	if (rec.newest_start_ns > t->newest_start_ns)
		t->newest_start_ns = rec.newest_start_ns;
	end_loading(t, (t->loading ? t->loaded : 0) == rec.rows);
	return 0;
}

int apply_table(struct proc_table *t, const struct event *ev)
{
	struct cursor c = cursor_of(ev->text.data, ev->text.len);
	int err = 0;

	switch (ev->table.kind) {
	case REC_TABLE_CPUS: err = load_cpus(t, &c, ev->table.cnt); break;
	case REC_TABLE_DEAD:
	case REC_TABLE_HELD: err = load_order(t, &c, ev->table.cnt); break;
	case REC_TABLE_END: err = load_end(t, &c); break;
	} /* a later version's kind: not known, and not needed */
	if (err == -EBADMSG)
		t->counts.malformed++;
	return err;
}
