// SPDX-License-Identifier: GPL-2.0-only
#include "source/quotas.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/host.h"
#include "source/records.h"

#define PATH_MAX_LEN 1024
#define STAT_MAX     1024

struct quota_watch {
	char *path;
	char max[64], stat[STAT_MAX]; /* as told last */
};

void quotas_release(struct quotas *q)
{
	for (size_t i = 0; i < q->cnt; i++)
		free(q->v[i].path);
	free(q->v);
	*q = (struct quotas){0};
}

static bool read_file(const struct cgroupfs *cg, const char *path, const char *file, char *ret_text,
		      size_t size)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s/%s", cg->cpu_mount, path, file);
	return host_read_file(full, ret_text, size) > 0;
}

/* "20000 100000"; false: it has none, or is gone */
static bool read_max(const struct cgroupfs *cg, const char *path, char *ret_max, size_t size)
{
	char quota[32], period[32];

	if (!cg->cpu_v1) {
		if (!read_file(cg, path, "cpu.max", ret_max, size) || ret_max[0] == 'm')
			return false;
		ret_max[strcspn(ret_max, "\n")] = '\0';
		return true;
	}
	if (!read_file(cg, path, "cpu.cfs_quota_us", quota, sizeof(quota)) || quota[0] == '-' ||
	    !read_file(cg, path, "cpu.cfs_period_us", period, sizeof(period)))
		return false;
	snprintf(ret_max, size, "%.*s %.*s", (int)strcspn(quota, "\n"), quota,
		 (int)strcspn(period, "\n"), period);
	return true;
}

static void put_changed(struct buf *records, const char *path, const char *file, const char *now,
			char *told, size_t size)
{
	char name[PATH_MAX_LEN + 32];

	if (!strcmp(now, told))
		return;
	snprintf(told, size, "%s", now);
	snprintf(name, sizeof(name), "cgroup:%s/%s", path, file);
	records_put_text(records, REC_FACT_TEXT, 0, span_of(name), span_of(now));
}

/* False where there is no quota (any more). */
static bool tell(struct quota_watch *w, const struct cgroupfs *cg, struct buf *records)
{
	char max[sizeof(w->max)], stat[sizeof(w->stat)];

	if (!read_max(cg, w->path, max, sizeof(max)) ||
	    !read_file(cg, w->path, "cpu.stat", stat, sizeof(stat)))
		return false;
	put_changed(records, w->path, "cpu.max", max, w->max, sizeof(w->max));
	put_changed(records, w->path, "cpu.stat", stat, w->stat, sizeof(w->stat));
	return true;
}

static bool is_watched(const struct quotas *q, const char *path)
{
	for (size_t i = 0; i < q->cnt; i++) {
		if (!strcmp(q->v[i].path, path))
			return true;
	}
	return false;
}

static void watch_one(struct quotas *q, const struct cgroupfs *cg, const char *path,
		      struct buf *records)
{
	struct quota_watch w = {0};

	if (q->cnt == QUOTAS_MAX || is_watched(q, path))
		return;
	if (!q->v)
		q->v = calloc(QUOTAS_MAX, sizeof(*q->v));
	w.path = strdup(path);
	if (q->v && w.path && tell(&w, cg, records))
		q->v[q->cnt++] = w;
	else
		free(w.path);
}

void quotas_watch(struct quotas *q, const struct cgroupfs *cg, struct span path,
		  struct buf *records)
{
	char dir[PATH_MAX_LEN];

	if (!*cg->cpu_mount || !path.len || path.len >= sizeof(dir))
		return;
	memcpy(dir, path.data, path.len);
	dir[path.len] = '\0';
	while (dir[0] == '/' && dir[1]) { /* the root has none */
		watch_one(q, cg, dir, records);
		*strrchr(dir, '/') = '\0';
	}
}

/* Field 22 of stat, in ticks: whether it is still the process that was meant */
static bool is_still(const char *proc_dir, uint32_t pid, uint64_t start_ns)
{
	uint64_t ticks, tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	char path[PATH_MAX], text[1024], *after;

	snprintf(path, sizeof(path), "%s/%" PRIu32 "/stat", proc_dir ? proc_dir : "/proc", pid);
	if (host_read_file(path, text, sizeof(text)) < 0)
		return false;
	after = strrchr(text, ')');
	return after &&
	       sscanf(after + 1,
		      " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		      "%*s %" SCNu64,
		      &ticks) == 1 &&
	       ticks == start_ns / tick_ns;
}

void quotas_watch_of(struct quotas *q, const struct cgroupfs *cg, const char *proc_dir,
		     uint32_t pid, uint64_t start_ns, struct buf *records)
{
	struct buf path = {0};
	char name[64];

	if (!*cg->cpu_mount || cgroupfs_put_cpu_path_of(cg, proc_dir, pid, &path) || path.err ||
	    !is_still(proc_dir, pid, start_ns)) {
		buf_release(&path);
		return;
	}
	snprintf(name, sizeof(name), "cpu:%" PRIu32 ":%" PRIu64, pid, start_ns);
	records_put_text(records, REC_FACT_TEXT, 0, span_of(name),
			 (struct span){path.data, path.len});
	quotas_watch(q, cg, (struct span){path.data, path.len}, records);
	buf_release(&path);
}

void quotas_refresh(struct quotas *q, const struct cgroupfs *cg, struct buf *records)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->cnt; i++) {
		if (tell(&q->v[i], cg, records))
			q->v[kept++] = q->v[i];
		else
			free(q->v[i].path);
	}
	q->cnt = kept;
}
