/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every field there is, by name: JSON's names and the words of text templates. A name stands once
 * here; a fields_*.c must have GET(NAME) for it, and events.c lists it where it belongs.
 */
#ifndef PROCTRAIL_OUTPUT_FIELDS_H
#define PROCTRAIL_OUTPUT_FIELDS_H

#include "output/render.h"

/* clang-format off */
#define FIELDS_COMMON(F)                                                                          \
	F(ts) F(boot_ns) F(id) F(parent_id) F(pid) F(start_ns) F(ppid) F(birth_ppid) F(comm)      \
	F(exe) F(cwd) F(args) F(args_truncated) F(uid) F(cgroup) F(unit) F(container)             \
	F(pidns_pid) F(host_in_container)

#define FIELDS_OWN(F)                                                                             \
	F(tid) F(how) F(syscall) F(new_ns) F(parent_rss_kb) F(fork_ns)                            \
	F(error) F(path) F(found) F(interpreter) F(limit) F(limit_cgroup_id) F(limit_used) F(limit_max)                      \
	F(spawn_ns) F(queued_ns) F(blocked_ns) F(running_ns)                                      \
	F(exit_code) F(signal) F(signal_name) F(core_dumped) F(killer_pid) F(killer_comm)         \
	F(lived_ns) F(maxrss_kb)                                                                  \
	F(zombie_source) F(utime_ns) F(stime_ns) F(teardown_ns)                                   \
	F(minflt) F(majflt) F(zombie_ns) F(zombie_err_ns) F(reap_source) F(reaper_pid)            \
	F(old_ppid) F(sender_pid) F(sender_comm) F(code) F(result) F(disposition) F(repeat)       \
	F(trigger_pid) F(trigger_comm) F(rss_kb) F(oom_score_adj)                                 \
	F(count) F(from_boot_ns) F(reason) F(cpu) F(record)                                       \
	F(births) F(deaths) F(reaps) F(image) F(image_exe) F(root_pid) F(records)                 \
	F(name) F(text) F(cgroup_id) F(not_told)

/* for text only */
#define FIELDS_TEXT(F)                                                                            \
	F(self) F(parent) F(command) F(fate) F(killer) F(sender) F(old_parent) F(reaper)          \
	F(trigger) F(uncertain_ns) F(exec_lack)

enum field_id {
#define AS_ENUM(f) FIELD_##f,
	FIELDS_COMMON(AS_ENUM) FIELDS_OWN(AS_ENUM) FIELDS_TEXT(AS_ENUM)
#undef AS_ENUM
	FIELD_CNT
};

#define AS_GETTER(f)                                                                              \
	bool field_get_##f(const struct render *r, const struct change *c, struct value *ret);
FIELDS_COMMON(AS_GETTER) FIELDS_OWN(AS_GETTER) FIELDS_TEXT(AS_GETTER)
#undef AS_GETTER
	/* clang-format on */

	const struct field *field_at(enum field_id id);

#endif
