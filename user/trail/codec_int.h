/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two directions of the codec share: the field tables, and how a field is predicted. Both
 * sides must predict the same from the records before; TRAIL.md says it in words.
 */
#ifndef PROCTRAIL_TRAIL_CODEC_INT_H
#define PROCTRAIL_TRAIL_CODEC_INT_H

#include <errno.h>
#include <string.h>

#include "trail/codec.h"

#define CODEC_HDR_NUMS    12           /* numbers of the header, which every type has first */
#define CODEC_FIRST_NUMS  2            /* of them boot_ns and tgid: they find the process */
#define CODEC_FIELDS_MAX  64           /* of one type, strings included: bits of a word */
#define CODEC_STRINGS_MAX 6            /* strings of one type */
#define CODEC_FIXED_MAX   768          /* largest fixed part: rec_exec */
#define CODEC_SIZE_MAX    (128 * 1024) /* of one record; event_decode() takes no more */
#define CODEC_VARINT_MAX  10

/* What a number is expected to be. "Before" is always: in this block. */
enum codec_coding {
	CODING_PREV,  /* the same field of the record before, whatever its type */
	CODING_LAST,  /* ... of the last record of this type */
	CODING_PROC,  /* ... of the last record about the same tgid; without one as LAST */
	CODING_CPU,   /* ... of the last record of the same CPU */
	CODING_SLIDE, /* as LAST, plus how far 'ref' has moved since: both move together */
	CODING_START, /* start_ns of the last record about the tgid 'ref'; without one as LAST */
	CODING_LEN,   /* the length of the string number 'ref' */
};

struct codec_num {
	const char *name;
	const char *ref_name;
	uint16_t offset; /* in the record */
	uint16_t ref;    /* offset of an earlier field, or number of a string */
	uint8_t width;   /* bytes: 1, 2, 4, 8 */
	uint8_t ref_width;
	uint8_t coding; /* enum codec_coding */
};

enum codec_string_kind {
	STRING_TEXT,  /* a fixed array, up to its NUL */
	STRING_WHOLE, /* a fixed array, all of it */
	STRING_BYTES, /* a fixed array of which another field says how much is used */
	STRING_TAIL,  /* behind the fixed part; its length field is made from it, and not coded */
};

struct codec_string {
	const char *name;
	uint16_t offset, cap;
	uint16_t len_offset;
	uint8_t len_width;
	uint8_t kind; /* enum codec_string_kind */
};

/* One type of record. The bits of its bitmap: strings first, then numbers, in this order. */
struct codec_row {
	const struct codec_num *nums;
	const struct codec_string *strings;
	uint16_t size; /* of the fixed part */
	uint8_t num_cnt, string_cnt;
	bool usage; /* has rec_usage behind the header: remembered by process */
};

/* NULL: coded as bytes. */
const struct codec_row *codec_row(unsigned type);
/* Only the header: what a reader does with a type that it does not know. */
const struct codec_row *codec_row_header(void);
const char *codec_coding_name(enum codec_coding coding);

/* The header and rec_usage: what is remembered of a process. */
#define CODEC_PROC_WORDS  16
#define CODEC_USAGE_WORDS 8
_Static_assert(sizeof(struct rec_hdr) == 64 && sizeof(struct rec_usage) == 64, "16 words");

/* How a number that is predicted by itself is, with its width where that saves a look. */
enum codec_how {
	HOW_CPU, /* of 4 bytes */
	HOW_SLIDE_4,
	HOW_SLIDE_8,
	HOW_START, /* of 8 bytes, by a tgid */
	HOW_LEN,
	HOW_OTHER,
};

struct codec_special {
	uint16_t offset, ref; /* of codec_num */
	uint8_t num;
	uint8_t how; /* enum codec_how */
};

/* A row, prepared: what does not depend on the record. */
struct codec_plan {
	const struct codec_row *row;
	uint64_t special;     /* bit n: number n is predicted by itself, not by copying */
	uint8_t num_cnt;      /* numbers that both the row and the file have */
	uint8_t string_cnt;   /* of the file; those of a row that is not known are passed over */
	uint8_t field_cnt;    /* of the file: may be more, or fewer, than the row has */
	uint8_t bitmap_bytes; /* for them */
	uint8_t proc_words;   /* words of 'proc' to look at: 0, 8 or 16 */
	uint8_t special_cnt;
	struct codec_special specials[CODEC_FIELDS_MAX]; /* of 'special', CODEC_FIRST_NUMS left out */
	uint64_t bitmap_mask;            /* of the first 8 bytes of the bitmap: its own bits */
	uint64_t proc[CODEC_PROC_WORDS]; /* ones where a field is predicted by process */
};

/* cnt, string_cnt: of the file; it has the numbers of the header at least. */
void codec_plan_init(struct codec_plan *p, const struct codec_row *row, unsigned cnt,
		     unsigned string_cnt);

static inline unsigned codec_slot(uint32_t tgid)
{
	return tgid % TRAIL_SLOTS;
}

static inline uint64_t codec_load(const void *rec, unsigned offset, unsigned width)
{
	const char *p = (const char *)rec + offset;
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (width) {
	case 8: memcpy(&v8, p, 8); return v8;
	case 4: memcpy(&v4, p, 4); return v4;
	case 2: memcpy(&v2, p, 2); return v2;
	default: return *(const uint8_t *)p;
	}
}

static inline void codec_store(void *rec, unsigned offset, unsigned width, uint64_t v)
{
	char *p = (char *)rec + offset;
	uint32_t v4 = (uint32_t)v;
	uint16_t v2 = (uint16_t)v;

	switch (width) {
	case 8: memcpy(p, &v, 8); break;
	case 4: memcpy(p, &v4, 4); break;
	case 2: memcpy(p, &v2, 2); break;
	default: *p = (char)v;
	}
}

/* How many bytes of a fixed array are meant. */
static inline size_t codec_string_len(const struct codec_string *s, const void *rec)
{
	const char *p = (const char *)rec + s->offset;
	size_t len = s->cap;

	switch ((enum codec_string_kind)s->kind) {
	case STRING_TEXT: return strnlen(p, s->cap);
	case STRING_WHOLE: return len;
	case STRING_BYTES:
	case STRING_TAIL: break;
	}
	len = codec_load(rec, s->len_offset, s->len_width);
	return s->kind == STRING_BYTES && len > s->cap ? s->cap : len;
}

/* Small steps in either direction become small numbers. */
static inline uint64_t codec_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline uint64_t codec_unzigzag(uint64_t v)
{
	return (v >> 1) ^ -(v & 1);
}

/* LEB128: seven bits a byte, the lowest first, the top bit says that more follow. */
static inline uint8_t *codec_put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Where the last record of this type leaves 'n', moved as far as what it goes with. */
static inline uint64_t codec_slide(const struct codec_num *n, const void *rec, const void *last)
{
	return codec_load(last, n->offset, n->width) + codec_load(rec, n->ref, n->ref_width) -
	       codec_load(last, n->ref, n->ref_width);
}

#endif
