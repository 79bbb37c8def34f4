/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ABI between the kernel side and everybody else: what one record looks like.
 *
 * Rules: fixed-width fields, largest first, padding spelled out, numbers never reused. A struct only
 * grows at its end (a reader zero-extends a shorter one and ignores a longer tail), a new type takes
 * the next free number. Includes nothing: the BPF side brings vmlinux.h, user space <linux/types.h>.
 *
 * Which hook fires when, what can be missing and since which kernel: EVENTS.md. What only keyframes
 * are made of is in event_keyframe.h.
 */
#ifndef PROCTRAIL_EVENT_H
#define PROCTRAIL_EVENT_H

#define REC_ASSERT(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " changed its size")

/* ---- record types ------------------------------------------------------------------------- */

/* made by the kernel side */
#define REC_FORK        1 /* a birth; of a process, or of a thread under --threads */
#define REC_EXEC        2
#define REC_EXIT        3 /* a death: last thread gone; or one thread's under --threads */
#define REC_ZOMBIE      4 /* a process became a zombie, or the kernel reaped it at once */
#define REC_REAP        5 /* release_task() of a leader: the exact reap */
#define REC_FREE        6 /* sched_process_free of a leader: the reap, an RCU grace period late */
#define REC_WAIT        7 /* a wait call begins */
#define REC_SIGNAL      8 /* signal generated */
#define REC_DELIVER     9 /* signal delivered */
#define REC_RENAME      10
#define REC_CGROUP      11 /* a process moved to another cgroup, with its path */
#define REC_MKCGROUP    12 /* a cgroup was made: id and path */
#define REC_OOM         13 /* the OOM killer chose a victim */
#define REC_OOM_ADJ     14 /* somebody wrote an oom_score_adj */
#define REC_SEED        15 /* one row of an iter/task pass */
#define REC_SEED_END    16 /* an iter/task pass is complete */
#define REC_WAITED      17 /* a wait call that reaped a child returns; --exact-reap */
#define REC_FORK_FAILED 18 /* a fork call was refused */
#define REC_EXEC_FAILED 19 /* an exec call failed */

/* made by user space, in the same stream: what a source learnt otherwise */
#define REC_THINNED     31 /* counts instead of records: what a recorder did not keep of a storm */
#define REC_HOST        32 /* first of every stream: machine, zone, boot, hooks */
#define REC_TICK        33 /* at least every 100 ms: clocks, counters */
#define REC_FACT_PROC   34 /* exe, cwd, argv of a process that was there before us, from /proc */
#define REC_FACT_CGROUP 35 /* id and path of a cgroup */
#define REC_FACT_TEXT   36 /* a small text file of /proc, /sys or cgroupfs: name and contents */
#define REC_GAP         37 /* records that were lost behind the ring (reason: disk, output, ...) */
#define REC_ROW         38 /* keyframe: what the model knew of one process (not in the live stream) */
#define REC_TABLE       39 /* keyframe: what the model knew beside its rows; ends the keyframe */
#define REC_TYPE_CNT    40 /* arrays by type have this size; numbers up to 39 are free to take */

/* ---- every record begins like this -------------------------------------------------------- */

/*
 * hdr.flags. The state words are read when the record is made, so any later record proves what an
 * earlier, lost one would have said.
 */
#define REC_F_THREAD      0x0001 /* about the thread 'tid', not about the process */
#define REC_F_KTHREAD     0x0002 /* PF_KTHREAD */
#define REC_F_EXITING     0x0004 /* SIGNAL_GROUP_EXIT or no thread left: 'status' is meaningful */
#define REC_F_DEAD        0x0008 /* no live thread is left (signal->live == 0) */
#define REC_F_LEADER_DEAD 0x0010 /* leader has exit_state set while other threads live */
#define REC_F_ZOMBIE      0x0020 /* leader's exit_state is EXIT_ZOMBIE, no thread left */
#define REC_F_TRACED      0x0040 /* ptrace attached; the tracer is not the real parent */
#define REC_F_NSINIT      0x0080 /* pid 1 of a pid namespace below the initial one */
#define REC_F_SUBREAPER   0x0100 /* signal->is_child_subreaper */
#define REC_F_STOPPED     0x0200 /* SIGNAL_STOP_STOPPED */
#define REC_F_IO_WORKER   0x0400 /* PF_IO_WORKER / PF_USER_WORKER: an io_uring or vhost thread */
#define REC_F_JOINED      0x0800 /* seed made because the process joined the scope late */
#define REC_F_COMPAT      0x1000 /* 32-bit syscall on a 64-bit kernel: 'syscall' is the compat number */
#define REC_F_KEYFRAME    0x2000 /* part of a keyframe: a state, no news */
/* seed: its parent's image is not the one that bore it (an exec since, or an adopter) */
#define REC_F_OTHER_IMAGE 0x4000

