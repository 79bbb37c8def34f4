// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/intern.h"

#define INTERN_MIN 64

/*
 * Keyed by 16 bytes the kernel gave this process: whoever chooses command lines cannot choose that
 * they all fall into one bucket. The order of buckets is never visible, so replay stays equal.
 */
static uint64_t intern_seed(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t seed = 0;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed | 1;
}

static uint64_t intern_mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t intern_hash(const struct intern *in, struct span s, uint32_t true_len)
{
	uint64_t h = in->seed ^ ((uint64_t)s.len << 32) ^ true_len;
	const char *p = s.data;
	size_t left = s.len;
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = intern_mix(h ^ word, in->seed ^ 0xa0761d6478bd642fULL);
	}
	word = 0;
	memcpy(&word, p, left);
	h = intern_mix(h ^ word, in->seed ^ 0xe7037ed1a0b428dbULL);
	return h ^ (h >> 32);
}

static size_t intern_str_size(const struct intern_str *s)
{
	return sizeof(*s) + s->len + 1;
}

void intern_release(struct intern *in)
{
	if (in->buckets) {
		for (size_t i = 0; i <= in->mask; i++) {
			for (struct intern_str *s = in->buckets[i], *next; s; s = next) {
				next = s->next;
				free(s);
			}
		}
	}
	free(in->buckets);
	*in = (struct intern){0};
}

/* Growing is a wish: without memory the chains get longer, nothing else. */
static void intern_grow(struct intern *in)
{
	size_t cap = in->buckets ? (in->mask + 1) * 2 : INTERN_MIN;
	struct intern_str **buckets = calloc(cap, sizeof(struct intern_str *));

	if (!buckets)
		return;
	if (!in->buckets)
		in->seed = intern_seed();
	for (size_t i = 0; in->buckets && i <= in->mask; i++) {
		for (struct intern_str *s = in->buckets[i], *next; s; s = next) {
			next = s->next;
			s->next = buckets[s->hash & (cap - 1)];
			buckets[s->hash & (cap - 1)] = s;
		}
	}
	free(in->buckets);
	in->buckets = buckets;
	in->mask = cap - 1;
}

struct intern_str *intern_get(struct intern *in, struct span s, uint32_t true_len)
{
	struct intern_str *str;
	uint32_t hash;

	if (s.len == 0 || s.len > UINT32_MAX / 2)
		return NULL;
	if (true_len < s.len)
		true_len = s.len;
	if (!in->buckets || in->cnt > in->mask)
		intern_grow(in);
	if (!in->buckets)
		return NULL;

	hash = intern_hash(in, s, true_len);
	for (str = in->buckets[hash & in->mask]; str; str = str->next) {
		if (str->hash == hash && str->len == s.len && str->true_len == true_len &&
		    memcmp(str->data, s.data, s.len) == 0)
			return intern_ref(str);
	}
	str = malloc(sizeof(*str) + s.len + 1);
	if (!str)
		return NULL;
	*str = (struct intern_str){
		.refs = 1,
		.hash = hash,
		.len = s.len,
		.true_len = true_len,
		.next = in->buckets[hash & in->mask],
	};
	memcpy(str->data, s.data, s.len);
	str->data[s.len] = '\0';
	in->buckets[hash & in->mask] = str;
	in->cnt++;
	in->bytes += intern_str_size(str);
	return str;
}

/* A count that reached its end stays there: the string then lives till intern_release(). */
struct intern_str *intern_ref(struct intern_str *s)
{
	if (s && s->refs != UINT32_MAX)
		s->refs++;
	return s;
}

void intern_put(struct intern *in, struct intern_str *s)
{
	struct intern_str **link;

	if (!s || s->refs == UINT32_MAX || --s->refs)
		return;
	link = &in->buckets[s->hash & in->mask];
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	in->cnt--;
	in->bytes -= intern_str_size(s);
	free(s);
}

struct span intern_span(const struct intern_str *s)
{
	return s ? (struct span){s->data, s->len} : (struct span){0};
}
