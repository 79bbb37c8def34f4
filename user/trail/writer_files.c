// SPDX-License-Identifier: GPL-2.0-only
/* Where segments lie: a directory with its lock, or a single file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail/writer_disk.h"

#define FILE_MODE    0640
#define CREATE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* ---- directory and file ------------------------------------------------------------------------ */

void disk_drop_directory(struct trail_disk *d)
{
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->dir_fd >= 0)
		close(d->dir_fd);
	d->lock_fd = -1;
	d->dir_fd = -1;
	budget_reset(d);
}

int disk_take_directory(struct trail_disk *d, pid_t *ret_holder)
{
	int err;

	err = trail_dir_make(d->path, &d->dir_fd);
	if (err)
		return err;
	err = trail_dir_lock(d->dir_fd, &d->lock_fd, ret_holder);
	if (!err)
		err = trail_dir_tidy(d->dir_fd);
	if (!err)
		err = budget_scan(d);
	if (err)
		disk_drop_directory(d);
	return err;
}

/* An empty file that mktemp(1) made is welcome; what has contents, or another owner, is not. */
static int file_take_empty(const char *path, int *ret_fd)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(path, &st))
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return -EINVAL; /* not opened: with a device that alone can do something */
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size)
		err = -EEXIST;
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		err = -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int disk_create_segment(struct trail_disk *d, int *ret_fd)
{
	struct disk_open_segment *s = &d->seg;
	int err, fd;

	if (!d->opt.directory) {
		fd = open(d->path, CREATE_FLAGS, FILE_MODE);
		if (fd < 0 && errno == EEXIST)
			return file_take_empty(d->path, ret_fd);
	} else {
		if (d->next_number > TRAIL_SEGMENT_NUMBER_MAX)
			return -EOVERFLOW;
		s->number = d->next_number;
		trail_segment_name(s->number, TRAIL_SEGMENT_OPEN, s->name);
		fd = openat(d->dir_fd, s->name, CREATE_FLAGS, FILE_MODE);
	}
	if (fd < 0)
		return -errno;
	if (fchmod(fd, FILE_MODE)) { /* whatever the umask: group proctrail reads it */
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- open and release ----------------------------------------------------------------------------- */

static ssize_t write_at(int fd, const void *data, size_t len, off_t offset)
{
	return pwrite(fd, data, len, offset);
}

static int sync_data(int fd)
{
	return fdatasync(fd);
}

int disk_open(struct trail_disk *d, const struct trail_writer_options *opt,
	      const struct trail_header *head, pid_t *ret_holder)
{
	int err;

	*d = (struct trail_disk){.opt = *opt,
				 .path = strdup(opt->path),
				 .head = *head,
				 .io = {write_at, sync_data},
				 .dir_fd = -1,
				 .lock_fd = -1,
				 .seg = {.fd = -1},
				 .next_number = 1};
	if (!d->path)
		return -ENOMEM;
	d->opt.path = d->path;
	d->head.version = TRAIL_VERSION;
	d->head.incompat = 0;
	d->head.compat = 0;
	d->head.fields = trail_fields_now();
	/* it only tells two runs apart: an early boot without entropy is not waited for */
	if (getrandom(d->head.run_id, sizeof(d->head.run_id), GRND_NONBLOCK) < 0)
		memcpy(d->head.run_id, &head->boot_ns, sizeof(head->boot_ns));
	if (opt->directory) {
		err = disk_take_directory(d, ret_holder);
		if (err)
			goto out;
	}
	err = disk_begin(d, NULL);
	if (opt->directory && disk_is_full(err))
		err = 0; /* the thread tries again, or gives up, as on_full says */
out:
	if (err)
		disk_release(d);
	return err;
}

void disk_release(struct trail_disk *d)
{
	if (d->seg.fd >= 0)
		close(d->seg.fd);
	d->seg.fd = -1;
	disk_drop_directory(d);
	buf_release(&d->seg.index);
	buf_release(&d->out);
	free(d->path);
	d->path = NULL;
}
