// SPDX-License-Identifier: GPL-2.0-only
/* From segment to segment, also while they are written, renamed and deleted under us. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail/reader_int.h"

#define OPEN_TRIES     100
#define OPEN_STEP_MS   10
#define LIST_AGAIN_MAX 16 /* a segment that was listed has another name when it is opened */

int reader_list(const struct trail_reader *r, struct trail_segment **ret_rows, size_t *ret_cnt)
{
	struct trail_segment *row;

	if (r->dir_fd >= 0)
		return trail_dir_list(r->dir_fd, ret_rows, ret_cnt);
	row = malloc(sizeof(*row));
	if (!row)
		return -ENOMEM;
	*row = r->seg;
	row->size = r->file.size;
	*ret_rows = row;
	*ret_cnt = 1;
	return 0;
}

int reader_open_segment(const struct trail_reader *r, const struct trail_segment *s,
			struct trail_file *ret_file)
{
	int fd;

	if (r->dir_fd >= 0)
		return trail_file_open(ret_file, r->dir_fd, s->name);
	/* what was opened stays the trail, whatever has its name by now */
	fd = fcntl(r->file.fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : trail_file_init(ret_file, fd);
}

/* The number of the block that it begins with: of a stub it need not be the first of the segment. */
static uint64_t first_sequence(const struct trail_segment *s, struct trail_file *f)
{
	struct trail_block b;

	if (s->kind != TRAIL_SEGMENT_KEYFRAME || trail_file_block(f, f->begin, &b))
		return 0;
	return b.sequence;
}

int reader_take_segment(struct trail_reader *r, const struct trail_segment *s, struct trail_file *f)
{
	uint64_t sequence = first_sequence(s, f);
	struct trail_decoder *decoder;

	/* it is made for what one version of the writer coded */
	if (!r->decoder || memcmp(&f->head.fields, &r->file.head.fields, sizeof(f->head.fields))) {
		decoder = trail_decoder_new(&f->head.fields);
		if (!decoder) {
			trail_file_close(f);
			return -ENOMEM;
		}
		trail_decoder_free(r->decoder);
		r->decoder = decoder;
	}
	trail_file_close(&r->file);
	r->file = *f;
	r->seg = *s;
	r->next_number = s->number + 1;
	r->entered = true;
	r->ended = false;
	r->final = r->dir_fd >= 0 && s->kind != TRAIL_SEGMENT_OPEN;
	r->behind_stub = s->kind == TRAIL_SEGMENT_KEYFRAME;
	reader_go(r, f->begin, sequence);
	return 0;
}

/* ---- the next one ----------------------------------------------------------------------------- */

/* What changes in the stream between the segment that is read and the one that 'f' is. */
static int join_segment(struct trail_reader *r, const struct trail_segment *s, struct trail_file *f)
{
	const struct trail_header *old = &r->file.head, *new = &f->head;
	bool same_run = r->entered && memcmp(old->run_id, new->run_id, sizeof(new->run_id)) == 0;
	bool stub = r->entered && r->seg.kind == TRAIL_SEGMENT_KEYFRAME, later = r->entered;
	bool missing = same_run && new->segment != old->segment + 1;
	int err;

	r->gap.rotated |= r->behind_stub; /* once, also when the run has to wait for it */
	r->behind_stub = false;
	if (r->entered && !same_run && gap_is_due(r)) {
		trail_file_close(f);
		return -EAGAIN;
	}
	err = reader_take_segment(r, s, f);
	if (err)
		return err;
	if (!same_run) {
		r->new_run = true;
		r->last_ns = r->file.head.boot_ns;
	}
	if (!same_run || missing || stub)
		r->key = KEY_WANTED;
	if (missing && !stub && !r->gap.cnt)
		gap_add(r, RECORDS_UNKNOWN, 0);
	/* of a run's first segment: it began before its keyframe */
	r->gap.rotated |= later && r->sequence > 0;
	return 0;
}

/*
 * 0; -ENODATA: it has just begun; -ENOENT: it is gone, or called otherwise by now; -ENXIO: it
 * cannot be read and has been told; or as reader_move_on().
 */
static int enter_segment(struct trail_reader *r, const struct trail_segment *s, bool latest,
			 struct trail_header *ret_refused)
{
	struct trail_file f;
	int err = reader_open_segment(r, s, &f);

