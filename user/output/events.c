// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which change is which line. Threads (--threads) come as "fork" with how "thread" and as "exit", both
 * with "tid", which events of processes never have: select(.tid == null) is processes only.
 */
#include <string.h>

#include "output/fields.h"

/* clang-format off */
#define FORK(F) FIELDS_COMMON(F) F(how) F(syscall) F(new_ns) F(parent_rss_kb) F(fork_ns)
#define FORK_FAILED(F)                                                                            \
	FIELDS_COMMON(F) F(tid) F(how) F(syscall) F(error) F(limit) F(limit_cgroup_id)       \
	F(limit_used) F(limit_max) F(fork_ns) F(repeat)
#define EXEC_FAILED(F) FIELDS_COMMON(F) F(tid) F(error) F(path) F(found) F(interpreter) F(repeat)
#define THREAD_FORK(F) FIELDS_COMMON(F) F(tid) F(how) F(syscall) F(fork_ns)
#define EXEC(F) FIELDS_COMMON(F) F(interpreter) F(spawn_ns) F(queued_ns) F(blocked_ns) F(running_ns)
#define EXIT(F)                                                                                   \
	FIELDS_COMMON(F) F(exit_code) F(signal) F(signal_name) F(core_dumped) F(killer_pid)       \
	F(killer_comm) F(lived_ns) F(maxrss_kb)
#define THREAD_EXIT(F) FIELDS_COMMON(F) F(tid)
#define ZOMBIE(F) FIELDS_COMMON(F) F(zombie_source) F(utime_ns) F(stime_ns) F(teardown_ns)
#define REAP(F)                                                                                   \
	FIELDS_COMMON(F) F(utime_ns) F(stime_ns) F(minflt) F(majflt) F(zombie_ns)                 \
	F(zombie_err_ns) F(reap_source) F(reaper_pid)
#define ADOPT(F) FIELDS_COMMON(F) F(old_ppid)
#define SIGNAL(F)                                                                                 \
	FIELDS_COMMON(F) F(signal) F(signal_name) F(sender_pid) F(sender_comm) F(code) F(result)  \
	F(disposition) F(repeat)
#define STOP(F) FIELDS_COMMON(F) F(signal) F(signal_name)
#define RENAME(F) FIELDS_COMMON(F)
#define OOM(F) FIELDS_COMMON(F) F(trigger_pid) F(trigger_comm) F(rss_kb) F(oom_score_adj)
#define LOST(F) F(ts) F(boot_ns) F(count) F(from_boot_ns) F(reason) F(cpu) F(record)
#define HEAL(F) F(ts) F(boot_ns) F(count) F(from_boot_ns)
#define THINNED(F)                                                                                \
	FIELDS_COMMON(F) F(births) F(deaths) F(reaps) F(image) F(image_exe) F(exit_code)          \
	F(signal) F(signal_name) F(root_pid) F(records) F(from_boot_ns)
#define FACT(F) FIELDS_COMMON(F) F(name) F(text) F(cgroup_id) F(not_told)

#define AS_WORD(f) #f " "
#define AS_ID(f) FIELD_##f,
#define FIELDS(list) .fields = list(AS_WORD), .field_ids = (const uint8_t[]){ list(AS_ID) FIELD_CNT }

/* clang-format on */

_Static_assert(FIELD_CNT <= UINT8_MAX, "ids are bytes");

/* Rows of threads and the end of a pass are told as facts to the analyses, not to people. */
static bool is_fact(const struct change *c)
{
	return c->ev && c->ev->h.type != REC_SEED && c->ev->h.type != REC_SEED_END;
}

static bool has_deaths(const struct change *c)
{
	return c->ev && c->ev->thinned.deaths;
}

static bool is_thread_birth(const struct change *c)
{
	return c->ev && c->ev->h.type == REC_FORK;
}

static bool is_thread_death(const struct change *c)
{
	return c->ev && c->ev->h.type == REC_EXIT;
}

