// SPDX-License-Identifier: GPL-2.0-only
/* Records through the codec and back, and the field tables against TRAIL.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "model/event.h"
#include "trail/codec_int.h"

#define ROUNDS    2000
#define DECODED   (4u << 20)
#define TAIL_ROOM 512

static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Small, near the last one, or anything at all. */
static uint64_t odd_number(void)
{
	switch (rnd() % 4) {
	case 0: return 0;
	case 1: return rnd() % 100;
	case 2: return rnd() % 1000000000;
	default: return rnd();
	}
}

/* A record of this type as the codec promises to keep it: padding and unused bytes are zero. */
static void make(const struct codec_row *row, unsigned type, char *rec)
{
	struct rec_hdr *h = (struct rec_hdr *)rec;
	size_t size = row->size;

	memset(rec, 0, CODEC_FIXED_MAX + CODEC_STRINGS_MAX * TAIL_ROOM);
	for (unsigned i = 0; i < row->num_cnt; i++)
		codec_store(rec, row->nums[i].offset, row->nums[i].width, odd_number());
	h->type = (uint16_t)type;
	h->tgid = (uint32_t)(rnd() % 3000);
	for (unsigned i = 0; i < row->string_cnt; i++) {
		const struct codec_string *s = &row->strings[i];
		size_t cap = s->kind == STRING_TAIL ? TAIL_ROOM - 8 : s->cap;
		size_t len = s->kind == STRING_WHOLE ? cap : rnd() % (cap + 1);
		char *at = s->kind == STRING_TAIL ? rec + size : rec + s->offset;

		for (size_t k = 0; k < len; k++)
			at[k] = (char)('a' + (rnd() % 3 ? 0 : rnd() % 26));
		if (s->kind == STRING_TAIL || s->kind == STRING_BYTES)
			codec_store(rec, s->len_offset, s->len_width, len);
		if (s->kind == STRING_TAIL)
			size += len;
	}
	h->size = (uint32_t)((size + 7) & ~(size_t)7);
}

static void every_type_comes_back(void **state)
{
	struct trail_fields fields = trail_fields_now();
	struct trail_encoder *e = trail_encoder_new();
	struct trail_decoder *d = trail_decoder_new(&fields);
	struct buf raw = {0}, before = {0}, after = {0};
	uint32_t records, made = 0;
	char *rec = malloc(CODEC_FIXED_MAX + CODEC_STRINGS_MAX * TAIL_ROOM);

	(void)state;
	assert_non_null(rec);
	for (unsigned k = 0; k < ROUNDS; k++) {
		unsigned type = (unsigned)(rnd() % TRAIL_TYPES);

		if (!codec_row(type))
			continue;
		if (raw.len == 0)
			trail_encoder_begin(e);
		make(codec_row(type), type, rec);
		buf_put(&before, rec, ((struct rec_hdr *)rec)->size);
		assert_int_equal(trail_encode(e, (struct rec_hdr *)rec, &raw), 0);
		made++;
		if (raw.len < 60000)
			continue;
		assert_int_equal(trail_decode(d, (struct span){raw.data, raw.len}, DECODED, &after,
					      &records),
				 0);
		assert_int_equal(records, made);
		assert_int_equal(after.len, before.len);
		assert_memory_equal(after.data, before.data, after.len);
		buf_reset(&raw);
		buf_reset(&before);
		buf_reset(&after);
		made = 0;
	}
	free(rec);
	buf_release(&raw);
	buf_release(&before);
	buf_release(&after);
	trail_encoder_free(e);
	trail_decoder_free(d);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct trail_encoder *e = trail_encoder_new();
	struct rec_fact_proc r = {.h = {.type = REC_FACT_PROC, .size = sizeof(r)}, .exe_len = 1};
	struct buf raw = {0};

	(void)state;
	trail_encoder_begin(e);
	assert_int_equal(trail_encode(e, &r.h, &raw), -EBADMSG);
	r.exe_len = 0;
	r.h.size = sizeof(r) - 4;
	assert_int_equal(trail_encode(e, &r.h, &raw), -EBADMSG);
	r.h.size = 8;
	assert_int_equal(trail_encode(e, &r.h, &raw), -EBADMSG);
	assert_int_equal(raw.len, 0);
	buf_release(&raw);
	trail_encoder_free(e);
}

/* The row of TRAIL.md's table for this type, as the code has it. */
static void put_row(struct buf *b, unsigned type, const struct codec_row *row)
{
	static const char *const kinds[] = {
		[STRING_TEXT] = "text",
		[STRING_WHOLE] = "whole",
		[STRING_BYTES] = "bytes",
		[STRING_TAIL] = "tail",
	};

	buf_printf(b, "| %u %s |", type, rec_type_name(type));
	for (unsigned i = 0; i < row->string_cnt; i++)
		buf_printf(b, " %s:%s", row->strings[i].name, kinds[row->strings[i].kind]);
	buf_put_str(b, " |");
	for (unsigned i = 0; i < row->num_cnt; i++) {
		const struct codec_num *n = &row->nums[i];

		buf_printf(b, " %s:%s", n->name, codec_coding_name(n->coding));
		if (n->ref_name)
			buf_printf(b, "(%s)", n->ref_name);
	}
	buf_put_str(b, " |\n");
}

static void the_page_has_the_same_tables(void **state)
{
	struct buf page = {0};
	char chunk[4096];
	size_t n;
	FILE *f = fopen("user/trail/TRAIL.md", "re");

	(void)state;
	if (!f)
		fail_msg("cannot open user/trail/TRAIL.md: run the tests at the top of the tree");
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&page, chunk, n);
	fclose(f);
	for (unsigned type = 0; type < TRAIL_TYPES; type++) {
		struct buf row = {0};

		if (!codec_row(type))
			continue;
		put_row(&row, type, codec_row(type));
		if (!strstr(buf_str(&page), buf_str(&row)))
			fail_msg("TRAIL.md lacks this row:\n%s", buf_str(&row));
		buf_release(&row);
	}
	buf_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(the_page_has_the_same_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
