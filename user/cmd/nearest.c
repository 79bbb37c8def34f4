// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cmd/options.h"

#define LONGEST 32

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace) that turn a into b. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[LONGEST + 1], la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] =
				min3(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

const char *nearest_name(const char *word, name_fn next, void *ctx)
{
	size_t len = strlen(word), best = len <= 4 ? 2 : 3;
	const char *name, *nearest = NULL;

	for (size_t i = 0; (name = next(ctx, i)); i++) {
		size_t d = edit_distance(word, name);

		/* a beginning of it: --dur, --sig; not accepted, but surely meant */
		if (len >= 2 && strncmp(name, word, len) == 0)
			d = 1;
		if (d < best) {
			best = d;
			nearest = name;
		}
	}
	return nearest;
}
