// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/pool.h"

#define CACHE_LINE 64
#define HUGE_PAGE  (2u << 20)
#define HUGE_FROM  (2 * HUGE_PAGE) /* of a pool so large a page more is little */

struct pool_chunk {
	struct pool_chunk *next;
};

static size_t slab_bytes(const struct pool *p)
{
	return POOL_SLAB * p->size;
}

void pool_release(struct pool *p)
{
	for (struct pool_chunk *c = p->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(p->slabs);
	*p = (struct pool){.size = p->size};
}

/* Room for a slab at least. Where there are no huge pages it is as good as any other memory. */
static bool chunk_add(struct pool *p)
{
	size_t size = CACHE_LINE + slab_bytes(p);
	struct pool_chunk *c;

	if (p->slab_cnt * slab_bytes(p) >= HUGE_FROM && size <= HUGE_PAGE) {
		size = HUGE_PAGE;
		c = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
		if (c)
			(void)madvise(c, HUGE_PAGE, MADV_HUGEPAGE);
	} else {
		c = malloc(size);
	}
	if (!c)
		return false;
	c->next = p->chunks;
	p->chunks = c;
	p->chunk_at = (char *)c + CACHE_LINE;
	p->chunk_left = size - CACHE_LINE;
	return true;
}

static char *slab_new(struct pool *p)
{
	char *slab;

	if (p->chunk_left < slab_bytes(p) && !chunk_add(p))
		return NULL;
	slab = p->chunk_at;
	p->chunk_at += slab_bytes(p);
	p->chunk_left -= slab_bytes(p);
	memset(slab, 0, slab_bytes(p));
	return slab;
}

static bool pool_grow(struct pool *p)
{
	char *slab;

	if (p->slab_cnt == p->slab_cap) {
		size_t cap = p->slab_cap ? p->slab_cap * 2 : 16;
		char **slabs = realloc(p->slabs, cap * sizeof(*slabs));

		if (!slabs)
			return false;
		p->slabs = slabs;
		p->slab_cap = cap;
	}
	slab = slab_new(p);
	if (!slab)
		return false;
	p->slabs[p->slab_cnt++] = slab;
	/* ascending: neighbours in time become neighbours in memory */
	for (size_t i = POOL_SLAB; i-- > 0;) {
		void **obj = (void **)(slab + i * p->size);

		*obj = p->free;
		p->free = obj;
	}
	return true;
}

void *pool_get(struct pool *p)
{
	void **obj;

	if (!p->free && !pool_grow(p))
		return NULL;
	obj = p->free;
	p->free = *obj;
	*obj = NULL;
	p->used++;
	return obj;
}

void pool_put(struct pool *p, void *obj)
{
	if (!obj)
		return;
	memset(obj, 0, p->size);
	*(void **)obj = p->free;
	p->free = obj;
	p->used--;
}

void *pool_at(const struct pool *p, size_t i)
{
	if (i / POOL_SLAB >= p->slab_cnt)
		return NULL;
	return p->slabs[i / POOL_SLAB] + i % POOL_SLAB * p->size;
}

size_t pool_bytes(const struct pool *p)
{
	return p->slab_cnt * slab_bytes(p) + p->slab_cap * sizeof(*p->slabs);
}
