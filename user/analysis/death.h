/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict of one death: what ended a process, joined from what the records say.
 *
 *	status		the raw word, from the row (table_death.c): code, signal, core
 *	who		proc_killer_of(): the one judge, for 'exit' lines as well; it takes generated
 *			signals only (REC_SIGNAL) and picks the one that the status names. A fatal signal
 *			is delivered as SIGKILL without a sender, at a plain exit_group() too: REC_DELIVER
 *			never names anybody.
 *	how		of that same REC_SIGNAL: si_code, whether it went to the process or to a thread,
 *			the address, what the sender was at that moment (death_notes.h)
 *	OOM		REC_OOM of the victim, REC_OOM_ADJ: who had written its adj; the kernel log:
 *			why, and who was spared (death_oom.h)
 *	asked before	an earlier TERM INT HUP QUIT that did not end it, and why not
 *	exit 128+n	the last child that died so
 *
 * What the kernel's senders look like: kill() goes to a process with code 0; send_sig() (cgroup.kill,
 * SIGPIPE, SIGXFSZ) to a task with code 0; SEND_SIG_PRIV is code 0x80, for SIGKILL from the OOM killer,
 * zap_pid_ns_processes() or a CPU limit, for SIGHUP from a terminal. A parent-death signal looks like
 * kill(), but its sender is dying, and the dying send nothing.
 *
 * Nobody seen: DEATH_UNKNOWN, never a guess.
 */
#ifndef PROCTRAIL_ANALYSIS_DEATH_H
#define PROCTRAIL_ANALYSIS_DEATH_H

#include "analysis/death_oom.h"
#include "model/proc_table.h"

#define DEATH_ABOVE 3 /* ancestors of a sender that are told */

/* The numbers are nowhere kept; the names are JSON's. */
enum death_cause {
	DEATH_EXIT,
	DEATH_SIGNAL,
	DEATH_FAULT,
	DEATH_OOM,
	DEATH_GROUP_KILL, /* like DEATH_SIGNAL, and others with it: deaths.h says so */
	DEATH_NAMESPACE_END,
	DEATH_CGROUP_KILL,
	DEATH_TTY,
	DEATH_PDEATHSIG,
	DEATH_RLIMIT,
	DEATH_SECCOMP,
	DEATH_UNKNOWN,
	DEATH_CAUSE_CNT
};

/* By which way the signal came */
enum sent_how {
	SENT_UNKNOWN,
	SENT_KILL,
	SENT_TGKILL,
	SENT_SIGQUEUE,
	SENT_MESGQ,
	SENT_TIMER,
	SENT_IO,
	SENT_PIPE,
	SENT_KERNEL,
	SENT_HOW_CNT
};

/* Why a process lived on after it was asked to end */
enum ask_fate {
	ASK_NONE,    /* nobody asked */
	ASK_UNKNOWN, /* the records do not tell */
	ASK_HANDLED, /* its handler ran */
	ASK_PENDING, /* it has a handler, which had not run yet */
	ASK_IGNORED,
	ASK_BLOCKED,
	ASK_DROPPED, /* by the kernel: pid 1 of a namespace, without a handler */
	ASK_FATE_CNT
};

struct death_who {
	struct proc_key key; /* tgid 0: nobody, or the kernel itself */
	char comm[REC_COMM_LEN];
};

/* A signal as it was generated, and what its sender was then */
struct death_signal {
	struct death_who sender, above[DEATH_ABOVE]; /* above: its parents, the nearest first */
	uint64_t sent_ns, addr;
	uint64_t group; /* signals of one sender in one moment have the same; 0: alone */
	int32_t sig, code;
	uint8_t result, disposition;
	bool blocked;
	bool to_process;   /* not to one thread of it */
	bool sender_dying; /* it could send nothing any more by itself */
	bool sender_init;  /* pid 1 of a namespace below the initial one */
};

/* Somebody asked it to end, and it did not */
struct death_ask {
	struct death_who sender;
	uint64_t first_ns;
	uint64_t handled_ns; /* its handler ran; 0: not seen */
	uint32_t cnt;
	int32_t sig;
	uint8_t result, disposition;
	bool blocked;
};

