/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record after decoding: the ABI struct, copied, zero-extended and bounds-checked, and its
 * variable parts as spans into the source's batch (valid until the source's next batch).
 * event_decode() is the only parser of records; behind it nobody sees raw bytes.
 *
 * Before it, and before the trail writer, redact_batch() takes the secrets out of each batch that a
 * source yields, in the batch itself, live and in replay alike.
 */
#ifndef PROCTRAIL_MODEL_EVENT_H
#define PROCTRAIL_MODEL_EVENT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "../../bpf/event.h"
#include "../../bpf/event_keyframe.h"

/* A process over pid reuse; start_ns is on CLOCK_BOOTTIME. tgid 0: nobody. */
struct proc_key {
	uint32_t tgid;
	uint64_t start_ns;
};

static inline bool proc_key_equals(struct proc_key a, struct proc_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

struct event {
	union {
		struct rec_hdr h; /* always valid */
		struct rec_fork fork;
		struct rec_fork_failed fork_failed;
		struct rec_exec_failed exec_failed;
		struct rec_exec exec;
		struct rec_exit exit;
		struct rec_zombie zombie;
		struct rec_reap reap; /* REC_REAP, REC_FREE */
		struct rec_wait wait;
		struct rec_waited waited;
		struct rec_signal signal;
		struct rec_deliver deliver;
		struct rec_rename rename;
		struct rec_cgroup cgroup; /* path: see 'text' */
		struct rec_oom oom;       /* REC_OOM, REC_OOM_ADJ */
		struct rec_seed seed;
		struct rec_seed_end seed_end;
		struct rec_text fact; /* REC_FACT_TEXT, REC_FACT_CGROUP */
		struct rec_fact_proc fact_proc;
		struct rec_host host;
		struct rec_tick tick;
		struct rec_gap gap;
		struct rec_thinned thinned;
		struct rec_row row;     /* its parts: see 'text' */
		struct rec_table table; /* what follows it: see 'text' */
	};
	struct span file; /* exec: the path executed, without NUL; fact_proc, row, thinned: exe */
	struct span
		args; /* exec, fact_proc, row: NUL after each argument, redacted: see redact_batch() */
	struct span cwd;  /* exec: as a path, outermost first; fact_proc, row */
	struct span name; /* fact: name; host, row: host name */
	struct span text; /* fact: contents; cgroup: path; host: see event_host_text */
	struct span release, machine, zone, version; /* host */
	char cwd_buf[REC_CWD_LEN + 8];               /* where exec's cwd is put together */
};

/* Every type a stream may carry; unknown types are skipped and counted, never guessed. */
static inline struct proc_key event_proc(const struct event *ev)
{
	return (struct proc_key){ev->h.tgid, ev->h.start_ns};
}

/* Of a REC_EXEC of a script what runs, as its #! line names it; empty: no script, or not kept. */
struct span event_interpreter(const struct event *ev);

static inline struct proc_key event_parent(const struct event *ev)
{
	return (struct proc_key){ev->h.ppid, ev->h.parent_start_ns};
}

static inline struct proc_key rec_proc_key(const struct rec_proc *p)
{
	return (struct proc_key){p->tgid, p->start_ns};
}

/*
 * Decodes the record at the cursor and moves past it. Returns 0, -EBADMSG (malformed: c->err set
 * when the length itself cannot be trusted, otherwise only this record is lost), or -ENOENT for a
 * type this version does not know (skipped).
 */
int event_decode(struct cursor *c, struct event *ret_ev);
bool rec_size_is_sane(uint32_t size); /* a record may say that it is so long */

const char *rec_type_name(unsigned type); /* "fork"; "type 99" never: NULL for unknown */

#endif
