/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups by id, and what their paths say: systemd unit, container. Pure text, no cgroupfs. */
#ifndef PROCTRAIL_MODEL_CGROUP_H
#define PROCTRAIL_MODEL_CGROUP_H

#include "base/intern.h"
#include "base/map.h"

struct cgroup {
	uint64_t id;
	struct intern_str *path; /* NULL: not known yet */
	struct span unit;        /* "mail.service", within path; empty: none */
	struct span container;   /* 64 or 32 hex digits, within path; empty: none */
};

struct cgroup_table {
	struct map by_id;
	struct intern *strings;
};

void cgroup_table_release(struct cgroup_table *t);
/* The cgroup with this id, made when new; NULL for id 0 or without memory. Stable until release. */
struct cgroup *cgroup_table_get(struct cgroup_table *t, uint64_t id);
int cgroup_table_name(struct cgroup_table *t, uint64_t id, struct span path);

/*
 * docker-<64>.scope, /docker/<64>, cri-containerd-<64>.scope, crio-<64>.scope, libpod-<64>.scope,
 * kubepods.../<64>, lxc.payload.NAME, /lxc/NAME, systemd-nspawn machine-*.scope.
 */
struct span cgroup_path_container(struct span path);
/* The innermost *.service, *.scope, *.socket ... of a path; user@.service's inner units too. */
struct span cgroup_path_unit(struct span path);

#endif
