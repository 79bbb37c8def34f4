// SPDX-License-Identifier: GPL-2.0-only
/* Buffers, cursors, maps, interned strings, histograms. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/hist.h"
#include "base/intern.h"
#include "base/map.h"

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void buf_collects_everything_it_is_given(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_put_str(&b, "a");
	buf_put_u64(&b, UINT64_MAX);
	buf_put_char(&b, ' ');
	buf_put_i64(&b, INT64_MIN);
	buf_put_char(&b, ' ');
	buf_put_i64(&b, -7);
	buf_put_u64(&b, 0);
	buf_pad(&b, 3, '.');
	buf_printf(&b, "%s=%d", "x", 5);
	buf_put_span(&b, SPAN_LITERAL("end"));
	assert_string_equal(buf_str(&b), "a18446744073709551615 -9223372036854775808 -70...x=5end");
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

static void buf_printf_outgrows_its_room(void **state)
{
	struct buf b = {0};
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 50; i++)
		buf_printf(&b, "%s|", text);
	assert_int_equal(b.len, 50 * sizeof(text));
	assert_int_equal(strlen(buf_str(&b)), b.len);
	assert_int_equal(b.err, 0);
	buf_release(&b);
}

static void buf_error_is_sticky(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_str(&b, "kept");
	buf_pad(&b, SIZE_MAX / 2, 'x');
	assert_int_equal(b.err, -ENOMEM);
	buf_put_str(&b, "ignored");
	assert_string_equal(buf_str(&b), "kept");
	buf_release(&b);
}

static void cursor_stops_at_the_end_for_good(void **state)
{
	struct cursor c = cursor_of("abcdef", 6);
	struct span s;

	(void)state;
	s = cursor_span(&c, 4);
	assert_true(span_equals(s, SPAN_LITERAL("abcd")));
	assert_null(cursor_take(&c, 3));
	assert_int_equal(c.err, -EBADMSG);
	assert_null(cursor_take(&c, 1));
	assert_int_equal(cursor_span(&c, 1).len, 0);
}

static void map_keeps_what_is_put_and_forgets_what_is_removed(void **state)
{
	enum { KEYS = 20000 };
	static char present[KEYS];
	struct map m = {0};
	struct map_slot *s;
	uint64_t random = 42;
	size_t cnt = 0, seen = 0;

	(void)state;
	assert_null(map_find(&m, 1, 2));
	assert_null(map_remove(&m, 1, 2));
	assert_int_equal(map_put(&m, 1, 2, NULL), -EINVAL);
	memset(present, 0, sizeof(present));
	for (int i = 0; i < 400000; i++) {
		uint64_t key = next_random(&random) % KEYS;

		if (next_random(&random) % 3) {
			assert_int_equal(map_put(&m, key, key / 7, &present[key]), 0);
			cnt += !present[key];
			present[key] = 1;
		} else {
			void *was = map_remove(&m, key, key / 7);

			assert_ptr_equal(was, present[key] ? &present[key] : NULL);
			cnt -= present[key];
			present[key] = 0;
		}
		assert_int_equal(m.cnt, cnt);
	}
	for (uint64_t key = 0; key < KEYS; key++)
		assert_ptr_equal(map_find(&m, key, key / 7), present[key] ? &present[key] : NULL);
	for (size_t i = 0; (s = map_next(&m, &i)); seen++)
		assert_ptr_equal(s->value, &present[s->a]);
	assert_int_equal(seen, cnt);
	map_release(&m);
	assert_null(map_find(&m, 1, 0));
}

static void equal_strings_are_kept_once(void **state)
{
	struct intern in = {0};
	struct intern_str *a, *b, *cut;

	(void)state;
	assert_null(intern_get(&in, (struct span){0}, 0));
	assert_int_equal(intern_span(NULL).len, 0);
	intern_put(&in, intern_ref(NULL));
	a = intern_get(&in, SPAN_LITERAL("nginx: worker"), 0);
	b = intern_get(&in, SPAN_LITERAL("nginx: worker"), 13);
	cut = intern_get(&in, SPAN_LITERAL("nginx: worker"), 900);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, cut); /* the same bytes of a longer string are another string */
	assert_int_equal(cut->true_len, 900);
	assert_int_equal(in.cnt, 2);
	intern_put(&in, a);
	assert_true(span_equals(intern_span(b), SPAN_LITERAL("nginx: worker")));
	intern_put(&in, b);
	intern_put(&in, cut);
	assert_int_equal(in.cnt, 0);
	assert_int_equal(in.bytes, 0);
	intern_release(&in);
}

