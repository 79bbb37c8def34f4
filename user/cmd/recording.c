// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cmd/replay.h"
#include "model/keyframe.h"
#include "analysis/storm.h"

#define SYNC_DEFAULT_MS  1000
#define CLOSE_TIMEOUT_MS 10000
#define GIB              (1ULL << 30)
#define WEEK_NS          (7 * 24 * 3600 * NS_PER_SEC)
#define MAX_PERCENT      10

struct recording {
	struct trail_writer *writer;
	struct proc_table *table;
	const char *path;
	struct storm *storm; /* NULL: a single file keeps everything */
	struct buf kept;     /* of a batch that is thinned */
	bool thins;
	struct buf keyframe;
	int err_said; /* the last error that was told */
};

static bool is_directory(const char *path)
{
	size_t len = strlen(path);
	struct stat st;

	if (len && path[len - 1] == '/')
		return true;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void take_text(char *dst, struct span s)
{
	size_t len = s.len < TRAIL_TEXT_LEN - 1 ? s.len : TRAIL_TEXT_LEN - 1;

	if (len)
		memcpy(dst, s.data, len);
	dst[len] = '\0';
}

static int fill_head(struct span first, const char *source, struct trail_header *ret)
{
	struct cursor c = cursor_of(first.data, first.len);
	struct event ev;

	if (event_decode(&c, &ev) || ev.h.type != REC_HOST)
		return -EBADMSG;
	*ret = (struct trail_header){
		.boot_ns = ev.h.boot_ns,
		.real_ns = ev.host.real_ns,
		.hooks = ev.host.hooks,
		.gmtoff_s = ev.host.gmtoff_s,
		.cpus = ev.host.cpus,
	};
	memcpy(ret->boot_id, ev.host.boot_id, sizeof(ret->boot_id));
	take_text(ret->source, span_of(source));
	take_text(ret->host, ev.name);
	take_text(ret->release, ev.release);
	take_text(ret->machine, ev.machine);
	take_text(ret->zone, ev.zone);
	take_text(ret->writer, span_of(PROCTRAIL_VERSION));
	return 0;
}

static void fill_options(const struct options *opt, struct trail_writer_options *ret)
{
	*ret = (struct trail_writer_options){
		.path = opt->write_path,
		.directory = opt->record || is_directory(opt->write_path),
		.sync_ms = opt->sync_ms ? opt->sync_ms : SYNC_DEFAULT_MS,
		.on_full = opt->on_full >= 0 ? (enum trail_full)opt->on_full :
					       TRAIL_FULL_DROP_OLDEST,
	};
	if (!ret->directory)
		return;
	ret->max_bytes = opt->max_size ? opt->max_size : GIB;
	ret->max_age_ns = opt->max_age_ns ? opt->max_age_ns : WEEK_NS;
	ret->max_percent = opt->max_size ? 0 : MAX_PERCENT;
	ret->keep_free = opt->max_size ? 0 : GIB;
}

static int say_open(const char *path, int err, pid_t holder)
{
	switch (err) {
	case -EEXIST:
		log_err(0,
			"'%s' is there already, and a recording is never overwritten: choose "
			"another name, or remove it first",
			path);
		break;
	case -EBUSY:
		log_err(0, "another recorder, pid %d, writes to '%s'; one writer a directory",
			(int)holder, path);
		break;
	case -EPERM:
		log_err(0,
			"others can write to '%s', so it is no place for a record: chmod go-w, and "
			"let root or you own it",
			path);
		break;
	case -ELOOP: log_err(0, "'%s' is a symbolic link: name the place itself", path); break;
	default: log_err(err, "cannot record to '%s'", path); break;
	}
	return EXIT_FAILED;
}

int recording_open(const struct options *opt, const char *source, struct span first,
		   struct proc_table *table, struct recording **ret_recording)
{
	struct recording *r = calloc(1, sizeof(*r));
	struct trail_writer_options to;
	struct trail_header head;
	pid_t holder = 0;
	int err;

	if (!r)
		return say_open(opt->write_path, -ENOMEM, 0);
	r->path = opt->write_path;
	r->table = table;
	fill_options(opt, &to);
	if (!to.directory && (opt->max_size || opt->max_age_ns)) {
		log_err(0,
			"'%s' bounds a directory of segments, and '%s' is to be one file; for a "
			"directory: -w %s/",
			opt->max_size ? "--max-size" : "--max-age", r->path, r->path);
		free(r);
		return EXIT_USAGE;
	}
	err = fill_head(first, source, &head);
	if (!err && to.directory && !opt->read_path) {
		r->storm = storm_new(table);
		err = r->storm ? 0 : -ENOMEM;
	}
	err = err ?: trail_writer_open(&to, &head, &r->writer, &holder);
	if (err) {
		storm_free(r->storm);
		free(r);
		return say_open(opt->write_path, err, holder);
	}
	*ret_recording = r;
	return EXIT_DONE;
}

int recording_start(struct recording *r)
{
	int err = trail_writer_start(r->writer);

	if (!err)
		return EXIT_DONE;
	log_err(err, "cannot start the thread that writes '%s'", r->path);
	return EXIT_FAILED;
}

void recording_put_keyframe(struct recording *r)
{
	buf_reset(&r->keyframe);
	if (!proc_table_put_keyframe(r->table, STORM_THINNED, &r->keyframe))
		trail_writer_keyframe(r->writer, (struct span){r->keyframe.data, r->keyframe.len});
	buf_release(&r->keyframe); /* as large as the table: not kept for the next one */
}

/* Once when it begins and once when it is over; what is lost stands in the trail, too. */
static void say_trouble(struct recording *r)
{
	struct trail_writer_status st;

	trail_writer_get_status(r->writer, &st);
	if (st.err == r->err_said)
		return;
	if (st.err)
		log_err(st.err,
			"cannot write to '%s' now; tracing goes on, what is not kept is counted",
			r->path);
	else
		log_warn("'%s' is written again; %" PRIu64 " records could not be kept", r->path,
			 st.lost);
	r->err_said = st.err;
}

static void say_storm(const struct recording *r)
{
	struct storm_news news;
	struct buf who = {0};

	if (!storm_take_news(r->storm, &news))
		return;
	text_put_safe(&who, (struct span){news.comm, strnlen(news.comm, sizeof(news.comm))},
		      &(struct text_style){0});
	if (news.over)
		log_notice("the storm below %s[%u] is over; every life is kept again",
			   buf_str(&who), news.root.tgid);
	else
		log_warn("%" PRIu64 " births a second below %s[%u], %" PRIu64
			 " so far: the next ones are counted, not kept one by one",
			 news.rate, buf_str(&who), news.root.tgid, news.lives);
	buf_release(&who);
}

static void put_kept(struct recording *r)
{
	if (r->kept.len)
		trail_writer_put(r->writer, (struct span){r->kept.data, r->kept.len});
	buf_reset(&r->kept);
}

void recording_begin_batch(struct recording *r, struct span batch)
{
	bool settling = r->storm && storm_is_settling(r->storm);

	r->thins = r->storm && storm_begin_batch(r->storm, &r->kept);
	put_kept(r);
	if (!settling && trail_writer_wants_keyframe(r->writer))
		recording_put_keyframe(r);
	if (!r->thins)
		trail_writer_put(r->writer, batch);
}

void recording_take(struct recording *r, const struct event *ev, struct span record)
{
	if (r->thins)
		storm_keep(r->storm, ev, record, &r->kept);
}

bool recording_end_batch(struct recording *r)
{
	put_kept(r);
	say_trouble(r);
	if (!r->storm)
		return false;
	say_storm(r);
	return storm_wants_pass(r->storm);
}

void recording_rotate(struct recording *r)
{
	trail_writer_rotate(r->writer);
}

void recording_status(struct recording *r, struct trail_writer_status *ret_status)
{
	trail_writer_get_status(r->writer, ret_status);
}

bool recording_failed(struct recording *r)
{
	struct trail_writer_status st;

	trail_writer_get_status(r->writer, &st);
	return st.failed;
}

int recording_close(struct recording *r, int code)
{
	struct trail_writer_status st;
	int err;

	if (!r)
		return code;
	if (r->storm)
		storm_flush(r->storm, &r->kept);
	put_kept(r);
	trail_writer_get_status(r->writer, &st);
	err = trail_writer_close(r->writer, CLOSE_TIMEOUT_MS);
	if (err == -ETIMEDOUT)
		log_err(0, "'%s' does not take what is left; the recording lacks its end", r->path);
	else if (err)
		log_err(err, "cannot finish the recording in '%s'", r->path);
	if (st.lost)
		log_warn("%" PRIu64 " records could not be kept in '%s'", st.lost, r->path);
	buf_release(&r->keyframe);
	buf_release(&r->kept);
	storm_free(r->storm);
	free(r);
	return err && code == EXIT_DONE ? EXIT_FAILED : code;
}
