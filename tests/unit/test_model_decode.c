// SPDX-License-Identifier: GPL-2.0-only
/* The only parser of records against bytes that lie. Run under ASan: every buffer is exact. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Decodes from a heap block of exactly this size. */
static int decode(const void *data, size_t len, struct event *ev, struct cursor *ret_c)
{
	void *exact = malloc(len ? len : 1);
	struct cursor c;
	int err;

	if (len)
		memcpy(exact, data, len);
	c = cursor_of(exact, len);
	err = event_decode(&c, ev);
	if (!err) { /* touch every span */
		const struct span spans[] = {ev->file,    ev->args, ev->cwd,
					     ev->name,    ev->text, ev->release,
					     ev->machine, ev->zone, ev->version};
		unsigned sum = 0;

		for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
			for (size_t j = 0; j < spans[i].len; j++)
				sum += (unsigned char)spans[i].data[j];
		}
		assert_true(sum != 1234567891);
	}
	if (ret_c)
		*ret_c = c;
	free(exact);
	return err;
}

static void fill(unsigned char *rec, size_t len, unsigned type, uint64_t *seed)
{
	struct rec_hdr h;

	for (size_t i = 0; i < len; i++)
		rec[i] = rnd(seed);
	memcpy(&h, rec, sizeof(h));
	h.type = type;
	h.size = len;
	memcpy(rec, &h, sizeof(h));
}

static void truncated_records_never_read_past_their_end(void **state)
{
	unsigned char rec[2048];
	uint64_t seed = 1;
	struct event *ev = malloc(sizeof(*ev));

	(void)state;
	for (unsigned type = 0; type < REC_TYPE_CNT + 2; type++) {
		for (size_t len = 0; len <= 1024; len++) {
			fill(rec, sizeof(rec), type, &seed);
			((struct rec_hdr *)rec)->size = len;
			decode(rec, len, ev, NULL);
			/* the length lies: says more than there is */
			((struct rec_hdr *)rec)->size = (len + 8) & ~7u;
			decode(rec, len, ev, NULL);
		}
	}
	free(ev);
}

static void flipped_bits_never_read_past_the_end(void **state)
{
	struct event *ev = malloc(sizeof(*ev));
	unsigned char rec[1024];
	uint64_t seed = 7;

	(void)state;
	for (unsigned type = 1; type < REC_TYPE_CNT; type++) {
		memset(rec, 0, sizeof(rec));
		((struct rec_hdr *)rec)->type = type;
		((struct rec_hdr *)rec)->size = sizeof(rec);
		for (size_t bit = 0; bit < sizeof(rec) * 8; bit++) {
			rec[bit / 8] ^= 1u << bit % 8;
			decode(rec, sizeof(rec), ev, NULL);
			rec[bit / 8] ^= 1u << bit % 8;
		}
		for (int i = 0; i < 2000; i++) {
			fill(rec, sizeof(rec), type, &seed);
			decode(rec, sizeof(rec), ev, NULL);
		}
	}
	free(ev);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	static const uint32_t bad[] = {0, 8, 56, 63, 65, 100, 128 * 1024 + 8, 0xfffffff8};
	unsigned char rec[256] = {0};
	struct cursor c;
	struct event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		((struct rec_hdr *)rec)->type = REC_EXIT;
		((struct rec_hdr *)rec)->size = bad[i];
		assert_int_equal(decode(rec, sizeof(rec), &ev, &c), -EBADMSG);
		assert_int_equal(c.err, -EBADMSG);
	}
}

static void an_unknown_type_is_skipped(void **state)
{
	unsigned char rec[160] = {0};
	struct rec_hdr *first = (struct rec_hdr *)rec, *second = (struct rec_hdr *)(rec + 80);
	struct cursor c = cursor_of(rec, sizeof(rec));
	struct event ev;

	(void)state;
	*first = (struct rec_hdr){.type = 30, .size = 80};
	*second = (struct rec_hdr){.type = REC_RENAME, .size = 80, .tgid = 5};
	assert_int_equal(event_decode(&c, &ev), -ENOENT);
	assert_int_equal(event_decode(&c, &ev), 0);
	assert_int_equal(ev.h.tgid, 5);
	assert_int_equal(c.left, 0);
	assert_null(rec_type_name(30));
	assert_null(rec_type_name(99));
	assert_string_equal(rec_type_name(REC_FORK), "fork");
}

