/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one cgroup hierarchy that records speak of: v2 where it carries the controllers, else v1's
 * memory hierarchy (where runtimes put containers), else v1's pids.
 */
#ifndef PROCTRAIL_SOURCE_CGROUPFS_H
#define PROCTRAIL_SOURCE_CGROUPFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cgroupfs {
	uint32_t kind;     /* REC_CGROUP_* */
	int32_t hierarchy; /* kernel's hierarchy id; 0 for v2 */
	int mount_fd;      /* of the hierarchy; -1: not mounted, ids have no paths */
	char mount[256];
	char pids_mount[256]; /* where pids.max lies; empty: nowhere */
	char cpu_mount[256];  /* where the quotas of CPU time lie; empty: nowhere */
	bool cpu_v1;          /* ... which is not the v2 hierarchy */
};

/* Never fails: what is not there is marked so. proc_dir: NULL is /proc. */
void cgroupfs_open(struct cgroupfs *cg, const char *proc_dir);
void cgroupfs_release(struct cgroupfs *cg);

/*
 * Appends the path of a cgroup ("/system.slice/mail.service") by its id; 0, -ENOENT (gone already),
 * -EPERM (needs CAP_DAC_READ_SEARCH), or another -errno.
 */
int cgroupfs_put_path(const struct cgroupfs *cg, uint64_t id, struct buf *ret_path);
/* The same through /proc/PID/cgroup, for a process that is in it now. */
int cgroupfs_put_path_of(const struct cgroupfs *cg, const char *proc_dir, uint32_t pid,
			 struct buf *ret_path);
/* Its path in the hierarchy of cpu_mount. */
int cgroupfs_put_cpu_path_of(const struct cgroupfs *cg, const char *proc_dir, uint32_t pid,
			     struct buf *ret_path);
/* path: absolute, or below the mount. Depth 0 is the root. 0 or -errno */
int cgroupfs_find(const struct cgroupfs *cg, const char *path, uint64_t *ret_id, int *ret_level);

#endif
