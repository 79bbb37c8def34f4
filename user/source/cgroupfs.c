// SPDX-License-Identifier: GPL-2.0-only
#include "source/cgroupfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/types.h>

#include "../../bpf/event.h"
#include "source/host.h"

/* FILEID_KERNFS of include/linux/exportfs.h: a handle that is nothing but the kernfs id */
#define FILEID_KERNFS 0xfe

static FILE *open_proc(const char *proc_dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", proc_dir ? proc_dir : "/proc", name);
	return fopen(path, "re");
}

/* Whether a comma-separated list holds the word */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		if (*p == ',')
			p++;
		if (!strncmp(p, word, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return false;
}

static bool file_has_word(const char *dir, const char *name, const char *word)
{
	char path[PATH_MAX], text[512] = "";
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(text, sizeof(text), f)) {
		for (char *save, *w = strtok_r(text, " \n", &save); w;
		     w = strtok_r(NULL, " \n", &save))
			found |= !strcmp(w, word);
	}
	fclose(f);
	return found;
}

static int32_t hierarchy_id(const char *proc_dir, const char *controller)
{
	char line[256], name[64];
	int32_t id, found = -1;
	FILE *f = open_proc(proc_dir, "cgroups");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %d", name, &id) == 2 && !strcmp(name, controller))
			found = id;
	}
	fclose(f);
	return found;
}

void cgroupfs_open(struct cgroupfs *cg, const char *proc_dir)
{
	struct host_cgroups mounts = {0};
	const char *mount = mounts.v2, *pids = mounts.v1_pids, *cpu = mounts.v1_cpu;

	memset(cg, 0, sizeof(*cg));
	cg->mount_fd = -1;
	(void)host_cgroups(proc_dir, &mounts); /* nothing mounted: no paths */
	if (*mounts.v1_memory) {
		cg->kind = REC_CGROUP_V1_MEMORY;
		cg->hierarchy = hierarchy_id(proc_dir, "memory");
		mount = mounts.v1_memory;
	} else if (!*mounts.v2 && *mounts.v1_pids) {
		cg->kind = REC_CGROUP_V1_PIDS;
		cg->hierarchy = hierarchy_id(proc_dir, "pids");
		mount = mounts.v1_pids;
	}
	if (!*pids && file_has_word(mounts.v2, "cgroup.controllers", "pids"))
		pids = mounts.v2;
	cg->cpu_v1 = *cpu;
	if (!*cpu && file_has_word(mounts.v2, "cgroup.controllers", "cpu"))
		cpu = mounts.v2;
	snprintf(cg->cpu_mount, sizeof(cg->cpu_mount), "%s", cpu);
	snprintf(cg->pids_mount, sizeof(cg->pids_mount), "%s", pids);
	snprintf(cg->mount, sizeof(cg->mount), "%s", mount);
	if (*mount)
		cg->mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cgroupfs_release(struct cgroupfs *cg)
{
	if (cg->mount_fd >= 0)
		close(cg->mount_fd);
	cg->mount_fd = -1;
}

int cgroupfs_put_path(const struct cgroupfs *cg, uint64_t id, struct buf *ret_path)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = {.h = {.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}};
	char link[64], path[PATH_MAX];
	size_t skip = strlen(cg->mount);
	ssize_t len;
	int fd, err;

	if (cg->mount_fd < 0)
		return -ENOENT;
	memcpy(handle.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cg->mount_fd, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ESTALE ? -ENOENT : -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	err = len < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	if ((size_t)len < skip || memcmp(path, cg->mount, skip))
		return -ENOENT;
	if ((size_t)len == skip)
		buf_put_char(ret_path, '/');
	else
		buf_put(ret_path, path + skip, (size_t)len - skip);
	return 0;
}

/* want: a controller of v1; "": v2 */
static int put_path_in(const char *want, const char *proc_dir, uint32_t pid, struct buf *ret_path)
{
	char name[64], *line = NULL;
	size_t cap = 0;
	int err = -ENOENT;
	FILE *f;

	snprintf(name, sizeof(name), "%u/cgroup", pid);
	f = open_proc(proc_dir, name);
	if (!f)
		return -errno;
	while (err && getline(&line, &cap, f) > 0) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (!*want ? list[1] : !list_has(list + 1, want))
			continue;
		buf_put_str(ret_path, path);
		err = 0;
	}
	free(line);
	fclose(f);
	return err;
}

int cgroupfs_put_path_of(const struct cgroupfs *cg, const char *proc_dir, uint32_t pid,
			 struct buf *ret_path)
{
	static const char *const controller[] = {"", "memory", "pids"};

	return put_path_in(controller[cg->kind], proc_dir, pid, ret_path);
}

int cgroupfs_put_cpu_path_of(const struct cgroupfs *cg, const char *proc_dir, uint32_t pid,
			     struct buf *ret_path)
{
	return put_path_in(cg->cpu_v1 ? "cpu" : "", proc_dir, pid, ret_path);
}

int cgroupfs_find(const struct cgroupfs *cg, const char *path, uint64_t *ret_id, int *ret_level)
{
	char full[PATH_MAX];
	size_t skip = strlen(cg->mount);
	struct stat st;
	int level = 0;

	if (cg->mount_fd < 0)
		return -ENOENT;
	if (strncmp(path, cg->mount, skip) || (path[skip] && path[skip] != '/'))
		snprintf(full, sizeof(full), "%s/%s", cg->mount, path + (*path == '/'));
	else
		snprintf(full, sizeof(full), "%s", path);
	if (stat(full, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	for (const char *p = full + skip; *p; p++)
		level += *p == '/' && p[1] && p[1] != '/';
	*ret_id = st.st_ino; /* kernfs: the inode number is the id */
	*ret_level = level;
	return 0;
}
