/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cgroups: made, and moved into. Runtimes fork first and move afterwards. One hierarchy only. */
#define READ_BY_PROBE
#include "seed.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline bool our_hierarchy(struct cgroup *cgrp)
{
	struct cgroup_root *root = GET(cgrp, root);

	return GET(root, hierarchy_id) == cfg_cgroup_hierarchy;
}

static __always_inline void fill_cgroup(struct rec_cgroup *r, struct cgroup *cgrp, const char *path)
{
	long len = bpf_probe_read_kernel_str(r->path, sizeof(r->path), path);

	r->cgroup_id = kernfs_id(cgrp);
	r->path_len = len > 0 ? len - 1 : 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach, struct cgroup *cgrp, const char *path, struct task_struct *t,
	     bool threadgroup)
{
	struct subject s = subject_of(t);
	bool whole = threadgroup || s.leader == t;
	struct rec_cgroup *r;
	bool matches;

	if (!our_hierarchy(cgrp) || (!whole && !cfg_threads))
		return 0;
	matches = cfg_scoped && (scope_by & SCOPE_BY_CGROUP) && cgroup_in_scope(cgrp);
	if (!scope_join_late(&s, matches))
		return 0;
	r = rec_reserve(REC_CGROUP, sizeof(*r));
	if (!r)
		return 0;
	hdr_about(&r->h, &s);
	if (!whole)
		r->h.flags |= REC_F_THREAD;
	fill_cgroup(r, cgrp, path);
	rec_submit(r);
	return 0;
}

/* About no process, so in every scope: it names the ids in other records. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	struct rec_cgroup *r;

	if (!our_hierarchy(cgrp))
		return 0;
	r = rec_reserve(REC_MKCGROUP, sizeof(*r));
	if (!r)
		return 0;
	fill_cgroup(r, cgrp, path);
	rec_submit(r);
	return 0;
}
