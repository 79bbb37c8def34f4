// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/health_facts.h"
#include "analysis/tree.h"
#include "base/map.h"

/* When a figure becomes worth a line. */
#define LIMIT_WARN_PERCENT  80
#define LIMIT_ALARM_PERCENT 95
#define STUCK_WARN_NS       (5 * NS_PER_SEC)
#define STUCK_ALARM_NS      (60 * NS_PER_SEC)
#define ZOMBIE_YOUNG_NS     NS_PER_SEC /* a reap on its way */
#define ZOMBIES_WARN        10
#define ZOMBIES_ALARM       100
#define MEMORY_WARN_PERCENT 5
#define LOAD_WARN_PER_CPU   2

struct examination {
	const struct proc_table *table;
	struct health *h;
	uint64_t now_ns;
	bool looked;               /* a pass has just shown who runs and who is in D */
	struct map stuck, stopped; /* by name -> finding index + 1 */
	struct map parents;        /* by key -> the same */
	struct map cgroups;        /* by path -> seen */
	size_t cap;
	int err;
};

static const char *const finding_names[FIND_KIND_CNT] = {
	[FIND_CGROUP_PIDS] = "cgroup_pids", [FIND_PID_MAX] = "pid_max",
	[FIND_THREADS_MAX] = "threads_max", [FIND_STUCK] = "stuck",
	[FIND_ZOMBIES] = "zombies",         [FIND_MEMORY] = "memory",
	[FIND_PRESSURE] = "pressure",       [FIND_LOAD] = "load",
	[FIND_STOPPED] = "stopped",
};

const char *finding_name(enum finding_kind kind)
{
	return finding_names[kind];
}

const char *health_weight_name(enum health_weight w)
{
	static const char *const names[] = {"note", "warn", "alarm"};

	return names[w];
}

/* NULL without memory. Pointers to findings do not survive the next call: keep indexes. */
static struct finding *add(struct examination *x, enum finding_kind kind, enum health_weight w)
{
	struct health *h = x->h;
	struct finding *f;

	if (h->finding_cnt == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 32;

		f = realloc(h->findings, cap * sizeof(*f));
		if (!f) {
			x->err = -ENOMEM;
			return NULL;
		}
		h->findings = f;
		x->cap = cap;
	}
	f = &h->findings[h->finding_cnt++];
	*f = (struct finding){.kind = kind, .weight = w, .still_ns = HEALTH_UNKNOWN};
	return f;
}

/* The finding that this key has in m, made when new. */
static struct finding *find_or_add(struct examination *x, struct map *m, uint64_t a, uint64_t b,
				   enum finding_kind kind)
{
	uintptr_t at = (uintptr_t)map_find(m, a, b);
	struct finding *f;
	int err;

	if (at)
		return &x->h->findings[at - 1];
	f = add(x, kind, HEALTH_NOTE);
	if (!f)
		return NULL;
	err = map_put(m, a, b, (void *)(uintptr_t)x->h->finding_cnt);
	if (err)
		x->err = err;
	return f;
}

static void keep_longest(struct finding *f, uint64_t still_ns, bool estimated)
{
	if (still_ns == TREE_UNKNOWN)
		return;
	if (f->still_ns == HEALTH_UNKNOWN || still_ns > f->still_ns) {
		f->still_ns = still_ns;
		f->estimated = estimated;
	}
}

/* A name is at most 16 bytes: it is its own key. */
static struct finding *find_by_name(struct examination *x, struct map *m, enum finding_kind kind,
				    const struct proc *p)
{
	uint64_t name[2] = {0};

	_Static_assert(sizeof(p->comm) == sizeof(name), "a name is two words");
	memcpy(name, p->comm, sizeof(name));
	return find_or_add(x, m, name[0], name[1], kind);
}

static void count_by_name(struct examination *x, struct map *m, enum finding_kind kind,
			  const struct proc *p, uint64_t still_ns)
{
	struct finding *f = find_by_name(x, m, kind, p);

	if (!f)
		return;
	if (!f->proc)
		f->proc = p;
	f->cnt++;
	keep_longest(f, still_ns, true);
}

