// SPDX-License-Identifier: GPL-2.0-only
/* Births and images. */
#include <errno.h>
#include <string.h>

#include "analysis/spawn.h"
#include "output/fields_put.h"

GET(tid)
{
	return c->ev && put_u64(ret, c->ev->h.tid) && ret->u;
}

GET(how)
{
	if (c->kind == CHANGE_THREAD)
		return put_word(ret, spawn_how_name(HOW_THREAD));
	if (ev_is(c, REC_FORK_FAILED)) {
		uint64_t flags = c->ev->fork_failed.clone_flags;

		return flags && put_word(ret, spawn_how_name(spawn_how_of(flags, REC_SP_UNKNOWN)));
	}
	return c->proc && put_word(ret, spawn_how_name(c->proc->how));
}

/* x86-64, arm64 and 32-bit (i386, arm) numbers at once: no number that forks anywhere does
 * something else that forks elsewhere. */
GET(syscall)
{
	if (!ev_is(c, REC_FORK) && !ev_is(c, REC_FORK_FAILED))
		return false;
	switch (ev_is(c, REC_FORK) ? c->ev->fork.syscall : c->ev->fork_failed.syscall) {
	case 2:
	case 57: return put_word(ret, "fork");
	case 58:
	case 190: return put_word(ret, "vfork");
	case 56:
	case 120:
	case 220: return put_word(ret, "clone");
	case 435: return put_word(ret, "clone3");
	}
	return false;
}

GET(new_ns)
{
	static const struct {
		uint64_t flag; /* CLONE_NEW* of <linux/sched.h> */
		const char *name;
	} spaces[] = {
		{0x00020000, "mnt"}, {0x02000000, "cgroup"}, {0x04000000, "uts"},
		{0x08000000, "ipc"}, {0x10000000, "user"},   {0x20000000, "pid"},
		{0x40000000, "net"}, {0x00000080, "time"},
	};

	if (!ev_is(c, REC_FORK))
		return false;
	ret->type = VALUE_WORDS;
	ret->words.cnt = 0;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		if (c->ev->fork.clone_flags & spaces[i].flag)
			ret->words.word[ret->words.cnt++] = spaces[i].name;
	}
	return true;
}

GET(parent_rss_kb)
{
	return ev_is(c, REC_FORK) && put_kb(ret, c->ev->fork.creator_rss_kb);
}

GET(fork_ns)
{
	if (ev_is(c, REC_FORK_FAILED))
		return c->ev->fork_failed.fork_ns && put_ns(ret, c->ev->fork_failed.fork_ns);
	return ev_is(c, REC_FORK) && c->ev->fork.fork_ns && put_ns(ret, c->ev->fork.fork_ns);
}

GET(error)
{
	const char *name = NULL;

	if (ev_is(c, REC_FORK_FAILED))
		name = strerrorname_np(c->ev->fork_failed.error);
	else if (ev_is(c, REC_EXEC_FAILED))
		name = strerrorname_np(c->ev->exec_failed.error);
	return name && put_word(ret, name);
}

GET(path)
{
	if (!ev_is(c, REC_EXEC_FAILED))
		return false;
	put_str(ret, c->ev->file);
	ret->cut = c->ev->exec_failed.flags & REC_NOEXEC_CUT;
	return c->ev->file.len != 0;
}

/* Only what is known for sure: a file that was not read may be there all the same. */
GET(found)
{
	return ev_is(c, REC_EXEC_FAILED) && (c->ev->exec_failed.flags & REC_NOEXEC_OPENED) &&
	       put_bool(ret, true);
}

GET(interpreter)
{
	if (ev_is(c, REC_EXEC) && c->kind == CHANGE_EXEC)
		return put_str(ret, event_interpreter(c->ev));
	return ev_is(c, REC_EXEC_FAILED) && put_str(ret, c->ev->text);
}

GET(exec_lack)
{
	const struct rec_exec_failed *f = &c->ev->exec_failed;

	if (!ev_is(c, REC_EXEC_FAILED))
		return false;
	if (f->flags & REC_NOEXEC_NO_PATH)
		return put_word(ret, "the path could not be read");
	if ((f->flags & REC_NOEXEC_OPENED) && f->error == ENOENT)
		return put_word(ret, c->ev->text.len ?
					     "it is there, its interpreter is not" :
					     "it is there, its interpreter or loader is not");
	if ((f->flags & REC_NOEXEC_OPENED) && f->error == EACCES)
		return put_word(ret, "its interpreter may not be executed");
	return false;
}

static bool limit_known(const struct change *c)
{
	return ev_is(c, REC_FORK_FAILED) && c->ev->fork_failed.limit != REC_LIMIT_UNKNOWN;
}

GET(limit)
{
	static const char *const names[] = {
		[REC_LIMIT_UNKNOWN] = "unknown",         [REC_LIMIT_NPROC] = "nproc",
		[REC_LIMIT_THREADS_MAX] = "threads_max", [REC_LIMIT_PID_MAX] = "pid_max",
		[REC_LIMIT_CGROUP_PIDS] = "cgroup_pids", [REC_LIMIT_DEAD_NS] = "pidns_dead",
	};

	return ev_is(c, REC_FORK_FAILED) &&
	       c->ev->fork_failed.limit < sizeof(names) / sizeof(names[0]) &&
	       put_word(ret, names[c->ev->fork_failed.limit]);
}

GET(limit_cgroup_id)
{
	return limit_known(c) && put_u64(ret, c->ev->fork_failed.limit_cgroup_id) && ret->u;
}

GET(limit_used)
{
	return limit_known(c) && c->ev->fork_failed.limit_max &&
	       put_u64(ret, c->ev->fork_failed.limit_used);
}

GET(limit_max)
{
	return limit_known(c) && put_u64(ret, c->ev->fork_failed.limit_max) && ret->u;
}

GET(spawn_ns)
{
	struct spawn_split s;

	return spawn_split_of(c, &s) && put_ns(ret, s.total);
}

GET(queued_ns)
{
	struct spawn_split s;

	return spawn_split_of(c, &s) && s.known && put_ns(ret, s.queued);
}

GET(blocked_ns)
{
	struct spawn_split s;

	return spawn_split_of(c, &s) && s.known && put_ns(ret, s.blocked);
}

GET(running_ns)
{
	struct spawn_split s;

	return spawn_split_of(c, &s) && s.known && put_ns(ret, s.running);
}
