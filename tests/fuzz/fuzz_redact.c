// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: a command line with a secret, cut anywhere, among any other arguments; and any bytes alone.
 * The secret is gone, what is not a secret stays in its place, and a second time changes nothing.
 * An input is: which line, where it is cut, then the arguments behind it.
 */
#include <string.h>

#include "fuzz.h"
#include "model/redact.h"
#include "tests/unit/redact_lines.h"

#define LINES    (sizeof(planted) / sizeof(planted[0]))
#define ARGS_MAX 4096
#define HEAD_LEN 3
#define NO_CUT   0xffff

/* In a block of its exact size, so that ASan sees each step aside. */
static char *redacted(const struct redact *r, const char *args, size_t len, size_t *ret_len)
{
	char *p = malloc(len ? len : 1), *again = malloc(len ? len : 1);
	size_t left;

	CHECK(p && again);
	memcpy(p, args, len);
	*ret_len = redact_args(r, p, len);
	CHECK(*ret_len <= len);
	memcpy(again, p, *ret_len);
	left = redact_args(r, again, *ret_len);
	CHECK(left == *ret_len && !memcmp(p, again, left));
	free(again);
	return p;
}

static size_t count_args(const char *p, size_t len)
{
	size_t cnt = 0;

	for (size_t i = 0; i < len; i++)
		cnt += !p[i];
	return cnt;
}

static void check_any(const struct redact *r, const char *args, size_t len)
{
	size_t left;
	char *p = redacted(r, args, len, &left);

	CHECK(count_args(p, left) == count_args(args, len));
	free(p);
}

static void check_planted(const struct redact *r, const uint8_t *data, size_t size)
{
	const char *line = planted[data[0] % LINES].line;
	size_t len = strlen(line) + 1, cut = (size_t)(data[1] | data[2] << 8), left;
	char args[ARGS_MAX], piece[MARK_PIECE + 1] = "", *p;

	memcpy(piece, MARK, MARK_PIECE);
	for (size_t i = 0; i < len; i++)
		args[i] = line[i] == '\t' ? '\0' : line[i];
	data += HEAD_LEN;
	size -= HEAD_LEN;
	if (size > sizeof(args) - len)
		size = sizeof(args) - len;
	/* An argument that holds a piece of the mark by itself proves nothing. */
	if (memmem(data, size, piece, MARK_PIECE))
		return;
	memcpy(args + len, data, size);
	len += size;
	if (cut != NO_CUT)
		len = cut % (len + 1);
	p = redacted(r, args, len, &left);
	CHECK(!memmem(p, left, piece, MARK_PIECE));
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct redact *r;

	CHECK(r || redact_new(NULL, &r) == 0);
	check_any(r, (const char *)data, size);
	if (size >= HEAD_LEN)
		check_planted(r, data, size);
	return 0;
}
