/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every difference between kernels, here and nowhere else: each a test for the feature, resolved
 * when the program is loaded (the verifier drops the other branch), each with the date it can go.
 */
#ifndef PROCTRAIL_COMPAT_BPF_H
#define PROCTRAIL_COMPAT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* ---- how to read kernel memory ------------------------------------------------------------- */

/*
 * A typed pointer is read by one load instruction, a fault reads 0. But only a typed one, and
 * 5.10 cannot type the current task, nor can a kprobe type anything: there every read is a
 * helper call. Remove the test when 5.10 leaves the matrix.
 *
 * A file that defines READ_BY_PROBE first reads by helper only: for kprobes, and for hooks that
 * are rare. Before 7.0 each *pointer* read directly from a trusted one costs the verifier about
 * a millisecond (it looks for "task_struct__safe_rcu" and the like through all of the kernel's
 * BTF), so elsewhere the pointers of a task are read once, in subject_of(), and by helper where they
 * are seldom wanted.
 */
static __always_inline bool reads_directly(void)
{
#ifdef READ_BY_PROBE
	return false;
#else
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
#endif
}

/*
 * GET(task, signal): the one way to read a field of a typed pointer; path members
 * (se.exec_start) may be named, pointers on the way may not. Never for 'info' and 'pid' of a
 * tracepoint: those need the guards of GET_INFO and of on_wait().
 */
#define GET(p, field)                                               \
	({                                                          \
		typeof(p) _p = (p);                                 \
		typeof(_p->field) _v = 0;                           \
		if (reads_directly())                               \
			_v = _p->field;                             \
		else                                                \
			bpf_core_read(&_v, sizeof(_v), &_p->field); \
		_v;                                                 \
	})

#define GET_BIT(p, field)                                               \
	({                                                              \
		__u64 _bit;                                             \
		if (reads_directly())                                   \
			_bit = BPF_CORE_READ_BITFIELD(p, field);        \
		else                                                    \
			_bit = BPF_CORE_READ_BITFIELD_PROBED(p, field); \
		_bit;                                                   \
	})

