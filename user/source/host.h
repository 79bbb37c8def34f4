/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine allows: privileges, lockdown, namespaces, BTF, sysctls, cgroup mounts. Read
 * once and cheaply, for live_check() and doctor; nothing here loads or changes anything.
 * proc_dir is where /proc is, NULL: "/proc".
 */
#ifndef PROCTRAIL_SOURCE_HOST_H
#define PROCTRAIL_SOURCE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_BTF_PATH "/sys/kernel/btf/vmlinux"

/* The capabilities proctrail has a use for; numbers of <linux/capability.h> */
#define HOST_CAP_DAC_READ_SEARCH 2
#define HOST_CAP_SYS_PTRACE      19
#define HOST_CAP_SYS_ADMIN       21
#define HOST_CAP_SYS_RESOURCE    24
#define HOST_CAP_SYSLOG          34
#define HOST_CAP_PERFMON         38
#define HOST_CAP_BPF             39

/* Effective capabilities of this process, bit n = capability n; 0 or -errno. capget(2), not /proc. */
int host_caps(uint64_t *ret_caps);
bool host_cap_in(uint64_t caps, unsigned cap);
/* CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, which stands for both. */
bool host_may_trace(uint64_t caps);

enum host_lockdown {
	HOST_LOCKDOWN_UNKNOWN, /* securityfs not mounted: the load will tell */
	HOST_LOCKDOWN_NONE,
	HOST_LOCKDOWN_INTEGRITY,       /* tracing works */
	HOST_LOCKDOWN_CONFIDENTIALITY, /* bpf_probe_read of kernel memory is refused */
};

enum host_lockdown host_lockdown(void);
const char *host_lockdown_name(enum host_lockdown l);

bool host_has_btf(void);

/*
 * 1: this process is below the initial pid namespace, 0: in it, -errno: not known. The initial
 * one's inode number is fixed (PROC_PID_INIT_INO, include/linux/proc_ns.h).
 */
int host_inner_pidns(const char *proc_dir);

/* A decimal sysctl, "kernel/pid_max"; 0 or -errno. */
int host_sysctl(const char *proc_dir, const char *name, int64_t *ret_value);

struct host_cgroups {
	char v2[128];        /* mount point; empty: not mounted */
	char v1_memory[128]; /* the same for these v1 controllers */
	char v1_pids[128];
	char v1_cpu[128];
};

/* From self/mountinfo; 0 or -errno. */
int host_cgroups(const char *proc_dir, struct host_cgroups *ret_cgroups);

struct host_kernel {
	char host[65], release[65], machine[65];
	unsigned cpus; /* online */
	uint64_t mem_kb;
};

/* uname(2) and sysconf(3); 0 or -errno. */
int host_kernel(struct host_kernel *ret_kernel);

/* The whole of a small file, at most size - 1 bytes, NUL-ended; the count or -errno. */
int host_read_file(const char *path, char *ret_text, size_t size);

#endif
