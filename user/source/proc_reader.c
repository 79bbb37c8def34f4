// SPDX-License-Identifier: GPL-2.0-only
#include "source/proc_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "source/proc_waits.h"
#include "source/records.h"

#define STACK_BYTES (128u << 10)

struct request {
	enum { ASK_PROC, ASK_WAITS, ASK_LIMITS } kind;
	uint32_t tgid;
	uint64_t start_ns;
};

/* One thread and what it shares with the reader; lives until both have let go of it. */
struct worker {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int refs;
	char *proc_dir;
	uint32_t args_max;
	struct request *queue;
	size_t head, cnt, cap;
	struct request current; /* tgid 0: none */
	uint64_t current_since_ns;
	struct buf ready; /* finished records */
	bool quit;
};

struct proc_reader {
	struct worker *worker;
	bool threaded;
	int hung;
};

static void worker_put(struct worker *w)
{
	bool last;

	pthread_mutex_lock(&w->lock);
	last = --w->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	buf_release(&w->ready);
	free(w->proc_dir);
	free(w->queue);
	free(w);
}

/* Field 22 of stat in ticks of USER_HZ, or -errno. The name may hold blanks and parentheses. */
static int64_t read_start_ticks(int dir)
{
	char text[1024], *p;
	unsigned long long ticks;
	ssize_t n;
	int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			 "%*s %llu",
			 &ticks) != 1)
		return -EBADMSG;
	return (int64_t)ticks;
}

static bool same_process(int dir, uint64_t start_ns)
{
	uint64_t tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	int64_t ticks = read_start_ticks(dir);

	return ticks >= 0 && (!start_ns || (uint64_t)ticks == start_ns / tick_ns);
}

static size_t read_link(int dir, const char *name, char *path, size_t size, uint32_t *flags)
{
	ssize_t n = readlinkat(dir, name, path, size);

	if (n >= 0)
		return (size_t)n;
	if (errno == EACCES || errno == EPERM)
		*flags |= REC_FACT_DENIED;
	return 0;
}

static size_t read_args(int dir, char *args, size_t size, uint32_t *ret_true_len, uint32_t *flags)
{
	int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	size_t kept = 0, seen = 0;
	char rest[4096];
	ssize_t n = 1;

	*ret_true_len = 0;
	if (fd < 0) {
		if (errno == EACCES || errno == EPERM)
			*flags |= REC_FACT_DENIED;
		return 0;
	}
	while (kept < size && (n = read(fd, args + kept, size - kept)) > 0)
		kept += (size_t)n;
	seen = kept;
	while (n > 0 && seen < (2u << 20) && (n = read(fd, rest, sizeof(rest))) > 0)
		seen += (size_t)n;
	close(fd);
	*ret_true_len = (uint32_t)seen;
	return kept;
}

/* The answer to a request for a text */
static void put_text(struct buf *records, struct request req, struct span text)
{
	char name[64];

	snprintf(name, sizeof(name), "%s:%" PRIu32 ":%" PRIu64,
		 req.kind == ASK_WAITS ? "waits" : "limits", req.tgid, req.start_ns);
	records_put_text(records, REC_FACT_TEXT, 0, span_of(name), text);
}

/* dir < 0: nobody is there */
static void read_waits(int dir, struct request req, struct buf *record)
{
	struct buf text = {0};

	if (dir >= 0)
		proc_waits_put(dir, &text);
	else
		buf_put_str(&text, "gone\n");
	put_text(record, req,
		 text.err ? SPAN_LITERAL("hung\n") : (struct span){text.data, text.len});
	buf_release(&text);
}

/* The first figure behind "Max processes" is the soft limit; anybody may read it. */
static void read_limits(int dir, struct request req, struct buf *record)
{
	static const char label[] = "Max processes";
	char text[4096] = "", *at;
	int fd = dir >= 0 ? openat(dir, "limits", O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, label);
	if (!at) {
		put_text(record, req, SPAN_LITERAL("gone\n"));
		return;
	}
	at += strlen(label);
	at += strspn(at, " ");
	put_text(record, req, (struct span){at, strcspn(at, " \n")});
}

