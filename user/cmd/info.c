// SPDX-License-Identifier: GPL-2.0-only
/* What a recording holds: read whole, since only who has read it knows whether it is whole. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/emit.h"
#include "cmd/replay.h"
#include "model/event.h"
#include "output/render.h"
#include "trail/reader.h"

#define GIB (1ULL << 30)

struct info {
	const char *path;
	struct trail_extent extent;
	struct wall_clock clock;
	uint64_t records;
	uint64_t by_type[REC_TYPE_CNT];
	uint64_t lost, missed; /* before they were recorded */
	uint64_t unkept;       /* that the disk did not take */
	uint64_t thinned;      /* births of which only the number was kept */
	uint64_t damaged, cut; /* places; cut: ends in the middle */
	uint64_t bytes_damaged;
	struct {
		uint64_t lost, missed; /* of the tick before */
		bool known;            /* there was one, or the run begins here, with zeros */
	} base;
};

/* The counters run on through a run; of one whose begin is not there, the first tick is the base. */
static void count_losses(struct info *x, const struct rec_tick *tick)
{
	if (x->base.known && tick->lost >= x->base.lost)
		x->lost += tick->lost - x->base.lost;
	if (x->base.known && tick->missed >= x->base.missed)
		x->missed += tick->missed - x->base.missed;
	x->base.lost = tick->lost;
	x->base.missed = tick->missed;
	x->base.known = true;
}

static void count_event(struct info *x, const struct event *ev)
{
	if (ev->h.type == REC_GAP &&
	    (ev->gap.reason == REC_GAP_DAMAGED || ev->gap.reason == REC_GAP_ROTATED))
		return; /* the reader's own word for what it found */
	x->records++;
	x->by_type[ev->h.type]++;
	if (ev->h.type == REC_TICK)
		count_losses(x, &ev->tick);
	if (ev->h.type == REC_THINNED)
		x->thinned += ev->thinned.births;
	if (ev->h.type == REC_GAP && ev->gap.reason == REC_GAP_DISK)
		x->unkept += ev->gap.count;
}

static void count_batch(struct info *x, const struct trail_batch *batch)
{
	struct cursor c = cursor_of(batch->records.data, batch->records.len);
	struct event ev;

	if (batch->new_run) {
		memset(&x->base, 0, sizeof(x->base));
		x->base.known = batch->kind == TRAIL_EVENTS;
	}
	if (batch->kind == TRAIL_KEYFRAME)
		return;
	while (c.left && !c.err) {
		if (!event_decode(&c, &ev))
			count_event(x, &ev);
	}
}

static void count_damage(struct info *x, struct trail_reader *reader)
{
	const struct trail_damage *rows;
	size_t cnt = trail_reader_damage(reader, &rows);

	for (size_t i = 0; i < cnt; i++) {
		if (rows[i].tail) {
			x->cut++;
			continue;
		}
		x->damaged++;
		x->bytes_damaged += rows[i].bytes;
	}
}

static int examine(struct info *x)
{
	struct trail_reader *reader;
	struct trail_batch batch;
	int err = trail_reader_open(x->path, &reader);

	if (err)
		return err;
	err = trail_reader_extent(reader, &x->extent);
	while (!err) {
		err = trail_reader_next(reader, &batch);
		if (!err)
			count_batch(x, &batch);
	}
	count_damage(x, reader);
	trail_reader_free(reader);
	x->clock.gmtoff_s = x->extent.last.gmtoff_s;
	memcpy(x->clock.zone, x->extent.last.zone, sizeof(x->clock.zone) - 1);
	return err == -ENODATA ? 0 : err;
}

static uint64_t span_ns(const struct info *x)
{
	return x->extent.last_real_ns - x->extent.first_real_ns;
}

/* How long a GiB lasts at this rate, keyframes that outlive their segment aside; 0: too short to tell. */
static uint64_t gib_lasts_ns(const struct info *x)
{
	const struct trail_extent *e = &x->extent;
	uint64_t ns = e->events_real_ns ? e->last_real_ns - e->events_real_ns : 0;

	if (e->bytes == e->stub_bytes || ns < NS_PER_SEC)
		return 0;
	return (uint64_t)((double)ns * ((double)GIB / (double)(e->bytes - e->stub_bytes)));
}

static void put_host(struct buf *b, const struct trail_header *h, const struct text_style *st)
{
	const char *hooks[RENDER_HOOKS_MAX];
	size_t cnt = render_hook_names(h->hooks, hooks);

	buf_put_str(b, "host     ");
	text_put_safe(b, span_of(h->host), st);
	buf_put_str(b, ", Linux ");
	text_put_safe(b, span_of(h->release), st);
	buf_put_char(b, ' ');
	text_put_safe(b, span_of(h->machine), st);
	buf_printf(b, ", %u CPUs; written by proctrail ", h->cpus);
	text_put_safe(b, span_of(h->writer), st);
	buf_put_str(b, "\nhooks    ");
	for (size_t i = 0; i < cnt; i++)
		buf_printf(b, "%s%s", i ? " " : "", hooks[i]);
	buf_put_str(b, cnt ? "\n" : "those that every kernel has\n");
}

