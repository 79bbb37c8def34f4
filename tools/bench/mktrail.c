// SPDX-License-Identifier: GPL-2.0-only
/*
 * mktrail: a trail of any size, of a machine that does not exist (machine.h), written by the writer
 * that records live ones: blocks, segments, budgets and keyframes are what a recorder would have made.
 */
#include "model/keyframe.h"
#include "tools/bench/machine.h"
#include "trail/writer.h"

/* After the records: <signal.h> has macros that are called like fields of theirs. */
#include "tools/load/load.h"
#include "tools/load/load_opt.h"

#include <sys/resource.h>

#define BATCH_BYTES (256u << 10) /* what a ring gives in one go */
#define CLOSE_MS    60000

struct run {
	long events, live, parents, zombies, seed, max_mib, segment_mib;
	const char *mix, *path;
	bool directory, reaps;
	struct machine *machine;
	struct trail_writer *writer;
	struct proc_table *table;
	struct buf batch, keyframe;
	uint64_t put_ns; /* CPU time within the writer's own calls */
	uint64_t keyframes, keyframe_bytes;
};

static uint64_t cpu_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t rss_max_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_maxrss;
}

/* A machine would wait for nobody; here nothing is to be lost to a slow disk. */
static void wait_for_disk(struct trail_writer *w)
{
	struct trail_writer_status st;

	for (;;) {
		trail_writer_get_status(w, &st);
		if (st.err && st.err != -ETIMEDOUT)
			load_die(1, "cannot write: %s", strerror(-st.err));
		if (st.queued < TRAIL_QUEUE_BYTES / 4)
			return;
		sleep_ms(1);
	}
}

static void apply(struct run *r)
{
	struct cursor c = cursor_of(r->batch.data, r->batch.len);
	struct event ev;

	while (c.left) {
		if (event_decode(&c, &ev) || proc_table_apply(r->table, &ev))
			load_die(1, "a record of type %u is wrong", ev.h.type);
	}
}

static void put_keyframe(struct run *r)
{
	buf_reset(&r->keyframe);
	if (proc_table_put_keyframe(r->table, 0, &r->keyframe))
		load_die(1, "no memory for a keyframe");
	trail_writer_keyframe(r->writer, (struct span){r->keyframe.data, r->keyframe.len});
	r->keyframes++;
	r->keyframe_bytes += r->keyframe.len;
}

/* As recording.c does it: keyframe, records, and only then does the table know them. */
static void put_batch(struct run *r)
{
	uint64_t begin_ns;

	wait_for_disk(r->writer);
	if (trail_writer_wants_keyframe(r->writer))
		put_keyframe(r);
	begin_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	trail_writer_put(r->writer, (struct span){r->batch.data, r->batch.len});
	r->put_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
	apply(r);
	buf_reset(&r->batch);
}

/* The header says what the stream's first record does. */
static void open_writer(struct run *r)
{
	struct trail_writer_options to = {
		.path = r->path,
		.directory = r->directory,
		.sync_ms = TRAIL_SYNC_NONE,
		.max_bytes = (uint64_t)r->max_mib << 20,
		.segment_bytes = (uint64_t)r->segment_mib << 20,
	};
	struct cursor c = cursor_of(r->batch.data, r->batch.len);
	struct trail_header head;
	struct event ev;
	int err;

	if (event_decode(&c, &ev) || ev.h.type != REC_HOST)
		load_die(1, "the stream does not begin with its host");
	head = (struct trail_header){
		.boot_ns = ev.h.boot_ns,
		.real_ns = ev.host.real_ns,
		.hooks = ev.host.hooks,
		.cpus = ev.host.cpus,
		.source = "live",
		.host = "made",
		.release = "6.18.0",
		.machine = "x86_64",
		.zone = "UTC",
		.writer = PROCTRAIL_VERSION,
	};
	memcpy(head.boot_id, ev.host.boot_id, sizeof(head.boot_id));
	err = trail_writer_open(&to, &head, &r->writer, NULL);
	if (!err)
		err = trail_writer_start(r->writer);
	if (err)
		load_die(1, "cannot write to '%s': %s", r->path, strerror(-err));
}

