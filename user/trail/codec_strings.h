/* SPDX-License-Identifier: GPL-2.0-only */
/* The strings that a block has had so far, and their numbers: the writing side. */
#ifndef PROCTRAIL_TRAIL_CODEC_STRINGS_H
#define PROCTRAIL_TRAIL_CODEC_STRINGS_H

#include "base/buf.h"

struct codec_strings;

struct codec_strings *codec_strings_new(void); /* NULL without memory */
void codec_strings_free(struct codec_strings *t);
void codec_strings_reset(struct codec_strings *t);

/* Room that codec_strings_put() may need for a string. */
static inline size_t codec_strings_room(size_t len)
{
	return len + 2 * 5;
}

/* Writes the string as it is coded at this place; returns the end. */
uint8_t *codec_strings_put(struct codec_strings *t, uint8_t *p, struct span s);

#endif