static void put_holds(struct buf *b, const struct info *x)
{
	buf_put_str(b, "from     ");
	clock_put_date(b, &x->clock, x->extent.first_real_ns);
	buf_put_str(b, "\nto       ");
	clock_put_date(b, &x->clock, x->extent.last_real_ns);
	buf_put_str(b, ", ");
	text_put_duration(b, span_ns(x));
	buf_put_str(b, "\nholds    ");
	text_put_count(b, x->records);
	buf_put_str(b, " records in ");
	text_put_bytes(b, x->extent.bytes);
	buf_printf(b, ", %" PRIu64 " segment%s, ", x->extent.segments,
		   x->extent.segments == 1 ? "" : "s");
	if (x->extent.stubs)
		buf_printf(b, "%" PRIu64 " of them %s only, ", x->extent.stubs,
			   x->extent.stubs == 1 ? "a keyframe" : "keyframes");
	buf_printf(b, "%" PRIu64 " run%s", x->extent.runs, x->extent.runs == 1 ? "" : "s");
	if (x->extent.open)
		buf_put_str(b, ", the last one open");
	buf_put_str(b, "\n         ");
	text_put_count(b, x->by_type[REC_FORK]);
	buf_put_str(b, " births, ");
	text_put_count(b, x->by_type[REC_EXEC]);
	buf_put_str(b, " execs, ");
	text_put_count(b, x->by_type[REC_EXIT]);
	buf_put_str(b, " deaths, ");
	text_put_count(b, x->by_type[REC_SIGNAL]);
	buf_put_str(b, x->by_type[REC_SIGNAL] == 1 ? " signal\n" : " signals\n");
	if (x->thinned) {
		buf_put_str(b, "thinned  ");
		text_put_count(b, x->thinned);
		buf_put_str(b, " more births, of storms, were kept as numbers\n");
	}
}

static void put_health(struct buf *b, const struct info *x)
{
	buf_put_str(b, "lost     ");
	text_put_count(b, x->lost + x->missed);
	buf_put_str(b, " before they were recorded");
	if (x->unkept) {
		buf_put_str(b, ", ");
		text_put_count(b, x->unkept);
		buf_put_str(b, " that the disk did not take");
	}
	buf_put_str(b, "\nhealth   ");
	if (x->damaged) {
		text_put_count(b, x->damaged);
		buf_put_str(b, " places are DAMAGED, ");
		text_put_bytes(b, x->bytes_damaged);
		buf_put_str(b, " cannot be read; the rest can");
	} else {
		buf_put_str(b, "every block is whole");
	}
	if (x->cut)
		buf_put_str(b, "; ends in the middle of a block (a crash, or still written)");
	buf_put_char(b, '\n');
}

static void put_text(struct buf *b, const struct info *x, const struct text_style *st)
{
	text_put_safe(b, span_of(x->path), st);
	buf_put_char(b, '\n');
	put_host(b, &x->extent.last, st);
	put_holds(b, x);
	put_health(b, x);
	if (gib_lasts_ns(x)) {
		buf_put_str(b, "rate     1 GiB = ");
		text_put_age(b, gib_lasts_ns(x));
		buf_put_str(b, " at this rate\n");
	}
}

static void put_json(struct buf *b, const struct info *x)
{
	const struct trail_header *h = &x->extent.last;
	const char *hooks[RENDER_HOOKS_MAX];
	struct json j;

	json_begin(&j, b, "trail");
	json_str(&j, "path", span_of(x->path));
	json_str(&j, "host", span_of(h->host));
	json_str(&j, "kernel", span_of(h->release));
	json_str(&j, "machine", span_of(h->machine));
	json_str(&j, "version", span_of(h->writer));
	json_str(&j, "source", span_of(h->source));
	json_list(&j, "hooks", hooks, render_hook_names(h->hooks, hooks));
	json_raw_str(&j, "from");
	clock_put_rfc3339(b, &x->clock, x->extent.first_real_ns);
	buf_put_char(b, '"');
	json_raw_str(&j, "to");
	clock_put_rfc3339(b, &x->clock, x->extent.last_real_ns);
	buf_put_char(b, '"');
	json_u64(&j, "span_ns", span_ns(x));
	json_u64(&j, "bytes", x->extent.bytes);
	json_u64(&j, "segments", x->extent.segments);
	json_u64(&j, "keyframe_segments", x->extent.stubs);
	json_u64(&j, "runs", x->extent.runs);
	json_bool(&j, "open", x->extent.open);
	json_u64(&j, "records", x->records);
	/* not REC_HOST: "host" is the machine's name */
	for (unsigned type = 0; type < REC_TYPE_CNT; type++)
		if (x->by_type[type] && type != REC_HOST)
			json_u64(&j, rec_type_name(type), x->by_type[type]);
	json_u64(&j, "lost", x->lost);
	json_u64(&j, "missed", x->missed);
	json_u64(&j, "unkept", x->unkept);
	json_u64(&j, "thinned_births", x->thinned);
	json_u64(&j, "damaged", x->damaged);
	json_u64(&j, "damaged_bytes", x->bytes_damaged);
	json_bool(&j, "cut", x->cut != 0);
	if (gib_lasts_ns(x))
		json_u64(&j, "gib_lasts_ns", gib_lasts_ns(x));
	json_end(&j);
}

int cmd_info(const struct options *opt)
{
	struct info x = {0};
	struct text_style st;
	struct buf b = {0};
	int err;

	x.path = replay_path(opt->read_path ? opt->read_path : "");
	err = examine(&x);
	if (err)
		return replay_say_open(x.path, err);
	x.clock.utc = opt->utc;
	emit_style(opt, &st);
	if (opt->json)
		put_json(&b, &x);
	else
		put_text(&b, &x, &st);
	return emit(opt, &b, EXIT_DONE);
}
