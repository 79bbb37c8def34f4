/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Optional hooks at the return of an exec call that failed: what was asked for, and what was missing. By
 * the call's own functions where those have trampolines, else by those of every system call.
 *
 * ENOENT may mean the file, or the interpreter or loader that it names. The file's first bytes are read
 * before either is looked for (prepare_binprm), and whatever the kernel reads for a thread is counted as
 * a read of it: if the count rose, the file was there. open_exec() is called for interpreters and loaders
 * only: where it has a trampoline it tells the name as well.
 */
#include "scope.bpf.h"
#include <bpf/bpf_tracing.h>

#define ERRNO_MAX       511 /* above it: ERESTARTSYS and the like, the call is made again */
#define FAILED_EVERY_NS 10000000ULL
#define FAILED_BURST    64 /* the directories of a long PATH */

#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name) "__x64_sys_" #name
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL(name) "__arm64_sys_" #name
#endif

/* Who tries on and on ships a burst in 10 ms. Two threads on one slot ship more. */
static __always_inline bool failure_repeats(__u64 thread, __u32 *ret_repeat)
{
	struct exec_call *e = exec_call_slot((__u32)thread);
	__u64 now = bpf_ktime_get_boot_ns();

	*ret_repeat = 0;
	if (!e)
		return false;
	if (e->failed_thread != thread) {
		e->failed_thread = thread;
		e->failed_ns = now;
		e->shipped = 0;
		e->repeat = 0;
	} else if (now - e->failed_ns >= FAILED_EVERY_NS) {
		e->failed_ns = now;
		e->shipped = 0;
	}
	if (e->shipped >= FAILED_BURST) {
		e->repeat++;
		return true;
	}
	e->shipped++;
	*ret_repeat = e->repeat;
	e->repeat = 0;
	return false;
}

static __always_inline __u64 reads_of(struct task_struct *t)
{
	if (!bpf_core_field_exists(t->ioac.syscr)) /* without CONFIG_TASK_XACCT */
		return 0;
	return BPF_CORE_READ(t, ioac.syscr);
}

static __always_inline void exec_begins(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct exec_call *e = exec_call_slot((__u32)thread);

	if (!e)
		return;
	e->thread = 0;
	barrier();
	e->reads = reads_of(current_task());
	barrier();
	e->thread = thread;
}

static __always_inline bool has_read_since(__u64 thread, struct task_struct *t)
{
	struct exec_call *e = exec_call_slot((__u32)thread);

	return e && e->thread == thread && reads_of(t) > e->reads;
}

static __always_inline void fill_lack(struct rec_exec_failed *r, __u64 thread)
{
	struct exec_lack *lack = exec_lack_slot((__u32)thread);

	if (!lack || lack->thread != thread)
		return;
	lack->thread = 0;
	r->flags |= REC_NOEXEC_OPENED;
	bpf_probe_read_kernel_str(r->interp, sizeof(r->interp), lack->interp);
}

static __always_inline void fill_file(struct rec_exec_failed *r, struct task_struct *t)
{
	struct call call;
	bool at;
	long len;

	call_read(&call, t, cfg_page_shift);
	if (call.compat || !call_is_exec(&call)) {
		if (call.compat)
			r->h.flags |= REC_F_COMPAT;
		r->flags |= REC_NOEXEC_NO_PATH;
		return;
	}
	at = call.nr == NR_EXECVEAT;
	len = bpf_probe_read_user_str(r->file, sizeof(r->file),
				      (void *)(at ? call.arg[1] : call.arg[0]));
	if (len < 0)
		r->flags |= REC_NOEXEC_NO_PATH;
	if (len == sizeof(r->file))
		r->flags |= REC_NOEXEC_CUT;
	if (at)
		r->flags |= REC_NOEXEC_AT;
}

static __always_inline int exec_failed(__u32 error)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct task_struct *me = current_task();
	struct rec_exec_failed *r;
	struct subject s = subject_of(me);
	__u32 repeat;

	if (!scope_has(s.sig) || failure_repeats(thread, &repeat))
		return 0;
	r = rec_reserve(REC_EXEC_FAILED, sizeof(*r));
	if (!r)
		return 0;
	hdr_about(&r->h, &s);
	r->error = error;
	r->repeat = repeat;
	comm_of(r->comm, me);
	fill_file(r, me);
	if (has_read_since(thread, me))
		r->flags |= REC_NOEXEC_OPENED;
	fill_lack(r, thread);
	rec_submit(r);
	return 0;
}

static __always_inline int exec_returns(long ret)
{
	return ret < 0 && ret >= -ERRNO_MAX ? exec_failed(-ret) : 0;
}

/* ctx: the registers, then what is returned */
SEC("fexit/" SYSCALL(execve))
int on_execve_fexit(__u64 *ctx)
{
	return exec_returns(ctx[1]);
}

SEC("fexit/" SYSCALL(execveat))
int on_execveat_fexit(__u64 *ctx)
{
	return exec_returns(ctx[1]);
}

/* ctx: the name, then the file or an error that looks like a pointer */
SEC("fexit/open_exec")
int on_open_exec_fexit(__u64 *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	long ret = ctx[1];
	struct exec_lack *lack;

	if (ret >= 0 || ret < -ERRNO_MAX)
		return 0;
	lack = exec_lack_slot((__u32)thread);
	if (!lack)
		return 0;
	lack->thread = 0;
	barrier();
	if (bpf_probe_read_kernel_str(lack->interp, sizeof(lack->interp), (void *)ctx[0]) > 0)
		lack->thread = thread;
	return 0;
}

/* These two run for every system call of the machine: nothing but the number is looked at first. */
SEC("tp_btf/sys_enter")
int BPF_PROG(on_exec_enter, struct pt_regs *regs, long nr)
{
	if (nr_may_exec(nr) && nr_execs(nr, task_is_compat(current_task())))
		exec_begins();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_exec_return, struct pt_regs *regs, long ret)
{
	__u32 nr;

	if (ret >= 0 || ret < -ERRNO_MAX)
		return 0;
	nr = syscall_of(regs);
	return nr_may_exec(nr) && nr_execs(nr, task_is_compat(current_task())) ? exec_failed(-ret) :
										 0;
}
