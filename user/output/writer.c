// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/writer.h"

#include "base/thread.h"

#define CHUNK_BYTES       (64u << 10)
#define SPARE_CHUNKS      2
#define STACK_BYTES       (256u << 10)
#define LINGER_MS         2   /* collect lines this long: one wake-up for many of them */
#define STUCK_POLL_MS     100 /* how soon an end is noticed behind a full descriptor */
#define LONG_LINE_POLL_MS 5
#define DIRECT_WAIT_MS    50 /* without a thread: how long the caller waits for the reader, once */
#define FREE_WAIT_MS      200

/* Whole lines, the first 'start' bytes of which are out. */
struct chunk {
	struct chunk *next;
	size_t cap, len, start;
	char data[];
};

struct writer {
	pthread_mutex_t lock; /* everything that is not marked otherwise */
	pthread_cond_t wake;
	struct chunk *head, *tail, *spare;
	size_t spares;
	size_t bytes; /* memory of all chunks but the spare ones */
	size_t limit;
	uint64_t dropped;
	int err;
	unsigned refs; /* the caller and the thread */
	bool threaded, idle, hurry, stop, abandoned, exited;
	/* set once, or only touched by whoever writes */
	int fd;
	bool own, is_file;
	size_t pipe_bytes; /* 0: no pipe */
	bool stuck;        /* direct writing: the reader did not take anything in time */
	size_t half_line;  /* bytes that went out since the last NL */
};

