/* SPDX-License-Identifier: GPL-2.0-only */
/* A cgroup to be born in (CLONE_INTO_CGROUP), one that is there or one of our own. */
#ifndef PROCTRAIL_LOAD_CGROUP_H
#define PROCTRAIL_LOAD_CGROUP_H

#include <sys/stat.h>

#include "load.h"

struct load_cgroup {
	char own[256]; /* "": it is not ours */
	int fd;
};

/* In 'path', or NULL: in one made below the first cgroup2 mount. False: there is none to make it in. */
static inline bool cgroup_open(struct load_cgroup *c, const char *path)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct stat st;

	c->own[0] = '\0';
	for (int i = 0; !path && i < 2; i++) {
		snprintf(c->own, sizeof(c->own), "%s/cgroup.procs", mounts[i]);
		if (stat(c->own, &st))
			continue;
		snprintf(c->own, sizeof(c->own), "%s/proctrail-load-%d", mounts[i], getpid());
		if (!mkdir(c->own, 0755))
			path = c->own;
	}
	if (!path)
		return false;
	c->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0)
		load_die(1, "cannot open '%s': %s", path, strerror(errno));
	return true;
}

/* What has lived in it must be reaped. */
static inline void cgroup_close(struct load_cgroup *c)
{
	if (c->own[0])
		rmdir(c->own);
}

#endif
