/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From hook to ring: reserve, fill, submit. Loss is counted here and nowhere else, and the parts
 * that several records share are filled here.
 */
#ifndef PROCTRAIL_RECORD_BPF_H
#define PROCTRAIL_RECORD_BPF_H

#include "state.bpf.h"
#include "compat.bpf.h"

#define SIGNAL_STOP_STOPPED 0x1
#define SIGNAL_GROUP_EXIT   0x4
#define EXIT_ZOMBIE         0x20
#define PIDTYPE_SID         3
#define PIDTYPE_PGID        2
#define INIT_PIDNS_INO      0xEFFFFFFC /* PROC_PID_INIT_INO: fixed since 3.8 */

/*
 * ---- header ---------------------------------------------------------------------------------
 */

/* A task and what hangs on it, each pointer read once (see reads_directly()). */
struct subject {
	struct task_struct *task;
	struct task_struct *leader;
	struct task_struct *parent; /* the leader's real_parent: who must reap */
	struct signal_struct *sig;
};

static __always_inline struct subject subject_of(struct task_struct *t)
{
	struct subject s = {.task = t};

	s.leader = GET(t, group_leader);
	s.sig = GET(t, signal);
	s.parent = GET(s.leader, real_parent);
	return s;
}

static __always_inline __u32 state_flags(const struct subject *s)
{
	__u32 sig_flags = GET(s->sig, flags), exit_state = GET(s->leader, exit_state);
	bool dead = GET(s->sig, live.counter) == 0;
	struct task_struct *leader = s->leader;
	__u32 f = 0;

	if (GET(s->leader, flags) & PF_KTHREAD)
		f |= REC_F_KTHREAD;
	if (dead || (sig_flags & SIGNAL_GROUP_EXIT))
		f |= REC_F_EXITING;
	if (dead)
		f |= REC_F_DEAD;
	if (dead && exit_state == EXIT_ZOMBIE)
		f |= REC_F_ZOMBIE;
	if (!dead && exit_state)
		f |= REC_F_LEADER_DEAD;
	if (sig_flags & SIGNAL_STOP_STOPPED)
		f |= REC_F_STOPPED;
	if (GET_BIT(s->sig, is_child_subreaper))
		f |= REC_F_SUBREAPER;
	if (GET(leader, ptrace) && /* seldom: by helper, see reads_directly() */
	    BPF_CORE_READ(leader, parent, tgid) != GET(s->parent, tgid))
		f |= REC_F_TRACED;
	return f;
}

/* How it ended or will: as wait4 reports it. */
static __always_inline __u32 wait_status(const struct subject *s)
{
	if (GET(s->sig, flags) & SIGNAL_GROUP_EXIT)
		return GET(s->sig, group_exit_code);
	return GET(s->leader, exit_code);
}

/* A leader is known by its pid: its pointer to itself lies on a line of its own. */
static __always_inline __u64 start_of(struct task_struct *t, __u32 tgid, __u32 tid)
{
	if (tgid == tid)
		return GET(t, start_boottime);
	return BPF_CORE_READ(t, group_leader, start_boottime);
}

/* Identity and state, without the parent: for a task whose parent may be freed already. */
static __always_inline void hdr_self(struct rec_hdr *h, const struct subject *s)
{
	h->start_ns = GET(s->leader, start_boottime);
	h->tgid = GET(s->task, tgid);
	h->tid = GET(s->task, pid);
	h->exec_id = GET(s->leader, self_exec_id);
	h->status = wait_status(s);
	if (flags_say_worker(GET(s->task, flags)))
		h->flags |= REC_F_IO_WORKER;
}

/* A record about the subject's process; h.tid is the task itself. */
static __always_inline void hdr_about(struct rec_hdr *h, const struct subject *s)
{
	hdr_self(h, s);
	h->flags |= state_flags(s);
	h->ppid = GET(s->parent, tgid);
	h->parent_tid = GET(s->parent, pid);
	if (h->ppid)
		h->parent_start_ns = start_of(s->parent, h->ppid, h->parent_tid);
}

static __always_inline void proc_of(struct rec_proc *p, struct task_struct *t)
{
	p->tgid = GET(t, tgid);
	p->tid = GET(t, pid);
	p->start_ns = start_of(t, p->tgid, p->tid);
}

/*
 * ---- ring -----------------------------------------------------------------------------------
 */

static __always_inline void *ring_of(__u32 cpu)
{
	__u32 slot;

	if (cfg_rings == 1) /* the most of machines: nothing to look up */
		return &ring;
	slot = cpu / 8 % cfg_rings;
	return bpf_map_lookup_elem(&rings, &slot);
}

