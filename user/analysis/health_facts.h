/* SPDX-License-Identifier: GPL-2.0-only */
/* Figures out of the small text files that a source puts into the stream. */
#ifndef PROCTRAIL_ANALYSIS_HEALTH_FACTS_H
#define PROCTRAIL_ANALYSIS_HEALTH_FACTS_H

#include "analysis/health.h"

/* All return HEALTH_UNKNOWN where the text does not say. */
uint64_t fact_u64(struct span text);                          /* the text is one number */
uint64_t fact_centi(struct span text);                        /* it begins with "9.13": 913 */
uint64_t fact_meminfo_kb(struct span text, const char *name); /* "MemAvailable:" */
uint64_t fact_pressure_percent(struct span text);             /* "some avg10=12.34": 12 */
/* /proc/loadavg: three loads and the number of tasks */
void fact_loadavg(struct span text, uint64_t ret_load_centi[3], uint64_t *ret_tasks);
/* The number in a file of a cgroup: "pids.max" */
uint64_t fact_cgroup_u64(const struct proc_table *t, struct span path, const char *file);
/* "987654 Out of memory: Killed process 845 (postgres) ...", one a line, microseconds first */
void fact_kernel_log(struct span text, struct health *h);

#endif
