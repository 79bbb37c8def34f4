// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/throttle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CGROUPS_MAX    256
#define THROTTLE_SHARE 10 /* of the periods; in fewer it explains little */

void throttles_release(struct throttles *t)
{
	free(t->v);
	*t = (struct throttles){0};
}

/* ---- texts of the kernel ----------------------------------------------------------------------- */

static bool take_number(struct span s, uint64_t *ret_value)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9' && i < 19; i++)
		v = 10 * v + (uint64_t)(s.data[i] - '0');
	if (!i)
		return false;
	*ret_value = v;
	return true;
}

/* The number behind a word: "nr_throttled ", "total=". The first such word counts. */
static bool find_number(struct span s, const char *word, uint64_t *ret_value)
{
	size_t len = strlen(word);
	const char *at = s.len ? memmem(s.data, s.len, word, len) : NULL;

	if (!at)
		return false;
	at += len;
	return take_number((struct span){at, s.len - (size_t)(at - s.data)}, ret_value);
}

/* v1 counts nanoseconds, v2 microseconds. */
static bool take_stat(struct span s, struct throttle_counts *ret_counts)
{
	uint64_t ns = 0, us = 0;

	if (!find_number(s, "nr_periods ", &ret_counts->periods) ||
	    !find_number(s, "nr_throttled ", &ret_counts->throttled))
		return false;
	if (!find_number(s, "throttled_time ", &ns) && find_number(s, "throttled_usec ", &us))
		ns = us * NS_PER_US;
	ret_counts->throttled_ns = ns;
	return true;
}

/* ---- what was told ----------------------------------------------------------------------------- */

static struct throttle *find(const struct throttles *t, struct span path)
{
	for (size_t i = 0; i < t->cnt; i++) {
		if (span_equals(path, span_of(t->v[i].path)))
			return &t->v[i];
	}
	return NULL;
}

static struct throttle *find_or_add(struct throttles *t, struct span path)
{
	struct throttle *one = find(t, path);

	if (one || t->cnt == CGROUPS_MAX || path.len >= THROTTLE_PATH_LEN)
		return one;
	if (!t->v)
		t->v = calloc(CGROUPS_MAX, sizeof(*t->v));
	if (!t->v) {
		t->err = -ENOMEM;
		return NULL;
	}
	one = &t->v[t->cnt++];
	if (path.len)
		memcpy(one->path, path.data, path.len);
	return one;
}

static void note_stat(struct throttles *t, struct span path, struct span text)
{
	struct throttle_counts now;
	struct throttle *one;

	if (!take_stat(text, &now))
		return;
	one = find_or_add(t, path);
	if (!one)
		return;
	/* made anew under its old name, it begins at nothing again */
	if (!one->counted || now.periods < one->last.periods)
		one->first = now;
	one->counted = true;
	one->last = now;
}

/* "20000 100000" */
static void note_max(struct throttles *t, struct span path, struct span text)
{
	const char *blank = text.len ? memchr(text.data, ' ', text.len) : NULL;
	struct throttle *one = blank ? find_or_add(t, path) : NULL;

	if (!one || !take_number(text, &one->quota_us))
		return;
	blank++;
	(void)take_number((struct span){blank, text.len - (size_t)(blank - text.data)},
			  &one->period_us);
}

static void note_pressure(struct throttles *t, uint64_t at_ns, struct span text)
{
	uint64_t us;

	if (!find_number(text, "total=", &us)) /* of its first line, "some" */
		return;
	if (!t->psi_first_ns) {
		t->psi_first_ns = at_ns;
		t->waited_first_us = us;
	}
	t->psi_last_ns = at_ns;
	t->waited_last_us = us;
}

/* False: it does not end like that. */
static bool cut_end(struct span *s, struct span end)
{
	if (s->len <= end.len || memcmp(s->data + s->len - end.len, end.data, end.len))
		return false;
	s->len -= end.len;
	return true;
}

void throttles_note(struct throttles *t, const struct change *c)
{
	static const char prefix[] = "cgroup:";
	struct span name;

	if (c->kind != CHANGE_FACT || !c->ev || c->ev->h.type != REC_FACT_TEXT)
		return;
	name = c->ev->name;
	if (span_equals(name, SPAN_LITERAL("/proc/pressure/cpu"))) {
		note_pressure(t, c->boot_ns, c->ev->text);
		return;
	}
	if (name.len < sizeof(prefix) || memcmp(name.data, prefix, sizeof(prefix) - 1))
		return;
	name.data += sizeof(prefix) - 1;
	name.len -= sizeof(prefix) - 1;
	if (cut_end(&name, SPAN_LITERAL("/cpu.stat")))
		note_stat(t, name, c->ev->text);
	else if (cut_end(&name, SPAN_LITERAL("/cpu.max")))
		note_max(t, name, c->ev->text);
}

/* ---- what it means ----------------------------------------------------------------------------- */

static struct throttle_counts counts_of(const struct throttle *one)
{
	return (struct throttle_counts){
		.periods = one->last.periods - one->first.periods,
		.throttled = one->last.throttled - one->first.throttled,
		.throttled_ns = one->last.throttled_ns - one->first.throttled_ns,
	};
}

const struct throttle *throttles_find(const struct throttles *t, struct span path,
				      struct throttle_counts *ret_counts)
{
	const struct throttle *found = NULL;

	for (; path.len > 1; path = cgroup_path_outer(path)) {
		const struct throttle *one = find(t, path);
		struct throttle_counts now;

		if (!one)
			continue;
		now = counts_of(one);
		if (!now.throttled || now.throttled * 100 < now.periods * THROTTLE_SHARE ||
		    (found && now.throttled <= ret_counts->throttled))
			continue;
		found = one;
		*ret_counts = now;
	}
	return found;
}

int throttles_pressure(const struct throttles *t)
{
	uint64_t ns = t->psi_last_ns - t->psi_first_ns;
	uint64_t percent;

	if (ns < NS_PER_MS * 100)
		return -ENOENT;
	percent = (t->waited_last_us - t->waited_first_us) * NS_PER_US * 100 / ns;
	return percent > 100 ? 100 : (int)percent;
}