static void chunks_free(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

static uint64_t count_lines(const struct chunk *c)
{
	uint64_t cnt = 0;

	for (; c; c = c->next) {
		const char *p = c->data + c->start, *end = c->data + c->len;

		while (p < end && (p = memchr(p, '\n', end - p)) != NULL) {
			cnt++;
			p++;
		}
	}
	return cnt;
}

/* ---- the queue; called with the lock ----------------------------------------------------- */

static struct chunk *queue_room(struct writer *w, size_t len)
{
	size_t cap = CHUNK_BYTES < w->limit ? CHUNK_BYTES : w->limit;
	struct chunk *c = w->tail;

	if (c && c->cap - c->len >= len)
		return c;
	if (cap < len)
		cap = len;
	if (cap > w->limit || w->bytes > w->limit - cap)
		return NULL;
	c = w->spare;
	if (c && c->cap >= cap) {
		w->spare = c->next;
		w->spares--;
	} else {
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return NULL;
		c->cap = cap;
	}
	c->next = NULL;
	c->len = 0;
	c->start = 0;
	w->bytes += c->cap;
	if (w->tail)
		w->tail->next = c;
	else
		w->head = c;
	w->tail = c;
	return c;
}

static void queue_recycle(struct writer *w, struct chunk *c)
{
	w->bytes -= c->cap;
	if (w->spares == SPARE_CHUNKS || c->cap != CHUNK_BYTES) {
		free(c);
		return;
	}
	c->next = w->spare;
	w->spare = c;
	w->spares++;
}

/* Nothing can be written any more: what waits is lost, and counted. */
static void queue_fail(struct writer *w, struct chunk *taken, int err)
{
	__atomic_fetch_add(&w->dropped, count_lines(taken) + count_lines(w->head),
			   __ATOMIC_RELAXED);
	chunks_free(taken);
	chunks_free(w->head);
	w->head = NULL;
	w->tail = NULL;
	w->bytes = 0;
	__atomic_store_n(&w->err, err, __ATOMIC_RELAXED);
}

/* ---- writing; without the lock ------------------------------------------------------------ */

/*
 * Only if the file ends where we stopped: what somebody else appended is not ours to cut. The offset
 * goes back too; it may be shared with the shell that writes there next.
 */
static void cut_back_half_line(struct writer *w)
{
	off_t pos = lseek(w->fd, 0, SEEK_CUR);
	struct stat st;

	if (w->half_line == 0 || !w->is_file || pos < (off_t)w->half_line)
		return;
	if (fstat(w->fd, &st) || st.st_size != pos)
		return;
	if (ftruncate(w->fd, pos - w->half_line) == 0) {
		pos = lseek(w->fd, pos - w->half_line, SEEK_SET);
		w->half_line = 0;
	}
}

/*
 * How much to hand over at once. A file takes everything. A pipe takes PIPE_BUF bytes or none
 * (pipe(7)): with pieces of whole lines a reader that stopped for good never holds half of one.
 */
static size_t next_piece(const struct writer *w, const struct chunk *c)
{
	const char *data = c->data + c->start, *nl;
	size_t len = c->len - c->start;

	if (w->is_file || len <= PIPE_BUF)
		return len;
	nl = memrchr(data, '\n', PIPE_BUF);
	if (nl)
		return nl + 1 - data;
	if (w->half_line || w->pipe_bytes <= PIPE_BUF)
		return PIPE_BUF;
	nl = memchr(data, '\n', len);
	if (nl)
		len = nl + 1 - data;
	return len < w->pipe_bytes ? len : w->pipe_bytes;
}

/* A longer line fits a pipe in one go while that is empty, if at all. -EAGAIN: not now. */
static int room_for_long_line(const struct writer *w, size_t piece)
{
	int unread = 0;

	if (!w->pipe_bytes || piece <= PIPE_BUF)
		return 0;
	if (ioctl(w->fd, FIONREAD, &unread) || unread == 0)
		return 0;
	return -EAGAIN;
}

/* One write(); 0, -EAGAIN, or what ends writing. */
static int chunk_write(struct writer *w, struct chunk *c)
{
	size_t piece = next_piece(w, c);
	const char *data = c->data + c->start, *nl;
	ssize_t done;

	if (room_for_long_line(w, piece)) {
		struct pollfd broken = {.fd = w->fd}; /* POLLERR: the reader has gone */

		if (poll(&broken, 1, LONG_LINE_POLL_MS) == 0)
			return -EAGAIN;
	}
	done = write(w->fd, data, piece);
	if (done < 0) {
		if (errno == EINTR)
			return 0;
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	nl = memrchr(data, '\n', done);
	w->half_line = nl ? (size_t)(data + done - nl - 1) : w->half_line + done;
	c->start += done;
	return 0;
}

/* The thread's part: patient, until the caller has given up. 0, -ECANCELED, or the end's cause. */
static int write_chunk_whole(struct writer *w, struct chunk *c)
{
	struct pollfd pfd = {.fd = w->fd, .events = POLLOUT};
	int err;

	while (c->start < c->len) {
		if (__atomic_load_n(&w->abandoned, __ATOMIC_RELAXED))
			return -ECANCELED;
		err = chunk_write(w, c);
		if (err == -EAGAIN)
			poll(&pfd, 1, STUCK_POLL_MS);
		else if (err)
			return err;
	}
	return 0;
}

static void write_taken(struct writer *w, struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;
		int err = write_chunk_whole(w, c);

		if (err)
			cut_back_half_line(w);
		pthread_mutex_lock(&w->lock);
		if (err) {
			queue_fail(w, c, err);
			next = NULL;
		} else {
			queue_recycle(w, c);
		}
		pthread_mutex_unlock(&w->lock);
		c = next;
	}
}

/* Without a thread: at most wait_ms for a reader that does not take anything. */
static void write_direct(struct writer *w, int wait_ms)
{
	struct pollfd pfd = {.fd = w->fd, .events = POLLOUT};
	int err = 0;

	w->stuck = false;
	while (w->head) {
		struct chunk *c = w->head;

		/* poll first: write() itself could wait for ever */
		if (poll(&pfd, 1, wait_ms) <= 0) {
			w->stuck = true;
			return;
		}
		err = chunk_write(w, c);
		if (err == -EAGAIN && wait_ms > 0) {
			wait_ms = wait_ms > LONG_LINE_POLL_MS ? wait_ms - LONG_LINE_POLL_MS : 0;
			continue;
		}
		if (err)
			break;
		if (c->start < c->len)
			continue;
		w->head = c->next;
		if (!w->head)
			w->tail = NULL;
		queue_recycle(w, c);
	}
	if (err == -EAGAIN) {
		w->stuck = true;
	} else if (err) {
		cut_back_half_line(w);
		queue_fail(w, NULL, err);
	}
}

/* ---- the thread --------------------------------------------------------------------------- */

/* Gives back one reference, held with the lock, which is released. */
static void writer_unref(struct writer *w)
{
	bool last = --w->refs == 0;

	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	if (w->own)
		close(w->fd);
	chunks_free(w->head);
	chunks_free(w->spare);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	struct chunk *taken;
	sigset_t sigpipe;

	/*
	 * The other signals are the main thread's. SIGPIPE hits the thread that wrote: unblocked here,
	 * it ends the process as it would if the caller had written, which is what `| head` relies on.
	 */
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &sigpipe, NULL);

	pthread_mutex_lock(&w->lock);
	while (!w->err && !w->abandoned) {
		if (!w->head) {
			if (w->stop)
				break;
			w->hurry = false;
			w->idle = true;
			pthread_cond_wait(&w->wake, &w->lock);
			w->idle = false;
			continue;
		}
		if (!w->hurry && !w->stop && w->bytes <= CHUNK_BYTES) {
			pthread_mutex_unlock(&w->lock);
			poll(NULL, 0, LINGER_MS);
			pthread_mutex_lock(&w->lock);
		}
		taken = w->head;
		w->head = NULL;
		w->tail = NULL;
		pthread_mutex_unlock(&w->lock);
		write_taken(w, taken);
		pthread_mutex_lock(&w->lock);
	}
	w->exited = true;
	writer_unref(w);
	return NULL;
}