	if (!err)
		return join_segment(r, s, &f);
	if (err == -EPROTONOSUPPORT && ret_refused)
		*ret_refused = f.head;
	if (err == -ENODATA && latest && s->kind == TRAIL_SEGMENT_OPEN)
		return err;
	if (err != -ENODATA && err != -EBADMSG && err != -EINVAL && err != -EIO)
		return err;
	/* a crash before the header was on the disk has lost nothing that had been promised */
	if (err != -ENODATA || s->kind == TRAIL_SEGMENT_CLOSED || s->kind == TRAIL_SEGMENT_KEYFRAME)
		damage_tell_segment(r, s->name, s->size);
	r->next_number = s->number + 1;
	return -ENXIO;
}

static int enter_next(struct trail_reader *r, struct trail_header *ret_refused)
{
	struct trail_segment *rows;
	size_t cnt;
	int err;

	for (int again = 0; again < LIST_AGAIN_MAX; again++) {
		err = reader_list(r, &rows, &cnt);
		if (err)
			return err;
		err = -ENODATA;
		for (size_t i = 0; i < cnt; i++) {
			if (rows[i].number < r->next_number)
				continue;
			err = enter_segment(r, &rows[i], i + 1 == cnt, ret_refused);
			if (err != -ENXIO)
				break;
		}
		free(rows);
		if (err != -ENOENT)
			break;
	}
	return err == -ENXIO || err == -ENOENT ? -ENODATA : err;
}

/* Whether nobody writes any more to the segment that is read: it has another name, or a successor. */
static int look_whether_final(struct trail_reader *r, bool *ret_final)
{
	struct trail_segment *rows;
	bool there = false;
	size_t cnt;
	int err;

	err = reader_list(r, &rows, &cnt);
	if (err)
		return err;
	*ret_final = false;
	for (size_t i = 0; i < cnt; i++) {
		if (rows[i].number > r->seg.number)
			*ret_final = true;
		/* what is read stays the whole segment, though its name has gone over to a stub */
		if (rows[i].number != r->seg.number || rows[i].kind == TRAIL_SEGMENT_KEYFRAME)
			continue;
		there = true;
		r->seg = rows[i];
	}
	if (!there || r->seg.kind != TRAIL_SEGMENT_OPEN)
		*ret_final = true;
	free(rows);
	return 0;
}

int reader_move_on(struct trail_reader *r)
{
	bool final = r->ended;
	int err;

	if (!r->final) {
		if (r->dir_fd >= 0 && !final) {
			err = look_whether_final(r, &final);
			if (err)
				return err;
		}
		if (!final)
			return -ENODATA;
		/* what was written between our last look at it and its end is there now */
		r->final = true;
		trail_file_refresh(&r->file);
		return 0;
	}
	return r->dir_fd >= 0 ? enter_next(r, NULL) : -ENODATA;
}

/* ---- open ------------------------------------------------------------------------------------- */

/*
 * A small record that rotates has moments in which it has no segment, or one without a header yet, or
 * one that has been replaced since it was listed: they are waited out.
 */
bool reader_wait_for_segment(struct trail_reader *r, int tries)
{
	if (r->dir_fd < 0 || r->damage_cnt || tries >= OPEN_TRIES)
		return false;
	(void)poll(NULL, 0, OPEN_STEP_MS);
	return true;
}

static int open_first(struct trail_reader *r, struct trail_header *ret_refused)
{
	int err = enter_next(r, ret_refused);

	for (int tries = 0; err == -ENODATA && reader_wait_for_segment(r, tries); tries++)
		err = enter_next(r, ret_refused);
	r->gap.cnt = 0; /* before the beginning: the rows tell */
	if (err == -ENODATA)
		return r->damage_cnt ? -EBADMSG : -ENOENT;
	return err;
}

static int open_file(struct trail_reader *r, int fd, struct trail_header *ret_refused)
{
	struct trail_segment s = {.kind = TRAIL_SEGMENT_OPEN};
	struct trail_file f;
	int err = trail_file_init(&f, fd);

	if (err == -EPROTONOSUPPORT)
		*ret_refused = f.head;
	if (err)
		return err == -ENODATA || err == -EINVAL ? -EBADMSG : err;
	return join_segment(r, &s, &f);
}

/* A symbolic link to a trail is welcome: reading what it leads to harms nobody. */
int reader_open_path(struct trail_reader *r, const char *path, struct trail_header *ret_refused)
{
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
		close(fd);
		return err;
	}
	if (!S_ISDIR(st.st_mode))
		return open_file(r, fd, ret_refused);
	r->dir_fd = fd;
	return open_first(r, ret_refused);
}
