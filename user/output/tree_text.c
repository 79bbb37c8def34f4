// SPDX-License-Identifier: GPL-2.0-only
#include "output/tree_text.h"

#include <string.h>

#define NAME_WIDTH      32 /* a name of escapes is cut here */
#define ALIGN_MAX       20
#define CONTAINER_SHOWN 4 /* hex digits */

static void put_name(const struct tree_text *t, struct buf *b, const struct proc *p)
{
	if (t->r->style.wide)
		text_put_safe(b, proc_comm(p), &t->r->style);
	else
		text_put_cut(b, proc_comm(p), NAME_WIDTH, false, &t->r->style);
}

static void put_label(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	put_name(t, b, n->proc);
	if (n->cnt > 1) {
		buf_put_str(b, " x");
		text_put_count(b, n->cnt);
	} else {
		buf_printf(b, "[%u]", n->proc->key.tgid);
	}
}

static void put_origin(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	buf_printf(b, ",%c adopted", TREE_BREAK);
	if (!n->origin)
		return;
	buf_put_str(b, t->dead ? " by " : "; born of ");
	put_name(t, b, n->origin);
	if (n->cnt == 1)
		buf_printf(b, "[%u]", n->origin->key.tgid);
}

static void put_fate(struct buf *b, const struct proc *p)
{
	size_t at = b->len;

	if (!(p->flags & PROC_STATUS_KNOWN)) {
		buf_put_str(b, "fate unknown");
		return;
	}
	render_fate(b, p->status);
	/* in a column of its own "0" is enough, here it is not */
	if (b->len == at + 1 && b->data[at] == '0') {
		b->len = at;
		buf_put_str(b, "exit 0");
	}
}

static void put_killer(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	const struct proc_killer *k = n->proc->death ? &n->proc->death->killer : NULL;

	if (n->cnt > 1 || !k || !k->sig || !k->key.tgid || (int)(n->proc->status & 0x7f) != k->sig)
		return;
	buf_printf(b, " by%c ", TREE_BREAK);
	text_put_cut(b, (struct span){k->comm, strnlen(k->comm, sizeof(k->comm))}, NAME_WIDTH,
		     false, &t->r->style);
	buf_printf(b, "[%u]", k->key.tgid);
}

static void put_end(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	if (n->lived_ns != TREE_UNKNOWN) {
		buf_put_str(b, n->cnt > 1 ? " lived up to " : " lived ");
		text_put_duration(b, n->lived_ns);
		buf_put_char(b, ',');
	}
	buf_printf(b, "%c ", TREE_BREAK);
	put_fate(b, n->proc);
	put_killer(t, b, n);
}

static void put_age(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	/* a kernel thread's birth is the boot's, hours of it say nothing */
	if (n->oldest_ns && t->now_ns > n->oldest_ns) {
		buf_put_char(b, ' ');
		text_put_duration(b, t->now_ns - n->oldest_ns);
	}
	if (n->cnt == 1 && n->proc->threads > 1) {
		buf_printf(b, ",%c ", TREE_BREAK);
		text_put_count(b, n->proc->threads);
		buf_put_str(b, " threads");
	}
}

static void put_place(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	struct span id = n->container;

	if (n->unit.len) {
		buf_printf(b, ",%c ", TREE_BREAK);
		text_put_safe(b, n->unit, &t->r->style);
	}
	if (n->proc->flags & PROC_NSINIT) {
		buf_printf(b, "%c = 1 in ", TREE_BREAK);
		text_put_safe(b, intern_span(n->proc->hostname), &t->r->style);
		if (!intern_span(n->proc->hostname).len)
			buf_put_str(b, "a pid namespace");
	}
	if (id.len) {
		if (id.len > CONTAINER_SHOWN && !t->r->style.wide)
			id.len = CONTAINER_SHOWN;
		buf_put_str(b, n->proc->flags & PROC_NSINIT ? " (" : " in (");
		text_put_safe(b, id, &t->r->style);
		buf_put_char(b, ')');
	}
}

static void put_state(const struct tree_text *t, struct buf *b, const struct tree_node *n,
		      size_t width)
{
	if (!n->child_cnt && width < t->label_width)
		buf_pad(b, t->label_width - width, ' ');
	buf_printf(b, "%c  %c", TREE_BREAK, n->state);
	if (n->still_ns != TREE_UNKNOWN) {
		buf_put_char(b, ' ');
		text_put_duration(b, n->still_ns);
		if (n->estimated)
			buf_put_char(b, '~');
	}
	if (t->dead && n->state == 'Z') {
		buf_put_str(b, ", ");
		put_fate(b, n->proc);
		put_killer(t, b, n);
	}
}

static bool is_gone(const struct tree_node *n)
{
	return n->state == 'Z' || n->state == 'X' || n->state == 'e';
}

void tree_text_put(const struct tree_text *t, struct buf *b, const struct tree_node *n)
{
	size_t at = b->len, width;

	if (n->kinds) {
		text_put_count(b, n->cnt);
		buf_put_str(b, " others of ");
		text_put_count(b, n->kinds);
		buf_put_str(b, " kinds (--wide)");
		return;
	}
	put_label(t, b, n);
	width = text_width((struct span){b->data + at, b->len - at});
	if (n->state == 'e')
		put_end(t, b, n);
	else if (!is_gone(n))
		put_age(t, b, n);
	put_place(t, b, n);
	if (n->state && n->state != 'e')
		put_state(t, b, n, is_gone(n) ? width : SIZE_MAX);
	if (n->adopted)
		put_origin(t, b, n);
}

void tree_text_align(struct tree_text *t, const struct tree *tree, const struct tree_node *n)
{
	struct buf label = {0};

	t->label_width = 0;
	for (uint32_t c = 0; c < n->child_cnt; c++) {
		const struct tree_node *child = &tree->nodes[n->first_child + c];
		size_t width;

		if (child->kinds || child->child_cnt ||
		    (child->state != 'Z' && child->state != 'X'))
			continue;
		buf_reset(&label);
		put_label(t, &label, child);
		width = text_width((struct span){buf_str(&label), label.len});
		if (width > t->label_width && width <= ALIGN_MAX)
			t->label_width = width;
	}
	buf_release(&label);
}
