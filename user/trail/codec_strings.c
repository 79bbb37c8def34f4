// SPDX-License-Identifier: GPL-2.0-only
#include "trail/codec_strings.h"

#include <stdlib.h>
#include <string.h>

#include "trail/codec_int.h"

#define BUCKETS   (2 * TRAIL_STRINGS_MAX)
#define BYTES_MAX (1u << 20) /* of all strings of a block that are kept for comparing */
#define KEEP_MAX  4096       /* a longer one is a literal: it hardly comes again */
/* A crowd in one place costs compression, not time: command lines are chosen by others. */
#define PROBES    16

struct entry {
	uint32_t hash;
	uint32_t offset;
	uint32_t len;
};

struct codec_strings {
	uint32_t cnt;
	uint32_t bytes;
	uint16_t buckets[BUCKETS]; /* number of the entry, from 1; 0: free */
	struct entry entries[TRAIL_STRINGS_MAX];
	char text[BYTES_MAX];
};

struct codec_strings *codec_strings_new(void)
{
	return calloc(1, sizeof(struct codec_strings));
}

void codec_strings_free(struct codec_strings *t)
{
	free(t);
}

void codec_strings_reset(struct codec_strings *t)
{
	t->cnt = 0;
	t->bytes = 0;
	memset(t->buckets, 0, sizeof(t->buckets));
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 32);
}

static uint32_t hash_of(struct span s)
{
	uint64_t h = s.len, word;
	const char *p = s.data;
	size_t left = s.len;

	for (; left > sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, p, left);
	return (uint32_t)mix(h, word);
}

/* The number to write; 1: a literal. *ret_new: it is met for the first time. */
static uint32_t number_of(struct codec_strings *t, struct span s, bool *ret_new)
{
	uint32_t hash = hash_of(s);

	for (unsigned probe = 0; probe < PROBES; probe++) {
		uint16_t *bucket = &t->buckets[(hash + probe) % BUCKETS];
		struct entry *e;

		if (*bucket) {
			e = &t->entries[*bucket - 1];
			if (e->hash == hash && e->len == s.len &&
			    memcmp(t->text + e->offset, s.data, s.len) == 0)
				return *bucket + 1;
			continue;
		}
		if (t->cnt == TRAIL_STRINGS_MAX || s.len > BYTES_MAX - t->bytes)
			return 1;
		t->entries[t->cnt++] = (struct entry){hash, t->bytes, (uint32_t)s.len};
		memcpy(t->text + t->bytes, s.data, s.len);
		t->bytes += s.len;
		*bucket = (uint16_t)t->cnt;
		*ret_new = true;
		return t->cnt + 1;
	}
	return 1;
}

uint8_t *codec_strings_put(struct codec_strings *t, uint8_t *p, struct span s)
{
	bool fresh = false;
	uint32_t number;

	if (s.len == 0) {
		*p++ = 0;
		return p;
	}
	number = s.len > KEEP_MAX ? 1 : number_of(t, s, &fresh);
	p = codec_put_varint(p, number);
	if (number > 1 && !fresh)
		return p;
	p = codec_put_varint(p, s.len);
	memcpy(p, s.data, s.len);
	return p + s.len;
}
