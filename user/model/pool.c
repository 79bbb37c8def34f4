// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "model/pool.h"

void pool_release(struct pool *p)
{
	for (size_t i = 0; i < p->slab_cnt; i++)
		free(p->slabs[i]);
	free(p->slabs);
	*p = (struct pool){.size = p->size};
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
	slab = calloc(POOL_SLAB, p->size);
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
	return p->slab_cnt * POOL_SLAB * p->size + p->slab_cap * sizeof(*p->slabs);
}
