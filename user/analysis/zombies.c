// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/zombies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/tree.h"
#include "analysis/zombies_judge.h"
#include "analysis/zombies_past.h"
#include "base/map.h"

#define SIGCHLD       17
#define STILL_SPACES  10 /* so many times the usual space without another: it has stopped */
#define MILLI_PER_MIN 60000.0

struct examination {
	const struct proc_table *table;
	struct zombies *z;
	struct map by_parent; /* -> index + 1 */
	uint64_t now_ns;
	size_t cap;
	const struct zombies_options *opt;
	int err;
};

/* ---- names ---------------------------------------------------------------------------------- */

const char *verdict_name(enum verdict v)
{
	static const char *const names[VERDICT_CNT] = {
		[VERDICT_NEVER_WAITS] = "never_waits",
		[VERDICT_WAITS_FOR_OTHERS] = "waits_for_others",
		[VERDICT_MERGED_SIGCHLD] = "merged_sigchld",
		[VERDICT_SIGCHLD_BLOCKED] = "sigchld_blocked",
		[VERDICT_PARENT_STOPPED] = "parent_stopped",
		[VERDICT_PARENT_STUCK] = "parent_stuck",
		[VERDICT_TRACED] = "traced",
		[VERDICT_INIT_DOES_NOT_REAP] = "init_does_not_reap",
		[VERDICT_INHERITED_OVER_EXEC] = "inherited_over_exec",
		[VERDICT_NEEDS_WALL] = "needs_wall",
		[VERDICT_LEADER_DEAD] = "leader_dead",
		[VERDICT_SLOW] = "slow",
		[VERDICT_HEALTHY] = "healthy",
		[VERDICT_UNKNOWN] = "unknown",
	};

	return v < VERDICT_CNT ? names[v] : NULL;
}

const char *evidence_from_name(enum evidence_from f)
{
	static const char *const names[] = {
		[FROM_BIRTH] = "since birth", [FROM_SNAPSHOT] = "snapshot", [FROM_WATCHED] = "watched"};

	return names[f];
}

bool verdict_is_leak(enum verdict v)
{
	switch (v) {
	case VERDICT_NEVER_WAITS:
	case VERDICT_WAITS_FOR_OTHERS:
	case VERDICT_MERGED_SIGCHLD:
	case VERDICT_SIGCHLD_BLOCKED:
	case VERDICT_INIT_DOES_NOT_REAP:
	case VERDICT_NEEDS_WALL: return true;
	case VERDICT_PARENT_STOPPED:
	case VERDICT_PARENT_STUCK:
	case VERDICT_TRACED:
	case VERDICT_INHERITED_OVER_EXEC:
	case VERDICT_LEADER_DEAD:
	case VERDICT_SLOW:
	case VERDICT_HEALTHY:
	case VERDICT_UNKNOWN:
	case VERDICT_CNT: return false;
	}
	return false;
}

/* ---- rows of zombies -> their parents ------------------------------------------------------- */

static struct zombie_parent *find_or_add(struct examination *x, const struct proc *p)
{
	struct zombies *z = x->z;
	size_t at = (size_t)map_find(&x->by_parent, p->key.tgid, p->key.start_ns);

	if (at)
		return &z->parents[at - 1];
	if (x->opt->shows && !x->opt->shows(x->opt->ctx, p))
		return NULL;
	if (z->parent_cnt == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 32;
		struct zombie_parent *more = realloc(z->parents, cap * sizeof(*more));

		if (!more) {
			x->err = -ENOMEM;
			return NULL;
		}
		z->parents = more;
		x->cap = cap;
	}
	x->err = map_put(&x->by_parent, p->key.tgid, p->key.start_ns, (void *)(z->parent_cnt + 1));
	if (x->err)
		return NULL;
	z->parents[z->parent_cnt] = (struct zombie_parent){
		.proc = p, .seen = zombies_past_parent(x->opt, p), .newest_ns = UINT64_MAX};
	return &z->parents[z->parent_cnt++];
}

static void count_kind(struct zombie_parent *f, const struct proc *zombie)
{
	for (size_t i = 0; i < ZOMBIE_KINDS; i++) {
		struct zombie_kind *k = &f->kinds[i];

		if (k->cnt && memcmp(k->comm, zombie->comm, sizeof(k->comm)))
			continue;
		memcpy(k->comm, zombie->comm, sizeof(k->comm));
		k->cnt++;
		return;
	}
	f->kinds_other++;
}

