/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process table's inside, shared by its parts only:
 *
 *	proc_table.c	the face; which record goes where; the header every record has
 *	table_rows.c	rows: made, found by identity, linked into the tree, forgotten
 *	table_prove.c	what a record's header proves about records that never came
 *	table_life.c	fork, exec, threads, rename, cgroup
 *	table_death.c	exit, zombie, reap, free: a death is told once
 *	table_adopt.c	who gets the children
 *	table_evidence.c what parents do about their children; bounds of a reap
 *	table_signal.c	killers, stop and continue, OOM
 *	table_seed.c	iterator passes: seed and heal
 *	table_stream.c	host, ticks, loss, facts
 *	table_keyframe.c rows and all the rest out of a keyframe; keyframe.c writes one
 */
#ifndef PROCTRAIL_MODEL_TABLE_INT_H
#define PROCTRAIL_MODEL_TABLE_INT_H

#include "model/pool.h"
#include "model/proc_table.h"

/*
 * How long a header may be ahead of its event: self_exec_id rises up to 0.3 ms before
 * sched_process_exec, signal->live falls before sched_process_exit, and rings are merged by
 * timestamps that step back by up to 1.5 ms. What is still missing after this was lost.
 */
#define PROOF_NS (100 * NS_PER_MS)

/* These numbers are in trails for ever (rec_row.marks). */
enum row_bits {
	ROW_USED = 1 << 0,
	ROW_BIRTH_SEEN = 1 << 1,
	ROW_EXIT_TOLD = 1 << 2,
	ROW_EXIT_HELD = 1 << 3,     /* on the held list: exit known, not yet told */
	ROW_FREED = 1 << 4,         /* REC_FREE seen: nothing about it can follow */
	ROW_LET_GO = 1 << 5,        /* its children were given away */
	ROW_ORPHAN = 1 << 6,        /* adopted by an unknown: to be told when known */
	ROW_EXEC_DERIVED = 1 << 7,  /* the last exec was proved, not seen */
	ROW_PASS_ZOMBIE = 1 << 8,   /* the running pass saw it as a zombie */
	ROW_PASS_DEAD = 1 << 9,     /* ... with no live thread */
	ROW_PASS_CONT = 1 << 10,    /* ... not stopped */
	ROW_DIED_COUNTED = 1 << 11, /* its parent's evidence.died has it */
	ROW_DEAD_LISTED = 1 << 12,
	ROW_NOTIFIED = 1 << 13, /* its parent (not only a tracer) was told of its death */
	ROW_MISSING = 1 << 14,  /* dead and not in a pass: its REC_FREE may be under way */
	ROW_INIT = 1 << 15,     /* only in a keyframe: it is in 'inits' */
	ROW_OTHER_IMAGE =
		1 << 16, /* seeded: its parent's image then was not the one that bore it */
};
#define MARK_OTHER_IMAGE 0x1 /* ... in rec_row.marks, where ROW_USED never is */

/* Fatal signals on their way; which one it was is known when the status is. */
#define KILLS_MAX 3
struct kills {
	uint32_t cnt;
	int32_t taken; /* signal that was taken with its default action: it ends by that; 0: none */
	struct proc_killer kill[KILLS_MAX]; /* oldest first, one a signal */
};

/* The public death and the bounds of the reap */
struct death {
	struct proc_death d;
	uint64_t wait_ns;     /* not reaped before: begin of the first fitting wait */
	uint64_t wait_end_ns; /* reaped before: its waiter went on */
};

#define WAITS_KEPT 16
#define WAITS_OPEN 4

#define HISTS_MAX (32 * 1024) /* with buckets; as many parents that reap do not live at once */
#define PATH_KEPT 4096        /* of exe and cwd: PATH_MAX */

struct open_wait {
	uint64_t ns;
	uint32_t tid, pid; /* pid 0: any child */
	uint8_t options;
};

