// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX   4096 /* beyond, whoever starts programs is told by name only */
#define NAMES_MAX    8192 /* beyond, all that has no group yet has one together */
#define PARENTS_TOLD 3    /* so many of one name have a row each, more have one together */
#define NAME_MAX_LEN 256
#define YOUNG_NS     (100 * NS_PER_MS)

/* How shells and runtimes say that exec failed: found, but cannot be executed; not found. */
#define EXIT_NO_EXEC  126
#define EXIT_NO_FOUND 127

static const char *const by_names[SPAWNS_BY_CNT] = {
	[SPAWNS_BY_PARENT] = "parent", [SPAWNS_BY_PROGRAM] = "program",
	[SPAWNS_BY_UNIT] = "unit",     [SPAWNS_BY_CONTAINER] = "container",
	[SPAWNS_BY_USER] = "user",
};

const char *spawns_by_name(enum spawns_by by)
{
	return by < SPAWNS_BY_CNT ? by_names[by] : NULL;
}

int spawns_by_parse(const char *word, enum spawns_by *ret_by)
{
	for (enum spawns_by by = 0; by < SPAWNS_BY_CNT; by++) {
		if (strcmp(word, by_names[by]))
			continue;
		*ret_by = by;
		return 0;
	}
	return -EINVAL;
}

void spawns_init(struct spawns *s, const struct proc_table *t, enum spawns_by by, size_t slow_max)
{
	*s = (struct spawns){.table = t, .by = by, .slow_max = slow_max};
}

void spawns_release(struct spawns *s)
{
	struct map_slot *call;

	for (size_t i = 0; i < s->cnt; i++) {
		hist_release(&s->v[i].total_ns);
		hist_release(&s->v[i].fork_ns);
	}
	for (size_t i = 0; (call = map_next(&s->calls, &i));)
		free(call->value);
	map_release(&s->calls);
	free(s->v);
	free(s->slow);
	map_release(&s->by_name);
	map_release(&s->of_proc);
	map_release(&s->heaps);
	intern_release(&s->names);
	exec_fails_release(&s->execs);
	throttles_release(&s->throttles);
	spawn_roots_release(&s->roots);
	memset(s, 0, sizeof(*s));
}

uint64_t spawn_group_whole_ns(const struct spawn_group *g)
{
	if (!g->total_ns.cnt || !g->fork_ns.cnt)
		return 0;
	return g->total_ns.sum / g->total_ns.cnt + g->before_ns / g->fork_ns.cnt;
}

uint64_t spawn_group_start_ns(const struct spawn_group *g)
{
	return g->short_cnt ? g->lives.cpu_min_ns : 0;
}

/* ---- which group ------------------------------------------------------------------------------- */

/* Of what is too long the end is kept. */
static void set_text(char *to, size_t size, struct span from)
{
	size_t len = from.len < size - 1 ? from.len : size - 1;

	if (len) /* an empty span may have no data */
		memcpy(to, from.data + from.len - len, len);
	to[len] = '\0';
}

/*
 * The file's name. What runs through a descriptor (a container's runtime, a package manager) has none
 * there that says anything.
 */
static struct span program_of(const struct proc *p)
{
	struct span exe = intern_span(p->exe);
	const char *slash;

	if (!exe.len || (exe.len > 6 && memcmp(exe.data, "/proc/", 6) == 0) ||
	    (exe.len > 8 && memcmp(exe.data, "/dev/fd/", 8) == 0))
		return proc_comm(p);
	slash = memrchr(exe.data, '/', exe.len);
	if (slash && slash + 1 < exe.data + exe.len)
		return (struct span){slash + 1, (size_t)(exe.data + exe.len - slash - 1)};
	return exe;
}

static const struct proc *birth_parent_of(const struct spawns *s, const struct proc *p)
{
	if (p->parent && proc_key_equals(p->parent->key, p->birth_parent))
		return p->parent;
	return proc_table_find(s->table, p->birth_parent);
}

