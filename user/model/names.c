// SPDX-License-Identifier: GPL-2.0-only
/* What things are called: signals, states, ways to spawn. */
#include <string.h>

#include "model/proc.h"

#define SIGRT_FIRST 34 /* libc takes 32 and 33 for itself: SIGRTMIN as programs see it */
#define SIGRT_LAST  64

static const char *const signal_names[] = {
	NULL,       "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",  "SIGTRAP",   "SIGABRT",
	"SIGBUS",   "SIGFPE",  "SIGKILL",   "SIGUSR1", "SIGSEGV", "SIGUSR2",   "SIGPIPE",
	"SIGALRM",  "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",   "SIGTSTP",
	"SIGTTIN",  "SIGTTOU", "SIGURG",    "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",
	"SIGWINCH", "SIGIO",   "SIGPWR",    "SIGSYS",  "SIG32",   "SIG33",
};

static const char *const realtime_names[] = {
	"SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",
	"SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11",
	"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13",
	"SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9",  "SIGRTMAX-8",  "SIGRTMAX-7",
	"SIGRTMAX-6",  "SIGRTMAX-5",  "SIGRTMAX-4",  "SIGRTMAX-3",  "SIGRTMAX-2",  "SIGRTMAX-1",
	"SIGRTMAX",
};
_Static_assert(sizeof(realtime_names) / sizeof(char *) == SIGRT_LAST - SIGRT_FIRST + 1, "one each");

const char *signal_name(int sig)
{
	if (sig >= SIGRT_FIRST && sig <= SIGRT_LAST)
		return realtime_names[sig - SIGRT_FIRST];
	if (sig <= 0 || sig >= SIGRT_FIRST)
		return NULL;
	return signal_names[sig];
}

const char *spawn_how_name(enum spawn_how how)
{
	switch (how) {
	case HOW_UNKNOWN: return "unknown";
	case HOW_FORK: return "fork";
	case HOW_VFORK: return "vfork";
	case HOW_POSIX_SPAWN: return "posix_spawn";
	case HOW_CLONE: return "clone";
	case HOW_THREAD: return "thread";
	}
	return "unknown";
}

bool proc_is_alive(const struct proc *p)
{
	return p->state == PROC_BORN || p->state == PROC_RUNNING;
}

struct span proc_comm(const struct proc *p)
{
	return (struct span){p->comm, strnlen(p->comm, sizeof(p->comm))};
}

/* Bits of task_struct.__state; the same on every kernel we run on. */
#define TASK_INTERRUPTIBLE   0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED         0x0004
#define TASK_TRACED          0x0008
#define TASK_PARKED          0x0040
#define TASK_NOLOAD          0x0400
#define TASK_FROZEN          0x8000 /* 6.1 and later */

static char task_state_char(uint32_t state)
{
	if (state == 0)
		return 'R';
	if ((state & TASK_UNINTERRUPTIBLE) && (state & TASK_NOLOAD))
		return 'I';
	if (state & TASK_INTERRUPTIBLE)
		return 'S';
	if (state & (TASK_UNINTERRUPTIBLE | TASK_FROZEN))
		return 'D';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_TRACED)
		return 't';
	if (state & TASK_PARKED)
		return 'P';
	return '?';
}

bool proc_is_frozen(const struct proc *p)
{
	return proc_is_alive(p) && p->pass && p->task_state & REC_STATE_FROZEN;
}

char proc_state_char(const struct proc *p)
{
	switch ((enum proc_state)p->state) {
	case PROC_ZOMBIE: return 'Z';
	case PROC_DYING:
	case PROC_REAPED: return 'X';
	case PROC_BORN:
	case PROC_RUNNING: break;
	}
	if (p->flags & PROC_STOPPED)
		return 'T';
	if (p->flags & PROC_LEADER_DEAD)
		return 'Z';
	return p->pass ? task_state_char(p->task_state) : '?';
}
