/* SPDX-License-Identifier: GPL-2.0-only */
/* What a timeline can ask of a row or of the counts, by name; runner.c alone includes it. */
#ifndef PROCTRAIL_TESTS_SCRIPT_RUNNER_VALUES_H
#define PROCTRAIL_TESTS_SCRIPT_RUNNER_VALUES_H

#include "analysis/spawns.h"
#include "analysis/zombies_ledger.h"
#include "base/clock.h"
#include "model/proc_table.h"
#include "source/script.h"

struct run {
	struct script *script;
	struct proc_table *table;
	struct spawns spawns;
	struct buf records;
	struct buf changes; /* since the last 'expect changes' */
	struct buf why;     /* empty: all well so far */
	struct zombies_ledger ledger;
	uint64_t now_ns;
};

/* ---- values --------------------------------------------------------------------------------- */

enum value_kind { VAL_U64, VAL_NS, VAL_STR };

struct val {
	enum value_kind kind;
	uint64_t u;
	struct span s;
};

static struct val val_u64(uint64_t u)
{
	return (struct val){.kind = VAL_U64, .u = u};
}

static struct val val_ns(uint64_t ns)
{
	return (struct val){.kind = VAL_NS, .u = ns};
}

static struct val val_span(struct span s)
{
	return (struct val){.kind = VAL_STR, .s = s};
}

static struct val val_moment(uint64_t boot_ns)
{
	return val_ns(boot_ns > SCRIPT_EPOCH_NS ? boot_ns - SCRIPT_EPOCH_NS : 0);
}

static const char *state_name(const struct proc *p)
{
	switch ((enum proc_state)p->state) {
	case PROC_BORN: return "born";
	case PROC_RUNNING: return "running";
	case PROC_DYING: return "dying";
	case PROC_ZOMBIE: return "zombie";
	case PROC_REAPED: return "reaped";
	}
	return "?";
}

static const char *reap_source_name(const struct proc *p)
{
	switch (p->death ? p->death->reap_source : 0) {
	case REC_REAP: return "release_task";
	case REC_WAIT: return "wait";
	case REC_FREE: return "free";
	}
	return "none";
}

static struct span fate_signal(const struct proc *p)
{
	const char *name = p->flags & PROC_STATUS_KNOWN ? signal_name(p->status & 0x7f) : NULL;

	return span_of(name ? name + 3 : "none");
}

static struct span killer_comm(const struct proc *p)
{
	if (!p->death)
		return (struct span){0};
	return (struct span){p->death->killer.comm, strnlen(p->death->killer.comm, REC_COMM_LEN)};
}

static uint64_t child_cnt(const struct proc *p)
{
	uint64_t cnt = 0;

	for (const struct proc *c = p->children; c; c = c->next)
		cnt++;
	return cnt;
}

