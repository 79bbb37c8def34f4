/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Byte strings kept once, counted by reference: a thousand workers share one argv. NULL is the
 * empty/unknown string everywhere, so that callers need no special case.
 */
#ifndef PROCTRAIL_BASE_INTERN_H
#define PROCTRAIL_BASE_INTERN_H

#include "base/buf.h"

struct intern_str {
	uint32_t refs;
	uint32_t hash;
	uint32_t len;
	uint32_t true_len; /* >= len; greater: the bytes were cut */
	struct intern_str *next;
	char data[]; /* NUL after len bytes */
};

struct intern {
	struct intern_str **buckets;
	size_t mask;
	size_t cnt;
	size_t bytes;  /* memory in use by strings */
	uint64_t seed; /* of the hash; set with the first string */
};

void intern_release(struct intern *in); /* every string, whoever still refers to it */
/* A reference to the string with these bytes and true length; NULL for len 0 or without memory. */
struct intern_str *intern_get(struct intern *in, struct span s, uint32_t true_len);
struct intern_str *intern_ref(struct intern_str *s);      /* accepts NULL */
void intern_put(struct intern *in, struct intern_str *s); /* gives a reference back; accepts NULL */
struct span intern_span(const struct intern_str *s);      /* empty for NULL */

#endif
