// SPDX-License-Identifier: GPL-2.0-only
/* The caller's side: codes, queues, counts, and never waits. */
#include "trail/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "trail/writer_int.h"

#define BLOCK_BYTES   (128u << 10)      /* coded; deflates to about a quarter */
#define SLACK_NS      (150 * NS_PER_MS) /* ticks are 100 ms apart, and the disk needs time too */
#define UNSYNCED_NS   NS_PER_SEC        /* with TRAIL_SYNC_NONE, _BLOCK: how old a block gets */
#define UNANSWERED_NS (5 * NS_PER_SEC) /* a disk that has had a block for so long does not answer */
#define CLOSE_STEP_MS 10
#define STACK_BYTES   (256u << 10)
#define REC_CPU_USER  0xffff

/* ---- losses and blocks ---------------------------------------------------------------------------- */

void loss_add(struct trail_loss *l, const struct trail_loss *more)
{
	if (more->count == 0)
		return;
	if (l->count == 0 || more->from_ns < l->from_ns)
		l->from_ns = more->from_ns;
	if (more->until_ns > l->until_ns)
		l->until_ns = more->until_ns;
	l->count += more->count;
}

struct rec_gap loss_record(const struct trail_loss *l)
{
	return (struct rec_gap){.h = {.boot_ns = l->until_ns,
				      .size = sizeof(struct rec_gap),
				      .type = REC_GAP,
				      .cpu = REC_CPU_USER},
				.from_ns = l->from_ns,
				.count = l->count,
				.reason = REC_GAP_DISK};
}

struct queued *queued_new(enum trail_block_kind kind)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (q)
		q->info.kind = kind;
	return q;
}

void queued_free(struct queued *q)
{
	if (!q)
		return;
	buf_release(&q->raw);
	free(q);
}

void queued_account(struct queued *q, uint64_t boot_ns)
{
	q->info.records++;
	if (boot_ns == 0)
		return;
	if (q->info.first_ns == 0 || boot_ns < q->info.first_ns)
		q->info.first_ns = boot_ns;
	if (boot_ns > q->info.last_ns)
		q->info.last_ns = boot_ns;
}

struct trail_loss queued_loss(const struct queued *q)
{
	struct trail_loss l = {q->info.first_ns, q->info.last_ns, q->kept};

	loss_add(&l, &q->gap);
	return l;
}

static size_t queued_charge(const struct queued *q)
{
	return sizeof(*q) + q->raw.cap;
}

/* ---- the queue ------------------------------------------------------------------------------------ */

/* With the lock. */
static void queue_push(struct trail_writer *w, struct queued *q)
{
	q->charge = queued_charge(q);
	w->status.queued += q->charge;
	__atomic_store_n(&w->queued_now, w->status.queued, __ATOMIC_RELAXED);
	if (w->tail)
		w->tail->next = q;
	else
		w->head = q;
	w->tail = q;
	if (w->idle) {
		w->idle = false; /* once is enough */
		writer_wake(w->wake_fd);
	}
}

static void count_lost(struct trail_writer *w, uint64_t records)
{
	pthread_mutex_lock(&w->lock);
	w->status.lost += records;
	pthread_mutex_unlock(&w->lock);
}

/* The whole open block is lost, with the gaps that it told of; the next one will tell. */
static void open_drop(struct trail_writer *w)
{
	struct trail_loss l = queued_loss(w->open);

	loss_add(&w->loss, &l);
	count_lost(w, w->open->kept);
	queued_free(w->open);
	w->open = NULL;
}

/* force: even beyond the bound (a block that holds a gap and nothing else). */
static void open_close(struct trail_writer *w, bool sync, bool force)
{
	struct queued *q = w->open;
	bool room;

	if (!q)
		return;
	q->info.offset_ns = w->offset_ns;
	q->sync = sync;
	pthread_mutex_lock(&w->lock);
	room = force || w->status.queued + queued_charge(q) <= w->queue_bytes;
	if (room) {
		if (q->gap.count)
			__atomic_store_n(&w->heal, true, __ATOMIC_RELAXED);
		queue_push(w, q);
	}
	pthread_mutex_unlock(&w->lock);
	if (!room) {
		open_drop(w);
		return;
	}
	w->open = NULL;
	if (sync)
		w->unsynced_ns = 0;
}

