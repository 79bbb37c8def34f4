// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <stdlib.h>

#include "trail/codec_int.h"
#include "trail/codec_strings.h"

#define FIXED_WORDS (CODEC_FIXED_MAX / 8)

/* The last record of a type, as far as numbers go, and its strings. */
struct last {
	uint64_t words[FIXED_WORDS];
	uint32_t string_len[CODEC_STRINGS_MAX];
};

struct trail_encoder {
	struct codec_strings *strings;
	struct codec_plan plans[TRAIL_TYPES];
	/* Bit n of word w: number n lies in the w-th word of the record. */
	uint64_t word_nums[TRAIL_TYPES][FIXED_WORDS];
	uint8_t words[TRAIL_TYPES]; /* up to the last number */

	/* ---- since the block began ---- */
	struct last last[TRAIL_TYPES];
	struct rec_hdr prev;
	uint32_t lost[TRAIL_CPUS];
	uint32_t slot_tgid[TRAIL_SLOTS]; /* 0: free */
	bool slot_usage[TRAIL_SLOTS];
	uint64_t slots[TRAIL_SLOTS][CODEC_PROC_WORDS]; /* header, usage */
};

static void prepare(struct trail_encoder *e, unsigned type)
{
	const struct codec_row *row = codec_row(type);

	if (!row)
		return;
	codec_plan_init(&e->plans[type], row, row->num_cnt + row->string_cnt, row->string_cnt);
	for (unsigned i = 0; i < row->num_cnt; i++) {
		unsigned word = row->nums[i].offset / 8;

		e->word_nums[type][word] |= 1ULL << i;
		if (word >= e->words[type])
			e->words[type] = (uint8_t)(word + 1);
	}
}

struct trail_encoder *trail_encoder_new(void)
{
	struct trail_encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->strings = codec_strings_new();
	if (!e->strings) {
		free(e);
		return NULL;
	}
	for (unsigned type = 0; type < TRAIL_TYPES; type++)
		prepare(e, type);
	return e;
}

void trail_encoder_free(struct trail_encoder *e)
{
	if (e)
		codec_strings_free(e->strings);
	free(e);
}

void trail_encoder_begin(struct trail_encoder *e)
{
	codec_strings_reset(e->strings);
	memset(e->last, 0, sizeof(e->last));
	memset(&e->prev, 0, sizeof(e->prev));
	memset(e->lost, 0, sizeof(e->lost));
	memset(e->slot_tgid, 0, sizeof(e->slot_tgid));
}

/* ---- prediction ----------------------------------------------------------------------------- */

static bool slot_has(const struct trail_encoder *e, uint32_t tgid)
{
	return tgid && e->slot_tgid[codec_slot(tgid)] == tgid;
}

/* What the last record about this process says, where the plan wants that. */
static void predict_proc(const struct trail_encoder *e, const struct codec_plan *plan,
			 uint32_t tgid, uint64_t *pred)
{
	unsigned slot = codec_slot(tgid), words = plan->proc_words;

	if (!words || !slot_has(e, tgid))
		return;
	if (!e->slot_usage[slot])
		words = CODEC_PROC_WORDS / 2;
	for (unsigned i = 0; i < words; i++)
		pred[i] = (pred[i] & ~plan->proc[i]) | (e->slots[slot][i] & plan->proc[i]);
}

static uint64_t predict_num(const struct trail_encoder *e, const struct codec_num *n,
			    const struct rec_hdr *h, const struct span *strings)
{
	const struct last *last = &e->last[h->type];
	uint32_t tgid;

	switch ((enum codec_coding)n->coding) {
	case CODING_PREV: return codec_load(&e->prev, n->offset, n->width);
	case CODING_CPU: return e->lost[h->cpu % TRAIL_CPUS];
	case CODING_SLIDE: return codec_slide(n, h, last->words);
	case CODING_LEN: return strings[n->ref].len;
	case CODING_START:
		tgid = (uint32_t)codec_load(h, n->ref, n->ref_width);
		if (slot_has(e, tgid))
			return ((const struct rec_hdr *)e->slots[codec_slot(tgid)])->start_ns;
		break;
	case CODING_LAST:
	case CODING_PROC: break;
	}
	return codec_load(last->words, n->offset, n->width);
}

static void predict(const struct trail_encoder *e, const struct codec_plan *plan,
		    const struct rec_hdr *h, const struct span *strings, uint64_t *pred)
{
	memcpy(pred, e->last[h->type].words, e->words[h->type] * sizeof(*pred));
	predict_proc(e, plan, h->tgid, pred);
	for (uint64_t left = plan->special; left; left &= left - 1) {
		const struct codec_num *n = &plan->row->nums[__builtin_ctzll(left)];

		codec_store(pred, n->offset, n->width, predict_num(e, n, h, strings));
	}
}

/* ---- one record ----------------------------------------------------------------------------- */

/* Finds the strings of a record. -EBADMSG: it is too short for what it says that it has. */
static int strings_of(const struct codec_row *row, const struct rec_hdr *h, struct span *ret)
{
	const char *tail = (const char *)h + row->size;
	size_t left = h->size - row->size;

	for (unsigned i = 0; i < row->string_cnt; i++) {
		const struct codec_string *s = &row->strings[i];
		size_t len = codec_string_len(s, h);

		if (s->kind != STRING_TAIL) {
			ret[i] = (struct span){(const char *)h + s->offset, len};
			continue;
		}
		if (len > left)
			return -EBADMSG;
		ret[i] = (struct span){tail, len};
		tail += len;
		left -= len;
	}
	return 0;
}

