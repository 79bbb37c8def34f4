/* SPDX-License-Identifier: GPL-2.0-only */
/* What a timeline can ask of spawns, by name; runner.c alone includes it. */
#ifndef PROCTRAIL_TESTS_SCRIPT_RUNNER_SPAWNS_H
#define PROCTRAIL_TESTS_SCRIPT_RUNNER_SPAWNS_H

#include "analysis/spawns.h"
#include "runner_values.h"

#define SPAWNS_KEPT 64 /* in one timeline */

/* The last that was told of this pid; NULL: none */
static const struct spawn_one *spawn_of_pid(const struct spawns *s, uint32_t pid)
{
	const struct spawn_one *found = NULL;

	for (size_t i = 0; i < s->slow_cnt; i++) {
		if (s->slow[i].key.tgid == pid && (!found || found->exec_ns < s->slow[i].exec_ns))
			found = &s->slow[i];
	}
	return found;
}

/* The split is there as a whole or not at all. */
static bool spawn_value(const struct spawn_one *one, const char *key, struct val *ret)
{
	static const char *const parts[] = {"queued", "blocked", "running", "err"};
	const struct spawn_split *split = &one->split;
	const struct {
		const char *key;
		struct val v;
	} rows[] = {
		{"total", val_ns(split->total)},
		{"queued", val_ns(split->queued)},
		{"blocked", val_ns(split->blocked)},
		{"running", val_ns(split->running)},
		{"err", val_ns(split->err)},
		{"split", val_span(span_of(split->known ? "known" : "unknown"))},
		{"fork", val_ns(one->fork_ns)},
		{"at", val_moment(one->exec_ns)},
		{"parent", val_u64(one->parent.tgid)},
		{"how", val_span(span_of(spawn_how_name(one->how)))},
		{"comm", val_span(span_of(one->comm))},
		{"exe", val_span(span_of(one->exe))},
	};

	for (size_t i = 0; !split->known && i < sizeof(parts) / sizeof(*parts); i++) {
		if (strcmp(parts[i], key) == 0) {
			*ret = val_span(span_of("unknown"));
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].v;
			return true;
		}
	}
	return false;
}

static bool spawns_value(const struct spawns *s, const char *key, struct val *ret)
{
	const struct {
		const char *key;
		uint64_t n;
	} rows[] = {
		{"spawns", s->spawns},   {"workers", s->workers}, {"failed", s->failed},
		{"threads", s->threads}, {"short", s->short_cnt},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			*ret = val_u64(rows[i].n);
			return true;
		}
	}
	return false;
}

/* As at the end of the span: whoever lives is counted, once. */
static void spawns_end(struct spawns *s, const struct proc_table *t)
{
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(t, &i));)
		spawns_note_left(s, p);
}

#endif
