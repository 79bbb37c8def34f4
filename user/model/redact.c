// SPDX-License-Identifier: GPL-2.0-only
/* Records -> their command lines -> bytes taken out. What a secret looks like: redact_scan.c. */
#include "model/redact.h"

#include <errno.h>
#include <linux/types.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "model/redact_int.h"

#define STARS      3
#define PASSES_MAX 16

struct redact {
	regex_t pattern;
	bool has_pattern;
};

int redact_new(const char *pattern, struct redact **ret_redact)
{
	struct redact *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	if (pattern) {
		rc = regcomp(&r->pattern, pattern, REG_EXTENDED);
		if (rc) {
			free(r);
			return rc == REG_ESPACE ? -ENOMEM : -EINVAL;
		}
		r->has_pattern = true;
	}
	*ret_redact = r;
	return 0;
}

void redact_free(struct redact *r)
{
	if (r && r->has_pattern)
		regfree(&r->pattern);
	free(r);
}

/* ---- the edit -------------------------------------------------------------------------------- */

static size_t star_cnt(size_t len)
{
	return len < STARS ? len : STARS;
}

void edit_hide(struct edit *e, size_t from, size_t to)
{
	size_t cnt;

	if (from < e->in)
		from = e->in;
	if (to <= from)
		return;
	cnt = star_cnt(to - from);
	e->changed |= to - from > cnt || memcmp(e->data + from, "***", cnt) != 0;
	memmove(e->data + e->out, e->data + e->in, from - e->in);
	e->out += from - e->in;
	memset(e->data + e->out, '*', cnt);
	e->out += cnt;
	e->in = to;
}

size_t edit_finish(struct edit *e)
{
	memmove(e->data + e->out, e->data + e->in, e->len - e->in);
	e->len -= e->in - e->out;
	e->in = e->out = 0;
	return e->len;
}

/* ---- one command line ------------------------------------------------------------------------ */

/* What the user's pattern matches, argument by argument; '^' and '$' are the argument's ends. */
static void hide_pattern(const regex_t *pattern, struct edit *e)
{
	for (size_t begin = 0; begin < e->len;) {
		const char *nul = memchr(e->data + begin, '\0', e->len - begin);
		size_t end = nul ? (size_t)(nul - e->data) : e->len;

		for (size_t p = begin; p < end;) {
			regmatch_t m = {.rm_so = 0, .rm_eo = (regoff_t)(end - p)};
			int flags = REG_STARTEND | (p > begin ? REG_NOTBOL : 0);

			if (regexec(pattern, e->data + p, 1, &m, flags))
				break;
			edit_hide(e, p + (size_t)m.rm_so, p + (size_t)m.rm_eo);
			p += (size_t)(m.rm_eo > m.rm_so ? m.rm_eo : m.rm_eo + 1);
		}
		begin = end + 1;
	}
}

static void hide_arguments(struct edit *e)
{
	for (size_t begin = 0; begin < e->len;) {
		const char *nul = memchr(e->data + begin, '\0', e->len - begin);
		size_t end = nul ? (size_t)(nul - e->data) : e->len;

		edit_hide(e, begin, end);
		begin = end + 1;
	}
}

/*
 * Until a pass finds nothing, so that doing it again finds nothing either: a trail is redacted when
 * it is written and when it is read. Each pass that changes something makes the line shorter or
 * starrier, so it ends; a pattern that eats its own stars may take long, and then all is hidden.
 */
size_t redact_args(const struct redact *r, char *args, size_t len)
{
	struct edit e = {.data = args, .len = len};

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		e.changed = false;
		redact_scan(&e);
		edit_finish(&e);
		if (r->has_pattern) {
			hide_pattern(&r->pattern, &e);
			edit_finish(&e);
		}
		if (!e.changed)
			return e.len;
	}
	hide_arguments(&e);
	return edit_finish(&e);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Returns the new number of bytes of 'kept'. */
static __u32 keep_args(const struct redact *r, enum redact_args_mode mode, char *args, __u32 kept,
		       __u32 *true_len)
{
	size_t left = kept;

	switch (mode) {
	case REDACT_ARGS_FULL: break;
	case REDACT_ARGS_EXE:
		left = strnlen(args, kept);
		left += left < kept;
		break;
	case REDACT_ARGS_NONE: return 0;
	}
	kept = (__u32)left;
	if (r)
		left = redact_args(r, args, left);
	if (*true_len >= kept)
		*true_len -= kept - (__u32)left;
	return (__u32)left;
}

