/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Optional hooks at the entry of a fork call: its own function, else that of every system call. */
#include "fork.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("fentry/kernel_clone")
int BPF_PROG(on_clone_fentry)
{
	fork_begins();
	return 0;
}

SEC("kprobe/kernel_clone")
int on_clone_kprobe(void *ctx)
{
	fork_begins();
	return 0;
}

/* Runs for every system call of the machine: nothing but the number is looked at first. */
SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long nr)
{
	if (nr_may_fork(nr) && nr_forks(nr, task_is_compat(current_task())))
		fork_begins();
	return 0;
}