/* The public evidence and the waits of this process that may explain a reap */
struct evidence {
	struct proc_evidence e;
	uint64_t any_ns[WAITS_KEPT]; /* waits for any child, a ring */
	uint32_t any_cnt;
	struct open_wait open[WAITS_OPEN]; /* blocking, and nothing to reap when they began */
	struct proc_key sure;              /* the zombie that 'sure_tid' must be reaping */
	uint32_t sure_tid;
};

struct row {
	struct proc p;
	struct row *hash_next;
	struct kills *kills; /* NULL: none */
	uint64_t first_ns;   /* when records about it began */
	uint64_t ahead_ns;   /* since when headers are ahead of the events; 0: they are not */
	uint32_t bits;
};

/* The budget: 320 bytes a live process, two words of the index included (half full at worst). */
_Static_assert(sizeof(struct row) + 2 * sizeof(void *) <= 320, "a live process is too large");

struct fact {
	char *name;
	char *text;
	size_t name_len, text_len;
};

struct cpu_loss {
	uint32_t lost;
	uint64_t seen_ns;
};

/* By tgid itself: pids are dense, so neighbours stay neighbours. */
struct row_index {
	struct row **buckets;
	size_t mask, cnt;
};

struct proc_table {
	struct proc_table_options opt;
	struct {
		change_fn fn;
		void *ctx;
	} listeners[8];
	size_t listener_cnt;

	struct pool rows, deaths, evidences, kills;
	struct row_index live, dead; /* dead: reaped; in a storm they are many and cold */
	uint64_t newest_start_ns;    /* of all rows ever: whoever is younger is new */
	size_t ghosts;
	struct proc *dead_oldest, *dead_newest;
	size_t dead_cnt;
	struct proc *held_oldest, *held_newest;
	uint64_t unfreed; /* forgotten rows whose REC_FREE is still to come */
	size_t hist_cnt;  /* histograms with buckets */

	struct intern strings;
	struct cgroup_table cgroups;
	struct map inits; /* pid namespace -> its init's row */

	struct proc_counts counts;
	struct host_info host;
	struct wall_clock clock;
	bool host_seen;
	bool loading;    /* a keyframe's rows have come, its end not yet */
	uint64_t loaded; /* of them taken; a ghost in the place of a missing one does not count */

	struct cpu_loss *cpus;
	size_t cpu_cnt;
	uint64_t uncertain_ns; /* since; 0: complete */
	uint64_t loss_ns;      /* the latest loss ended here */

	uint32_t pass; /* running pass */
	uint32_t pass_rows;

	struct fact *facts;
	size_t fact_cnt, fact_cap, fact_bytes;
};

/*
 * No hook tells of anything (one look, /proc): what differs between two passes has happened between
 * them, and nothing was lost that had to be put right.
 */
static inline bool table_only_looks(const struct proc_table *t)
{
	return t->host.hooks & REC_HOOK_NONE;
}

static inline struct row *row_of(const struct proc *p)
{
	return (struct row *)p; /* p is its first member */
}

static inline struct death *death_of(const struct row *r)
{
	return (struct death *)r->p.death;
}

/* ---- proc_table.c --------------------------------------------------------------------------- */

void table_tell(const struct proc_table *t, const struct change *c);
/* The common form: a change of 'r' that the record 'ev' brought or proved. */
void table_tell_row(const struct proc_table *t, enum change_kind kind, const struct row *r,
		    const struct row *other, const struct event *ev);

/* Rows, names and facts: the machine was another one. Counts, host and clock stay. */
void table_forget(struct proc_table *t);

/* ---- table_rows.c --------------------------------------------------------------------------- */

int rows_init(struct proc_table *t);

