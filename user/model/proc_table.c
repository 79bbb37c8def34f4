// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "model/table_int.h"

#define MAX_PROCS_DEFAULT 1048576
#define MAX_DEAD_DEFAULT  65536
#define DEAD_NS_DEFAULT   (60 * NS_PER_SEC)

struct proc_table *proc_table_new(const struct proc_table_options *opt)
{
	struct proc_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (rows_init(t)) {
		free(t);
		return NULL;
	}
	if (opt)
		t->opt = *opt;
	if (!t->opt.max_procs)
		t->opt.max_procs = MAX_PROCS_DEFAULT;
	if (!t->opt.max_dead)
		t->opt.max_dead = MAX_DEAD_DEFAULT;
	if (!t->opt.dead_ns)
		t->opt.dead_ns = DEAD_NS_DEFAULT;
	t->cgroups.strings = &t->strings;
	return t;
}

void proc_table_reset(struct proc_table *t)
{
	bool utc = t->clock.utc;

	table_forget(t);
	cpus_clear(t);
	t->counts = (struct proc_counts){0};
	t->host = (struct host_info){0};
	t->clock = (struct wall_clock){.utc = utc};
	t->host_seen = t->loading = false;
	t->host.run_ns = t->uncertain_ns = t->loss_ns = 0;
	t->pass = t->pass_rows = 0;
}

void table_forget(struct proc_table *t)
{
	rows_clear(t);
	cgroup_table_release(&t->cgroups);
	facts_release(t);
	intern_release(&t->strings);
}

void proc_table_free(struct proc_table *t)
{
	if (!t)
		return;
	rows_release(t);
	cgroup_table_release(&t->cgroups);
	facts_release(t);
	intern_release(&t->strings);
	free(t->cpus);
	free(t);
}

int proc_table_listen(struct proc_table *t, change_fn fn, void *ctx)
{
	if (t->listener_cnt == sizeof(t->listeners) / sizeof(*t->listeners))
		return -ENOSPC;
	t->listeners[t->listener_cnt].fn = fn;
	t->listeners[t->listener_cnt++].ctx = ctx;
	return 0;
}

void table_tell(const struct proc_table *t, const struct change *c)
{
	for (size_t i = 0; i < t->listener_cnt; i++)
		t->listeners[i].fn(t->listeners[i].ctx, c);
}

void table_tell_row(const struct proc_table *t, enum change_kind kind, const struct row *r,
		    const struct row *other, const struct event *ev)
{
	if (!t->listener_cnt)
		return;
	table_tell(t, &(struct change){
			      .kind = kind,
			      .boot_ns = ev ? ev->h.boot_ns : t->host.now_ns,
			      .proc = r ? &r->p : NULL,
			      .other = other ? &other->p : NULL,
			      .ev = ev,
		      });
}

/* A type's number is the stream's, not ours: event_decode() has refused what we do not know. */
static int table_dispatch(struct proc_table *t, const struct event *ev)
{
	switch (ev->h.type) {
	case REC_FORK: return apply_fork(t, ev);
	case REC_EXEC: return apply_exec(t, ev);
	case REC_EXIT: return apply_exit(t, ev);
	case REC_ZOMBIE: return apply_zombie(t, ev);
	case REC_REAP: return apply_reap(t, ev);
	case REC_FREE: return apply_free(t, ev);
	case REC_WAIT: return apply_wait(t, ev);
	case REC_WAITED: return apply_waited(t, ev);
	case REC_SIGNAL: return apply_signal(t, ev);
	case REC_DELIVER: return apply_deliver(t, ev);
	case REC_FORK_FAILED: return apply_failed_call(t, ev, CHANGE_FORK_FAILED);
	case REC_EXEC_FAILED: return apply_failed_call(t, ev, CHANGE_EXEC_FAILED);
	case REC_RENAME: return apply_rename(t, ev);
	case REC_CGROUP: return apply_cgroup(t, ev);
	case REC_MKCGROUP: return apply_fact_cgroup(t, ev);
	case REC_OOM:
	case REC_OOM_ADJ: return apply_oom(t, ev);
	case REC_SEED: return apply_seed(t, ev);
	case REC_SEED_END: return apply_seed_end(t, ev);
	case REC_HOST: return apply_host(t, ev);
	case REC_TICK: return apply_tick(t, ev);
	case REC_FACT_PROC: return apply_fact_proc(t, ev);
	case REC_FACT_CGROUP: return apply_fact_cgroup(t, ev);
	case REC_FACT_TEXT: return apply_fact_text(t, ev);
	case REC_GAP: return apply_gap(t, ev);
	case REC_THINNED: return apply_thinned(t, ev);
	case REC_ROW: return apply_row(t, ev);
	case REC_TABLE: return apply_table(t, ev);
	}
	t->counts.unknown_type++;
	return 0;
}

