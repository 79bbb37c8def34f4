// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawns_findings.h"

/* A fork of this much page tables (of 512 MiB in small pages) takes a millisecond and more. */
#define LARGE_PGTABLES (1ULL << 20)
#define HIDDEN_PERCENT 10         /* of one CPU */
#define HIDDEN_SPAN_NS NS_PER_SEC /* in less it says little */
#define QUEUE_PERCENT  30         /* of birth..exec */
#define QUEUE_MEAN_NS  NS_PER_MS
#define QUEUE_CNT      10
#define PILE           5
#define PILE_SPAN_NS \
	(2 * NS_PER_SEC)  /* from the first birth to the last: started at once is no pile */
#define STARTS         10 /* of an interpreter */
#define STARTS_PERCENT 5  /* of one CPU */
#define STORM_CNT      100
#define STORM_RATE     50 /* a second */

const char *spawn_finding_name(enum spawn_finding_kind kind)
{
	static const char *const names[FINDING_KIND_CNT] = {
		[FINDING_LARGE_HEAP] = "large_heap", [FINDING_HIDDEN_CPU] = "hidden_cpu",
		[FINDING_QUEUE] = "queue",           [FINDING_EXEC_FAILED] = "exec_failed",
		[FINDING_PILE_UP] = "pile_up",       [FINDING_INTERPRETER] = "interpreter",
		[FINDING_STORM] = "storm",
	};

	return kind < FINDING_KIND_CNT ? names[kind] : NULL;
}

static bool holds(enum spawn_finding_kind kind, const struct spawn_group *g, uint64_t span_ns)
{
	switch (kind) {
	case FINDING_LARGE_HEAP: return !g->worker && g->pgtables_bytes >= LARGE_PGTABLES;
	case FINDING_HIDDEN_CPU:
		return span_ns >= HIDDEN_SPAN_NS && g->cpu_ns >= span_ns / 100 * HIDDEN_PERCENT;
	case FINDING_QUEUE:
		return g->split_ns && g->cnt >= QUEUE_CNT &&
		       g->queued_ns >= g->split_ns / 100 * QUEUE_PERCENT &&
		       g->total_ns.sum >= g->cnt * QUEUE_MEAN_NS;
	case FINDING_EXEC_FAILED: return g->failed; /* inferred: see spawns_find() */
	case FINDING_PILE_UP:
		return !g->worker && g->cnt >= PILE && !g->died &&
		       g->lives.last_ns - g->lives.first_ns >= PILE_SPAN_NS &&
		       !(g->lives.args_differ && g->lives.interpreter);
	case FINDING_INTERPRETER:
		return g->lives.interpreter && span_ns >= HIDDEN_SPAN_NS &&
		       g->short_cnt >= STARTS &&
		       spawn_group_start_ns(g) * g->short_cnt >= span_ns / 100 * STARTS_PERCENT;
	case FINDING_STORM: /* see find_storm() */
	case FINDING_KIND_CNT: break;
	}
	return false;
}

const char *spawn_queue_cause_name(enum spawn_queue_cause cause)
{
	switch (cause) {
	case QUEUE_BUSY: return "busy";
	case QUEUE_THROTTLED: return "throttled";
	case QUEUE_UNKNOWN: break;
	}
	return "unknown";
}

static bool find_storm(const struct spawns *s, uint64_t span_ns, struct spawn_finding *ret)
{
	*ret = (struct spawn_finding){.kind = FINDING_STORM};
	return s->spawns >= STORM_CNT && span_ns >= HIDDEN_SPAN_NS &&
	       s->spawns * NS_PER_SEC >= span_ns * STORM_RATE &&
	       spawn_roots_find(&s->roots, s->table, s->spawns, &ret->root);
}

/* The scheduler counts who is throttled as runnable: only the cgroup's own account tells. */
static void find_queue_cause(const struct spawns *s, struct spawn_finding *f)
{
	struct span path;
	bool sure = spawn_place_find(&f->group->place, s->table, &path);

	f->throttle = throttles_find(&s->throttles, path, &f->counts);
	if (f->throttle)
		f->cause = QUEUE_THROTTLED;
	else
		f->cause = sure ? QUEUE_BUSY : QUEUE_UNKNOWN;
}

size_t spawns_find(const struct spawns *s, uint64_t span_ns,
		   struct spawn_finding ret_findings[SPAWN_FINDINGS_MAX])
{
	size_t cnt = 0;

	/* they are in the order of their cost: of each kind the worst */
	for (enum spawn_finding_kind kind = 0; kind < FINDING_KIND_CNT; kind++) {
		size_t of_kind = 0;

		if (kind == FINDING_STORM) {
			cnt += cnt < SPAWN_FINDINGS_MAX &&
			       find_storm(s, span_ns, &ret_findings[cnt]);
			continue;
		}

		if (kind == FINDING_EXEC_FAILED && /* what is known need not be inferred */
		    exec_fails_watched(proc_table_host(s->table)->hooks))
			continue;
		for (size_t i = 0; i < s->cnt && of_kind < 2; i++) {
			if (cnt == SPAWN_FINDINGS_MAX)
				return cnt;
			if (!holds(kind, &s->v[i], span_ns))
				continue;
			ret_findings[cnt] = (struct spawn_finding){.kind = kind, .group = &s->v[i]};
			if (kind == FINDING_QUEUE)
				find_queue_cause(s, &ret_findings[cnt]);
			cnt++;
			of_kind++;
		}
	}
	return cnt;
}
