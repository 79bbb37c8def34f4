/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a glance at the machine says: a census by state, and what in it is, or will be, trouble.
 * A function of the process table and of the facts in it; it knows nothing of the past but what
 * the kernel's log still holds.
 */
#ifndef PROCTRAIL_ANALYSIS_HEALTH_H
#define PROCTRAIL_ANALYSIS_HEALTH_H

#include "analysis/health_threads.h"
#include "model/proc_table.h"

#define HEALTH_UNKNOWN UINT64_MAX

enum health_weight { HEALTH_NOTE, HEALTH_WARN, HEALTH_ALARM };

enum finding_kind {
	FIND_CGROUP_PIDS, /* name: cgroup's path; cnt of limit, zombies of them */
	FIND_PID_MAX,     /* cnt of limit */
	FIND_THREADS_MAX, /* cnt of limit */
	FIND_STUCK,       /* cnt tasks of processes like proc are in D, the longest for still_ns */
	FIND_ZOMBIES,     /* proc: the parent; cnt zombies, the oldest for still_ns */
	FIND_MEMORY,      /* cnt: kB available, of limit kB */
	FIND_PRESSURE,    /* name: "memory"; cnt: percent of the last 10 s (some) */
	FIND_LOAD,        /* cnt: load in hundredths, limit: CPUs */
	FIND_STOPPED,     /* cnt processes like proc are stopped */
	FIND_KIND_CNT
};

struct finding {
	enum finding_kind kind;
	enum health_weight weight;
	const struct proc *proc;
	struct span name;
	uint64_t cnt, limit, zombies;
	uint64_t still_ns; /* HEALTH_UNKNOWN */
	bool estimated;    /* still_ns began before we looked */
	bool kill_pending; /* SIGKILL waits for one of them */
	bool never_reaped; /* the kernel's count of its reaped children is 0 */
};

/* One kind of line in the kernel log. */
struct health_log {
	uint64_t cnt;
	uint64_t last_ns; /* by the log's own clock, which is not exactly boot time */
	struct span comm; /* of the last one */
	uint32_t pid;
};

struct health {
	uint64_t processes; /* without kernel threads and zombies' ghosts */
	uint64_t kernel_threads;
	uint64_t tasks;          /* threads of all of them */
	uint64_t running, stuck; /* by state; HEALTH_UNKNOWN without a pass */
	uint64_t stopped, traced, zombies, dying;
	uint64_t load_centi[3]; /* HEALTH_UNKNOWN */
	uint64_t uptime_ns;
	uint64_t mem_total_kb, mem_available_kb; /* HEALTH_UNKNOWN */
	struct finding *findings;                /* heaviest first */
	size_t finding_cnt;
	bool log_known; /* the kernel log could be read */
	struct health_log oom, crash, hung;
};

/* threads: what the pass said of threads; NULL: there was none just now, and who runs or is in D is
 * unknown. Spans and rows stay valid while the table
 * does not change. 0 or -ENOMEM. */
int health_examine(const struct proc_table *t, const struct health_threads *threads,
		   struct health *ret_health);
void health_release(struct health *h);
const char *finding_name(enum finding_kind kind);     /* "cgroup_pids" */
const char *health_weight_name(enum health_weight w); /* "note" "warn" "alarm" */

#endif