static void make(struct run *r)
{
	machine_put_begin(r->machine, &r->batch);
	open_writer(r);
	put_batch(r);
	for (long i = 0; i < r->events; i++) {
		machine_put_next(r->machine, &r->batch);
		if (r->batch.len >= BATCH_BYTES)
			put_batch(r);
	}
	if (r->batch.err)
		load_die(1, "no memory");
	if (r->batch.len)
		put_batch(r);
}

/* written_ns: CPU time of coding, deflating and writing, the table and the machine left out */
static void report(struct run *r, uint64_t wall_ns)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	struct trail_writer_status st;
	uint64_t others_ns;
	struct line l;
	int err;

	trail_writer_get_status(r->writer, &st);
	err = trail_writer_close(r->writer, CLOSE_MS);
	if (err)
		load_die(1, "cannot finish '%s': %s", r->path, strerror(-err));
	others_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	line_open(&l, "trail");
	line_str(&l, "path", r->path);
	line_num(&l, "events", (int64_t)n->events);
	line_num(&l, "records", (int64_t)st.records);
	line_num(&l, "lost", (int64_t)st.lost);
	line_num(&l, "live", (int64_t)n->live);
	line_num(&l, "zombies", (int64_t)n->zombies_now);
	line_num(&l, "illegal", (int64_t)n->illegal);
	line_num(&l, "keyframes", (int64_t)r->keyframes);
	line_num(&l, "keyframe_bytes", (int64_t)r->keyframe_bytes);
	line_num(
		&l, "span_ns",
		(int64_t)(proc_table_host(r->table)->now_ns - proc_table_host(r->table)->start_ns));
	line_num(&l, "wall_ns", (int64_t)wall_ns);
	line_num(&l, "written_ns", (int64_t)(r->put_ns + others_ns));
	line_num(&l, "rss_max_kb", (int64_t)rss_max_kb());
	line_close(&l);
}

int main(int argc, char **argv)
{
	struct run r = {.events = 1000000, .live = 500, .parents = 4, .seed = 1, .mix = "storm"};
	const struct load_opt opts[] = {
		OPT_STR("out", "PATH", r.path, "file or directory to make"),
		OPT_STR("mix", "NAME", r.mix, "storm or build"),
		OPT_NUM("events", r.events, 0, 10000000000, "records of the kernel's"),
		OPT_NUM("live", r.live, 10, 1000000, "processes that are there all the time"),
		OPT_NUM("parents", r.parents, 1, 1000, "of them, those that make children"),
		OPT_NUM("zombies", r.zombies, 0, 100000, "that nobody ever reaps"),
		OPT_NUM("seed", r.seed, 1, 1000000000, "the same one: the same trail"),
		OPT_NUM("max-mib", r.max_mib, 0, 1000000, "the directory's budget; 0: none"),
		OPT_NUM("segment-mib", r.segment_mib, 0, 1024, "0: as the writer likes"),
		OPT_FLAG("directory", r.directory, "segments, as the recorder makes them"),
		OPT_FLAG("reaps", r.reaps, "as on a kernel with fentry: exact reaps, too"),
		{0},
	};
	struct machine_options mo;
	uint64_t begin_ns = now_ns();

	load_parse(argc, argv, "Makes a trail of a machine that does not exist.", opts, NULL);
	if (!r.path)
		load_die(2, "where to? --out PATH");
	if (strcmp(r.mix, "storm") && strcmp(r.mix, "build"))
		load_die(2, "--mix is storm or build, not '%s'", r.mix);
	if (r.parents >= r.live)
		load_die(2, "--parents are of --live");
	mo = (struct machine_options){
		.mix = strcmp(r.mix, "build") ? MIX_STORM : MIX_BUILD,
		.seed = (uint64_t)r.seed,
		.live = (uint32_t)r.live,
		.parents = (uint32_t)r.parents,
		.zombies = (uint32_t)r.zombies,
		.reaps = r.reaps,
	};
	r.machine = machine_new(&mo);
	r.table = proc_table_new(&(struct proc_table_options){.max_procs = 2000000});
	if (!r.machine || !r.table)
		load_die(1, "no memory");
	make(&r);
	report(&r, now_ns() - begin_ns);
	machine_free(r.machine);
	proc_table_free(r.table);
	buf_release(&r.batch);
	buf_release(&r.keyframe);
	return 0;
}