static void many_strings_survive_growth(void **state)
{
	enum { CNT = 5000 };
	static struct intern_str *str[CNT];
	struct intern in = {0};
	char text[32];

	(void)state;
	for (int i = 0; i < CNT; i++) {
		snprintf(text, sizeof(text), "process %d", i);
		str[i] = intern_get(&in, span_of(text), 0);
		assert_non_null(str[i]);
	}
	for (int i = 0; i < CNT; i++) {
		snprintf(text, sizeof(text), "process %d", i);
		assert_ptr_equal(intern_get(&in, span_of(text), 0), str[i]);
		if (i % 2) {
			intern_put(&in, str[i]);
			intern_put(&in, str[i]);
		}
	}
	assert_int_equal(in.cnt, CNT / 2);
	intern_release(&in); /* the rest, though referred to */
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The exact percentile by rank, and ours: never below, at most a sixteenth above. */
static void percentiles_are_as_good_as_promised(void **state)
{
	enum { CNT = 10000 };
	static const unsigned permilles[] = {0, 1, 10, 250, 500, 900, 990, 999, 1000};
	static uint64_t values[CNT];
	uint64_t random = 7;

	(void)state;
	for (int shape = 0; shape < 64; shape++) {
		struct hist h = {0};

		for (int i = 0; i < CNT; i++) {
			values[i] = next_random(&random) >> ((random % 8 + shape) % 64);
			assert_int_equal(hist_add(&h, values[i]), 0);
		}
		qsort(values, CNT, sizeof(values[0]), compare_u64);
		for (size_t k = 0; k < sizeof(permilles) / sizeof(permilles[0]); k++) {
			size_t rank = ((size_t)CNT * permilles[k] + 999) / 1000;
			uint64_t exact = values[rank ? rank - 1 : 0];
			uint64_t got = hist_percentile(&h, permilles[k]);

			if (got < exact || got - exact > exact / 16)
				fail_msg("permille %u: exact %llu, got %llu", permilles[k],
					 (unsigned long long)exact, (unsigned long long)got);
		}
		assert_int_equal(h.min, values[0]);
		assert_int_equal(h.max, values[CNT - 1]);
		hist_release(&h);
	}
}

static void histogram_takes_the_extremes(void **state)
{
	struct hist h = {0};

	(void)state;
	assert_int_equal(hist_percentile(&h, 500), 0);
	hist_add(&h, 0);
	hist_add(&h, UINT64_MAX);
	hist_add(&h, UINT64_MAX);
	assert_true(hist_percentile(&h, 1) == 0);
	assert_true(hist_percentile(&h, 999) == UINT64_MAX);
	assert_true(h.sum == UINT64_MAX); /* saturated, not wrapped */
	hist_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_collects_everything_it_is_given),
		cmocka_unit_test(buf_printf_outgrows_its_room),
		cmocka_unit_test(buf_error_is_sticky),
		cmocka_unit_test(cursor_stops_at_the_end_for_good),
		cmocka_unit_test(map_keeps_what_is_put_and_forgets_what_is_removed),
		cmocka_unit_test(equal_strings_are_kept_once),
		cmocka_unit_test(many_strings_survive_growth),
		cmocka_unit_test(percentiles_are_as_good_as_promised),
		cmocka_unit_test(histogram_takes_the_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
