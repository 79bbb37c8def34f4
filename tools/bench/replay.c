// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay: reads trails the way every command does, from the file to a full process table, and says
 * how long that took. --raw stops at the records: what the reader alone costs.
 */
#include "model/proc_table.h"
#include "model/redact.h"
#include "source/trail_source.h"

/* After the records: <signal.h> has macros that are called like fields of theirs. */
#include "tools/load/load.h"
#include "tools/load/load_opt.h"

struct run {
	const char *path;
	bool raw, check;
	struct source *source;
	struct proc_table *table;
	struct redact *redact;
	uint64_t records, bytes;
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t rss_kb(void)
{
	unsigned long size, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu %lu", &size, &rss) != 2)
		rss = 0;
	if (f)
		fclose(f);
	return rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void apply(struct run *r, struct span batch)
{
	struct cursor c = cursor_of(batch.data, batch.len);
	struct event ev;
	int err;

	if (redact_batch(r->redact, REDACT_ARGS_FULL, (char *)(uintptr_t)batch.data, batch.len))
		load_die(1, "a batch cannot be read");
	while (c.left && !c.err) {
		err = event_decode(&c, &ev);
		if (err)
			proc_table_count_bad(r->table, err);
		else
			(void)proc_table_apply(r->table, &ev);
		r->records++;
	}
}

static void walk(struct run *r, struct span batch)
{
	struct cursor c = cursor_of(batch.data, batch.len);

	for (; c.left; r->records++)
		cursor_take(&c, ((const struct rec_hdr *)c.p)->size);
}

static void read_all(struct run *r)
{
	struct span batch;
	int err;

	while (!(err = source_next(r->source, 0, &batch))) {
		r->bytes += batch.len;
		if (r->raw)
			walk(r, batch);
		else
			apply(r, batch);
	}
	if (err != -ENODATA)
		load_die(1, "cannot read '%s': %s", r->path, strerror(-err));
}

static void report(const struct run *r, uint64_t wall_ns, uint64_t cpu)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	struct line l;

	line_open(&l, "replay");
	line_num(&l, "records", (int64_t)r->records);
	line_num(&l, "bytes", (int64_t)r->bytes);
	line_num(&l, "events", (int64_t)n->events);
	line_num(&l, "live", (int64_t)n->live);
	line_num(&l, "zombies", (int64_t)n->zombies_now);
	line_num(&l, "rows", (int64_t)proc_table_rows(r->table));
	line_num(&l, "illegal", (int64_t)n->illegal);
	line_num(&l, "wall_ns", (int64_t)wall_ns);
	line_num(&l, "cpu_ns", (int64_t)cpu);
	line_num(&l, "rss_kb", (int64_t)rss_kb());
	line_num(&l, "table_bytes", (int64_t)proc_table_bytes(r->table));
	line_close(&l);
}

int main(int argc, char **argv)
{
	struct run r = {0};
	const struct load_opt opts[] = {
		OPT_STR("in", "PATH", r.path, "the trail"),
		OPT_FLAG("raw", r.raw, "the records only, no process table"),
		{0},
	};
	struct trail_source_options so = {0};
	uint64_t wall_ns, cpu;
	int err;

	load_parse(argc, argv, "Replays a trail into a process table, and times it.", opts, NULL);
	if (!r.path)
		load_die(2, "which trail? --in PATH");
	r.table = proc_table_new(NULL);
	if (!r.table || redact_new(NULL, &r.redact))
		load_die(1, "no memory");
	wall_ns = now_ns();
	cpu = cpu_ns();
	so.path = r.path;
	err = trail_source_open(&so, &r.source);
	if (err)
		load_die(1, "cannot open '%s': %s", r.path, strerror(-err));
	read_all(&r);
	report(&r, now_ns() - wall_ns, cpu_ns() - cpu);
	source_free(r.source);
	proc_table_free(r.table);
	redact_free(r.redact);
	return 0;
}
