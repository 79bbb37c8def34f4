/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The OOM killer's choice, and who made it so: writers of oom_score_adj. */
#define READ_BY_PROBE
#include "scope.bpf.h"
#include <bpf/bpf_tracing.h>

/* False: not in the scope. */
static __always_inline bool fill_victim(struct rec_oom *r, struct task_struct *t)
{
	struct mm_struct *mm = GET(t, mm);
	struct cred *cred = GET(t, real_cred);
	struct subject s = subject_of(t);

	if (!scope_has(s.sig))
		return false;
	hdr_about(&r->h, &s);
	r->rss_kb = mm ? mm_rss_pages(mm) << (cfg_page_shift - 10) : 0;
	r->adj = GET(s.sig, oom_score_adj);
	r->uid = GET(cred, uid.val);
	comm_of(r->comm, t);
	return true;
}

static __always_inline void fill_actor(struct rec_oom *r)
{
	struct task_struct *me = current_task();

	proc_of(&r->actor, me);
	comm_of(r->actor_comm, me);
}

/* current is whoever ran out. Before the task was passed there is only its pid: start_ns is 0. */
SEC("tp_btf/mark_victim")
int on_oom_victim(__u64 *ctx)
{
	struct rec_oom r = {};

	if (victim_is_task()) {
		if (!fill_victim(&r, (struct task_struct *)ctx[0]))
			return 0;
	} else {
		r.h.tgid = r.h.tid = ctx[0];
	}
	fill_actor(&r);
	rec_put(REC_OOM, &r);
	return 0;
}

SEC("tp_btf/oom_score_adj_update")
int BPF_PROG(on_oom_adj, struct task_struct *t)
{
	struct rec_oom r = {};

	if (!fill_victim(&r, t))
		return 0;
	fill_actor(&r);
	rec_put(REC_OOM_ADJ, &r);
	return 0;
}
