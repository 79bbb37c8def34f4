// SPDX-License-Identifier: GPL-2.0-only
/* A spawn as it happens. */
#include "output/spawns_int.h"
#include "output/table.h"

void spawns_put_split_text(struct buf *b, const struct spawn_split *split)
{
	text_put_duration(b, split->total);
	if (!split->known)
		return;
	buf_put_str(b, " (queued ");
	text_put_duration(b, split->queued);
	buf_put_str(b, ", blocked ");
	text_put_duration(b, split->blocked);
	buf_put_str(b, ", ran ");
	text_put_duration(b, split->running);
	buf_put_char(b, ')');
}

static void put_one_json(struct buf *b, const struct render *r, const struct change *c,
			 const struct spawn_split *split)
{
	const struct proc *p = c->proc;
	struct json j;

	json_begin(&j, b, "spawn");
	spawns_put_time(&j, r, c->boot_ns);
	json_u64(&j, "pid", p->key.tgid);
	json_u64(&j, "start_ns", p->key.start_ns);
	json_u64(&j, "ppid", p->birth_parent.tgid);
	json_str(&j, "how", span_of(spawn_how_name(p->how)));
	json_str(&j, "comm", proc_comm(p));
	if (p->exe)
		json_str(&j, "exe", intern_span(p->exe));
	spawns_put_split(&j, split);
	json_end(&j);
}

void spawns_put_one(struct buf *b, const struct render *r, const struct change *c,
		    const struct spawn_split *split)
{
	const struct proc *p = c->proc;
	struct buf line = {0};

	if (r->json) {
		put_one_json(b, r, c, split);
		return;
	}
	clock_put_time(&line, proc_table_clock(r->table), c->boot_ns, 3);
	buf_put_char(&line, ' ');
	spawns_put_split_text(&line, split);
	buf_printf(&line, " %s ", spawn_how_name(p->how));
	text_put_safe(&line, proc_comm(p), &r->style);
	buf_printf(&line, "[%u] of ", p->key.tgid);
	if (p->parent && proc_key_equals(p->parent->key, p->birth_parent))
		text_put_safe(&line, proc_comm(p->parent), &r->style);
	buf_printf(&line, "[%u]", p->birth_parent.tgid);
	table_put_wrapped(b, &r->style, (struct span){buf_str(&line), line.len}, 0, 2);
	buf_release(&line);
}