/* tail: what follows the fixed part; before: bytes of it that are not arguments */
static void redact_tail(const struct redact *r, enum redact_args_mode mode, char *tail, size_t size,
			uint64_t before, __u32 *kept, __u32 *true_len)
{
	size_t used = 0;

	if (before <= size && *kept <= size - before) {
		*kept = keep_args(r, mode, tail + before, *kept, true_len);
		used = before + *kept;
	}
	memset(tail + used, 0, size - used);
}

/*
 * True lengths of a row's texts, a part that stands behind them (0: the text is whole). What is left
 * of a line that was whole has to say so in the room that was taken from it: false without room.
 */
static bool put_row_cut(struct rec_row *row, char *parts, const __u32 *cut, __u32 taken)
{
	const size_t len = 4 * sizeof(*cut);
	char *end = (char *)row + row->h.size;

	if (!(row->parts & REC_PART_CUT)) {
		if (cut[1] <= row->args_len)
			return true;
		if (taken < len)
			return false;
		memmove(parts + len, parts, (size_t)(end - parts) - len);
		row->parts |= REC_PART_CUT;
	}
	memcpy(parts, cut, len);
	return true;
}

/* Takes from the end of the line what is behind its first 'left' bytes; all the rest moves up. */
static void shorten_row(struct rec_row *row, __u32 left)
{
	char *args = (char *)(row + 1) + row->exe_len, *end = (char *)row + row->h.size;
	__u32 taken = row->args_len - left;

	memmove(args + left, args + row->args_len, (size_t)(end - args) - row->args_len);
	memset(end - taken, 0, taken);
	row->args_len = left;
}

/* A row of a keyframe: a trail may have it from a recorder that redacted less. */
static void redact_row(const struct redact *r, enum redact_args_mode mode, struct rec_row *row)
{
	size_t size = row->h.size - sizeof(*row);
	uint64_t texts = (uint64_t)row->exe_len + row->args_len + row->cwd_len + row->hostname_len;
	char *tail = (char *)(row + 1), *parts = tail + texts;
	__u32 cut[4] = {0}, kept = row->args_len, left;

	if (texts + (row->parts & REC_PART_CUT ? sizeof(cut) : 0) > size) {
		memset(tail, 0, size);
		return;
	}
	if (row->parts & REC_PART_CUT)
		memcpy(cut, parts, sizeof(cut));
	if (cut[1] < kept)
		cut[1] = kept;
	left = keep_args(r, mode, tail + row->exe_len, kept, &cut[1]);
	shorten_row(row, left);
	if (!put_row_cut(row, parts - (kept - left), cut, kept - left))
		shorten_row(row, 0); /* not known at all: better than to look whole */
}

static void redact_record(const struct redact *r, enum redact_args_mode mode, struct rec_hdr *h)
{
	struct rec_exec *x = (struct rec_exec *)h;
	struct rec_fact_proc *f = (struct rec_fact_proc *)h;

	if (h->type == REC_EXEC && h->size >= sizeof(*x))
		redact_tail(r, mode, (char *)(x + 1), h->size - sizeof(*x), 0, &x->args_kept,
			    &x->args_len);
	else if (h->type == REC_FACT_PROC && h->size >= sizeof(*f))
		redact_tail(r, mode, (char *)(f + 1), h->size - sizeof(*f),
			    (uint64_t)f->exe_len + f->cwd_len, &f->args_kept, &f->args_len);
	else if (h->type == REC_ROW && h->size >= sizeof(struct rec_row))
		redact_row(r, mode, (struct rec_row *)h);
}

int redact_batch(const struct redact *r, enum redact_args_mode mode, char *records, size_t len)
{
	struct rec_hdr h;

	for (; len; len -= h.size, records += h.size) {
		if (len < sizeof(h))
			return -EBADMSG;
		memcpy(&h, records, sizeof(h));
		if (!rec_size_is_sane(h.size) || h.size > len)
			return -EBADMSG;
		redact_record(r, mode, (struct rec_hdr *)records);
	}
	return 0;
}
