// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

#define MAP_MIN 16

static inline size_t map_hash(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15ULL)) * 0xd6e8feb86659fd93ULL;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

void map_release(struct map *m)
{
	free(m->slots);
	*m = (struct map){0};
}

/* The slot with the key, or the free one where it belongs; the table is never full. */
static struct map_slot *map_seek(const struct map *m, uint64_t a, uint64_t b)
{
	size_t i = map_hash(a, b) & m->mask;

	while (m->slots[i].value && (m->slots[i].a != a || m->slots[i].b != b))
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

void *map_find(const struct map *m, uint64_t a, uint64_t b)
{
	return m->slots ? map_seek(m, a, b)->value : NULL;
}

static int map_grow(struct map *m)
{
	size_t cap = m->slots ? (m->mask + 1) * 2 : MAP_MIN;
	struct map bigger = {.cnt = m->cnt, .mask = cap - 1};
	struct map_slot *s;

	bigger.slots = calloc(cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; (s = map_next(m, &i));)
		*map_seek(&bigger, s->a, s->b) = *s;
	free(m->slots);
	*m = bigger;
	return 0;
}

int map_put(struct map *m, uint64_t a, uint64_t b, void *value)
{
	struct map_slot *s;
	int err;

	if (!value)
		return -EINVAL;
	if (m->slots) {
		s = map_seek(m, a, b);
		if (s->value) {
			s->value = value;
			return 0;
		}
	}
	if (!m->slots || (m->cnt + 1) * 4 > (m->mask + 1) * 3) {
		err = map_grow(m);
		if (err)
			return err;
	}
	*map_seek(m, a, b) = (struct map_slot){a, b, value};
	m->cnt++;
	return 0;
}

void *map_remove(struct map *m, uint64_t a, uint64_t b)
{
	struct map_slot *s;
	size_t hole, i;
	void *value;

	if (!m->slots)
		return NULL;
	s = map_seek(m, a, b);
	value = s->value;
	if (!value)
		return NULL;

	/* Close the hole with the next slot whose home is at or before it, and so on: no tombstones. */
	hole = s - m->slots;
	for (i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
		size_t home = map_hash(m->slots[i].a, m->slots[i].b) & m->mask;

		if (((i - home) & m->mask) < ((i - hole) & m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].value = NULL;
	m->cnt--;
	return value;
}

struct map_slot *map_next(const struct map *m, size_t *i)
{
	if (!m->slots)
		return NULL;
	while (*i <= m->mask) {
		struct map_slot *s = &m->slots[(*i)++];

		if (s->value)
			return s;
	}
	return NULL;
}