struct row *row_find(const struct proc_table *t, struct proc_key key);
struct row *row_find_pid(const struct proc_table *t, uint32_t tgid);
/* As it is in the index and nowhere else, not counted. NULL: no memory or no room, counted. */
struct row *row_alloc(struct proc_table *t, struct proc_key key, uint64_t now_ns);
void row_forget(struct proc_table *t, struct row *r);
/* A new row, counted as live; ends older lives of its pid. -ENOMEM: counted in evicted. */
int row_new(struct proc_table *t, struct proc_key key, const struct event *ev, struct row **ret);
/* The row, or a ghost of that name; NULL for nobody or without memory. */
struct row *row_find_or_ghost(struct proc_table *t, struct proc_key key, const struct event *ev);
void row_fill_ghost(struct proc_table *t, struct row *r);
/* Forgets a ghost that nobody refers to any more; accepts NULL and others. */
void row_drop_ghost(struct proc_table *t, struct row *r);
int rows_by_birth(const struct row *a, const struct row *b);     /* as qsort() wants it */
bool row_is_above(const struct row *r, const struct row *other); /* or the same */
/* The parent must not be below the row. */
void row_link(struct proc_table *t, struct row *r, struct row *parent);
void row_unlink(struct proc_table *t, struct row *r);
void row_set_state(struct proc_table *t, struct row *r, enum proc_state state);
void row_set_str(struct proc_table *t, struct intern_str **field, struct span s, size_t true_len);
struct death *row_death(struct proc_table *t, struct row *r); /* made when missing; or NULL */
void row_list_dead(struct proc_table *t, struct row *r);
void row_list_last(struct proc_table *t, struct row *r); /* on the list it is on, if any */
void row_unlist_dead(struct proc_table *t, struct row *r);
void row_hold(struct proc_table *t, struct row *r);
void row_unhold(struct proc_table *t, struct row *r);
void rows_forget_old(struct proc_table *t);
void rows_clear(struct proc_table *t); /* every row, without telling; counts and names stay */
void rows_release(struct proc_table *t);

/* ---- table_prove.c -------------------------------------------------------------------------- */

/*
 * The row of the process the record is about, made where it is unknown, and told; everything the
 * header proves is done. -ENOENT: about nobody, or about a row that is history.
 */
int row_observe(struct proc_table *t, const struct event *ev, struct row **ret);
void row_take_flags(struct proc_table *t, struct row *r, const struct event *ev);
void row_note_init(struct proc_table *t, struct row *r);
void row_forget_init(struct proc_table *t, const struct row *r);
void row_prove_exec(struct proc_table *t, struct row *r, const struct event *ev);
void row_revive(struct proc_table *t, struct row *r, const struct event *ev);
/* The parent the record names; an adoption is told. */
void row_take_parent(struct proc_table *t, struct row *r, const struct event *ev);

/* ---- table_life.c --------------------------------------------------------------------------- */

int apply_fork(struct proc_table *t, const struct event *ev);
int apply_failed_call(struct proc_table *t, const struct event *ev, enum change_kind kind);
int apply_exec(struct proc_table *t, const struct event *ev);
int apply_rename(struct proc_table *t, const struct event *ev);
int apply_cgroup(struct proc_table *t, const struct event *ev);
void row_take_place(struct proc_table *t, struct row *r, const struct rec_place *place);
void row_set_cgroup(struct proc_table *t, struct row *r, uint64_t id); /* 0: not known */
void row_take_cred(struct row *r, const struct rec_cred *cred);
void row_derive_exec(struct proc_table *t, struct row *r, const struct event *ev);

/* ---- table_death.c -------------------------------------------------------------------------- */

int apply_exit(struct proc_table *t, const struct event *ev);
int apply_zombie(struct proc_table *t, const struct event *ev);
int apply_reap(struct proc_table *t, const struct event *ev);
int apply_free(struct proc_table *t, const struct event *ev);
void row_take_status(struct row *r, const struct event *ev);
/* Tells the death now unless that was done; ev proves it. */
void row_tell_exit(struct proc_table *t, struct row *r, const struct event *ev);
/* Its death is proved but the record of it may still come: told by the next one, or in PROOF_NS. */
void row_suspect_exit(struct proc_table *t, struct row *r, uint64_t now_ns);
/* A later life of its pid, or a pass without it: gone by 'upper_ns' at the latest. */
void row_end(struct proc_table *t, struct row *r, const struct event *ev, uint64_t upper_ns);
void row_become_zombie(struct proc_table *t, struct row *r, struct row *notified,
		       const struct event *ev);
