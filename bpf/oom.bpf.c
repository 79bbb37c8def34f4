/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The OOM killer's choice, and who made it so: writers of oom_score_adj. */
#define READ_BY_PROBE
#include "scope.bpf.h"
#include <bpf/bpf_tracing.h>

static __always_inline void fill_victim(struct rec_oom *r, struct task_struct *t)
{
	struct mm_struct *mm = GET(t, mm);
	struct cred *cred = GET(t, real_cred);
	struct signal_struct *sig = GET(t, signal);

	r->rss_kb = mm ? mm_rss_pages(mm) << (cfg_page_shift - 10) : 0;
	r->adj = GET(sig, oom_score_adj);
	r->uid = GET(cred, uid.val);
	comm_of(r->comm, t);
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
	struct rec_hdr h = {};
	struct rec_oom *r;

	if (victim_is_task()) {
		struct subject s = subject_of((struct task_struct *)ctx[0]);

		if (!scope_has(s.sig))
			return 0;
		hdr_about(&h, &s);
	} else {
		h.tgid = h.tid = ctx[0];
	}
	r = rec_reserve_hdr(REC_OOM, sizeof(*r), &h);
	if (!r)
		return 0;
	if (victim_is_task())
		fill_victim(r, (struct task_struct *)ctx[0]);
	fill_actor(r);
	rec_submit(r);
	return 0;
}

SEC("tp_btf/oom_score_adj_update")
int BPF_PROG(on_oom_adj, struct task_struct *t)
{
	struct subject s = subject_of(t);
	struct rec_oom *r;

	if (!scope_has(s.sig))
		return 0;
	r = rec_reserve(REC_OOM_ADJ, sizeof(*r), &s);
	if (!r)
		return 0;
	fill_victim(r, t);
	fill_actor(r);
	rec_submit(r);
	return 0;
}
