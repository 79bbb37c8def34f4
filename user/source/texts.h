/* SPDX-License-Identifier: GPL-2.0-only */
/* Small text files of the machine as REC_FACT_TEXT records: limits, loads, pressure, kernel log. */
#ifndef PROCTRAIL_SOURCE_TEXTS_H
#define PROCTRAIL_SOURCE_TEXTS_H

#include "base/buf.h"
#include "source/cgroupfs.h"

/* /proc/loadavg and its like, under those names whatever proc_dir is; what is not readable is left
 * out. */
void texts_put_machine(struct buf *records, const char *proc_dir);
/* "cgroup:PATH/pids.max" and "cgroup:PATH/pids.current" of every cgroup from path up to the root
 * that has a limit. */
void texts_put_pids_limits(struct buf *records, const struct cgroupfs *cg, struct span path);
/* "kmsg": lines of the kernel log that tell of deaths (OOM kills, segfaults), "boot_us text" each;
 * present and empty when there are none, absent when the log is not readable. */
void texts_put_kernel_log(struct buf *records);

#endif