struct rec_hdr {
	__u64 boot_ns;         /* CLOCK_BOOTTIME when the record was made */
	__u64 start_ns;        /* identity: the leader's start_boottime; 0: about no process */
	__u64 parent_start_ns; /* identity of real_parent's process; 0: none (ppid 0) */
	__u32 size;            /* of the whole record in bytes, this header included */
	__u16 type;            /* REC_* */
	__u16 cpu;             /* that made it; 0xffff: user space */
	__u32 tgid;            /* in the initial pid namespace, as all pids here */
	__u32 tid;
	__u32 ppid;       /* real_parent's tgid: who must reap */
	__u32 exec_id;    /* low half of self_exec_id: rises with each exec */
	__u32 status;     /* raw wait status; valid with REC_F_EXITING */
	__u32 lost;       /* this CPU's count of lost records when this one was reserved */
	__u32 flags;      /* REC_F_* */
	__u32 parent_tid; /* real_parent's tid: a thread's death moves its children */
};
REC_ASSERT(rec_hdr, 64);

/* ---- parts -------------------------------------------------------------------------------- */

#define REC_COMM_LEN 16 /* TASK_COMM_LEN */

/* another process named by a record; start_ns 0: none or unknown */
struct rec_proc {
	__u64 start_ns;
	__u32 tgid;
	__u32 tid;
};
REC_ASSERT(rec_proc, 16);

struct rec_cred {
	__u32 uid; /* in the initial user namespace */
	__u32 euid;
	__u32 gid;
	__u32 loginuid;  /* 0xffffffff: never logged in */
	__u32 sessionid; /* audit session, 0xffffffff: none */
	__u32 sid;       /* session leader's pid (setsid) */
};
REC_ASSERT(rec_cred, 24);

/* where it lives */
struct rec_place {
	__u64 cgroup_id; /* kernfs id in the hierarchy named by REC_HOST */
	__u32 pidns;     /* inode number of its pid namespace */
	__u32 ns_tgid;   /* its pid there */
	__u32 ns_level;  /* 0: the initial namespace */
	__u32 _pad;
};
REC_ASSERT(rec_place, 24);

/* what it used; each value as the kernel held it at that moment (see EVENTS.md for which is final) */
struct rec_usage {
	__u64 utime_ns; /* group totals, tick-based: scale by cpu_ns as cputime_adjust() does */
	__u64 stime_ns;
	__u64 cpu_ns; /* sum_sched_runtime: exact */
	__u64 minflt;
	__u64 majflt;
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 maxrss_kb; /* 0: unknown (mm already gone) */
};
REC_ASSERT(rec_usage, 64);

/* ---- records ------------------------------------------------------------------------------ */

/* user stack pointers of parent and child: tells vfork from posix_spawn; of no other birth */
#define REC_SP_UNKNOWN 0
#define REC_SP_SAME    1
#define REC_SP_OTHER   2

