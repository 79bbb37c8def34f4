// SPDX-License-Identifier: GPL-2.0-only
/* A row as a record; table_keyframe.c reads it back. A new field of a row has to come in here. */
#include <string.h>

#include "model/keyframe_int.h"

/* These numbers are in trails for ever: event_keyframe.h lists them. */
_Static_assert(PROC_BORN == 0 && PROC_RUNNING == 1 && PROC_DYING == 2 && PROC_ZOMBIE == 3 &&
		       PROC_REAPED == 4,
	       "states are in trails");
_Static_assert(HOW_UNKNOWN == 0 && HOW_FORK == 1 && HOW_VFORK == 2 && HOW_POSIX_SPAWN == 3 &&
		       HOW_CLONE == 4 && HOW_THREAD == 5,
	       "ways to be born are in trails");
_Static_assert(PROC_KTHREAD == 0x1 && PROC_NSINIT == 0x2 && PROC_SUBREAPER == 0x4 &&
		       PROC_ADOPTED == 0x8 && PROC_SEEDED == 0x10 && PROC_INFERRED == 0x20 &&
		       PROC_LEADER_DEAD == 0x40 && PROC_STOPPED == 0x80 && PROC_TRACED == 0x100 &&
		       PROC_HEALED == 0x200 && PROC_EXECED == 0x400 && PROC_STATUS_KNOWN == 0x800 &&
		       PROC_AUTOREAPED == 0x1000 && PROC_VANISHED == 0x2000 &&
		       PROC_GHOST == 0x4000 && PROC_STATE_Z_SEEDED == 0x8000,
	       "flags are in trails");
_Static_assert(ROW_BIRTH_SEEN == 0x2 && ROW_EXIT_TOLD == 0x4 && ROW_EXIT_HELD == 0x8 &&
		       ROW_FREED == 0x10 && ROW_LET_GO == 0x20 && ROW_ORPHAN == 0x40 &&
		       ROW_EXEC_DERIVED == 0x80 && ROW_PASS_ZOMBIE == 0x100 &&
		       ROW_PASS_DEAD == 0x200 && ROW_PASS_CONT == 0x400 &&
		       ROW_DIED_COUNTED == 0x800 && ROW_NOTIFIED == 0x2000 &&
		       ROW_MISSING == 0x4000 && ROW_INIT == 0x8000,
	       "marks are in trails");

/* ---- parts ---------------------------------------------------------------------------------- */

static bool is_cut(const struct intern_str *s)
{
	return s && s->true_len != s->len;
}

static uint32_t true_len(const struct intern_str *s)
{
	return s ? s->true_len : 0;
}

static bool evidence_has_waits(const struct evidence *e)
{
	bool open = false;

	for (int i = 0; i < WAITS_OPEN; i++)
		open |= e->open[i].ns != 0;
	return e->any_cnt || open || e->sure.tgid;
}

static unsigned parts_of(const struct row *r)
{
	const struct proc *p = &r->p;
	const struct evidence *e = row_evidence_if(r);
	unsigned parts = 0;

	if (is_cut(p->exe) || is_cut(p->args) || is_cut(p->cwd) || is_cut(p->hostname))
		parts |= REC_PART_CUT;
	if (!proc_is_alive(p))
		parts |= REC_PART_DEATH;
	if (p->death && p->death->killer.sig)
		parts |= REC_PART_KILLER;
	if (r->kills)
		parts |= REC_PART_KILLS;
	if (e)
		parts |= REC_PART_EVIDENCE;
	if (e && evidence_has_waits(e))
		parts |= REC_PART_WAITS;
	if (e && e->e.zombie_ns.cnt)
		parts |= REC_PART_HIST;
	if (p->death && p->death->tracer.tgid)
		parts |= REC_PART_TRACER;
	return parts;
}

static void put_cut(struct keyframe *k, const struct proc *p)
{
	uint32_t lens[4] = {true_len(p->exe), true_len(p->args), true_len(p->cwd),
			    true_len(p->hostname)};

	buf_put(k->out, lens, sizeof(lens));
}

