// SPDX-License-Identifier: GPL-2.0-only
#include "source/trail_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/records.h"

struct trail_source {
	struct source source;
	struct source_ops ops; /* named after what was recorded */
	char name[TRAIL_TEXT_LEN];
	struct trail_reader *reader;
	uint64_t to_real_ns;
	bool follow;
	bool ended;
	bool begun;          /* a batch was delivered; then: */
	uint8_t boot_id[16]; /* of its run */
	uint64_t last_ns;    /* boot_ns until which it went */
	struct buf batch;
};

/* ---- between two runs -------------------------------------------------------------------------- */

/* Nobody recorded from the end of the run before to the beginning of this one. */
static void put_unwatched(struct trail_source *s, const struct trail_header *h)
{
	bool same_boot = memcmp(s->boot_id, h->boot_id, sizeof(s->boot_id)) == 0;
	struct rec_gap gap = {
		.h = {.boot_ns = h->boot_ns, .type = REC_GAP, .cpu = REC_CPU_USER},
		.from_ns = same_boot && s->last_ns < h->boot_ns ? s->last_ns : 0,
		.reason = REC_GAP_UNWATCHED,
	};

	records_put(&s->batch, &gap.h, sizeof(gap), NULL, 0);
}

/* Whether the records begin with their host, gaps aside. */
static bool begins_with_host(struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);
	const struct rec_hdr *h;

	while (c.left >= sizeof(*h)) {
		h = (const struct rec_hdr *)c.p;
		if (h->type != REC_GAP)
			return h->type == REC_HOST;
		if (!cursor_take(&c, h->size))
			break;
	}
	return false;
}

/*
 * The block with the host's record is damaged, and the model must know whose stream it is: the
 * segment's header has the most of it.
 */
static void put_host(struct trail_source *s, const struct trail_header *h)
{
	struct span tails[] = {span_of(h->host), span_of(h->release), span_of(h->machine),
			       span_of(h->zone), span_of(h->writer)};
	struct rec_host r = {
		.h = {.boot_ns = h->boot_ns, .type = REC_HOST, .cpu = REC_CPU_USER},
		.real_ns = h->real_ns,
		.hooks = h->hooks,
		.cpus = h->cpus,
		.gmtoff_s = h->gmtoff_s,
		.host_len = (__u16)tails[0].len,
		.release_len = (__u16)tails[1].len,
		.machine_len = (__u16)tails[2].len,
		.zone_len = (__u16)tails[3].len,
		.version_len = (__u16)tails[4].len,
	};

	memcpy(r.boot_id, h->boot_id, sizeof(r.boot_id));
	records_put(&s->batch, &r.h, sizeof(r), tails, 5);
}

/* ---- the stream -------------------------------------------------------------------------------- */

/* A run begins: what the model has to hear before its records. */
static int begin_run(struct trail_source *s, struct span *records)
{
	const struct trail_header *h = trail_reader_header(s->reader);

	if (s->begun)
		put_unwatched(s, h);
	if (!begins_with_host(*records))
		put_host(s, h);
	s->begun = true;
	memcpy(s->boot_id, h->boot_id, sizeof(s->boot_id));
	if (!s->batch.len)
		return s->batch.err;
	buf_put_span(&s->batch, *records);
	*records = (struct span){s->batch.data, s->batch.len};
	return s->batch.err;
}

/* Only the end of a trail that somebody writes to is waited at; then time has passed. */
static int wait_for_more(int timeout_ms, struct span *ret_batch)
{
	poll(NULL, 0, timeout_ms);
	*ret_batch = (struct span){NULL, 0};
	return 0;
}

/*
 * The moment lies in a hole, and the keyframe before it is what is known of it. The gaps that lead on
 * to the next one are told at the end of what was read.
 */
static int end_in_hole(struct trail_source *s, struct span *records)
{
	struct cursor c = cursor_of(records->data, records->len);
	struct rec_gap gap;

	while (c.left >= sizeof(gap) && ((const struct rec_hdr *)c.p)->type == REC_GAP) {
		memcpy(&gap, cursor_take(&c, sizeof(gap)), sizeof(gap));
		gap.h.boot_ns = gap.from_ns;
		records_put(&s->batch, &gap.h, sizeof(gap), NULL, 0);
	}
	s->ended = true;
	*records = (struct span){s->batch.data, s->batch.len};
	return s->batch.err;
}

static int trail_source_next(struct source *source, int timeout_ms, struct span *ret_batch)
{
	struct trail_source *s = (struct trail_source *)source;
	struct trail_batch b;
	int err;

	if (s->ended)
		return -ENODATA;
	buf_reset(&s->batch);
	err = trail_reader_next(s->reader, &b);
	if (err == -ENODATA && s->follow)
		return wait_for_more(timeout_ms, ret_batch);
	if (err)
		return err;
	if (b.new_run) {
		err = begin_run(s, &b.records);
		if (err)
			return err;
	}
	if (s->to_real_ns && b.entry && !b.new_run && b.first_real_ns > s->to_real_ns)
		err = end_in_hole(s, &b.records);
	if (err)
		return err;
	s->last_ns = b.last_ns;
	/* a keyframe is begun before the moment and ended in any case */
	if (s->to_real_ns && b.kind == TRAIL_EVENTS && b.last_real_ns >= s->to_real_ns)
		s->ended = true;
	*ret_batch = b.records;
	return 0;
}

static void trail_source_stop(struct source *source)
{
	((struct trail_source *)source)->ended = true;
}

static void trail_source_free(struct source *source)
{
	struct trail_source *s = (struct trail_source *)source;

	trail_reader_free(s->reader);
	buf_release(&s->batch);
	free(s);
}

/* ---- open -------------------------------------------------------------------------------------- */

int trail_source_open(const struct trail_source_options *opt, struct source **ret_source)
{
	struct trail_source *s = calloc(1, sizeof(*s));
	const char *recorded;
	int err;

	if (!s)
		return -ENOMEM;
	err = trail_reader_open(opt->path, &s->reader);
	if (!err && opt->from_real_ns)
		err = trail_reader_seek(s->reader, opt->from_real_ns);
	if (err) {
		trail_source_free(&s->source);
		return err;
	}
	recorded = trail_reader_header(s->reader)->source;
	snprintf(s->name, sizeof(s->name), "%s", *recorded ? recorded : "live");
	s->ops = (struct source_ops){
		.name = s->name,
		.next = trail_source_next,
		.stop = trail_source_stop,
		.free = trail_source_free,
	};
	s->source.ops = &s->ops;
	s->to_real_ns = opt->to_real_ns;
	s->follow = opt->follow;
	*ret_source = &s->source;
	return 0;
}

struct trail_reader *trail_source_reader(struct source *s)
{
	return ((struct trail_source *)s)->reader;
}
