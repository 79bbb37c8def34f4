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

static const char zeros[CODEC_FIXED_MAX];

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
	return offset == NOWHERE ? zeros : d->out->data + offset;
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

static inline int get_varint(struct trail_decoder *d, uint64_t *ret)
{
	if (d->p < d->end && *d->p < 0x80) {
		*ret = *d->p++;
		return 0;
	}
	return get_varint_slow(d, ret);
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

/* Which fields follow. */
static int get_bitmap(struct trail_decoder *d, struct making *m)
{
	const struct codec_plan *plan = m->plan;
	unsigned len = plan->bitmap_bytes, used = plan->field_cnt % 8, cnt;
	uint64_t bits = 0;

	if (len > left(d) || (used && d->p[len - 1] >> used))
		return -EBADMSG;
	memcpy(&bits, d->p, len < 8 ? len : 8);
	bits = le64toh(bits);
	cnt = (unsigned)__builtin_popcountll(bits);
	for (unsigned i = 8; i < len; i++)
		cnt += (unsigned)__builtin_popcount(d->p[i]);
	d->p += len;

	m->string_bits = bits & ((1ULL << plan->string_cnt) - 1);
	m->num_bits = bits >> plan->string_cnt & (~0ULL >> (64 - plan->num_cnt));
	m->skip = cnt - (unsigned)__builtin_popcountll(m->string_bits) -
		  (unsigned)__builtin_popcountll(m->num_bits);
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
	memset(tail, 0, (size_t)(rec + m->size - tail));
}

static const struct slot *slot_find(const struct trail_decoder *d, uint32_t tgid)
{
	const struct slot *slot = &d->slots[codec_slot(tgid)];

	return tgid && slot->tgid == tgid ? slot : NULL;
}

static void blend(uint64_t *rec, const char *from, const uint64_t *mask)
{
	uint64_t word;

	for (unsigned i = 0; i < CODEC_PROC_WORDS / 2; i++) {
		memcpy(&word, from + i * sizeof(word), sizeof(word));
		rec[i] = (rec[i] & ~mask[i]) | (word & mask[i]);
	}
}

/* What the last record about this process says, where the plan wants that. */
static void predict_proc(const struct trail_decoder *d, const struct codec_plan *plan, void *rec)
{
	const struct slot *slot = slot_find(d, ((struct rec_hdr *)rec)->tgid);

	if (!slot || !plan->proc_words)
		return;
	blend(rec, at(d, slot->hdr), plan->proc);
	if (plan->proc_words == CODEC_PROC_WORDS && slot->usage != NOWHERE)
		blend((uint64_t *)rec + CODEC_PROC_WORDS / 2, at(d, slot->usage),
		      plan->proc + CODEC_PROC_WORDS / 2);
}

static uint64_t predict_num(const struct trail_decoder *d, const struct making *m,
			    const struct codec_num *n, unsigned type, const char *rec)
{
	const struct slot *slot;

	switch ((enum codec_coding)n->coding) {
	case CODING_PREV: return codec_load(at(d, d->prev), n->offset, n->width);
	case CODING_CPU: return d->lost[((const struct rec_hdr *)rec)->cpu % TRAIL_CPUS];
	case CODING_SLIDE: return codec_slide(n, rec, m->last);
	case CODING_LEN:
		if (m->plan->row->strings[n->ref].kind != STRING_TAIL)
			return d->string_len[type][n->ref];
		return m->string_bits >> n->ref & 1 ? m->strings[n->ref].len : 0;
	case CODING_START:
		slot = slot_find(d, (uint32_t)codec_load(rec, n->ref, n->ref_width));
		if (slot)
			return ((const struct rec_hdr *)at(d, slot->hdr))->start_ns;
		break;
	case CODING_LAST:
	case CODING_PROC: break;
	}
	return codec_load(rec, n->offset, n->width);
}

/* The numbers of 'want', in order: those with a bit have a step in the payload. */
static int get_nums(struct trail_decoder *d, const struct making *m, uint64_t want, unsigned type,
		    char *rec)
{
	const struct codec_plan *plan = m->plan;

	for (want &= m->num_bits | plan->special; want; want &= want - 1) {
		uint64_t bit = want & -want, v, step;
		const struct codec_num *n = &plan->row->nums[__builtin_ctzll(want)];

		if (bit & plan->special)
			v = predict_num(d, m, n, type, rec);
		else
			v = codec_load(rec, n->offset, n->width);
		if (bit & m->num_bits) {
			if (get_varint(d, &step))
				return -EBADMSG;
			v += codec_unzigzag(step);
		}
		codec_store(rec, n->offset, n->width, v);
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

#define NUMS_FIRST 0x3ULL /* boot_ns and tgid: the process must be known for the others */

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
	if (get_nums(d, &m, NUMS_FIRST, type, rec))
		return -EBADMSG;
	predict_proc(d, m.plan, rec);
	if (get_nums(d, &m, ~NUMS_FIRST, type, rec))
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