/* Of whoever adopts, a pass says of orphans, too, that its image did not bear them. */
static bool is_inherited(const struct proc *child, const struct proc *parent)
{
	if (parent->exec_ns)
		return child->key.start_ns < parent->exec_ns;
	return proc_is_of_other_image(child) && !(parent->flags & PROC_SUBREAPER) &&
	       !zombies_is_init(parent);
}

/* Of one that was there before us only an init is known to have been given it. */
static bool is_orphan(const struct proc *child, const struct proc *parent)
{
	if (child->birth_parent.tgid)
		return !proc_key_equals(child->birth_parent, parent->key);
	return zombies_is_init(parent) && proc_is_of_other_image(child);
}

static void count_traced(struct zombie_parent *f, const struct proc *zombie)
{
	struct proc_key tracer = {0};

	if (!(zombie->flags & PROC_TRACED))
		return;
	f->traced++;
	if (zombie->death)
		tracer = zombie->death->tracer;
	if (!f->tracer.tgid)
		f->tracer = tracer;
	f->held_by_others += tracer.tgid && !proc_key_equals(tracer, f->tracer);
}

static void count_zombie(struct examination *x, const struct proc *zombie)
{
	struct zombie_parent *f = zombie->parent ? find_or_add(x, zombie->parent) : NULL;
	const struct proc *known;
	bool estimated;
	uint64_t age;

	if (!f)
		return;
	known = zombies_past_child(x->opt, zombie);
	age = proc_still_ns(known, x->now_ns, &estimated);
	f->zombies++;
	if (is_orphan(known, zombie->parent))
		f->adopted++;
	else
		f->birth_unseen += !known->birth_parent.tgid;
	count_traced(f, zombie);
	f->walled += zombie->exit_signal != SIGCHLD;
	f->before_exec += is_inherited(known, f->seen);
	f->fresh += !(zombie->flags & PROC_STATE_Z_SEEDED);
	f->killed += (zombie->status & 0x7f) != 0;
	f->awaited += proc_is_awaited(zombie);
	f->looked_at += zombie->pass != 0;
	count_kind(f, zombie);
	if (age == TREE_UNKNOWN)
		return;
	f->age_known = true;
	if (age >= f->oldest_ns) {
		f->oldest_ns = age;
		f->estimated = estimated;
		f->oldest_err_ns = known->death ? known->death->zombie_err_ns : 0;
	}
	if (age < f->newest_ns)
		f->newest_ns = age;
}

static void count_row(struct examination *x, const struct proc *p)
{
	struct zombie_parent *f;

	if (p->flags & (PROC_GHOST | PROC_KTHREAD))
		return;
	if (p->state == PROC_ZOMBIE) {
		count_zombie(x, p);
		return;
	}
	if (p->state == PROC_REAPED)
		return;
	if (p->flags & PROC_LEADER_DEAD && p->parent) {
		f = find_or_add(x, p->parent);
		if (f)
			f->leader_dead++;
	}
	if (x->opt->all && p->evidence && (p->evidence->died || p->evidence->reaped))
		(void)find_or_add(x, p);
}

/* ---- what stands beside the verdict --------------------------------------------------------- */

static bool birth_was_seen(const struct proc *p)
{
	return !(p->flags & (PROC_SEEDED | PROC_INFERRED | PROC_GHOST));
}

static void find_source(const struct examination *x, struct zombie_parent *f)
{
	const struct proc *p = f->seen;
	const struct proc_table *t = zombies_is_past(f) ? x->opt->past : x->table;
	const struct proc_evidence *e = p->evidence;
	uint64_t since = e ? e->watched_since_ns : 0, run_ns = proc_table_host(t)->run_ns;

	/* nobody watched between two runs of a recorder */
	since = since > run_ns ? since : run_ns;
	f->watched_ns = since && x->now_ns > since ? x->now_ns - since : 0;
	if (birth_was_seen(p) && p->key.start_ns >= run_ns)
		f->from = FROM_BIRTH;
	else
		f->from = f->watched_ns >= WATCHED_NS ? FROM_WATCHED : FROM_SNAPSHOT;
	f->reaped_known = f->from == FROM_BIRTH ||
			  p->pass; /* a row of it has the kernel's counts */
	f->image_reaped = zombies_has_reaped(p);
	f->ever_reaped = e && (e->reaped || e->child_minflt || e->child_cpu_ns);
}

/*
 * Those that died while we watched and are still there: but no more than there are more now. The zombies
 * of one who reaps late, but each in its turn, are always new ones, and always as many.
 */
static uint64_t grown_by(const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;
	uint64_t gone = e ? (uint64_t)e->reaped + e->autoreaped : 0;
	uint64_t more = !e ? f->fresh : e->died > gone ? e->died - gone : 0;

	return more < f->fresh ? more : f->fresh;
}

