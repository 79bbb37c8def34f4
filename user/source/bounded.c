// SPDX-License-Identifier: GPL-2.0-only
#include "source/bounded.h"
#include "source/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

struct question {
	enum { ASK_READ, ASK_LINK, ASK_LIST, ASK_HOLDS } kind;
	char path[128];
	char to[64];
};

struct reply {
	int32_t got; /* bytes, or -errno */
	char text[BOUNDED_BYTES];
};

struct bounded {
	const char *proc_dir;
	uint64_t end_ns; /* 0: nothing was asked yet */
	int fd;          /* to the child; -1: none */
	pid_t child;     /* 0: none */
	int hung;
	struct reply reply;
};

/* ---- the child ------------------------------------------------------------------------------ */

static int read_file(int root, const char *path, char *text, size_t size)
{
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, size - len)) > 0)
		len += (size_t)n;
	n = n < 0 && !len ? -errno : (ssize_t)len;
	close(fd);
	return (int)n;
}

static int read_link(int root, const char *path, char *text, size_t size)
{
	ssize_t n = readlinkat(root, path, text, size);

	return n < 0 ? -errno : (int)n;
}

static DIR *open_dir(int root, const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

static bool is_number(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

static int list(int root, const char *path, char *text, size_t size)
{
	DIR *dir = open_dir(root, path);
	struct dirent *entry;
	size_t len = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && len + 16 < size)
		if (is_number(entry->d_name))
			len += (size_t)snprintf(text + len, size - len, "%.12s ", entry->d_name);
	closedir(dir);
	return (int)len;
}

/* How it is open: O_RDONLY, O_WRONLY or O_RDWR */
static unsigned mode_of(int root, const char *process, const char *fd)
{
	char name[192 + NAME_MAX + 1], text[512] = "", *at;
	int n;

	snprintf(name, sizeof(name), "%s/fdinfo/%s", process, fd);
	n = read_file(root, name, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "flags:");
	return at ? (unsigned)strtoul(at + strlen("flags:"), NULL, 8) & O_ACCMODE : O_RDWR;
}

static int holds(int root, const char *process, const char *to, char *text, size_t size)
{
	char name[192], target[PATH_MAX];
	struct dirent *entry;
	size_t len = 0;
	ssize_t n;
	DIR *dir;

	snprintf(name, sizeof(name), "%s/fd", process);
	dir = open_dir(root, name);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && len + 32 < size) {
		if (!is_number(entry->d_name))
			continue;
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, to) == 0)
			len += (size_t)snprintf(text + len, size - len, "%.12s %u ", entry->d_name,
						mode_of(root, process, entry->d_name));
	}
	closedir(dir);
	return (int)len;
}

/* Nothing of ours stays open here: who waits for the end of our output must not wait for a child. */
static void __attribute__((noreturn)) serve(const char *proc_dir, pid_t parent)
{
	static struct question q;
	static struct reply r;
	int root;

	(void)syscall(SYS_close_range, 1, ~0U, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	root = getppid() == parent ? open(proc_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	while (root >= 0 && recv(0, &q, sizeof(q), 0) == sizeof(q)) {
		switch (q.kind) {
		case ASK_READ: r.got = read_file(root, q.path, r.text, sizeof(r.text)); break;
		case ASK_LINK: r.got = read_link(root, q.path, r.text, sizeof(r.text)); break;
		case ASK_LIST: r.got = list(root, q.path, r.text, sizeof(r.text)); break;
		case ASK_HOLDS: r.got = holds(root, q.path, q.to, r.text, sizeof(r.text)); break;
		}
		if (send(0, &r, sizeof(r.got) + (r.got > 0 ? (size_t)r.got : 0), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* ---- asking --------------------------------------------------------------------------------- */

static void start_child(struct bounded *b)
{
	pid_t parent = getpid();
	int pair[2];

	if (b->hung >= BOUNDED_HUNG || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return;
	b->child = fork();
	if (b->child == 0) {
		if (dup2(pair[1], 0) < 0)
			_exit(1);
		serve(b->proc_dir, parent);
	}
	close(pair[1]);
	if (b->child > 0) {
		b->fd = pair[0];
		return;
	}
	b->child = 0;
	close(pair[0]);
}

/* One that hangs cannot be awaited: it goes when it can, and init reaps it. */
static void leave_child(struct bounded *b, bool hangs)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	if (!b->child)
		return;
	kill(b->child, SIGKILL);
	(void)waitpid(b->child, NULL, hangs ? WNOHANG : 0);
	b->child = 0;
}

struct bounded *bounded_new(const char *proc_dir)
{
	struct bounded *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->proc_dir = proc_dir ? proc_dir : "/proc";
	b->fd = -1;
	start_child(b);
	return b;
}

void bounded_free(struct bounded *b)
{
	if (!b)
		return;
	leave_child(b, false);
	free(b);
}

static int await(struct bounded *b, uint64_t until_ns)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN};
	uint64_t now_ns;
	ssize_t n;
	int ready;

	do {
		now_ns = clock_boot_ns();
		ready = now_ns < until_ns ?
				poll(&p, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) :
				0;
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return -ETIMEDOUT;
	n = recv(b->fd, &b->reply, sizeof(b->reply), 0);
	return n >= (ssize_t)sizeof(b->reply.got) ? 0 : -EIO;
}

static int ask(struct bounded *b, const struct question *q, char *ret_text, size_t size)
{
	uint64_t now_ns = clock_boot_ns(), until_ns = now_ns + BOUNDED_READ_NS;
	size_t len;
	int err;

	if (!b->end_ns)
		b->end_ns = now_ns + BOUNDED_ALL_NS;
	if (now_ns >= b->end_ns)
		return -ETIMEDOUT;
	if (until_ns > b->end_ns)
		until_ns = b->end_ns;
	if (b->fd < 0)
		start_child(b);
	if (b->fd < 0)
		return b->hung ? -ETIMEDOUT : -EAGAIN;
	err = send(b->fd, q, sizeof(*q), MSG_NOSIGNAL) < 0 ? -EIO : await(b, until_ns);
	if (err) {
		b->hung += err == -ETIMEDOUT;
		leave_child(b, true);
		return err;
	}
	if (b->reply.got < 0)
		return b->reply.got;
	len = (size_t)b->reply.got < size ? (size_t)b->reply.got : size - 1;
	memcpy(ret_text, b->reply.text, len);
	ret_text[len] = '\0';
	return (int)len;
}

static int ask_path(struct bounded *b, int kind, const char *path, char *ret_text, size_t size)
{
	struct question q = {.kind = kind};

	snprintf(q.path, sizeof(q.path), "%s", path);
	return ask(b, &q, ret_text, size);
}

int bounded_read(struct bounded *b, const char *path, char *ret_text, size_t size)
{
	return ask_path(b, ASK_READ, path, ret_text, size);
}

int bounded_link(struct bounded *b, const char *path, char *ret_text, size_t size)
{
	return ask_path(b, ASK_LINK, path, ret_text, size);
}

int bounded_list(struct bounded *b, const char *path, char *ret_text, size_t size)
{
	return ask_path(b, ASK_LIST, path, ret_text, size);
}

int bounded_holds(struct bounded *b, uint32_t pid, const char *to, char *ret_text, size_t size)
{
	struct question q = {.kind = ASK_HOLDS};

	snprintf(q.path, sizeof(q.path), "%" PRIu32, pid);
	snprintf(q.to, sizeof(q.to), "%s", to);
	return ask(b, &q, ret_text, size);
}
