/* SPDX-License-Identifier: GPL-2.0-only */
/* Small machines, made by hand: seed records as an iterator pass would give them. */
#ifndef PROCTRAIL_TEST_TREE_FEED_H
#define PROCTRAIL_TEST_TREE_FEED_H

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/proc_table.h"
#include "output/render.h"

#define FEED_NOW        (1000000 * NS_PER_SEC)
#define FEED_SEC(n)     ((n)*NS_PER_SEC)
#define FEED_START(pid) (FEED_NOW - FEED_SEC(100000) + (pid)*NS_PER_MS)

/* Everything a test may want to say about one process. */
struct feed_proc {
	uint32_t pid, ppid;
	const char *comm;
	const char *hostname;
	uint64_t age_s;   /* 0: by its pid */
	uint64_t still_s; /* time in its state; 0: unknown */
	uint64_t cgroup;
	uint64_t sig_pending;
	uint64_t child_minflt;
	uint32_t flags;   /* REC_F_* */
	uint32_t threads; /* 0: 1 */
	uint32_t state;   /* __state */
	uint32_t status;  /* of a zombie */
	uint32_t uid;
};

static uint64_t feed_start(uint32_t pid, uint64_t age_s)
{
	return age_s ? FEED_NOW - FEED_SEC(age_s) : FEED_START(pid);
}

static void feed_apply(struct proc_table *t, struct event *ev, unsigned type)
{
	ev->h.type = (uint16_t)type;
	ev->h.size = 64;
	ev->h.cpu = 0xffff;
	if (!ev->h.boot_ns)
		ev->h.boot_ns = FEED_NOW;
	assert_int_equal(proc_table_apply(t, ev), 0);
}

static void feed_host(struct proc_table *t)
{
	struct event ev = {0};

	/* Tue 24 Nov 2026 01:14:06 UTC at FEED_NOW */
	ev.host.real_ns = 1795482846ULL * NS_PER_SEC;
	ev.host.cpus = 8;
	ev.host.gmtoff_s = 3600;
	ev.name = span_of("db1");
	ev.release = span_of("6.1.0");
	ev.machine = span_of("x86_64");
	ev.zone = span_of("CET");
	ev.host.hooks = REC_HOOK_NONE;
	feed_apply(t, &ev, REC_HOST);
}

static struct proc_table *feed_table(void)
{
	struct proc_table *t = proc_table_new(NULL);

	assert_non_null(t);
	feed_host(t);
	return t;
}

/* The parent's age, when it was given, is parent_age_s. */
static void feed_seed_below(struct proc_table *t, const struct feed_proc *p, uint64_t parent_age_s)
{
	struct event ev = {0};

	ev.h.tgid = ev.h.tid = p->pid;
	ev.h.start_ns = feed_start(p->pid, p->age_s);
	ev.h.ppid = ev.h.parent_tid = p->ppid;
	ev.h.parent_start_ns = p->ppid ? feed_start(p->ppid, parent_age_s) : 0;
	ev.h.flags = p->flags;
	ev.h.status = p->status;
	ev.seed.pass = 1;
	ev.seed.threads = p->threads ? p->threads : 1;
	ev.seed.state = p->state;
	ev.seed.exit_state = p->flags & REC_F_ZOMBIE ? 0x20 : 0;
	ev.seed.still_exec_ns = p->still_s ? FEED_SEC(p->still_s) : REC_STILL_NONE;
	ev.seed.still_arrival_ns = ev.seed.still_exec_ns;
	ev.seed.sig_pending = p->sig_pending;
	ev.seed.child_minflt = p->child_minflt;
	ev.seed.exit_signal = 17;
	ev.seed.place.cgroup_id = p->cgroup;
	ev.seed.cred.uid = p->uid;
	if (p->flags & REC_F_NSINIT) {
		ev.seed.place.pidns = 0xf0000001;
		ev.seed.place.ns_tgid = 1;
		ev.seed.place.ns_level = 1;
		snprintf(ev.seed.hostname, sizeof(ev.seed.hostname), "%s", p->hostname);
	}
	snprintf(ev.seed.comm, sizeof(ev.seed.comm), "%s", p->comm);
	feed_apply(t, &ev, REC_SEED);
}

static inline void feed_seed(struct proc_table *t, const struct feed_proc *p)
{
	feed_seed_below(t, p, 0);
}

#define FEED(t, ...) feed_seed(t, &(const struct feed_proc){__VA_ARGS__})

static inline void feed_cgroup(struct proc_table *t, uint64_t id, const char *path)
{
	struct event ev = {0};

	ev.fact.id = id;
	ev.text = span_of(path);
	feed_apply(t, &ev, REC_FACT_CGROUP);
}

static inline void feed_text(struct proc_table *t, const char *name, const char *text)
{
	struct event ev = {0};

	ev.name = span_of(name);
	ev.text = span_of(text);
	feed_apply(t, &ev, REC_FACT_TEXT);
}

/* A birth and a death while we watch, at these ms after FEED_NOW */
static inline void feed_fork(struct proc_table *t, uint32_t pid, uint32_t ppid,
			     uint64_t parent_start_ns, const char *comm, uint64_t at_ms)
{
	struct event ev = {0};

	ev.h.boot_ns = ev.h.start_ns = FEED_NOW + at_ms * NS_PER_MS;
	ev.h.tgid = ev.h.tid = pid;
	ev.h.ppid = ev.h.parent_tid = ppid;
	ev.h.parent_start_ns = parent_start_ns;
	ev.fork.creator = (struct rec_proc){parent_start_ns, ppid, ppid};
	ev.fork.exit_signal = 17;
	snprintf(ev.fork.comm, sizeof(ev.fork.comm), "%s", comm);
	feed_apply(t, &ev, REC_FORK);
}

static inline void feed_gone(struct proc_table *t, uint32_t pid, uint64_t start_ms, uint32_t ppid,
			     uint64_t parent_start_ns, uint32_t status, uint64_t at_ms)
{
	static const unsigned types[] = {REC_EXIT, REC_ZOMBIE, REC_REAP};

	for (size_t i = 0; i < 3; i++) {
		struct event ev = {0};

		ev.h.boot_ns = FEED_NOW + at_ms * NS_PER_MS + i;
		ev.h.start_ns = FEED_NOW + start_ms * NS_PER_MS;
		ev.h.tgid = ev.h.tid = pid;
		ev.h.ppid = ev.h.parent_tid = ppid;
		ev.h.parent_start_ns = parent_start_ns;
		ev.h.status = status;
		ev.h.flags = REC_F_EXITING | REC_F_DEAD;
		if (types[i] == REC_ZOMBIE) {
			ev.h.flags |= REC_F_ZOMBIE;
			ev.zombie.source = REC_ZOMBIE_SIGCHLD;
			ev.zombie.exit_signal = 17;
			ev.zombie.notified = (struct rec_proc){parent_start_ns, ppid, ppid};
		}
		if (types[i] == REC_REAP)
			ev.reap.reaper = (struct rec_proc){parent_start_ns, ppid, ppid};
		feed_apply(t, &ev, types[i]);
	}
}

static inline struct render feed_render(struct proc_table *t, int columns)
{
	return (struct render){.table = t, .style = {.columns = columns}};
}

/* The widest line of a text, in columns. */
static inline size_t feed_widest(const char *text)
{
	size_t widest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n"), width = text_width((struct span){text, len});

		if (width > widest)
			widest = width;
		text += len + (text[len] == '\n');
	}
	return widest;
}

static inline size_t feed_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