/* hdr names the child; hdr.ppid its real parent, which with CLONE_PARENT is not 'creator' */
struct rec_fork {
	struct rec_hdr h;
	struct rec_proc creator; /* current in task_newtask */
	struct rec_place place;
	struct rec_cred cred;
	__u64 clone_flags;
	__u64 creator_rss_kb;         /* file + anon + shmem at that moment */
	__u64 creator_pgtables_bytes; /* what fork() has to copy */
	__u32 syscall;                /* number in the creator's registers; 0xffffffff: unknown */
	__u32 exit_signal;
	__u8 sp; /* REC_SP_* */
	__u8 _pad[7];
	char comm[REC_COMM_LEN]; /* inherited */
	__u64 fork_ns;           /* from the call's entry to this record; 0: not timed */
};
REC_ASSERT(rec_fork, 192);

/* which limit was reached when a fork call returned with an error */
#define REC_LIMIT_UNKNOWN     0 /* none was any more, or it was none */
#define REC_LIMIT_NPROC       1 /* RLIMIT_NPROC of the caller's user */
#define REC_LIMIT_THREADS_MAX 2
#define REC_LIMIT_PID_MAX     3 /* of the caller's pid namespace, or one above it */
#define REC_LIMIT_CGROUP_PIDS 4 /* pids.max: see limit_cgroup_id */
#define REC_LIMIT_DEAD_NS     5 /* the init of its pid namespace is gone */
#define REC_LIMIT_CNT         6

/* h names the caller, h.tid its thread; one in 10 ms of a thread that tries again and again */
struct rec_fork_failed {
	struct rec_hdr h;
	__u64 clone_flags; /* 0: unknown */
	__u64 fork_ns;     /* how long the call took; 0: not timed */
	__u64 limit_cgroup_id;
	__u64 limit_used; /* with a limit: what is there, and what may be */
	__u64 limit_max;
	__u32 syscall; /* 0xffffffff: unknown */
	__s32 error;   /* errno, positive */
	__u32 repeat;  /* calls of this thread that failed and were not shipped since its last */
	__u8 limit;    /* REC_LIMIT_* */
	__u8 _pad[3];
	char comm[REC_COMM_LEN];
};
REC_ASSERT(rec_fork_failed, 136);

#define REC_FILE_LEN     256
#define REC_INTERP_LEN   128
#define REC_CWD_LEN      256
#define REC_HOSTNAME_LEN 64
#define REC_ARGS_MAX     65536

#define REC_EXEC_RAISED      0x01 /* bprm->secureexec: credentials or capabilities were raised */
#define REC_EXEC_CWD_CUT     0x02 /* the root was not reached: the left of 'cwd' is missing */
#define REC_EXEC_ARGS_FAULT  0x04 /* a page of argv could not be read: args_kept says how far */
#define REC_EXEC_FROM_THREAD 0x08 /* old_tid is not the tgid */
#define REC_EXEC_INTERPRETED \
	0x10 /* 'file' is a script (#!, binfmt_misc): argument 0 is what runs */

/*
 * Followed by the argument bytes: args_kept of them, NUL after each argument, at offset
 * sizeof(struct rec_exec). The record may be longer than that (size classes).
 */
struct rec_exec {
	struct rec_hdr h;
	struct rec_place place;
	struct rec_cred cred;
	__u64 run_delay_ns;    /* sched_info.run_delay of the execing thread since its birth */
	__u64 cpu_ns;          /* its se.sum_exec_runtime: lags to the last tick or switch */
	__u64 thread_start_ns; /* its start_boottime; differs from h.start_ns for a thread's exec */
	__u64 nvcsw;
	__u32 args_len;  /* true length in bytes of argv */
	__u32 args_kept; /* bytes shipped */
	__u32 argc;      /* bprm->argc */
	__u32 old_tid;   /* old_pid of sched_process_exec */
	__u32 file_len;  /* true length of the path that was executed, without NUL */
	__u32 flags;     /* REC_EXEC_* */
	__u16 cwd_len;   /* bytes used in cwd */
	__u8 _pad[6];
	char comm[REC_COMM_LEN];
	char hostname[REC_HOSTNAME_LEN]; /* uts nodename when ns_level > 0, else empty */
	char file[REC_FILE_LEN];         /* bprm->filename, cut at the end */
	char cwd[REC_CWD_LEN]; /* components from the innermost outwards, each NUL-ended */
};
REC_ASSERT(rec_exec, 768);