/*
 * By how many they grew while we watched, or how far apart the old ones died. A queue fills up to its
 * length, and no further; where none has come in the latter half of that time it was a burst, which says
 * nothing of the next.
 */
static void find_rate(struct zombie_parent *f)
{
	uint64_t spread = f->oldest_ns - f->newest_ns;

	if (f->in_turn || (f->fresh && f->newest_ns > f->watched_ns / 2))
		return;
	if (f->fresh && f->watched_ns >= YOUNG_NS)
		f->leak_milli = (uint64_t)((double)grown_by(f) * MILLI_PER_MIN * NS_PER_SEC /
					   (double)f->watched_ns);
	else if (f->zombies > 1 && f->newest_ns < f->oldest_ns && spread >= YOUNG_NS &&
		 f->newest_ns < STILL_SPACES * spread / (f->zombies - 1))
		f->leak_milli = (uint64_t)((double)(f->zombies - 1) * MILLI_PER_MIN * NS_PER_SEC /
					   (double)spread);
}

/* One is enough: it would leave these, too. */
static bool leaves_zombies(const struct examination *x, const struct proc *p)
{
	bool estimated;

	if (!p->evidence || !p->evidence->zombies)
		return false;
	for (const struct proc *c = p->children; c; c = c->next) {
		uint64_t age = c->state == PROC_ZOMBIE && !(c->flags & PROC_TRACED) ?
				       proc_still_ns(c, x->now_ns, &estimated) :
				       0;

		if (age != TREE_UNKNOWN && age >= PATIENCE_NS)
			return true;
	}
	return false;
}

/*
 * Who waits for any child waits for orphans, too; who has reaped some may have waited for its own by
 * their pids. The machine's init is given all of them, always.
 */
static bool reaps_orphans(const struct examination *x, const struct proc *p)
{
	struct wait_evidence w = zombies_waits_of(x->table, p);

	if (leaves_zombies(x, p))
		return false;
	return w.any || w.in_any || (p->key.tgid == 1 && zombies_has_reaped(p));
}

/*
 * find_new_reaper(): the nearest ancestor that is a subreaper and in the same pid namespace, else its
 * init, who need not be an ancestor (docker exec): then it is not known here. With an init its whole
 * namespace ends.
 */
const struct proc *zombies_adopter(const struct proc *parent)
{
	const struct proc *p = parent->parent;

	if (parent->flags & PROC_NSINIT)
		return NULL;
	while (p && !(p->flags & (PROC_SUBREAPER | PROC_NSINIT)) && p->key.tgid != 1)
		p = p->parent;
	return p && (p->pidns == parent->pidns || p->flags & PROC_GHOST) ? p : NULL;
}

static int by_weight(const void *a, const void *b)
{
	const struct zombie_parent *x = a, *y = b;

	if (x->zombies != y->zombies)
		return x->zombies < y->zombies ? 1 : -1;
	if (x->leader_dead != y->leader_dead)
		return x->leader_dead < y->leader_dead ? 1 : -1;
	return x->proc->key.tgid < y->proc->key.tgid ? -1 : x->proc->key.tgid > y->proc->key.tgid;
}

int zombies_examine(const struct proc_table *t, const struct zombies_options *opt,
		    struct zombies *ret_zombies)
{
	struct zombies z = {0};
	struct examination x = {
		.table = t, .z = &z, .opt = opt, .now_ns = proc_table_host(t)->now_ns};
	const struct proc *p;

	for (size_t i = 0; !x.err && (p = proc_table_next(t, &i));)
		count_row(&x, p);
	map_release(&x.by_parent);
	if (x.err) {
		zombies_release(&z);
		return x.err;
	}
	for (size_t i = 0; i < z.parent_cnt; i++) {
		struct zombie_parent *f = &z.parents[i];

		find_source(&x, f);
		f->verdict = zombies_judge(t, f);
		find_rate(f);
		f->adopter = zombies_adopter(f->proc);
		f->adopter_reaps = f->adopter && reaps_orphans(&x, f->adopter);
		z.zombies += f->zombies;
		if (f->zombies && verdict_is_leak(f->verdict)) {
			z.leaks++;
			z.leak_milli += f->leak_milli;
		} else if (f->zombies && f->verdict == VERDICT_UNKNOWN) {
			z.undecided++;
		} else if (f->zombies) {
			z.harmless++;
		}
	}
	if (z.parent_cnt)
		qsort(z.parents, z.parent_cnt, sizeof(*z.parents), by_weight);
	*ret_zombies = z;
	return 0;
}

void zombies_release(struct zombies *z)
{
	free(z->parents);
	memset(z, 0, sizeof(*z));
}
