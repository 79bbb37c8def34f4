// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings -> batch. One ring's order is the order. Several are merged by time: what is younger than
 * the moment at which draining began (less the steps that timestamps make back in one ring) waits
 * for the next round, since another ring may still hold something older.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "source/live_int.h"

#include "proctrail.skel.h"

#define MERGE_SLACK_NS 2000000ULL /* steps back of 1.5 ms were measured on 7.3 */

/* The kernel side ships what it filled; in a batch every record begins at a multiple of 8. */
static void put_aligned(struct buf *b, const struct rec_hdr *h)
{
	size_t at = b->len, size = (h->size + 7) & ~(size_t)7;

	buf_put(b, h, h->size);
	buf_pad(b, size - h->size, '\0');
	if (!b->err)
		((struct rec_hdr *)(b->data + at))->size = (__u32)size;
}

static bool ends_partial_pass(const struct rec_hdr *h)
{
	return h->type == REC_SEED_END &&
	       ((const struct rec_seed_end *)h)->pass & LIVE_PASS_PARTIAL;
}

/* true when the batch has its size: libbpf stops there and goes on with the next record later */
static bool batch_put(struct live *l, const struct rec_hdr *h)
{
	live_note_record(l, h);
	if (ends_partial_pass(h))
		return false;
	live_facts_before(l, h);
	put_aligned(&l->batch, h);
	return l->batch.len >= LIVE_BATCH_BYTES;
}

/* A record made by our own programs: still, what does not look like one goes no further. */
static bool record_is_whole(const struct rec_hdr *h, size_t len)
{
	return len >= sizeof(*h) && h->size >= sizeof(*h) && h->size <= len;
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct live_ring *ring = ctx;
	struct live *l = ring->live;
	const struct rec_hdr *h = data;

	if (!record_is_whole(h, len))
		return 0;
	if (l->ring_cnt == 1)
		return batch_put(l, h) ? -EXFULL : 0;
	put_aligned(&ring->pending, h);
	return ring->pending.len - ring->merged >= LIVE_BATCH_BYTES ? -EXFULL : 0;
}

static const struct rec_hdr *ring_head(const struct live_ring *ring)
{
	if (ring->merged >= ring->pending.len)
		return NULL;
	return (const struct rec_hdr *)(ring->pending.data + ring->merged);
}

static void merge_rings(struct live *l, uint64_t horizon_ns)
{
	for (;;) {
		struct live_ring *oldest = NULL;

		for (uint32_t i = 0; i < l->ring_cnt; i++) {
			const struct rec_hdr *h = ring_head(&l->rings[i]);

			if (h && h->boot_ns <= horizon_ns &&
			    (!oldest || h->boot_ns < ring_head(oldest)->boot_ns))
				oldest = &l->rings[i];
		}
		if (!oldest)
			break;
		batch_put(l, ring_head(oldest));
		oldest->merged += ring_head(oldest)->size;
	}
	for (uint32_t i = 0; i < l->ring_cnt; i++) {
		struct live_ring *ring = &l->rings[i];

		if (!ring->merged)
			continue;
		memmove(ring->pending.data, ring->pending.data + ring->merged,
			ring->pending.len - ring->merged);
		ring->pending.len -= ring->merged;
		ring->merged = 0;
	}
}

int live_rings_drain(struct live *l, bool *ret_more)
{
	uint64_t began_ns = clock_boot_ns();
	bool more = false;

	for (uint32_t i = 0; i < l->ring_cnt; i++) {
		int n = ring_buffer__consume(l->rings[i].reader);

		if (n < 0 && n != -EXFULL)
			return n;
		more |= n == -EXFULL;
	}
	if (l->ring_cnt > 1)
		merge_rings(l, l->detached ? UINT64_MAX : began_ns - MERGE_SLACK_NS);
	*ret_more = more;
	return l->batch.err;
}

static int ring_create(struct live *l, uint32_t i)
{
	struct live_ring *ring = &l->rings[i];
	/* Edge: told once for each wake-up that the kernel side asked for. As long as records keep
	 * coming the ring is never empty, and a level would never let us sleep. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	int err;

	ring->live = l;
	if (i == 0) /* the kernel side's own */
		ring->fd = fcntl(bpf_map__fd(l->skel->maps.ring), F_DUPFD_CLOEXEC, 0);
	else
		ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0,
					  (uint32_t)l->ring_bytes, NULL);
	if (ring->fd < 0)
		return -errno;
	err = bpf_map_update_elem(bpf_map__fd(l->skel->maps.rings), &i, &ring->fd, BPF_ANY);
	if (err)
		return err;
	ring->reader = ring_buffer__new(ring->fd, on_record, ring, NULL);
	if (!ring->reader)
		return -errno;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, ring->fd, &ev))
		return -errno;
	return 0;
}

int live_rings_create(struct live *l)
{
	int err = 0;

	for (uint32_t i = 0; i < l->ring_cnt && !err; i++)
		err = ring_create(l, i);
	return err;
}

void live_rings_release(struct live *l)
{
	for (uint32_t i = 0; i < LIVE_MAX_RINGS; i++) {
		struct live_ring *ring = &l->rings[i];

		ring_buffer__free(ring->reader);
		if (ring->fd > 0)
			close(ring->fd);
		buf_release(&ring->pending);
	}
}
