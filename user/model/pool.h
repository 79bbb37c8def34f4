/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of one size from slabs: no malloc per object, addresses stable, every object reachable by
 * index. Memory goes back only with the pool. A pool that has become large asks for huge pages: its
 * objects are touched here and there, and looking up the page would cost more than the object.
 */
#ifndef PROCTRAIL_MODEL_POOL_H
#define PROCTRAIL_MODEL_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define POOL_SLAB 128 /* objects a slab */

struct pool_chunk;

struct pool {
	size_t size; /* of an object, >= a pointer */
	char **slabs;
	size_t slab_cnt, slab_cap;
	struct pool_chunk *chunks; /* what the slabs lie in, the latest first */
	char *chunk_at;            /* of the latest: what is no slab yet */
	size_t chunk_left;
	void *free; /* list through the objects' first words */
	size_t used;
};

void pool_release(struct pool *p);
void *pool_get(struct pool *p);                /* zeroed; NULL without memory */
void pool_put(struct pool *p, void *obj);      /* zeroed but for its first word; accepts NULL */
void *pool_at(const struct pool *p, size_t i); /* used or free; NULL past the end */
size_t pool_bytes(const struct pool *p);

#endif
