// SPDX-License-Identifier: GPL-2.0-only
#include "source/proc_source.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "source/cgroupfs.h"
#include "source/host.h"
#include "source/proc_reader.h"
#include "source/records.h"
#include "source/texts.h"

#define PASS_NUMBER 1

struct proc_source {
	struct source source;
	const char *proc_dir;
	bool facts;
	struct cgroupfs cgroups;
	struct proc_reader *reader;
	struct buf batch;
	struct rec_seed *rows;
	size_t cnt, cap;
	enum { READ_ROWS, READ_FACTS, READ_DONE } stage;
};

/* The letters of /proc/PID/stat as include/linux/sched.h has them */
static void set_state(struct rec_seed *r, char letter)
{
	switch (letter) {
	case 'R': r->state = 0; break;
	case 'S': r->state = 0x1; break;
	case 'D': r->state = 0x2; break;
	case 'T': r->state = 0x4; break;
	case 't': r->state = 0x8; break;
	case 'I': r->state = 0x402; break;
	case 'Z': r->exit_state = 0x20; break;
	case 'X': r->exit_state = 0x10; break;
	default: r->state = 0x1; break;
	}
}

static int parse_stat(char *text, struct rec_seed *r)
{
	uint64_t tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	char *open = strchr(text, '('), *close = strrchr(text, ')'), letter;
	unsigned long long utime, stime, start, rss, minflt, majflt, cminflt;
	unsigned ppid, pgid, sid, flags, threads;
	long cutime, cstime;
	size_t len;

	if (!open || !close || close < open)
		return -EBADMSG;
	len = (size_t)(close - open - 1);
	memcpy(r->comm, open + 1, len < REC_COMM_LEN ? len : REC_COMM_LEN - 1);
	if (sscanf(close + 1,
		   " %c %u %u %u %*d %*d %u %llu %llu %llu %*u %llu %llu %ld %ld %*d %*d %u %*d "
		   "%llu %*u %llu",
		   &letter, &ppid, &pgid, &sid, &flags, &minflt, &cminflt, &majflt, &utime, &stime,
		   &cutime, &cstime, &threads, &start, &rss) != 15)
		return -EBADMSG;
	set_state(r, letter);
	r->h.ppid = r->h.parent_tid = ppid;
	r->h.start_ns = r->task_start_ns = start * tick_ns;
	if (flags & 0x00200000) /* PF_KTHREAD */
		r->h.flags |= REC_F_KTHREAD;
	if (letter == 'Z')
		r->h.flags |= REC_F_ZOMBIE | REC_F_DEAD;
	if (letter == 'T')
		r->h.flags |= REC_F_STOPPED;
	if (letter == 't')
		r->h.flags |= REC_F_TRACED;
	if (letter == 'Z' && threads > 1)
		r->h.flags = (r->h.flags & ~(REC_F_ZOMBIE | REC_F_DEAD)) | REC_F_LEADER_DEAD;
	r->pgid = pgid;
	r->cred.sid = sid;
	r->threads = threads;
	r->rss_kb = rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	r->usage.utime_ns = utime * tick_ns;
	r->usage.stime_ns = stime * tick_ns;
	r->usage.minflt = minflt;
	r->usage.majflt = majflt;
	r->child_minflt = cminflt;
	r->child_cpu_ns = ((uint64_t)cutime + (uint64_t)cstime) * tick_ns;
	return 0;
}

/* "Name:\tvalue" lines; what is absent stays 0 */
static void parse_status(const char *text, struct rec_seed *r)
{
	static const struct {
		const char *name;
		size_t at;
	} masks[] = {
		{"\nSigBlk:", offsetof(struct rec_seed, sig_blocked)},
		{"\nShdPnd:", offsetof(struct rec_seed, sig_pending)},
		{"\nSigIgn:", offsetof(struct rec_seed, sig_ignored)},
		{"\nSigCgt:", offsetof(struct rec_seed, sig_caught)},
	};
	const char *p = strstr(text, "\nUid:");
	unsigned pids[32];
	int level = 0, used;

	if (p)
		sscanf(p, "\nUid: %u %u", &r->cred.uid, &r->cred.euid);
	p = strstr(text, "\nGid:");
	if (p)
		sscanf(p, "\nGid: %u", &r->cred.gid);
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		unsigned long long mask;

		p = strstr(text, masks[i].name);
		if (p && sscanf(p + strlen(masks[i].name), "%llx", &mask) == 1)
			memcpy((char *)r + masks[i].at, &mask, sizeof(mask));
	}
	p = strstr(text, "\nNSpid:");
	if (!p)
		return;
	for (p += 7; level < 32 && sscanf(p, "%u%n", &pids[level], &used) == 1; level++)
		p += used;
	if (level < 1)
		return;
	r->place.ns_level = (__u32)level - 1;
	r->place.ns_tgid = pids[level - 1];
	if (level > 1 && pids[level - 1] == 1)
		r->h.flags |= REC_F_NSINIT;
}

static int read_row(const struct proc_source *s, unsigned pid, struct rec_seed *r)
{
	char path[PATH_MAX], text[4096];
	int n, err;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "%s/%u/stat", s->proc_dir, pid);
	n = host_read_file(path, text, sizeof(text));
	if (n < 0)
		return n;
	err = parse_stat(text, r);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%u/status", s->proc_dir, pid);
	if (host_read_file(path, text, sizeof(text)) > 0)
		parse_status(text, r);
	rec_hdr_fill(&r->h, REC_SEED, sizeof(*r));
	r->h.tgid = r->h.tid = pid;
	r->still_exec_ns = r->still_arrival_ns = REC_STILL_NONE;
	r->cred.loginuid = r->cred.sessionid = UINT32_MAX;
	r->pass = PASS_NUMBER;
	return 0;
}

