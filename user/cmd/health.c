// SPDX-License-Identifier: GPL-2.0-only
/* The bare program: one look at the machine, and what to type next. */
#include "output/health.h"

#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/replay.h"
#include "cmd/session.h"
#include "trail/reader.h"

/* What the recorder has kept of this machine, if it may be read. */
static void find_recorded(struct health_view *view)
{
	struct trail_reader *reader;
	struct trail_extent x;

	if (trail_reader_open(RECORDER_DIR, &reader))
		return;
	if (!trail_reader_extent(reader, &x)) {
		view->recorded_ns = x.first_real_ns;
		view->recorded_until_ns = x.open ? 0 : x.last_real_ns;
	}
	trail_reader_free(reader);
}

static int answer(struct session *s, const struct health_threads *threads)
{
	struct render *r = session_render(s);
	const char *source = session_source_name(s);
	struct health h;
	struct health_view view = {
		.health = &h,
		.recording = session_read_path(s),
		.from_proc = strcmp(source, "proc") == 0,
	};
	struct buf b = {0};
	int err;

	if (!view.recording && !r->json)
		find_recorded(&view);
	err = health_examine(session_table(s), threads, &h);
	if (err) {
		log_err(err, "cannot examine the machine");
		return EXIT_FAILED;
	}
	if (r->json) {
		render_start(&b, r, source);
		health_put_json(&b, r, &h);
		render_summary(&b, r, session_complete(s));
	} else {
		health_put_text(&b, r, &view);
	}
	session_put(s, &b);
	buf_release(&b);
	health_release(&h);
	return EXIT_DONE;
}

int cmd_health(const struct options *opt)
{
	struct session_options so = {
		.opt = opt,
		.snapshot = !opt->read_path,
		.proc_fallback = !opt->read_path,
	};
	struct health_threads threads = {0};
	struct session *s;
	int code, err;

	code = session_open(&so, &s);
	if (code != EXIT_DONE)
		return code;
	err = proc_table_listen(session_table(s), health_threads_change, &threads);
	code = err ? EXIT_FAILED : session_run(s);
	if (err)
		log_err(err, "cannot listen to the process table");
	if (code == EXIT_DONE)
		code = answer(s, opt->read_path ? NULL : &threads); /* a record of long ago */
	health_threads_release(&threads);
	return session_close(s, code);
}
