// SPDX-License-Identifier: GPL-2.0-only
/* Facts go into the stream before the first record that needs them. */
#include <errno.h>

#include "source/live_int.h"
#include "source/texts.h"

#define CGROUPS_KNOWN_MAX 65536

/* The cgroup a record speaks of; 0: none */
static uint64_t cgroup_of(const struct rec_hdr *h)
{
	switch (h->type) {
	case REC_FORK: return ((const struct rec_fork *)h)->place.cgroup_id;
	case REC_EXEC: return ((const struct rec_exec *)h)->place.cgroup_id;
	case REC_SEED: return ((const struct rec_seed *)h)->place.cgroup_id;
	default: return 0;
	}
}

static void mark_known(struct live *l, uint64_t id)
{
	/* Forgotten, or without memory, the path is merely told again. */
	if (l->cgroups_known.cnt >= CGROUPS_KNOWN_MAX)
		map_release(&l->cgroups_known);
	(void)map_put(&l->cgroups_known, id, 0, l);
	l->cgroup_last = id;
}

/*
 * Under v1 the cpu controller has a hierarchy of its own. Who manages cgroups makes the same path in
 * each; where this process lies at another, a path says nothing of quotas.
 */
static void watch_quotas(struct live *l, struct span path, uint32_t pid)
{
	struct buf cpu = {0};

	if (!l->cgroups.cpu_v1 ||
	    (!cgroupfs_put_cpu_path_of(&l->cgroups, l->opt.proc_dir, pid, &cpu) && !cpu.err &&
	     span_equals(path, (struct span){cpu.data, cpu.len})))
		quotas_watch(&l->quotas, &l->cgroups, path, &l->batch);
	buf_release(&cpu);
}

static void put_cgroup(struct live *l, uint64_t id, uint32_t pid)
{
	struct buf path = {0};
	int err = cgroupfs_put_path(&l->cgroups, id, &path);

	if (err == -EPERM) /* else it is gone, and nobody is in it */
		err = cgroupfs_put_path_of(&l->cgroups, l->opt.proc_dir, pid, &path);
	if (!err && !path.err) {
		struct span text = {path.data, path.len};

		records_put_text(&l->batch, REC_FACT_CGROUP, id, (struct span){0}, text);
		if (l->opt.texts || l->opt.texts_every_ns)
			texts_put_pids_limits(&l->batch, &l->cgroups, text);
		if (l->opt.texts_every_ns)
			watch_quotas(l, text, pid);
	}
	buf_release(&path);
}

void live_facts_before(struct live *l, const struct rec_hdr *h)
{
	uint64_t id;

	if (h->type == REC_CGROUP || h->type == REC_MKCGROUP) {
		const struct rec_cgroup *r = (const struct rec_cgroup *)h;

		mark_known(l, r->cgroup_id);
		/* whoever makes a cgroup sets its quota before somebody is moved into it */
		if (h->type == REC_CGROUP && l->opt.texts_every_ns && r->path_len <= REC_PATH_LEN)
			watch_quotas(l, (struct span){r->path, r->path_len}, h->tgid);
		return;
	}
	if (h->type == REC_OOM)
		oom_log_put(&l->oom_log, h->tgid, &l->batch);
	id = cgroup_of(h);
	if (!id || id == l->cgroup_last)
		return;
	if (!map_find(&l->cgroups_known, id, 0))
		put_cgroup(l, id, h->tgid);
	mark_known(l, id);
}
