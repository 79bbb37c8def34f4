/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of a command: a source, the pipeline behind it (decode, order, process table), an output,
 * signals and the end. Everything a command needs to turn a stream of records into an answer.
 */
#ifndef PROCTRAIL_CMD_SESSION_H
#define PROCTRAIL_CMD_SESSION_H

#include "cmd/command.h"
#include "model/proc_table.h"
#include "output/render.h"
#include "output/writer.h"
#include "source/source.h"

struct session;

struct session_options {
	const struct options *opt;
	bool snapshot;           /* one pass over what is there, no tracing */
	bool facts;              /* exe, cwd and argv of what was there before us */
	uint64_t texts_every_ns; /* limits and loads, for whoever asks later; 0: not */
	bool keep_dead;          /* the answer shows them all, however long it takes */
	bool proc_fallback;      /* without privileges: /proc instead of BPF */
	uint64_t duration_ns; /* DURATION_UNSET: until the end of CMD, Ctrl-C, end of the stream */
	void (*on_batch)(void *ctx); /* after each batch, time passed; may be NULL */
	void *ctx;
	bool hup_rotates;           /* SIGHUP begins a new segment instead of ending us */
	void (*on_usr1)(void *ctx); /* SIGUSR1; NULL: it does what it does by default */
};

/* Opens source and output, holds CMD. Returns an exit code, EXIT_DONE with *ret_session set;
 * has then said on stderr what is wrong and what to do next. */
int session_open(const struct session_options *so, struct session **ret_session);
struct proc_table *session_table(struct session *s);
struct render *session_render(struct session *s);
const char *session_source_name(const struct session *s);
void session_want(struct session *s, const struct want *w);
/* Queues what the command has to say on stdout (whole lines). */
void session_put(struct session *s, struct buf *lines);
/* Runs until the end; listeners of the table see everything. Returns an exit code. */
int session_run(struct session *s);
/* True while a recording is read towards the part that was asked for: nothing of it is told. */
bool session_quiet(const struct session *s);
/* The recording that is written (-w); NULL: none, or not yet. */
struct recording *session_recording(struct session *s);
/* "incident.trail" where a recording is read, NULL where the machine is. */
const char *session_read_path(const struct session *s);
/* Appends which recording this is, of when, on a line; nothing where the machine is traced. */
void session_put_title(const struct session *s, struct buf *out);
/* Whether the answer misses nothing. */
bool session_complete(const struct session *s);
/* What -w writes is finished, before everything else is; 'code', or EXIT_FAILED. */
int session_end_recording(struct session *s, int code);
/* Flushes and closes; returns CMD's status passed through, or 'code' where there is none. */
int session_close(struct session *s, int code);

#endif
