/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_SOURCE_PRIVILEGES_H
#define PROCTRAIL_SOURCE_PRIVILEGES_H

/*
 * Gives up everything that watching does not need, for good: what is left is CAP_BPF and
 * CAP_PERFMON (healing), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (facts from /proc and cgroupfs),
 * each only if it was there. no_new_privs is set, core dumps and ptrace by others are off. Call it
 * before the first thread: capabilities are each thread's own. 0 or -errno.
 */
int privileges_drop(void);

#endif
