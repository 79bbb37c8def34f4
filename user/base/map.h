/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open-addressing hash map from a 128-bit key to a pointer; backward-shift deletion, grows by two
 * at 3/4 fill. The key is two words: (tgid, start) for processes, (id, 0) for everything else.
 */
#ifndef PROCTRAIL_BASE_MAP_H
#define PROCTRAIL_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t a, b;
	void *value; /* NULL: free */
};

struct map {
	struct map_slot *slots;
	size_t cnt;
	size_t mask; /* slots - 1; 0 with slots NULL: empty */
};

void map_release(struct map *m);                                 /* values are the caller's */
void *map_find(const struct map *m, uint64_t a, uint64_t b);     /* NULL: not found */
int map_put(struct map *m, uint64_t a, uint64_t b, void *value); /* replaces; 0 or -ENOMEM */
void *map_remove(struct map *m, uint64_t a, uint64_t b);         /* the value, NULL: not found */

/* Iterates: for (size_t i = 0; (s = map_next(m, &i)); ). No insert or remove meanwhile. */
struct map_slot *map_next(const struct map *m, size_t *i);

#endif
