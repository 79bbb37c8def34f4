// SPDX-License-Identifier: GPL-2.0-only
/* The flight recorder: quiet, bounded, for months. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/recording.h"
#include "cmd/replay.h"
#include "cmd/session.h"
#include "cmd/snapshot.h"

#define STATUS_EVERY_NS NS_PER_SEC
#define TEXTS_EVERY_NS  (60 * NS_PER_SEC)
#define GIB             (1ULL << 30)

struct record {
	struct options opt;
	struct session *session;
	struct snapshots *snapshots; /* NULL: not yet */
	bool terminal;
	struct buf line;
	uint64_t shown_ns, shown_records;
	bool shown;
};

/* "1 GiB = 3d 4h at this rate": of this run so far. */
static void put_rate(struct buf *b, const struct trail_writer_status *st, uint64_t lived_ns)
{
	if (!st->written || lived_ns < 10 * NS_PER_SEC)
		return;
	buf_put_str(b, ", 1 GiB = ");
	text_put_age(b, (uint64_t)((double)lived_ns * ((double)GIB / (double)st->written)));
	buf_put_str(b, " at this rate");
}

/* ", back 3d 4h": how far the record that is left goes back. */
static void put_span(struct buf *b, const struct trail_writer_status *st,
		     const struct wall_clock *clock, uint64_t now_ns)
{
	uint64_t now_real_ns = now_ns + (uint64_t)clock->offset_ns;

	if (!st->oldest_real_ns || now_real_ns <= st->oldest_real_ns)
		return;
	buf_put_str(b, ", back ");
	text_put_age(b, now_real_ns - st->oldest_real_ns);
}

static void put_status(struct record *r, const struct trail_writer_status *st, uint64_t now_ns)
{
	const struct host_info *host = proc_table_host(session_table(r->session));
	const struct proc_counts *cnt = proc_table_counts(session_table(r->session));
	uint64_t step_ns = now_ns - r->shown_ns, rate;
	struct buf *b = &r->line;

	rate = step_ns ? (st->records - r->shown_records) * NS_PER_SEC / step_ns : 0;
	buf_reset(b);
	buf_put_str(b, "\r\033[K");
	text_put_count(b, rate);
	buf_put_str(b, " records/s, lost ");
	text_put_count(b, cnt->lost + cnt->missed + st->lost);
	buf_put_str(b, ", ");
	text_put_bytes(b, st->dir_bytes);
	buf_put_str(b, " on disk");
	put_span(b, st, proc_table_clock(session_table(r->session)), now_ns);
	put_rate(b, st, now_ns - host->start_ns);
	if (st->err)
		buf_printf(b, "; NOT WRITTEN: %s", strerror(-st->err));
}

/* On a terminal only: a service's log is for what is wrong. */
static void show_status(struct record *r)
{
	uint64_t now_ns = proc_table_host(session_table(r->session))->now_ns;
	struct trail_writer_status st;

	if (!session_recording(r->session) || now_ns < r->shown_ns + STATUS_EVERY_NS)
		return;
	recording_status(session_recording(r->session), &st);
	put_status(r, &st, now_ns);
	r->shown_ns = now_ns;
	r->shown_records = st.records;
	r->shown = write(STDERR_FILENO, r->line.data, r->line.len) > 0;
	log_set_status(r->shown);
}

static void on_batch(void *ctx)
{
	struct record *r = ctx;

	if (r->snapshots)
		snapshots_step(r->snapshots);
	if (r->terminal)
		show_status(r);
}

static void on_usr1(void *ctx)
{
	struct record *r = ctx;

	if (r->snapshots)
		snapshots_ask(r->snapshots);
}

static void finish(struct record *r, int code)
{
	const struct proc_counts *cnt = proc_table_counts(session_table(r->session));
	struct trail_writer_status st = {0};
	struct buf b = {0};

	if (r->shown)
		(void)!write(STDERR_FILENO, "\r\033[K", 4);
	log_set_status(false);
	if (code != EXIT_DONE || !session_recording(r->session))
		return;
	recording_status(session_recording(r->session), &st);
	text_put_count(&b, st.records);
	buf_put_str(&b, " records, lost ");
	text_put_count(&b, cnt->lost + cnt->missed + st.lost);
	log_info("recorded %s in '%s'; to ask: proctrail info -r %s", buf_str(&b),
		 r->opt.write_path, r->opt.write_path);
	buf_release(&b);
}

/*
 * When memory runs out there is something to record, and a page of ours that has to come back from
 * disk would come late. ONFAULT: what was never touched (stacks, room to grow) costs nothing. Below a
 * limit MCL_FUTURE would make malloc() fail one day: then not at all, and the service has none.
 */
static void lock_memory(void)
{
	struct rlimit max;

	if (getrlimit(RLIMIT_MEMLOCK, &max) || max.rlim_cur != RLIM_INFINITY)
		log_debug("memory is not locked: it is limited (ulimit -l)");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_debug("memory is not locked: %s", strerror(errno));
}

int cmd_record(const struct options *opt)
{
	struct record r = {.opt = *opt};
	struct session_options so = {
		.opt = &r.opt,
		.facts = true,
		.texts_every_ns = TEXTS_EVERY_NS,
		.duration_ns = opt->duration_ns,
		.on_batch = on_batch,
		.ctx = &r,
		.hup_rotates = true,
		.on_usr1 = on_usr1,
	};
	int code;

	r.terminal = isatty(STDERR_FILENO);
	r.opt.record = true;
	if (!r.opt.write_path)
		r.opt.write_path = RECORDER_DIR;
	code = session_open(&so, &r.session);
	if (code != EXIT_DONE)
		return code;
	r.snapshots = snapshots_new(&r.opt, r.opt.write_path, session_table(r.session));
	if (!r.snapshots) {
		log_err(-ENOMEM, "cannot record");
		return session_close(r.session, EXIT_FAILED);
	}
	lock_memory();
	code = session_run(r.session);
	finish(&r, code);
	buf_release(&r.line);
	code = session_end_recording(r.session, code);
	snapshots_finish(r.snapshots); /* from a record that is whole */
	return session_close(r.session, code);
}