static __always_inline struct rec_counters *counters_of(__u32 cpu)
{
	return bpf_map_lookup_elem(&counters, &cpu);
}

/*
 * Plain adds, result unused: clang would make a fetch-and-add of it, which 5.10 refuses. Locked, since
 * all programs count here and those of an interrupt run within others.
 */
static __always_inline void count_lost(struct rec_counters *c, __u32 type)
{
	__sync_fetch_and_add(&c->lost[type], 1);
	__sync_fetch_and_add(&c->lost_all, 1);
}

/*
 * A program never runs within itself on one CPU, and one program makes each type, so no lock. But for
 * those that are made by several.
 */
static __always_inline void count_attempt(struct rec_counters *c, __u32 type)
{
	if (type == REC_SEED || type == REC_ZOMBIE || type == REC_EXEC_FAILED)
		__sync_fetch_and_add(&c->attempted[type], 1);
	else
		c->attempted[type]++;
}

/*
 * How full the ring is costs a look at lines that every CPU writes, so a CPU looks only when it has
 * put an eighth of the level since its last look. The eight CPUs of a ring may therefore fill another
 * level unseen, which is why the level is a quarter of the ring; a consumer that is late is woken
 * by each look, a few times until the ring is full. It has a timer for all below the level.
 */
static __always_inline __u64 wake_flag(void *to, struct rec_counters *c, __u32 bytes)
{
	if (!cfg_wake_bytes)
		return BPF_RB_NO_WAKEUP;
	c->unlooked += bytes; /* plain: a lost addition only delays the look */
	if (c->unlooked < cfg_wake_bytes / 8)
		return BPF_RB_NO_WAKEUP;
	c->unlooked = 0;
	if (bpf_ringbuf_query(to, BPF_RB_AVAIL_DATA) < cfg_wake_bytes)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * 'size' bytes of ring. The first 'known' are the contents', without contents zero; with the fields of
 * the header that are about the record itself (constants all but the contents). NULL: no room, and
 * counted.
 */
static __always_inline void *ring_reserve(__u16 type, __u64 size, const void *contents, __u64 known)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct rec_counters *c = counters_of(cpu);
	void *to = ring_of(cpu);
	struct rec_hdr *h;
	__u64 now_ns;

	if (!c)
		return NULL;
	count_attempt(c, type);
	/* before: a page of the ring that is touched for the first time may cost 70 us in a guest */
	now_ns = bpf_ktime_get_boot_ns();
	h = to ? bpf_ringbuf_reserve(to, size, 0) : NULL;
	if (!h) {
		count_lost(c, type);
		return NULL;
	}
	if (contents)
		__builtin_memcpy(h, contents, known);
	else
		__builtin_memset(h, 0, known);
	h->boot_ns = now_ns;
	h->size = size;
	h->type = type;
	h->cpu = cpu;
	h->lost = c->lost_all;
	return h;
}

/* 'slot' is what the record takes of the ring, without its 8 byte head. */
static __always_inline void rec_submit_size(void *rec, __u64 slot)
{
	struct rec_hdr *h = rec;
	struct rec_counters *c = counters_of(h->cpu);
	void *to = ring_of(h->cpu);

	bpf_ringbuf_submit(h, c && to ? wake_flag(to, c, slot + 8) : BPF_RB_NO_WAKEUP);
}

/*
 * A small record, filled on the stack; returns its time, 0: lost. What it is read from is seldom in the
 * cache. The processor waits for many such lines at once, but not across the locked instructions of a
 * reservation, which therefore comes last. Not bpf_ringbuf_output(): its memcpy() waits for the ring's
 * memory, these stores do not (100 ns).
 */
static __always_inline __u64 rec_put_size(__u16 type, const struct rec_hdr *rec, __u64 size)
{
	struct rec_hdr *h = ring_reserve(type, size, rec, size);
	__u64 boot_ns;

	if (!h)
		return 0;
	boot_ns = h->boot_ns;
	rec_submit_size(h, size);
	return boot_ns;
}

#define rec_put(type, rec) rec_put_size(type, &(rec)->h, sizeof(*(rec)))

/*
 * A record that the stack has no room for is filled in the ring: 'size' bytes, the first 'zeroed' of
 * them zero.
 */
static __always_inline void *rec_reserve_tail(__u16 type, __u64 size, __u64 zeroed)
{
	return ring_reserve(type, size, NULL, zeroed);
}

