// SPDX-License-Identifier: GPL-2.0-only
#include "source/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PIDNS_INIT_INO 0xEFFFFFFCu /* PROC_PID_INIT_INO */

static const char *proc_or_default(const char *proc_dir)
{
	return proc_dir ? proc_dir : "/proc";
}

int host_read_file(const char *path, char *ret_text, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && n > 0) {
		n = read(fd, ret_text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	ret_text[len] = '\0';
	return (int)len;
}

int host_caps(uint64_t *ret_caps)
{
	struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &hdr, data) != 0)
		return -errno;
	*ret_caps = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

bool host_cap_in(uint64_t caps, unsigned cap)
{
	return caps >> cap & 1;
}

bool host_may_trace(uint64_t caps)
{
	if (host_cap_in(caps, HOST_CAP_SYS_ADMIN))
		return true;
	return host_cap_in(caps, HOST_CAP_BPF) && host_cap_in(caps, HOST_CAP_PERFMON);
}

static const char *const lockdown_names[] = {
	[HOST_LOCKDOWN_UNKNOWN] = "unknown",
	[HOST_LOCKDOWN_NONE] = "none",
	[HOST_LOCKDOWN_INTEGRITY] = "integrity",
	[HOST_LOCKDOWN_CONFIDENTIALITY] = "confidentiality",
};

enum host_lockdown host_lockdown(void)
{
	char text[128], want[32];

	if (host_read_file("/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return HOST_LOCKDOWN_UNKNOWN;
	/* "none [integrity] confidentiality" */
	for (int i = HOST_LOCKDOWN_NONE; i <= HOST_LOCKDOWN_CONFIDENTIALITY; i++) {
		snprintf(want, sizeof(want), "[%s]", lockdown_names[i]);
		if (strstr(text, want))
			return (enum host_lockdown)i;
	}
	return HOST_LOCKDOWN_UNKNOWN;
}

const char *host_lockdown_name(enum host_lockdown l)
{
	return lockdown_names[l];
}

bool host_has_btf(void)
{
	return access(HOST_BTF_PATH, R_OK) == 0;
}

int host_inner_pidns(const char *proc_dir)
{
	char path[PATH_MAX], target[64];
	unsigned long ino;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/self/ns/pid", proc_or_default(proc_dir));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	if (sscanf(target, "pid:[%lu]", &ino) != 1)
		return -EBADMSG;
	return ino != PIDNS_INIT_INO;
}

int host_sysctl(const char *proc_dir, const char *name, int64_t *ret_value)
{
	char path[PATH_MAX], text[64], *end;
	long long v;
	int len;

	snprintf(path, sizeof(path), "%s/sys/%s", proc_or_default(proc_dir), name);
	len = host_read_file(path, text, sizeof(text));
	if (len < 0)
		return len;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text)
		return -EBADMSG;
	*ret_value = v;
	return 0;
}

static bool option_listed(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; (p = strstr(p, word)); p += len) {
		bool begins = p == options || p[-1] == ',';
		bool ends = p[len] == ',' || p[len] == '\0' || p[len] == '\n';

		if (begins && ends)
			return true;
	}
	return false;
}

static void keep_first(char *to, size_t size, const char *path)
{
	if (!to[0])
		snprintf(to, size, "%s", path);
}

/* "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate" */
static void take_mount(struct host_cgroups *cg, char *line)
{
	char *dash = strstr(line, " - "), *save = NULL;
	char mount[sizeof(cg->v2)];
	const char *type, *super;

	if (!dash || sscanf(line, "%*s %*s %*s %*s %127s", mount) != 1)
		return;
	type = strtok_r(dash + 3, " ", &save);
	if (!type || !strtok_r(NULL, " ", &save))
		return;
	super = strtok_r(NULL, " ", &save);
	if (strcmp(type, "cgroup2") == 0)
		keep_first(cg->v2, sizeof(cg->v2), mount);
	if (strcmp(type, "cgroup") != 0 || !super)
		return;
	if (option_listed(super, "memory"))
		keep_first(cg->v1_memory, sizeof(cg->v1_memory), mount);
	if (option_listed(super, "pids"))
		keep_first(cg->v1_pids, sizeof(cg->v1_pids), mount);
	if (option_listed(super, "cpu"))
		keep_first(cg->v1_cpu, sizeof(cg->v1_cpu), mount);
}

int host_cgroups(const char *proc_dir, struct host_cgroups *ret_cgroups)
{
	struct host_cgroups cg = {0};
	char path[PATH_MAX], *line = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/self/mountinfo", proc_or_default(proc_dir));
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0)
		take_mount(&cg, line);
	free(line);
	fclose(f);
	*ret_cgroups = cg;
	return 0;
}

int host_kernel(struct host_kernel *ret_kernel)
{
	struct utsname un;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	if (uname(&un) != 0)
		return -errno;
	memset(ret_kernel, 0, sizeof(*ret_kernel));
	snprintf(ret_kernel->host, sizeof(ret_kernel->host), "%s", un.nodename);
	snprintf(ret_kernel->release, sizeof(ret_kernel->release), "%s", un.release);
	snprintf(ret_kernel->machine, sizeof(ret_kernel->machine), "%s", un.machine);
	ret_kernel->cpus = cpus > 0 ? (unsigned)cpus : 1;
	if (pages > 0 && page > 0)
		ret_kernel->mem_kb = (uint64_t)pages * (uint64_t)page / 1024;
	return 0;
}
