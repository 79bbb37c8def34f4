// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread's side: takes blocks from the queue, stores them, and is patient. It may hang in any
 * call for as long as the disk likes; nobody waits for it but trail_writer_close(), for a while.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "trail/writer_int.h"

#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 5000

/* ---- events ------------------------------------------------------------------------------------- */

void writer_wake(int event_fd)
{
	eventfd_write(event_fd, 1); /* never waits: the count is far from its end */
}

bool writer_wait(int event_fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = event_fd, .events = POLLIN};
	eventfd_t cnt;

	if (poll(&pfd, 1, timeout_ms) <= 0)
		return false;
	return eventfd_read(event_fd, &cnt) == 0;
}

/* ---- what the others see -------------------------------------------------------------------------- */

/* After each attempt: what the disk looks like now, and what is wrong. -ENODATA is not the disk's. */
static void publish(struct trail_writer *w, int err)
{
	const struct trail_disk *d = &w->disk;
	struct trail_writer_status *s = &w->status;
	bool due = disk_wants_keyframe(d);

	pthread_mutex_lock(&w->lock);
	s->written = d->written;
	s->dir_bytes = disk_bytes(d);
	s->segments = d->row_cnt + (d->seg.fd >= 0);
	s->oldest_real_ns = disk_oldest_real_ns(d);
	s->synced_boot_ns = d->synced_ns;
	if (err && err != -ENODATA && err != s->err) {
		s->err = err;
		s->err_since_ns = w->busy_since_ns;
	} else if (!err) {
		s->err = 0;
		s->err_since_ns = 0;
	}
	if (err && err != -ENODATA && w->stop && !w->close_err)
		w->close_err = err;
	if (disk_is_full(err) && d->opt.on_full == TRAIL_FULL_EXIT) {
		s->failed = true;
		__atomic_store_n(&w->failed, true, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&w->keyframe_due, due, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&w->lock);
}

static void set_busy(struct trail_writer *w, bool busy)
{
	pthread_mutex_lock(&w->lock);
	w->busy_since_ns = busy ? w->stream_ns : 0;
	pthread_mutex_unlock(&w->lock);
}

/* ---- the queue ------------------------------------------------------------------------------------ */

/* The next block, waited for; NULL at the end. */
static struct queued *queue_pop(struct trail_writer *w)
{
	struct queued *q;

	pthread_mutex_lock(&w->lock);
	while (!w->head && !w->stop) {
		w->idle = true;
		pthread_mutex_unlock(&w->lock);
		writer_wait(w->wake_fd, -1);
		pthread_mutex_lock(&w->lock);
		w->idle = false;
	}
	q = w->abandoned ? NULL : w->head;
	if (q) {
		w->head = q->next;
		if (!w->head)
			w->tail = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return q;
}

/* It is on the disk, or will never be. */
static void queue_done(struct trail_writer *w, struct queued *q)
{
	pthread_mutex_lock(&w->lock);
	w->status.queued -= q->charge;
	__atomic_store_n(&w->queued_now, w->status.queued, __ATOMIC_RELAXED);
	if (q->info.kind == TRAIL_KEYFRAME && q->info.flags & TRAIL_BLOCK_LAST)
		__atomic_sub_fetch(&w->keyframes_queued, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&w->lock);
	queued_free(q);
}

/* A keyframe holds nothing that was put: losing one costs no record. */
static void lose(struct trail_writer *w, const struct queued *q)
{
	struct trail_loss l = queued_loss(q);

	if (q->info.kind != TRAIL_EVENTS)
		return;
	loss_add(&w->gone, &l);
	pthread_mutex_lock(&w->lock);
	w->status.lost += q->kept;
	pthread_mutex_unlock(&w->lock);
}

/* ---- storing -------------------------------------------------------------------------------------- */

/* The place of what was lost behind the queue: before the next block of events. */
static int store_gap(struct trail_writer *w, int64_t offset_ns)
{
	struct rec_gap gap = loss_record(&w->gone);
	struct trail_block b = {.kind = TRAIL_EVENTS,
				.records = 1,
				.first_ns = gap.h.boot_ns,
				.last_ns = gap.h.boot_ns,
				.offset_ns = offset_ns};
	struct buf raw = {0};
	int err;

	trail_encoder_begin(w->gap_encoder);
	err = trail_encode(w->gap_encoder, &gap.h, &raw);
	if (!err)
		err = disk_store(&w->disk, &b, (struct span){raw.data, raw.len});
	if (!err)
		w->gone = (struct trail_loss){0};
	buf_release(&raw);
	return err;
}

/* One attempt. A block whose sync failed is stored all the same: the next one meets the new segment. */
static int attempt(struct trail_writer *w, struct queued *q, int *ret_sync_err)
{
	int err;

	if (q->info.flags & TRAIL_BLOCK_FIRST &&
	    __atomic_exchange_n(&w->rotate, false, __ATOMIC_RELAXED))
		w->disk.rotate = true;
	if (w->gone.count && q->info.kind == TRAIL_EVENTS) {
		err = store_gap(w, q->info.offset_ns);
		if (err)
			return err;
	}
	err = disk_store(&w->disk, &q->info, (struct span){q->raw.data, q->raw.len});
	if (!err && q->sync)
		*ret_sync_err = disk_sync(&w->disk);
	return err;
}

/* False: the end does not wait for a disk that is full or broken. */
static bool may_retry(struct trail_writer *w)
{
	bool may;

	pthread_mutex_lock(&w->lock);
	may = !w->stop && !w->abandoned && !w->failed;
	pthread_mutex_unlock(&w->lock);
	return may;
}

/* Until it is stored, or can not be stored any more. */
static void store(struct trail_writer *w, struct queued *q)
{
	bool first_key = q->info.flags & TRAIL_BLOCK_FIRST;
	int delay_ms = RETRY_MIN_MS;
	uint64_t deleted = w->disk.deleted;
	int err, sync_err;

	for (;;) {
		sync_err = 0;
		set_busy(w, true);
		err = attempt(w, q, &sync_err);
		publish(w, err ? err : sync_err);
		set_busy(w, false);
		if (!err)
			return;
		/* only a keyframe can follow, and this is none */
		if (err == -ENODATA || err == -EMSGSIZE || (w->disk.needs_keyframe && !first_key))
			break;
		if (!may_retry(w))
			break;
		if (w->disk.deleted != deleted) {
			deleted = w->disk.deleted;
			delay_ms = RETRY_MIN_MS;
		}
		writer_wait(w->wake_fd, delay_ms);
		delay_ms = delay_ms * 2 < RETRY_MAX_MS ? delay_ms * 2 : RETRY_MAX_MS;
	}
	lose(w, q);
}

/* Closes the segment, unless the caller has gone and the disk is not to be trusted with more. */
static void finish(struct trail_writer *w)
{
	int err, gap_err = 0;
	bool abandoned;

	pthread_mutex_lock(&w->lock);
	abandoned = w->abandoned;
	pthread_mutex_unlock(&w->lock);
	if (abandoned)
		return;
	if (w->gone.count)
		gap_err = store_gap(w, w->disk.seg.offset_ns);
	err = disk_finish(&w->disk);
	if (!err && gap_err != -ENODATA) /* that is the echo of an error told before */
		err = gap_err;
	pthread_mutex_lock(&w->lock);
	if (!w->close_err)
		w->close_err = w->status.err;
	pthread_mutex_unlock(&w->lock);
	publish(w, err);
}

void writer_run(struct trail_writer *w)
{
	struct queued *q;

	while ((q = queue_pop(w)) != NULL) {
		if (__atomic_load_n(&w->failed, __ATOMIC_RELAXED))
			lose(w, q);
		else
			store(w, q);
		queue_done(w, q);
	}
	finish(w);
}