void rows_tell_held(struct proc_table *t, const struct event *tick);

/* ---- table_adopt.c -------------------------------------------------------------------------- */

/* Gives the children of a dead process away, once. */
void row_let_go(struct proc_table *t, struct row *r, const struct event *ev);
void row_adopt(struct proc_table *t, struct row *r, struct row *parent, const struct event *ev);
/* An old zombie of the dying 'from' was announced to its adopter. */
void row_hand_over(struct proc_table *t, struct row *from, const struct event *ev);

/* ---- table_evidence.c ----------------------------------------------------------------------- */

struct evidence *row_evidence(struct proc_table *t, struct row *r); /* made when missing; or NULL */
static inline struct evidence *row_evidence_if(const struct row *r)
{
	return (struct evidence *)r->p.evidence;
}
int apply_wait(struct proc_table *t, const struct event *ev);
int apply_waited(struct proc_table *t, const struct event *ev);
/* The thread made a record of its own: whatever it waited for before has ended. */
void row_went_on(struct proc_table *t, struct row *r, uint32_t tid, uint64_t now_ns);
void evidence_count_death(struct proc_table *t, struct row *child, const struct event *ev);
void evidence_open_waits(struct proc_table *t, struct row *child);
void evidence_count_reap(struct proc_table *t, struct row *child);
/* An exec: what the program before it waited for is not this one's. */
void evidence_of_new_image(struct row *r);
/* When the reap was, between the zombie's birth and 'upper_ns': fills gone_ns, error and source. */
void death_bracket(struct row *r, uint64_t upper_ns);
void evidence_forget_hist(struct proc_table *t, struct row *r);
void evidence_release(struct proc_table *t, struct row *r);

/* ---- table_signal.c ------------------------------------------------------------------------- */

int apply_signal(struct proc_table *t, const struct event *ev);
int apply_deliver(struct proc_table *t, const struct event *ev);
int apply_oom(struct proc_table *t, const struct event *ev);
void row_blame_killer(struct proc_table *t, struct row *r);
/* After it: the record of the signal that ended it is missing, and nobody has counted that. */
bool row_signal_unseen(const struct proc_table *t, const struct row *r);
void row_set_stopped(struct proc_table *t, struct row *r, bool stopped, const struct event *ev);

/* ---- table_seed.c --------------------------------------------------------------------------- */

int apply_seed(struct proc_table *t, const struct event *ev);
int apply_seed_end(struct proc_table *t, const struct event *ev);

/* ---- table_stream.c ------------------------------------------------------------------------- */

void table_note_loss(struct proc_table *t, const struct event *ev);
void cpus_clear(struct proc_table *t);
struct cpu_loss *table_cpu(struct proc_table *t, uint32_t cpu); /* made when new; or NULL */
int apply_gap(struct proc_table *t, const struct event *ev);
int apply_thinned(struct proc_table *t, const struct event *ev);
int apply_host(struct proc_table *t, const struct event *ev);
int apply_tick(struct proc_table *t, const struct event *ev);
int apply_fact_proc(struct proc_table *t, const struct event *ev);
int apply_fact_text(struct proc_table *t, const struct event *ev);
int apply_fact_cgroup(struct proc_table *t, const struct event *ev);
void facts_release(struct proc_table *t);

/* ---- table_keyframe.c ----------------------------------------------------------------------- */

int apply_row(struct proc_table *t, const struct event *ev);
int apply_table(struct proc_table *t, const struct event *ev);
/* Something else follows where its end should be: the rest of it is missing. */
void table_break_loading(struct proc_table *t);

#endif
