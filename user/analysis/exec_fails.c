// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/exec_fails.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SEARCHES_MAX 4096
#define YOUNG_NS     (10 * NS_PER_MS) /* who has just tried may try on; later it is another search */

/* the tries of one process for one name */
struct search {
	struct exec_fail best;
	uint64_t tries;
	uint64_t last_ns;
	char first[REC_FILE_LEN];
};

void exec_fails_release(struct exec_fails *x)
{
	struct map_slot *slot;

	for (size_t i = 0; (slot = map_next(&x->searches, &i));)
		free(slot->value);
	map_release(&x->searches);
	free(x->v);
	memset(x, 0, sizeof(*x));
}

static struct span name_of(struct span path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	size_t before = slash ? (size_t)(slash + 1 - path.data) : 0;

	return (struct span){path.data + before, path.len - before};
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

/* After these execvp() goes on with the next directory. */
static bool goes_on(int error)
{
	return error == ENOENT || error == EACCES || error == ENOTDIR || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT;
}

/* Of several tries the one that has found something tells why; else one that was not let in. */
static int says(const struct exec_fail *f)
{
	if (f->flags & REC_NOEXEC_OPENED)
		return 3;
	if (!goes_on(f->error))
		return 2;
	return f->error == EACCES;
}

static void fill_fail(struct exec_fail *f, const struct event *ev)
{
	const struct rec_exec_failed *r = &ev->exec_failed;

	*f = (struct exec_fail){.error = r->error, .flags = r->flags};
	memcpy(f->file, r->file, sizeof(f->file) - 1);
	memcpy(f->interp, r->interp, sizeof(f->interp) - 1);
	memcpy(f->comm, r->comm, sizeof(f->comm));
}

/* ---- what has failed --------------------------------------------------------------------------- */

/* Where only a search was in vain its last directory is not the point. */
static bool alike(const struct exec_fail *a, const struct exec_fail *b)
{
	struct span x = span_of(a->file), y = span_of(b->file);

	if (a->error != b->error || a->flags != b->flags || strcmp(a->interp, b->interp) != 0)
		return false;
	if (a->error == ENOENT && !(a->flags & REC_NOEXEC_OPENED) && a->tries > 1 && b->tries > 1)
		return same(name_of(x), name_of(y));
	return same(x, y);
}

static void count_fail(struct exec_fails *x, const struct exec_fail *f, uint64_t cnt)
{
	struct exec_fail *row = NULL;

	x->failed += cnt;
	for (size_t i = 0; i < x->cnt && !row; i++)
		row = alike(&x->v[i], f) ? &x->v[i] : NULL;
	if (!row && x->cnt == EXEC_FAILS_MAX)
		return;
	if (!row && !x->v)
		x->v = calloc(EXEC_FAILS_MAX, sizeof(*x->v));
	if (!row && !x->v) {
		x->err = -ENOMEM;
		return;
	}
	if (!row) {
		row = &x->v[x->cnt++];
		*row = *f;
	}
	row->cnt += cnt;
	if (f->tries > row->tries)
		row->tries = f->tries;
	memcpy(row->comm, f->comm, sizeof(row->comm));
}

/* Takes the search over. */
static void search_failed(struct exec_fails *x, struct search *s)
{
	if (!s)
		return;
	s->best.tries = s->tries < UINT32_MAX ? (uint32_t)s->tries : UINT32_MAX;
	count_fail(x, &s->best, 1);
	free(s);
}

/* ---- searches ---------------------------------------------------------------------------------- */

static struct search *take_search(struct exec_fails *x, struct proc_key key)
{
	return map_remove(&x->searches, key.tgid, key.start_ns);
}

/*
 * The same name elsewhere. Whoever asks for the first place again begins again, unless at once: a PATH may
 * have a directory twice.
 */
static bool continues(const struct search *s, const struct event *ev)
{
	struct span first = span_of(s->first);

	if (!ev->file.len || !same(name_of(first), name_of(ev->file)))
		return false;
	return !same(first, ev->file) || ev->h.boot_ns < s->last_ns + YOUNG_NS;
}

static void begin_search(struct exec_fails *x, struct proc_key key, const struct event *ev)
{
	struct search *s = calloc(1, sizeof(*s));

	if (!s) {
		x->err = -ENOMEM;
		return;
	}
	fill_fail(&s->best, ev);
	memcpy(s->first, s->best.file, sizeof(s->first));
	s->tries = 1;
	s->last_ns = ev->h.boot_ns;
	if (!goes_on(s->best.error) || x->searches.cnt >= SEARCHES_MAX) {
		search_failed(x, s);
	} else if (map_put(&x->searches, key.tgid, key.start_ns, s)) {
		x->err = -ENOMEM;
		free(s);
	}
}

static void note_try(struct exec_fails *x, const struct change *c)
{
	struct proc_key key = event_proc(c->ev);
	struct search *s = map_find(&x->searches, key.tgid, key.start_ns);
	struct exec_fail f;

	fill_fail(&f, c->ev);
	if (c->ev->exec_failed.repeat) /* too many to have been told: of the kind of this one */
		count_fail(x, &f, c->ev->exec_failed.repeat);
	if (!s || !continues(s, c->ev)) {
		search_failed(x, take_search(x, key));
		begin_search(x, key, c->ev);
		return;
	}
	s->tries++;
	s->last_ns = c->ev->h.boot_ns;
	if (says(&f) >= says(&s->best))
		s->best = f;
	if (!goes_on(f.error)) /* it was found there, whatever is wrong with it */
		search_failed(x, take_search(x, key));
}

static void note_success(struct exec_fails *x, const struct change *c)
{
	struct search *s = c->ev ? take_search(x, c->proc->key) : NULL;

	if (!s)
		return;
	if (c->ev->h.type != REC_EXEC) { /* an exec that was lost: of what, nobody knows */
		free(s);
		return;
	}
	if (!same(name_of(span_of(s->first)), name_of(c->ev->file))) {
		search_failed(x, s);
		return;
	}
	x->found++;
	x->found_tries += s->tries;
	free(s);
}

void exec_fails_note(struct exec_fails *x, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_EXEC_FAILED: note_try(x, c); break;
	case CHANGE_EXEC: note_success(x, c); break;
	case CHANGE_EXIT:
	case CHANGE_REAP: search_failed(x, take_search(x, c->proc->key)); break;
	default: break;
	}
}

static int by_cnt(const void *a, const void *b)
{
	const struct exec_fail *x = a, *y = b;

	if (x->cnt != y->cnt)
		return x->cnt < y->cnt ? 1 : -1;
	return strcmp(x->file, y->file);
}

void exec_fails_finish(struct exec_fails *x, uint64_t now_ns)
{
	struct map_slot *slot;

	for (size_t i = 0; (slot = map_next(&x->searches, &i));) {
		struct search *s = slot->value;

		if (s->last_ns + YOUNG_NS <= now_ns)
			search_failed(x, s);
		else
			free(s);
	}
	map_release(&x->searches);
	if (x->cnt)
		qsort(x->v, x->cnt, sizeof(*x->v), by_cnt);
}