static void count_zombie(struct examination *x, const struct proc *p)
{
	const struct proc *parent = p->parent;
	const struct proc_evidence *e = parent ? parent->evidence : NULL;
	struct finding *f;
	uint64_t still_ns;
	bool estimated;

	if (!parent)
		return;
	f = find_or_add(x, &x->parents, parent->key.tgid, parent->key.start_ns, FIND_ZOMBIES);
	if (!f)
		return;
	f->proc = parent;
	f->cnt++;
	/* a snapshot that says nothing is not kept: no figures are figures of 0 */
	f->never_reaped = parent->flags & PROC_SEEDED &&
			  (!e || (!e->child_minflt && !e->child_cpu_ns && !e->reaped));
	still_ns = proc_still_ns(p, x->now_ns, &estimated);
	keep_longest(f, still_ns, estimated);
}

static void count_row(struct examination *x, const struct proc *p)
{
	struct health *h = x->h;
	bool estimated;

	if (p->state == PROC_REAPED || p->flags & PROC_GHOST)
		return;
	if (p->flags & PROC_KTHREAD)
		h->kernel_threads++;
	else
		h->processes++;
	h->tasks += p->threads ? p->threads : 1;
	if (p->state == PROC_ZOMBIE) {
		h->zombies++;
		count_zombie(x, p);
		return;
	}
	if (p->state == PROC_DYING) {
		h->dying++;
		return;
	}
	switch (proc_state_char(p)) {
	case 'R': h->running += x->looked; break;
	case 'D':
		if (!x->looked)
			break;
		h->stuck++;
		count_by_name(x, &x->stuck, FIND_STUCK, p, proc_still_ns(p, x->now_ns, &estimated));
		break;
	case 'T':
		h->stopped++;
		count_by_name(x, &x->stopped, FIND_STOPPED, p,
			      proc_still_ns(p, x->now_ns, &estimated));
		break;
	case 't': h->traced++; break;
	}
}

static void count_threads(struct examination *x, const struct health_threads *threads)
{
	for (size_t i = 0; threads && i < threads->cnt; i++) {
		const struct health_thread *th = &threads->v[i];
		const struct proc *p = proc_table_find(x->table, th->key);

		x->h->running += th->running;
		x->h->stuck += th->stuck;
		if (th->stuck && p)
			count_by_name(x, &x->stuck, FIND_STUCK, p, th->still_ns);
	}
}

static bool is_stuck(const struct health_threads *threads, const struct proc *p)
{
	for (size_t i = 0; i < threads->cnt; i++)
		if (threads->v[i].stuck && proc_key_equals(threads->v[i].key, p->key))
			return true;
	return proc_state_char(p) == 'D';
}

/* Killed, and not dead because it is in D: the one of its name that is named. */
static void mark_killed(struct examination *x, const struct health_threads *threads)
{
	for (size_t i = 0; threads && i < threads->cnt; i++) {
		const struct proc *p = proc_table_find(x->table, threads->v[i].key);
		struct finding *f;

		if (!threads->v[i].killed || !p || !is_stuck(threads, p))
			continue;
		f = find_by_name(x, &x->stuck, FIND_STUCK, p);
		if (f) {
			f->kill_pending = true;
			f->proc = p;
		}
	}
}

/* ---- limits --------------------------------------------------------------------------------- */

static enum health_weight weigh_limit(uint64_t cnt, uint64_t limit)
{
	if (cnt >= limit || cnt * 100 / limit >= LIMIT_ALARM_PERCENT)
		return HEALTH_ALARM;
	return cnt * 100 / limit >= LIMIT_WARN_PERCENT ? HEALTH_WARN : HEALTH_NOTE;
}

static void check_limit(struct examination *x, enum finding_kind kind, uint64_t cnt, uint64_t limit,
			struct span name)
{
	struct finding *f;

