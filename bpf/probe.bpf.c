/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The smallest kprobe there is, in an object of its own: tells whether kprobes can be had before the
 * real one makes a kernel without them refuse the whole skeleton. The other optional hooks are tried
 * without an object (live_load.c).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("kprobe/release_task")
int probe_release_kprobe(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