/* dir < 0: nobody is there */
static void read_process(const struct worker *w, int dir, struct request req, bool may_hang,
			 struct buf *record)
{
	struct rec_fact_proc r = {0};
	char exe[PATH_MAX], cwd[PATH_MAX], *args = NULL;
	struct span tails[3] = {{exe, 0}, {cwd, 0}, {NULL, 0}};

	if (dir < 0) {
		r.flags |= REC_FACT_GONE;
	} else {
		tails[0].len = read_link(dir, "exe", exe, sizeof(exe), &r.flags);
		tails[1].len = read_link(dir, "cwd", cwd, sizeof(cwd), &r.flags);
		if (may_hang && (args = malloc(w->args_max))) {
			tails[2].data = args;
			tails[2].len = read_args(dir, args, w->args_max, &r.args_len, &r.flags);
		}
	}
	rec_hdr_fill(&r.h, REC_FACT_PROC, 0);
	r.h.tgid = r.h.tid = req.tgid;
	r.h.start_ns = req.start_ns;
	r.exe_len = (__u32)tails[0].len;
	r.cwd_len = (__u32)tails[1].len;
	r.args_kept = (__u32)tails[2].len;
	records_put(record, &r.h, sizeof(r), tails, 3);
	free(args);
}

static void put_hung(struct buf *records, struct request req)
{
	struct rec_fact_proc r = {.flags = REC_FACT_HUNG};

	if (req.kind != ASK_PROC) {
		put_text(records, req, SPAN_LITERAL("hung\n"));
		return;
	}
	rec_hdr_fill(&r.h, REC_FACT_PROC, 0);
	r.h.tgid = r.h.tid = req.tgid;
	r.h.start_ns = req.start_ns;
	records_put(records, &r.h, sizeof(r), NULL, 0);
}

/* Everything that may block happens here, with nothing locked. */
static void answer(const struct worker *w, struct request req, bool may_hang, struct buf *record)
{
	char path[PATH_MAX];
	int dir;

	if (req.kind == ASK_WAITS && !may_hang) {
		put_hung(record, req);
		return;
	}
	snprintf(path, sizeof(path), "%s/%u", w->proc_dir, req.tgid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && !same_process(dir, req.start_ns)) {
		close(dir);
		dir = -1;
	}
	switch (req.kind) {
	case ASK_PROC: read_process(w, dir, req, may_hang, record); break;
	case ASK_WAITS: read_waits(dir, req, record); break;
	case ASK_LIMITS: read_limits(dir, req, record); break;
	}
	if (dir >= 0)
		close(dir);
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct buf record = {0};

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->cnt && !w->quit)
			pthread_cond_wait(&w->wake, &w->lock);
		if (w->quit)
			break;
		w->current = w->queue[w->head];
		w->head = (w->head + 1) % w->cap;
		w->cnt--;
		w->current_since_ns = clock_boot_ns();
		pthread_mutex_unlock(&w->lock);

		buf_reset(&record);
		answer(w, w->current, true, &record);

		pthread_mutex_lock(&w->lock);
		if (w->quit) /* given up on meanwhile: somebody has told so */
			break;
		w->current.tgid = 0;
		buf_put(&w->ready, record.data, record.len);
	}
	pthread_mutex_unlock(&w->lock);
	buf_release(&record);
	worker_put(w);
	return NULL;
}

/* NULL without memory */
static struct worker *worker_new(const char *proc_dir, uint32_t args_max)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->proc_dir = strdup(proc_dir);
	if (!w->proc_dir) {
		free(w);
		return NULL;
	}
	w->args_max = args_max;
	w->refs = 1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	return w;
}

/* Whether the worker has a thread now; none can be had where pids are exhausted. */
static bool worker_start(struct worker *w)
{
	int err;

	w->refs++;
	err = thread_start(worker_run, w, STACK_BYTES);
	if (err)
		w->refs--;
	return !err;
}