/* Of a process; false: no such key */
static bool proc_value(const struct run *run, const struct proc *p, const char *key,
		       struct val *ret)
{
	static const struct proc_death none;
	const struct proc_death *d = p->death ? p->death : &none;
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"pid", val_u64(p->key.tgid)},
		{"start", val_moment(p->key.start_ns)},
		{"state", val_span(span_of(state_name(p)))},
		{"parent", val_u64(p->parent ? p->parent->key.tgid : 0)},
		{"birth", val_u64(p->birth_parent.tgid)},
		{"how", val_span(span_of(spawn_how_name(p->how)))},
		{"comm", val_span(proc_comm(p))},
		{"exe", val_span(intern_span(p->exe))},
		{"cwd", val_span(intern_span(p->cwd))},
		{"hostname", val_span(intern_span(p->hostname))},
		{"execs", val_u64(p->exec_cnt)},
		{"threads", val_u64(p->threads)},
		{"uid", val_u64(p->uid)},
		{"children", val_u64(child_cnt(p))},
		{"exit_signal", val_u64(p->exit_signal)},
		{"status", val_u64(p->flags & PROC_STATUS_KNOWN ? p->status : 0xffff)},
		{"code", val_u64(p->status >> 8 & 0xff)},
		{"signal", val_span(fate_signal(p))},
		{"core", val_u64(d->core_dumped)},
		{"killer", val_u64(d->killer.key.tgid)},
		{"killer_sig", val_u64(d->killer.sig)},
		{"killer_comm", val_span(killer_comm(p))},
		{"reaper", val_u64(d->reaper.tgid)},
		{"reap_source", val_span(span_of(reap_source_name(p)))},
		{"source", val_u64(d->zombie_source)},
		{"exit_at", val_moment(d->exit_ns)},
		{"zombie_at", val_moment(d->zombie_ns)},
		{"gone_at", val_moment(d->gone_ns)},
		{"age", val_ns(d->zombie_ns ? run->now_ns - d->zombie_ns : 0)},
		{"lived_dead", val_ns(d->gone_ns && d->zombie_ns ? d->gone_ns - d->zombie_ns : 0)},
		{"err", val_ns(d->zombie_err_ns)},
		{"cpu_time", val_ns(d->usage.cpu_ns)},
		{"maxrss", val_u64(d->usage.maxrss_kb)},
		{"unit", val_span(p->cgroup ? p->cgroup->unit : (struct span){0})},
		{"container", val_span(p->cgroup ? p->cgroup->container : (struct span){0})},
		{"cgroup", val_span(intern_span(p->cgroup ? p->cgroup->path : NULL))},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}

static bool evidence_value(const struct proc *p, const char *key, struct val *ret)
{
	static const struct proc_evidence none;
	const struct proc_evidence *e = p->evidence ? p->evidence : &none;
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"died", val_u64(e->died)},
		{"reaped", val_u64(e->reaped)},
		{"autoreaped", val_u64(e->autoreaped)},
		{"merged", val_u64(e->merged)},
		{"zombies", val_u64(e->zombies)},
		{"waits", val_u64((uint64_t)e->waits.cnt[0] + e->waits.cnt[1] + e->waits.cnt[2] +
				  e->waits.cnt[3])},
		{"waits_any", val_u64(e->waits.cnt[REC_WAIT_ANY])},
		{"waits_pid", val_u64(e->waits.cnt[REC_WAIT_PID])},
		{"nohang", val_u64(e->waits.nohang_cnt)},
		{"disposition", val_u64(e->disposition)},
		{"blocked", val_u64(e->blocked)},
		{"pending", val_u64(e->pending)},
		{"child_minflt", val_u64(e->child_minflt)},
		{"since", val_moment(e->watched_since_ns)},
		{"snapshot", val_moment(e->snapshot_ns)},
		{"hist", val_u64(e->zombie_ns.cnt)},
		{"hist_max", val_ns(e->zombie_ns.max)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}

static bool count_value(const struct run *run, const char *key, struct val *ret)
{
	const struct proc_counts *n = proc_table_counts(run->table);
	uint64_t since = proc_table_uncertain_since(run->table);
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"forks", val_u64(n->forks)},
		{"execs", val_u64(n->execs)},
		{"deaths", val_u64(n->deaths)},
		{"killed", val_u64(n->killed)},
		{"zombies", val_u64(n->zombies)},
		{"reaps", val_u64(n->reaps)},
		{"adoptions", val_u64(n->adoptions)},
		{"signals", val_u64(n->signals)},
		{"threads", val_u64(n->threads)},
		{"lost", val_u64(n->lost)},
		{"missed", val_u64(n->missed)},
		{"healed", val_u64(n->healed)},
		{"illegal", val_u64(n->illegal)},
		{"evicted", val_u64(n->evicted)},
		{"live", val_u64(n->live)},
		{"zombies_now", val_u64(n->zombies_now)},
		{"rows", val_u64(proc_table_rows(run->table))},
		{"uncertain", val_moment(since)},
		{"complete", val_u64(since == 0)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}
#endif