/* Who wrote its oom_score_adj, or that of the ancestor it is inherited from */
struct death_adj {
	struct death_who writer; /* tgid 0: nobody was seen */
	uint64_t at_ns;
	int32_t adj;
};

struct death_oom {
	struct death_who trigger; /* who ran out of memory */
	uint64_t at_ns;           /* 0: no OOM */
	uint64_t rss_kb;
	int32_t adj;
	struct oom_report *report;   /* NULL: the kernel log is not there, or says nothing */
	struct death_adj spared_adj; /* of report->spared */
};

/* A child that died by a signal, or handed on that one of its own did */
struct death_child {
	struct death_who who, killer; /* killer: tgid 0 where nobody is known */
	uint64_t at_ns;               /* 0: none */
	int32_t sig;
};

/* All that is remembered of a process while it lives: death_notes.h */
#define DEATH_KILLS 4
struct death_note {
	struct death_signal kill[DEATH_KILLS]; /* that may end it, a ring */
	uint32_t kills;                        /* ever */
	struct death_ask ask;
	struct death_oom oom;
	struct death_adj adj;
	struct death_child child;
};

struct death {
	struct death_who who, parent, birth_parent;
	uint64_t died_ns;  /* exit_ns where it was seen */
	uint64_t lived_ns; /* 0: not known */
	uint32_t status;   /* raw */
	bool status_known, core_dumped, execed;
	enum death_cause cause;
	enum sent_how how;
	struct death_who killer; /* tgid 0: the kernel, or nobody was seen */
	struct death_signal by;  /* sig 0: its record was not seen; else the killer's */
	uint64_t after_ns;       /* from signal to death; 0: not known */
	struct death_ask ask;    /* cnt 0: none */
	enum ask_fate ask_fate;
	struct death_oom oom;
	struct death_adj adj;
	struct death_child child; /* exit 128+n */
	uint32_t ns_tgid;         /* in an inner pid namespace, else 0 */
	uint32_t group_size;      /* of its group; 0 or 1: alone */
	char host[REC_HOSTNAME_LEN + 1];
};

/* The signal that ended it, 0: none */
static inline int death_signal_of(const struct death *d)
{
	return d->status_known ? (int)(d->status & 0x7f) : 0;
}

/* -1: it was killed, or nobody knows */
static inline int death_code_of(const struct death *d)
{
	return d->status_known && !(d->status & 0x7f) ? (int)(d->status >> 8 & 0xff) : -1;
}

/* It ended by a signal, by a code other than 0, or nobody knows how. */
static inline bool death_failed(const struct death *d)
{
	return !d->status_known || d->status & 0xff7f;
}

struct death_who death_who_of(const struct proc *p); /* NULL: nobody */

/* p has died (CHANGE_EXIT, at boot_ns); note: what is remembered of it, NULL: nothing. */
void death_judge(const struct proc_table *t, const struct proc *p, uint64_t boot_ns,
		 const struct death_note *note, struct death *ret);

/* Why it did not end by that; ASK_NONE where nobody asked. */
enum ask_fate death_ask_fate(const struct death_ask *a);

/* Which system call a seccomp filter did not let it make, and of which ABI (AUDIT_ARCH_*) */
static inline bool death_syscall_of(const struct death *d, uint32_t *ret_nr, uint32_t *ret_arch)
{
	if (d->cause != DEATH_SECCOMP || !d->by.addr)
		return false;
	*ret_nr = (uint32_t)d->by.addr;
	*ret_arch = (uint32_t)(d->by.addr >> 32);
	return true;
}

const char *death_arch_name(uint32_t audit_arch);     /* "x86-64"; NULL: another */
const char *death_cause_name(enum death_cause cause); /* "namespace_end" */
const char *sent_how_name(enum sent_how how);         /* "sigqueue"; NULL: unknown */
const char *ask_fate_name(enum ask_fate fate);        /* "ignored" */

#endif