#define REC_NOEXEC_NO_PATH 0x01 /* the caller's memory could not be read, or is of 32 bits */
#define REC_NOEXEC_CUT     0x02 /* 'file' is not all of it */
#define REC_NOEXEC_AT      0x04 /* execveat: 'file' begins at a descriptor; empty: the descriptor's */
#define REC_NOEXEC_OPENED  0x08 /* the file was there and was read: it is not what was missing */

/*
 * h names the caller, h.tid its thread. A PATH search makes many of them: 64 in 10 ms of a thread, the
 * rest is counted.
 */
struct rec_exec_failed {
	struct rec_hdr h;
	__s32 error;  /* errno, positive */
	__u32 repeat; /* calls of this thread that failed and were not shipped since its last */
	__u32 flags;  /* REC_NOEXEC_* */
	__u32 _pad;
	char comm[REC_COMM_LEN];
	char file[REC_FILE_LEN]; /* as it was asked for, cut at the end */
	char interp[REC_INTERP_LEN]; /* the interpreter or loader that could not be opened; "": unknown */
};
REC_ASSERT(rec_exec_failed, 480);

struct rec_exit {
	struct rec_hdr h;
	struct rec_usage usage;
	char comm[REC_COMM_LEN];
};
REC_ASSERT(rec_exit, 144);

/* where the moment came from */
#define REC_ZOMBIE_NOTIFY  1 /* fexit of do_notify_parent() */
#define REC_ZOMBIE_SIGCHLD 2 /* signal_generate inside do_notify_parent() */

#define REC_ZOMBIE_AUTOREAP 0x01 /* nobody has to reap: the kernel does */
#define REC_ZOMBIE_HANDOVER \
	0x02                   /* an old zombie is handed to an adopter; h names the dying
					 * parent, notified the adopter, si_pid the zombie */
#define REC_ZOMBIE_TRACER 0x04 /* the tracer was told, not the real parent */
#define REC_ZOMBIE_MERGED \
	0x08 /* a SIGCHLD was pending already: this one is lost to a handler
					 * that reaps once per signal */

/* what the notified process does about SIGCHLD, taken in the kernel at that moment */
#define REC_SIG_DFL     0
#define REC_SIG_IGN     1
#define REC_SIG_HANDLER 2
#define REC_SIG_UNKNOWN 3

struct rec_zombie {
	struct rec_hdr h;
	struct rec_usage usage;
	struct rec_proc notified; /* task->parent: real parent, tracer or adopter */
	__u32 exit_signal;
	__u32 si_pid;     /* as the notified process sees it; 0: unknown */
	__u32 result;     /* TRACE_SIGNAL_*; 0xffffffff: not from signal_generate */
	__u32 sa_flags;   /* of the notified process's SIGCHLD action */
	__u8 source;      /* REC_ZOMBIE_NOTIFY, _SIGCHLD */
	__u8 flags;       /* REC_ZOMBIE_* */
	__u8 disposition; /* REC_SIG_* */
	__u8 blocked;     /* 1: SIGCHLD is in the notified thread's mask */
	__u8 pending;     /* 1: SIGCHLD was in its shared_pending already */
	__u8 _pad[3];
};
REC_ASSERT(rec_zombie, 168);

/* REC_REAP and REC_FREE: h names the process that is gone */
struct rec_reap {
	struct rec_hdr h;
	struct rec_usage usage; /* final at REC_FREE: equal to wait4's */
	struct rec_proc reaper; /* current for REC_REAP; zero for REC_FREE */
};
REC_ASSERT(rec_reap, 144);

#define REC_WAIT_UNKNOWN 0
#define REC_WAIT_ANY     1 /* any child */
#define REC_WAIT_PID     2 /* that pid, also through a pidfd */
#define REC_WAIT_PGID    3

#define REC_WAIT_NOHANG 0x01
#define REC_WAIT_NOWAIT 0x02
#define REC_WAIT_ALL    0x04 /* __WALL */
#define REC_WAIT_CLONE  0x08 /* __WCLONE */
#define REC_WAIT_NOEXIT 0x10 /* waitid without WEXITED: stops and continues only */