static void fill_who(const struct spawns *s, const struct proc *p, struct spawn_group *g)
{
	const struct proc *parent;

	switch (s->by) {
	case SPAWNS_BY_PARENT:
		parent = birth_parent_of(s, p);
		if (parent)
			set_text(g->who, sizeof(g->who), proc_comm(parent));
		if (s->cnt < GROUPS_MAX)
			g->parent = p->birth_parent;
		break;
	case SPAWNS_BY_UNIT:
		if (p->cgroup)
			set_text(g->who, sizeof(g->who), p->cgroup->unit);
		break;
	case SPAWNS_BY_CONTAINER:
		if (p->cgroup)
			set_text(g->who, sizeof(g->who), p->cgroup->container);
		break;
	case SPAWNS_BY_USER: snprintf(g->who, sizeof(g->who), "%u", p->uid); break;
	case SPAWNS_BY_PROGRAM:
	case SPAWNS_BY_CNT: break;
	}
}

static struct spawn_group *group_new(struct spawns *s, const struct spawn_group *like)
{
	if (s->cnt == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct spawn_group *more = realloc(s->v, cap * sizeof(*more));

		if (!more)
			return NULL;
		s->v = more;
		s->cap = cap;
	}
	s->v[s->cnt] = *like;
	return &s->v[s->cnt++];
}

/* What it is grouped by, as one string; a reference, NULL without memory. */
static struct intern_str *name_of(struct spawns *s, const struct spawn_group *g)
{
	char text[NAME_MAX_LEN];
	int len = snprintf(text, sizeof(text), "%d %d %d %u %llu %s/%s", g->how, g->worker,
			   g->container, g->parent.tgid, (unsigned long long)g->parent.start_ns,
			   g->who, g->program);

	return intern_get(&s->names, (struct span){text, (size_t)len}, (uint32_t)len);
}

/* The group that is named like this one, made when new; NULL: too many, or without memory (err). */
static struct spawn_group *find_or_add(struct spawns *s, const struct spawn_group *like, size_t max)
{
	struct intern_str *name = name_of(s, like);
	size_t at = name ? (size_t)map_find(&s->by_name, (uintptr_t)name, 0) : 0;

	if (at || s->cnt >= max) {
		intern_put(&s->names, name);
		return at ? &s->v[at - 1] : NULL;
	}
	if (name && group_new(s, like) && !map_put(&s->by_name, (uintptr_t)name, 0, (void *)s->cnt))
		return &s->v[s->cnt - 1];
	s->err = -ENOMEM;
	return NULL;
}

/* The group of this process as it is now; NULL without memory. */
static struct spawn_group *group_of(struct spawns *s, const struct proc *p)
{
	struct spawn_group like = {.how = p->how, .worker = !p->exec_cnt, .parents = 1}, *g;

	like.container = !like.worker && spawn_starts_container(p);
	fill_who(s, p, &like);
	set_text(like.program, sizeof(like.program), program_of(p));
	g = find_or_add(s, &like, NAMES_MAX);
	if (g || s->err)
		return g;
	/* whoever runs under ever new names */
	s->unnamed++;
	like.parent = (struct proc_key){0};
	set_text(like.who, sizeof(like.who), span_of("(others)"));
	set_text(like.program, sizeof(like.program), span_of("(others)"));
	return find_or_add(s, &like, SIZE_MAX);
}

/* ---- what happened ----------------------------------------------------------------------------- */

static bool birth_was_seen(const struct proc *p)
{
	return !(p->flags & (PROC_SEEDED | PROC_INFERRED | PROC_GHOST | PROC_KTHREAD));
}

/* A fork call that was timed */
struct fork_call {
	uint64_t took_ns, before_ns; /* in all; until the birth */
};

/* Kept until it is known whose group the child belongs to. */
static void note_call(struct spawns *s, const struct change *c)
{
	const struct rec_fork *f = &c->ev->fork;
	struct proc_key key = c->proc->key;
	uint64_t after_ns = f->h.boot_ns > key.start_ns ? f->h.boot_ns - key.start_ns : 0;
	struct fork_call *call;

	if (!f->fork_ns)
		return;
	call = malloc(sizeof(*call));
	if (call) {
		*call = (struct fork_call){
			.took_ns = f->fork_ns,
			.before_ns = f->fork_ns > after_ns ? f->fork_ns - after_ns : 0,
		};
		free(map_remove(&s->calls, key.tgid, key.start_ns));
	}
	if (!call || map_put(&s->calls, key.tgid, key.start_ns, call)) {
		free(call);
		s->err = -ENOMEM;
	}
}

