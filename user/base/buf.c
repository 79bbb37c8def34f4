// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BUF_MIN 256

struct span span_of(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

bool span_equals(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
}

/* Doubling, so that a long answer costs few copies. False: no memory, err is set. */
static bool buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : BUF_MIN;
	char *data;

	if (b->err)
		return false;
	if (more > SIZE_MAX / 2 - b->len) {
		b->err = -ENOMEM;
		return false;
	}
	while (cap < b->len + more)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->err = -ENOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

static inline bool buf_has_room(struct buf *b, size_t more)
{
	if (__builtin_expect(!b->err && b->cap - b->len >= more, 1))
		return true;
	return buf_grow(b, more);
}

char *buf_room(struct buf *b, size_t more)
{
	return buf_has_room(b, more) ? b->data + b->len : NULL;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || !buf_has_room(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_put_char_slow(struct buf *b, char c)
{
	if (buf_has_room(b, 1))
		b->data[b->len++] = c;
}

void buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_put_span(struct buf *b, struct span s)
{
	buf_put(b, s.data, s.len);
}

static const char two_digits[] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

void buf_put_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	char *p = digits + sizeof(digits);

	for (; v >= 100; v /= 100) {
		p -= 2;
		memcpy(p, two_digits + v % 100 * 2, 2);
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, two_digits + v * 2, 2);
	} else {
		*--p = '0' + v;
	}
	buf_put(b, p, digits + sizeof(digits) - p);
}

void buf_put_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_put_char(b, '-');
	buf_put_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_pad(struct buf *b, size_t cnt, char c)
{
	if (cnt == 0 || !buf_has_room(b, cnt))
		return;
	memset(b->data + b->len, c, cnt);
	b->len += cnt;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (!buf_has_room(b, 128))
		return;
	va_start(ap, fmt);
	len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= b->cap - b->len) {
		if (!buf_grow(b, (size_t)len + 1))
			return;
		va_start(ap, fmt);
		len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += len;
}

const char *buf_str(struct buf *b)
{
	if (b->cap - b->len < 1) {
		int err = b->err;

		/* the bytes collected before an error are still worth showing */
		if (err || !buf_grow(b, 1)) {
			if (b->cap == 0)
				return "";
			b->len = b->cap - 1;
		}
	}
	b->data[b->len] = '\0';
	return b->data;
}

struct cursor cursor_of(const void *data, size_t len)
{
	return (struct cursor){.p = data, .left = len};
}

const void *cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if (c->err || len > c->left) {
		c->err = -EBADMSG;
		return NULL;
	}
	c->p += len;
	c->left -= len;
	return p;
}

struct span cursor_span(struct cursor *c, size_t len)
{
	const void *p = cursor_take(c, len);

	return (struct span){p, p ? len : 0};
}
