/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space sets, and the maps. The variables are defined once, in state.bpf.c; the other
 * objects are linked against it (bpftool gen object).
 *
 * cfg_*: before load, constant afterwards: the verifier removes what they switch off.
 * scope_*, iter_*: may change while the programs run.
 */
#ifndef PROCTRAIL_STATE_BPF_H
#define PROCTRAIL_STATE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "event.h"

extern const volatile __u32 cfg_rings; /* slots of 'rings' in use, at least 1 */
extern const volatile __u32
	cfg_wake_bytes;                 /* wake the consumer when the fill crosses this; 0: never */
extern const volatile __u8 cfg_scoped;  /* 1: only processes in 'scope' */
extern const volatile __u8 cfg_threads; /* 1: threads have records of their own */
extern const volatile __u8 cfg_all_signals;    /* 1: ship every signal, noise too */
extern const volatile __u8 cfg_release_hooked; /* 1: release_task is hooked */
extern const volatile __u8 cfg_notify_hooked;  /* 1: do_notify_parent is hooked */
extern const volatile __u8 cfg_fork_timed;     /* 1: entries of fork calls are noted */
extern const volatile __u8 cfg_page_shift;
extern const volatile __u8 cfg_waits_end;         /* 1: the return of wait calls is hooked */
extern const volatile __u32 cfg_cgroup_kind;      /* REC_CGROUP_* */
extern const volatile __s32 cfg_cgroup_hierarchy; /* hierarchy_id of that hierarchy */
extern const volatile __u32 cfg_args_max;         /* bytes of argv to keep */
extern const volatile __u32 cfg_self_tgid;        /* proctrail's own process */

#define SCOPE_BY_PID    1
#define SCOPE_BY_CGROUP 2
#define SCOPE_BY_UID    4

extern __u32 scope_by;  /* SCOPE_BY_* */
extern __u32 scope_pid; /* that process and its descendants */
extern __s32 scope_cgroup_level;
extern __u64 scope_cgroup_id; /* that cgroup and those below it */
extern __u32 scope_uid;

#define ITER_ROWS    1 /* a row for every leader in scope: seed, heal */
#define ITER_JOIN    2 /* add what matches, and children of what is in, to the scope */
#define ITER_BUSY    4 /* rows for threads that run or are in D, too */
#define ITER_THREADS 8 /* rows for all threads */

extern __u32 limit_threads_max; /* sysctls, which no pointer leads to; 0: unknown */
extern __u32 limit_pid_max;     /* ... one of the machine until 6.14 */

extern __u32 iter_flags; /* ITER_* */
extern __u32 iter_pass;
extern __u64 iter_began_ns;
extern __u64 iter_join_ns; /* who is born later does not make another pass for it necessary */
extern __u32 iter_rows;    /* results of the pass: user space resets them */
extern __u32 iter_joined;
extern __u32 iter_visited;

/*
 * One ring, on a machine with many CPUs several, so that they do not queue for one lock: 'ring' is the
 * first of 'rings', user space makes the others. 64 KiB is a whole page everywhere, and only a type: the
 * kernel does not compare the sizes of rings (bpf_map_meta_equal).
 */
struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};

struct rings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring_map);
};

struct counters_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rec_counters);
};

/* by signal_struct: one per process, survives an exec from a thread; a pid is reused too early */
struct scope_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
};

/*
 * The caches of state by process or thread are arrays without chains, looked up inline: a hash map's lookup
 * costs as much as a record's whole header. Two processes on one slot evict each other, which lets a
 * few records more through and never keeps one back; of a fork call its time is not known then.
 */

/* what the last shipped wait of a process was, and how many like it were not shipped since */
#define WAITER_SLOTS 4096

struct waiter {
	__u64 signal;   /* the caller's signal_struct; 0: nobody's */
	__u64 start_ns; /* ... whose memory is reused */
	__u64 shipped_ns;
	__u64 tick; /* jiffies when shipped_ns was last looked at */
	__u32 pid;
	__u32 repeat;
	__u8 kind;
	__u8 options;
	__u8 child_died;
	__u8 _pad[5];
};

