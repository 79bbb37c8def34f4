// SPDX-License-Identifier: GPL-2.0-only
/*
 * The field tables. They are the format: a field is never moved, taken out or coded in another way;
 * new ones come at the end of 'nums' with CODING_LAST, and a type never gets another string.
 * TRAIL.md shows the same tables, and a unit test compares the two.
 */
#include "trail/codec_int.h"

#define CNT(a)      (sizeof(a) / sizeof((a)[0]))
#define WIDTH(T, m) sizeof(((struct T *)0)->m)
#define NUM(T, m, how, ...)                                                        \
	{                                                                          \
		.name = #m, .offset = offsetof(struct T, m), .width = WIDTH(T, m), \
		.coding = CODING_##how, __VA_ARGS__                                \
	}

#define PREV(T, m)      NUM(T, m, PREV, )
#define LAST(T, m)      NUM(T, m, LAST, )
#define PROC(T, m)      NUM(T, m, PROC, )
#define CPU(T, m)       NUM(T, m, CPU, )
#define REF(r)          .ref = offsetof(struct rec_hdr, r), .ref_width = WIDTH(rec_hdr, r), .ref_name = #r
#define SLIDE(T, m, r)  NUM(T, m, SLIDE, REF(r))
#define LEN(T, m, s, r) NUM(T, m, LEN, .ref = (s), .ref_name = #r)
#define START(T, m, r) \
	NUM(T, m, START, .ref = offsetof(struct T, r), .ref_width = WIDTH(T, r), .ref_name = #r)

#define TEXT(T, m)                                                               \
	{                                                                        \
		.name = #m, .offset = offsetof(struct T, m), .cap = WIDTH(T, m), \
		.kind = STRING_TEXT                                              \
	}
#define WHOLE(T, m)                                                              \
	{                                                                        \
		.name = #m, .offset = offsetof(struct T, m), .cap = WIDTH(T, m), \
		.kind = STRING_WHOLE                                             \
	}
#define BYTES(T, m, len)                                                           \
	{                                                                          \
		.name = #m, .offset = offsetof(struct T, m), .cap = WIDTH(T, m),   \
		.len_offset = offsetof(struct T, len), .len_width = WIDTH(T, len), \
		.kind = STRING_BYTES                                               \
	}
#define TAIL(T, m, len)                                                                        \
	{                                                                                      \
		.name = #m, .len_offset = offsetof(struct T, len), .len_width = WIDTH(T, len), \
		.kind = STRING_TAIL                                                            \
	}

/* boot_ns, tgid and cpu come first: they find what the others are predicted from. */
#define HDR_FIRST \
	PREV(rec_hdr, boot_ns), LAST(rec_hdr, tgid), LAST(rec_hdr, cpu), CPU(rec_hdr, lost)
#define HDR_PARENT PROC(rec_hdr, ppid), PROC(rec_hdr, parent_start_ns), PROC(rec_hdr, parent_tid)
#define HDR                                                                        \
	HDR_FIRST, SLIDE(rec_hdr, tid, tgid), PROC(rec_hdr, start_ns), HDR_PARENT, \
		PROC(rec_hdr, exec_id), PROC(rec_hdr, status), LAST(rec_hdr, flags)
/* Nothing is known of a child, but it is as young as the one before was. */
#define HDR_FORK                                                                                 \
	HDR_FIRST, SLIDE(rec_hdr, tid, tgid), SLIDE(rec_hdr, start_ns, boot_ns),                 \
		LAST(rec_hdr, ppid), START(rec_hdr, parent_start_ns, ppid),                      \
		SLIDE(rec_hdr, parent_tid, ppid), LAST(rec_hdr, exec_id), LAST(rec_hdr, status), \
		LAST(rec_hdr, flags)
/* Deaths are more alike among themselves than a process is like its dead self. */
#define HDR_EXIT                                                                   \
	HDR_FIRST, SLIDE(rec_hdr, tid, tgid), PROC(rec_hdr, start_ns), HDR_PARENT, \
		PROC(rec_hdr, exec_id), LAST(rec_hdr, status), LAST(rec_hdr, flags)
/* Who was the parent cannot be told any more. */
#define HDR_FREE                                                                                   \
	HDR_FIRST, SLIDE(rec_hdr, tid, tgid), PROC(rec_hdr, start_ns), LAST(rec_hdr, ppid),        \
		LAST(rec_hdr, parent_start_ns), LAST(rec_hdr, parent_tid), PROC(rec_hdr, exec_id), \
		PROC(rec_hdr, status), LAST(rec_hdr, flags)

#define PLACE(T)                                                                       \
	LAST(T, place.cgroup_id), LAST(T, place.pidns), SLIDE(T, place.ns_tgid, tgid), \
		LAST(T, place.ns_level)
#define CRED(T)                                                                           \
	LAST(T, cred.uid), LAST(T, cred.euid), LAST(T, cred.gid), LAST(T, cred.loginuid), \
		LAST(T, cred.sessionid), LAST(T, cred.sid)
#define USAGE(T, how)                                                            \
	how(T, usage.utime_ns), how(T, usage.stime_ns), how(T, usage.cpu_ns),    \
		how(T, usage.minflt), how(T, usage.majflt), how(T, usage.nvcsw), \
		how(T, usage.nivcsw), how(T, usage.maxrss_kb)
/* Most often the parent, so it goes where the parent goes. */
#define IS_PARENT(T, m) \
	SLIDE(T, m.tgid, ppid), SLIDE(T, m.start_ns, parent_start_ns), SLIDE(T, m.tid, parent_tid)
#define ANYBODY(T, m) LAST(T, m.tgid), START(T, m.start_ns, m.tgid), LAST(T, m.tid)

static const struct codec_num header_nums[] = {HDR};

static const struct codec_num fork_nums[] = {
	HDR_FORK,
	IS_PARENT(rec_fork, creator),
	PLACE(rec_fork),
	CRED(rec_fork),
	LAST(rec_fork, clone_flags),
	LAST(rec_fork, creator_rss_kb),
	LAST(rec_fork, creator_pgtables_bytes),
	LAST(rec_fork, syscall),
	LAST(rec_fork, exit_signal),
	LAST(rec_fork, sp),
	LAST(rec_fork, fork_ns),
};
static const struct codec_string fork_strings[] = {TEXT(rec_fork, comm)};

static const struct codec_num exec_nums[] = {
	HDR,
	PLACE(rec_exec),
	CRED(rec_exec),
	LAST(rec_exec, run_delay_ns),
	LAST(rec_exec, cpu_ns),
	SLIDE(rec_exec, thread_start_ns, start_ns),
	LAST(rec_exec, nvcsw),
	LEN(rec_exec, args_len, 4, args),
	LAST(rec_exec, argc),
	SLIDE(rec_exec, old_tid, tid),
	LEN(rec_exec, file_len, 2, file),
	LAST(rec_exec, flags),
	LEN(rec_exec, cwd_len, 3, cwd),
};
static const struct codec_string exec_strings[] = {
	TEXT(rec_exec, comm),          TEXT(rec_exec, hostname),        TEXT(rec_exec, file),
	BYTES(rec_exec, cwd, cwd_len), TAIL(rec_exec, args, args_kept),
};

static const struct codec_num exit_nums[] = {HDR_EXIT, USAGE(rec_exit, LAST)};
static const struct codec_string exit_strings[] = {TEXT(rec_exit, comm)};

static const struct codec_num zombie_nums[] = {
	HDR,
	USAGE(rec_zombie, PROC),
	IS_PARENT(rec_zombie, notified),
	LAST(rec_zombie, exit_signal),
	SLIDE(rec_zombie, si_pid, tgid),
	LAST(rec_zombie, result),
	LAST(rec_zombie, sa_flags),
	LAST(rec_zombie, source),
	LAST(rec_zombie, flags),
	LAST(rec_zombie, disposition),
	LAST(rec_zombie, blocked),
	LAST(rec_zombie, pending),
};

static const struct codec_num reap_nums[] = {
	HDR,
	USAGE(rec_reap, PROC),
	IS_PARENT(rec_reap, reaper),
};

static const struct codec_num free_nums[] = {
	HDR_FREE,
	USAGE(rec_reap, PROC),
	LAST(rec_reap, reaper.tgid),
	LAST(rec_reap, reaper.start_ns),
	LAST(rec_reap, reaper.tid),
};

static const struct codec_num wait_nums[] = {
	HDR,
	LAST(rec_wait, pid),
	LAST(rec_wait, repeat),
	LAST(rec_wait, kind),
	LAST(rec_wait, options),
	LAST(rec_wait, known),
};

static const struct codec_num waited_nums[] = {
	HDR,
	SLIDE(rec_waited, begin_ns, boot_ns),
	LAST(rec_waited, pid),
	LAST(rec_waited, ns_pid),
};

static const struct codec_num signal_nums[] = {
	HDR,
	ANYBODY(rec_signal, sender),
	LAST(rec_signal, addr),
	LAST(rec_signal, sig),
	LAST(rec_signal, code),
	LAST(rec_signal, result),
	LAST(rec_signal, repeat),
	SLIDE(rec_signal, target_tid, tid),
	LAST(rec_signal, group),
	LAST(rec_signal, disposition),
	LAST(rec_signal, blocked),
};
static const struct codec_string signal_strings[] = {
	TEXT(rec_signal, sender_comm),
	TEXT(rec_signal, comm),
};

static const struct codec_num deliver_nums[] = {
	HDR,
	LAST(rec_deliver, sig),
	LAST(rec_deliver, code),
	LAST(rec_deliver, sa_flags),
	LAST(rec_deliver, disposition),
};

static const struct codec_string rename_strings[] = {TEXT(rec_rename, comm)};

static const struct codec_num cgroup_nums[] = {
	HDR,
	LAST(rec_cgroup, cgroup_id),
	LEN(rec_cgroup, path_len, 0, path),
};
static const struct codec_string cgroup_strings[] = {TEXT(rec_cgroup, path)};

static const struct codec_num oom_nums[] = {
	HDR, ANYBODY(rec_oom, actor), LAST(rec_oom, rss_kb), LAST(rec_oom, adj), LAST(rec_oom, uid),
};
static const struct codec_string oom_strings[] = {
	TEXT(rec_oom, comm),
	TEXT(rec_oom, actor_comm),
};

static const struct codec_num seed_nums[] = {
	HDR,
	PLACE(rec_seed),
	CRED(rec_seed),
	USAGE(rec_seed, LAST),
	ANYBODY(rec_seed, tracer),
	LAST(rec_seed, still_exec_ns),
	LAST(rec_seed, still_arrival_ns),
	LAST(rec_seed, child_minflt),
	LAST(rec_seed, child_cpu_ns),
	LAST(rec_seed, sig_blocked),
	LAST(rec_seed, sig_pending),
	LAST(rec_seed, sig_ignored),
	LAST(rec_seed, sig_caught),
	LAST(rec_seed, rss_kb),
	LAST(rec_seed, pgtables_bytes),
	SLIDE(rec_seed, task_start_ns, start_ns),
	LAST(rec_seed, pass),
	LAST(rec_seed, threads),
	LAST(rec_seed, exit_signal),
	LAST(rec_seed, sa_flags),
	LAST(rec_seed, state),
	LAST(rec_seed, exit_state),
	SLIDE(rec_seed, pgid, tgid),
	LAST(rec_seed, oom_adj),
};
static const struct codec_string seed_strings[] = {
	TEXT(rec_seed, comm),
	TEXT(rec_seed, hostname),
};

static const struct codec_num seed_end_nums[] = {
	HDR,
	LAST(rec_seed_end, began_ns),
	LAST(rec_seed_end, pass),
	LAST(rec_seed_end, rows),
	LAST(rec_seed_end, joined),
	LAST(rec_seed_end, tasks),
};

static const struct codec_num fork_failed_nums[] = {
	HDR,
	LAST(rec_fork_failed, clone_flags),
	LAST(rec_fork_failed, fork_ns),
	LAST(rec_fork_failed, limit_cgroup_id),
	LAST(rec_fork_failed, limit_used),
	LAST(rec_fork_failed, limit_max),
	LAST(rec_fork_failed, syscall),
	LAST(rec_fork_failed, error),
	LAST(rec_fork_failed, repeat),
	LAST(rec_fork_failed, limit),
};
static const struct codec_string fork_failed_strings[] = {TEXT(rec_fork_failed, comm)};

static const struct codec_num exec_failed_nums[] = {
	HDR,
	LAST(rec_exec_failed, error),
	LAST(rec_exec_failed, repeat),
	LAST(rec_exec_failed, flags),
};
static const struct codec_string exec_failed_strings[] = {
	TEXT(rec_exec_failed, comm),
	TEXT(rec_exec_failed, file),
	TEXT(rec_exec_failed, interp),
};

static const struct codec_num text_nums[] = {
	HDR,
	LAST(rec_text, id),
};
static const struct codec_string text_strings[] = {
	TAIL(rec_text, name, name_len),
	TAIL(rec_text, text, text_len),
};

static const struct codec_num fact_proc_nums[] = {
	HDR,
	LEN(rec_fact_proc, args_len, 2, args),
	LAST(rec_fact_proc, flags),
};
static const struct codec_string fact_proc_strings[] = {
	TAIL(rec_fact_proc, exe, exe_len),
	TAIL(rec_fact_proc, cwd, cwd_len),
	TAIL(rec_fact_proc, args, args_kept),
};

static const struct codec_num host_nums[] = {
	HDR,
	SLIDE(rec_host, real_ns, boot_ns),
	LAST(rec_host, mem_kb),
	LAST(rec_host, hooks),
	LAST(rec_host, cpus),
	LAST(rec_host, gmtoff_s),
	LAST(rec_host, cgroup_kind),
	LAST(rec_host, scoped),
	LAST(rec_host, threads),
	LAST(rec_host, page_shift),
};
static const struct codec_string host_strings[] = {
	WHOLE(rec_host, boot_id),
	TAIL(rec_host, host, host_len),
	TAIL(rec_host, release, release_len),
	TAIL(rec_host, machine, machine_len),
	TAIL(rec_host, zone, zone_len),
	TAIL(rec_host, version, version_len),
};

static const struct codec_num tick_nums[] = {
	HDR,
	SLIDE(rec_tick, real_ns, boot_ns),
	LAST(rec_tick, attempted),
	LAST(rec_tick, lost),
	LAST(rec_tick, missed),
	LAST(rec_tick, delivered),
	LAST(rec_tick, gmtoff_s),
	LAST(rec_tick, flags),
};

static const struct codec_num gap_nums[] = {
	HDR,
	LAST(rec_gap, from_ns),
	LAST(rec_gap, count),
	LAST(rec_gap, reason),
	LAST(rec_gap, rec_type),
};

static const struct codec_num thinned_nums[] = {
	HDR,
	LAST(rec_thinned, root.tgid),
	START(rec_thinned, root.start_ns, root.tgid),
	LAST(rec_thinned, root.tid),
	SLIDE(rec_thinned, from_ns, boot_ns),
	LAST(rec_thinned, births),
	LAST(rec_thinned, deaths),
	LAST(rec_thinned, reaps),
	LAST(rec_thinned, records),
	LAST(rec_thinned, flags),
};

static const struct codec_string thinned_strings[] = {
	TEXT(rec_thinned, comm),
	TAIL(rec_thinned, exe, exe_len),
};

#define ROW(T, n)                                                      \
	{                                                              \
		.nums = n, .size = sizeof(struct T), .num_cnt = CNT(n) \
	}
#define ROW_USAGE(T, n)                                                               \
	{                                                                             \
		.nums = n, .size = sizeof(struct T), .num_cnt = CNT(n), .usage = true \
	}
#define STRINGS(T, n, s)                                                              \
	{                                                                             \
		.nums = n, .strings = s, .size = sizeof(struct T), .num_cnt = CNT(n), \
		.string_cnt = CNT(s)                                                  \
	}

static const struct codec_row header_row = ROW(rec_hdr, header_nums);

static const struct codec_row rows[TRAIL_TYPES] = {
	[REC_FORK] = STRINGS(rec_fork, fork_nums, fork_strings),
	[REC_EXEC] = STRINGS(rec_exec, exec_nums, exec_strings),
	[REC_EXIT] = {.nums = exit_nums,
		      .strings = exit_strings,
		      .size = sizeof(struct rec_exit),
		      .num_cnt = CNT(exit_nums),
		      .string_cnt = CNT(exit_strings),
		      .usage = true},
	[REC_ZOMBIE] = ROW_USAGE(rec_zombie, zombie_nums),
	[REC_REAP] = ROW_USAGE(rec_reap, reap_nums),
	[REC_FREE] = ROW_USAGE(rec_reap, free_nums),
	[REC_WAIT] = ROW(rec_wait, wait_nums),
	[REC_SIGNAL] = STRINGS(rec_signal, signal_nums, signal_strings),
	[REC_DELIVER] = ROW(rec_deliver, deliver_nums),
	[REC_RENAME] = STRINGS(rec_rename, header_nums, rename_strings),
	[REC_CGROUP] = STRINGS(rec_cgroup, cgroup_nums, cgroup_strings),
	[REC_MKCGROUP] = STRINGS(rec_cgroup, cgroup_nums, cgroup_strings),
	[REC_OOM] = STRINGS(rec_oom, oom_nums, oom_strings),
	[REC_OOM_ADJ] = STRINGS(rec_oom, oom_nums, oom_strings),
	[REC_SEED] = STRINGS(rec_seed, seed_nums, seed_strings),
	[REC_SEED_END] = ROW(rec_seed_end, seed_end_nums),
	[REC_WAITED] = ROW(rec_waited, waited_nums),
	[REC_FORK_FAILED] = STRINGS(rec_fork_failed, fork_failed_nums, fork_failed_strings),
	[REC_EXEC_FAILED] = STRINGS(rec_exec_failed, exec_failed_nums, exec_failed_strings),
	[REC_HOST] = STRINGS(rec_host, host_nums, host_strings),
	[REC_TICK] = ROW(rec_tick, tick_nums),
	[REC_FACT_PROC] = STRINGS(rec_fact_proc, fact_proc_nums, fact_proc_strings),
	[REC_FACT_CGROUP] = STRINGS(rec_text, text_nums, text_strings),
	[REC_FACT_TEXT] = STRINGS(rec_text, text_nums, text_strings),
	[REC_GAP] = ROW(rec_gap, gap_nums),
	[REC_THINNED] = STRINGS(rec_thinned, thinned_nums, thinned_strings),
};
_Static_assert(TRAIL_TYPES == REC_TYPE_CNT, "the header has a place for every type");

const struct codec_row *codec_row(unsigned type)
{
	return type < TRAIL_TYPES && rows[type].nums ? &rows[type] : NULL;
}

const struct codec_row *codec_row_header(void)
{
	return &header_row;
}

const char *codec_coding_name(enum codec_coding coding)
{
	static const char *const names[] = {
		[CODING_PREV] = "PREV", [CODING_LAST] = "LAST",   [CODING_PROC] = "PROC",
		[CODING_CPU] = "CPU",   [CODING_SLIDE] = "SLIDE", [CODING_START] = "START",
		[CODING_LEN] = "LEN",
	};

	return names[coding];
}

struct trail_fields trail_fields_now(void)
{
	struct trail_fields fields = {0};

	for (unsigned type = 0; type < TRAIL_TYPES; type++) {
		const struct codec_row *row = codec_row(type);

		if (!row)
			continue;
		fields.cnt[type] = row->num_cnt + row->string_cnt;
		fields.strings[type] = row->string_cnt;
	}
	return fields;
}

static enum codec_how how_of(const struct codec_num *n)
{
	switch ((enum codec_coding)n->coding) {
	case CODING_CPU: return n->width == 4 ? HOW_CPU : HOW_OTHER;
	case CODING_SLIDE:
		if (n->width == n->ref_width && n->width == 4)
			return HOW_SLIDE_4;
		return n->width == n->ref_width && n->width == 8 ? HOW_SLIDE_8 : HOW_OTHER;
	case CODING_START: return n->width == 8 && n->ref_width == 4 ? HOW_START : HOW_OTHER;
	case CODING_LEN: return HOW_LEN;
	case CODING_PREV:
	case CODING_LAST:
	case CODING_PROC: break;
	}
	return HOW_OTHER;
}

void codec_plan_init(struct codec_plan *p, const struct codec_row *row, unsigned cnt,
		     unsigned string_cnt)
{
	unsigned nums = cnt - string_cnt < row->num_cnt ? cnt - string_cnt : row->num_cnt;

	*p = (struct codec_plan){
		.row = row,
		.num_cnt = (uint8_t)nums,
		.string_cnt = (uint8_t)string_cnt,
		.field_cnt = (uint8_t)cnt,
		.bitmap_bytes = (uint8_t)((cnt + 7) / 8),
		.bitmap_mask = cnt < 57 ? (1ULL << (cnt + 7) / 8 * 8) - 1 : UINT64_MAX,
	};
	for (unsigned i = 0; i < nums; i++) {
		const struct codec_num *n = &row->nums[i];

		if (n->coding == CODING_PROC) {
			memset((char *)p->proc + n->offset, 0xff, n->width);
			p->proc_words = row->usage ? CODEC_PROC_WORDS : CODEC_PROC_WORDS / 2;
		} else if (n->coding != CODING_LAST) {
			p->special |= 1ULL << i;
			if (i >= CODEC_FIRST_NUMS)
				p->specials[p->special_cnt++] = (struct codec_special){
					n->offset, n->ref, (uint8_t)i, (uint8_t)how_of(n)};
		}
	}
}
