/* SPDX-License-Identifier: GPL-2.0-only */
/* The running machine through BPF. Only live*.c know libbpf. */
#ifndef PROCTRAIL_SOURCE_LIVE_H
#define PROCTRAIL_SOURCE_LIVE_H

#include <sys/types.h>

#include "source/source.h"

#define LIVE_SCOPE_PID    1
#define LIVE_SCOPE_CGROUP 2
#define LIVE_SCOPE_UID    4

struct live_options {
	size_t ring_bytes; /* 0: 8 MiB over all rings */
	uint32_t rings;    /* 0: min(cpus, 64) / 8, at least 1 */
	uint32_t args_max; /* bytes of argv kept, at most 65,536; 0: 512 */
	uint32_t scope_by; /* LIVE_SCOPE_* bits; 0: the whole machine */
	uint32_t scope_pid;
	uint32_t scope_uid;
	const char *scope_cgroup; /* path below the cgroup mount, or absolute */
	bool threads;
	bool all_signals;
	bool exact_reap;    /* sys_exit, where release_task has no hook: slows every syscall */
	bool exec_failures; /* sys_enter and sys_exit, where execve has no hook: as fork_time */
	bool fork_time;     /* sys_enter, where kernel_clone has no hook: slows every syscall */
	bool snapshot;      /* no tracing: one iterator pass, then -ENODATA */
	bool texts;         /* limits, loads, the kernel log: what a health page needs */
	uint64_t texts_every_ns; /* limits and loads again, while it traces; 0: not */
	bool facts;              /* read exe, cwd, argv of what was there before us */
	const char *proc_dir;    /* NULL: /proc */
	const char *zone_file;   /* NULL: /etc/localtime */
};

/* Why live tracing cannot work here; each has its own message and next step (doctor). */
enum live_obstacle {
	LIVE_OK,
	LIVE_NOT_ROOT, /* CAP_BPF and CAP_PERFMON are missing */
	LIVE_NO_BTF,   /* /sys/kernel/btf/vmlinux is not there */
	LIVE_LOCKDOWN, /* lockdown=confidentiality */
	LIVE_INNER_PIDNS,
	LIVE_NO_RINGBUF, /* older than 5.8, or not built in */
	LIVE_REFUSED,    /* the kernel refused our programs: see the log */
};

/* Checks without loading anything. proc_dir as in live_options. */
enum live_obstacle live_check(const char *proc_dir);
const char *live_obstacle_name(enum live_obstacle o);

/*
 * Loads, attaches, begins to seed. Returns 0, -EPERM with *ret_why set for what cannot be done
 * here, or another -errno. The first record of the stream is REC_HOST.
 */
int live_open(const struct live_options *opt, struct source **ret_source,
	      enum live_obstacle *ret_why);

/* REC_HOOK_* that are in */
uint32_t live_hooks(const struct source *s);

/* Before the first next(): the records that the stream begins with, REC_HOST first. */
struct span live_first(const struct source *s);

/*
 * After live_open(): gives up every privilege that is not needed any more, for this thread and those
 * that it starts from now on, and starts to read facts. pid: a held CMD that joins the scope with
 * its descendants-to-be; 0: none. 0 or -errno
 */
int live_begin(struct source *s, pid_t pid);

/* Makes next() return early when fd polls readable: a signalfd, a pidfd. 0 or -errno */
int live_watch(struct source *s, int fd);

/* "v1.1", for version and doctor */
const char *live_libbpf_version(void);

/* What this kernel offers, one row a hook; for doctor. */
struct live_hook {
	const char *name;    /* "fentry/release_task" */
	const char *gives;   /* "exact reap times" */
	const char *without; /* what its absence costs the answers */
	int err;             /* 0: works; -errno: how it was refused */
	uint32_t bit;        /* REC_HOOK_* */
};

/* Probes every optional hook (load and attach). Returns the count; rows are static. */
size_t live_probe_hooks(const struct live_hook **ret_rows);

#endif
