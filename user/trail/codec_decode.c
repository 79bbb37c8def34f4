// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payload -> records. Every length, number of a string and count of bits is compared with what is
 * there before it is used, and what is remembered has a fixed size.
 */
#include <endian.h>
#include <stdlib.h>

#include "trail/codec_int.h"

#define STRINGS_OF_TYPE 32 /* a type of a later version may have so many */
#define NOWHERE         SIZE_MAX

/* What the payload says of one process: places in the output, where the record stands already. */
struct slot {
	uint32_t tgid; /* 0: free */
	size_t hdr, usage;
};

struct trail_decoder {
	struct codec_plan plans[TRAIL_TYPES]; /* without a row: cannot be read */

	/* ---- since the block began ---- */
	struct buf *out;
	const uint8_t *p, *end;
	size_t prev, last[TRAIL_TYPES]; /* in 'out'; NOWHERE */
	uint32_t string_len[TRAIL_TYPES][CODEC_STRINGS_MAX];
	uint32_t lost[TRAIL_CPUS];
	struct slot slots[TRAIL_SLOTS];
	uint32_t string_cnt;
	struct span strings[TRAIL_STRINGS_MAX]; /* in the payload */
};

/* One record while it is made */
struct making {
	const struct codec_plan *plan;
	const char *last; /* of its type */
	uint64_t string_bits, num_bits;
	unsigned skip; /* numbers that this version does not know */
	size_t size;
	struct span strings[STRINGS_OF_TYPE];
};

static const uint64_t zeros[CODEC_FIXED_MAX / 8];

/* A type that we have no row for, or another one, is at least about some process at some time. */
static void prepare(struct trail_decoder *d, unsigned type, unsigned cnt, unsigned string_cnt)
{
	const struct codec_row *row = codec_row(type);

	if (cnt < string_cnt + CODEC_HDR_NUMS || string_cnt > STRINGS_OF_TYPE)
		return;
	if (!row || row->string_cnt != string_cnt)
		row = codec_row_header();
	codec_plan_init(&d->plans[type], row, cnt, string_cnt);
}

struct trail_decoder *trail_decoder_new(const struct trail_fields *fields)
{
	struct trail_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	for (unsigned type = 1; type < TRAIL_TYPES; type++)
		prepare(d, type, fields->cnt[type], fields->strings[type]);
	return d;
}

void trail_decoder_free(struct trail_decoder *d)
{
	free(d);
}

static void begin(struct trail_decoder *d, struct span payload, struct buf *out)
{
	d->out = out;
	d->p = (const uint8_t *)payload.data;
	d->end = d->p + payload.len;
	d->prev = NOWHERE;
	for (unsigned type = 0; type < TRAIL_TYPES; type++)
		d->last[type] = NOWHERE;
	memset(d->string_len, 0, sizeof(d->string_len));
	memset(d->lost, 0, sizeof(d->lost));
	memset(d->slots, 0, sizeof(d->slots));
	d->string_cnt = 0;
}