struct proc_reader *proc_reader_new(const char *proc_dir, uint32_t args_max)
{
	struct proc_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->worker = worker_new(proc_dir ? proc_dir : "/proc", args_max);
	if (!r->worker) {
		free(r);
		return NULL;
	}
	r->threaded = worker_start(r->worker);
	return r;
}

void proc_reader_free(struct proc_reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->worker->lock);
	r->worker->quit = true;
	pthread_cond_signal(&r->worker->wake);
	pthread_mutex_unlock(&r->worker->lock);
	worker_put(r->worker);
	free(r);
}

static int queue_put(struct worker *w, struct request req)
{
	if (w->cnt == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		struct request *queue = malloc(cap * sizeof(*queue));

		if (!queue)
			return -ENOMEM;
		for (size_t i = 0; i < w->cnt; i++)
			queue[i] = w->queue[(w->head + i) % w->cap];
		free(w->queue);
		w->queue = queue;
		w->cap = cap;
		w->head = 0;
	}
	w->queue[(w->head + w->cnt++) % w->cap] = req;
	return 0;
}

static int ask(struct proc_reader *r, struct request req)
{
	struct worker *w = r->worker;
	int err;

	pthread_mutex_lock(&w->lock);
	if (r->threaded) {
		err = queue_put(w, req);
		pthread_cond_signal(&w->wake);
	} else {
		if (r->hung < PROC_READER_MAX_HUNG)
			answer(w, req, false, &w->ready);
		else
			put_hung(&w->ready, req);
		err = w->ready.err;
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

int proc_reader_ask(struct proc_reader *r, uint32_t tgid, uint64_t start_ns)
{
	return ask(r, (struct request){ASK_PROC, tgid, start_ns});
}

int proc_reader_ask_waits(struct proc_reader *r, uint32_t tgid, uint64_t start_ns)
{
	return ask(r, (struct request){ASK_WAITS, tgid, start_ns});
}

int proc_reader_ask_limits(struct proc_reader *r, uint32_t tgid, uint64_t start_ns)
{
	return ask(r, (struct request){ASK_LIMITS, tgid, start_ns});
}

/* Hands what waits behind a stuck thread to a worker of its own; both locked or not yet shared. */
static void queue_move(struct worker *from, struct worker *to)
{
	to->queue = from->queue;
	to->head = from->head;
	to->cnt = from->cnt;
	to->cap = from->cap;
	from->queue = NULL;
	from->head = from->cnt = from->cap = 0;
}

/* Leaves the stuck thread to itself. Its worker is locked; without memory it stays as it is. */
static void give_up(struct proc_reader *r, struct buf *records)
{
	struct worker *old = r->worker, *fresh = worker_new(old->proc_dir, old->args_max);

	if (!fresh)
		return;
	put_hung(records, old->current);
	queue_move(old, fresh);
	old->quit = true;
	r->worker = fresh;
	r->threaded = ++r->hung < PROC_READER_MAX_HUNG && worker_start(fresh);
	for (; !r->threaded && fresh->cnt; fresh->cnt--) {
		put_hung(records, fresh->queue[fresh->head]);
		fresh->head = (fresh->head + 1) % fresh->cap;
	}
}

void proc_reader_collect(struct proc_reader *r, uint64_t now_ns, struct buf *records)
{
	struct worker *w = r->worker;

	pthread_mutex_lock(&w->lock);
	buf_put(records, w->ready.data, w->ready.len);
	buf_reset(&w->ready);
	if (w->current.tgid && now_ns > w->current_since_ns + PROC_READER_TIMEOUT_NS)
		give_up(r, records);
	pthread_mutex_unlock(&w->lock);
	if (r->worker != w)
		worker_put(w);
}

bool proc_reader_idle(const struct proc_reader *r)
{
	struct worker *w = r->worker;
	bool idle;

	pthread_mutex_lock(&w->lock);
	idle = !w->cnt && !w->current.tgid && !w->ready.len;
	pthread_mutex_unlock(&w->lock);
	return idle;
}