/* Counts the fork call that made this process, if it was timed. */
static void take_call(struct spawns *s, const struct proc *p, struct spawn_group *g)
{
	struct fork_call *call = map_remove(&s->calls, p->key.tgid, p->key.start_ns);

	if (call) {
		g->before_ns += call->before_ns;
		if (hist_add(&g->fork_ns, call->took_ns))
			s->err = -ENOMEM;
	}
	free(call);
}

bool spawns_one(const struct spawns *s, const struct change *c, struct spawn_one *ret)
{
	const struct proc *p = c->proc, *parent;
	const struct fork_call *call;
	struct spawn_split split;

	if (c->kind != CHANGE_EXEC || !birth_was_seen(p) || !spawn_split_of(c, &split))
		return false;
	parent = birth_parent_of(s, p);
	call = map_find(&s->calls, p->key.tgid, p->key.start_ns);
	*ret = (struct spawn_one){
		.key = p->key,
		.parent = p->birth_parent,
		.split = split,
		.fork_ns = call ? call->took_ns : 0,
		.exec_ns = c->boot_ns,
		.how = p->how,
		.container = spawn_starts_container(p),
	};
	memcpy(ret->comm, p->comm, sizeof(ret->comm));
	if (parent)
		memcpy(ret->parent_comm, parent->comm, sizeof(ret->parent_comm));
	set_text(ret->exe, sizeof(ret->exe), intern_span(p->exe));
	if (c->ev && c->ev->h.type == REC_EXEC)
		set_text(ret->interpreter, sizeof(ret->interpreter), event_interpreter(c->ev));
	return true;
}

/* The slowest come first; a new one is moved forward to its place. */
static void note_slow(struct spawns *s, const struct spawn_one *one)
{
	size_t i;

	if (s->slow_cnt == s->slow_max) {
		if (!s->slow_max || s->slow[s->slow_cnt - 1].split.total >= one->split.total)
			return;
		s->slow_cnt--;
	}
	if (!s->slow)
		s->slow = calloc(s->slow_max, sizeof(*s->slow));
	if (!s->slow) {
		s->err = -ENOMEM;
		return;
	}
	for (i = s->slow_cnt++; i && s->slow[i - 1].split.total < one->split.total; i--)
		s->slow[i] = s->slow[i - 1];
	s->slow[i] = *one;
}

/* Of an image that the parent had before, the heap was another. */
static void note_heap(const struct spawns *s, const struct proc *p, struct spawn_group *g)
{
	uint64_t bytes =
		(uintptr_t)map_find(&s->heaps, p->birth_parent.tgid, p->birth_parent.start_ns);

	if (bytes > g->pgtables_bytes)
		g->pgtables_bytes = bytes;
}

static void count_one(struct spawn_group *g, const struct spawn_split *split)
{
	g->cnt++;
	if (spawn_suspends(g->how))
		g->suspended_ns += split->total;
	if (!split->known)
		return;
	g->split_ns += split->total;
	g->queued_ns += split->queued;
	g->blocked_ns += split->blocked;
	g->running_ns += split->running;
	g->err_ns += split->err;
}

/* What is kept of a process until it has another image, or is gone. */
static void forget(struct spawns *s, struct proc_key key)
{
	(void)map_remove(&s->heaps, key.tgid, key.start_ns);
	free(map_remove(&s->calls, key.tgid, key.start_ns));
}

/* What it has in common with the others of its group, and whom it comes from. */
static void note_origin(struct spawns *s, const struct proc *p, struct spawn_group *g)
{
	int err = spawn_place_note(&g->place, p, birth_parent_of(s, p), &s->names);

	err = spawn_lives_note(&g->lives, p, &s->names) ?: err;
	err = spawn_roots_note(&s->roots, s->table, p) ?: err;
	if (err)
		s->err = err;
}

static void note_later_image(struct spawns *s, const struct proc *p)
{
	size_t at = (size_t)map_find(&s->of_proc, p->key.tgid, p->key.start_ns);

	if (at && spawn_lives_note(&s->v[at - 1].lives, p, &s->names))
		s->err = -ENOMEM;
}

