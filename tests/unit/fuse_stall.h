/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file system that can stop answering: one directory in the memory of a child process, by the raw
 * protocol of /dev/fuse (linux/fuse.h), as much of it as a trail needs. No libfuse.
 */
#ifndef PROCTRAIL_TESTS_FUSE_STALL_H
#define PROCTRAIL_TESTS_FUSE_STALL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_FILES     64
#define FUSE_MAX_WRITE (128u << 10)
#define FUSE_REQUEST   (FUSE_MAX_WRITE + 4096)
#define FUSE_NODE(i)   ((uint64_t)(i) + 2) /* 1 is the directory */

struct fuse_file {
	char name[64]; /* empty: unlinked, or never made */
	char *data;
	size_t size;
	uint32_t mode;
};

struct fuse_stall {
	volatile int *asleep; /* shared: while set, no WRITE and no FSYNC is answered */
	volatile int *waited; /* how many found it so */
	pid_t server;
	int fd; /* in the server */
	struct fuse_file files[FUSE_FILES];
};

/* ---- the server ---------------------------------------------------------------------------------- */

static inline void fuse_reply(struct fuse_stall *s, const struct fuse_in_header *in, int err,
			      const void *data, size_t len)
{
	struct fuse_out_header out = {.error = -err, .unique = in->unique};
	struct iovec iov[] = {{&out, sizeof(out)}, {(void *)data, err ? 0 : len}};

	out.len = (uint32_t)(iov[0].iov_len + iov[1].iov_len);
	if (writev(s->fd, iov, 2) < 0 && errno != ENOENT)
		_exit(1); /* ENOENT: who asked was killed meanwhile */
}

static inline struct fuse_file *fuse_node(struct fuse_stall *s, uint64_t node)
{
	return node >= FUSE_NODE(0) && node < FUSE_NODE(FUSE_FILES) ? &s->files[node - 2] : NULL;
}

static inline struct fuse_file *fuse_find(struct fuse_stall *s, const char *name)
{
	for (int i = 0; i < FUSE_FILES; i++)
		if (s->files[i].name[0] && strcmp(s->files[i].name, name) == 0)
			return &s->files[i];
	return NULL;
}

static inline struct fuse_attr fuse_attr_of(const struct fuse_stall *s, const struct fuse_file *f)
{
	if (!f)
		return (struct fuse_attr){.ino = 1, .mode = S_IFDIR | 0750, .nlink = 2};
	return (struct fuse_attr){.ino = FUSE_NODE(f - s->files),
				  .size = f->size,
				  .mode = S_IFREG | f->mode,
				  .nlink = f->name[0] != '\0',
				  .blksize = 4096};
}

static inline struct fuse_entry_out fuse_entry_of(const struct fuse_stall *s,
						  const struct fuse_file *f)
{
	return (struct fuse_entry_out){.nodeid = FUSE_NODE(f - s->files),
				       .attr = fuse_attr_of(s, f)};
}

static inline bool fuse_resize(struct fuse_file *f, size_t size)
{
	char *data = realloc(f->data, size + 1);

	if (!data)
		return false;
	if (size > f->size)
		memset(data + f->size, 0, size - f->size);
	f->data = data;
	f->size = size;
	return true;
}

static inline void fuse_init(struct fuse_stall *s, const struct fuse_in_header *in)
{
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
				    .minor = 31,
				    .max_readahead = 0,
				    .flags = FUSE_BIG_WRITES,
				    .max_background = 8,
				    .max_write = FUSE_MAX_WRITE};

	fuse_reply(s, in, 0, &out, sizeof(out));
}

static inline void fuse_create(struct fuse_stall *s, const struct fuse_in_header *in,
			       const struct fuse_create_in *arg)
{
	const char *name = (const char *)(arg + 1);
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {0};
	struct fuse_file *f = NULL;

	for (int i = 0; i < FUSE_FILES && !f; i++)
		if (!s->files[i].name[0] && !s->files[i].data)
			f = &s->files[i];
	if (!f || fuse_find(s, name)) {
		fuse_reply(s, in, f ? EEXIST : ENFILE, NULL, 0);
		return;
	}
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->mode = arg->mode & 07777;
	out.entry = fuse_entry_of(s, f);
	fuse_reply(s, in, 0, &out, sizeof(out));
}

static inline void fuse_write(struct fuse_stall *s, const struct fuse_in_header *in,
			      const struct fuse_write_in *arg)
{
	struct fuse_file *f = fuse_node(s, in->nodeid);
	struct fuse_write_out out = {.size = arg->size};

	if (!f || (arg->offset + arg->size > f->size && !fuse_resize(f, arg->offset + arg->size))) {
		fuse_reply(s, in, ENOSPC, NULL, 0);
		return;
	}
	memcpy(f->data + arg->offset, arg + 1, arg->size);
	fuse_reply(s, in, 0, &out, sizeof(out));
}

static inline void fuse_read(struct fuse_stall *s, const struct fuse_in_header *in,
			     const struct fuse_read_in *arg)
{
	struct fuse_file *f = fuse_node(s, in->nodeid);
	size_t left;

	if (!f) {
		fuse_reply(s, in, EBADF, NULL, 0);
		return;
	}
	left = arg->offset < f->size ? f->size - arg->offset : 0;
	fuse_reply(s, in, 0, f->data + arg->offset, left < arg->size ? left : arg->size);
}

static inline void fuse_setattr(struct fuse_stall *s, const struct fuse_in_header *in,
				const struct fuse_setattr_in *arg)
{
	struct fuse_file *f = fuse_node(s, in->nodeid);
	struct fuse_attr_out out = {0};

	if (f && arg->valid & FATTR_MODE)
		f->mode = arg->mode & 07777;
	if (f && arg->valid & FATTR_SIZE)
		fuse_resize(f, arg->size);
	out.attr = fuse_attr_of(s, f);
	fuse_reply(s, in, 0, &out, sizeof(out));
}

