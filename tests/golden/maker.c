// SPDX-License-Identifier: GPL-2.0-only
/*
 * maker STORY TRAIL: records a timeline (tests/script/README.md) as the recorder would, with the
 * table's keyframes, and with what happens to a recording. Lines of its own begin with '#!':
 *
 *	#! dir BYTES		a directory of at most so many bytes; first, else it is one file
 *	#! host NAME MACHINE ZONE SECONDS	whose stream it is; the zone lies so far east of UTC
 *	#! rotate		the next keyframe begins a segment
 *	#! eio			the next write fails, so its segment is over and a gap stands behind it
 *	#! crash BYTES		kill -9, and so many bytes of the segment were not written yet. What
 *				follows is another run
 *	#! damage N		a bit of block N of the first segment turns over in the end
 *	#! compat BITS, #! incompat BITS	feature flags of the first segment's header
 *
 * The disk is waited for after each line, so the same story always makes the same blocks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/keyframe.h"
#include "source/records.h"
#include "source/script.h"
#include "trail/writer_int.h"

#define SYNC_MS      1000
#define CLOSE_MS     10000
#define WORDS_MAX    6
#define HOST_TEXTS   5
#define SEGMENT_READ (1u << 20)

struct maker {
	const char *path;
	struct trail_writer_options opt;
	struct script *script;
	struct proc_table *table;
	struct trail_writer *writer; /* NULL: the next host begins a run */
	char host[TRAIL_TEXT_LEN], machine[TRAIL_TEXT_LEN], zone[TRAIL_TEXT_LEN];
	int gmtoff_s;
	unsigned damage; /* number of the block, from 1; 0: none */
	uint32_t compat, incompat;
	struct buf made, records, key;
};

static bool next_write_fails;

