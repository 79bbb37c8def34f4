/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who was given to whom, out of whose death. When a process dies its children go to the nearest
 * subreaper above it, else to the init of their pid namespace; when a thread dies, to another thread of
 * its process (find_new_reaper() of kernel/exit.c). Whoever gets them owes them a wait.
 *
 * A record is kept of each orphan until its room is wanted: first of those that were reaped. What an
 * orphan took along (login, session, cgroup) is its dead parent's, and says where it came from even
 * if that one died before anybody looked.
 */
#ifndef PROCTRAIL_ANALYSIS_ADOPTION_H
#define PROCTRAIL_ANALYSIS_ADOPTION_H

#include "base/map.h"
#include "model/proc_table.h"

#define ADOPTIONS_MAX 8192 /* orphans that are remembered */
#define ADOPTERS_MAX  256
#define ORIGINS_MAX   4
#define ID_UNSET      UINT32_MAX /* loginuid, sessionid: never logged in */

enum adopter_kind {
	ADOPTER_UNKNOWN, /* nothing of it but its pid is known */
	ADOPTER_INIT,
	ADOPTER_NAMESPACE_INIT,
	ADOPTER_SUBREAPER,
	ADOPTER_THREAD, /* the process stays the parent, another thread of it has the child */
	ADOPTER_KIND_CNT
};

struct adoption {
	struct proc_key orphan, adopter;
	struct proc_key from;     /* whose death gave it away; tgid 0: not known */
	struct proc_key born_of;  /* its birth parent; tgid 0: not known */
	uint32_t from_tid;        /* ADOPTER_THREAD: the thread that is gone */
	uint32_t by_tid;          /* ADOPTER_THREAD: the one that has it now */
	uint64_t adopted_ns;      /* 0: before we looked */
	uint64_t from_died_ns;    /* 0: not known */
	uint64_t zombie_ns;       /* 0: lives, or not known */
	uint64_t gone_ns;         /* 0: still there */
	uint64_t waited_ns;       /* gone: as a zombie of this adopter */
	uint64_t err_ns;          /* how far off waited_ns can be */
	struct intern_str *place; /* its cgroup's path; NULL: not known */
	uint32_t uid, loginuid, sessionid, sid;
	uint32_t hops; /* so many adopters it has had */
	char comm[REC_COMM_LEN], from_comm[REC_COMM_LEN], adopter_comm[REC_COMM_LEN];
	uint8_t kind;  /* enum adopter_kind */
	bool late;     /* adopted_ns is when it was noticed */
	bool derived;  /* as find_new_reaper() chooses: no record of the orphan has said so yet */
	bool autoreap; /* the kernel reaped it at once */
	bool before;   /* adoptions_begin() */
	size_t next;   /* of those that are gone, by when: index + 1 */
};

/* What became of all orphans of one adopter. */
struct adopter {
	struct proc_key key;
	char comm[REC_COMM_LEN];
	enum adopter_kind kind;
	uint64_t orphans;  /* that were given to it */
	uint64_t passed;   /* that went on to another, at its death */
	uint64_t died;     /* of those that stayed: their life has ended */
	uint64_t reaped;   /* of them */
	uint64_t autoreap; /* of them by the kernel at once */
	uint64_t err_ns;
	struct hist waited_ns; /* how long the reaped were zombies of it */
};

struct adoptions {
	const struct proc_table *table;
	struct intern strings;
	struct map by_orphan;  /* -> index + 1 */
	struct map by_adopter; /* -> struct adopter, of the array below */
	struct map by_thread;  /* born of another thread than the leader -> its tid */
	struct adoption *all;
	size_t cnt, cap;
	size_t gone_first, gone_last; /* index + 1 */
	struct adopter *adopters;     /* ADOPTERS_MAX of them */
	size_t adopter_cnt;
	uint64_t total;   /* adoptions in the span */
	uint64_t untold;  /* orphans without a record, adopters without sums: no room */
	char boot_id[33]; /* of the machine that all of it is about */
};

void adoptions_init(struct adoptions *a, const struct proc_table *t);
void adoptions_release(struct adoptions *a);
/* For every change that the table tells. What there is no memory for is counted in 'untold'. */
void adoptions_note(struct adoptions *a, const struct change *c);

/*
 * The span that is asked for begins: what was noted before says where zombies came from, and is in no
 * sum of an adopter.
 */
void adoptions_begin(struct adoptions *a);

/*
 * How p came to its parent: from the records, else what its row says. False: as far as is known it is
 * its parent's own child. An orphan of before is nobody's for sure: see origin.
 */
bool adoption_of(const struct adoptions *a, const struct proc *p, struct adoption *ret_adoption);
/* NULL: it has adopted nobody while we watched. */
const struct adopter *adopter_find(const struct adoptions *a, struct proc_key key);
const char *adopter_kind_name(enum adopter_kind k); /* "subreaper" */

enum reaps { REAPS_UNKNOWN, REAPS_YES, REAPS_NO };

/* Of orphans that have died: some were reaped; none was, though there are such. */
enum reaps adopter_reaps(const struct adopter *r);

/* Zombies of one parent that are alike in where they came from. */
struct origin {
	struct adoption like;      /* of the first of them */
	const struct proc *leader; /* the session's, where it is another and lives; NULL */
	bool orphans;              /* proved; else they may be the parent's own children */
	uint64_t cnt;
};

/* Those with most zombies first; returns how many. ret_others: zombies in none of them. */
size_t origins_find(const struct adoptions *a, const struct proc *parent,
		    struct origin ret_origins[ORIGINS_MAX], uint64_t *ret_others);

#endif