static bool is_of_keyframe(const struct event *ev)
{
	return ev->h.type == REC_ROW || ev->h.type == REC_TABLE || (ev->h.flags & REC_F_KEYFRAME);
}

int proc_table_apply(struct proc_table *t, const struct event *ev)
{
	uint64_t evicted = t->counts.evicted;
	int err;

	if (t->loading && !is_of_keyframe(ev))
		table_break_loading(t);
	if (ev->h.type < REC_SEED) /* what happened; not what was looked up */
		t->counts.events++;
	if (!t->host.start_ns)
		t->host.start_ns = t->host.run_ns = ev->h.boot_ns;
	if (ev->h.boot_ns > t->host.now_ns && ev->h.type != REC_HOST)
		t->host.now_ns = ev->h.boot_ns;
	table_note_loss(t, ev);
	err = table_dispatch(t, ev);
	/* a row without room has been counted where it failed; a fact, a wait or a list has not */
	if (err == -ENOMEM && t->counts.evicted == evicted)
		t->counts.evicted++;
	rows_forget_old(t);
	return err == -ENOENT ? 0 : err;
}

/* ---- questions ------------------------------------------------------------------------------ */

const struct proc *proc_table_find(const struct proc_table *t, struct proc_key key)
{
	struct row *r = row_find(t, key);

	return r ? &r->p : NULL;
}

const struct proc *proc_table_find_pid(const struct proc_table *t, uint32_t tgid)
{
	struct row *r = row_find_pid(t, tgid);

	return r ? &r->p : NULL;
}

const struct proc_counts *proc_table_counts(const struct proc_table *t)
{
	return &t->counts;
}

const struct proc *proc_table_next(const struct proc_table *t, size_t *i)
{
	const struct row *r;

	while ((r = pool_at(&t->rows, *i))) {
		++*i;
		if (r->bits & ROW_USED)
			return &r->p;
	}
	return NULL;
}

size_t proc_table_rows(const struct proc_table *t)
{
	return t->rows.used;
}

size_t proc_table_bytes(const struct proc_table *t)
{
	return sizeof(*t) + pool_bytes(&t->rows) + pool_bytes(&t->deaths) +
	       pool_bytes(&t->evidences) + pool_bytes(&t->kills) +
	       (t->live.mask + t->dead.mask + 2) * sizeof(struct row *) + t->strings.bytes +
	       (t->strings.buckets ? (t->strings.mask + 1) * sizeof(*t->strings.buckets) : 0) +
	       t->cgroups.by_id.cnt * (sizeof(struct cgroup) + 2 * sizeof(struct map_slot)) +
	       t->hist_cnt * HIST_BUCKETS * sizeof(uint32_t) + t->fact_bytes +
	       t->cpu_cnt * sizeof(*t->cpus);
}

const struct host_info *proc_table_host(const struct proc_table *t)
{
	return &t->host;
}

const struct wall_clock *proc_table_clock(const struct proc_table *t)
{
	return &t->clock;
}

uint64_t proc_table_uncertain_since(const struct proc_table *t)
{
	return t->uncertain_ns;
}

void proc_table_set_tag(struct proc_table *t, const struct proc *p, uint16_t tag)
{
	(void)t; /* whose row it is: only who may change the table has it as non-const */
	row_of(p)->p.tag = tag;
}

void proc_table_count_bad(struct proc_table *t, int err)
{
	if (err == -ENOENT)
		t->counts.unknown_type++;
	else
		t->counts.malformed++;
}