/* ---- coding --------------------------------------------------------------------------------------- */

static void lose_record(struct trail_writer *w, const struct rec_hdr *h)
{
	struct trail_loss l = {h->boot_ns, h->boot_ns, 1};

	loss_add(&w->loss, &l);
	count_lost(w, 1);
}

static int open_begin(struct trail_writer *w)
{
	w->open = queued_new(TRAIL_EVENTS);
	if (!w->open)
		return -ENOMEM;
	trail_encoder_begin(w->encoder);
	return 0;
}

/* The place of what was lost is before the next record that is kept. */
static int put_gap(struct trail_writer *w)
{
	struct rec_gap gap = loss_record(&w->loss);
	int err;

	err = trail_encode(w->encoder, &gap.h, &w->open->raw);
	if (err)
		return err;
	queued_account(w->open, gap.h.boot_ns);
	loss_add(&w->open->gap, &w->loss);
	w->loss = (struct trail_loss){0};
	return 0;
}

static void learn_clocks(struct trail_writer *w, const struct rec_hdr *h)
{
	if (h->boot_ns > w->now_ns)
		w->now_ns = h->boot_ns;
	if (h->type == REC_TICK && h->size >= sizeof(struct rec_tick))
		w->offset_ns = (int64_t)(((const struct rec_tick *)h)->real_ns - h->boot_ns);
	else if (h->type == REC_HOST && h->size >= sizeof(struct rec_host))
		w->offset_ns = (int64_t)(((const struct rec_host *)h)->real_ns - h->boot_ns);
}

/* Is what the disk has not been asked to keep old enough? Age is what a crash would cost. */
static bool sync_is_due(const struct trail_writer *w)
{
	return w->unsynced_ns && w->now_ns >= w->unsynced_ns + w->sync_ns;
}

static void put_record(struct trail_writer *w, const struct rec_hdr *h)
{
	bool each = w->disk.opt.sync_ms == TRAIL_SYNC_BLOCK;
	int err;

	learn_clocks(w, h);
	if (w->open && w->open->raw.len + h->size > BLOCK_BYTES)
		open_close(w, each || sync_is_due(w), false);
	if (!w->open && open_begin(w)) {
		lose_record(w, h);
		return;
	}
	err = w->loss.count ? put_gap(w) : 0;
	if (!err)
		err = trail_encode(w->encoder, h, &w->open->raw);
	if (err) {
		if (err == -ENOMEM)
			open_drop(w);
		lose_record(w, h);
		return;
	}
	queued_account(w->open, h->boot_ns);
	w->open->kept++;
	if (w->unsynced_ns == 0)
		w->unsynced_ns = h->boot_ns;
	if (h->type == REC_TICK && sync_is_due(w))
		open_close(w, true, false);
}

/* The next whole record, NULL at the end. */
static const struct rec_hdr *next_record(struct span *records)
{
	const struct rec_hdr *h = (const struct rec_hdr *)records->data;
	size_t step;

	if (records->len < sizeof(*h) || h->size < sizeof(*h) || h->size > records->len)
		return NULL;
	step = (h->size + 7u) & ~(size_t)7;
	if (step > records->len)
		step = records->len;
	records->data += step;
	records->len -= step;
	return h;
}

void trail_writer_put(struct trail_writer *w, struct span records)
{
	const struct rec_hdr *h;
	uint64_t cnt = 0;

	while ((h = next_record(&records)) != NULL) {
		put_record(w, h);
		cnt++;
	}
	pthread_mutex_lock(&w->lock);
	w->status.records += cnt;
	w->stream_ns = w->now_ns;
	pthread_mutex_unlock(&w->lock);
}