/* A string that differs from that of the last record of its type; a tail is compared with "". */
static bool string_differs(const struct codec_string *s, const struct last *last, unsigned i,
			   struct span now)
{
	const char *then = (const char *)last->words + s->offset;

	if (s->kind == STRING_TAIL)
		return now.len != 0;
	return now.len != last->string_len[i] || memcmp(now.data, then, now.len) != 0;
}

static uint8_t *put_strings(struct trail_encoder *e, const struct codec_row *row, struct last *last,
			    const struct span *strings, uint8_t *p, uint64_t *ret_bits)
{
	for (unsigned i = 0; i < row->string_cnt; i++) {
		const struct codec_string *s = &row->strings[i];

		if (!string_differs(s, last, i, strings[i]))
			continue;
		*ret_bits |= 1ULL << i;
		p = codec_strings_put(e->strings, p, strings[i]);
		if (s->kind == STRING_TAIL)
			continue;
		memcpy((char *)last->words + s->offset, strings[i].data, strings[i].len);
		last->string_len[i] = (uint32_t)strings[i].len;
	}
	return p;
}

static uint64_t sign_extend(uint64_t v, unsigned width)
{
	unsigned shift = 64 - 8 * width;

	return (uint64_t)((int64_t)(v << shift) >> shift);
}

static uint8_t *put_nums(const struct trail_encoder *e, const struct codec_row *row,
			 const struct rec_hdr *h, const uint64_t *pred, uint8_t *p,
			 uint64_t *ret_bits)
{
	const uint64_t *now = (const uint64_t *)h;
	uint64_t maybe = 0, bits = 0;

	for (unsigned i = 0; i < e->words[h->type]; i++)
		maybe |= now[i] != pred[i] ? e->word_nums[h->type][i] : 0;
	for (; maybe; maybe &= maybe - 1) {
		unsigned i = (unsigned)__builtin_ctzll(maybe);
		const struct codec_num *n = &row->nums[i];
		uint64_t step =
			codec_load(h, n->offset, n->width) - codec_load(pred, n->offset, n->width);

		step = sign_extend(step, n->width);
		if (!step)
			continue;
		bits |= 1ULL << i;
		p = codec_put_varint(p, codec_zigzag((int64_t)step));
	}
	*ret_bits |= bits << row->string_cnt;
	return p;
}

static void remember(struct trail_encoder *e, const struct codec_row *row, const struct rec_hdr *h)
{
	unsigned slot = codec_slot(h->tgid);

	memcpy(e->last[h->type].words, h, e->words[h->type] * 8u);
	e->prev = *h;
	e->lost[h->cpu % TRAIL_CPUS] = h->lost;
	if (!h->tgid)
		return;
	e->slot_usage[slot] = row->usage || (e->slot_usage[slot] && slot_has(e, h->tgid));
	e->slot_tgid[slot] = h->tgid;
	memcpy(e->slots[slot], h, row->usage ? sizeof(e->slots[slot]) : sizeof(*h));
}

static int encode_bytes(const struct rec_hdr *h, struct buf *out)
{
	uint8_t *begin = (uint8_t *)buf_room(out, 1 + CODEC_VARINT_MAX + h->size), *p = begin;

	if (!p)
		return -ENOMEM;
	*p++ = (uint8_t)(h->type | TRAIL_AS_BYTES);
	p = codec_put_varint(p, h->size);
	memcpy(p, h, h->size);
	out->len += (size_t)(p + h->size - begin);
	return 0;
}

static int encode_fields(struct trail_encoder *e, const struct codec_plan *plan,
			 const struct rec_hdr *h, struct buf *out)
{
	const struct codec_row *row = plan->row;
	struct span strings[CODEC_STRINGS_MAX];
	uint64_t pred[FIXED_WORDS], bits = 0;
	size_t room = 1 + 8 + CODEC_FIELDS_MAX * CODEC_VARINT_MAX;
	uint8_t *begin, *p;
	int err;

	err = strings_of(row, h, strings);
	if (err)
		return err;
	for (unsigned i = 0; i < row->string_cnt; i++)
		room += codec_strings_room(strings[i].len);
	begin = p = (uint8_t *)buf_room(out, room);
	if (!p)
		return -ENOMEM;

	predict(e, plan, h, strings, pred);
	*p++ = (uint8_t)h->type;
	p += plan->bitmap_bytes;
	p = put_strings(e, row, &e->last[h->type], strings, p, &bits);
	p = put_nums(e, row, h, pred, p, &bits);
	bits = htole64(bits);
	memcpy(begin + 1, &bits, plan->bitmap_bytes);
	out->len += (size_t)(p - begin);
	remember(e, row, h);
	return 0;
}

int trail_encode(struct trail_encoder *e, const struct rec_hdr *h, struct buf *out)
{
	const struct codec_plan *plan;

	if (h->size < sizeof(*h) || h->size > CODEC_SIZE_MAX || h->size % 8 != 0)
		return -EBADMSG;
	if (h->type == 0 || h->type >= TRAIL_TYPES)
		return -EBADMSG;
	plan = &e->plans[h->type];
	/* one that is shorter than its fixed part comes back as short as it was */
	if (!plan->row || h->size < plan->row->size)
		return encode_bytes(h, out);
	return encode_fields(e, plan, h, out);
}
