// SPDX-License-Identifier: GPL-2.0-only
#include "output/zombies.h"

#include <stdio.h>
#include <string.h>

#include "analysis/forecast.h"
#include "analysis/zombies_dead.h"

static void put_time(struct json *j, const struct render *r)
{
	json_raw_str(j, "ts");
	clock_put_rfc3339(j->out, proc_table_clock(r->table), proc_table_host(r->table)->now_ns);
	buf_put_char(j->out, '"');
	json_u64(j, "boot_ns", proc_table_host(r->table)->now_ns);
}

/* zombie_p50_ns ... zombie_max_ns */
static void put_spread(struct json *j, const char *what, const struct hist *h)
{
	static const struct {
		const char *name;
		unsigned permille;
	} parts[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}};
	char name[32];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s_ns", what, parts[i].name);
		json_u64(j, name, hist_percentile(h, parts[i].permille));
	}
	snprintf(name, sizeof(name), "%s_max_ns", what);
	json_u64(j, name, h->max);
}

/* Who sat in a wait call when asked: their calls are in none of the counts. */
static void put_sits(struct json *j, const struct zombie_parent *f)
{
	if (!f->sits_known)
		return;
	json_u64(j, "sits_any", f->sits.any);
	json_u64(j, "sits_pid", f->sits.pid);
	json_u64(j, "sits_pgid", f->sits.pgid);
}

