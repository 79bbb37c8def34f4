// SPDX-License-Identifier: GPL-2.0-only
#include "trail/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_MODE      0750
#define FILE_MODE     0640
#define LOCK_NAME     "lock"
#define NUMBER_DIGITS 10

static const char *const suffixes[] = {
	[TRAIL_SEGMENT_CLOSED] = ".trail",
	[TRAIL_SEGMENT_CRASHED] = ".crashed.trail",
	[TRAIL_SEGMENT_OPEN] = ".open",
	[TRAIL_SEGMENT_KEYFRAME] = ".keyframe.trail",
	[TRAIL_SEGMENT_KEYFRAME_PART] = ".keyframe.part",
};

#define KIND_CNT (sizeof(suffixes) / sizeof(suffixes[0]))

void trail_segment_name(uint64_t number, enum trail_segment_kind kind,
			char ret_name[TRAIL_SEGMENT_NAME_LEN])
{
	snprintf(ret_name, TRAIL_SEGMENT_NAME_LEN, "%0*" PRIu64 "%s", NUMBER_DIGITS, number,
		 suffixes[kind]);
}

/* ---- listing -------------------------------------------------------------------------------- */

/* False: not the name of a segment. */
static bool name_parse(const char *name, struct trail_segment *s)
{
	uint64_t number = 0;

	for (int i = 0; i < NUMBER_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(name[i] - '0');
	}
	for (unsigned kind = 0; kind < KIND_CNT; kind++) {
		if (strcmp(name + NUMBER_DIGITS, suffixes[kind]) != 0)
			continue;
		*s = (struct trail_segment){.number = number, .kind = kind};
		trail_segment_name(number, kind, s->name);
		return true;
	}
	return false;
}

/* By number; of one number the fuller file comes first, under the name that it was given last. */
static int segment_compare(const void *a, const void *b)
{
	const struct trail_segment *l = a, *r = b;

	if (l->number != r->number)
		return l->number < r->number ? -1 : 1;
	return (int)l->kind - (int)r->kind;
}

/*
 * readdir() may show a file under both names when it is renamed meanwhile; and a stub is there for a
 * moment before its segment goes.
 */
static size_t drop_twins(struct trail_segment *rows, size_t cnt)
{
	size_t kept = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (rows[i].kind == TRAIL_SEGMENT_KEYFRAME_PART)
			continue;
		if (kept == 0 || rows[kept - 1].number != rows[i].number)
			rows[kept++] = rows[i];
	}
	return kept;
}

static int segment_add(struct trail_segment **rows, size_t *cnt, const struct trail_segment *s)
{
	struct trail_segment *more;

	/* the size doubles at each power of two: no need to remember it */
	if ((*cnt & (*cnt - 1)) == 0) {
		more = realloc(*rows, (*cnt ? *cnt * 2 : 1) * sizeof(**rows));
		if (!more)
			return -ENOMEM;
		*rows = more;
	}
	(*rows)[(*cnt)++] = *s;
	return 0;
}

static int dir_read(DIR *dir, struct trail_segment **rows, size_t *cnt)
{
	struct trail_segment s;
	struct dirent *entry;
	struct stat st;
	int err;

	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
		if (!name_parse(entry->d_name, &s))
			continue;
		if (fstatat(dirfd(dir), s.name, &st, AT_SYMLINK_NOFOLLOW)) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		if (!S_ISREG(st.st_mode))
			continue;
		s.size = (uint64_t)st.st_size;
		err = segment_add(rows, cnt, &s);
		if (err)
			return err;
	}
	return -errno;
}

/* All names that are ours, sorted. */
static int list_names(int fd, struct trail_segment **ret_rows, size_t *ret_cnt)
{
	struct trail_segment *rows = NULL;
	size_t cnt = 0;
	int err, copy;
	DIR *dir;

	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		err = -errno;
		close(copy);
		return err;
	}
	err = dir_read(dir, &rows, &cnt);
	closedir(dir);
	if (err) {
		free(rows);
		return err;
	}
	if (cnt)
		qsort(rows, cnt, sizeof(*rows), segment_compare);
	*ret_rows = rows;
	*ret_cnt = cnt;
	return 0;
}

