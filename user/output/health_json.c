// SPDX-License-Identifier: GPL-2.0-only
#include "output/health.h"

/* A figure that is not known is absent. */
static void put_known(struct json *j, const char *name, uint64_t v)
{
	if (v != HEALTH_UNKNOWN)
		json_u64(j, name, v);
}

static void put_time(struct json *j, const struct render *r, const char *name, uint64_t boot_ns)
{
	struct buf b = {0};

	clock_put_rfc3339(&b, proc_table_clock(r->table), boot_ns);
	json_str(j, name, (struct span){buf_str(&b), b.len});
	buf_release(&b);
}

static void put_log(struct json *j, const char *name, const struct health *h,
		    const struct health_log *log)
{
	if (h->log_known)
		json_u64(j, name, log->cnt);
}

static void put_census(struct buf *b, const struct render *r, const struct health *h)
{
	const struct host_info *host = proc_table_host(r->table);
	struct json j;

	json_begin(&j, b, "health");
	put_time(&j, r, "ts", host->now_ns);
	json_u64(&j, "boot_ns", host->now_ns);
	json_u64(&j, "processes", h->processes);
	json_u64(&j, "kernel_threads", h->kernel_threads);
	json_u64(&j, "tasks", h->tasks);
	if (h->running != HEALTH_UNKNOWN) {
		json_u64(&j, "running", h->running);
		json_u64(&j, "uninterruptible", h->stuck);
	}
	json_u64(&j, "stopped", h->stopped);
	json_u64(&j, "traced", h->traced);
	json_u64(&j, "zombies", h->zombies);
	json_u64(&j, "dying", h->dying);
	json_u64(&j, "cpus", host->cpus);
	put_known(&j, "load1_centi", h->load_centi[0]);
	put_known(&j, "load5_centi", h->load_centi[1]);
	put_known(&j, "load15_centi", h->load_centi[2]);
	json_u64(&j, "uptime_ns", h->uptime_ns);
	put_known(&j, "mem_total_kb", h->mem_total_kb);
	put_known(&j, "mem_available_kb", h->mem_available_kb);
	put_log(&j, "log_oom_kills", h, &h->oom);
	put_log(&j, "log_crashes", h, &h->crash);
	put_log(&j, "log_hung_tasks", h, &h->hung);
	json_end(&j);
}

static void put_finding(struct buf *b, const struct render *r, const struct finding *f)
{
	struct json j;

	json_begin(&j, b, "finding");
	put_time(&j, r, "ts", proc_table_host(r->table)->now_ns);
	json_str(&j, "kind", span_of(finding_name(f->kind)));
	json_str(&j, "weight", span_of(health_weight_name(f->weight)));
	if (f->name.len)
		json_str(&j, "name", f->name);
	if (f->proc) {
		json_u64(&j, "pid", f->proc->key.tgid);
		json_u64(&j, "start_ns", f->proc->key.start_ns);
		json_str(&j, "comm", proc_comm(f->proc));
	}
	json_u64(&j, "count", f->cnt);
	if (f->limit)
		json_u64(&j, "limit", f->limit);
	if (f->kind == FIND_CGROUP_PIDS)
		json_u64(&j, "zombies", f->zombies);
	put_known(&j, "still_ns", f->still_ns);
	if (f->still_ns != HEALTH_UNKNOWN)
		json_bool(&j, "still_estimated", f->estimated);
	if (f->kind == FIND_STUCK)
		json_bool(&j, "kill_pending", f->kill_pending);
	if (f->kind == FIND_ZOMBIES)
		json_bool(&j, "never_reaped", f->never_reaped);
	json_end(&j);
}

void health_put_json(struct buf *b, const struct render *r, const struct health *h)
{
	put_census(b, r, h);
	for (size_t i = 0; i < h->finding_cnt; i++)
		put_finding(b, r, &h->findings[i]);
}