/* ---- keyframes ------------------------------------------------------------------------------------ */

bool trail_writer_wants_keyframe(const struct trail_writer *w)
{
	if (__atomic_load_n(&w->keyframes_queued, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&w->failed, __ATOMIC_RELAXED))
		return false;
	/* behind a disk that stands still it would only take the room of records */
	if (__atomic_load_n(&w->queued_now, __ATOMIC_RELAXED) > w->queue_bytes / 2)
		return false;
	return __atomic_load_n(&w->keyframe_due, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&w->rotate, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&w->heal, __ATOMIC_RELAXED);
}

void trail_writer_rotate(struct trail_writer *w)
{
	__atomic_store_n(&w->rotate, true, __ATOMIC_RELAXED);
}

static void list_free(struct queued *q)
{
	while (q) {
		struct queued *next = q->next;

		queued_free(q);
		q = next;
	}
}

/* All of it as blocks, NULL without memory or when there is nothing. */
static struct queued *keyframe_code(struct trail_writer *w, struct span records)
{
	struct queued *first = NULL, *last = NULL, *q;
	const struct rec_hdr *h;
	int err;

	while ((h = next_record(&records)) != NULL) {
		if (!last || last->raw.len + h->size > BLOCK_BYTES) {
			q = queued_new(TRAIL_KEYFRAME);
			if (!q)
				goto no_memory;
			q->info.offset_ns = w->offset_ns;
			if (last)
				last->next = q;
			else
				first = q;
			last = q;
			trail_encoder_begin(w->encoder);
		}
		err = trail_encode(w->encoder, h, &last->raw);
		if (err == -ENOMEM)
			goto no_memory;
		if (!err)
			queued_account(last, h->boot_ns);
		/* rows may be older than the moment they stand for */
		if (w->now_ns > last->info.last_ns)
			last->info.last_ns = w->now_ns;
		if (last->info.first_ns == 0)
			last->info.first_ns = last->info.last_ns;
	}
	if (first) {
		first->info.flags |= TRAIL_BLOCK_FIRST;
		last->info.flags |= TRAIL_BLOCK_LAST;
	}
	return first;

no_memory:
	list_free(first);
	return NULL;
}

void trail_writer_keyframe(struct trail_writer *w, struct span records)
{
	struct queued *first, *next;
	bool room;

	open_close(w, w->disk.opt.sync_ms == TRAIL_SYNC_BLOCK || sync_is_due(w), false);
	first = keyframe_code(w, records);
	if (!first)
		return;
	pthread_mutex_lock(&w->lock);
	/* whole or not at all, so it may pass the bound by itself */
	room = w->status.queued <= w->queue_bytes / 2;
	if (room) {
		__atomic_store_n(&w->heal, false, __ATOMIC_RELAXED);
		__atomic_add_fetch(&w->keyframes_queued, 1, __ATOMIC_RELAXED);
		for (struct queued *q = first; q; q = next) {
			next = q->next;
			q->next = NULL;
			queue_push(w, q);
		}
	}
	pthread_mutex_unlock(&w->lock);
	if (!room)
		list_free(first);
}

/* ---- life ------------------------------------------------------------------------------------------ */

