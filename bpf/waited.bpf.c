/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A wait call that has reaped a child returns: the reap lies within that call. Under --exact-reap only,
 * and only where release_task has no hook: it slows every syscall of the machine. sys_exit and not
 * syscalls:sys_exit_wait4, which would cost the others as much (the slow way out is what costs) and
 * is not there without tracefs.
 */
#include "wait.bpf.h"
#include <bpf/bpf_tracing.h>

#define SIGCHLD      17
#define CLD_EXITED   1
#define CLD_DUMPED   3
#define SIGINFO_PID  4 /* si_pid, in words of 4 bytes */
#define SIGINFO_CODE 2

/* 0x7f: stopped; 0xffff: continued; all else is the status of a dead one */
static __always_inline bool status_is_death(__u32 status)
{
	return (status & 0x7f) != 0x7f;
}

/*
 * wait4(). What came of it is in the caller's memory; where it did not ask, it may only be a death if
 * it waited for nothing else.
 */
static __always_inline bool wait4_reaped(const struct call *c)
{
	__u32 status, options = c->arg[2];

	if (!c->arg[1])
		return !(options & (WSTOPPED | WCONTINUED));
	return !bpf_probe_read_user(&status, sizeof(status), (void *)c->arg[1]) &&
	       status_is_death(status);
}

/* waitid() returns 0 also when there was nobody: then si_signo is 0. */
static __always_inline bool waitid_reaped(const struct call *c, __u32 *ret_pid)
{
	__u32 si[SIGINFO_PID + 1], options = c->arg[3];

	if ((options & WNOWAIT) || !(options & WEXITED))
		return false;
	if (!c->arg[2])
		return !(options & (WSTOPPED | WCONTINUED | WNOHANG));
	if (bpf_probe_read_user(si, sizeof(si), (void *)c->arg[2]) || si[0] != SIGCHLD)
		return false;
	*ret_pid = si[SIGINFO_PID];
	return si[SIGINFO_CODE] >= CLD_EXITED && si[SIGINFO_CODE] <= CLD_DUMPED;
}

static __always_inline __u32 level_of(struct task_struct *leader)
{
	struct pid *thread = GET(leader, thread_pid);

	return GET(thread, level);
}

static __always_inline void waited_emit(const struct subject *s, __u32 ns_pid)
{
	struct rec_waited r = {.ns_pid = ns_pid};
	struct wait_call began;

	if (wait_call_find(&began)) {
		r.begin_ns = began.begin_ns;
		r.pid = began.pid;
	}
	if (!r.pid && !level_of(s->leader))
		r.pid = ns_pid;
	if (!r.pid && !ns_pid)
		return; /* a child, but which? */
	hdr_about(&r.h, s);
	rec_put(REC_WAITED, &r);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *me;
	struct subject s;
	struct call call = {};
	__u32 ns_pid = 0, nr;

	if (ret < 0)
		return 0;
	nr = syscall_of(regs);
	if (nr != NR_WAIT4 && nr != NR_WAITID)
		return 0;
	me = current_task();
	s = subject_of(me);
	if (!scope_has(s.sig))
		return 0;
	call_from_regs(&call, me, regs);
	if (call.compat)
		return 0;
	if (nr == NR_WAITID ? ret != 0 || !waitid_reaped(&call, &ns_pid) :
			      ret == 0 || !wait4_reaped(&call))
		return 0;
	if (nr == NR_WAIT4)
		ns_pid = ret;
	waited_emit(&s, ns_pid);
	return 0;
}
