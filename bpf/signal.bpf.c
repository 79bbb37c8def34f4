/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals: generated, delivered, and the one that is the exact birth of a zombie.
 * 'info' is 0, 1 or a pointer: only through INFO_IS_POINTER and GET_INFO (compat.bpf.h).
 */
#include "zombie.bpf.h"
#include <bpf/bpf_tracing.h>

#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGSEGV   11
#define SIGALRM   14
#define SIGTERM   15
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGIO     29
#define SIGSYS    31

#define SIGS_STOP     (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
/* change a life whoever sends them, handled or not */
#define SIGS_CONTROL  (SIGS_STOP | SIG_BIT(SIGKILL) | SIG_BIT(SIGCONT))
/* do nothing unless handled */
#define SIGS_HARMLESS (SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
/* do not end a process that does not handle them */
#define SIGS_SURVIVED (SIGS_HARMLESS | SIGS_STOP | SIG_BIT(SIGCONT))
/* thousands a second in healthy programs: preemption, profilers, timers, I/O */
#define SIGS_NOISE \
	(SIGS_HARMLESS | SIG_BIT(SIGPROF) | SIG_BIT(SIGALRM) | SIG_BIT(SIGVTALRM) | SIG_BIT(SIGIO))
#define SIGS_FAULT \
	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGFPE) | SIG_BIT(SIGTRAP))
/* asked to end: worth knowing when it is handled */
#define SIGS_ASK (SIG_BIT(SIGTERM) | SIG_BIT(SIGINT) | SIG_BIT(SIGHUP) | SIG_BIT(SIGQUIT))

#define SI_USER     0
#define SI_KERNEL   0x80
#define SI_QUEUE    (-1)
#define SI_MESGQ    (-3)
#define SI_TKILL    (-6)
#define SYS_SECCOMP 1

#define SIGNAL_PENDING 2 /* TRACE_SIGNAL_ALREADY_PENDING */

#define FLOOD_WINDOW_TICKS 2 /* 4 to 20 ms; HZ is not known here */
#define FLOOD_RECORDS      64

/*
 * ---- zombies --------------------------------------------------------------------------------
 */

/*
 * Is this notification the death of current's process? Called by the dying task, exit_state set:
 * the leader as the last of its group; or the last other thread, already released (__exit_signal
 * took its sighand), in the name of a leader that died earlier. A traced thread notifies its
 * tracer of its own end: it is neither.
 */
static __always_inline bool process_dies(const struct subject *me)
{
	struct task_struct *t = me->task;

	if (me->leader == t)
		return GET(me->sig, nr_threads) == 1;
	return !BPF_CORE_READ(t, sighand);
}

/* False: not a record of ours. */
static __always_inline bool fill_own_death(struct rec_zombie *r, struct subject *me,
					   struct task_struct *parent, int sig)
{
	if (!process_dies(me) || !scope_has_or_missed(me))
		return false;
	me->task = me->leader;
	fill_zombie(r, me, parent);
	if (sig == SIGCHLD && (r->sa_flags & SA_NOCLDWAIT) && !GET(me->leader, ptrace))
		r->flags |= REC_ZOMBIE_AUTOREAP;
	return true;
}

/*
 * An old zombie gets a new parent: its parent died before it reaped, or a tracer lets go of it.
 */
static __always_inline bool fill_handover(struct rec_zombie *r, const struct subject *me,
					  struct task_struct *parent,
					  struct signal_struct *parent_sig)
{
	if (!scope_has(me->sig) && !scope_has(parent_sig))
		return false;
	hdr_about(&r->h, me);
	fill_notified(r, parent);
	r->exit_signal = SIGCHLD;
	r->flags = REC_ZOMBIE_HANDOVER;
	return true;
}

/*
 * A SIGCHLD-like signal that may be do_notify_parent()'s: true when it is. User space cannot
 * forge it: a positive si_code is accepted only towards oneself (do_rt_sigqueueinfo), and nobody
 * notifies its own process.
 */
static __always_inline bool zombie_signal(int sig, __u32 si_pid, struct task_struct *target,
					  struct task_struct *task, int result)
{
	struct signal_struct *target_sig = GET(target, signal);
	struct rec_zombie r = {
		.source = REC_ZOMBIE_SIGCHLD,
		.si_pid = si_pid,
		.result = result,
	};
	struct subject me = subject_of(task);
	bool ours;