/* clang-format off */
static const struct event_format formats[] = {
	{ .event = "fork", .kind = CHANGE_FORK, FIELDS(FORK), .text = true,
	  .what = "of {parent}, {how}, {parent_rss_kb}" },
	{ .event = "fork_failed", .kind = CHANGE_FORK_FAILED, FIELDS(FORK_FAILED), .text = true,
	  .word = "fork", .what = "refused: {error}, {how}, {limit}[ {limit_used} of {limit_max}]" },
	{ .event = "fork", .kind = CHANGE_THREAD, FIELDS(THREAD_FORK), .text = true,
	  .applies = is_thread_birth, .what = "of {self}, thread {tid}" },
	{ .event = "exec", .kind = CHANGE_EXEC, FIELDS(EXEC), .text = true,
	  .what = "{command}", .note = "{spawn_ns} after fork" },
	{ .event = "exec_failed", .kind = CHANGE_EXEC_FAILED, FIELDS(EXEC_FAILED), .text = true,
	  .word = "exec", .what = "failed: {error}[ {path}][; {exec_lack}][: {interpreter}]" },
	{ .event = "exit", .kind = CHANGE_EXIT, FIELDS(EXIT), .text = true,
	  .what = "{fate}[ by {killer}]", .note = "lived {lived_ns}" },
	{ .event = "exit", .kind = CHANGE_THREAD, FIELDS(THREAD_EXIT), .text = true,
	  .applies = is_thread_death, .what = "of {self}, thread {tid}" },
	{ .event = "zombie", .kind = CHANGE_ZOMBIE, FIELDS(ZOMBIE),
	  .what = "waits for {parent}", .note = "teardown {teardown_ns}" },
	{ .event = "reap", .kind = CHANGE_REAP, FIELDS(REAP),
	  .what = "by {reaper}", .note = "zombie for {zombie_ns}" },
	{ .event = "adopt", .kind = CHANGE_ADOPT, FIELDS(ADOPT), .text = true,
	  .what = "by {parent}, was of {old_parent}" },
	{ .event = "signal", .kind = CHANGE_SIGNAL, FIELDS(SIGNAL),
	  .what = "{signal_name}[ by {sender}], {result}" },
	{ .event = "stop", .kind = CHANGE_STOP, FIELDS(STOP), .text = true,
	  .what = "{self}, {signal_name}" },
	{ .event = "cont", .kind = CHANGE_CONT, FIELDS(STOP), .text = true,
	  .what = "{self}, {signal_name}" },
	{ .event = "rename", .kind = CHANGE_RENAME, FIELDS(RENAME), .what = "is now {comm}" },
	{ .event = "oom", .kind = CHANGE_OOM, FIELDS(OOM), .text = true,
	  .what = "{self}, {rss_kb}, adj {oom_score_adj}, for {trigger}" },
	{ .event = "lost", .kind = CHANGE_LOST, FIELDS(LOST), .text = true,
	  .what = "{count} records[ of {record}], {reason}, CPU {cpu}",
	  .note = "within {uncertain_ns}" },
	{ .event = "heal", .kind = CHANGE_HEAL, FIELDS(HEAL), .text = true,
	  .what = "processes put right: {count}", .note = "unsure for {uncertain_ns}" },
	{ .event = "thinned", .kind = CHANGE_THINNED, FIELDS(THINNED), .text = true,
	  .applies = has_deaths, .what = "of {self}: {deaths} x {image} died, {fate}" },
	{ .event = "thinned", .kind = CHANGE_THINNED, FIELDS(THINNED), .text = true,
	  .what = "of {self}: {births} x {image} born, records thinned" },
	{ .event = "fact", .kind = CHANGE_FACT, FIELDS(FACT),
	  .applies = is_fact, .what = "[{self}][{name}][{cgroup}]" },
};
/* clang-format on */

#define FORMAT_CNT (sizeof(formats) / sizeof(formats[0]))

const struct event_format *event_format_of(const struct change *c)
{
	for (size_t i = 0; i < FORMAT_CNT; i++) {
		if (formats[i].kind == c->kind && (!formats[i].applies || formats[i].applies(c)))
			return &formats[i];
	}
	return NULL;
}

const struct event_format *event_format_find(const char *event)
{
	for (size_t i = 0; i < FORMAT_CNT; i++) {
		if (strcmp(formats[i].event, event) == 0)
			return &formats[i];
	}
	return NULL;
}