/* NULL: there was no room for it, and nothing of it is known. */
static void put_death(struct keyframe *k, const struct death *d)
{
	static const struct death unknown;
	struct rec_row_death rec;

	d = d ? d : &unknown;
	rec = (struct rec_row_death){
		.usage = d->d.usage,
		.reaper = rec_proc_of(d->d.reaper),
		.exit_ns = d->d.exit_ns,
		.zombie_ns = d->d.zombie_ns,
		.zombie_err_ns = d->d.zombie_err_ns,
		.gone_ns = d->d.gone_ns,
		.wait_ns = d->wait_ns,
		.wait_end_ns = d->wait_end_ns,
		.zombie_source = d->d.zombie_source,
		.reap_source = d->d.reap_source,
		.core_dumped = d->d.core_dumped,
	};

	buf_put(k->out, &rec, sizeof(rec));
}

static void put_kill(struct keyframe *k, const struct proc_killer *killer)
{
	struct rec_row_kill rec = {
		.sender = rec_proc_of(killer->key),
		.sent_ns = killer->sent_ns,
		.sig = killer->sig,
		.code = killer->code,
	};

	memcpy(rec.comm, killer->comm, sizeof(rec.comm));
	buf_put(k->out, &rec, sizeof(rec));
}

static void put_evidence(struct keyframe *k, const struct proc_evidence *e)
{
	const struct proc_waits *w = &e->waits;
	struct rec_row_evidence rec = {
		.watched_since_ns = e->watched_since_ns,
		.child_death_ns = e->last_child_death_ns,
		.reap_ns = e->last_reap_ns,
		.wait_ns = w->last_ns,
		.snapshot_ns = e->snapshot_ns,
		.child_minflt = e->child_minflt,
		.child_cpu_ns = e->child_cpu_ns,
		.sig_blocked = e->sig_blocked,
		.sig_pending = e->sig_pending,
		.sig_ignored = e->sig_ignored,
		.sig_caught = e->sig_caught,
		.nohang_cnt = w->nohang_cnt,
		.all_cnt = w->all_cnt,
		.wait_pid = w->last_pid,
		.died = e->died,
		.reaped = e->reaped,
		.autoreaped = e->autoreaped,
		.merged = e->merged,
		.sa_flags = e->sa_flags,
		.wait_kind = w->last_kind,
		.wait_options = w->last_options,
		.disposition = e->disposition,
		.blocked = e->blocked,
		.pending = e->pending,
	};

	memcpy(rec.wait_cnt, w->cnt, sizeof(rec.wait_cnt));
	buf_put(k->out, &rec, sizeof(rec));
}

static void put_waits(struct keyframe *k, const struct evidence *e)
{
	struct rec_row_waits rec = {
		.sure = rec_proc_of(e->sure),
		.sure_tid = e->sure_tid,
		.any_cnt = e->any_cnt,
	};

	_Static_assert(sizeof(rec.any_ns) == sizeof(e->any_ns), "the ring is in trails");
	memcpy(rec.any_ns, e->any_ns, sizeof(rec.any_ns));
	for (int i = 0; i < WAITS_OPEN; i++) {
		rec.open_ns[i] = e->open[i].ns;
		rec.open_tid[i] = e->open[i].tid;
		rec.open_child[i] = e->open[i].pid;
		rec.open_options[i] = e->open[i].options;
	}
	buf_put(k->out, &rec, sizeof(rec));
}

static void put_hist(struct keyframe *k, const struct hist *h)
{
	struct rec_row_hist rec = {.cnt = h->cnt, .sum = h->sum, .min = h->min, .max = h->max};

	for (uint32_t i = 0; h->buckets && i < HIST_BUCKETS; i++)
		rec.buckets += h->buckets[i] != 0;
	buf_put(k->out, &rec, sizeof(rec));
	for (uint32_t i = 0; h->buckets && i < HIST_BUCKETS; i++) {
		uint32_t pair[2] = {i, h->buckets[i]};

		if (h->buckets[i])
			buf_put(k->out, pair, sizeof(pair));
	}
}

static void put_tracer(struct keyframe *k, const struct proc_death *d)
{
	struct rec_proc rec = rec_proc_of(d->tracer);

	buf_put(k->out, &rec, sizeof(rec));
}

