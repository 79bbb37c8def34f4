/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One program of two instructions for each optional hook. User space loads and attaches each by
 * itself: what is refused here would make the kernel refuse the whole skeleton. An object of its
 * own.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define PROBE(name, hook)   \
	SEC(hook)           \
	int name(void *ctx) \
	{                   \
		return 0;   \
	}

PROBE(probe_cgroup_attach, "tp_btf/cgroup_attach_task")
PROBE(probe_cgroup_mkdir, "tp_btf/cgroup_mkdir")
PROBE(probe_oom_victim, "tp_btf/mark_victim")
PROBE(probe_oom_adj, "tp_btf/oom_score_adj_update")
PROBE(probe_notify_fexit, "fexit/do_notify_parent")
PROBE(probe_release_fentry, "fentry/release_task")
PROBE(probe_release_kprobe, "kprobe/release_task")

char LICENSE[] SEC("license") = "Dual BSD/GPL";
