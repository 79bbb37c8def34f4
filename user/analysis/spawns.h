/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What starting programs costs, by who starts what and how. Listens to changes; what it keeps is a row a
 * group, however many spawns there are.
 *
 * A spawn is a birth that was seen and its first exec. A child that dies without one is a worker: of
 * those only the number and the CPU are known. CPU of short lives is what was burnt by processes that
 * lived for less than a second, which no tool that looks now and then can see.
 *
 * A birth is stamped at the end of the fork call: what the call took before it, copying page tables, is
 * known only where its entry is traced (REC_HOOK_FORK_TIME, REC_HOOK_FORK_SYSCALL).
 */
#ifndef PROCTRAIL_ANALYSIS_SPAWNS_H
#define PROCTRAIL_ANALYSIS_SPAWNS_H

#include "analysis/exec_fails.h"
#include "analysis/spawn.h"
#include "analysis/spawn_lives.h"
#include "analysis/spawn_place.h"
#include "analysis/spawn_root.h"
#include "analysis/throttle.h"
#include "base/hist.h"
#include "base/intern.h"
#include "base/map.h"

#define SPAWN_PROGRAM_LEN 64         /* of a path its end */
#define SPAWNS_SHORT_NS   NS_PER_SEC /* a short life */

enum spawns_by {
	SPAWNS_BY_PARENT,  /* this process of it */
	SPAWNS_BY_PROGRAM, /* whoever starts it */
	SPAWNS_BY_UNIT,    /* systemd's, of the child */
	SPAWNS_BY_CONTAINER,
	SPAWNS_BY_USER,
	SPAWNS_BY_CNT
};

struct spawn_group {
	struct proc_key parent;      /* SPAWNS_BY_PARENT; pid 0: several of that name */
	char who[SPAWN_PROGRAM_LEN]; /* comm, unit, container, uid; "" where nobody is told */
	char program[SPAWN_PROGRAM_LEN];
	uint32_t parents;     /* several of that name: how many, at least */
	uint8_t how;          /* enum spawn_how */
	bool worker;          /* no program of its own */
	bool container;       /* starts of containers: see spawn.h */
	struct hist total_ns; /* birth..exec; of workers empty */
	struct hist fork_ns;  /* the call, until the child was complete; of those that were timed */
	uint64_t before_ns;   /* sum of what of those lies before the birth */
	uint64_t split_ns;    /* sum over those of which the split is known, as the next four are */
	uint64_t queued_ns, blocked_ns, running_ns, err_ns;
	uint64_t suspended_ns; /* the parent stood still: vfork, posix_spawn */
	uint64_t cnt;          /* spawns, or workers */
	uint64_t failed;       /* of workers: ended by 126 or 127, as shells say that exec failed */
	uint64_t died, short_cnt, cpu_ns; /* deaths; of short lives, and their CPU time */
	uint64_t pgtables_bytes;          /* of a parent at a fork, the largest */
	struct spawn_place place;
	struct spawn_lives lives;
};

/* Mean of a group's spawns from the fork call's entry to the exec; 0: not known */
uint64_t spawn_group_whole_ns(const struct spawn_group *g);

/*
 * At most so much CPU time is the start of what it runs: what the cheapest of its short lives took,
 * which had to start as well. 0: not known.
 */
uint64_t spawn_group_start_ns(const struct spawn_group *g);

/* A spawn by itself */
struct spawn_one {
	struct proc_key key, parent; /* parent: at its birth */
	struct spawn_split split;
	uint64_t fork_ns; /* 0: not timed */
	uint64_t exec_ns; /* boot_ns */
	uint8_t how;
	bool container;
	char comm[REC_COMM_LEN], parent_comm[REC_COMM_LEN];
	char exe[REC_FILE_LEN];              /* as it was asked for; "": not known */
	char interpreter[SPAWN_PROGRAM_LEN]; /* of a script */
};

struct spawns {
	enum spawns_by by;
	size_t slow_max;
	struct spawn_group *v;
	size_t cnt, cap;
	const struct proc_table *table;
	struct intern names;    /* what is grouped by, in one string */
	struct map by_name;     /* its address -> index + 1 */
	struct map of_proc;     /* who has a program and lives -> its group's index + 1 */
	struct map heaps;       /* parent -> page tables at a fork, the largest, in bytes */
	struct map calls;       /* child without a program yet -> its timed fork call */
	struct spawn_one *slow; /* slow_cnt, the slowest first */
	size_t slow_cnt;
	uint64_t spawns, workers, failed, threads;
	uint64_t forks_failed, forks_limited[REC_LIMIT_CNT]; /* refused calls; by which limit */
	uint64_t cpu_ns, short_cnt;                          /* of short lives, all together */
	uint64_t unnamed; /* in groups without a name of their own: too many names */
	struct exec_fails execs;
	struct throttles throttles;
	struct spawn_roots roots;
	int err; /* 0, or -ENOMEM: some are not counted */
};

const char *spawns_by_name(enum spawns_by by);                 /* "parent" */
int spawns_by_parse(const char *word, enum spawns_by *ret_by); /* 0 or -EINVAL */

void spawns_init(struct spawns *s, const struct proc_table *t, enum spawns_by by, size_t slow_max);
void spawns_release(struct spawns *s);
/* Whether this change is a spawn, and what it was; before it is noted, which takes the call. */
bool spawns_one(const struct spawns *s, const struct change *c, struct spawn_one *ret);
/* A change that is to be counted, or a fact. 'c' and its rows as a listener has them. */
void spawns_note(struct spawns *s, const struct change *c);
/* At the end, of each row that is to be counted: zombies are dead, some workers live. */
void spawns_note_left(struct spawns *s, const struct proc *p);
/*
 * After that: groups of several parents of one name become one where there are more than a few, and
 * what took most time in all comes first. 0 or -ENOMEM.
 */
int spawns_finish(struct spawns *s);

#endif