static void note_exec(struct spawns *s, const struct change *c)
{
	const struct proc *p = c->proc;
	struct spawn_group *g;
	struct spawn_one one;

	if (!spawns_one(s, c, &one)) {
		note_later_image(s, p);
		forget(s, p->key); /* what it forks from here on is another program's */
		return;
	}
	g = group_of(s, p);
	if (!g || hist_add(&g->total_ns, one.split.total)) {
		s->err = -ENOMEM;
		return;
	}
	/* whatever it execs later, it is this spawn that has cost its CPU time */
	if (map_put(&s->of_proc, p->key.tgid, p->key.start_ns, (void *)(uintptr_t)(g - s->v + 1)))
		s->err = -ENOMEM;
	s->spawns++;
	count_one(g, &one.split);
	note_origin(s, p, g);
	if (g->how == HOW_FORK)
		note_heap(s, p, g);
	take_call(s, p, g);
	note_slow(s, &one);
}

/* What fork() had to copy, kept until it is known what was started. */
static void note_birth(struct spawns *s, const struct change *c)
{
	const struct rec_fork *f;
	struct proc_key parent;

	if (!c->ev || c->ev->h.type != REC_FORK)
		return;
	note_call(s, c);
	f = &c->ev->fork;
	parent = c->proc->birth_parent;
	if (c->proc->how != HOW_FORK ||
	    (uintptr_t)map_find(&s->heaps, parent.tgid, parent.start_ns) >=
		    f->creator_pgtables_bytes ||
	    s->heaps.cnt >= GROUPS_MAX)
		return;
	if (map_put(&s->heaps, parent.tgid, parent.start_ns,
		    (void *)(uintptr_t)f->creator_pgtables_bytes))
		s->err = -ENOMEM;
}

static void note_worker(struct spawns *s, const struct proc *p, struct spawn_group *g)
{
	int code = p->status >> 8 & 0xff;

	s->workers++;
	g->cnt++;
	take_call(s, p, g);
	if ((p->status & 0x7f) || (code != EXIT_NO_EXEC && code != EXIT_NO_FOUND))
		return;
	g->failed++;
	s->failed++;
}

/* NULL: not counted. */
static struct spawn_group *group_of_dead(struct spawns *s, const struct proc *p)
{
	struct spawn_group *g;
	size_t at;

	if (p->exec_cnt) {
		at = (size_t)map_remove(&s->of_proc, p->key.tgid, p->key.start_ns);
		return at ? &s->v[at - 1] : NULL;
	}
	g = group_of(s, p);
	if (!g)
		s->err = -ENOMEM;
	return g;
}

/* Its CPU time is final, or nearly, when it is gone. */
static void count_gone(struct spawns *s, const struct proc *p)
{
	const struct proc_death *d = p->death;
	struct spawn_group *g;

	if (!birth_was_seen(p) || !d || !d->exit_ns)
		return;
	g = group_of_dead(s, p);
	if (!g)
		return;
	g->died++;
	if (g->worker)
		note_worker(s, p, g);
	if (d->exit_ns - p->key.start_ns >= SPAWNS_SHORT_NS)
		return;
	g->short_cnt++;
	spawn_lives_note_short(&g->lives, d->usage.cpu_ns);
	g->cpu_ns += d->usage.cpu_ns;
	s->short_cnt++;
	s->cpu_ns += d->usage.cpu_ns;
}

static void note_gone(struct spawns *s, const struct proc *p)
{
	count_gone(s, p);
	forget(s, p->key);
}

static void note_refused(struct spawns *s, const struct rec_fork_failed *f)
{
	uint64_t cnt = 1 + (uint64_t)f->repeat;

	s->forks_failed += cnt;
	s->forks_limited[f->limit < REC_LIMIT_CNT ? f->limit : REC_LIMIT_UNKNOWN] += cnt;
}