	if (target_sig == me.sig)
		return false;
	if (GET(task, exit_state)) {
		if (sig != SIGCHLD && sig != GET(me.leader, exit_signal))
			return false;
		ours = fill_own_death(&r, &me, target, sig);
	} else {
		if (sig != SIGCHLD) /* reparent_leader() makes it so; else a fault or I/O */
			return false;
		ours = fill_handover(&r, &me, target, target_sig);
	}
	if (result == SIGNAL_PENDING) {
		r.flags |= REC_ZOMBIE_MERGED;
		r.pending = 1;
	}
	if (ours)
		rec_put(REC_ZOMBIE, &r);
	waiter_child_died(target);
	return true;
}

/*
 * ---- other signals --------------------------------------------------------------------------
 */

struct sent {
	int sig;
	int code;
	int result;
	__u64 bit;        /* of a signal below 32, else 0 */
	__u8 disposition; /* of the target */
	bool by_current;  /* 'current' sent it */
	bool fatal;       /* it ends the target unless that blocks it */
	bool foreign;     /* ... and is another process */
};

/*
 * Who sent it? 'current' where a process asks for it (kill, tgkill, sigqueue, a message queue,
 * and SEND_SIG_NOINFO: pdeath_signal, cgroup.kill, SIGPIPE). Faults, timers and I/O come from
 * the kernel, and often in an interrupt, where current is anybody. SEND_SIG_PRIV too, save those
 * signals that only a system call sends so: the OOM killer, the end of a pid namespace or
 * session, job control.
 */
static __always_inline bool sender_is_current(const struct sent *s, struct task_struct *me)
{
	if (GET(me, flags) & PF_KTHREAD)
		return false;
	if (s->code == SI_KERNEL)
		return s->bit & (SIGS_CONTROL | SIG_BIT(SIGHUP));
	return s->code == SI_USER || s->code == SI_QUEUE || s->code == SI_TKILL ||
	       s->code == SI_MESGQ;
}

static __always_inline __u8 disposition_for(struct sighand_struct *hand, int sig)
{
	struct k_sigaction *action = ELEMENT(hand, struct sighand_struct, action, (sig - 1) & 63);

	return hand ? disposition_of((__u64)BPF_CORE_READ(action, sa.sa_handler)) : REC_SIG_UNKNOWN;
}

static __always_inline bool signal_matters(const struct sent *s)
{
	if (cfg_all_signals || s->fatal || (s->bit & SIGS_CONTROL))
		return true;
	return s->foreign && !(s->bit & SIGS_NOISE);
}

/*
 * True when this one is one too many: 64 handled signals per process and window have records, the
 * rest is counted. The target's siglock is held: nobody else counts for the same process.
 */
static __always_inline bool flood_holds(const struct sent *s, struct signal_struct *target,
					__u32 tgid, __u32 *ret_repeat)
{
	__u64 key = (__u64)target;
	struct flood *f = flood_slot(tgid);
	__u64 now = bpf_jiffies64(); /* the only clock cheap enough here */

	if (!f || s->fatal || s->sig == SIGKILL)
		return false;
	if (f->signal != key || now - f->since > FLOOD_WINDOW_TICKS) {
		if (f->signal != key)
			f->repeat = 0;
		f->signal = key;
		f->since = now;
		f->shipped = 0;
	}
	if (s->result == SIGNAL_PENDING || f->shipped >= FLOOD_RECORDS) {
		f->repeat++;
		return true;
	}
	f->shipped++;
	*ret_repeat = f->repeat;
	f->repeat = 0;
	return false;
}

static __always_inline void fill_signal(struct rec_signal *r, const struct sent *s,
					const struct subject *target, struct task_struct *me)
{
	struct task_struct *t = target->task;

	hdr_about(&r->h, target);
	r->target_tid = r->h.tid;
	r->sig = s->sig;
	r->code = s->code;
	r->result = s->result;
	r->disposition = s->disposition;
	r->blocked = GET(t, blocked.sig[0]) >> ((s->sig - 1) & 63) & 1;
	comm_of(r->comm, t);
	if (s->by_current) {
		proc_of(&r->sender, me);
		comm_of(r->sender_comm, me);
	}
}

