// SPDX-License-Identifier: GPL-2.0-only
#include "output/deaths_int.h"

#include <stdio.h>
#include <string.h>

static struct span comm_of(const char comm[REC_COMM_LEN])
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

static void put_time(struct json *j, const struct render *r, uint64_t boot_ns)
{
	json_raw_str(j, "ts");
	clock_put_rfc3339(j->out, proc_table_clock(r->table), boot_ns);
	buf_put_char(j->out, '"');
	json_u64(j, "boot_ns", boot_ns);
}

/* NAME_pid, NAME_start_ns, NAME_comm, as far as they are known */
static void put_who(struct json *j, const char *name, const struct death_who *who)
{
	char key[40];

	if (!who->key.tgid)
		return;
	snprintf(key, sizeof(key), "%s_pid", name);
	json_u64(j, key, who->key.tgid);
	if (who->key.start_ns) {
		snprintf(key, sizeof(key), "%s_start_ns", name);
		json_u64(j, key, who->key.start_ns);
	}
	if (who->comm[0]) {
		snprintf(key, sizeof(key), "%s_comm", name);
		json_str(j, key, comm_of(who->comm));
	}
}

static void put_signal(struct json *j, const char *name, int sig)
{
	char key[40];

	json_u64(j, name, (uint64_t)sig);
	snprintf(key, sizeof(key), "%s_name", name);
	if (signal_name(sig))
		json_str(j, key, span_of(signal_name(sig)));
}

static void put_fate(struct json *j, uint32_t status)
{
	if (!(status & 0x7f)) {
		json_u64(j, "exit_code", status >> 8 & 0xff);
		return;
	}
	put_signal(j, "signal", (int)(status & 0x7f));
	json_bool(j, "core_dumped", status & 0x80);
}

/* "bash[4102]", the nearest first */
static void put_above(struct json *j, const struct death_signal *s)
{
	char text[DEATH_ABOVE][REC_COMM_LEN + 16];
	const char *words[DEATH_ABOVE];
	size_t cnt = 0;

	for (; cnt < DEATH_ABOVE && s->above[cnt].key.tgid; cnt++) {
		snprintf(text[cnt], sizeof(text[cnt]), "%u", s->above[cnt].key.tgid);
		words[cnt] = text[cnt];
	}
	if (cnt)
		json_list(j, "killer_ancestor_pids", words, cnt);
}

static void put_syscall(struct json *j, const struct death *d)
{
	uint32_t nr, arch;

	if (!death_syscall_of(d, &nr, &arch))
		return;
	json_u64(j, "seccomp_syscall", nr);
	if (death_arch_name(arch))
		json_str(j, "seccomp_arch", span_of(death_arch_name(arch)));
}

static void put_by(struct json *j, const struct death *d)
{
	if (!d->by.sig)
		return;
	put_above(j, &d->by);
	json_i64(j, "code", d->by.code);
	if (sent_how_name(d->how))
		json_str(j, "how", span_of(sent_how_name(d->how)));
	json_bool(j, "to_process", d->by.to_process);
	json_u64(j, "signal_to_death_ns", d->after_ns);
	if (d->cause == DEATH_FAULT && d->by.code != 0x80)
		json_u64(j, "fault_addr", d->by.addr);
	put_syscall(j, d);
	if (d->group_size > 1) {
		json_u64(j, "group", d->by.group);
		json_u64(j, "group_size", d->group_size);
	}
}

static void put_ask(struct json *j, const struct death *d)
{
	uint64_t killed_ns = d->by.sig ? d->by.sent_ns : d->died_ns;

	if (!d->ask.cnt)
		return;
	put_signal(j, "asked_signal", d->ask.sig);
	put_who(j, "asked_by", &d->ask.sender);
	json_u64(j, "asked_count", d->ask.cnt);
	json_u64(j, "asked_before_ns", killed_ns - d->ask.first_ns);
	json_str(j, "asked_fate", span_of(ask_fate_name(d->ask_fate)));
}

static void put_oom_report(struct json *j, const struct death *d)
{
	const struct oom_report *r = d->oom.report;
	const char *where = r ? oom_where_name(r->where) : NULL;

	json_str(j, "oom_where", span_of(where ? where : "unknown"));
	if (!r)
		return;
	if (r->cgroup[0])
		json_str(j, "oom_cgroup", span_of(r->cgroup));
	if (r->limit_kb != OOM_UNKNOWN)
		json_u64(j, "oom_limit_kb", r->limit_kb);
	if (r->free_kb != OOM_UNKNOWN)
		json_u64(j, "oom_free_kb", r->free_kb);
	if (!r->spared_cnt)
		return;
	json_u64(j, "spared_count", r->spared_cnt);
	json_u64(j, "spared_pid", r->spared.tgid);
	json_str(j, "spared_comm", comm_of(r->spared.comm));
	json_u64(j, "spared_size_kb", r->spared.size_kb);
	json_i64(j, "spared_oom_score_adj", r->spared.adj);
	if (!d->oom.spared_adj.at_ns)
		return;
	put_who(j, "spared_adj_writer", &d->oom.spared_adj.writer);
	json_u64(j, "spared_adj_written_boot_ns", d->oom.spared_adj.at_ns);
}