static ssize_t failing_write(int fd, const void *data, size_t len, off_t offset)
{
	if (!next_write_fails)
		return pwrite(fd, data, len, offset);
	next_write_fails = false;
	errno = EIO;
	return -1;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "maker: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

/* ---- recording ---------------------------------------------------------------------------------- */

static void settle(struct maker *m)
{
	struct trail_writer_status st;

	for (trail_writer_get_status(m->writer, &st); st.queued; poll(NULL, 0, 1))
		trail_writer_get_status(m->writer, &st);
}

static void begin_run(struct maker *m, const struct rec_host *r)
{
	struct trail_header head = {.boot_ns = r->h.boot_ns,
				    .real_ns = r->real_ns,
				    .hooks = r->hooks,
				    .gmtoff_s = r->gmtoff_s,
				    .cpus = r->cpus,
				    .source = "live",
				    .release = "6.1.0",
				    .writer = PROCTRAIL_VERSION};
	int err;

	memcpy(head.boot_id, r->boot_id, sizeof(head.boot_id));
	memcpy(head.host, m->host, sizeof(head.host));
	memcpy(head.machine, m->machine, sizeof(head.machine));
	memcpy(head.zone, m->zone, sizeof(head.zone));
	err = trail_writer_open(&m->opt, &head, &m->writer, NULL);
	if (err)
		die(m->path, err);
	m->writer->disk.io.write_at = failing_write;
	err = trail_writer_start(m->writer);
	if (err)
		die("thread", err);
}

/* The script's host is always the same one; ours has the story's names. */
static void put_host(struct maker *m, const struct rec_hdr *h)
{
	const char *texts[HOST_TEXTS] = {m->host, "6.1.0", m->machine, m->zone, PROCTRAIL_VERSION};
	struct span tails[HOST_TEXTS];
	struct rec_host r;

	memcpy(&r, h, sizeof(r));
	for (int i = 0; i < HOST_TEXTS; i++)
		tails[i] = span_of(texts[i]);
	r.gmtoff_s = m->gmtoff_s;
	r.host_len = (__u16)tails[0].len;
	r.release_len = (__u16)tails[1].len;
	r.machine_len = (__u16)tails[2].len;
	r.zone_len = (__u16)tails[3].len;
	r.version_len = (__u16)tails[4].len;
	if (!m->writer)
		begin_run(m, &r);
	records_put(&m->records, &r.h, sizeof(r), tails, HOST_TEXTS);
}

static void put_record(struct maker *m, const struct rec_hdr *h)
{
	struct rec_tick tick;

	if (h->type == REC_HOST) {
		put_host(m, h);
	} else if (h->type == REC_TICK) {
		memcpy(&tick, h, sizeof(tick));
		tick.gmtoff_s = m->gmtoff_s;
		buf_put(&m->records, &tick, sizeof(tick));
	} else {
		buf_put(&m->records, h, h->size);
	}
}

static void apply(struct maker *m)
{
	struct cursor c = cursor_of(m->records.data, m->records.len);
	struct event ev;

	while (c.left)
		if (!event_decode(&c, &ev))
			(void)proc_table_apply(m->table, &ev);
}

static void run_line(struct maker *m, const char *line)
{
	struct cursor c;

	buf_reset(&m->made);
	buf_reset(&m->records);
	if (script_line(m->script, line, &m->made)) {
		fprintf(stderr, "maker: %s: %s\n", line, script_error(m->script));
		exit(1);
	}
	c = cursor_of(m->made.data, m->made.len);
	while (c.left) {
		const struct rec_hdr *h = (const struct rec_hdr *)c.p;

		put_record(m, h);
		cursor_take(&c, h->size);
	}
	if (!m->records.len)
		return;
	if (trail_writer_wants_keyframe(m->writer)) {
		buf_reset(&m->key);
		if (proc_table_put_keyframe(m->table, 0, &m->key))
			die("keyframe", ENOMEM);
		trail_writer_keyframe(m->writer, (struct span){m->key.data, m->key.len});
	}
	trail_writer_put(m->writer, (struct span){m->records.data, m->records.len});
	apply(m);
	settle(m);
}

/* ---- what happens to it -------------------------------------------------------------------------- */

/*
 * The writer is left as it is, idle for ever; only its lock must go, as it would with the process.
 * What it had not written is lost, so its open block is not written either.
 */
static void crash(struct maker *m, off_t cut)
{
	struct trail_disk *d = &m->writer->disk;

	if (ftruncate(d->seg.fd, (off_t)d->seg.bytes - cut))
		die("cut", errno);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	m->writer = NULL;
}

/* The file, or the first segment of the directory. */
static int open_first_segment(struct maker *m)
{
	struct trail_segment *rows;
	int dir_fd, fd, err;
	size_t cnt;

	if (!m->opt.directory)
		return open(m->path, O_RDWR | O_CLOEXEC);
	err = trail_dir_open(m->path, &dir_fd);
	if (!err)
		err = trail_dir_list(dir_fd, &rows, &cnt);
	if (err || !cnt)
		die(m->path, err);
	fd = openat(dir_fd, rows[0].name, O_RDWR | O_CLOEXEC);
	free(rows);
	close(dir_fd);
	return fd;
}

static void spoil(struct maker *m)
{
	int fd = open_first_segment(m);
	char *data = malloc(SEGMENT_READ);
	ssize_t len = data && fd >= 0 ? pread(fd, data, SEGMENT_READ, 0) : -1;
	struct trail_header head;
	struct trail_block b;
	struct buf out = {0};
	size_t at;

	if (len < 0 || trail_header_parse((struct span){data, (size_t)len}, &head, &at))
		die("its header", EBADMSG);
	head.compat = m->compat;
	head.incompat = m->incompat;
	trail_header_put(&out, &head);
	memcpy(data, out.data, out.len);
	for (unsigned i = 1; i <= m->damage; i++, at += b.len) {
		if (trail_block_parse((struct span){data + at, (size_t)len - at}, &b))
			die("a block", EBADMSG);
		if (i == m->damage)
			data[at + TRAIL_BLOCK_HEADER] ^= 0x10;
	}
	if (pwrite(fd, data, (size_t)len, 0) != len)
		die(m->path, errno);
	buf_release(&out);
	free(data);
	close(fd);
}

/* ---- the story ------------------------------------------------------------------------------------ */

static void take_host(struct maker *m, char **words)
{
	snprintf(m->host, sizeof(m->host), "%s", words[1]);
	snprintf(m->machine, sizeof(m->machine), "%s", words[2]);
	snprintf(m->zone, sizeof(m->zone), "%s", words[3]);
	m->gmtoff_s = atoi(words[4]);
}

static void run_directive(struct maker *m, char *line)
{
	char *words[WORDS_MAX] = {NULL}, *save = NULL;
	size_t cnt = 0;
	uint64_t n;

	for (char *w = strtok_r(line, " \t", &save); w && cnt < WORDS_MAX;
	     w = strtok_r(NULL, " \t", &save))
		words[cnt++] = w;
	n = cnt > 1 ? strtoull(words[1], NULL, 0) : 0;
	if (cnt == 2 && strcmp(words[0], "dir") == 0) {
		m->opt.directory = true;
		m->opt.max_bytes = n;
	} else if (cnt == 5 && strcmp(words[0], "host") == 0) {
		take_host(m, words);
	} else if (cnt == 1 && strcmp(words[0], "rotate") == 0) {
		trail_writer_rotate(m->writer);
	} else if (cnt == 1 && strcmp(words[0], "eio") == 0) {
		next_write_fails = true;
	} else if (cnt == 2 && strcmp(words[0], "crash") == 0) {
		crash(m, (off_t)n);
	} else if (cnt == 2 && strcmp(words[0], "damage") == 0) {
		m->damage = (unsigned)n;
	} else if (cnt == 2 && strcmp(words[0], "compat") == 0) {
		m->compat = (uint32_t)n;
	} else if (cnt == 2 && strcmp(words[0], "incompat") == 0) {
		m->incompat = (uint32_t)n;
	} else {
		die(words[0] ? words[0] : "#!", EINVAL);
	}
}

static void run_story(struct maker *m, FILE *story)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, story) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "#!", 2) == 0)
			run_directive(m, line + 2);
		else
			run_line(m, line);
	}
	free(line);
}

int main(int argc, char **argv)
{
	struct maker m = {.host = "db1", .machine = "x86_64", .zone = "UTC"};
	FILE *story;
	int err;

	if (argc != 3)
		die("usage: maker STORY TRAIL", EINVAL);
	m.path = argv[2];
	m.opt = (struct trail_writer_options){.path = m.path, .sync_ms = SYNC_MS};
	story = fopen(argv[1], "re");
	if (!story)
		die(argv[1], errno);
	m.script = script_new();
	m.table = proc_table_new(NULL);
	if (!m.script || !m.table)
		die("begin", ENOMEM);
	run_story(&m, story);
	err = trail_writer_close(m.writer, CLOSE_MS);
	if (err)
		die("close", err);
	if (m.damage || m.compat || m.incompat)
		spoil(&m);
	fclose(story);
	script_free(m.script);
	proc_table_free(m.table);
	buf_release(&m.made);
	buf_release(&m.records);
	buf_release(&m.key);
	return 0;
}
