// SPDX-License-Identifier: GPL-2.0-only
/* A spawn by itself: as it happens, or as one of the slowest. */
#include "output/spawns_int.h"
#include "output/table.h"

static void put_split(struct buf *b, const struct spawn_one *one)
{
	text_put_duration(b, one->split.total);
	if (one->split.known) {
		buf_put_str(b, " (queued ");
		text_put_duration(b, one->split.queued);
		buf_put_str(b, ", blocked ");
		text_put_duration(b, one->split.blocked);
		buf_put_str(b, ", ran ");
		text_put_duration(b, one->split.running);
		buf_put_char(b, ')');
	}
	if (one->fork_ns) {
		buf_put_str(b, ", fork call ");
		text_put_duration(b, one->fork_ns);
	}
}

static void put_name(struct buf *b, const struct render *r, const char *comm, uint32_t pid)
{
	text_put_safe(b, span_of(comm[0] ? comm : "?"), &r->style);
	buf_printf(b, "[%u]", pid);
}

void spawns_put_one_text(struct buf *b, const struct render *r, const struct spawn_one *one)
{
	struct buf line = {0};

	clock_put_time(&line, proc_table_clock(r->table), one->exec_ns, 3);
	buf_put_char(&line, ' ');
	put_split(&line, one);
	buf_printf(&line, " %s ", one->container ? "container start" : spawn_how_name(one->how));
	put_name(&line, r, one->comm, one->key.tgid);
	if (one->interpreter[0]) {
		buf_put_str(&line, " run by ");
		text_put_safe(&line, span_of(one->interpreter), &r->style);
	}
	buf_put_str(&line, " of ");
	put_name(&line, r, one->parent_comm, one->parent.tgid);
	table_put_wrapped(b, &r->style, (struct span){line.data, line.len}, 0, 2);
	buf_release(&line);
}

void spawns_put_one_json(struct buf *b, const struct render *r, const struct spawn_one *one)
{
	struct json j;

	json_begin(&j, b, "spawn");
	spawns_put_time(&j, r, one->exec_ns);
	json_u64(&j, "pid", one->key.tgid);
	json_u64(&j, "start_ns", one->key.start_ns);
	json_u64(&j, "ppid", one->parent.tgid);
	json_str(&j, "how", span_of(spawn_how_name(one->how)));
	if (one->container)
		json_bool(&j, "container_start", true);
	json_str(&j, "comm", span_of(one->comm));
	if (one->exe[0])
		json_str(&j, "exe", span_of(one->exe));
	if (one->interpreter[0])
		json_str(&j, "interpreter", span_of(one->interpreter));
	json_u64(&j, "total_ns", one->split.total);
	if (one->split.known) {
		json_u64(&j, "queued_ns", one->split.queued);
		json_u64(&j, "blocked_ns", one->split.blocked);
		json_u64(&j, "running_ns", one->split.running);
		json_u64(&j, "split_err_ns", one->split.err);
	}
	if (one->fork_ns)
		json_u64(&j, "fork_ns", one->fork_ns);
	json_end(&j);
}

void spawns_put_one(struct buf *b, const struct render *r, const struct spawn_one *one)
{
	if (r->json)
		spawns_put_one_json(b, r, one);
	else
		spawns_put_one_text(b, r, one);
}