/*
 * For the verifier's time (see reads_directly()): a function of its own, which begins from the
 * tracepoint's arguments, is looked at once and not once for each of the ways through zombie_signal();
 * and its pointers are read before those ways part again.
 */
static __noinline int BPF_PROG(other_signal, int sig, struct kernel_siginfo *info,
			       struct task_struct *t, int group, int result)
{
	struct sent s = {.sig = sig, .code = GET_INFO(info, si_code), .result = result};
	struct task_struct *me = current_task();
	struct signal_struct *mine = GET(me, signal);
	struct sighand_struct *hand = GET(t, sighand);
	struct subject target = subject_of(t);
	__u32 repeat = 0, tgid = GET(t, tgid);
	struct rec_signal *r;

	s.bit = sig < 32 ? SIG_BIT(sig & 31) : 0;
	if ((s.bit & SIGS_HARMLESS) && !cfg_all_signals)
		return 0;
	if ((__u64)info == 1)
		s.code = SI_KERNEL;
	s.by_current = sender_is_current(&s, me);
	s.foreign = s.by_current && target.sig != mine;
	s.disposition = disposition_for(hand, sig);
	s.fatal = s.disposition == REC_SIG_DFL && !(s.bit & SIGS_SURVIVED);
	if (!signal_matters(&s) || (!scope_has(target.sig) && !scope_has(mine)))
		return 0;
	/* in an interrupt we are current, too, and have not sent it */
	if (tgid == cfg_self_tgid || (s.by_current && GET(me, tgid) == cfg_self_tgid))
		return 0;
	if (flood_holds(&s, target.sig, tgid, &repeat))
		return 0;
	r = rec_reserve(REC_SIGNAL, sizeof(*r)); /* the frame below has taken the stack */
	if (!r)
		return 0;
	fill_signal(r, &s, &target, me);
	r->group = !!group;
	r->repeat = repeat;
	if (sig == SIGSYS && s.code == SYS_SECCOMP)
		r->addr = (__u64)GET_INFO(info, _sifields._sigsys._arch) << 32 |
			  (__u32)GET_INFO(info, _sifields._sigsys._syscall);
	else if ((s.bit & SIGS_FAULT) && s.code > 0)
		r->addr = (__u64)GET_INFO(info, _sifields._sigfault._addr);
	rec_submit(r);
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *t,
	     int group, int result)
{
	int code = GET_INFO(info, si_code);

	if (code >= CLD_EXITED && code <= CLD_DUMPED &&
	    zombie_signal(sig, GET_INFO(info, _sifields._sigchld._pid), t, current_task(),
			  result) &&
	    sig == SIGCHLD) /* another exit_signal is a signal like any, and may kill */
		return 0;
	return other_signal(ctx);
}

/*
 * A fatal signal arrives as SIGKILL without info at every thread, a plain exit_group() too: only
 * the leader's is shipped, it is one death.
 */
static __always_inline bool delivery_matters(int sig, bool bare, __u8 disposition, bool leader)
{
	__u64 bit = sig < 32 ? SIG_BIT(sig & 31) : 0;

	if (cfg_all_signals)
		return true;
	if (sig == SIGKILL && bare)
		return leader;
	if (bit & SIG_BIT(SIGCONT))
		return true;
	if (disposition == REC_SIG_DFL)
		return !(bit & SIGS_HARMLESS);
	return disposition == REC_SIG_HANDLER && (bit & SIGS_ASK);
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(on_signal_deliver, int sig, struct kernel_siginfo *info, struct k_sigaction *action)
{
	__u8 disposition = disposition_of((__u64)GET(action, sa.sa_handler));
	struct task_struct *me = current_task();
	struct rec_deliver r = {};
	struct subject s;

	if (!delivery_matters(sig, !INFO_IS_POINTER(info), disposition,
			      GET(me, pid) == GET(me, tgid)))
		return 0;
	s = subject_of(me);
	if (!scope_has(s.sig) || GET(me, tgid) == cfg_self_tgid)
		return 0;
	hdr_about(&r.h, &s);
	r.sig = sig;
	r.code = (__u64)info == 1 ? SI_KERNEL : GET_INFO(info, si_code);
	r.sa_flags = GET(action, sa.sa_flags);
	r.disposition = disposition;
	rec_put(REC_DELIVER, &r);
	return 0;
}