static inline void fuse_readdir(struct fuse_stall *s, const struct fuse_in_header *in,
				const struct fuse_read_in *arg)
{
	char out[FUSE_FILES * 128];
	size_t len = 0;

	for (uint64_t i = arg->offset; i < FUSE_FILES; i++) {
		struct fuse_dirent entry = {.ino = FUSE_NODE(i), .off = i + 1, .type = DT_REG};
		size_t name_len = strlen(s->files[i].name);
		size_t step = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);

		if (!name_len)
			continue;
		if (len + step > arg->size || len + step > sizeof(out))
			break;
		entry.namelen = (uint32_t)name_len;
		memset(out + len, 0, step);
		memcpy(out + len, &entry, FUSE_NAME_OFFSET);
		memcpy(out + len + FUSE_NAME_OFFSET, s->files[i].name, name_len);
		len += step;
	}
	fuse_reply(s, in, 0, out, len);
}

/* 'names': old, NUL, new; unlink: the old one alone */
static inline void fuse_rename(struct fuse_stall *s, const struct fuse_in_header *in,
			       const char *names, bool away)
{
	struct fuse_file *f = fuse_find(s, names);

	if (f && away)
		f->name[0] = '\0';
	else if (f)
		snprintf(f->name, sizeof(f->name), "%s", names + strlen(names) + 1);
	fuse_reply(s, in, f ? 0 : ENOENT, NULL, 0);
}

static inline void fuse_lookup(struct fuse_stall *s, const struct fuse_in_header *in,
			       const char *name)
{
	struct fuse_file *f = fuse_find(s, name);
	struct fuse_entry_out out = {0};

	if (f)
		out = fuse_entry_of(s, f);
	fuse_reply(s, in, f ? 0 : ENOENT, &out, sizeof(out));
}

static inline void fuse_answer(struct fuse_stall *s, const struct fuse_in_header *in)
{
	struct fuse_attr_out attr = {.attr = fuse_attr_of(s, fuse_node(s, in->nodeid))};
	struct fuse_statfs_out statfs = {.st = {.blocks = 1 << 20,
						.bfree = 1 << 20,
						.bavail = 1 << 20,
						.bsize = 4096,
						.frsize = 4096,
						.namelen = 63}};
	struct fuse_open_out opened = {0};
	const void *arg = in + 1;

	switch (in->opcode) {
	case FUSE_INIT: fuse_init(s, in); break;
	case FUSE_LOOKUP: fuse_lookup(s, in, arg); break;
	case FUSE_GETATTR: fuse_reply(s, in, 0, &attr, sizeof(attr)); break;
	case FUSE_SETATTR: fuse_setattr(s, in, arg); break;
	case FUSE_CREATE: fuse_create(s, in, arg); break;
	case FUSE_WRITE: fuse_write(s, in, arg); break;
	case FUSE_READ: fuse_read(s, in, arg); break;
	case FUSE_READDIR: fuse_readdir(s, in, arg); break;
	case FUSE_UNLINK: fuse_rename(s, in, arg, true); break;
	case FUSE_RENAME:
		fuse_rename(s, in, (const char *)arg + sizeof(struct fuse_rename_in), false);
		break;
	case FUSE_RENAME2:
		fuse_rename(s, in, (const char *)arg + sizeof(struct fuse_rename2_in), false);
		break;
	case FUSE_STATFS: fuse_reply(s, in, 0, &statfs, sizeof(statfs)); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: fuse_reply(s, in, 0, &opened, sizeof(opened)); break;
	case FUSE_FLUSH:
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: fuse_reply(s, in, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break; /* expect no answer */
	default: fuse_reply(s, in, ENOSYS, NULL, 0); break;
	}
}

static inline void fuse_serve(struct fuse_stall *s)
{
	char *request = aligned_alloc(8, FUSE_REQUEST);
	const struct fuse_in_header *in = (const struct fuse_in_header *)request;
	bool told = false;

	while (request) {
		ssize_t len = read(s->fd, request, FUSE_REQUEST);

		if (len < (ssize_t)sizeof(*in)) {
			if (len < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
				continue;
			break; /* unmounted */
		}
		told = false;
		while (*s->asleep && (in->opcode == FUSE_WRITE || in->opcode == FUSE_FSYNC)) {
			if (!told)
				++*s->waited;
			told = true;
			poll(NULL, 0, 1);
		}
		fuse_answer(s, in);
	}
	_exit(0);
}

/* ---- the test's side -------------------------------------------------------------------------------- */

/* Mounts it on 'dir', which must be there. False with errno: it cannot be had here. */
static inline bool fuse_stall_mount(struct fuse_stall *s, const char *dir)
{
	char options[80];
	int *shared;

	memset(s, 0, sizeof(*s));
	s->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return false;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		close(s->fd);
		return false;
	}
	s->asleep = shared;
	s->waited = shared + 1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40750,user_id=0,group_id=0", s->fd);
	if (mount("proctrail-test", dir, "fuse", MS_NOSUID | MS_NODEV, options)) {
		close(s->fd);
		return false;
	}
	s->server = fork();
	if (s->server == 0)
		fuse_serve(s);
	close(s->fd); /* the server alone: with its end every call that waits gets an error */
	return s->server > 0;
}

static inline void fuse_stall_unmount(struct fuse_stall *s, const char *dir)
{
	*s->asleep = 0;
	umount2(dir, MNT_DETACH);
	kill(s->server, SIGKILL);
	waitpid(s->server, NULL, 0);
	munmap((void *)s->asleep, 4096);
}

#endif