static __always_inline struct task_struct *current_task(void)
{
#ifndef READ_BY_PROBE
	if (reads_directly())
		return (struct task_struct *)bpf_get_current_task_btf();
#endif
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * 'info' of signal_generate and signal_deliver is 0 (SEND_SIG_NOINFO), 1 (SEND_SIG_PRIV) or a
 * pointer. Newer verifiers believe it to be valid: a direct read of 0 or 1 is an oops (6.16 to
 * 7.1). Nothing but this comparison and a read by helper; no arithmetic, no read before the
 * test.
 */
#define INFO_IS_POINTER(info) ((__u64)(info) > 2)
#define GET_INFO(info, field)                                       \
	({                                                          \
		typeof(((struct kernel_siginfo *)0)->field) _v = 0; \
		if (INFO_IS_POINTER(info))                          \
			_v = BPF_CORE_READ(info, field);            \
		_v;                                                 \
	})

/*
 * Element 'i', not a constant, of an array: the compiler would step by the size of our cut-down
 * type, so by the kernel's instead. For reads by helper. The mask is for 6.1's verifier, which
 * loses the bounds of a product; no array of ours is longer than 4 KiB.
 */
#define ELEMENT(p, type, field, i)                                  \
	((void *)((__u64)(p) + bpf_core_field_offset(type, field) + \
		  ((i)*bpf_core_type_size(typeof(((type *)0)->field[0])) & 0xfff)))

/*
 * ---- tasks ----------------------------------------------------------------------------------
 */

/* 'state' is '__state' from 5.14 on. Remove when 5.10 leaves the matrix. */
static __always_inline __u32 task_state(struct task_struct *t)
{
	if (bpf_core_field_exists(t->__state))
		return GET(t, __state);
	return GET((struct task_struct___old *)t, state);
}

#define PF_FROZEN          0x00010000
#define TASK_FROZEN        0x00008000
#define JOBCTL_TRAP_FREEZE (1UL << 23)

/*
 * By the cgroup freezer: v2's has a bit of its own, v1's is a state from 6.1 on and a flag before.
 * The bit alone says that it could be frozen where it is: cgroup_enter_frozen() sets it for whoever is
 * stopped, or waits for its vfork child. Remove the flag when 5.10 leaves the matrix.
 */
static __always_inline bool task_is_frozen(struct task_struct *t)
{
	if (bpf_core_field_exists(t->frozen) && GET_BIT(t, frozen) &&
	    (GET(t, jobctl) & JOBCTL_TRAP_FREEZE))
		return true;
	if (bpf_core_field_exists(struct mm_struct___maple, mm_mt))
		return task_state(t) & TASK_FROZEN;
	return GET(t, flags) & PF_FROZEN;
}

#define PF_IO_WORKER   0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD     0x00200000

/*
 * The bits meant other things before 5.12 and 6.4; no BTF shows a #define, but the field each
 * came with. Remove when 6.1 leaves the matrix.
 */
static __always_inline bool flags_say_worker(__u32 flags)
{
	if (bpf_core_field_exists(struct kernel_clone_args___io, io_thread) &&
	    (flags & PF_IO_WORKER))
		return true;
	return bpf_core_field_exists(struct kernel_clone_args___user, user_worker) &&
	       (flags & PF_USER_WORKER);
}

/* CONFIG_AUDIT may be off: for good. */
static __always_inline void task_audit(struct task_struct *t, __u32 *ret_loginuid,
				       __u32 *ret_session)
{
	*ret_loginuid = *ret_session = 0xffffffff;
	if (bpf_core_field_exists(t->loginuid))
		*ret_loginuid = GET(t, loginuid.val);
	if (bpf_core_field_exists(t->sessionid))
		*ret_session = GET(t, sessionid);
}

/* File, anonymous and shared pages; swap entries (index 2) are not resident. The shared counters
 * lag by a batch per CPU. Percpu from 6.2: remove the other when 6.1 leaves the matrix. */
static __always_inline __u64 mm_rss_pages(struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;
	__s64 file, anon, shmem;

	if (bpf_core_field_exists(old->rss_stat.count)) {
		/* by helper: 6.1's verifier cannot follow an array of typedefs */
		file = BPF_CORE_READ(old, rss_stat.count[0].counter);
		anon = BPF_CORE_READ(old, rss_stat.count[1].counter);
		shmem = BPF_CORE_READ(old, rss_stat.count[3].counter);
	} else {
		file = GET(mm, rss_stat[0].count);
		anon = GET(mm, rss_stat[1].count);
		shmem = GET(mm, rss_stat[3].count);
	}
	return (file > 0 ? file : 0) + (anon > 0 ? anon : 0) + (shmem > 0 ? shmem : 0);
}

/*
 * ---- user registers -------------------------------------------------------------------------
 */

/* what a task asked the kernel for, from the registers it entered with */
struct call {
	__u32 nr;    /* 0xffffffff: unknown */
	bool compat; /* by the 32-bit entry */
	__u64 arg[4];
	__u64 sp; /* 0: unknown */
};

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT          0x0002
#define NR_WAIT4           61
#define NR_WAITID          247
#define NR_WAIT4_COMPAT    114
#define NR_WAITID_COMPAT   284
#define NR_EXECVE          59
#define NR_EXECVEAT        322
#define NR_EXECVE_COMPAT   11
#define NR_EXECVEAT_COMPAT 358
#define NR_CLONE           56
#define NR_FORK            57
#define NR_VFORK           58
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT          (1UL << 22)
#define NR_WAIT4           260
#define NR_WAITID          95
#define NR_WAIT4_COMPAT    114
#define NR_WAITID_COMPAT   280
#define NR_EXECVE          221
#define NR_EXECVEAT        281
#define NR_EXECVE_COMPAT   11
#define NR_EXECVEAT_COMPAT 387
#define NR_CLONE           220
#define NR_FORK            NR_CLONE /* arm64 has neither */
#define NR_VFORK           NR_CLONE
#endif
#define NR_CLONE3       435 /* everywhere */
#define NR_FORK_COMPAT  2
#define NR_CLONE_COMPAT 120
#define NR_VFORK_COMPAT 190

static __always_inline bool task_is_compat(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return GET(t, thread_info.status) & TS_COMPAT;
#elif defined(__TARGET_ARCH_arm64)
	return GET(t, thread_info.flags) & TIF_32BIT;
#endif
}

static __always_inline __u32 syscall_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return GET(regs, orig_ax);
#elif defined(__TARGET_ARCH_arm64)
	return GET(regs, syscallno);
#endif
}