/* h names the caller; a process that polls ships one in 10 ms, or the first after a child's death */
struct rec_wait {
	struct rec_hdr h;
	__u32 pid;    /* tgid or tid waited for, initial namespace; 0: see kind */
	__u32 repeat; /* calls of this process not shipped since its last record */
	__u8 kind;    /* REC_WAIT_* */
	__u8 options; /* REC_WAIT_* bits */
	__u8 known;   /* 1: kind and options are from the registers, else from the pid */
	__u8 _pad[5];
};
REC_ASSERT(rec_wait, 80);

/* h names the caller. The child was reaped between 'begin_ns' and h.boot_ns */
struct rec_waited {
	struct rec_hdr h;
	__u64 begin_ns; /* when the call began to look for a child; 0: unknown */
	__u32 pid;      /* the child, initial namespace; 0: unknown */
	__u32 ns_pid;   /* ... as the caller sees it; 0: it did not ask to be told */
};
REC_ASSERT(rec_waited, 80);

/* h names the target */
struct rec_signal {
	struct rec_hdr h;
	struct rec_proc sender; /* zero: the kernel itself (irq, timer, kernel thread) */
	/* si_addr of a fault; of seccomp's SIGSYS si_arch << 32 | si_syscall, 0: unknown */
	__u64 addr;
	__s32 sig;
	__s32 code;       /* si_code; 0 for SEND_SIG_NOINFO, 0x80 for SEND_SIG_PRIV */
	__u32 result;     /* TRACE_SIGNAL_*: 0 delivered, 1 ignored, 2 pending, 3-4 overflow */
	__u32 repeat;     /* like it, not shipped since the target's last record */
	__u32 target_tid; /* the task aimed at; h.tid */
	__u8 group;       /* 1: to the process, 0: to one thread */
	__u8 disposition; /* REC_SIG_* of the target for this signal */
	__u8 blocked;     /* 1: in the target task's mask */
	__u8 _pad;
	char sender_comm[REC_COMM_LEN];
	char comm[REC_COMM_LEN];
};
REC_ASSERT(rec_signal, 144);

/* h names the receiver */
struct rec_deliver {
	struct rec_hdr h;
	__s32 sig;
	__s32 code;
	__u32 sa_flags;
	__u8 disposition; /* REC_SIG_* */
	__u8 _pad[3];
};
REC_ASSERT(rec_deliver, 80);

struct rec_rename {
	struct rec_hdr h;
	char comm[REC_COMM_LEN]; /* the new one */
};
REC_ASSERT(rec_rename, 80);

#define REC_PATH_LEN 512

/* REC_CGROUP (h names the process), REC_MKCGROUP (h names nobody) */
struct rec_cgroup {
	struct rec_hdr h;
	__u64 cgroup_id;
	__u32 path_len; /* bytes kept, without NUL; the kernel side cuts at the end */
	__u32 _pad;
	char path[REC_PATH_LEN];
};
REC_ASSERT(rec_cgroup, 592);

/* REC_OOM: h names the victim. REC_OOM_ADJ: h names whose adj was written, by whom below */
struct rec_oom {
	struct rec_hdr h;
	struct rec_proc actor; /* who ran out of memory; who wrote the adj */
	__u64 rss_kb;          /* victim's */
	__s32 adj;             /* oom_score_adj (new) */
	__u32 uid;
	char comm[REC_COMM_LEN];
	char actor_comm[REC_COMM_LEN];
};
REC_ASSERT(rec_oom, 128);

/* Beside the kernel's own bits: the cgroup freezer holds it. v2 shows such a task as S, v1 as D. */
#define REC_STATE_FROZEN 0x80000000

/* what the seeding process knows of how long a task has stood still */
#define REC_STILL_NONE 0xffffffffffffffffULL

/*
 * One task as the iterator saw it. Leaders always; other threads only when they are asked for or
 * are running or in D (REC_F_THREAD). 'pass' numbers the iterator run.
 */
