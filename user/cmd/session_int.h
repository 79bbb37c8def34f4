/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's inside, shared by its parts only: session.c (begin, run, end) and session_output.c. */
#ifndef PROCTRAIL_CMD_SESSION_INT_H
#define PROCTRAIL_CMD_SESSION_INT_H

#include "cmd/held.h"
#include "cmd/replay.h"
#include "cmd/session.h"
#include "model/redact.h"

struct session {
	const struct options *opt;
	struct session_options so;
	struct source *source;
	struct proc_table *table;
	struct render render;
	struct writer *writer;
	struct redact *redact; /* NULL: --no-redact */
	struct held_cmd cmd;
	struct replay replay;
	struct recording *recording;
	uint64_t ending_since_ns; /* stream time at which nothing more was to come; 0: not yet */
	uint64_t swept_ns;        /* stream time of the last sweep that was asked for */
	int signal_fd;
	int exec_err; /* why CMD did not start */
	int failed;   /* -errno of the source or the output */
	int out_fd;
	int signal;                         /* that ended us; 0: none */
	uint64_t interrupted_ns;            /* stream time of the first; 0: none */
	uint64_t dropped, dropped_since_ns; /* lines not yet told as lost */
	bool interrupted, stopped;
	bool unsafe;    /* a part of the batch could not be looked at for secrets */
	bool unwatched; /* the recording has a hole between two runs of the recorder */
};

/* Reads a signal that came; true when it ends us. */
bool session_signal_came(struct session *s);

/* ---- session_output.c ----------------------------------------------------------------------- */

/* Gets out what is still queued; 0, or -errno after saying what is missing. */
int session_finish_output(struct session *s);

#endif
