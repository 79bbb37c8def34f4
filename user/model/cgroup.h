/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups by id, and what their paths say: systemd unit, container. Pure text, no cgroupfs. */
#ifndef PROCTRAIL_MODEL_CGROUP_H
#define PROCTRAIL_MODEL_CGROUP_H

#include "base/intern.h"
#include "base/map.h"

/* Names that nobody refers to; beyond these the oldest are dropped. */
#define CGROUPS_UNUSED_MAX 4096

struct cgroup {
	uint64_t id;
	struct intern_str *path; /* NULL: not known yet */
	struct span unit;        /* "mail.service", within path; empty: none */
	struct span container;   /* 64 or 32 hex digits, within path; empty: none */
	size_t refs;
	struct cgroup *newer, *older; /* list of the unused */
};

struct cgroup_table {
	struct map by_id;
	struct intern *strings;
	struct cgroup *unused_oldest, *unused_newest; /* by when they were named or left */
	size_t unused_cnt;
};

void cgroup_table_release(struct cgroup_table *t);
/* A reference to the cgroup with this id, made when new; NULL for id 0 or without memory. */
struct cgroup *cgroup_table_ref(struct cgroup_table *t, uint64_t id);
/* Gives a reference back: a cgroup without users stays while its name may be wanted. NULL is fine. */
void cgroup_table_unref(struct cgroup_table *t, struct cgroup *cg);
/* Notes the path of this id, whether somebody refers to it or not. 0 or -ENOMEM. */
int cgroup_table_name(struct cgroup_table *t, uint64_t id, struct span path);

/*
 * docker-<64>.scope, /docker/<64>, cri-containerd-<64>.scope, crio-<64>.scope, libpod-<64>.scope,
 * kubepods.../<64>, lxc.payload.NAME, /lxc/NAME, systemd-nspawn machine-*.scope.
 */
struct span cgroup_path_container(struct span path);
/* The innermost *.service, *.scope, *.socket ... of a path; user@.service's inner units too. */
struct span cgroup_path_unit(struct span path);
/* "/a/b" -> "/a" -> "", not "/": limits of the root do not exist. */
struct span cgroup_path_outer(struct span path);
/* Whether path is top or lies in it. */
bool cgroup_path_is_in(struct span path, struct span top);

#endif
