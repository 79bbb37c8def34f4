// SPDX-License-Identifier: GPL-2.0-only
#include "source/proc_waits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID_PIDFD 3 /* P_PIDFD; since 5.4, glibc 2.36 */

/* ---- one line ------------------------------------------------------------------------------- */

/*
 * The file gives the number of the call without its ABI: i386 has waitpid 7, wait4 114 and waitid
 * 284, which are poll, setregid and eventfd to a 64-bit process. Stack and code below 4 GiB make such
 * a number suspicious, no more than that, so these calls are left out, and said to be.
 */
static bool may_be_compat(int64_t nr, uint64_t sp, uint64_t pc)
{
#if defined(__x86_64__)
	static const int64_t low[] = {7, 114, 284}, any[] = {0x40000000 + 61, 0x40000000 + 529};
#else
	static const int64_t low[] = {114, 280}, any[] = {-1};
#endif
	bool is_low = sp && sp <= UINT32_MAX && pc <= UINT32_MAX;

	for (size_t i = 0; i < sizeof(low) / sizeof(*low); i++) {
		if (is_low && nr == low[i])
			return true;
	}
	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++) {
		if (nr == any[i]) /* x32 has a bit of its own */
			return true;
	}
	return false;
}

static enum proc_wait wait4_of(const uint64_t *args, struct proc_wait_call *ret_call)
{
	int32_t pid = (int32_t)args[0]; /* the upper half of the register is anybody's */
	uint32_t options = (uint32_t)args[2];

	if (pid == -1)
		*ret_call = (struct proc_wait_call){"any", 0, options};
	else if (pid > 0)
		*ret_call = (struct proc_wait_call){"pid", (uint32_t)pid, options};
	else
		*ret_call = (struct proc_wait_call){"pgid", 0u - (uint32_t)pid, options};
	return PROC_WAIT_DEATH;
}

static enum proc_wait waitid_of(const uint64_t *args, struct proc_wait_call *ret_call)
{
	static const char *const kinds[] = {
		[P_ALL] = "any", [P_PID] = "pid", [P_PGID] = "pgid", [ID_PIDFD] = "pidfd"};
	uint32_t type = (uint32_t)args[0], options = (uint32_t)args[3];

	if (type >= sizeof(kinds) / sizeof(*kinds) || !(options & WEXITED))
		return PROC_WAIT_NONE;
	*ret_call = (struct proc_wait_call){kinds[type], type == P_ALL ? 0 : (uint32_t)args[1],
					    options};
	return PROC_WAIT_DEATH;
}

/* 'NR A0 A1 A2 A3 A4 A5 SP PC', '-1 SP PC' outside of calls, or 'running' */
enum proc_wait proc_wait_parse(const char *line, struct proc_wait_call *ret_call)
{
	uint64_t args[6], sp, pc;
	int64_t nr;

	if (sscanf(line,
		   "%" SCNd64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
		   " %" SCNx64 " %" SCNx64 " %" SCNx64,
		   &nr, &args[0], &args[1], &args[2], &args[3], &args[4], &args[5], &sp, &pc) != 9)
		return PROC_WAIT_NONE;
	if (nr == SYS_wait4)
		return wait4_of(args, ret_call);
	if (nr == SYS_waitid)
		return waitid_of(args, ret_call);
	return may_be_compat(nr, sp, pc) ? PROC_WAIT_COMPAT : PROC_WAIT_NONE;
}

/* ---- one process ---------------------------------------------------------------------------- */

/* 0, -ESRCH where the thread is gone, or another -errno */
static int read_line(int tasks, unsigned long tid, char *line, size_t size)
{
	char name[32];
	ssize_t n;
	int fd, err;

	snprintf(name, sizeof(name), "%lu/syscall", tid);
	fd = openat(tasks, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, line, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (!err)
		line[n] = '\0';
	return err;
}

struct look {
	int threads; /* looked at */
	bool compat, more;
	int err; /* of the first that could not be read; it may be the one that waits */
};

static void look_at_threads(DIR *tasks, struct buf *text, struct look *ret)
{
	struct look look = {0};
	struct proc_wait_call call;
	struct dirent *entry;
	unsigned long tid;
	char line[256], *end;
	int err;

	while (!look.err && (entry = readdir(tasks))) {
		tid = strtoul(entry->d_name, &end, 10);
		if (*end || !tid)
			continue;
		look.more = look.threads == PROC_WAITS_THREADS_MAX;
		if (look.more)
			break;
		err = read_line(dirfd(tasks), tid, line, sizeof(line));
		if (err == -ESRCH)
			continue;
		look.threads++;
		look.err = err;
		switch (err ? PROC_WAIT_NONE : proc_wait_parse(line, &call)) {
		case PROC_WAIT_NONE: break;
		case PROC_WAIT_DEATH:
			buf_printf(text, "%lu %s %u %u\n", tid, call.kind, call.id, call.options);
			break;
		case PROC_WAIT_COMPAT: look.compat = true; break;
		}
	}
	*ret = look;
}

void proc_waits_put(int dir, struct buf *text)
{
	int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd >= 0 ? fdopendir(fd) : NULL;
	size_t before = text->len;
	struct look look = {0};

	if (tasks)
		look_at_threads(tasks, text, &look);
	else if (errno != ENOENT && errno != ESRCH)
		look.err = -errno;
	if (tasks)
		closedir(tasks);
	else if (fd >= 0)
		close(fd);
	if (look.err || !look.threads) {
		text->len = before;
		buf_put_str(text, look.err ? "denied\n" : "gone\n");
		return;
	}
	if (look.compat)
		buf_put_str(text, "compat\n");
	if (look.more)
		buf_put_str(text, "more\n");
}
