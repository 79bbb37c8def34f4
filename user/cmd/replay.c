// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "output/table.h"
#include "source/trail_source.h"

#define DAMAGE_SAID 5 /* in words; the rest as a number */
#define DAY_NS      (24 * 3600 * NS_PER_SEC)

const char *replay_path(const char *read_path)
{
	return *read_path ? read_path : RECORDER_DIR;
}

int replay_say_open(const char *path, int err)
{
	struct trail_refusal no;

	if (err == -EPROTONOSUPPORT && trail_check(path, &no) == err) {
		log_err(0,
			"'%s' was written by proctrail %s in format %u (features 0x%x); this one "
			"reads format %u: use that version or a newer one",
			path, no.writer, no.version, no.incompat, TRAIL_VERSION);
	} else if (err == -EBADMSG) {
		log_err(0, "'%s' is no trail of proctrail", path);
	} else if (err == -ENOENT && strcmp(path, RECORDER_DIR) == 0) {
		log_err(0, "nothing is recorded in '%s'; to begin: sudo proctrail record", path);
	} else {
		log_err(err, "cannot open trail '%s'", path);
	}
	return EXIT_FAILED;
}

static void say_time(const struct trail_extent *x, const char *what, uint64_t real_ns)
{
	struct wall_clock clock = {.gmtoff_s = x->last.gmtoff_s};
	struct buf begin = {0}, end = {0}, at = {0};

	memcpy(clock.zone, x->last.zone, sizeof(clock.zone) - 1);
	clock_put_date(&begin, &clock, x->first_real_ns);
	clock_put_date(&end, &clock, x->last_real_ns);
	clock_put_date(&at, &clock, real_ns);
	log_err(0, "nothing is recorded for --%s %s: the trail covers %s to %s", what, buf_str(&at),
		buf_str(&begin), buf_str(&end));
	buf_release(&begin);
	buf_release(&end);
	buf_release(&at);
}

