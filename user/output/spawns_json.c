// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawns_findings.h"
#include "output/spawns_int.h"

void spawns_put_time(struct json *j, const struct render *r, uint64_t boot_ns)
{
	json_raw_str(j, "ts");
	clock_put_rfc3339(j->out, proc_table_clock(r->table), boot_ns);
	buf_put_char(j->out, '"');
	json_u64(j, "boot_ns", boot_ns);
}

bool spawns_fork_timed(const struct render *r)
{
	return proc_table_host(r->table)->hooks & (REC_HOOK_FORK_TIME | REC_HOOK_FORK_SYSCALL);
}

static void put_group(struct buf *b, const struct render *r, const struct spawns *s,
		      const struct spawn_group *g)
{
	struct json j;

	json_begin(&j, b, "spawn_group");
	spawns_put_time(&j, r, proc_table_host(r->table)->now_ns);
	json_str(&j, "how", span_of(spawn_how_name(g->how)));
	json_str(&j, "by", span_of(spawns_by_name(s->by)));
	if (g->who[0])
		json_str(&j, s->by == SPAWNS_BY_PARENT ? "parent_comm" : spawns_by_name(s->by),
			 span_of(g->who));
	if (g->parent.tgid) {
		json_u64(&j, "ppid", g->parent.tgid);
		json_u64(&j, "parent_start_ns", g->parent.start_ns);
	} else if (s->by == SPAWNS_BY_PARENT) {
		json_u64(&j, "parents", g->parents);
	}
	json_bool(&j, "worker", g->worker);
	if (g->container)
		json_bool(&j, "container_start", true);
	if (!g->worker)
		json_str(&j, "program", span_of(g->program));
	json_u64(&j, "count", g->cnt);
	if (g->total_ns.cnt) {
		json_u64(&j, "total_ns", g->total_ns.sum);
		json_u64(&j, "total_p50_ns", hist_percentile(&g->total_ns, 500));
		json_u64(&j, "total_p90_ns", hist_percentile(&g->total_ns, 900));
		json_u64(&j, "total_p99_ns", hist_percentile(&g->total_ns, 990));
		json_u64(&j, "total_max_ns", g->total_ns.max);
	}
	if (g->fork_ns.cnt) {
		json_u64(&j, "forks_timed", g->fork_ns.cnt);
		json_u64(&j, "fork_ns", g->fork_ns.sum);
		json_u64(&j, "fork_p50_ns", hist_percentile(&g->fork_ns, 500));
		json_u64(&j, "fork_max_ns", g->fork_ns.max);
	}
	if (g->split_ns) {
		json_u64(&j, "split_ns", g->split_ns);
		json_u64(&j, "queued_ns", g->queued_ns);
		json_u64(&j, "blocked_ns", g->blocked_ns);
		json_u64(&j, "running_ns", g->running_ns);
		json_u64(&j, "split_err_ns", g->err_ns);
	}
	if (spawn_suspends(g->how) && g->total_ns.cnt)
		json_u64(&j, "parent_suspended_ns", g->suspended_ns);
	if (g->pgtables_bytes)
		json_u64(&j, "parent_pgtables_bytes", g->pgtables_bytes);
	json_u64(&j, "died", g->died);
	json_u64(&j, "short_lives", g->short_cnt);
	json_u64(&j, "short_cpu_ns", g->cpu_ns);
	if (g->worker)
		json_u64(&j, "exec_failed_inferred", g->failed);
	json_end(&j);
}

static void put_queue_cause(struct json *j, const struct spawns *s, const struct spawn_finding *f)
{
	int pressure = throttles_pressure(&s->throttles);

	json_str(j, "cause", span_of(spawn_queue_cause_name(f->cause)));
	if (pressure >= 0)
		json_u64(j, "cpu_pressure_percent", (uint64_t)pressure);
	if (f->cause != QUEUE_THROTTLED)
		return;
	json_str(j, "quota_cgroup", span_of(f->throttle->path));
	if (f->throttle->period_us) {
		json_u64(j, "quota_us", f->throttle->quota_us);
		json_u64(j, "quota_period_us", f->throttle->period_us);
	}
	json_u64(j, "periods", f->counts.periods);
	json_u64(j, "throttled_periods", f->counts.throttled);
	json_u64(j, "throttled_ns", f->counts.throttled_ns);
}

static void put_root(struct json *j, const struct spawn_root *root)
{
	json_u64(j, "root_pid", root->key.tgid);
	json_u64(j, "root_start_ns", root->key.start_ns);
	if (root->comm[0])
		json_str(j, "root_comm", span_of(root->comm));
	json_u64(j, "spawns", root->cnt);
}

static void put_finding(struct buf *b, const struct render *r, const struct spawns *s,
			const struct spawn_finding *f)
{
	const struct spawn_group *g = f->group;
	struct json j;

	json_begin(&j, b, "finding");
	spawns_put_time(&j, r, proc_table_host(r->table)->now_ns);
	json_str(&j, "finding", span_of(spawn_finding_name(f->kind)));
	if (!g) {
		put_root(&j, &f->root);
		json_end(&j);
		return;
	}
	json_str(&j, "how", span_of(spawn_how_name(g->how)));
	if (g->who[0])
		json_str(&j, "who", span_of(g->who));
	if (g->parent.tgid)
		json_u64(&j, "ppid", g->parent.tgid);
	if (!g->worker)
		json_str(&j, "program", span_of(g->program));
	if (f->kind == FINDING_QUEUE)
		put_queue_cause(&j, s, f);
	if (f->kind == FINDING_INTERPRETER)
		json_u64(&j, "start_cpu_max_ns", spawn_group_start_ns(g));
	if (f->kind == FINDING_PILE_UP && g->lives.args && !g->lives.args_differ)
		json_args(&j, "args", intern_span(g->lives.args));
	json_end(&j);
}

void spawns_put_json(struct buf *b, const struct render *r, const struct spawns_view *v)
{
	const struct spawns *s = v->spawns;
	struct spawn_finding f[SPAWN_FINDINGS_MAX];
	size_t cnt = spawns_find(s, v->span_ns, f);
	uint32_t hooks = proc_table_host(r->table)->hooks;
	struct json j;

	for (size_t i = 0; i < s->cnt; i++)
		put_group(b, r, s, &s->v[i]);
	for (size_t i = 0; i < s->slow_cnt; i++)
		spawns_put_one_json(b, r, &s->slow[i]);
	for (size_t i = 0; i < cnt; i++)
		put_finding(b, r, s, &f[i]);
	spawns_put_failed_json(b, r, s);
	json_begin(&j, b, "spawns");
	spawns_put_time(&j, r, proc_table_host(r->table)->now_ns);
	json_u64(&j, "spawns", s->spawns);
	json_u64(&j, "workers", s->workers);
	if (exec_fails_watched(hooks)) {
		json_u64(&j, "exec_failed", s->execs.failed);
		json_u64(&j, "path_searches", s->execs.found);
		json_u64(&j, "path_tries", s->execs.found_tries);
	}
	json_u64(&j, "exec_failed_inferred", s->failed);
	json_u64(&j, "span_ns", v->span_ns);
	json_u64(&j, "short_lives", s->short_cnt);
	json_u64(&j, "short_cpu_ns", s->cpu_ns);
	if (hooks & REC_HOOK_FORK_FAILED)
		json_u64(&j, "fork_failed", s->forks_failed);
	json_bool(&j, "fork_timed", spawns_fork_timed(r));
	if (s->unnamed)
		json_u64(&j, "unnamed", s->unnamed);
	json_u64(&j, "cpus", proc_table_host(r->table)->cpus);
	json_end(&j);
}
