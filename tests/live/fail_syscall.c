// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail_syscall KIND NTH REPORT CMD...: runs CMD, whose n-th call of a kind fails (0: none), and exits
 * as it did. Children of CMD are left alone, and so is what the dynamic loader does. REPORT says what
 * happened: 'calls N', 'status RAW', and 'fd PATH' for each descriptor above 2 that is open when CMD
 * ends itself.
 *
 * A seccomp filter hands these calls to us (SECCOMP_RET_USER_NOTIF, Linux 5.5): no ptrace, so CMD may
 * drop what it likes and start what it likes.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif

#define NONE     UINT32_MAX
#define LEFT_MS  200 /* that CMD's children have to end in, after it */
#define NOT_DONE 99

/* cmd: the first argument of bpf(); NONE: whatever */
static const struct kind {
	const char *name;
	int error;
	uint32_t nr[3];
	uint32_t cmd[3];
} kinds[] = {
	{"open", EMFILE, {__NR_openat, NONE, NONE}, {NONE, NONE, NONE}},
	{"read", EIO, {__NR_read, __NR_pread64, NONE}, {NONE, NONE, NONE}},
	{"write", ENOSPC, {__NR_write, __NR_pwrite64, __NR_writev}, {NONE, NONE, NONE}},
	{"fsync", EIO, {__NR_fsync, __NR_fdatasync, NONE}, {NONE, NONE, NONE}},
	{"mmap", ENOMEM, {__NR_mmap, NONE, NONE}, {NONE, NONE, NONE}},
	{"clone", EAGAIN, {__NR_clone, __NR_clone3, NONE}, {NONE, NONE, NONE}},
	{"map_create", ENOMEM, {__NR_bpf, NONE, NONE}, {BPF_MAP_CREATE, NONE, NONE}},
	{"prog_load", ENOMEM, {__NR_bpf, NONE, NONE}, {BPF_PROG_LOAD, NONE, NONE}},
	{"attach",
	 ENOMEM,
	 {__NR_bpf, __NR_bpf, __NR_perf_event_open},
	 {BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_CREATE, NONE}},
};

struct run {
	const struct kind *kind;
	uint64_t nth, calls;
	pid_t pid;
	int listener;
	uint64_t loader_from, loader_to; /* where the loader lies */
	FILE *report;
};

static int die(const char *what)
{
	fprintf(stderr, "fail_syscall: %s: %s\n", what, strerror(errno));
	exit(NOT_DONE);
}

/* ---- the child ------------------------------------------------------------------------------------ */

static int install(const struct kind *kind)
{
	struct sock_filter f[32];
	struct sock_fprog prog = {.filter = f};
	size_t n = 0;

#define PUT(...) f[n++] = (struct sock_filter)__VA_ARGS__
	for (size_t i = 0; i < 3; i++) {
		bool by_cmd = kind->cmd[i] != NONE;

		if (kind->nr[i] == NONE)
			continue;
		PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
		PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kind->nr[i], 0, by_cmd ? 3 : 1));
		if (by_cmd) {
			PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
				     offsetof(struct seccomp_data, args)));
			PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kind->cmd[i], 0, 1));
		}
		PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
	}
	PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 0, 1));
	PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
	PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
#undef PUT
	prog.len = (unsigned short)n;
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog);
}

/* Our own calls are looked at from here on: the number goes through shared memory. */
static void child(const struct kind *kind, volatile int *listener, char **cmd)
{
	*listener = install(kind);
	raise(SIGSTOP);
	if (*listener >= 0)
		execvp(cmd[0], cmd);
	_exit(NOT_DONE);
}

/* ---- what is asked of us ---------------------------------------------------------------------------- */

static void find_loader(struct run *r)
{
	char path[64], line[512];
	uint64_t from, to;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", r->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "/ld-") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		if (!r->loader_to)
			r->loader_from = from;
		r->loader_to = to;
	}
	if (f)
		fclose(f);
}

static bool is_ours(const struct run *r, const struct seccomp_notif *req)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%u", r->pid, req->pid);
	return access(path, F_OK) == 0;
}

static void report_fds(const struct run *r)
{
	char path[64], target[256];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", r->pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target));

		if (len > 0 && atoi(e->d_name) > STDERR_FILENO)
			fprintf(r->report, "fd %s %.*s\n", e->d_name, (int)len, target);
	}
	if (dir)
		closedir(dir);
}

static void answer(struct run *r, const struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	uint64_t at = req->data.instruction_pointer;

	resp->id = req->id;
	resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (!is_ours(r, req))
		return;
	if (req->data.nr == __NR_exit_group) {
		report_fds(r);
		return;
	}
	if (!r->loader_to)
		find_loader(r);
	if (at >= r->loader_from && at < r->loader_to)
		return;
	if (++r->calls != r->nth)
		return;
	resp->flags = 0;
	resp->error = -r->kind->error;
}

static void serve(struct run *r, struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	struct seccomp_notif_sizes sizes;

	syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	memset(req, 0, sizes.seccomp_notif);
	memset(resp, 0, sizes.seccomp_notif_resp);
	if (ioctl(r->listener, SECCOMP_IOCTL_NOTIF_RECV, req))
		return; /* it was killed meanwhile */
	answer(r, req, resp);
	(void)ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
}

/* Until CMD has ended, and its children or their time. */
static int watch(struct run *r)
{
	static char req[1024] __attribute__((aligned(8))), resp[1024] __attribute__((aligned(8)));
	int status = -1, ready, left = LEFT_MS;

	while (status < 0 || left > 0) {
		struct pollfd p = {.fd = r->listener, .events = POLLIN};

		ready = poll(&p, 1, 5);
		if (status >= 0)
			left -= 5;
		if (ready > 0 && p.revents & POLLIN)
			serve(r, (void *)req, (void *)resp);
		else if (ready > 0 && status >= 0)
			break; /* nobody is left */
		if (status < 0 && waitpid(r->pid, &status, WNOHANG) != r->pid)
			status = -1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	volatile int *listener;
	int status, pidfd;

	for (size_t i = 0; argc > 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(argv[1], kinds[i].name))
			r.kind = &kinds[i];
	}
	if (!r.kind) {
		fprintf(stderr, "usage: fail_syscall KIND NTH REPORT CMD...\n");
		return NOT_DONE;
	}
	r.nth = strtoull(argv[2], NULL, 10);
	r.report = fopen(argv[3], "we");
	listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!r.report || listener == MAP_FAILED)
		die("cannot begin");
	r.pid = fork();
	if (r.pid == 0)
		child(r.kind, listener, argv + 4);
	if (r.pid < 0 || waitpid(r.pid, &status, WUNTRACED) != r.pid || !WIFSTOPPED(status))
		die("cannot start it");
	pidfd = (int)syscall(__NR_pidfd_open, r.pid, 0);
	r.listener = (int)syscall(__NR_pidfd_getfd, pidfd, *listener, 0);
	kill(r.pid, SIGCONT);
	if (r.listener < 0)
		die("no seccomp listener here");
	status = watch(&r);
	fprintf(r.report, "calls %lu\nstatus %d\n", r.calls, status);
	fclose(r.report);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
