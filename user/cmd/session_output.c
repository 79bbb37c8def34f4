// SPDX-License-Identifier: GPL-2.0-only
/* What a session says: lines on their way to somebody who may not take them just now. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cmd/session_int.h"

#define FLUSH_STEP_MS           100
#define FLUSH_STEPS_INTERRUPTED 10

static uint64_t count_lines(struct span lines)
{
	const char *p = lines.data, *end = p + lines.len;
	uint64_t cnt = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		cnt++;
		p++;
	}
	return cnt;
}

static int put_span(struct session *s, struct span lines)
{
	int err = writer_put(s->writer, lines, count_lines(lines));

	if (err && err != -ENOBUFS && !s->failed)
		s->failed = err;
	return err;
}

/* There is room again: the gap in the output is told in its place, before what comes next. */
static void tell_dropped(struct session *s)
{
	struct change c = {
		.kind = CHANGE_LOST,
		.boot_ns = proc_table_host(s->table)->now_ns,
		.from_ns = s->dropped_since_ns,
		.cnt = s->dropped,
		.reason = REC_GAP_OUTPUT,
		.cpu = UINT16_MAX,
	};
	struct buf line = {0};

	render_change(&line, &s->render, &c);
	if (!put_span(s, (struct span){line.data, line.len}))
		s->dropped = 0;
	buf_release(&line);
}

/*
 * Waits until everything queued is out; 0 or -errno. A reader may take its time (a pager); somebody
 * who interrupted us does not want to wait for it.
 */
static int flush(struct session *s)
{
	int err, steps = 0;

	do {
		err = writer_flush(s->writer, FLUSH_STEP_MS);
		if (err == -ETIMEDOUT && session_signal_came(s))
			s->interrupted = true;
		if (s->interrupted)
			steps++;
	} while (err == -ETIMEDOUT && steps < FLUSH_STEPS_INTERRUPTED);
	return err;
}

void session_put(struct session *s, struct buf *lines)
{
	struct span span = {lines->data, lines->len};

	if (s->dropped)
		tell_dropped(s);
	if (put_span(s, span) != -ENOBUFS)
		return;
	if (s->stopped) { /* the last words are worth waiting for; the rings are closed by now */
		(void)flush(s); /* what is wrong shows in the next put */
		if (s->dropped)
			tell_dropped(s);
		if (put_span(s, span) != -ENOBUFS)
			return;
	}
	if (!s->dropped)
		s->dropped_since_ns = proc_table_host(s->table)->now_ns;
	s->dropped += count_lines(span);
	s->render.dropped += count_lines(span);
}

int session_finish_output(struct session *s)
{
	const char *to = s->opt->out_path ? s->opt->out_path : "stdout";
	int err = flush(s);

	if (err == -EPIPE) /* the reader has seen enough */
		return 0;
	if (err == -ETIMEDOUT)
		log_err(0, "'%s' did not take all lines; the output is incomplete", to);
	else if (err)
		log_err(err, "cannot write to '%s'; the output is incomplete", to);
	else if (s->render.dropped) {
		log_err(0, "%llu lines were dropped: '%s' did not take them fast enough",
			(unsigned long long)s->render.dropped, to);
		err = -ENOBUFS;
	}
	return err;
}