int trail_dir_list(int fd, struct trail_segment **ret_rows, size_t *ret_cnt)
{
	struct trail_segment *rows;
	size_t cnt;
	int err;

	err = list_names(fd, &rows, &cnt);
	if (err)
		return err;
	*ret_rows = rows;
	*ret_cnt = drop_twins(rows, cnt);
	return 0;
}

/* ---- the directory -------------------------------------------------------------------------- */

/* "dir/" would follow a symbolic link 'dir' in spite of O_NOFOLLOW. */
static int path_copy(const char *path, char ret_path[PATH_MAX])
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, path, len);
	ret_path[len] = '\0';
	return 0;
}

static int dir_open(const char *path, int *ret_fd)
{
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	/* the kernel looks for a directory first, and says ENOTDIR of a link as well */
	err = -errno;
	if (err == -ENOTDIR && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return -ELOOP;
	return err;
}

int trail_dir_open(const char *path, int *ret_fd)
{
	char copy[PATH_MAX];
	int err;

	err = path_copy(path, copy);
	return err ? err : dir_open(copy, ret_fd);
}

/* Best effort: that the directory itself survives a crash of the machine. */
static void sync_parent(int fd)
{
	int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (up < 0)
		return;
	fsync(up);
	close(up);
}

/*
 * Who can write to the directory can delete the record and put another one there. What is ours gets
 * its mode whatever the umask; a set-gid bit that it inherited hands the group on to the files.
 */
static int dir_check(int fd, bool made)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (made && fchmod(fd, DIR_MODE | (st.st_mode & S_ISGID)))
		return -errno;
	if (!made && st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -EPERM;
	return 0;
}

int trail_dir_make(const char *path, int *ret_fd)
{
	char copy[PATH_MAX];
	bool made;
	int err, fd;

	err = path_copy(path, copy);
	if (err)
		return err;
	made = mkdir(copy, DIR_MODE) == 0;
	if (!made && errno != EEXIST) {
		/* a directory that is there need not be one that could be made: EROFS, EACCES */
		err = -errno;
		if (dir_open(copy, &fd))
			return err;
	} else {
		err = dir_open(copy, &fd);
		if (err)
			return err;
	}
	err = dir_check(fd, made);
	if (err) {
		close(fd);
		return err;
	}
	if (made)
		sync_parent(fd);
	*ret_fd = fd;
	return 0;
}

/* ---- the lock -------------------------------------------------------------------------------- */

static pid_t lock_holder(int fd)
{
	char text[16];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	if (len <= 0)
		return 0;
	text[len] = '\0';
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* The pid is for people: a disk that is too full for it is no reason not to hold the lock. */
static void lock_sign(int fd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
		return;
}

int trail_dir_lock(int dir_fd, int *ret_fd, pid_t *ret_holder)
{
	int fd, err;

	fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (err == -EBUSY && ret_holder)
			*ret_holder = lock_holder(fd);
		close(fd);
		return err;
	}
	lock_sign(fd);
	*ret_fd = fd;
	return 0;
}

static int tidy_one(int dir_fd, const struct trail_segment *s, bool has_twin)
{
	char name[TRAIL_SEGMENT_NAME_LEN];

	switch (s->kind) {
	case TRAIL_SEGMENT_CLOSED:
	case TRAIL_SEGMENT_CRASHED: break;
	case TRAIL_SEGMENT_OPEN:
		trail_segment_name(s->number, TRAIL_SEGMENT_CRASHED, name);
		return !has_twin && renameat(dir_fd, s->name, dir_fd, name) ? -errno : 0;
	case TRAIL_SEGMENT_KEYFRAME: return has_twin && unlinkat(dir_fd, s->name, 0) ? -errno : 0;
	case TRAIL_SEGMENT_KEYFRAME_PART: return unlinkat(dir_fd, s->name, 0) ? -errno : 0;
	}
	return 0;
}

int trail_dir_tidy(int dir_fd)
{
	struct trail_segment *rows;
	size_t cnt;
	int err;

	err = list_names(dir_fd, &rows, &cnt);
	if (err)
		return err;
	for (size_t i = 0; i < cnt && !err; i++)
		err = tidy_one(dir_fd, &rows[i], i && rows[i - 1].number == rows[i].number);
	free(rows);
	return err;
}
