// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/storm_counts.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 256 /* in a second; what is more is told without its image */
#define CPU_USER  0xffff

void storm_counts_release(struct storm_counts *c)
{
	free(c->v);
	memset(c, 0, sizeof(*c));
}

/* Names are compared as far as they are kept. */
static void take_image(struct storm_kind *k, const struct proc *p)
{
	struct span exe = intern_span(p->exe);

	memcpy(k->comm, p->comm, sizeof(k->comm));
	k->exe_len = exe.len < sizeof(k->exe) ? exe.len : sizeof(k->exe);
	if (k->exe_len)
		memcpy(k->exe, exe.data, k->exe_len);
}

static bool is_same(const struct storm_kind *a, const struct storm_kind *b)
{
	return a->status == b->status && a->dead == b->dead && a->direct == b->direct &&
	       proc_key_equals(a->parent, b->parent) && proc_key_equals(a->root, b->root) &&
	       a->exe_len == b->exe_len && memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 &&
	       memcmp(a->exe, b->exe, a->exe_len) == 0;
}

/* There are few in a storm, and the next life is most often like the one before. */
static struct storm_count *find(struct storm_counts *c, const struct storm_kind *k)
{
	for (size_t i = 0; i < c->cnt; i++) {
		struct storm_count hit = c->v[i];

		if (!is_same(&hit.kind, k))
			continue;
		memmove(c->v + 1, c->v, i * sizeof(hit));
		c->v[0] = hit;
		return &c->v[0];
	}
	return NULL;
}

static struct storm_count *add(struct storm_counts *c, const struct storm_kind *k)
{
	if (c->cnt == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct storm_count *v = realloc(c->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->cnt] = (struct storm_count){.kind = *k};
	return &c->v[c->cnt++];
}

void storm_counts_add(struct storm_counts *c, struct storm_kind *kind, const struct proc *p,
		      enum storm_deed deed)
{
	struct storm_count *n;

	take_image(kind, p);
	kind->dead = deed == STORM_DEATH;
	kind->status = kind->dead && (p->flags & PROC_STATUS_KNOWN) ? p->status : 0;
	n = find(c, kind);
	if (!n && c->cnt >= KINDS_MAX) {
		kind->parent = kind->root;
		kind->direct = false;
		kind->exe_len = 0;
		memset(kind->comm, 0, sizeof(kind->comm));
		n = find(c, kind);
	}
	if (!n)
		n = add(c, kind);
	if (!n)
		return;
	n->births += deed == STORM_BIRTH;
	n->deaths += deed == STORM_DEATH;
	n->reaps += deed == STORM_REAP;
}

static void put(const struct storm_count *n, uint64_t from_ns, uint64_t now_ns, uint64_t records,
		struct buf *out)
{
	const struct storm_kind *k = &n->kind;
	size_t size = (sizeof(struct rec_thinned) + k->exe_len + 7) & ~(size_t)7;
	struct rec_thinned rec = {
		.h = {.boot_ns = now_ns,
		      .start_ns = k->parent.start_ns,
		      .size = (uint32_t)size,
		      .type = REC_THINNED,
		      .cpu = CPU_USER,
		      .tgid = k->parent.tgid,
		      .tid = k->parent.tgid,
		      .status = k->status,
		      .flags = k->dead ? REC_F_EXITING : 0},
		.root = {.start_ns = k->root.start_ns, .tgid = k->root.tgid, .tid = k->root.tgid},
		.from_ns = from_ns,
		.births = n->births,
		.deaths = n->deaths,
		.reaps = n->reaps,
		.records = records,
		.exe_len = k->exe_len,
		.flags = k->direct ? REC_THINNED_PARENT : 0,
	};

	memcpy(rec.comm, k->comm, sizeof(rec.comm));
	buf_put(out, &rec, sizeof(rec));
	buf_put(out, k->exe, k->exe_len);
	buf_pad(out, size - sizeof(rec) - k->exe_len, '\0');
}

void storm_counts_flush(struct storm_counts *c, uint64_t now_ns, struct buf *out)
{
	for (size_t i = 0; i < c->cnt; i++)
		put(&c->v[i], c->since_ns, now_ns, i ? 0 : c->records, out);
	if (c->cnt)
		c->records = 0;
	c->cnt = 0;
	c->since_ns = now_ns;
}
