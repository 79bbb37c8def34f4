/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The part of the ABI that keyframes are made of: the model as records, so that a stream can be
 * entered in its middle. In trails, never in the live stream; the rules of event.h hold.
 */
#ifndef PROCTRAIL_EVENT_KEYFRAME_H
#define PROCTRAIL_EVENT_KEYFRAME_H

#include "event.h"

/*
 * rec_row.state: 0 born, 1 running, 2 dying, 3 zombie, 4 reaped
 * rec_row.how: 0 unknown, 1 fork, 2 vfork, 3 posix_spawn, 4 clone, 5 thread
 * rec_row.flags: 0x1 kthread, 0x2 nsinit, 0x4 subreaper, 0x8 adopted, 0x10 seeded, 0x20 inferred,
 *	0x40 leader dead, 0x80 stopped, 0x100 traced, 0x200 healed, 0x400 execed, 0x800 status known,
 *	0x1000 auto-reaped, 0x2000 vanished, 0x4000 ghost, 0x8000 zombie when first seen
 * rec_row.marks: 0x1 its parent's image did not bear it, 0x2 birth seen, 0x4 exit told, 0x8 exit held back, 0x10 freed, 0x20 let its children
 *	go, 0x40 orphan, 0x80 exec derived, 0x100 0x200 0x400 seen by the running pass as zombie, as
 *	dead, as not stopped, 0x800 counted by its parent, 0x2000 parent notified, 0x4000 missing from
 *	a pass, 0x8000 the init of its pid namespace now
 * These are the model's own numbers, which are in trails for ever: user/model/keyframe_row.c asserts them.
 */

/* What follows the texts of a row, in this order; each whole, a part not named is not there. */
#define REC_PART_CUT      0x01 /* __u32 [4]: true lengths of the texts, where one was cut */
#define REC_PART_DEATH    0x02 /* rec_row_death */
#define REC_PART_KILLER   0x04 /* rec_row_kill: who ended it */
#define REC_PART_KILLS    0x08 /* rec_row_kill, 'kills' of them: signals that may yet end it */
#define REC_PART_EVIDENCE 0x10 /* rec_row_evidence */
#define REC_PART_WAITS    0x20 /* rec_row_waits */
#define REC_PART_HIST     0x40 /* rec_row_hist */
#define REC_PART_TRACER \
	0x80 /* rec_proc: who holds this zombie; behind the pairs of the histogram */

/*
 * h names the process and its current parent, whose row came before. Followed by exe, args, cwd,
 * hostname (*_len bytes each) and the parts. Siblings come in their order.
 */
struct rec_row {
	struct rec_hdr h; /* with exec id and status; boot_ns is the keyframe's */
	struct rec_cred cred;
	__u64 birth_start_ns;    /* birth parent */
	__u64 first_ns, seen_ns; /* first and latest record about it */
	__u64 exec_ns, ahead_ns, still_ns, rss_kb, cgroup_id;
	__u32 birth_tgid, exec_cnt, pidns, ns_tgid, threads, task_state, pass, exit_signal;
	__u32 args_len;
	__u16 exe_len, cwd_len, hostname_len;
	__u16 flags, marks, parts;
	__u8 state, how, ns_level, kills;
	__u8 taken; /* the signal that it ends by, where one was taken with its default action */
	__u8 _pad[3];
	char comm[REC_COMM_LEN];
};
REC_ASSERT(rec_row, 224);

struct rec_row_death {
	struct rec_usage usage;
	struct rec_proc reaper;
	__u64 exit_ns, zombie_ns, zombie_err_ns, gone_ns;
	__u64 wait_ns, wait_end_ns; /* what bounds a reap that no hook tells of */
	__u8 zombie_source, reap_source, core_dumped, _pad[5];
};
REC_ASSERT(rec_row_death, 136);

struct rec_row_kill {
	struct rec_proc sender;
	__u64 sent_ns;
	__s32 sig, code;
	char comm[REC_COMM_LEN];
};
REC_ASSERT(rec_row_kill, 48);

struct rec_row_evidence {
	__u64 watched_since_ns;
	__u64 child_death_ns, reap_ns, wait_ns; /* the last of each */
	__u64 snapshot_ns, child_minflt, child_cpu_ns;
	__u64 sig_blocked, sig_pending, sig_ignored, sig_caught;
	__u32 wait_cnt[4], nohang_cnt, all_cnt, wait_pid;
	__u32 died, reaped, autoreaped, merged, sa_flags;
	__u8 wait_kind, wait_options, disposition, blocked, pending, _pad[3];
};
REC_ASSERT(rec_row_evidence, 144);

struct rec_row_waits {
	__u64 any_ns[16]; /* waits for any child, a ring: the next one goes to any_cnt % 16 */
	__u64 open_ns[4];
	__u32 open_tid[4], open_child[4], open_options[4];
	struct rec_proc sure; /* the zombie that its thread 'sure_tid' must be reaping */
	__u32 sure_tid, any_cnt;
};
REC_ASSERT(rec_row_waits, 232);

/* Lifetimes of reaped zombies. Followed by 'buckets' pairs of __u32: number (base/hist.c), count. */
struct rec_row_hist {
	__u64 cnt, sum, min, max;
	__u32 buckets, _pad;
};
REC_ASSERT(rec_row_hist, 40);

#define REC_TABLE_CPUS 1 /* rec_table_cpu */
#define REC_TABLE_DEAD 2 /* rec_proc: those reaped, in the order in which they went */
#define REC_TABLE_HELD 3 /* rec_proc: those whose exit is held back, in order */
#define REC_TABLE_END  4 /* rec_table_end: last of a keyframe */

/* h names nobody. Followed by 'cnt' of what 'kind' says; one kind may take several records. */
struct rec_table {
	struct rec_hdr h;
	__u32 kind, cnt;
};
REC_ASSERT(rec_table, 72);

struct rec_table_cpu {
	__u64 seen_ns;
	__u32 cpu, lost;
};
REC_ASSERT(rec_table_cpu, 16);

struct rec_table_end {
	__u64 rows; /* that the keyframe has */
	__u64 start_ns, run_ns, uncertain_ns, loss_ns, newest_start_ns, unfreed;
	__u64 forks, execs, deaths, killed, zombies, reaps, adoptions, signals, threads, events;
	__u64 lost, missed, healed, illegal, evicted, malformed, unknown_type;
	__u64 attempted, delivered;
	__u32 pass, pass_rows;
	__u64 thinned;
};
REC_ASSERT(rec_table_end, 224);

#endif
