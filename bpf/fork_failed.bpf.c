/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Optional hooks at the return of a fork call: one that was refused, and by which limit. That is derived
 * here and now, in the order in which copy_process() asks: what has no room at this moment is what
 * refused. All reads by helper but those of the registers: it happens seldom.
 */
#include "fork.bpf.h"
#include "scope.bpf.h"
#include <bpf/bpf_tracing.h>

#define ERRNO_MAX       511 /* above it: ERESTARTSYS and the like, the call is made again */
#define EAGAIN          11
#define ENOMEM          12
#define RLIMIT_NPROC    6
#define CAPS_EXEMPT     (1U << 21 | 1U << 24) /* CAP_SYS_ADMIN, CAP_SYS_RESOURCE */
#define PIDNS_ADDING    (1U << 31)
#define RESERVED_PIDS   300
#define CGROUP_LEVELS   32
#define PIDNS_LEVELS    32
#define PIDS_MAX        4194304 /* pids.max is above it: no limit */
#define CLONE_VM        0x00000100
#define CLONE_VFORK     0x00004000
#define SIGCHLD         17
#define FAILED_EVERY_NS 10000000ULL

static __always_inline bool set_limit(struct rec_fork_failed *r, __u8 limit, __u64 used, __u64 max)
{
	if (used < max)
		return false;
	r->limit = limit;
	r->limit_used = used;
	r->limit_max = max;
	return true;
}

/* Root, and who may do without limits, is exempt. */
static __always_inline bool nproc_reached(struct rec_fork_failed *r, struct task_struct *t)
{
	struct cred *cred = BPF_CORE_READ(t, real_cred);
	__u64 max = BPF_CORE_READ(t, signal, rlim[RLIMIT_NPROC].rlim_cur), used;
	struct user_struct *user = BPF_CORE_READ(cred, user);
	struct user_struct___old *old = (void *)user;
	__u32 caps = 0;

	bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
	if (!BPF_CORE_READ(user, uid.val) ||
	    (!BPF_CORE_READ(cred, user_ns, level) && (caps & CAPS_EXEMPT)))
		return false;
	if (bpf_core_field_exists(old->processes)) {
		used = (__u32)BPF_CORE_READ(old, processes.counter);
	} else if (bpf_core_enum_value_exists(enum rlimit_type, UCOUNT_RLIMIT_NPROC)) {
		__u32 i = bpf_core_enum_value(enum rlimit_type, UCOUNT_RLIMIT_NPROC);
		struct ucounts *counts = BPF_CORE_READ(cred, ucounts);

		used = BPF_CORE_READ(counts, rlimit[i].counter);
	} else {
		return false; /* 5.14 to 5.19 */
	}
	return set_limit(r, REC_LIMIT_NPROC, used, max);
}

/*
 * nr_threads has no pointer that leads to it, but each thread has a pid in the first namespace; a pid that
 * is kept as a group's or session's is counted, too.
 */
static __always_inline bool pids_reached(struct rec_fork_failed *r, struct task_struct *t)
{
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level), used;
	struct upid *upid = ELEMENT(pid, struct pid, numbers, level & 31);
	struct pid_namespace *ns = BPF_CORE_READ(upid, ns), *first = ns;
	__u32 max;

	for (int i = 0; i < PIDNS_LEVELS; i++) {
		struct pid_namespace *up = BPF_CORE_READ(first, parent);

		if (!up)
			break;
		first = up;
	}
	used = BPF_CORE_READ(first, pid_allocated) & ~PIDNS_ADDING;
	if (limit_threads_max && set_limit(r, REC_LIMIT_THREADS_MAX, used, limit_threads_max))
		return true;
	for (int i = 0; i < PIDNS_LEVELS && ns; i++) {
		used = BPF_CORE_READ(ns, pid_allocated);
		if (!(used & PIDNS_ADDING)) {
			r->limit = REC_LIMIT_DEAD_NS;
			return true;
		}
		used &= ~PIDNS_ADDING;
		max = bpf_core_field_exists(ns->pid_max) ? BPF_CORE_READ(ns, pid_max) :
							   limit_pid_max;
		/* the lowest are not given again: some of them are nobody's */
		if (max && used + RESERVED_PIDS >= max) {
			r->limit = REC_LIMIT_PID_MAX;
			r->limit_used = used;
			r->limit_max = max;
			return true;
		}
		ns = BPF_CORE_READ(ns, parent);
	}
	return false;
}

