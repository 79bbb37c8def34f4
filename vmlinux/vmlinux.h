/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types proctrail reads, and of each only the fields it reads. Kept by hand: CO-RE finds
 * every field by name in the running kernel's BTF, so order, size and the rest do not matter.
 * A type that was renamed or changed has its earlier or later shape beside it as NAME___WORD (a
 * "flavour"; libbpf ignores the suffix). README.md says how to add one, ./check what is missing.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0

/* ---- BPF itself: numbers are ABI (include/uapi/linux/bpf.h) ------------------------------- */

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

/* asked only whether they exist */
enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
	BPF_FUNC_task_pt_regs = 175,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* ---- small ones --------------------------------------------------------------------------- */

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

typedef struct {
	unsigned long sig[1];
} sigset_t;

typedef u32 pid_t;	/* signed in the kernel; ours are compared with __u32 */

struct sigpending {
	sigset_t signal;
};

struct percpu_counter {
	s64 count;
};

/* ---- pids and namespaces ------------------------------------------------------------------ */

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
	unsigned int pid_allocated;
	int pid_max;
	struct pid_namespace *parent;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct new_utsname {
	char nodename[65];
};

struct uts_namespace {
	struct new_utsname name;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
};

/* ---- files: the working directory --------------------------------------------------------- */

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

/* ---- memory ------------------------------------------------------------------------------- */

struct mm_struct {
	unsigned long hiwater_rss;
	atomic_long_t pgtables_bytes;
	unsigned long arg_start;
	unsigned long arg_end;
	struct percpu_counter rss_stat[4];
};

struct mm_rss_stat___old {
	atomic_long_t count[4];
};

/* came with 6.1, as TASK_FROZEN did */
struct maple_tree {
	void *ma_root;
};

struct mm_struct___maple {
	struct maple_tree mm_mt;
};

/* rss_stat became percpu counters in 6.2 */
struct mm_struct___old {
	struct mm_rss_stat___old rss_stat;
};

/* ---- cgroups ------------------------------------------------------------------------------ */

/* indices into css_set.subsys; they differ by configuration */
enum cgroup_subsys_id {
	memory_cgrp_id,
	pids_cgrp_id,
};

struct kernfs_node {
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct pids_cgroup {
	struct cgroup_subsys_state css;
	atomic64_t counter;
	atomic64_t limit;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

/* ---- signals ------------------------------------------------------------------------------ */

struct sigaction {
	void *sa_handler;
	unsigned long sa_flags;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

union __sifields {
	struct {
		pid_t _pid;
	} _sigchld;
	struct {
		void *_addr;
	} _sigfault;
	struct {
		void *_call_addr;
		int _syscall;
		unsigned int _arch;
	} _sigsys;
};

struct kernel_siginfo {
	int si_code;
	union __sifields _sifields;
};

struct rlimit {
	unsigned long rlim_cur;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct sigpending shared_pending;
	int group_exit_code;
	unsigned int flags;
	unsigned int is_child_subreaper : 1;
	struct pid *pids[4];
	u64 utime;
	u64 stime;
	u64 cutime;
	u64 cstime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned long cmin_flt;
	unsigned long maxrss;
	unsigned long long sum_sched_runtime;
	short oom_score_adj;
	struct rlimit rlim[16];
};

/* ---- tasks -------------------------------------------------------------------------------- */

struct thread_info {
	unsigned long flags;
	u32 status;	/* x86 only */
};

struct sched_entity {
	u64 exec_start;
	u64 sum_exec_runtime;
};

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_arrival;
};

struct user_namespace {
	int level;
};

struct user_struct {
	kuid_t uid;
};

/* counted in ucounts from 5.14 on */
struct user_struct___old {
	atomic_t processes;
};

/* indices into ucounts.rlimit (6.0; before it they were others, in another array) */
enum rlimit_type {
	UCOUNT_RLIMIT_NPROC,
};

struct ucounts {
	atomic_long_t rlimit[4];
};

/* two words of 32 bits until 6.3, then one of 64: the low ones are in the same place */
typedef struct {
	u64 val;
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kernel_cap_t cap_effective;
	struct user_struct *user;
	struct user_namespace *user_ns;
	struct ucounts *ucounts;
};

struct task_io_accounting {
	u64 syscr;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	void *stack;
	unsigned int flags;
	unsigned int ptrace;
	struct sched_entity se;
	struct sched_info sched_info;
	struct mm_struct *mm;
	unsigned long jobctl;
	unsigned int frozen : 1;
	int exit_state;
	int exit_code;
	int exit_signal;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 utime;
	u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	struct cred *real_cred;
	struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	kuid_t loginuid;
	unsigned int sessionid;
	struct task_io_accounting ioac;
	u64 parent_exec_id;
	u64 self_exec_id;
	struct css_set *cgroups;
};

/* state became __state in 5.14 */
struct task_struct___old {
	long state;
};

/* the argument block of a clone: the fields date PF_IO_WORKER (5.12) and PF_USER_WORKER (6.4) */
struct kernel_clone_args___io {
	int io_thread;
};

struct kernel_clone_args___user {
	u32 user_worker : 1;
};

struct linux_binprm {
	unsigned int secureexec : 1;
	int argc;
	const char *filename;
	const char *interp;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long sp;
	/* never read; bpf_tracing.h's macros name them */
	unsigned long r8, r9, cx, ax, bp, ip;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long pc;
};

struct pt_regs {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long orig_x0;
	s32 syscallno;
};
#endif

/* ---- what hooks hand over ----------------------------------------------------------------- */

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* Only to see what a tracepoint passes: as many arguments as this, the data of its owner first? */
typedef void (*btf_trace_sched_process_exit___new)(void *, struct task_struct *, bool);

/* Only to see whether the field is there: since when does the tracepoint pass it? */
struct trace_event_raw_mark_victim___new {
	u32 uid;
};

#pragma clang attribute pop

#endif