static void put_parts(struct keyframe *k, const struct row *r, unsigned parts)
{
	const struct evidence *e = row_evidence_if(r);

	if (parts & REC_PART_CUT)
		put_cut(k, &r->p);
	if (parts & REC_PART_DEATH)
		put_death(k, death_of(r));
	if (parts & REC_PART_KILLER)
		put_kill(k, &r->p.death->killer);
	for (uint32_t i = 0; r->kills && i < r->kills->cnt; i++)
		put_kill(k, &r->kills->kill[i]);
	if (parts & REC_PART_EVIDENCE)
		put_evidence(k, &e->e);
	if (parts & REC_PART_WAITS)
		put_waits(k, e);
	if (parts & REC_PART_HIST)
		put_hist(k, &e->e.zombie_ns);
	if (parts & REC_PART_TRACER)
		put_tracer(k, r->p.death);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void fill_life(struct rec_row *rec, const struct row *r)
{
	const struct proc *p = &r->p;

	rec->h.start_ns = p->key.start_ns;
	rec->h.tgid = rec->h.tid = p->key.tgid;
	rec->h.exec_id = p->exec_id;
	rec->h.status = p->status;
	rec->h.parent_tid = p->parent_tid;
	if (p->parent) {
		rec->h.ppid = p->parent->key.tgid;
		rec->h.parent_start_ns = p->parent->key.start_ns;
	}
	rec->birth_start_ns = p->birth_parent.start_ns;
	rec->birth_tgid = p->birth_parent.tgid;
	rec->first_ns = r->first_ns;
	rec->seen_ns = p->seen_ns;
	rec->exec_ns = p->exec_ns;
	rec->ahead_ns = r->ahead_ns;
	rec->still_ns = p->stood_still_ns;
	rec->exec_cnt = p->exec_cnt;
	rec->pass = p->pass;
	rec->exit_signal = p->exit_signal;
	rec->flags = p->flags;
	rec->state = p->state;
	rec->how = p->how;
}

static void fill_place(struct rec_row *rec, const struct proc *p)
{
	rec->cred = (struct rec_cred){.uid = p->uid,
				      .euid = p->euid,
				      .gid = p->gid,
				      .loginuid = p->loginuid,
				      .sessionid = p->sessionid,
				      .sid = p->sid};
	rec->cgroup_id = p->cgroup ? p->cgroup->id : 0;
	rec->rss_kb = p->rss_kb;
	rec->pidns = p->pidns;
	rec->ns_tgid = p->ns_tgid;
	rec->ns_level = p->ns_level;
	rec->threads = p->threads;
	rec->task_state = p->task_state;
	memcpy(rec->comm, p->comm, sizeof(rec->comm));
}

static bool is_init(const struct proc_table *t, const struct row *r)
{
	return (r->p.flags & PROC_NSINIT) && map_find(&t->inits, r->p.pidns, 0) == r;
}

void keyframe_put_row(struct keyframe *k, const struct row *r)
{
	struct span exe = intern_span(r->p.exe), args = intern_span(r->p.args);
	struct span cwd = intern_span(r->p.cwd), hostname = intern_span(r->p.hostname);
	struct rec_row rec = {
		.exe_len = exe.len,
		.args_len = args.len,
		.cwd_len = cwd.len,
		.hostname_len = hostname.len,
		.marks = (r->bits & ~(ROW_USED | ROW_DEAD_LISTED | ROW_OTHER_IMAGE)) |
			 (r->bits & ROW_OTHER_IMAGE ? MARK_OTHER_IMAGE : 0) |
			 (is_init(k->t, r) ? ROW_INIT : 0),
		.parts = parts_of(r),
		.kills = r->kills ? r->kills->cnt : 0,
		.taken = r->kills ? (__u8)r->kills->taken : 0,
	};

	fill_life(&rec, r);
	fill_place(&rec, &r->p);
	keyframe_begin(k, &rec.h, REC_ROW, sizeof(rec));
	buf_put_span(k->out, exe);
	buf_put_span(k->out, args);
	buf_put_span(k->out, cwd);
	buf_put_span(k->out, hostname);
	put_parts(k, r, rec.parts);
	keyframe_end(k);
}