static int writer_start(struct writer *w)
{
	int err;

	w->refs++;
	err = thread_start(writer_main, w, STACK_BYTES);
	if (err)
		w->refs--;
	return err;
}

/* ---- the caller's side ---------------------------------------------------------------------- */

struct writer *writer_new(int fd, bool own, size_t queue_bytes)
{
	struct writer *w = calloc(1, sizeof(*w));
	struct stat st;
	int copy;

	if (!w)
		return NULL;
	w->fd = fd;
	w->own = own;
	w->limit = queue_bytes;
	w->refs = 1;
	if (!own) {
		/* a copy: a thread that had to be left behind must not meet a reused number */
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy >= 0) {
			w->fd = copy;
			w->own = true;
		}
	}
	if (fstat(w->fd, &st) == 0) {
		w->is_file = S_ISREG(st.st_mode);
		if (S_ISFIFO(st.st_mode))
			w->pipe_bytes = fcntl(w->fd, F_GETPIPE_SZ); /* an int, > 0 for a pipe */
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->threaded = writer_start(w) == 0;
	return w;
}

int writer_put(struct writer *w, struct span lines, uint64_t line_cnt)
{
	struct chunk *c;
	int err;

	if (lines.len == 0)
		return 0;
	pthread_mutex_lock(&w->lock);
	err = w->err;
	c = err ? NULL : queue_room(w, lines.len);
	if (c) {
		memcpy(c->data + c->len, lines.data, lines.len);
		c->len += lines.len;
		if (w->idle) {
			w->idle = false; /* one signal is enough */
			pthread_cond_signal(&w->wake);
		}
	} else {
		__atomic_fetch_add(&w->dropped, line_cnt, __ATOMIC_RELAXED);
		if (!err)
			err = -ENOBUFS;
	}
	if (!w->threaded && !w->err) {
		write_direct(w, w->stuck ? 0 : DIRECT_WAIT_MS);
		if (w->err)
			err = w->err;
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* 0 when everything is out; -EAGAIN while not */
static int writer_state(struct writer *w)
{
	int err;

	pthread_mutex_lock(&w->lock);
	w->hurry = w->bytes > 0; /* no lingering for this lot; the thread resets it */
	err = w->err ? w->err : w->bytes ? -EAGAIN : 0;
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* Asks every millisecond: no clock to read, and the wait is short or for a reader that is stuck. */
int writer_flush(struct writer *w, int timeout_ms)
{
	int err = writer_state(w);

	if (!w->threaded && err == -EAGAIN) {
		pthread_mutex_lock(&w->lock);
		write_direct(w, timeout_ms);
		pthread_mutex_unlock(&w->lock);
		err = writer_state(w);
	}
	for (int waited = 0; w->threaded && err == -EAGAIN && waited < timeout_ms; waited++) {
		poll(NULL, 0, 1);
		err = writer_state(w);
	}
	return err == -EAGAIN ? -ETIMEDOUT : err;
}

uint64_t writer_dropped(const struct writer *w)
{
	return __atomic_load_n(&w->dropped, __ATOMIC_RELAXED);
}

int writer_error(const struct writer *w)
{
	return __atomic_load_n(&w->err, __ATOMIC_RELAXED);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	if (!w->threaded && w->head && !w->err)
		write_direct(w, w->stuck ? 0 : FREE_WAIT_MS);
	for (int waited = 0; w->threaded && !w->exited && waited < FREE_WAIT_MS; waited++) {
		pthread_mutex_unlock(&w->lock);
		poll(NULL, 0, 1);
		pthread_mutex_lock(&w->lock);
	}
	/* a thread that is still inside write() owns the rest and ends when the reader lets it */
	__atomic_store_n(&w->abandoned, true, __ATOMIC_RELAXED);
	writer_unref(w);
}
