/* SPDX-License-Identifier: GPL-2.0-only */
/* What a timeline can ask of a verdict and of all of them, by name; runner.c alone includes it. */
#ifndef PROCTRAIL_TESTS_SCRIPT_RUNNER_VERDICTS_H
#define PROCTRAIL_TESTS_SCRIPT_RUNNER_VERDICTS_H

#include "analysis/zombies.h"
#include "runner_values.h"

/* NULL: it has no zombies, and had no child that died */
static const struct zombie_parent *zombies_of(const struct zombies *z, const struct proc *parent)
{
	for (size_t i = 0; i < z->parent_cnt; i++) {
		if (z->parents[i].proc == parent)
			return &z->parents[i];
	}
	return NULL;
}

static bool verdict_value(const struct zombie_parent *f, const char *key, struct val *ret)
{
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"pid", val_u64(f->proc->key.tgid)},
		{"zombies", val_u64(f->zombies)},
		{"from", val_span(span_of(evidence_from_name(f->from)))},
		{"watched", val_ns(f->watched_ns)},
		{"leader_dead", val_u64(f->leader_dead)},
		{"adopted", val_u64(f->adopted)},
		{"traced", val_u64(f->traced)},
		{"tracer", val_u64(f->tracer.tgid)},
		{"sits_any", val_u64(f->sits.any + f->sits.pgid)},
		{"sits_pid", val_u64(f->sits.pid)},
		{"walled", val_u64(f->walled)},
		{"before_exec", val_u64(f->before_exec)},
		{"awaited", val_u64(f->awaited)},
		{"looked_at", val_u64(f->looked_at)},
		{"fresh", val_u64(f->fresh)},
		{"killed", val_u64(f->killed)},
		{"oldest", val_ns(f->oldest_ns)},
		{"newest", val_ns(f->newest_ns)},
		{"estimated", val_u64(f->estimated)},
		{"leak_milli", val_u64(f->leak_milli)},
		{"ever_reaped", val_u64(f->ever_reaped)},
		{"adopter", val_u64(f->adopter ? f->adopter->key.tgid : 0)},
		{"adopter_reaps", val_u64(f->adopter_reaps)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}

static bool verdicts_value(const struct zombies *z, const char *key, struct val *ret)
{
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"zombies", val_u64(z->zombies)},       {"leaks", val_u64(z->leaks)},
		{"undecided", val_u64(z->undecided)},   {"harmless", val_u64(z->harmless)},
		{"leak_milli", val_u64(z->leak_milli)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}

static bool ledger_value(const struct zombies_ledger *l, const char *key, struct val *ret)
{
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"born", val_u64(l->born)},
		{"reaped", val_u64(l->reaped)},
		{"autoreaped", val_u64(l->autoreaped)},
		{"by_parent", val_u64(l->by_parent)},
		{"by_thread", val_u64(l->by_thread)},
		{"by_adopter", val_u64(l->by_adopter)},
		{"by_tracer", val_u64(l->by_tracer)},
		{"by_other", val_u64(l->by_other)},
		{"lifetimes", val_u64(l->life_ns.cnt)},
		{"max", val_ns(l->life_ns.max)},
		{"err", val_ns(l->err_ns)},
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