/* The part that was asked for, which must touch what is there. */
static int resolve(const struct options *opt, const struct trail_extent *x, struct replay *ret)
{
	uint64_t end = x->last_real_ns;
	int32_t off = x->last.gmtoff_s;

	*ret = (struct replay){.to_ns = UINT64_MAX};
	if (opt->at.kind != WHEN_UNSET) {
		ret->from_ns = ret->to_ns = when_resolve(&opt->at, end, off);
		if (ret->to_ns < x->first_real_ns || ret->to_ns > end) {
			say_time(x, "at", ret->to_ns);
			return EXIT_FAILED;
		}
		return EXIT_DONE;
	}
	if (opt->from.kind != WHEN_UNSET)
		ret->from_ns = when_resolve(&opt->from, end, off);
	if (ret->from_ns > end) {
		say_time(x, "from", ret->from_ns);
		return EXIT_FAILED;
	}
	if (opt->to.kind != WHEN_UNSET)
		ret->to_ns = when_resolve(&opt->to, end, off);
	if (ret->to_ns < x->first_real_ns) {
		say_time(x, "to", ret->to_ns);
		return EXIT_FAILED;
	}
	if (opt->duration_ns != DURATION_UNSET && opt->to.kind == WHEN_UNSET)
		ret->to_ns = (ret->from_ns ? ret->from_ns : x->first_real_ns) + opt->duration_ns;
	if (ret->to_ns < ret->from_ns) {
		log_err(0, "--to lies before --from");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static void clamp(const struct trail_extent *x, struct replay *r)
{
	r->first_ns = r->from_ns > x->first_real_ns ? r->from_ns : x->first_real_ns;
	r->last_ns = r->to_ns < x->last_real_ns ? r->to_ns : x->last_real_ns;
}

int replay_open(const struct options *opt, struct replay *ret_replay, struct source **ret_source)
{
	struct trail_source_options to = {.path = replay_path(opt->read_path)};
	struct trail_reader *reader;
	struct trail_extent extent;
	int err, code;

	err = trail_reader_open(to.path, &reader);
	if (err)
		return replay_say_open(to.path, err);
	err = trail_reader_extent(reader, &extent);
	trail_reader_free(reader);
	if (err)
		return replay_say_open(to.path, err);
	code = resolve(opt, &extent, ret_replay);
	if (code != EXIT_DONE)
		return code;
	clamp(&extent, ret_replay);
	ret_replay->follow = to.follow = opt->follow;
	to.from_real_ns = ret_replay->from_ns;
	to.to_real_ns = ret_replay->to_ns == UINT64_MAX ? 0 : ret_replay->to_ns;
	err = trail_source_open(&to, ret_source);
	return err ? replay_say_open(to.path, err) : EXIT_DONE;
}

/* The record's own clock where it has one: after a step it is the first to know. */
static uint64_t real_ns_of(const struct wall_clock *clock, const struct event *ev)
{
	if (ev->h.type == REC_HOST)
		return ev->host.real_ns;
	if (ev->h.type == REC_TICK)
		return ev->tick.real_ns;
	return ev->h.boot_ns + (uint64_t)clock->offset_ns;
}

/* What a keyframe holds is older than what it stands before. */
static bool is_of_keyframe(const struct event *ev)
{
	return ev->h.type == REC_ROW || ev->h.type == REC_TABLE;
}

enum replay_place replay_place_of(struct replay *r, const struct wall_clock *clock,
				  const struct event *ev)
{
	uint64_t real_ns;

	if (is_of_keyframe(ev))
		return r->begun ? REPLAY_WITHIN : REPLAY_BEFORE;
	real_ns = real_ns_of(clock, ev);
	if (real_ns > r->to_ns)
		return REPLAY_AFTER;
	if (real_ns >= r->from_ns)
		r->begun = true;
	return r->begun ? REPLAY_WITHIN : REPLAY_BEFORE;
}

void replay_enter(struct proc_table *t, const struct event *ev)
{
	if (ev->h.type == REC_HOST && (ev->h.flags & REC_F_KEYFRAME) &&
	    proc_table_host(t)->start_ns)
		proc_table_reset(t);
}

void replay_put_title(struct buf *b, const struct replay *r, const char *path,
		      const struct render *render)
{
	const struct host_info *host = proc_table_host(render->table);
	struct wall_clock clock = *proc_table_clock(render->table);
	struct buf line = {0};

	clock.offset_ns = 0; /* these are wall times */
	text_put_safe(&line, span_of(path), &render->style);
	if (host->host[0]) {
		buf_put_str(&line, " of ");
		text_put_safe(&line, span_of(host->host), &render->style);
	}
	buf_put_str(&line, ", ");
	clock_put_date(&line, &clock, r->first_ns);
	if (r->follow) {
		buf_put_str(&line, " on, as it is written");
		goto out;
	}
	buf_put_str(&line, " to ");
	if (wall_time_of(&clock, r->last_ns).day == wall_time_of(&clock, r->first_ns).day &&
	    r->last_ns - r->first_ns < DAY_NS)
		clock_put_time(&line, &clock, r->last_ns, 0);
	else
		clock_put_date(&line, &clock, r->last_ns);
	buf_put_str(&line, ", ");
	text_put_age(&line, r->last_ns - r->first_ns);
out:
	table_put_wrapped(b, &render->style, (struct span){line.data, line.len}, 0, 2);
	buf_release(&line);
}

void replay_say_damage(struct source *s)
{
	const struct trail_damage *rows;
	size_t cnt = trail_reader_damage(trail_source_reader(s), &rows), said = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (rows[i].tail)
			continue; /* a crash, or it is being written: nothing that was kept is missing */
		if (said++ >= DAMAGE_SAID)
			continue;
		if (rows[i].records == UINT64_MAX)
			log_warn("'%s' is damaged at byte %" PRIu64 ": %" PRIu64
				 " bytes cannot be read",
				 rows[i].path, rows[i].offset, rows[i].bytes);
		else
			log_warn("'%s' is damaged at byte %" PRIu64 ": %" PRIu64 " bytes, %" PRIu64
				 " records, cannot be read",
				 rows[i].path, rows[i].offset, rows[i].bytes, rows[i].records);
	}
	if (said > DAMAGE_SAID)
		log_warn("... and %zu more places; all of them: proctrail info -r",
			 said - DAMAGE_SAID);
}
