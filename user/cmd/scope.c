// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/scope.h"

#include <string.h>

#include "model/cgroup.h"

#define DEPTH_MAX 4096 /* of a family; a damaged trail may say more */

void scope_init(struct scope *s, const struct options *opt, const struct proc_table *table)
{
	*s = (struct scope){.opt = opt, .table = table};
	s->active = opt->read_path && (opt->pid || opt->cgroup || opt->uid >= 0);
}

void scope_release(struct scope *s)
{
	map_release(&s->in);
}

/* The mount is the source's knowledge: what stands below it is compared. */
bool scope_is_in_cgroup(const struct proc *p, const char *wanted)
{
	struct span path = p->cgroup ? intern_span(p->cgroup->path) : (struct span){0};
	size_t len = strlen(wanted);

	while (len && wanted[len - 1] == '/')
		len--;
	if (len && *wanted != '/') {
		path.data += path.len > 0;
		path.len -= path.len > 0;
	}
	return path.len >= len && memcmp(path.data, wanted, len) == 0 &&
	       (path.len == len || path.data[len] == '/');
}

/* By itself, whoever its parent may be; any of them suffices, as in the kernel. */
static bool matches(const struct scope *s, const struct proc *p)
{
	const struct options *opt = s->opt;

	return (opt->pid && p->key.tgid == opt->pid) ||
	       (opt->uid >= 0 && p->uid == (uint32_t)opt->uid) ||
	       (opt->cgroup && scope_is_in_cgroup(p, opt->cgroup));
}

static bool is_in(const struct scope *s, const struct proc *p)
{
	return p && map_find(&s->in, p->key.tgid, p->key.start_ns);
}

/* Without memory it is left out, as one that a full map of the kernel has no room for. */
static void add(struct scope *s, const struct proc *p)
{
	s->matched = true;
	(void)map_put(&s->in, p->key.tgid, p->key.start_ns, s);
}

/* Of a keyframe only the families are known, not who joined when. */
static bool has_ancestor(const struct scope *s, const struct proc *p)
{
	for (int depth = 0; p && depth < DEPTH_MAX; depth++, p = p->parent)
		if (matches(s, p))
			return true;
	return false;
}

void scope_begin(struct scope *s)
{
	const struct proc *p;

	if (!s->active || s->begun)
		return;
	s->begun = true;
	for (size_t i = 0; (p = proc_table_next(s->table, &i));)
		if (has_ancestor(s, p))
			add(s, p);
}

/* Whether p joins by this change. */
static bool joins(const struct scope *s, const struct change *c)
{
	const struct proc *p = c->proc;

	if (c->kind == CHANGE_FORK) /* as its creator, who with CLONE_PARENT is not its parent */
		return is_in(s, c->other) || is_in(s, p->parent) || matches(s, p);
	if (c->kind == CHANGE_SEEN)
		return is_in(s, p->parent) || matches(s, p);
	return (c->kind == CHANGE_EXEC || c->kind == CHANGE_MOVE) && matches(s, p);
}

void scope_note(struct scope *s, const struct change *c)
{
	if (!s->active || c->kind == CHANGE_HOST)
		return;
	scope_begin(s);
	if (c->proc && !is_in(s, c->proc) && joins(s, c))
		add(s, c->proc);
}

void scope_forget(struct scope *s, const struct change *c)
{
	if (s->active && c->kind == CHANGE_REAP && c->proc)
		map_remove(&s->in, c->proc->key.tgid, c->proc->key.start_ns);
}

bool scope_has(const struct scope *s, const struct proc *p)
{
	return !s->active || is_in(s, p);
}
