// SPDX-License-Identifier: GPL-2.0-only
/* replay FILE ...: gives each file to the fuzzer it is linked with, which ends us if one is not so. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

static int replay(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf b = {0};
	char chunk[4096];
	uint8_t *exact;
	size_t n;

	if (!f) {
		fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
		return 1;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&b, chunk, n);
	fclose(f);
	/* In a block of its exact size, so that ASan sees each step aside. */
	exact = malloc(b.len ? b.len : 1);
	if (exact && b.len)
		memcpy(exact, b.data, b.len);
	if (exact && !b.err)
		LLVMFuzzerTestOneInput(exact, b.len);
	free(exact);
	buf_release(&b);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++) {
		fprintf(stderr, "%s\n", argv[i]); /* the last one named is the one that ended us */
		failed |= replay(argv[i]);
	}
	return failed;
}