static void an_older_struct_is_extended_with_zeros_and_a_newer_tail_ignored(void **state)
{
	unsigned char rec[256];
	struct event ev;

	(void)state;
	memset(rec, 0xff, sizeof(rec));
	*(struct rec_hdr *)rec = (struct rec_hdr){.type = REC_EXIT, .size = 72};
	memset(&ev, 0x55, sizeof(ev));
	assert_int_equal(decode(rec, 72, &ev, NULL), 0);
	assert_int_equal(ev.exit.usage.utime_ns, UINT64_MAX);
	assert_int_equal(ev.exit.usage.stime_ns, 0);
	assert_int_equal(ev.exit.comm[0], 0);
	((struct rec_hdr *)rec)->size = 256;
	assert_int_equal(decode(rec, 256, &ev, NULL), 0);
	assert_int_equal((unsigned char)ev.exit.comm[15], 0xff);
}

static struct event *decode_exec(const char *cwd, size_t cwd_len, uint32_t flags, const char *args,
				 size_t args_kept, size_t there, int *ret_err)
{
	static struct event ev;
	static struct {
		struct rec_exec x;
		char args[64];
	} rec;
	struct cursor c;

	memset(&rec, 0, sizeof(rec));
	rec.x.h.type = REC_EXEC;
	rec.x.h.size = sizeof(rec.x) + there;
	rec.x.cwd_len = cwd_len;
	rec.x.flags = flags;
	rec.x.args_kept = args_kept;
	memcpy(rec.x.cwd, cwd, cwd_len < REC_CWD_LEN ? cwd_len : REC_CWD_LEN);
	memcpy(rec.args, args, there);
	memset(rec.x.file, 'f', sizeof(rec.x.file));
	c = cursor_of(&rec, rec.x.h.size);
	*ret_err = event_decode(&c, &ev);
	return &ev;
}

static void assert_span(struct span s, const char *want)
{
	if (!span_equals(s, span_of(want)))
		fail_msg("expected '%s', got '%.*s'", want, (int)s.len, s.data ? s.data : "");
}

static void the_working_directory_is_put_together(void **state)
{
	char full[REC_CWD_LEN];
	struct event *ev;
	int err;

	(void)state;
	ev = decode_exec("c\0bb\0a", 7, 0, "", 0, 0, &err);
	assert_span(ev->cwd, "/a/bb/c");
	/* a file name without NUL is as long as its field */
	assert_int_equal(ev->file.len, REC_FILE_LEN);
	ev = decode_exec("", 0, 0, "", 0, 0, &err);
	assert_span(ev->cwd, "/");
	ev = decode_exec("c\0b", 4, REC_EXEC_CWD_CUT, "", 0, 0, &err);
	assert_span(ev->cwd, ".../b/c");
	ev = decode_exec("", 0, REC_EXEC_CWD_CUT, "", 0, 0, &err);
	assert_span(ev->cwd, "");
	/* the last name lost its end: left out */
	ev = decode_exec("c\0bb", 4, REC_EXEC_CWD_CUT, "", 0, 0, &err);
	assert_span(ev->cwd, ".../c");
	/* the longest that fits, and lengths that lie */
	for (size_t i = 0; i < sizeof(full); i++)
		full[i] = i % 2 ? '\0' : 'x';
	ev = decode_exec(full, sizeof(full), REC_EXEC_CWD_CUT, "", 0, 0, &err);
	assert_int_equal(ev->cwd.len, 3 + REC_CWD_LEN);
	ev = decode_exec(full, 0xffff, 0, "", 0, 0, &err);
	assert_int_equal(ev->cwd.len, REC_CWD_LEN);
}

static void arguments_end_with_the_record(void **state)
{
	struct event *ev;
	int err;

	(void)state;
	ev = decode_exec("", 0, 0, "ls\0-l\0\0\0", 6, 8, &err);
	assert_int_equal(err, 0);
	assert_int_equal(ev->args.len, 6);
	assert_memory_equal(ev->args.data, "ls\0-l", 6);
	decode_exec("", 0, 0, "ls\0-l\0\0\0", 9, 8, &err);
	assert_int_equal(err, -EBADMSG);
	decode_exec("", 0, 0, "ls\0-l\0\0\0", 0xffffffff, 8, &err);
	assert_int_equal(err, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_records_never_read_past_their_end),
		cmocka_unit_test(flipped_bits_never_read_past_the_end),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
		cmocka_unit_test(an_unknown_type_is_skipped),
		cmocka_unit_test(an_older_struct_is_extended_with_zeros_and_a_newer_tail_ignored),
		cmocka_unit_test(the_working_directory_is_put_together),
		cmocka_unit_test(arguments_end_with_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
