/* SPDX-License-Identifier: GPL-2.0-only */
/* What the getters of all fields_*.c share: values from what a change holds; false: not known. */
#ifndef PROCTRAIL_OUTPUT_FIELDS_PUT_H
#define PROCTRAIL_OUTPUT_FIELDS_PUT_H

#include <string.h>

#include "output/fields.h"

/* Defines the getter of a field; c is the change, ret the value. */
#define GET(name)                                                             \
	bool field_get_##name(const struct render *r __attribute__((unused)), \
			      const struct change *c, struct value *ret)

static inline bool put_u64(struct value *ret, uint64_t v)
{
	ret->type = VALUE_U64;
	ret->u = v;
	return true;
}

static inline bool put_ns(struct value *ret, uint64_t ns)
{
	ret->type = VALUE_NS;
	ret->u = ns;
	return true;
}

static inline bool put_kb(struct value *ret, uint64_t kb)
{
	ret->type = VALUE_KB;
	ret->u = kb;
	return kb != 0;
}

static inline bool put_bool(struct value *ret, bool v)
{
	ret->type = VALUE_BOOL;
	ret->u = v;
	return true;
}

static inline bool put_str(struct value *ret, struct span s)
{
	ret->type = VALUE_STR;
	ret->s = s;
	ret->cut = false;
	return s.len != 0;
}

static inline bool put_word(struct value *ret, const char *word)
{
	return put_str(ret, span_of(word));
}

static inline bool put_intern(struct value *ret, const struct intern_str *s)
{
	put_str(ret, intern_span(s));
	ret->cut = s && s->true_len > s->len;
	return s != NULL;
}

static inline bool put_key(struct value *ret, struct proc_key key)
{
	ret->type = VALUE_ID;
	ret->key = key;
	return key.tgid != 0 && key.start_ns != 0;
}

static inline bool put_label(struct value *ret, struct proc_key key, struct span comm)
{
	ret->type = VALUE_LABEL;
	ret->label.key = key;
	ret->label.comm = comm;
	return key.tgid != 0;
}

static inline bool put_proc_label(struct value *ret, const struct proc *p)
{
	return p && put_label(ret, p->key, proc_comm(p));
}

static inline struct span comm_span(const char *comm)
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

/* The record behind the change, if it is of this type */
static inline bool ev_is(const struct change *c, unsigned type)
{
	return c->ev && c->ev->h.type == type;
}

/* Whether the record's header is about the change's process: derived changes borrow others' records. */
static inline bool ev_is_own(const struct change *c)
{
	return c->ev && (!c->proc || proc_key_equals(c->proc->key, event_proc(c->ev)));
}

static inline struct proc_key subject(const struct change *c)
{
	if (c->proc)
		return c->proc->key;
	return c->ev ? event_proc(c->ev) : (struct proc_key){0};
}

static inline const struct proc_death *death_of_change(const struct change *c)
{
	return c->proc && c->kind != CHANGE_THREAD ? c->proc->death : NULL;
}

/* comm[pid], the name from wherever the process is still known */
bool put_key_label(struct value *ret, const struct render *r, const struct change *c,
		   struct proc_key key);
struct proc_key parent_key(const struct change *c);

#endif
