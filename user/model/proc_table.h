/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process table: the only state machine. Records go in, in ring order; rows change, and each
 * change is told to the listeners, in the order in which it is known.
 *
 *	born -> running -> dying -> zombie -> reaped
 *
 * Any record may prove earlier ones that were lost: a death first seen at SIGCHLD, release or free
 * is a death. What cannot be (a birth of a live pid+start, an exit of a dead row) is counted in
 * 'illegal', never guessed.
 */
#ifndef PROCTRAIL_MODEL_PROC_TABLE_H
#define PROCTRAIL_MODEL_PROC_TABLE_H

#include "base/clock.h"
#include "model/cgroup.h"
#include "model/proc.h"

enum change_kind {
	CHANGE_HOST,        /* first record of a stream, of a keyframe, of a recorder's later run */
	CHANGE_FORK,        /* proc: the child; other: creator or birth parent, may be NULL */
	CHANGE_FORK_FAILED, /* proc: who called */
	CHANGE_EXEC_FAILED, /* the same */
	CHANGE_THREAD,      /* a thread's birth or death (--threads); ev says which */
	CHANGE_SEEN,   /* first known through a seed or another's record: it was there; a zombie
			 * that died before is seen as one and has no CHANGE_EXIT, CHANGE_ZOMBIE */
	CHANGE_EXEC,   /* proc has a new image */
	CHANGE_EXIT,   /* last thread gone; status final */
	CHANGE_ZOMBIE, /* other: who was notified, or the parent */
	CHANGE_REAP,   /* gone; other: reaper where known */
	CHANGE_ADOPT,  /* proc has a new parent: other; 'from' the old one, NULL: forgotten */
	CHANGE_SIGNAL, /* proc: target, may be NULL when only ev knows it; other: sender */
	CHANGE_DELIVER,
	CHANGE_STOP,
	CHANGE_CONT,
	CHANGE_RENAME,
	CHANGE_MOVE, /* another cgroup */
	CHANGE_WAIT,
	CHANGE_OOM,
	CHANGE_OOM_ADJ,
	CHANGE_FACT,    /* facts about proc, a cgroup or a text file, a thread's seed row, the end
			 * of a pass; see ev */
	CHANGE_LOST,    /* 'cnt' records are missing between from_ns and boot_ns */
	CHANGE_HEAL,    /* an iterator pass put the table right: 'cnt' rows corrected */
	CHANGE_THINNED, /* a recorder kept of a storm only 'cnt' births and deaths, see ev; proc: their
			 * parent or the storm's root, may be NULL */
	CHANGE_TICK,
	CHANGE_KIND_CNT
};

/*
 * 'ev' is the record that brought or proved the change. Of a proved one it is of another type than
 * usual, and may be about another process (a death proved by the next life of its pid): look at
 * ev->h.type before its fields. What is known of the process itself is in the row.
 * 'boot_ns' is when it happened as best known; a bracketed reap or a death that was held back is
 * told later than that, so it may lie before the change told last.
 */
struct change {
	enum change_kind kind;
	uint64_t boot_ns;
	const struct proc *proc;
	const struct proc *other;
	const struct proc *from; /* adopt */
	const struct event *ev;  /* the record behind it; NULL for derived changes */
	uint64_t from_ns;        /* lost, heal: uncertain since; thinned: counted since */
	uint64_t cnt;
	uint32_t reason; /* lost: REC_GAP_* */
	uint32_t cpu;    /* lost: 0xffff unknown */
};

/* The change and the rows are valid only during the call. */
typedef void (*change_fn)(void *ctx, const struct change *c);

struct proc_table_options {
	size_t max_procs; /* rows in all; 0: 1,048,576. The dead go first */
	size_t max_dead;  /* 0: 65,536 */
	uint64_t dead_ns; /* how long the dead are kept; 0: 60 s */
};

struct proc_counts {
	uint64_t forks, execs, deaths, killed, zombies, reaps, adoptions, signals, threads;
	uint64_t events;       /* records applied */
	uint64_t lost, missed; /* lost: reported by gaps; missed: programs that did not run */
	uint64_t healed;       /* what later records proved of records that never came */
	uint64_t thinned;      /* births of which a recorder kept the number only */
	uint64_t illegal, evicted, malformed, unknown_type;
	uint64_t live; /* rows born, running or dying, kernel threads included */
	uint64_t zombies_now;
	uint64_t attempted, delivered; /* of the latest tick: attempted = delivered + lost */
};

struct proc_table;

/* NULL without memory. */
struct proc_table *proc_table_new(const struct proc_table_options *opt);
void proc_table_free(struct proc_table *t);
/* At most 8 listeners, called in the order of registration. 0 or -ENOSPC. */
int proc_table_listen(struct proc_table *t, change_fn fn, void *ctx);
/*
 * 0; -ENOMEM (the record is then counted in evicted, the table stays consistent); -EBADMSG (a part of
 * a keyframe that cannot be: counted in malformed, nothing of it was taken).
 */
int proc_table_apply(struct proc_table *t, const struct event *ev);
/*
 * Everything but the listeners as it was when new. Before a keyframe (keyframe.h) is read into a
 * table that knows something already.
 */
void proc_table_reset(struct proc_table *t);

/*
 * A word about the process that is its listener's (there is one: analysis/storm.c), 0 at first, in no
 * trail: proc.tag. Nothing else of a row is anybody's to change.
 */
void proc_table_set_tag(struct proc_table *t, const struct proc *p, uint16_t tag);

/* Counts a record that event_decode() refused with err: -ENOENT unknown_type, else malformed. */
void proc_table_count_bad(struct proc_table *t, int err);

const struct proc *proc_table_find(const struct proc_table *t, struct proc_key key);
/* The live (or else the latest known) process with this pid; NULL: none */
const struct proc *proc_table_find_pid(const struct proc_table *t, uint32_t tgid);
const struct proc_counts *proc_table_counts(const struct proc_table *t);
/* Every row, in no order: for (size_t i = 0; (p = proc_table_next(t, &i)); ) */
const struct proc *proc_table_next(const struct proc_table *t, size_t *i);
size_t proc_table_rows(const struct proc_table *t);
size_t proc_table_bytes(const struct proc_table *t); /* memory in use, strings included */

/* What the stream said about itself */
struct host_info {
	char host[65], release[65], machine[65], version[32];
	char boot_id[33]; /* 32 hex digits */
	uint32_t hooks, cpus, cgroup_kind;
	uint64_t start_ns; /* boot_ns of the stream's first record */
	uint64_t run_ns;   /* of the recorder's present run: before it there may be time unwatched,
			    * and its records' loss counts begin here */
	uint64_t now_ns;   /* of its latest */
	uint64_t mem_kb;
	uint8_t page_shift;
	bool scoped, threads;
};

const struct host_info *proc_table_host(const struct proc_table *t);
const struct wall_clock *proc_table_clock(const struct proc_table *t);
/* The latest text of a fact file ("/proc/loadavg"); empty: unknown */
struct span proc_table_fact(const struct proc_table *t, const char *name);
/* Since when the table is uncertain, 0: it is complete */
uint64_t proc_table_uncertain_since(const struct proc_table *t);
/* For tests: NULL when rows, links, lists and counts agree; else what does not. */
const char *proc_table_check(const struct proc_table *t);

#endif
