// SPDX-License-Identifier: GPL-2.0-only
#include "output/zombies.h"

#include "analysis/forecast.h"

static void put_time(struct json *j, const struct render *r)
{
	json_raw_str(j, "ts");
	clock_put_rfc3339(j->out, proc_table_clock(r->table), proc_table_host(r->table)->now_ns);
	buf_put_char(j->out, '"');
	json_u64(j, "boot_ns", proc_table_host(r->table)->now_ns);
}

static void put_evidence(struct json *j, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->proc->evidence;

	json_str(j, "evidence_from", span_of(evidence_from_name(f->from)));
	json_u64(j, "watched_ns", f->watched_ns);
	if (f->reaped_known)
		json_bool(j, "ever_reaped", f->ever_reaped);
	if (!e)
		return;
	json_u64(j, "merged", e->merged);
	json_u64(j, "waits_any", e->waits.cnt[REC_WAIT_ANY]);
	json_u64(j, "waits_pid", e->waits.cnt[REC_WAIT_PID]);
	json_u64(j, "waits_pgid", e->waits.cnt[REC_WAIT_PGID]);
	json_u64(j, "waits_unknown", e->waits.cnt[REC_WAIT_UNKNOWN]);
	if (e->zombie_ns.cnt) {
		json_u64(j, "zombie_p50_ns", hist_percentile(&e->zombie_ns, 500));
		json_u64(j, "zombie_p99_ns", hist_percentile(&e->zombie_ns, 990));
		json_u64(j, "zombie_max_ns", e->zombie_ns.max);
	}
}

/* The limit that is hit first, of those that are known. */
static void put_limit(struct json *j, const struct render *r, const struct zombie_parent *parent)
{
	struct forecast f;

	if (forecast_find(r->table, parent->proc, parent->leak_milli, &f))
		return;
	json_str(j, "limit", span_of(limit_kind_name(f.kind)));
	if (f.name.len)
		json_str(j, "limit_cgroup", f.name);
	json_u64(j, "limit_used", f.used);
	json_u64(j, "limit_max", f.max);
	if (f.full_ns != FORECAST_UNKNOWN)
		json_u64(j, "limit_full_ns", f.full_ns);
	json_u64(j, "limit_zombies", f.zombies);
	json_u64(j, "limit_processes", f.processes);
	json_u64(j, "limit_threads", f.threads);
}

static void put_parent(struct buf *b, const struct render *r, const struct zombie_parent *f)
{
	const struct proc *p = f->proc;
	struct json j;

	json_begin(&j, b, "parent");
	put_time(&j, r);
	json_u64(&j, "pid", p->key.tgid);
	json_u64(&j, "start_ns", p->key.start_ns);
	json_str(&j, "comm", proc_comm(p));
	json_u64(&j, "uid", p->uid);
	if (p->cgroup && p->cgroup->unit.len)
		json_str(&j, "unit", p->cgroup->unit);
	if (p->cgroup && p->cgroup->container.len)
		json_str(&j, "container", p->cgroup->container);
	json_u64(&j, "zombies", f->zombies);
	if (f->zombies) {
		if (f->age_known) {
			json_u64(&j, "oldest_ns", f->oldest_ns);
			json_bool(&j, "oldest_estimated", f->estimated);
			json_u64(&j, "oldest_err_ns", f->oldest_err_ns);
		}
		json_u64(&j, "adopted", f->adopted);
		json_u64(&j, "killed", f->killed);
		json_u64(&j, "leak_milli_per_min", f->leak_milli);
		put_limit(&j, r, f);
	}
	if (f->leader_dead)
		json_u64(&j, "leader_dead", f->leader_dead);
	json_u64(&j, "died", p->evidence ? p->evidence->died : 0);
	json_u64(&j, "reaped", p->evidence ? p->evidence->reaped : 0);
	json_u64(&j, "autoreaped", p->evidence ? p->evidence->autoreaped : 0);
	json_str(&j, "verdict", span_of(verdict_name(f->verdict)));
	if (f->decides)
		json_str(&j, "decides", span_of(f->decides));
	put_evidence(&j, f);
	if (f->adopter) {
		json_u64(&j, "adopter_pid", f->adopter->key.tgid);
		json_str(&j, "adopter_comm", proc_comm(f->adopter));
		json_bool(&j, "adopter_reaps", f->adopter_reaps);
	}
	json_end(&j);
}

static void put_ledger(struct buf *b, const struct render *r, const struct zombies_ledger *l)
{
	struct json j;

	json_begin(&j, b, "ledger");
	put_time(&j, r);
	json_u64(&j, "born", l->born);
	json_u64(&j, "reaped", l->reaped);
	json_u64(&j, "autoreaped", l->autoreaped);
	json_u64(&j, "by_parent", l->by_parent);
	json_u64(&j, "by_adopter", l->by_adopter);
	json_u64(&j, "by_other", l->by_other);
	if (l->life_ns.cnt) {
		json_u64(&j, "zombie_p50_ns", hist_percentile(&l->life_ns, 500));
		json_u64(&j, "zombie_p90_ns", hist_percentile(&l->life_ns, 900));
		json_u64(&j, "zombie_p99_ns", hist_percentile(&l->life_ns, 990));
		json_u64(&j, "zombie_max_ns", l->life_ns.max);
		json_u64(&j, "zombie_err_ns", l->err_ns);
	}
	json_end(&j);
}

void zombies_put_json(struct buf *b, const struct render *r, const struct zombies_view *v)
{
	const struct zombies *z = v->zombies;

	for (size_t i = 0; i < z->parent_cnt; i++)
		put_parent(b, r, &z->parents[i]);
	if (v->watched_ns)
		put_ledger(b, r, v->ledger);
}
