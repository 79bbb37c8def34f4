/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams of records, and tables that say what they are told of them. */
#ifndef PROCTRAIL_TESTS_KEYFRAME_SIDE_H
#define PROCTRAIL_TESTS_KEYFRAME_SIDE_H

#include "keyframe_same.h"

#include <stdlib.h>

#include "keyframe_world.h"
#include "output/render.h"

/* ---- a stream of records -------------------------------------------------------------------- */

struct stream {
	const char *name;
	struct proc_table_options opt;
	struct buf bytes;
	size_t cnt;
	size_t at[16384]; /* where each record begins; at[cnt] is the end */
};

static void stream_index(struct stream *s)
{
	struct rec_hdr h;

	s->cnt = 0;
	for (size_t at = 0; at < s->bytes.len; at += h.size) {
		assert_in_range(s->cnt, 0, sizeof(s->at) / sizeof(*s->at) - 2);
		s->at[s->cnt++] = at;
		memcpy(&h, s->bytes.data + at, sizeof(h));
	}
	s->at[s->cnt] = s->bytes.len;
}

static struct span stream_part(const struct stream *s, size_t from, size_t to)
{
	return (struct span){s->bytes.data + s->at[from], s->at[to] - s->at[from]};
}

/* ---- a table and what it says --------------------------------------------------------------- */

struct side {
	struct proc_table *table;
	struct render render;
	struct buf said;
};

static uint32_t pid_of(const struct proc *p)
{
	return p ? p->key.tgid : 0;
}

static void note(void *ctx, const struct change *c)
{
	struct side *side = ctx;

	buf_printf(&side->said, "%d %llu %u %u %u %llu %llu %u %u %u\n", c->kind,
		   (unsigned long long)c->boot_ns, pid_of(c->proc), pid_of(c->other),
		   pid_of(c->from), (unsigned long long)c->from_ns, (unsigned long long)c->cnt,
		   c->reason, c->cpu, c->ev ? c->ev->h.type : 0);
	render_change(&side->said, &side->render, c);
}

static void side_open(struct side *side, const struct proc_table_options *opt)
{
	*side = (struct side){.table = proc_table_new(opt)};
	assert_non_null(side->table);
	side->render = (struct render){.table = side->table, .json = true};
	assert_int_equal(proc_table_listen(side->table, note, side), 0);
}

static void side_close(struct side *side)
{
	proc_table_free(side->table);
	buf_release(&side->said);
}

static void side_apply(struct side *side, struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);
	struct event *ev = malloc(sizeof(*ev));
	int err;

	assert_non_null(ev);
	while (c.left && !c.err) {
		err = event_decode(&c, ev);
		if (err)
			proc_table_count_bad(side->table, err);
		else
			proc_table_apply(side->table, ev);
	}
	free(ev);
}

static struct span bytes_of(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

static void assert_same_bytes(const char *what, const struct stream *s, size_t cut,
			      const struct buf *want, const struct buf *got)
{
	size_t i = 0;

	if (span_equals(bytes_of(want), bytes_of(got)))
		return;
	while (i < want->len && i < got->len && want->data[i] == got->data[i])
		i++;
	if (strcmp(what, "what is said") == 0)
		fail_msg("%s, cut at %zu: %s: expected\n%.*s\ngot\n%.*s", s->name, cut, what,
			 (int)(want->len - i < 900 ? want->len - i : 900), want->data + i,
			 (int)(got->len - i < 900 ? got->len - i : 900), got->data + i);
	fail_msg("%s, cut at %zu: %s: %zu and %zu bytes, equal up to %zu", s->name, cut, what,
		 want->len, got->len, i);
}

#endif