static const char *at(const struct trail_decoder *d, size_t offset)
{
	return offset == NOWHERE ? (const char *)zeros : d->out->data + offset;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static inline size_t left(const struct trail_decoder *d)
{
	return (size_t)(d->end - d->p);
}

static int get_varint_slow(struct trail_decoder *d, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && d->p < d->end; shift += 7) {
		uint8_t byte = *d->p++;

		if (shift == 63 && byte > 1)
			return -EBADMSG;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

/* The seven bits of each of eight bytes, pushed together: pairs, then fours, then all. */
static inline uint64_t join_sevens(uint64_t v)
{
	v = (v & 0x007f007f007f007f) | (v & 0x7f007f007f007f00) >> 1;
	v = (v & 0x00003fff00003fff) | (v & 0x3fff00003fff0000) >> 2;
	return (v & 0x0fffffff) | (v & 0x0fffffff00000000) >> 4;
}

/*
 * Lengths follow no pattern that a branch could learn: beyond one byte all bytes are looked at at
 * once. Longer ones than eight, and the payload's end, are rare.
 */
static inline int get_varint(struct trail_decoder *d, uint64_t *ret)
{
	uint64_t v, stops;

	if (left(d) < sizeof(v))
		return get_varint_slow(d, ret);
	memcpy(&v, d->p, sizeof(v));
	v = le64toh(v);
	stops = ~v & 0x8080808080808080;
	if (!stops)
		return get_varint_slow(d, ret);
	d->p += ((unsigned)__builtin_ctzll(stops) + 1) / 8;
	*ret = join_sevens(v & (stops ^ (stops - 1)));
	return 0;
}

static int get_bytes(struct trail_decoder *d, struct span *ret)
{
	uint64_t len;

	if (get_varint(d, &len) || len == 0 || len > left(d))
		return -EBADMSG;
	*ret = (struct span){(const char *)d->p, len};
	d->p += len;
	return 0;
}

static int get_string(struct trail_decoder *d, struct span *ret)
{
	uint64_t number;

	if (get_varint(d, &number))
		return -EBADMSG;
	if (number == 0) {
		*ret = (struct span){0};
		return 0;
	}
	if (number == 1)
		return get_bytes(d, ret);
	number -= 2;
	if (number > d->string_cnt || number == TRAIL_STRINGS_MAX)
		return -EBADMSG;
	if (number == d->string_cnt) {
		if (get_bytes(d, &d->strings[number]))
			return -EBADMSG;
		d->string_cnt++;
	}
	*ret = d->strings[number];
	return 0;
}

/* ---- one record ----------------------------------------------------------------------------- */

/* Those of a later version: only how many they are counts. */
static unsigned count_unknown(const struct trail_decoder *d, const struct making *m, uint64_t bits)
{
	unsigned cnt = (unsigned)__builtin_popcountll(bits);

	for (unsigned i = 8; i < m->plan->bitmap_bytes; i++)
		cnt += (unsigned)__builtin_popcount(d->p[i]);
	return cnt - (unsigned)__builtin_popcountll(m->string_bits) -
	       (unsigned)__builtin_popcountll(m->num_bits);
}

/* Which fields follow. */
static int get_bitmap(struct trail_decoder *d, struct making *m)
{
	const struct codec_plan *plan = m->plan;
	unsigned len = plan->bitmap_bytes, used = plan->field_cnt % 8;
	uint64_t bits = 0;

	if (len > left(d) || (used && d->p[len - 1] >> used))
		return -EBADMSG;
	if (left(d) >= sizeof(bits))
		memcpy(&bits, d->p, sizeof(bits));
	else
		memcpy(&bits, d->p, left(d));
	bits = le64toh(bits) & plan->bitmap_mask;
	m->string_bits = bits & ((1ULL << plan->string_cnt) - 1);
	m->num_bits = bits >> plan->string_cnt & (~0ULL >> (64 - plan->num_cnt));
	m->skip = 0;
	if (plan->field_cnt > plan->string_cnt + plan->num_cnt)
		m->skip = count_unknown(d, m, bits);
	d->p += len;
	return 0;
}

/* Takes the strings that follow, and knows from them how long the record will be. */
static int get_strings(struct trail_decoder *d, struct making *m)
{
	const struct codec_row *row = m->plan->row;

	m->size = row->size;
	for (uint64_t bits = m->string_bits; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		const struct codec_string *s;
		struct span *now = &m->strings[i];

		if (get_string(d, now))
			return -EBADMSG;
		if (i >= row->string_cnt)
			continue; /* of a type that we do not know */
		s = &row->strings[i];
		if (s->kind != STRING_TAIL) {
			if (now->len > s->cap || (s->kind == STRING_WHOLE && now->len != s->cap))
				return -EBADMSG;
			continue;
		}
		if (now->len > CODEC_SIZE_MAX || (s->len_width == 2 && now->len > UINT16_MAX))
			return -EBADMSG;
		m->size += now->len;
	}
	m->size = (m->size + 7) & ~(size_t)7;
	return m->size <= CODEC_SIZE_MAX ? 0 : -EBADMSG;
}

/* 'rec' is a copy of the last one: what is new in it. */
static void put_strings(struct trail_decoder *d, const struct making *m, unsigned type, char *rec)
{
	const struct codec_row *row = m->plan->row;
	char *tail = rec + row->size;

	if (!row->string_cnt)
		return;
	for (unsigned i = 0; i < row->string_cnt; i++) {
		const struct codec_string *s = &row->strings[i];
		bool has = m->string_bits >> i & 1;
		struct span now = has ? m->strings[i] : (struct span){0};

		if (s->kind == STRING_TAIL) {
			codec_store(rec, s->len_offset, s->len_width, now.len);
			if (now.len)
				memcpy(tail, now.data, now.len);
			tail += now.len;
		} else if (has) {
			if (now.len)
				memcpy(rec + s->offset, now.data, now.len);
			memset(rec + s->offset + now.len, 0, s->cap - now.len);
			d->string_len[type][i] = (uint32_t)now.len;
		}
	}
	if (tail < rec + m->size)
		memset(tail, 0, (size_t)(rec + m->size - tail));
}

static const struct slot *slot_find(const struct trail_decoder *d, uint32_t tgid)
{
	const struct slot *slot = &d->slots[codec_slot(tgid)];

	return tgid && slot->tgid == tgid ? slot : NULL;
}

/* Records are aligned to 8, and an earlier one does not overlap with this one. */
static void blend(uint64_t *restrict rec, const uint64_t *restrict from,
		  const uint64_t *restrict mask)
{
	for (unsigned i = 0; i < CODEC_PROC_WORDS / 2; i++)
		rec[i] ^= (rec[i] ^ from[i]) & mask[i];
}

/* What the last record about this process says, where the plan wants that. */
static void predict_proc(const struct trail_decoder *d, const struct codec_plan *plan, void *rec)
{
	const struct slot *slot = slot_find(d, ((struct rec_hdr *)rec)->tgid);

	if (!slot || !plan->proc_words)
		return;
	blend(rec, (const uint64_t *)at(d, slot->hdr), plan->proc);
	if (plan->proc_words == CODEC_PROC_WORDS && slot->usage != NOWHERE)
		blend((uint64_t *)rec + CODEC_PROC_WORDS / 2, (const uint64_t *)at(d, slot->usage),
		      plan->proc + CODEC_PROC_WORDS / 2);
}

static uint64_t length_of(const struct trail_decoder *d, const struct making *m, unsigned type,
			  unsigned string)
{
	if (m->plan->row->strings[string].kind != STRING_TAIL)
		return d->string_len[type][string];
	return m->string_bits >> string & 1 ? m->strings[string].len : 0;
}

/* Where its process began, as far as the block says; else as in the last record. */
static uint64_t start_of(const struct trail_decoder *d, uint32_t tgid, uint64_t last)
{
	const struct slot *slot = slot_find(d, tgid);

	return slot ? ((const struct rec_hdr *)at(d, slot->hdr))->start_ns : last;
}

/* codec_slide(), of a width that the compiler knows */
static inline void put_slide(char *rec, const char *last, const struct codec_special *special,
			     unsigned width, uint64_t step)
{
	codec_store(rec, special->offset, width,
		    codec_load(last, special->offset, width) +
			    codec_load(rec, special->ref, width) -
			    codec_load(last, special->ref, width) + step);
}

/* Another way to say the same as the cases of put_special(): what no type uses so far. */
static uint64_t predict_other(const struct trail_decoder *d, const struct making *m,
			      const struct codec_num *n, const char *rec)
{
	uint64_t last = codec_load(rec, n->offset, n->width);

	switch ((enum codec_coding)n->coding) {
	case CODING_PREV: return codec_load(at(d, d->prev), n->offset, n->width);
	case CODING_CPU: return d->lost[((const struct rec_hdr *)rec)->cpu % TRAIL_CPUS];
	case CODING_SLIDE: return codec_slide(n, rec, m->last);
	case CODING_START:
		return start_of(d, (uint32_t)codec_load(rec, n->ref, n->ref_width), last);
	case CODING_LEN:
	case CODING_LAST:
	case CODING_PROC: break;
	}
	return last;
}

static void put_special(const struct trail_decoder *d, const struct making *m, unsigned type,
			const struct codec_special *special, uint64_t step, char *rec)
{
	const struct codec_num *n;
	uint64_t v;

	switch ((enum codec_how)special->how) {
	case HOW_SLIDE_4: put_slide(rec, m->last, special, 4, step); return;
	case HOW_SLIDE_8: put_slide(rec, m->last, special, 8, step); return;
	case HOW_CPU:
		v = d->lost[((const struct rec_hdr *)rec)->cpu % TRAIL_CPUS];
		codec_store(rec, special->offset, 4, v + step);
		return;
	case HOW_START:
		v = start_of(d, (uint32_t)codec_load(rec, special->ref, 4),
			     codec_load(rec, special->offset, 8));
		codec_store(rec, special->offset, 8, v + step);
		return;
	case HOW_LEN:
	case HOW_OTHER: break;
	}
	n = &m->plan->row->nums[special->num];
	if (special->how == HOW_LEN)
		v = length_of(d, m, type, n->ref);
	else
		v = predict_other(d, m, n, rec);
	codec_store(rec, n->offset, n->width, v + step);
}

static int get_first_nums(struct trail_decoder *d, const struct making *m, struct rec_hdr *h)
{
	uint64_t step;

	h->boot_ns = ((const struct rec_hdr *)at(d, d->prev))->boot_ns;
	if (m->num_bits & 1) {
		if (get_varint(d, &step))
			return -EBADMSG;
		h->boot_ns += codec_unzigzag(step);
	}
	if (m->num_bits & 2) {
		if (get_varint(d, &step))
			return -EBADMSG;
		h->tgid += (uint32_t)codec_unzigzag(step);
	}
	return 0;
}

/*
 * First every step in the payload, where the number stands already; then those that are predicted
 * from the others: which they are is the type's, whatever the record says.
 */
static int get_other_nums(struct trail_decoder *d, const struct making *m, unsigned type, char *rec)
{
	const struct codec_plan *plan = m->plan;
	uint64_t steps[CODEC_FIELDS_MAX], step; /* only where there are bits */

	for (uint64_t bits = m->num_bits >> CODEC_FIRST_NUMS << CODEC_FIRST_NUMS; bits;
	     bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		const struct codec_num *n = &plan->row->nums[i];

		if (get_varint(d, &step))
			return -EBADMSG;
		steps[i] = codec_unzigzag(step);
		if (!(plan->special >> i & 1))
			codec_store(rec, n->offset, n->width,
				    codec_load(rec, n->offset, n->width) + steps[i]);
	}
	for (const struct codec_special *s = plan->specials; s < plan->specials + plan->special_cnt;
	     s++) {
		step = m->num_bits >> s->num & 1 ? steps[s->num] : 0;
		put_special(d, m, type, s, step, rec);
	}
	return 0;
}

static void remember(struct trail_decoder *d, const struct codec_row *row, size_t offset)
{
	const struct rec_hdr *h = (const struct rec_hdr *)at(d, offset);
	struct slot *slot = &d->slots[codec_slot(h->tgid)];

	d->prev = d->last[h->type] = offset;
	d->lost[h->cpu % TRAIL_CPUS] = h->lost;
	if (!h->tgid)
		return;
	if (row->usage)
		slot->usage = offset + sizeof(*h);
	else if (slot->tgid != h->tgid)
		slot->usage = NOWHERE;
	slot->tgid = h->tgid;
	slot->hdr = offset;
}

static int decode_fields(struct trail_decoder *d, unsigned type, size_t max_bytes)
{
	struct making m; /* its strings only where there are bits */
	struct rec_hdr *h;
	uint64_t ignored;
	char *rec;

	m.plan = &d->plans[type];
	if (!m.plan->row || get_bitmap(d, &m) || get_strings(d, &m))
		return -EBADMSG;
	if (m.size > max_bytes)
		return -EMSGSIZE;
	rec = buf_room(d->out, m.size);
	if (!rec)
		return -ENOMEM;
	m.last = at(d, d->last[type]);
	memcpy(rec, m.last, m.plan->row->size);
	put_strings(d, &m, type, rec);
	if (get_first_nums(d, &m, (struct rec_hdr *)rec))
		return -EBADMSG;
	predict_proc(d, m.plan, rec);
	if (get_other_nums(d, &m, type, rec))
		return -EBADMSG;
	while (m.skip--) {
		if (get_varint(d, &ignored))
			return -EBADMSG;
	}
	h = (struct rec_hdr *)rec;
	h->type = (uint16_t)type;
	h->size = (uint32_t)m.size;
	d->out->len += m.size;
	remember(d, m.plan->row, d->out->len - m.size);
	return 0;
}

static int decode_bytes(struct trail_decoder *d, unsigned type, size_t max_bytes)
{
	struct rec_hdr h;
	struct span rec;

	if (get_bytes(d, &rec) || rec.len < sizeof(h) || rec.len > CODEC_SIZE_MAX || rec.len % 8)
		return -EBADMSG;
	memcpy(&h, rec.data, sizeof(h));
	if (h.size != rec.len || h.type != type)
		return -EBADMSG;
	if (rec.len > max_bytes)
		return -EMSGSIZE;
	buf_put_span(d->out, rec);
	return d->out->err;
}

static int decode_record(struct trail_decoder *d, size_t max_bytes)
{
	unsigned type = *d->p++;

	if (type & TRAIL_AS_BYTES)
		return decode_bytes(d, type & ~TRAIL_AS_BYTES, max_bytes);
	return type < TRAIL_TYPES ? decode_fields(d, type, max_bytes) : -EBADMSG;
}

int trail_decode(struct trail_decoder *d, struct span payload, size_t max_bytes, struct buf *out,
		 uint32_t *ret_records)
{
	size_t before = out->len;
	uint32_t records = 0;
	int err = 0;

	begin(d, payload, out);
	while (d->p < d->end && !err) {
		err = decode_record(d, max_bytes - (out->len - before));
		records += !err;
	}
	*ret_records = records;
	return err;
}