static __always_inline void call_from_regs(struct call *c, struct task_struct *t,
					   struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	c->nr = syscall_of(regs);
	c->sp = GET(regs, sp);
	c->compat = task_is_compat(t);
	if (c->compat) /* ebx, ecx, edx, esi: no user of ours reads the arguments of those */
		return;
	c->arg[0] = GET(regs, di);
	c->arg[1] = GET(regs, si);
	c->arg[2] = GET(regs, dx);
	c->arg[3] = GET(regs, r10);
#elif defined(__TARGET_ARCH_arm64)
	c->nr = syscall_of(regs);
	c->sp = GET(regs, sp);
	c->compat = task_is_compat(t);
	c->arg[0] = GET(regs, orig_x0);
	c->arg[1] = GET(regs, regs[1]);
	c->arg[2] = GET(regs, regs[2]);
	c->arg[3] = GET(regs, regs[3]);
#endif
}

/*
 * bpf_task_pt_regs() wherever it exists (5.15). The computed place is right on 5.10 and wrong on
 * newer kernels (FRED moves it). Remove when 5.10 leaves the matrix. Kernel threads have none.
 */
static __always_inline void call_read(struct call *c, struct task_struct *t, __u32 page_shift)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->nr = 0xffffffff;
	if (GET(t, flags) & PF_KTHREAD)
		return;
#ifndef READ_BY_PROBE
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		call_from_regs(c, t, (struct pt_regs *)bpf_task_pt_regs(t));
	} else {
		__u64 size = page_shift > 14 ? 1UL << page_shift : 1UL << 14; /* THREAD_SIZE */

		call_from_regs(c, t,
			       (struct pt_regs *)((__u64)GET(t, stack) + size -
						  bpf_core_type_size(struct pt_regs)));
	}
#endif
}

/* By the number alone: whether it forks by one of the two entries. */
static __always_inline bool nr_may_fork(__u64 nr)
{
	return nr == NR_CLONE || nr == NR_CLONE3 || nr == NR_FORK_COMPAT || nr == NR_CLONE_COMPAT ||
	       nr == NR_VFORK_COMPAT || nr == NR_FORK || nr == NR_VFORK;
}

static __always_inline bool nr_forks(__u64 nr, bool compat)
{
	if (nr == NR_CLONE3)
		return true;
	if (compat)
		return nr == NR_FORK_COMPAT || nr == NR_VFORK_COMPAT || nr == NR_CLONE_COMPAT;
	return nr == NR_CLONE || nr == NR_FORK || nr == NR_VFORK;
}

/* By the number alone: whether it execs by one of the two entries. */
static __always_inline bool nr_may_exec(__u64 nr)
{
	return nr == NR_EXECVE || nr == NR_EXECVEAT || nr == NR_EXECVE_COMPAT ||
	       nr == NR_EXECVEAT_COMPAT;
}

static __always_inline bool nr_execs(__u64 nr, bool compat)
{
	if (compat)
		return nr == NR_EXECVE_COMPAT || nr == NR_EXECVEAT_COMPAT;
	return nr == NR_EXECVE || nr == NR_EXECVEAT;
}

static __always_inline bool call_is_exec(const struct call *c)
{
	return nr_execs(c->nr, c->compat);
}

/*
 * ---- tracepoint arguments -------------------------------------------------------------------
 */

/*
 * sched_process_exit passes group_dead from 6.16 on. Before, several threads may see live == 0:
 * each ships a record and the model keeps the last. Remove when 6.12 leaves the matrix.
 *
 * Asked of btf_trace_*, which every kernel has: for a type that vmlinux lacks libbpf looks through
 * the modules, which takes CAP_SYS_ADMIN: libbpf 1.1 gives up there.
 */
static __always_inline bool exit_is_last(__u64 *ctx, struct signal_struct *sig)
{
	if (bpf_core_type_exists(btf_trace_sched_process_exit___new))
		return (__u8)ctx[1];
	return GET(sig, live.counter) == 0;
}

/*
 * mark_victim passes the task since the version whose record has a uid (6.10, but back-ported);
 * before it only a pid. Remove when 6.1 leaves the matrix.
 */
static __always_inline bool victim_is_task(void)
{
	return bpf_core_field_exists(struct trace_event_raw_mark_victim___new, uid);
}

#endif
