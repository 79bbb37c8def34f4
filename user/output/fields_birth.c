// SPDX-License-Identifier: GPL-2.0-only
/* Births and images. */
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
	return c->proc && put_word(ret, spawn_how_name(c->proc->how));
}

/* x86-64, arm64 and 32-bit (i386, arm) numbers at once: no number that forks anywhere does
 * something else that forks elsewhere. */
GET(syscall)
{
	if (!ev_is(c, REC_FORK))
		return false;
	switch (c->ev->fork.syscall) {
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
	return ev_is(c, REC_FORK) && c->ev->fork.fork_ns && put_ns(ret, c->ev->fork.fork_ns);
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
