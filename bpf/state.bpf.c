/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one definition of the variables state.bpf.h declares. */
#include "state.bpf.h"

const volatile __u32 cfg_rings = 1;
const volatile __u32 cfg_wake_bytes = 0;
const volatile __u8 cfg_scoped = 0;
const volatile __u8 cfg_threads = 0;
const volatile __u8 cfg_all_signals = 0;
const volatile __u8 cfg_release_hooked = 0;
const volatile __u8 cfg_notify_hooked = 0;
const volatile __u8 cfg_waits_end = 0;
const volatile __u8 cfg_fork_timed = 0;
const volatile __u8 cfg_page_shift = 12;
const volatile __u32 cfg_cgroup_kind = REC_CGROUP_V2;
const volatile __s32 cfg_cgroup_hierarchy = 0;
const volatile __u32 cfg_args_max = 512;
const volatile __u32 cfg_self_tgid = 0;

__u32 scope_by = 0;
__u32 scope_pid = 0;
__s32 scope_cgroup_level = 0;
__u64 scope_cgroup_id = 0;
__u32 scope_uid = 0;

__u32 limit_threads_max = 0;
__u32 limit_pid_max = 0;

__u32 iter_flags = 0;
__u32 iter_pass = 0;
__u64 iter_join_ns = 0;
__u64 iter_began_ns = 0;
__u32 iter_rows = 0;
__u32 iter_joined = 0;
__u32 iter_visited = 0;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
