// SPDX-License-Identifier: GPL-2.0-only
/*
 * stuck: one process that does not go on, in a known way. It says so when it is there: tid, the thread that
 * is stuck; on, whom it waits for. Ends all that it has made, and itself, at the end of its input or its time.
 *
 * Ways that need a file system of our own (fuse, proc) mount one on DIR: run them in a mount namespace of
 * their own. Its server answers nothing from the moment on that it was asked for what is to hang.
 */
#include <linux/fuse.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "load.h"

#define FILE_NODE 2
#define FILE_SIZE 4096
#define DATA_NAME "data"

struct shared {
	pid_t pid, tid, on;
	int asked; /* the file system's server was, and does not answer */
	int ready;
};

struct run {
	struct shared *s;
	const char *dir;
	pid_t child, other; /* what is ended in the end */
};

/* ---- a file system that does not answer ------------------------------------------------------- */

static void fuse_reply(int fd, const struct fuse_in_header *in, int err, const void *data,
		       size_t len)
{
	struct fuse_out_header out = {.error = -err, .unique = in->unique};
	struct iovec iov[] = {{&out, sizeof(out)}, {(void *)data, err ? 0 : len}};

	out.len = (uint32_t)(iov[0].iov_len + iov[1].iov_len);
	if (writev(fd, iov, 2) < 0 && errno != ENOENT)
		_exit(1);
}

/* One file below the root; 'all': nothing but the mount itself is answered. */
static void fuse_serve(struct shared *s, int fd, bool all)
{
	static char request[256 << 10] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (const struct fuse_in_header *)request;
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
	struct fuse_attr root = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
	struct fuse_attr file = {
		.ino = FILE_NODE, .mode = S_IFREG | 0644, .nlink = 1, .size = FILE_SIZE};

	while (read(fd, request, sizeof(request)) > 0) {
		struct fuse_attr_out attr = {.attr = in->nodeid == FILE_NODE ? file : root};
		struct fuse_entry_out entry = {.nodeid = FILE_NODE, .attr = file};
		struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};

		if (in->opcode == FUSE_INIT) {
			fuse_reply(fd, in, 0, &init, sizeof(init));
			continue;
		}
		if (all || in->opcode == FUSE_READ) {
			__atomic_store_n(&s->asked, 1, __ATOMIC_RELEASE);
			continue; /* taken, and never answered; not even interrupts are */
		}
		switch (in->opcode) {
		case FUSE_GETATTR: fuse_reply(fd, in, 0, &attr, sizeof(attr)); break;
		case FUSE_LOOKUP: fuse_reply(fd, in, 0, &entry, sizeof(entry)); break;
		case FUSE_OPEN:
		case FUSE_OPENDIR: fuse_reply(fd, in, 0, &opened, sizeof(opened)); break;
		case FUSE_FLUSH:
		case FUSE_RELEASE: fuse_reply(fd, in, 0, NULL, 0); break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT: break;
		default: fuse_reply(fd, in, ENOSYS, NULL, 0); break;
		}
	}
	_exit(0);
}

static pid_t fuse_start(struct run *r, bool all)
{
	char options[80];
	pid_t server;
	int fd = (int)load_must(open("/dev/fuse", O_RDWR | O_CLOEXEC), "open /dev/fuse");

	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0", fd);
	load_must(mount("stuck-server", r->dir, "fuse", MS_NOSUID | MS_NODEV, options), "mount");
	server = (pid_t)load_must(fork(), "fork");
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_serve(r->s, fd, all);
	}
	close(fd); /* the server's alone: with its end every call that hangs gets an error */
	return server;
}

/* ---- what the stuck process does -------------------------------------------------------------- */