static void put_oom(struct json *j, const struct death *d)
{
	if (d->cause != DEATH_OOM)
		return;
	put_oom_report(j, d);
	json_i64(j, "oom_score_adj", d->oom.adj);
	if (d->oom.rss_kb)
		json_u64(j, "rss_kb", d->oom.rss_kb);
	put_who(j, "trigger", &d->oom.trigger);
	if (!d->adj.at_ns || d->adj.adj != d->oom.adj)
		return;
	put_who(j, "adj_writer", &d->adj.writer);
	json_u64(j, "adj_written_boot_ns", d->adj.at_ns);
}

static void put_child(struct json *j, const struct death *d)
{
	if (!d->child.at_ns)
		return;
	put_who(j, "child", &d->child.who);
	put_signal(j, "child_signal", d->child.sig);
	put_who(j, "child_killer", &d->child.killer);
}

void deaths_put_one_json(struct buf *b, const struct render *r, const struct death *d)
{
	const struct value id = {.type = VALUE_ID, .key = d->who.key};
	struct json j;

	json_begin(&j, b, "death");
	put_time(&j, r, d->died_ns);
	value_put_json(&j, "id", r, &id);
	json_u64(&j, "pid", d->who.key.tgid);
	json_u64(&j, "start_ns", d->who.key.start_ns);
	if (d->who.comm[0])
		json_str(&j, "comm", comm_of(d->who.comm));
	if (d->parent.key.tgid)
		json_u64(&j, "ppid", d->parent.key.tgid);
	if (d->parent.comm[0])
		json_str(&j, "parent_comm", comm_of(d->parent.comm));
	if (d->ns_tgid)
		json_u64(&j, "pidns_pid", d->ns_tgid);
	if (d->host[0])
		json_str(&j, "host_in_container", span_of(d->host));
	if (d->status_known)
		put_fate(&j, d->status);
	json_str(&j, "cause", span_of(death_cause_name(d->cause)));
	put_who(&j, "killer", &d->killer);
	put_by(&j, d);
	put_ask(&j, d);
	put_oom(&j, d);
	put_child(&j, d);
	if (d->lived_ns)
		json_u64(&j, "lived_ns", d->lived_ns);
	json_end(&j);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void put_pattern(struct buf *b, const struct render *r, const struct death_pattern *p)
{
	struct json j;

	json_begin(&j, b, "death_pattern");
	put_time(&j, r, p->last_ns);
	json_str(&j, "comm", comm_of(p->comm));
	if (p->status_known)
		put_fate(&j, p->status);
	json_u64(&j, "count", p->cnt);
	json_u64(&j, "first_boot_ns", p->first_ns);
	json_bool(&j, "crash_loop", death_pattern_is_loop(p));
	if (death_pattern_is_loop(p)) {
		json_u64(&j, "period_ns", death_pattern_period_ns(p));
		put_who(&j, "starter", &p->starter);
	}
	json_end(&j);
}

static void put_killer(struct buf *b, const struct render *r, const struct death_killer *k)
{
	struct json j;

	json_begin(&j, b, "death_killer");
	put_time(&j, r, proc_table_host(r->table)->now_ns);
	json_str(&j, "killer_comm", comm_of(k->who.comm));
	put_signal(&j, "signal", k->sig);
	json_u64(&j, "count", k->cnt);
	json_end(&j);
}

#define JSON_RANKS 100

void deaths_put_json(struct buf *b, const struct render *r, const struct deaths_view *v)
{
	const struct deaths *d = v->deaths;
	const struct death_pattern *ends[JSON_RANKS];
	const struct death_killer *killers[JSON_RANKS];
	size_t cnt = death_patterns_rank(&d->patterns, 1, JSON_RANKS, ends);
	struct json j;

	for (size_t i = 0; i < cnt; i++)
		put_pattern(b, r, ends[i]);
	cnt = death_killers_rank(&d->patterns, JSON_RANKS, killers);
	for (size_t i = 0; i < cnt; i++)
		put_killer(b, r, killers[i]);
	json_begin(&j, b, "deaths");
	put_time(&j, r, proc_table_host(r->table)->now_ns);
	json_u64(&j, "deaths", d->deaths);
	json_u64(&j, "failed", d->failed);
	json_u64(&j, "killed", d->killed);
	if (d->unknown)
		json_u64(&j, "unknown", d->unknown);
	if (d->thinned)
		json_u64(&j, "thinned", d->thinned);
	if (d->notes.dropped + d->patterns.dropped)
		json_u64(&j, "not_remembered", d->notes.dropped + d->patterns.dropped);
	json_u64(&j, "span_ns", v->span_ns);
	json_end(&j);
}