static void writer_release(struct trail_writer *w)
{
	disk_release(&w->disk);
	list_free(w->head);
	queued_free(w->open);
	trail_encoder_free(w->encoder);
	trail_encoder_free(w->gap_encoder);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->done_fd >= 0)
		close(w->done_fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void writer_unref(struct trail_writer *w)
{
	bool last = --w->refs == 0;

	pthread_mutex_unlock(&w->lock);
	if (last)
		writer_release(w);
}

static uint64_t sync_period(uint64_t sync_ms)
{
	uint64_t ns = sync_ms * NS_PER_MS;

	if (sync_ms == TRAIL_SYNC_NONE || sync_ms == TRAIL_SYNC_BLOCK)
		return UNSYNCED_NS;
	return ns > SLACK_NS ? ns - SLACK_NS : 0;
}

int trail_writer_open(const struct trail_writer_options *opt, const struct trail_header *head,
		      struct trail_writer **ret_writer, pid_t *ret_holder)
{
	struct trail_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	err = disk_open(&w->disk, opt, head, ret_holder);
	if (err) {
		free(w);
		return err;
	}
	pthread_mutex_init(&w->lock, NULL);
	w->refs = 1;
	w->sync_ns = sync_period(opt->sync_ms);
	w->queue_bytes = opt->queue_bytes ? opt->queue_bytes : TRAIL_QUEUE_BYTES;
	w->now_ns = head->boot_ns;
	w->stream_ns = head->boot_ns;
	w->offset_ns = (int64_t)(head->real_ns - head->boot_ns);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->encoder = trail_encoder_new();
	w->gap_encoder = trail_encoder_new();
	w->status.dir_bytes = disk_bytes(&w->disk);
	w->status.written = w->disk.written;
	w->status.segments = w->disk.row_cnt + (w->disk.seg.fd >= 0);
	w->status.oldest_real_ns = disk_oldest_real_ns(&w->disk);
	if (w->wake_fd < 0 || w->done_fd < 0)
		err = -EMFILE;
	else if (!w->encoder || !w->gap_encoder)
		err = -ENOMEM;
	if (err) {
		disk_finish(&w->disk);
		writer_release(w);
		return err;
	}
	*ret_writer = w;
	return 0;
}

static void *thread_main(void *arg)
{
	struct trail_writer *w = arg;

	writer_run(w);
	pthread_mutex_lock(&w->lock);
	w->exited = true;
	writer_wake(w->done_fd);
	writer_unref(w);
	return NULL;
}

int trail_writer_start(struct trail_writer *w)
{
	int err;

	pthread_mutex_lock(&w->lock);
	err = thread_start(thread_main, w, STACK_BYTES);
	if (err == 0) {
		w->started = true;
		w->refs++;
	} else {
		w->status.failed = true;
		w->status.err = err;
		__atomic_store_n(&w->failed, true, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

void trail_writer_get_status(struct trail_writer *w, struct trail_writer_status *ret)
{
	uint64_t since;

	pthread_mutex_lock(&w->lock);
	*ret = w->status;
	since = w->busy_since_ns;
	if (!ret->err && since && w->stream_ns >= since + UNANSWERED_NS) {
		ret->err = -ETIMEDOUT;
		ret->err_since_ns = since;
	}
	pthread_mutex_unlock(&w->lock);
}

/*
 * What is left in hand goes to the queue; for a gap without a record behind it there is room. 0, or
 * -ENOMEM: the trail will not say that something is missing at its end.
 */
static int put_rest(struct trail_writer *w)
{
	int err;

	open_close(w, true, false);
	if (w->loss.count == 0)
		return 0;
	err = open_begin(w);
	if (err)
		return err;
	err = put_gap(w);
	if (err)
		open_drop(w);
	else
		open_close(w, true, true);
	return err;
}

int trail_writer_close(struct trail_writer *w, int timeout_ms)
{
	int err;

	if (!w)
		return 0;
	err = put_rest(w);
	pthread_mutex_lock(&w->lock);
	if (err && !w->close_err)
		w->close_err = err;
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	if (w->started) {
		writer_wake(w->wake_fd);
		for (int waited = 0; waited < timeout_ms; waited += CLOSE_STEP_MS)
			if (writer_wait(w->done_fd, CLOSE_STEP_MS))
				break;
	} else {
		writer_run(w);
	}
	pthread_mutex_lock(&w->lock);
	err = w->started && !w->exited ? -ETIMEDOUT : w->close_err;
	/* a thread that hangs owns everything from here, the directory's lock too, and frees it when
	 * the disk answers; it writes nothing more */
	w->abandoned = true;
	writer_unref(w);
	return err;
}
