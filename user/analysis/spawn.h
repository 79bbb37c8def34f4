/* SPDX-License-Identifier: GPL-2.0-only */
/* What one spawn cost: fork..exec, split. */
#ifndef PROCTRAIL_ANALYSIS_SPAWN_H
#define PROCTRAIL_ANALYSIS_SPAWN_H

#include "model/event.h"
#include "model/proc_table.h"

/*
 * queued + blocked + running = total, by construction: the kernel keeps how long a task was runnable
 * and had no CPU (sched_info.run_delay), and how long it ran, but the latter only up to its last tick or
 * switch. A task that never gave its CPU away was never blocked, then running is the rest; otherwise
 * blocked is the rest, and of that up to 'err' ran. What interrupts and a hypervisor took from a CPU that
 * it had is within 'running' where that is the rest: the kernel's CPU clock may leave it out.
 */
struct spawn_split {
	uint64_t total, queued, blocked, running, err; /* ns */
	bool known; /* else only the total is: another thread than the first has called exec */
};

/*
 * c: CHANGE_EXEC. False where it is no spawn: not the first image, or a process whose birth was not
 * seen.
 */
bool spawn_split_of(const struct change *c, struct spawn_split *ret);
/*
 * A container's start: its program is the first image of pid 1 of a pid namespace of its own. What
 * a runtime does before that process is born, and as which of its own programs, is not part of it.
 */
bool spawn_starts_container(const struct proc *p);
/* The parent stood still until the child's exec or death. */
bool spawn_suspends(enum spawn_how how);

#endif