	if (cnt == HEALTH_UNKNOWN || limit == HEALTH_UNKNOWN || !limit ||
	    weigh_limit(cnt, limit) == HEALTH_NOTE)
		return;
	f = add(x, kind, weigh_limit(cnt, limit));
	if (!f)
		return;
	f->cnt = cnt;
	f->limit = limit;
	f->name = name;
}

static uint64_t hash_path(struct span path)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < path.len; i++)
		h = (h ^ (uint8_t)path.data[i]) * 0x100000001b3ULL;
	return h;
}

/* The limit of a cgroup binds everybody below it: all the way up is looked at, each path once. */
static void check_cgroup(struct examination *x, const struct cgroup *cg)
{
	struct span path = intern_span(cg->path);

	while (path.len > 1 && !x->err) {
		uint64_t h = hash_path(path);

		if (map_find(&x->cgroups, h, path.len))
			return;
		x->err = map_put(&x->cgroups, h, path.len, x);
		check_limit(x, FIND_CGROUP_PIDS, fact_cgroup_u64(x->table, path, "pids.current"),
			    fact_cgroup_u64(x->table, path, "pids.max"), path);
		path = cgroup_path_outer(path);
	}
}

static bool is_below(const struct proc *p, struct span path)
{
	return p->cgroup && cgroup_path_is_in(intern_span(p->cgroup->path), path);
}

static void count_zombies_of_limits(struct examination *x)
{
	const struct proc *p;

	for (size_t n = 0; n < x->h->finding_cnt; n++) {
		struct finding *f = &x->h->findings[n];

		for (size_t i = 0;
		     f->kind == FIND_CGROUP_PIDS && (p = proc_table_next(x->table, &i));)
			f->zombies += p->state == PROC_ZOMBIE && is_below(p, f->name);
	}
}

static void check_machine(struct examination *x)
{
	struct health *h = x->h;
	const struct host_info *host = proc_table_host(x->table);
	struct finding *f;

	check_limit(x, FIND_PID_MAX, h->tasks,
		    fact_u64(proc_table_fact(x->table, "/proc/sys/kernel/pid_max")),
		    (struct span){0});
	check_limit(x, FIND_THREADS_MAX, h->tasks,
		    fact_u64(proc_table_fact(x->table, "/proc/sys/kernel/threads-max")),
		    (struct span){0});
	if (h->mem_total_kb != HEALTH_UNKNOWN && h->mem_available_kb != HEALTH_UNKNOWN &&
	    h->mem_available_kb < h->mem_total_kb / 100 * MEMORY_WARN_PERCENT) {
		f = add(x, FIND_MEMORY, HEALTH_WARN);
		if (f) {
			f->cnt = h->mem_available_kb;
			f->limit = h->mem_total_kb;
		}
	}
	if (host->cpus && h->load_centi[0] != HEALTH_UNKNOWN &&
	    h->load_centi[0] > 100ULL * LOAD_WARN_PER_CPU * host->cpus) {
		f = add(x, FIND_LOAD, HEALTH_WARN);
		if (f) {
			f->cnt = h->load_centi[0];
			f->limit = host->cpus;
		}
	}
}

static void check_pressure(struct examination *x)
{
	static const struct {
		const char *fact, *name;
		uint64_t warn_percent;
	} rows[] = {
		{"/proc/pressure/memory", "memory", 10},
		{"/proc/pressure/io", "io", 40},
		{"/proc/pressure/cpu", "cpu", 60},
	};
	struct finding *f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t percent = fact_pressure_percent(proc_table_fact(x->table, rows[i].fact));

		if (percent == HEALTH_UNKNOWN || percent < rows[i].warn_percent)
			continue;
		f = add(x, FIND_PRESSURE, HEALTH_WARN);
		if (f) {
			f->name = span_of(rows[i].name);
			f->cnt = percent;
		}
	}
}

/* ---- weights -------------------------------------------------------------------------------- */

