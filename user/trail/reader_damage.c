// SPDX-License-Identifier: GPL-2.0-only
/* What cannot be read: as rows for the user, and as gaps in the stream for the model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trail/reader_int.h"

#define DAMAGE_MAX 1000
#define CPU_USER   0xffff

/* ---- rows ------------------------------------------------------------------------------------ */

/* The file that 'name' is in the directory; a trail that is one file has no other name. */
static char *path_of(const struct trail_reader *r, const char *name)
{
	char *path;

	if (r->dir_fd < 0)
		return strdup(r->path);
	return asprintf(&path, "%s/%s", r->path, name) < 0 ? NULL : path;
}

/* A seek may come by the same place again. */
static bool row_is_there(const struct trail_reader *r, const struct trail_damage *row)
{
	for (size_t i = 0; i < r->damage_cnt; i++) {
		const struct trail_damage *d = &r->damage[i];

		if (d->offset == row->offset && strcmp(d->path, row->path) == 0)
			return true;
	}
	return false;
}

/* Without memory a row is missing; the gap is there all the same. */
static bool row_add(struct trail_reader *r, const char *name, struct trail_damage row)
{
	if (r->damage_cnt == DAMAGE_MAX)
		return false;
	if (r->damage_cnt == r->damage_cap) {
		size_t cap = r->damage_cap ? r->damage_cap * 2 : 16;
		struct trail_damage *rows = realloc(r->damage, cap * sizeof(*rows));

		if (!rows)
			return false;
		r->damage = rows;
		r->damage_cap = cap;
	}
	row.path = path_of(r, name);
	if (!row.path || row_is_there(r, &row)) {
		free((char *)(uintptr_t)row.path);
		return false;
	}
	r->damage[r->damage_cnt++] = row;
	return true;
}

static void row_drop_last(struct trail_reader *r)
{
	free((char *)(uintptr_t)r->damage[--r->damage_cnt].path);
}

void damage_tell(struct trail_reader *r, uint64_t offset, uint64_t bytes, uint64_t records,
		 uint64_t until_ns)
{
	row_add(r, r->seg.name,
		(struct trail_damage){.offset = offset, .bytes = bytes, .records = records});
	if (records)
		gap_add(r, records, until_ns);
}

void damage_tell_segment(struct trail_reader *r, const char *name, uint64_t bytes)
{
	row_add(r, name, (struct trail_damage){.bytes = bytes, .records = RECORDS_UNKNOWN});
	gap_add(r, RECORDS_UNKNOWN, 0);
}

void damage_tell_tail(struct trail_reader *r, uint64_t offset, uint64_t bytes)
{
	struct trail_damage row = {
		.offset = offset, .bytes = bytes, .records = RECORDS_UNKNOWN, .tail = true};

	if (bytes && row_add(r, r->seg.name, row))
		r->tail_told = true;
}

void damage_tell_cut(struct trail_reader *r, uint64_t offset, uint64_t bytes)
{
	damage_tell_tail(r, offset, bytes);
	r->tail_told = false;
}

void damage_retract_tail(struct trail_reader *r)
{
	if (r->tail_told)
		row_drop_last(r);
	r->tail_told = false;
}

void damage_release(struct trail_reader *r)
{
	while (r->damage_cnt)
		row_drop_last(r);
	free(r->damage);
}

size_t trail_reader_damage(const struct trail_reader *r, const struct trail_damage **ret_rows)
{
	*ret_rows = r->damage;
	return r->damage_cnt;
}

/* ---- gaps ------------------------------------------------------------------------------------ */

void gap_add(struct trail_reader *r, uint64_t cnt, uint64_t until_ns)
{
	if (cnt == RECORDS_UNKNOWN)
		cnt = 1;
	r->gap.cnt = cnt > UINT64_MAX - r->gap.cnt ? UINT64_MAX : r->gap.cnt + cnt;
	r->gap.until_ns = until_ns;
}

void gap_put(struct trail_reader *r, uint64_t next_ns)
{
	struct rec_gap gap = {
		.h = {.boot_ns = next_ns ? next_ns : r->gap.until_ns,
		      .size = sizeof(gap),
		      .type = REC_GAP,
		      .cpu = CPU_USER},
		.from_ns = r->last_ns,
	};

	if (gap.h.boot_ns < gap.from_ns)
		gap.h.boot_ns = gap.from_ns;
	if (r->gap.rotated) {
		gap.reason = REC_GAP_ROTATED;
		buf_put(&r->records, &gap, sizeof(gap));
	}
	if (r->gap.cnt) {
		gap.reason = REC_GAP_DAMAGED;
		gap.count = r->gap.cnt;
		buf_put(&r->records, &gap, sizeof(gap));
	}
	r->gap = (struct reader_gap){0};
}
