/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One process as the model knows it: a row of the process table. Rows are stable in memory until
 * they are forgotten; everybody but the table treats them as const.
 */
#ifndef PROCTRAIL_MODEL_PROC_H
#define PROCTRAIL_MODEL_PROC_H

#include "base/hist.h"
#include "base/intern.h"
#include "model/event.h"

/* The numbers of these three are in trails for ever: rec_row in event_keyframe.h. */
enum proc_state {
	PROC_BORN,    /* forked, has not run a program of its own */
	PROC_RUNNING, /* has execed, or was there before us */
	PROC_DYING,   /* last thread gone, not yet a zombie: teardown */
	PROC_ZOMBIE,  /* waits to be reaped */
	PROC_REAPED,  /* gone; the row is history */
};

enum spawn_how { HOW_UNKNOWN, HOW_FORK, HOW_VFORK, HOW_POSIX_SPAWN, HOW_CLONE, HOW_THREAD };

enum proc_flag {
	PROC_KTHREAD = 1 << 0,
	PROC_NSINIT = 1 << 1, /* pid 1 of an inner pid namespace: a container's start */
	PROC_SUBREAPER = 1 << 2,
	PROC_ADOPTED = 1 << 3,     /* current parent is not the birth parent */
	PROC_SEEDED = 1 << 4,      /* was there before we looked */
	PROC_INFERRED = 1 << 5,    /* birth not seen: proved by a later record */
	PROC_LEADER_DEAD = 1 << 6, /* leader gone, other threads live: looks like Z, is not */
	PROC_STOPPED = 1 << 7,
	PROC_TRACED = 1 << 8,
	PROC_HEALED = 1 << 9, /* state corrected by an iterator pass after a loss */
	PROC_EXECED = 1 << 10,
	PROC_STATUS_KNOWN = 1 << 11,
	PROC_AUTOREAPED = 1 << 12,
	PROC_VANISHED = 1 << 13,       /* gone without a record: found missing by a pass */
	PROC_GHOST = 1 << 14,          /* a parent only named by others: pid and start, no more */
	PROC_STATE_Z_SEEDED = 1 << 15, /* was a zombie already when first seen */
};

/* One bit each in waits.seen: what a process was seen waiting for */
struct proc_waits {
	uint64_t last_ns;
	uint32_t cnt[4]; /* by REC_WAIT_*, blocking or not */
	uint32_t nohang_cnt;
	uint32_t all_cnt; /* with __WALL or __WCLONE */
	uint32_t last_pid;
	uint8_t last_kind, last_options;
};

/*
 * What a parent did about its children; allocated with the first child's death, wait or snapshot
 * that tells something. Verdicts are functions of this and of changes.
 */
struct proc_evidence {
	struct proc_waits waits;   /* of the present image */
	uint64_t watched_since_ns; /* when records about this process began */
	uint64_t last_child_death_ns;
	uint64_t last_reap_ns;
	uint64_t child_minflt, child_cpu_ns; /* snapshot: 0 = never reaped any child */
	uint64_t sig_blocked, sig_pending, sig_ignored, sig_caught; /* snapshot, leader */
	uint64_t snapshot_ns;                                       /* 0: no snapshot */
	struct hist zombie_ns; /* lifetimes of its reaped zombies; emptied after its own reap
					 * was told */
	uint32_t died, reaped, autoreaped, merged;
	uint32_t zombies; /* children that are zombies now */
	uint32_t sa_flags;
	uint8_t disposition;      /* REC_SIG_*, at the last child's death or the snapshot */
	uint8_t blocked, pending; /* the same */
};

/* Who ended it, as far as signals tell */
struct proc_killer {
	struct proc_key key;
	char comm[REC_COMM_LEN];
	uint64_t sent_ns;
	int32_t sig, code;
};