static __always_inline void cgroup_reached(struct rec_fork_failed *r, struct task_struct *t)
{
	struct css_set *set = BPF_CORE_READ(t, cgroups);
	struct cgroup_subsys_state *css;
	__u32 i;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return;
	i = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	css = BPF_CORE_READ(set, subsys[i]);
	for (int level = 0; level < CGROUP_LEVELS && css; level++) {
		struct pids_cgroup *pids = (void *)css; /* its first member */
		__u64 max = BPF_CORE_READ(pids, limit.counter);

		if (max <= PIDS_MAX && set_limit(r, REC_LIMIT_CGROUP_PIDS,
						 BPF_CORE_READ(pids, counter.counter), max)) {
			r->limit_cgroup_id = BPF_CORE_READ(css, cgroup, kn, id);
			return;
		}
		css = BPF_CORE_READ(css, parent);
	}
}

static __always_inline void fill_call(struct rec_fork_failed *r, struct task_struct *t)
{
	struct call call;

	call_read(&call, t, cfg_page_shift);
	r->syscall = call.nr;
	if (call.compat) {
		r->h.flags |= REC_F_COMPAT;
		return;
	}
	if (call.nr == NR_CLONE3) /* the first word of the caller's block */
		bpf_probe_read_user(&r->clone_flags, sizeof(r->clone_flags), (void *)call.arg[0]);
	else if (call.nr == NR_CLONE)
		r->clone_flags = call.arg[0];
	else if (call.nr == NR_FORK)
		r->clone_flags = SIGCHLD;
	else if (call.nr == NR_VFORK)
		r->clone_flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
}

/* Who tries again and again ships one in 10 ms. Two threads on one slot ship more. */
static __always_inline bool failure_repeats(__u64 thread, __u32 *ret_repeat)
{
	struct forker *f = forker_slot((__u32)thread);
	__u64 now = bpf_ktime_get_boot_ns();

	*ret_repeat = 0;
	if (!f)
		return false;
	if (f->failed_thread == thread) {
		if (now - f->failed_ns < FAILED_EVERY_NS) {
			f->repeat++;
			return true;
		}
		*ret_repeat = f->repeat;
	}
	f->failed_thread = thread;
	f->failed_ns = now;
	f->repeat = 0;
	return false;
}

static __always_inline int fork_failed(__u32 error)
{
	__u64 thread = bpf_get_current_pid_tgid(), took = 0;
	struct task_struct *me = current_task();
	struct rec_fork_failed r = {.error = error};
	struct subject s;

	if (cfg_fork_timed)
		took = fork_taken_ns(thread >> 32, (__u32)thread);
	s = subject_of(me);
	if (!scope_has(s.sig) || failure_repeats(thread, &r.repeat))
		return 0;
	hdr_about(&r.h, &s);
	r.fork_ns = took;
	fill_call(&r, me);
	comm_of(r.comm, me);
	if (error == EAGAIN || error == ENOMEM) {
		if (!nproc_reached(&r, me) && !pids_reached(&r, me))
			cgroup_reached(&r, me);
	}
	rec_put(REC_FORK_FAILED, &r);
	return 0;
}

/* ctx: the argument block, then what is returned */
SEC("fexit/kernel_clone")
int on_clone_fexit(__u64 *ctx)
{
	__s32 ret = ctx[1];

	return ret < 0 && ret >= -ERRNO_MAX ? fork_failed(-ret) : 0;
}

/* Runs for every system call of the machine: most succeed. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_fork_return, struct pt_regs *regs, long ret)
{
	struct call call;

	if (ret >= 0 || ret < -ERRNO_MAX)
		return 0;
	call_read(&call, current_task(), cfg_page_shift);
	return nr_may_fork(call.nr) && nr_forks(call.nr, call.compat) ? fork_failed(-ret) : 0;
}
