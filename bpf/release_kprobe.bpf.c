/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * release_task where fentry is refused: a kprobe has no typed pointers, every read is by helper.
 */
#define READ_BY_PROBE
#include "reap.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("kprobe/release_task")
int BPF_KPROBE(on_release_kprobe, struct task_struct *t)
{
	reap_emit(t);
	return 0;
}