/* Kept once it is dead */
struct proc_death {
	struct rec_usage usage; /* best known: exit < zombie < free */
	uint64_t exit_ns;       /* last thread gone; 0: not seen */
	uint64_t zombie_ns;     /* 0: not seen or never one */
	uint64_t zombie_err_ns; /* how far the zombie's lifetime can be off: its birth's error
					 * while it is one, with the reap's bracket afterwards */
	uint64_t gone_ns;       /* reaped or freed */
	struct proc_key reaper;
	struct proc_key tracer; /* of a zombie that is traced: who has to wait first; or nobody */
	struct proc_killer killer; /* sig 0: nobody was seen */
	uint8_t zombie_source;     /* REC_ZOMBIE_* or 0 */
	uint8_t reap_source;       /* REC_REAP, REC_FREE, REC_WAIT, 0 */
	bool core_dumped;
};

struct proc {
	struct proc_key key;
	struct proc_key birth_parent;
	struct proc *parent;   /* current; NULL for roots */
	struct proc *children; /* first; in order of birth where seen */
	struct proc *last_child;
	struct proc *prev, *next;   /* siblings */
	struct proc *newer, *older; /* list of the dead, by time of death */
	struct intern_str *exe, *args, *cwd;
	struct intern_str *hostname;    /* of its uts namespace, inner pid namespaces only */
	struct proc_evidence *evidence; /* NULL: nothing yet */
	struct proc_death *death;       /* NULL while alive */
	const struct cgroup *cgroup;    /* see cgroup.h; NULL: unknown */
	uint64_t exec_ns;               /* last exec; 0: none seen */
	uint64_t rss_kb;                /* of the snapshot, or of the creator at birth */
	uint64_t seen_ns;               /* boot_ns of the last record about it */
	uint64_t stood_still_ns;        /* seed: awake time since it last ran; ~0: unknown */
	uint32_t uid, euid, gid, loginuid, sessionid, sid;
	uint32_t exec_id, exec_cnt;
	uint32_t status; /* raw wait status */
	uint32_t pidns, ns_tgid;
	uint32_t threads;    /* live threads where known, else 1 */
	uint32_t task_state; /* seed: __state */
	uint32_t pass;       /* last iterator pass that saw it */
	uint32_t parent_tid;
	uint32_t exit_signal;
	uint16_t flags; /* enum proc_flag */
	uint8_t state;  /* enum proc_state */
	uint8_t how;    /* enum spawn_how */
	uint8_t ns_level;
	uint16_t tag; /* proc_table_set_tag() */
	char comm[REC_COMM_LEN];
};

/* 'R' 'S' 'D' 'T' 'Z' 'X' 't' 'I' as ps would show it, '?' unknown */
char proc_state_char(const struct proc *p);
bool proc_is_alive(const struct proc *p); /* born or running */
/* By the cgroup freezer, when a pass saw it last */
bool proc_is_frozen(const struct proc *p);
struct span proc_comm(const struct proc *p);
/* Of a zombie: a wait call that fits it was seen, so it is reaped as soon as that call has run */
bool proc_is_awaited(const struct proc *p);
/* Wait calls for any child since then, of the latest 16: each has reaped one, if it saw one dead. */
uint32_t proc_any_waits_since(const struct proc *p, uint64_t since_ns);
/*
 * A row of a pass said that its parent is another program than at its birth, or not who bore it: of
 * who adopts, the same is said of orphans.
 */
bool proc_is_of_other_image(const struct proc *p);
enum spawn_how spawn_how_of(uint64_t clone_flags, uint8_t sp); /* REC_SP_* */
const char *spawn_how_name(enum spawn_how how);                /* "posix_spawn" */
const char *signal_name(int sig); /* "SIGKILL", "SIGRTMIN+3"; NULL: no such signal */
/* Whose signal ended it, as far as generated signals and its status tell; NULL: nobody was seen. */
const struct proc_killer *proc_killer_of(const struct proc *p);
/* Unless it is blocked this signal ends its target. */
bool proc_signal_may_kill(const struct rec_signal *s);

#endif
