/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes are traced. A process joins at birth (its creator is in), at exec or at a cgroup
 * move (it matches now; at exec also when its parent is in), when the iterator finds it, at the latest
 * when it dies as the child of one that is in. It never leaves before its end: so no filter can show a
 * birth without its death. Joining late is announced by a seed record, but at a death.
 */
#ifndef PROCTRAIL_SCOPE_BPF_H
#define PROCTRAIL_SCOPE_BPF_H

#include "record.bpf.h"

#define CGROUP_DEPTH_MAX 32

static __always_inline bool scope_has(struct signal_struct *sig)
{
	__u64 key = (__u64)sig;

	if (!cfg_scoped)
		return true;
	return bpf_map_lookup_elem(&scope, &key) != NULL;
}

/* True when the process is in the scope afterwards. */
static __always_inline bool scope_add(struct signal_struct *sig)
{
	__u64 key = (__u64)sig;
	struct rec_counters *c;
	__u8 in = 1;

	if (!bpf_map_update_elem(&scope, &key, &in, BPF_ANY))
		return true;
	c = counters_of(bpf_get_smp_processor_id());
	if (c)
		__sync_fetch_and_add(&c->scope_full, 1);
	return false;
}

/* Up the parents instead of the ancestor array, which was renamed and changed its type in 6.0. */
static __always_inline bool cgroup_in_scope(struct cgroup *cgrp)
{
	int up = GET(cgrp, level) - scope_cgroup_level;
	struct cgroup_subsys_state *css;

	if (up < 0)
		return false;
	for (int i = 0; i < CGROUP_DEPTH_MAX; i++) {
		if (i == up)
			return kernfs_id(cgrp) == scope_cgroup_id;
		css = GET(cgrp, self.parent);
		cgrp = GET(css, cgroup);
	}
	return false;
}

/* What a process is by itself, whoever its parent may be. */
static __always_inline bool scope_matches(struct task_struct *t)
{
	struct cred *cred = GET(t, real_cred);

	if ((scope_by & SCOPE_BY_PID) && GET(t, tgid) == scope_pid)
		return true;
	if ((scope_by & SCOPE_BY_UID) && GET(cred, uid.val) == scope_uid)
		return true;
	return (scope_by & SCOPE_BY_CGROUP) && cgroup_in_scope(cgroup_of(t));
}

static __always_inline void scope_leave(struct signal_struct *sig)
{
	__u64 key = (__u64)sig;

	if (cfg_scoped)
		bpf_map_delete_elem(&scope, &key);
}

/*
 * Who dies without having joined although its parent is in was born unseen: from 7.0 on a program can
 * silently not run. Its records make the row; without this its whole life would be missing.
 */
static __always_inline bool scope_has_or_missed(const struct subject *s)
{
	if (scope_has(s->sig))
		return true;
	return scope_has(GET(s->parent, signal)) && scope_add(s->sig);
}

/*
 * A new process: as its creator, who with CLONE_PARENT is not its parent. A stranger's birth clears
 * its key: sched_process_free is not always seen (a whole RCU batch of them was missing on a busy
 * 6.18), and the memory of a signal_struct is used again.
 */
static __always_inline bool scope_join_birth(const struct subject *child,
					     struct task_struct *creator)
{
	if (!cfg_scoped)
		return true;
	if (child->leader != child->task) /* a thread belongs where its process belongs */
		return scope_has(child->sig);
	if (scope_has(GET(creator, signal)) || scope_matches(child->task))
		return scope_add(child->sig);
	if (scope_has(child->sig))
		scope_leave(child->sig);
	return false;
}

#endif