void spawns_note(struct spawns *s, const struct change *c)
{
	exec_fails_note(&s->execs, c);
	switch (c->kind) {
	case CHANGE_FORK: note_birth(s, c); break;
	case CHANGE_FORK_FAILED: note_refused(s, &c->ev->fork_failed); break;
	case CHANGE_EXEC: note_exec(s, c); break;
	case CHANGE_REAP: note_gone(s, c->proc); break;
	case CHANGE_FACT: throttles_note(&s->throttles, c); break;
	case CHANGE_THREAD: s->threads += c->ev && c->ev->h.type == REC_FORK; break;
	default: break;
	}
}

void spawns_note_left(struct spawns *s, const struct proc *p)
{
	uint64_t now_ns = proc_table_host(s->table)->now_ns;
	struct spawn_group *g;

	if (p->state == PROC_ZOMBIE || p->state == PROC_DYING) {
		note_gone(s, p);
		return;
	}
	/* a child that was born just now may still become a program */
	if (p->state != PROC_BORN || !birth_was_seen(p) || p->key.start_ns + YOUNG_NS > now_ns)
		return;
	g = group_of(s, p);
	if (!g) {
		s->err = -ENOMEM;
		return;
	}
	g->cnt++;
	s->workers++;
	take_call(s, p, g);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct spawn_group *x = a, *y = b;
	int diff = strcmp(x->who, y->who);

	if (!diff)
		diff = strcmp(x->program, y->program);
	if (!diff)
		diff = x->how - y->how;
	if (!diff)
		diff = x->container - y->container;
	return diff ? diff : x->worker - y->worker;
}

/* What costs most time in all, then what most CPU, comes first. */
static int by_cost(const void *a, const void *b)
{
	const struct spawn_group *x = a, *y = b;

	if (x->total_ns.sum != y->total_ns.sum)
		return x->total_ns.sum < y->total_ns.sum ? 1 : -1;
	if (x->cpu_ns != y->cpu_ns)
		return x->cpu_ns < y->cpu_ns ? 1 : -1;
	if (x->cnt != y->cnt)
		return x->cnt < y->cnt ? 1 : -1;
	return by_name(a, b);
}

static int merge(struct spawn_group *g, struct spawn_group *more)
{
	int err = hist_merge(&g->total_ns, &more->total_ns);

	err = hist_merge(&g->fork_ns, &more->fork_ns) ?: err;
	hist_release(&more->total_ns);
	hist_release(&more->fork_ns);
	g->before_ns += more->before_ns;
	g->split_ns += more->split_ns;
	g->queued_ns += more->queued_ns;
	g->blocked_ns += more->blocked_ns;
	g->running_ns += more->running_ns;
	g->err_ns += more->err_ns;
	g->suspended_ns += more->suspended_ns;
	g->cnt += more->cnt;
	g->failed += more->failed;
	g->died += more->died;
	g->short_cnt += more->short_cnt;
	g->cpu_ns += more->cpu_ns;
	g->parents += more->parents;
	spawn_place_merge(&g->place, &more->place);
	spawn_lives_merge(&g->lives, &more->lives);
	if (more->pgtables_bytes > g->pgtables_bytes)
		g->pgtables_bytes = more->pgtables_bytes;
	g->parent = (struct proc_key){0};
	return err;
}

int spawns_finish(struct spawns *s)
{
	size_t kept = 0, end;

	exec_fails_finish(&s->execs, proc_table_host(s->table)->now_ns);
	s->err = s->err ?: s->execs.err;
	if (s->cnt)
		qsort(s->v, s->cnt, sizeof(*s->v), by_name);
	for (size_t i = 0; i < s->cnt; i = end) {
		for (end = i + 1; end < s->cnt && by_name(&s->v[i], &s->v[end]) == 0; end++)
			;
		if (end - i <= PARENTS_TOLD) {
			memmove(&s->v[kept], &s->v[i], (end - i) * sizeof(*s->v));
			kept += end - i;
			continue;
		}
		for (size_t k = i + 1; k < end; k++) {
			if (merge(&s->v[i], &s->v[k]))
				s->err = -ENOMEM;
		}
		s->v[kept++] = s->v[i];
	}
	s->cnt = kept;
	map_release(&s->by_name); /* their indices mean nothing any more */
	map_release(&s->of_proc);
	if (s->cnt)
		qsort(s->v, s->cnt, sizeof(*s->v), by_cost);
	return s->err;
}