static int add_row(struct proc_source *s, const struct rec_seed *r)
{
	if (s->cnt == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 512;
		struct rec_seed *rows = realloc(s->rows, cap * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		s->cap = cap;
	}
	s->rows[s->cnt++] = *r;
	return 0;
}

static int read_rows(struct proc_source *s)
{
	DIR *dir = opendir(s->proc_dir);
	struct dirent *entry;
	struct rec_seed row;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (*end || !pid || read_row(s, (unsigned)pid, &row))
			continue; /* not a process, or gone meanwhile */
		err = add_row(s, &row);
	}
	closedir(dir);
	return err;
}

/* Parents are named by (pid, start): the start is known when all rows are */
static int link_parents(struct proc_source *s)
{
	struct map by_pid = {0};
	int err = 0;

	for (size_t i = 0; i < s->cnt && !err; i++)
		err = map_put(&by_pid, s->rows[i].h.tgid, 0, &s->rows[i]);
	for (size_t i = 0; i < s->cnt && !err; i++) {
		struct rec_seed *parent = map_find(&by_pid, s->rows[i].h.ppid, 0);

		if (parent)
			s->rows[i].h.parent_start_ns = parent->h.start_ns;
		else
			s->rows[i].h.ppid = 0;
	}
	map_release(&by_pid);
	return err;
}

static void put_cgroups(struct proc_source *s, struct map *known)
{
	struct buf path = {0};
	uint64_t id;
	int level;

	for (size_t i = 0; i < s->cnt; i++) {
		buf_reset(&path);
		if (cgroupfs_put_path_of(&s->cgroups, s->proc_dir, s->rows[i].h.tgid, &path) ||
		    cgroupfs_find(&s->cgroups, buf_str(&path), &id, &level))
			continue;
		s->rows[i].place.cgroup_id = id;
		if (map_find(known, id, 0) || map_put(known, id, 0, s))
			continue;
		records_put_text(&s->batch, REC_FACT_CGROUP, id, (struct span){0},
				 (struct span){path.data, path.len});
		texts_put_pids_limits(&s->batch, &s->cgroups, (struct span){path.data, path.len});
	}
	buf_release(&path);
}

static void put_pass(struct proc_source *s, uint64_t began_ns)
{
	struct rec_seed_end end = {.began_ns = began_ns, .pass = PASS_NUMBER};

	for (size_t i = 0; i < s->cnt; i++) {
		struct rec_seed *r = &s->rows[i];

		records_put(&s->batch, &r->h, sizeof(*r), NULL, 0);
		if (s->facts && !(r->h.flags & REC_F_KTHREAD))
			(void)proc_reader_ask(s->reader, r->h.tgid, r->h.start_ns);
	}
	end.rows = end.tasks = (__u32)s->cnt;
	rec_hdr_fill(&end.h, REC_SEED_END, sizeof(end));
	records_put(&s->batch, &end.h, sizeof(end), NULL, 0);
}

static int put_everything(struct proc_source *s)
{
	struct host_facts facts = {REC_HOOK_NONE, s->cgroups.kind, false, false};
	uint64_t began_ns = clock_boot_ns();
	struct map known = {0};
	int err;

	records_put_host(&s->batch, &facts);
	texts_put_machine(&s->batch, s->proc_dir);
	texts_put_kernel_log(&s->batch);
	err = read_rows(s);
	if (!err)
		err = link_parents(s);
	if (err)
		return err;
	put_cgroups(s, &known);
	put_pass(s, began_ns);
	map_release(&known);
	return s->batch.err;
}

static int proc_source_next(struct source *source, int timeout_ms, struct span *ret_batch)
{
	struct proc_source *s = (struct proc_source *)source;
	int err = 0;

	buf_reset(&s->batch);
	switch (s->stage) {
	case READ_ROWS:
		err = put_everything(s);
		s->stage = s->facts ? READ_FACTS : READ_DONE;
		break;
	case READ_FACTS:
		if (proc_reader_idle(s->reader))
			return -ENODATA;
		usleep(1000);
		proc_reader_collect(s->reader, clock_boot_ns(), &s->batch);
		break;
	case READ_DONE: return -ENODATA;
	}
	*ret_batch = (struct span){s->batch.data, s->batch.len};
	return err ? err : s->batch.err;
}

static void proc_source_stop(struct source *source)
{
	((struct proc_source *)source)->stage = READ_DONE;
}

static void proc_source_free(struct source *source)
{
	struct proc_source *s = (struct proc_source *)source;

	proc_reader_free(s->reader);
	cgroupfs_release(&s->cgroups);
	buf_release(&s->batch);
	free(s->rows);
	free(s);
}

static const struct source_ops proc_ops = {
	.name = "proc",
	.next = proc_source_next,
	.stop = proc_source_stop,
	.free = proc_source_free,
};

int proc_source_open(const char *proc_dir, bool facts, struct source **ret_source)
{
	struct proc_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->source.ops = &proc_ops;
	s->proc_dir = proc_dir ? proc_dir : "/proc";
	s->facts = facts;
	cgroupfs_open(&s->cgroups, proc_dir);
	s->reader = proc_reader_new(proc_dir, 512);
	if (!s->reader) {
		proc_source_free(&s->source);
		return -ENOMEM;
	}
	*ret_source = &s->source;
	return 0;
}