static pid_t tid_of(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void ready(struct shared *s)
{
	s->pid = getpid();
	if (!s->tid)
		s->tid = tid_of();
	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
}

static void *read_file(void *arg)
{
	struct run *r = arg;
	char path[512], byte[16];
	int fd;

	snprintf(path, sizeof(path), "%s/" DATA_NAME, r->dir);
	fd = (int)load_must(open(path, O_RDONLY | O_CLOEXEC), "open the file");
	r->s->tid = tid_of();
	load_must(read(fd, byte, sizeof(byte)), "read");
	return NULL;
}

static void do_fuse(struct run *r)
{
	pthread_t t;

	load_must(-pthread_create(&t, NULL, read_file, r), "make a thread");
	while (!__atomic_load_n(&r->s->asked, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	ready(r->s);
	pthread_join(t, NULL);
}

static void do_pause(struct run *r)
{
	ready(r->s);
	for (;;)
		pause();
}

static void do_ignore(struct run *r)
{
	signal(SIGTERM, SIG_IGN);
	do_pause(r);
}

static void do_block(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	do_pause(r);
}

static void on_term(int sig)
{
	(void)sig;
}

static void do_handle(struct run *r)
{
	signal(SIGTERM, on_term);
	do_pause(r);
}

static void do_busy(struct run *r)
{
	ready(r->s);
	for (;;)
		;
}

/* Its child sleeps before it would exec. */
static void do_vfork(struct run *r)
{
	volatile struct shared *s = r->s;
	pid_t child;

	s->pid = getpid();
	s->tid = tid_of();
	child = vfork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		s->on = getpid();
		s->ready = 1;
		for (;;)
			pause();
	}
}

static void do_wait(struct run *r)
{
	pid_t child = (pid_t)load_must(fork(), "fork");

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	r->s->on = child;
	ready(r->s);
	waitpid(child, NULL, 0);
}

static void do_pipe(struct run *r)
{
	int fds[2];
	char byte;
	pid_t child;

	load_must(pipe(fds), "make a pipe");
	child = (pid_t)load_must(fork(), "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		for (;;)
			pause();
	}
	close(fds[1]);
	r->s->on = child;
	ready(r->s);
	load_must(read(fds[0], &byte, 1), "read");
}

static void do_lock(struct run *r)
{
	struct flock whole = {.l_type = F_WRLCK};
	char path[512];
	int held[2], fd;
	char byte;
	pid_t child;

	snprintf(path, sizeof(path), "%s/lock", r->dir);
	load_must(pipe(held), "make a pipe");
	child = (pid_t)load_must(fork(), "fork");
	fd = (int)load_must(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open the file");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		load_must(fcntl(fd, F_SETLKW, &whole), "lock");
		load_must(write(held[1], "", 1), "say so");
		for (;;)
			pause();
	}
	load_must(read(held[0], &byte, 1), "hear it");
	r->s->on = child;
	ready(r->s);
	load_must(fcntl(fd, F_SETLKW, &whole), "lock");
}

static void do_listen(struct run *r)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = (int)load_must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket");
	socklen_t len = sizeof(any);

	load_must(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	load_must(listen(fd, 1), "listen");
	load_must(getsockname(fd, (struct sockaddr *)&any, &len), "ask for the port");
	r->s->on = ntohs(any.sin_port); /* the port stands in place of a process */
	ready(r->s);
	accept(fd, NULL, NULL);
}

/* As pid 1 of a pid namespace; the pid is told from outside. */
static void do_init(struct run *r)
{
	__atomic_store_n(&r->s->ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

/* Much memory, so that writing it takes long; where to is the test's business. */
static void do_core(struct run *r)
{
	const size_t size = 64 << 20;
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || setrlimit(RLIMIT_CORE, &all))
		load_die(1, "no memory, or no core");
	memset(p, 1, size);
	load_must(chdir(r->dir), "enter the directory");
	ready(r->s);
	abort();
}

/* ---- ways ------------------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	void (*run)(struct run *r);
	enum { PLAIN, STOP, TRACE, FUSE, PROC, NS } with;
	int sig; /* sent when it is there; 0: none */
	const char *help;
} ways[] = {
	{"sleep", do_pause, PLAIN, 0, "waits for a signal, as most do"},
	{"busy", do_busy, PLAIN, 0, "runs"},
	{"stop", do_pause, STOP, 0, "stopped by SIGSTOP"},
	{"trace", do_pause, TRACE, 0, "stopped by a tracer"},
	{"vfork", do_vfork, PLAIN, 0, "suspended until its vfork child goes on"},
	{"fuse", do_fuse, FUSE, SIGKILL, "a thread in D in a read, SIGKILL pending"},
	{"ignore", do_ignore, PLAIN, SIGTERM, "SIGTERM ignored"},
	{"block", do_block, PLAIN, SIGTERM, "SIGTERM blocked"},
	{"handle", do_handle, PLAIN, SIGTERM, "SIGTERM handled, and on it goes"},
	{"wait", do_wait, PLAIN, 0, "waits for a child"},
	{"pipe", do_pipe, PLAIN, 0, "reads from a pipe"},
	{"lock", do_lock, PLAIN, 0, "waits for a file lock"},
	{"listen", do_listen, PLAIN, 0, "accepts on a port of its own"},
	{"init", do_init, NS, SIGTERM, "pid 1 of a pid namespace, without a handler"},
	{"core", do_core, PLAIN, 0, "dumps a big core into --dir"},
	{"proc", do_pause, PROC, 0, "its /proc directory, bound at --dir, hangs"},
	{0},
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]) - 1)

