// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/waits_fact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Takes a word off the front, up to the end it must have; false: there is none. */
static bool take_word(struct span *s, char end, struct span *ret_word)
{
	const char *p = s->len ? memchr(s->data, end, s->len) : NULL;

	if (!p || p == s->data)
		return false;
	*ret_word = (struct span){s->data, (size_t)(p - s->data)};
	s->data += ret_word->len + 1;
	s->len -= ret_word->len + 1;
	return true;
}

static bool take_u32(struct span *s, char end, uint32_t *ret)
{
	struct span word;
	uint64_t v = 0;

	if (!take_word(s, end, &word) || word.len > 10)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(word.data[i] - '0');
	}
	if (v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static void add_pid(struct waits *w, uint32_t pid)
{
	for (uint32_t i = 0; i < w->pid_cnt; i++) {
		if (w->pids[i] == pid)
			return;
	}
	if (w->pid_cnt == WAITS_PIDS_MAX)
		w->pids_more = true;
	else
		w->pids[w->pid_cnt++] = pid;
}

/* 'TID KIND ID OPTIONS' */
static bool take_call(struct span *s, struct waits *w)
{
	uint32_t tid, id, options;
	struct span kind;

	if (!take_u32(s, ' ', &tid) || !take_word(s, ' ', &kind) || !take_u32(s, ' ', &id) ||
	    !take_u32(s, '\n', &options) || !tid)
		return false;
	if (span_equals(kind, SPAN_LITERAL("any"))) {
		w->any++;
		w->any_limited += (options & (WNOWAIT | __WNOTHREAD)) ||
				  (options & (__WCLONE | __WALL)) == __WCLONE;
	} else if (span_equals(kind, SPAN_LITERAL("pid")) && id && id <= INT32_MAX) {
		w->pid++;
		add_pid(w, id);
	} else if (span_equals(kind, SPAN_LITERAL("pidfd"))) {
		w->pid++;
		w->pidfd++;
	} else if (span_equals(kind, SPAN_LITERAL("pgid"))) {
		w->pgid++;
	} else {
		return false;
	}
	return true;
}

static bool take_mark(struct span *s, const char *mark)
{
	size_t len = strlen(mark);

	if (s->len < len || memcmp(s->data, mark, len))
		return false;
	s->data += len;
	s->len -= len;
	return true;
}

int waits_fact_parse(struct span text, struct waits *ret_waits)
{
	struct waits w = {0};

	w.hung = take_mark(&text, "hung\n");
	w.denied = !w.hung && take_mark(&text, "denied\n");
	w.gone = !w.hung && !w.denied && take_mark(&text, "gone\n");
	if (!w.hung && !w.denied && !w.gone) {
		while (text.len && *text.data >= '0' && *text.data <= '9') {
			if (!take_call(&text, &w))
				return -EBADMSG;
		}
		w.compat = take_mark(&text, "compat\n");
		w.more = take_mark(&text, "more\n");
	}
	if (text.len)
		return -EBADMSG;
	*ret_waits = w;
	return 0;
}

int waits_fact_get(const struct proc_table *t, struct proc_key key, struct waits *ret_waits)
{
	struct span text;
	char name[64];

	snprintf(name, sizeof(name), "waits:%" PRIu32 ":%" PRIu64, key.tgid, key.start_ns);
	text = proc_table_fact(t, name);
	if (!text.data) /* an empty text is an answer: nobody waits */
		return -ENOENT;
	return waits_fact_parse(text, ret_waits);
}

bool waits_complete(const struct waits *w)
{
	return !w->hung && !w->denied && !w->gone && !w->compat && !w->more;
}
