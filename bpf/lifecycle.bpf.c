/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Birth, death, rename, and the last trace of a process in the kernel. Exec has its own file. */
#include "fork.bpf.h"
#include "scope.bpf.h"
#include <bpf/bpf_tracing.h>

#define CLONE_VM     0x00000100
#define CLONE_VFORK  0x00004000
#define CLONE_THREAD 0x00010000

/*
 * vfork() runs the child on the parent's stack, posix_spawn() gives it one of its own; the flags
 * are the same.
 */
static __always_inline __u8 compare_sp(const struct call *creator, struct task_struct *child)
{
	struct call c;

	call_read(&c, child, cfg_page_shift);
	if (!c.sp || !creator->sp)
		return REC_SP_UNKNOWN;
	return c.sp == creator->sp ? REC_SP_SAME : REC_SP_OTHER;
}

static __always_inline void fill_birth(struct rec_fork *r, const struct subject *child,
				       struct task_struct *creator, __u64 clone_flags)
{
	struct mm_struct *mm = GET(creator, mm);
	struct call call;

	hdr_about(&r->h, child);
	if (clone_flags & CLONE_THREAD)
		r->h.flags |= REC_F_THREAD;
	place_of(&r->h, &r->place, child);
	cred_of(&r->cred, child);
	proc_of(&r->creator, creator);
	r->clone_flags = clone_flags;
	if (mm) {
		r->creator_rss_kb = mm_rss_pages(mm) << (cfg_page_shift - 10);
		r->creator_pgtables_bytes = GET(mm, pgtables_bytes.counter);
	}
	call_read(&call, creator, cfg_page_shift);
	r->syscall = call.nr;
	if (call.compat)
		r->h.flags |= REC_F_COMPAT;
	if ((clone_flags & CLONE_VM) && (clone_flags & CLONE_VFORK))
		r->sp = compare_sp(&call, child->task);
	r->exit_signal = GET(child->task, exit_signal);
	comm_of(r->comm, child->task);
}

/* task_newtask, not sched_process_fork: io_uring's workers pass only here, yet exit like all. */
SEC("tp_btf/task_newtask")
int BPF_PROG(on_newtask, struct task_struct *t, __u64 clone_flags)
{
	struct task_struct *creator = current_task();
	struct rec_fork r = {};
	struct subject child;

	if ((clone_flags & CLONE_THREAD) && !cfg_threads)
		return 0;
	child = subject_of(t);
	if (!scope_join_birth(&child, creator))
		return 0;
	fill_birth(&r, &child, creator, clone_flags);
	if (cfg_fork_timed && !(r.h.flags & REC_F_IO_WORKER)) /* that one's is no fork call */
		r.fork_ns = fork_taken_ns(r.creator.tgid, r.creator.tid);
	rec_put(REC_FORK, &r);
	return 0;
}

/* Not a zombie yet: memory, files and children go now. CPU time is not final. */
SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *ctx)
{
	struct subject s = subject_of((struct task_struct *)ctx[0]);
	bool last = exit_is_last(ctx, s.sig);
	struct rec_exit r = {};

	if ((!last && !cfg_threads) || !scope_has_or_missed(&s))
		return 0;
	hdr_about(&r.h, &s);
	if (last) {
		usage_of_released(&r.usage, s.sig);
		if (s.leader != s.task) /* died earlier, waits unreleased for the last thread */
			usage_add(&r.usage, s.leader);
	} else {
		r.h.flags |= REC_F_THREAD;
	}
	usage_add(&r.usage, s.task);
	comm_of(r.comm, s.task);
	rec_put(REC_EXIT, &r);
	return 0;
}

/* An exec renames too, but its own record says so. */
SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *t, const char *comm)
{
	struct subject s = subject_of(t);
	struct rec_rename r = {};
	struct call call;

	if ((s.leader != t && !cfg_threads) || !scope_has(s.sig))
		return 0;
	call_read(&call, current_task(), cfg_page_shift);
	if (call_is_exec(&call))
		return 0;
	hdr_about(&r.h, &s);
	if (s.leader != t)
		r.h.flags |= REC_F_THREAD;
	bpf_probe_read_kernel_str(r.comm, sizeof(r.comm), comm);
	rec_put(REC_RENAME, &r);
	return 0;
}

/*
 * The net under the reap: every leader passes here, an RCU grace period late, with the final
 * usage (__exit_signal has added the leader's own by now). Shipped also where release_task is
 * hooked: to know that it was missed (goto repeat, a skipped run) would need a map of all
 * processes, which costs more than the record. The parent may be freed already: not read.
 * Threads have exit_signal -1.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *t)
{
	struct subject s = {.task = t, .leader = t};
	struct rec_reap r = {.h.flags = REC_F_EXITING | REC_F_DEAD};

	if (GET(t, exit_signal) < 0)
		return 0;
	s.sig = GET(t, signal);
	if (!scope_has(s.sig))
		return 0;
	hdr_self(&r.h, &s);
	usage_of_released(&r.usage, s.sig);
	rec_put(REC_FREE, &r);
	scope_leave(s.sig);
	return 0;
}