static void put_evidence(struct json *j, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;

	json_str(j, "evidence_from", span_of(evidence_from_name(f->from)));
	if (zombies_is_past(f))
		json_bool(j, "evidence_recorder", true);
	json_u64(j, "watched_ns", f->watched_ns);
	if (f->reaped_known)
		json_bool(j, "ever_reaped", f->ever_reaped);
	put_sits(j, f);
	if (!e)
		return;
	json_u64(j, "merged", e->merged);
	json_u64(j, "waits_any", e->waits.cnt[REC_WAIT_ANY]);
	json_u64(j, "waits_pid", e->waits.cnt[REC_WAIT_PID]);
	json_u64(j, "waits_pgid", e->waits.cnt[REC_WAIT_PGID]);
	json_u64(j, "waits_unknown", e->waits.cnt[REC_WAIT_UNKNOWN]);
	if (e->zombie_ns.cnt) {
		json_u64(j, "lifetimes", e->zombie_ns.cnt);
		put_spread(j, "zombie", &e->zombie_ns);
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

static void put_dead(struct json *j, const struct proc *parent)
{
	struct zombies_dead d;

	zombies_dead_find(parent, &d);
	if (!d.first_ns)
		return;
	json_u64(j, "first_death_ns", d.first_ns);
	json_u64(j, "last_death_ns", d.last_ns);
	json_u64(j, "death_err_ns", d.err_ns);
}

static void put_tracer(struct json *j, const struct render *r, const struct zombie_parent *f)
{
	const struct proc *tracer = proc_table_find(r->table, f->tracer);

	if (f->traced)
		json_u64(j, "traced", f->traced);
	if (!f->tracer.tgid)
		return;
	json_u64(j, "tracer_pid", f->tracer.tgid);
	if (tracer && proc_comm(tracer).len)
		json_str(j, "tracer_comm", proc_comm(tracer));
}

static void put_parent(struct buf *b, const struct render *r, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;
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
		put_tracer(&j, r, f);
		put_dead(&j, f->proc);
		json_u64(&j, "leak_milli_per_min", f->leak_milli);
		put_limit(&j, r, f);
	}
	if (f->leader_dead)
		json_u64(&j, "leader_dead", f->leader_dead);
	if (proc_is_frozen(p))
		json_bool(&j, "frozen", true);
	json_u64(&j, "died", e ? e->died : 0);
	json_u64(&j, "reaped", e ? e->reaped : 0);
	json_u64(&j, "autoreaped", e ? e->autoreaped : 0);
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

static void put_ledger(struct buf *b, const struct render *r, const struct zombies_view *v)
{
	const struct zombies_ledger *l = v->ledger;
	struct json j;

	json_begin(&j, b, "ledger");
	put_time(&j, r);
	json_u64(&j, "born", l->born);
	json_u64(&j, "reaped", l->reaped);
	json_u64(&j, "autoreaped", l->autoreaped);
	json_u64(&j, "by_parent", l->by_parent);
	json_u64(&j, "by_adopter", l->by_adopter);
	json_u64(&j, "by_thread", l->by_thread);
	json_u64(&j, "by_tracer", l->by_tracer);
	json_u64(&j, "by_other", l->by_other);
	if (l->life_ns.cnt) {
		put_spread(&j, "zombie", &l->life_ns);
		json_u64(&j, "zombie_err_ns", l->err_ns);
	}
	if (l->teardown_ns.cnt)
		put_spread(&j, "teardown", &l->teardown_ns);
	if (v->adoptions && v->adoptions->untold)
		json_u64(&j, "adoptions_untold", v->adoptions->untold);
	json_end(&j);
}

/* ---- orphans -------------------------------------------------------------------------------- */

static struct span comm_span(const char comm[REC_COMM_LEN])
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

static void put_comm(struct json *j, const char *name, const char comm[REC_COMM_LEN])
{
	if (comm[0])
		json_str(j, name, comm_span(comm));
}

static void put_known(struct json *j, const char *name, uint64_t v)
{
	if (v)
		json_u64(j, name, v);
}

/* Whom it came from, and what it took along from there. */
static void put_source(struct json *j, const struct adoption *a)
{
	struct span path = intern_span(a->place), unit = cgroup_path_unit(path);
	struct span container = cgroup_path_container(path);

	put_known(j, "from_pid", a->from.tgid);
	put_known(j, "from_start_ns", a->from.start_ns);
	put_comm(j, "from_comm", a->from_comm);
	put_known(j, "from_died_ns", a->from_died_ns);
	put_known(j, "birth_ppid", a->born_of.tgid);
	json_u64(j, "uid", a->uid);
	if (a->loginuid != ID_UNSET)
		json_u64(j, "loginuid", a->loginuid);
	if (a->sessionid != ID_UNSET)
		json_u64(j, "sessionid", a->sessionid);
	put_known(j, "sid", a->sid);
	if (path.len)
		json_str(j, "cgroup", path);
	if (unit.len)
		json_str(j, "unit", unit);
	if (container.len)
		json_str(j, "container", container);
}

/* Zombies of one adopter that are alike in where they came from. */
static void put_origins(struct buf *b, const struct render *r, const struct adoptions *a,
			const struct proc *parent)
{
	struct origin origins[ORIGINS_MAX];
	uint64_t others;
	size_t cnt = origins_find(a, parent, origins, &others);

	for (size_t i = 0; i < cnt; i++) {
		const struct origin *o = &origins[i];
		struct json j;

		json_begin(&j, b, "origin");
		put_time(&j, r);
		json_u64(&j, "adopter_pid", parent->key.tgid);
		json_u64(&j, "adopter_start_ns", parent->key.start_ns);
		json_str(&j, "adopter_comm", proc_comm(parent));
		put_comm(&j, "comm", o->like.comm);
		json_u64(&j, "zombies", o->cnt);
		json_bool(&j, "orphans", o->orphans);
		put_source(&j, &o->like);
		if (o->leader)
			json_str(&j, "session_comm", proc_comm(o->leader));
		json_end(&j);
	}
}

static void put_adoption(struct buf *b, const struct render *r, const struct adoption *a)
{
	struct json j;

	json_begin(&j, b, "adoption");
	json_raw_str(&j, "ts");
	clock_put_rfc3339(b, proc_table_clock(r->table), a->adopted_ns);
	buf_put_char(b, '"');
	json_u64(&j, "boot_ns", a->adopted_ns);
	json_u64(&j, "pid", a->orphan.tgid);
	json_u64(&j, "start_ns", a->orphan.start_ns);
	put_comm(&j, "comm", a->comm);
	json_str(&j, "how", span_of(adopter_kind_name((enum adopter_kind)a->kind)));
	json_u64(&j, "adopter_pid", a->adopter.tgid);
	json_u64(&j, "adopter_start_ns", a->adopter.start_ns);
	put_comm(&j, "adopter_comm", a->adopter_comm);
	put_known(&j, "adopter_tid", a->by_tid);
	put_known(&j, "from_tid", a->from_tid);
	json_bool(&j, "noticed_later", a->late);
	json_u64(&j, "adopters", a->hops);
	put_source(&j, a);
	put_known(&j, "zombie_since_ns", a->zombie_ns);
	put_known(&j, "gone_ns", a->gone_ns);
	if (a->autoreap)
		json_bool(&j, "autoreaped", true);
	else if (a->gone_ns && a->zombie_ns) {
		json_u64(&j, "zombie_ns", a->waited_ns);
		json_u64(&j, "zombie_err_ns", a->err_ns);
	}
	json_end(&j);
}

static void put_adopter(struct buf *b, const struct render *r, const struct adopter *a)
{
	enum reaps reaps = adopter_reaps(a);
	struct json j;

	json_begin(&j, b, "adopter");
	put_time(&j, r);
	json_u64(&j, "pid", a->key.tgid);
	json_u64(&j, "start_ns", a->key.start_ns);
	put_comm(&j, "comm", a->comm);
	json_str(&j, "how", span_of(adopter_kind_name(a->kind)));
	json_u64(&j, "orphans", a->orphans);
	json_u64(&j, "passed_on", a->passed);
	json_u64(&j, "died", a->died);
	json_u64(&j, "reaped", a->reaped);
	json_u64(&j, "autoreaped", a->autoreap);
	if (reaps != REAPS_UNKNOWN)
		json_bool(&j, "reaps", reaps == REAPS_YES);
	if (a->waited_ns.cnt) {
		put_spread(&j, "zombie", &a->waited_ns);
		json_u64(&j, "zombie_err_ns", a->err_ns);
	}
	json_end(&j);
}

static void put_adoptions(struct buf *b, const struct render *r, const struct adoptions *a)
{
	for (size_t i = 0; i < a->adopter_cnt; i++)
		if (a->adopters[i].orphans)
			put_adopter(b, r, &a->adopters[i]);
	for (size_t i = 0; i < a->cnt; i++)
		if (!a->all[i].before)
			put_adoption(b, r, &a->all[i]);
}

void zombies_put_json(struct buf *b, const struct render *r, const struct zombies_view *v)
{
	const struct zombies *z = v->zombies;

	for (size_t i = 0; i < z->parent_cnt; i++) {
		put_parent(b, r, &z->parents[i]);
		if (v->adoptions)
			put_origins(b, r, v->adoptions, z->parents[i].proc);
	}
	if (!v->watched_ns)
		return;
	if (v->adoptions)
		put_adoptions(b, r, v->adoptions);
	put_ledger(b, r, v);
}
