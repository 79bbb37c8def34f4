/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A growable byte buffer with a sticky error, and a cursor for reading untrusted bytes with one.
 * Callers append or read without looking and check 'err' once, at the end.
 */
#ifndef PROCTRAIL_BASE_BUF_H
#define PROCTRAIL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of somebody else's memory; not NUL-terminated. data may be NULL when len is 0. */
struct span {
	const char *data;
	size_t len;
};

#define SPAN_LITERAL(s) ((struct span){s, sizeof(s) - 1})

struct span span_of(const char *s); /* s may be NULL */
bool span_equals(struct span a, struct span b);

struct buf {
	char *data;
	size_t len;
	size_t cap;
	int err; /* 0, or -ENOMEM since the first failure; appends are then ignored */
};

void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* len = 0, memory and err kept */
/* For hot paths: room for 'more' bytes at the end, NULL when there is no memory. The caller writes
 * there and adds what it wrote to len. */
char *buf_room(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_char_slow(struct buf *b, char c); /* buf_put_char where there is no room yet */
void buf_put_str(struct buf *b, const char *s);
void buf_put_span(struct buf *b, struct span s);
void buf_put_u64(struct buf *b, uint64_t v); /* decimal */
void buf_put_i64(struct buf *b, int64_t v);
void buf_pad(struct buf *b, size_t cnt, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_str(struct buf *b); /* NUL-ended view, valid till the next append; never NULL */

static inline void buf_put_char(struct buf *b, char c)
{
	if (b->len < b->cap && !b->err)
		b->data[b->len++] = c;
	else
		buf_put_char_slow(b, c);
}

struct cursor {
	const uint8_t *p;
	size_t left;
	int err; /* 0, or -EBADMSG since the first read past the end */
};

struct cursor cursor_of(const void *data, size_t len);
/* Returns NULL and sets err when fewer than len bytes are left. */
const void *cursor_take(struct cursor *c, size_t len);
struct span cursor_span(struct cursor *c, size_t len);

#endif
