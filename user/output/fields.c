// SPDX-License-Identifier: GPL-2.0-only
/* The table of fields, and the fields that every process's event has. */
#include "output/fields_put.h"

#define UID_UNKNOWN 0xffffffffu

/* An adoption's record may still name the old parent; otherwise the kernel's word comes first. */
struct proc_key parent_key(const struct change *c)
{
	if (c->kind == CHANGE_ADOPT && c->other)
		return c->other->key;
	if (ev_is_own(c) && c->ev->h.ppid)
		return event_parent(c->ev);
	if (c->proc && c->proc->parent)
		return c->proc->parent->key;
	if (c->proc && !(c->proc->flags & PROC_ADOPTED))
		return c->proc->birth_parent;
	return (struct proc_key){0};
}

static const struct proc *proc_at(const struct render *r, const struct change *c,
				  struct proc_key key)
{
	if (c->other && proc_key_equals(c->other->key, key))
		return c->other;
	if (c->proc && c->proc->parent && proc_key_equals(c->proc->parent->key, key))
		return c->proc->parent;
	return r->table && key.tgid ? proc_table_find(r->table, key) : NULL;
}

bool put_key_label(struct value *ret, const struct render *r, const struct change *c,
		   struct proc_key key)
{
	const struct proc *p = proc_at(r, c, key);

	return p ? put_proc_label(ret, p) : put_label(ret, key, (struct span){0});
}

GET(ts)
{
	ret->type = VALUE_TIME;
	ret->u = c->boot_ns;
	return true;
}

GET(boot_ns)
{
	return put_u64(ret, c->boot_ns);
}

GET(id)
{
	return put_key(ret, subject(c));
}

GET(parent_id)
{
	return put_key(ret, parent_key(c));
}

GET(pid)
{
	uint32_t tgid = subject(c).tgid;

	return put_u64(ret, tgid) && tgid;
}

GET(start_ns)
{
	uint64_t ns = subject(c).start_ns;

	return put_u64(ret, ns) && ns; /* not a duration: boot time */
}

GET(ppid)
{
	uint32_t tgid = parent_key(c).tgid;

	return put_u64(ret, tgid) && tgid;
}

GET(birth_ppid)
{
	return c->proc && put_u64(ret, c->proc->birth_parent.tgid) && ret->u;
}

GET(comm)
{
	return c->proc && put_str(ret, proc_comm(c->proc));
}

GET(exe)
{
	return c->proc && put_intern(ret, c->proc->exe);
}

GET(cwd)
{
	return c->proc && put_intern(ret, c->proc->cwd);
}

GET(args)
{
	if (!c->proc || !put_intern(ret, c->proc->args))
		return false;
	ret->type = VALUE_ARGS;
	return true;
}

GET(args_truncated)
{
	return c->proc && c->proc->args &&
	       put_bool(ret, c->proc->args->true_len > c->proc->args->len);
}

/* Credentials and place come in the same records: with neither there is no uid to tell. */
GET(uid)
{
	const struct proc *p = c->proc;

	return p && (p->pidns || (p->flags & PROC_SEEDED)) && p->uid != UID_UNKNOWN &&
	       put_u64(ret, p->uid);
}

GET(cgroup)
{
	if (ev_is(c, REC_FACT_CGROUP))
		return put_str(ret, c->ev->text);
	return c->proc && c->proc->cgroup && put_intern(ret, c->proc->cgroup->path);
}

GET(unit)
{
	return c->proc && c->proc->cgroup && put_str(ret, c->proc->cgroup->unit);
}

GET(container)
{
	return c->proc && c->proc->cgroup && put_str(ret, c->proc->cgroup->container);
}

GET(pidns_pid)
{
	return c->proc && c->proc->ns_level && put_u64(ret, c->proc->ns_tgid) && ret->u;
}

GET(host_in_container)
{
	return c->proc && put_intern(ret, c->proc->hostname);
}
/* ---- for text only ------------------------------------------------------------------------- */

GET(self)
{
	return c->proc ? put_proc_label(ret, c->proc) :
			 put_label(ret, subject(c), (struct span){0});
}

GET(parent)
{
	return put_key_label(ret, r, c, parent_key(c));
}

GET(command)
{
	return field_get_args(r, c, ret) || field_get_exe(r, c, ret) || field_get_comm(r, c, ret);
}

/* ---- the table ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct field fields[FIELD_CNT] = {
#define AS_ROW(f) [FIELD_##f] = { #f, field_get_##f },
	FIELDS_COMMON(AS_ROW) FIELDS_OWN(AS_ROW) FIELDS_TEXT(AS_ROW)
#undef AS_ROW
};
/* clang-format on */

const struct field *field_at(enum field_id id)
{
	return &fields[id];
}

const struct field *field_find(const char *name)
{
	for (int i = 0; i < FIELD_CNT; i++) {
		if (fields[i].name[0] == name[0] && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}