static enum health_weight weigh_stuck(const struct finding *f)
{
	if (f->still_ns == HEALTH_UNKNOWN)
		return f->kill_pending ? HEALTH_WARN : HEALTH_NOTE;
	if (f->still_ns >= STUCK_ALARM_NS)
		return HEALTH_ALARM;
	return f->still_ns >= STUCK_WARN_NS || f->kill_pending ? HEALTH_WARN : HEALTH_NOTE;
}

static enum health_weight weigh_zombies(const struct finding *f)
{
	if (f->cnt >= ZOMBIES_ALARM || (f->never_reaped && f->cnt >= ZOMBIES_WARN))
		return HEALTH_ALARM;
	return f->cnt >= ZOMBIES_WARN ? HEALTH_WARN : HEALTH_NOTE;
}

/* A few short waits for the disk and a reap on its way are every machine's life. */
static bool is_nothing(const struct finding *f)
{
	if (f->weight != HEALTH_NOTE || f->still_ns == HEALTH_UNKNOWN)
		return false;
	return (f->kind == FIND_STUCK && f->still_ns < STUCK_WARN_NS) ||
	       (f->kind == FIND_ZOMBIES && f->still_ns < ZOMBIE_YOUNG_NS);
}

static int by_weight(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->cnt < y->cnt) - (x->cnt > y->cnt);
}

static void weigh(struct health *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->finding_cnt; i++) {
		struct finding *f = &h->findings[i];

		if (f->kind == FIND_STUCK)
			f->weight = weigh_stuck(f);
		if (f->kind == FIND_ZOMBIES)
			f->weight = weigh_zombies(f);
		if (!is_nothing(f))
			h->findings[kept++] = *f;
	}
	h->finding_cnt = kept;
	if (kept)
		qsort(h->findings, kept, sizeof(*h->findings), by_weight);
}

static void read_facts(const struct proc_table *t, struct health *h, bool looked)
{
	struct span meminfo = proc_table_fact(t, "/proc/meminfo");
	uint64_t tasks, centi;

	fact_loadavg(proc_table_fact(t, "/proc/loadavg"), h->load_centi, &tasks);
	/* the kernel's own count, threads of everybody included; rows know leaders only on /proc */
	if (tasks != HEALTH_UNKNOWN)
		h->tasks = tasks;
	centi = fact_centi(proc_table_fact(t, "/proc/uptime"));
	h->uptime_ns = centi == HEALTH_UNKNOWN || !looked ? proc_table_host(t)->now_ns :
							    centi * (NS_PER_SEC / 100);
	h->mem_total_kb = fact_meminfo_kb(meminfo, "MemTotal:");
	h->mem_available_kb = fact_meminfo_kb(meminfo, "MemAvailable:");
	fact_kernel_log(proc_table_fact(t, "kmsg"), h);
}

int health_examine(const struct proc_table *t, const struct health_threads *threads,
		   struct health *ret_health)
{
	struct health h = {0};
	struct examination x = {.table = t,
				.h = &h,
				.now_ns = proc_table_host(t)->now_ns,
				.looked = threads != NULL};
	const struct proc *p;

	for (size_t i = 0; !x.err && (p = proc_table_next(t, &i));) {
		count_row(&x, p);
		if (p->cgroup && p->state != PROC_REAPED)
			check_cgroup(&x, p->cgroup);
	}
	if (!x.looked)
		h.running = h.stuck = HEALTH_UNKNOWN;
	count_threads(&x, threads);
	mark_killed(&x, threads);
	read_facts(t, &h, x.looked);
	check_machine(&x);
	check_pressure(&x);
	count_zombies_of_limits(&x);
	weigh(&h);
	map_release(&x.stuck);
	map_release(&x.stopped);
	map_release(&x.parents);
	map_release(&x.cgroups);
	if (x.err) {
		health_release(&h);
		return x.err;
	}
	*ret_health = h;
	return 0;
}

void health_release(struct health *h)
{
	free(h->findings);
	h->findings = NULL;
	h->finding_cnt = 0;
}