struct rec_seed {
	struct rec_hdr h;
	struct rec_place place;
	struct rec_cred cred;
	struct rec_usage usage;
	struct rec_proc tracer; /* zero: not traced */
	__u64 still_exec_ns;    /* iterating task's se.exec_start minus this task's: awake time
					 * since it last ran; REC_STILL_NONE: not on this CPU's clock */
	__u64 still_arrival_ns; /* the same from sched_info.last_arrival */
	__u64 child_minflt;     /* signal->cmin_flt: 0 = this process never reaped a child */
	__u64 child_cpu_ns;     /* signal->cutime + cstime */
	__u64 sig_blocked;      /* leader's mask, bit n-1 = signal n */
	__u64 sig_pending;      /* shared_pending */
	__u64 sig_ignored;      /* actions that are SIG_IGN (SIGCHLD only on old kernels) */
	__u64 sig_caught;
	__u64 rss_kb;
	__u64 pgtables_bytes;
	__u64 task_start_ns; /* this task's own start_boottime (REC_F_THREAD) */
	__u32 pass;
	__u32 threads; /* signal->nr_threads */
	__u32 exit_signal;
	__u32 sa_flags; /* of SIGCHLD */
	__u32 state;    /* task_struct.__state, and REC_STATE_FROZEN */
	__u32 exit_state;
	__u32 pgid;
	__u16 _pad0;
	__s16 oom_adj;
	char comm[REC_COMM_LEN];
	char hostname[REC_HOSTNAME_LEN]; /* when REC_F_NSINIT */
};
REC_ASSERT(rec_seed, 392);

/* h names nobody */
struct rec_seed_end {
	struct rec_hdr h;
	__u64 began_ns; /* boot_ns when the pass began: older rows not seen are gone */
	__u32 pass;
	__u32 rows;   /* leaders emitted */
	__u32 joined; /* processes this pass added to the scope */
	__u32 tasks;  /* tasks visited */
};
REC_ASSERT(rec_seed_end, 88);

/* ---- made by user space ------------------------------------------------------------------- */

/* Followed by name_len, then text_len bytes (no NUL). REC_FACT_TEXT, REC_FACT_CGROUP (id; name is
 * empty, text is the path) */
struct rec_text {
	struct rec_hdr h;
	__u64 id;
	__u32 name_len;
	__u32 text_len;
};
REC_ASSERT(rec_text, 80);

#define REC_FACT_HUNG   0x01 /* /proc did not answer within its time */
#define REC_FACT_DENIED 0x02
#define REC_FACT_GONE   0x04

/* Followed by exe, cwd, args in this order. h names the process. */
struct rec_fact_proc {
	struct rec_hdr h;
	__u32 exe_len;
	__u32 cwd_len;
	__u32 args_len; /* true length where known */
	__u32 args_kept;
	__u32 flags; /* REC_FACT_* */
	__u32 _pad;
};
REC_ASSERT(rec_fact_proc, 88);

/* which hooks are live: rec_host.hooks */
#define REC_HOOK_NOTIFY         0x01 /* fexit/do_notify_parent */
#define REC_HOOK_RELEASE_FENTRY 0x02 /* fentry/release_task */
#define REC_HOOK_RELEASE_KPROBE 0x04 /* kprobe/release_task */
#define REC_HOOK_PREPARE_EXEC   0x08 /* sched_prepare_exec */
#define REC_HOOK_PT_REGS        0x10 /* bpf_task_pt_regs */
#define REC_HOOK_OOM            0x20
#define REC_HOOK_CGROUP         0x40
#define REC_HOOK_WAIT_RETURN    0x80       /* sys_exit of wait calls: --exact-reap */
#define REC_HOOK_FORK_TIME      0x100      /* kernel_clone: fork calls are timed from their entry */
#define REC_HOOK_FORK_SYSCALL   0x200      /* ... by sys_enter: --fork-time */
#define REC_HOOK_FORK_FAILED    0x400      /* kernel_clone, or sys_exit: refused fork calls */
#define REC_HOOK_EXEC_FAILED    0x800      /* execve and execveat: failed exec calls */
#define REC_HOOK_EXEC_SYSCALL   0x1000     /* ... by sys_enter and sys_exit: --exec-failures */
#define REC_HOOK_NONE           0x80000000 /* nothing was traced: iterator or /proc only */