struct waiters_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WAITER_SLOTS);
	__type(key, __u32);
	__type(value, struct waiter);
};

/*
 * The wait call that a thread is in, under --exact-reap. Several threads may have one slot: 'sum' is
 * who it is and all the rest in one, so that what two of them wrote at a time is nobody's.
 */
#define WAIT_CALL_SLOTS 4096

struct wait_call {
	__u64 begin_ns;
	__u64 pid; /* waited for, initial namespace; 0: not for one pid */
	__u64 sum;
};

struct wait_calls_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wait_call);
};

/* signals to one process in the current window */
#define FLOOD_SLOTS 1024

struct flood {
	__u64 signal; /* the target's signal_struct */
	__u64 since;  /* jiffies */
	__u32 shipped;
	__u32 repeat; /* not shipped since the last record */
};

struct floods_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOOD_SLOTS);
	__type(key, __u32);
	__type(value, struct flood);
};

/* a fork call that has begun, by thread */
#define FORKER_SLOTS 4096

struct forker {
	__u64 thread; /* tgid and tid; 0: nobody's */
	__u64 enter_ns;
	__u64 failed_thread; /* whose refused call was the last shipped */
	__u64 failed_ns;
	__u32 repeat; /* not shipped since */
	__u32 _pad;
};

struct forkers_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FORKER_SLOTS);
	__type(key, __u32);
	__type(value, struct forker);
};

/* an exec call that has begun, and those that failed, by thread */
#define EXEC_CALL_SLOTS 4096

struct exec_call {
	__u64 thread; /* tgid and tid; 0: nobody's */
	__u64 reads;  /* that the thread had made before it */
	__u64 failed_thread;
	__u64 failed_ns; /* when its present 10 ms began */
	__u32 shipped;   /* in them */
	__u32 repeat;    /* not shipped since the last record */
};

struct exec_calls_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_call);
};

/* what a thread's exec call that goes on could not open for its file, seldom any */
#define EXEC_LACK_SLOTS 64

struct exec_lack {
	__u64 thread;
	char interp[REC_INTERP_LEN];
};

struct exec_lacks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EXEC_LACK_SLOTS);
	__type(key, __u32);
	__type(value, struct exec_lack);
};

/*
 * weak: every object brings its own and the linker merges them; it loses the places of extern
 * maps
 */
struct ring_map ring SEC(".maps") __weak;
struct rings_map rings SEC(".maps") __weak;
struct counters_map counters SEC(".maps") __weak;
struct scope_map scope SEC(".maps") __weak;
struct waiters_map waiters SEC(".maps") __weak;
struct wait_calls_map wait_calls SEC(".maps") __weak;
struct floods_map floods SEC(".maps") __weak;
struct forkers_map forkers SEC(".maps") __weak;
struct exec_calls_map exec_calls SEC(".maps") __weak;
struct exec_lacks_map exec_lacks SEC(".maps") __weak;

static __always_inline struct waiter *waiter_slot(__u32 tgid)
{
	__u32 slot = tgid % WAITER_SLOTS;

	return bpf_map_lookup_elem(&waiters, &slot);
}

static __always_inline struct wait_call *wait_call_slot(__u32 tid)
{
	__u32 slot = tid % WAIT_CALL_SLOTS;

	return bpf_map_lookup_elem(&wait_calls, &slot);
}

static __always_inline struct flood *flood_slot(__u32 tgid)
{
	__u32 slot = tgid % FLOOD_SLOTS;

	return bpf_map_lookup_elem(&floods, &slot);
}

static __always_inline struct forker *forker_slot(__u32 tid)
{
	__u32 slot = tid % FORKER_SLOTS;

	return bpf_map_lookup_elem(&forkers, &slot);
}

static __always_inline struct exec_call *exec_call_slot(__u32 tid)
{
	__u32 slot = tid % EXEC_CALL_SLOTS;

	return bpf_map_lookup_elem(&exec_calls, &slot);
}

static __always_inline struct exec_lack *exec_lack_slot(__u32 tid)
{
	__u32 slot = tid % EXEC_LACK_SLOTS;

	return bpf_map_lookup_elem(&exec_lacks, &slot);
}

#endif