static void start_process(struct run *r, const struct way *w)
{
	struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};

	if (w->with == NS)
		r->child = (pid_t)load_must(syscall(SYS_clone3, &args, sizeof(args)), "clone");
	else
		r->child = (pid_t)load_must(fork(), "fork");
	if (r->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		w->run(r);
		_exit(0);
	}
	while (!__atomic_load_n(&r->s->ready, __ATOMIC_ACQUIRE)) {
		if (waitpid(r->child, NULL, WNOHANG) > 0)
			load_die(1, "it ended before it was there");
		sleep_ms(1);
	}
}

/* DIR is /proc, once more, with nothing that answers in place of one process. */
static void hide_proc(struct run *r)
{
	static char path[600];

	load_must(mount("/proc", r->dir, NULL, MS_BIND | MS_REC, NULL), "bind /proc");
	snprintf(path, sizeof(path), "%s/%d", r->dir, r->child);
	r->dir = path;
	r->other = fuse_start(r, true);
}

static void begin(struct run *r, const struct way *w)
{
	if (w->with == FUSE)
		r->other = fuse_start(r, false);
	start_process(r, w);
	if (!r->s->pid || w->with == NS)
		r->s->pid = r->s->tid = r->child;
	if (w->with == PROC)
		hide_proc(r);
	if (w->with == STOP)
		load_must(kill(r->child, SIGSTOP), "stop it");
	if (w->with == TRACE) {
		load_must(ptrace(PTRACE_ATTACH, r->child, 0, 0), "attach to it");
		load_must(waitpid(r->child, NULL, __WALL), "wait for it");
		r->s->on = getpid();
	}
	if (w->sig)
		load_must(kill(r->child, w->sig), "send it a signal");
}

/* The server first: what hangs in its file system then gets an error. */
static void finish(struct run *r, const struct way *w)
{
	if (r->other) {
		kill(r->other, SIGKILL);
		waitpid(r->other, NULL, 0);
	}
	kill(r->child, SIGKILL);
	if (w->run == do_vfork && r->s->on)
		kill(r->s->on, SIGKILL);
	waitpid(r->child, NULL, 0);
	if (w->with == FUSE || w->with == PROC)
		umount2(r->dir, MNT_DETACH);
}

int main(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	static struct run r = {.dir = "."};
	struct load_how hows[N_WAYS + 1] = {0};
	const char *how = "sleep";
	const struct way *w;
	long ms = 20000;
	struct line l;
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY", how, "in which way it does not go on"),
		OPT_STR("dir", "DIR", r.dir, "where it makes files, or mounts: fuse, proc"),
		OPT_NUM("ms", ms, 1, 600000, "how long, unless stdin ends before"),
		{0},
	};

	for (size_t i = 0; i < N_WAYS; i++)
		hows[i] = (struct load_how){ways[i].name, NULL, ways[i].help};
	load_parse(argc, argv, "One process that does not go on, in a known way.", opts, hows);
	w = &ways[how_find(hows, how) - hows];
	r.s = load_shared(sizeof(*r.s));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin(&r, w);
	line_open(&l, "stuck");
	line_str(&l, "how", w->name);
	line_num(&l, "pid", r.s->pid);
	line_num(&l, "tid", r.s->tid);
	line_num(&l, "on", r.s->on);
	line_close(&l);
	poll(&in, 1, (int)ms);
	finish(&r, w);
	return 0;
}