#define REC_CGROUP_V2        0
#define REC_CGROUP_V1_MEMORY 1
#define REC_CGROUP_V1_PIDS   2

/* h names nobody. Followed by host, release, machine, zone, command line: *_len bytes each. */
struct rec_host {
	struct rec_hdr h;
	__u64 real_ns; /* CLOCK_REALTIME at h.boot_ns */
	__u64 mem_kb;
	__u8 boot_id[16];
	__u32 hooks;
	__u32 cpus;
	__s32 gmtoff_s; /* local zone: seconds east of UTC */
	__u32 cgroup_kind;
	__u16 host_len;
	__u16 release_len;
	__u16 machine_len;
	__u16 zone_len;    /* the zone's abbreviation */
	__u16 version_len; /* proctrail's own version */
	__u8 scoped;       /* 1: only part of the machine is in this stream */
	__u8 threads;      /* 1: threads have records of their own */
	__u8 page_shift;
	__u8 _pad[3];
};
REC_ASSERT(rec_host, 128);

/* h names nobody; totals since the start of the trace. Followed by nothing. */
struct rec_tick {
	struct rec_hdr h;
	__u64 real_ns;   /* CLOCK_REALTIME at h.boot_ns */
	__u64 attempted; /* records the kernel side wanted to make */
	__u64 lost;      /* ... and had no room for */
	__u64 missed;    /* programs that did not run: recursion_misses */
	__u64 delivered; /* records taken out of the rings */
	__s32 gmtoff_s;
	__u32 flags;
};
REC_ASSERT(rec_tick, 112);

#define REC_GAP_DISK      1
#define REC_GAP_OUTPUT    2
#define REC_GAP_RING      3 /* lost with nothing after it on that CPU: found by the counters */
#define REC_GAP_MISSED    4 /* a program did not run */
#define REC_GAP_SCOPE     5 /* processes that did not fit into the scope */
#define REC_GAP_DAMAGED   6 /* a block of the trail cannot be read */
#define REC_GAP_UNWATCHED 7 /* nobody recorded between two runs; count: 0, nobody knows */
#define REC_GAP_ROTATED   8 /* rotated away but for keyframes; count: 0, nobody knows */

/* h.boot_ns: until when; h.cpu: which, 0xffff unknown */
struct rec_gap {
	struct rec_hdr h;
	__u64 from_ns;
	__u64 count;
	__u32 reason;   /* REC_GAP_* */
	__u32 rec_type; /* which type was lost; 0: several or unknown */
};
REC_ASSERT(rec_gap, 88);

#define REC_THINNED_PARENT 0x01 /* h names their parent; else the storm's root, above it */

/*
 * Lives of one parent and one image in a storm, of which nothing else was recorded: births, or with
 * REC_F_EXITING those that ended with h.status. Followed by exe_len bytes: the image, where known.
 */
struct rec_thinned {
	struct rec_hdr h;     /* boot_ns: until when */
	struct rec_proc root; /* below whom the storm is */
	__u64 from_ns;
	__u64 births, deaths;
	__u64 reaps;   /* whatever their fate: with births */
	__u64 records; /* not kept, of the whole storm: once in each batch of such records */
	__u32 exe_len;
	__u32 flags;             /* REC_THINNED_* */
	char comm[REC_COMM_LEN]; /* of those that were born, or died */
};
REC_ASSERT(rec_thinned, 144);

/* ---- shared state that is no record ------------------------------------------------------- */

/* one per CPU, mapped into user space; written by plain adds only (5.10 has no fetch-and-add) */
struct rec_counters {
	__u64 lost_all;
	__u64 unlooked; /* bytes put since this CPU looked how full its ring is */
	__u64 attempted[REC_TYPE_CNT];
	__u64 lost[REC_TYPE_CNT];
	__u64 scope_full; /* processes that could not join: the scope's map was full */
	__u64 _pad[5];
};
REC_ASSERT(rec_counters, 704);

#endif