static __always_inline void *rec_reserve(__u16 type, __u64 size)
{
	return rec_reserve_tail(type, size, size);
}

#define rec_submit(rec) rec_submit_size(rec, sizeof(*(rec)))

/*
 * ---- parts ----------------------------------------------------------------------------------
 */

static __always_inline void comm_of(char *comm, struct task_struct *t)
{
	bpf_core_read(comm, REC_COMM_LEN, &t->comm);
}

/* In the initial namespace: the first of the pid's numbers. */
static __always_inline __u32 pid_of_type(struct signal_struct *sig, const __u32 type)
{
	struct pid *p = GET(sig, pids[type]);

	return GET(p, numbers[0].nr);
}

static __always_inline void cred_of(struct rec_cred *c, const struct subject *s)
{
	struct cred *cred = GET(s->task, real_cred);

	c->uid = GET(cred, uid.val);
	c->euid = GET(cred, euid.val);
	c->gid = GET(cred, gid.val);
	c->sid = pid_of_type(s->sig, PIDTYPE_SID);
	task_audit(s->task, &c->loginuid, &c->sessionid);
}

static __always_inline __u64 kernfs_id(struct cgroup *cgrp)
{
	struct kernfs_node *kn = GET(cgrp, kn);

	return GET(kn, id);
}

/*
 * Where v1 and v2 are mounted side by side every task's v2 cgroup is the root: user space says
 * which hierarchy is the one that tells processes apart.
 */
static __always_inline struct cgroup *cgroup_of(struct task_struct *t)
{
	struct css_set *set = GET(t, cgroups);
	struct cgroup_subsys_state *css;
	__u32 i;

	if (cfg_cgroup_kind == REC_CGROUP_V2)
		return GET(set, dfl_cgrp);
	if (cfg_cgroup_kind == REC_CGROUP_V1_MEMORY)
		i = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	else
		i = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	css = GET(set, subsys[i]);
	return GET(css, cgroup);
}

/* Needs h.tgid; sets REC_F_NSINIT. */
static __always_inline void place_of(struct rec_hdr *h, struct rec_place *p,
				     const struct subject *s)
{
	struct task_struct *leader = s->leader;
	struct pid *thread = GET(leader, thread_pid);
	__u32 level = GET(thread, level);
	struct upid *upid;

	p->cgroup_id = kernfs_id(cgroup_of(s->task));
	p->ns_level = level;
	if (!level) {
		p->pidns = INIT_PIDNS_INO;
		p->ns_tgid = h->tgid;
		return;
	}
	/* by helper all the way: a typed pointer must not be moved by a variable */
	upid = ELEMENT(BPF_CORE_READ(leader, thread_pid), struct pid, numbers, level & 31);
	p->ns_tgid = BPF_CORE_READ(upid, nr);
	p->pidns = BPF_CORE_READ(upid, ns, ns.inum);
	if (p->ns_tgid == 1)
		h->flags |= REC_F_NSINIT;
}

static __always_inline void hostname_of(char *name, struct task_struct *t)
{
	struct nsproxy *ns = GET(t, nsproxy);
	struct uts_namespace *uts = GET(ns, uts_ns);

	bpf_core_read_str(name, REC_HOSTNAME_LEN, &uts->name.nodename);
}

/*
 * ---- usage ----------------------------------------------------------------------------------
 */

/*
 * signal_struct sums up the threads that were released (__exit_signal); who is not released yet
 * has its share in its own task: the leader until the reap, and whoever is dying right now.
 */
static __always_inline void usage_of_released(struct rec_usage *u, struct signal_struct *sig)
{
	u->utime_ns = GET(sig, utime);
	u->stime_ns = GET(sig, stime);
	u->cpu_ns = GET(sig, sum_sched_runtime);
	u->minflt = GET(sig, min_flt);
	u->majflt = GET(sig, maj_flt);
	u->nvcsw = GET(sig, nvcsw);
	u->nivcsw = GET(sig, nivcsw);
	u->maxrss_kb = GET(sig, maxrss) << (cfg_page_shift - 10);
}

static __always_inline void usage_add(struct rec_usage *u, struct task_struct *t)
{
	u->utime_ns += GET(t, utime);
	u->stime_ns += GET(t, stime);
	u->cpu_ns += GET(t, se.sum_exec_runtime);
	u->minflt += GET(t, min_flt);
	u->majflt += GET(t, maj_flt);
	u->nvcsw += GET(t, nvcsw);
	u->nivcsw += GET(t, nivcsw);
}

#endif
