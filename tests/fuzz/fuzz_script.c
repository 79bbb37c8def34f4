// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any bytes as a timeline (*.ev). A line is refused with a reason, or makes whole records,
 * which go the way of all records: a word in a script is the shortest way to a strange history.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "source/script.h"

#define LINE_MAX_LEN 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data, size}, at;
	struct script *s = script_new();
	struct buf records = {0};
	char line[LINE_MAX_LEN];

	CHECK(s);
	while (fuzz_next_line(&rest, &at)) {
		size_t before = records.len;
		int err;

		if (at.len >= sizeof(line))
			continue;
		memcpy(line, at.data, at.len);
		line[at.len] = '\0';
		err = script_line(s, line, &records);
		CHECK(err == 0 || err == -EINVAL);
		CHECK(err == 0 || *script_error(s));
		CHECK(records.len >= before && records.len % 8 == 0);
	}
	CHECK(!records.err);
	if (records.len)
		fuzz_stream(records.data, records.len);
	buf_release(&records);
	script_free(s);
	return 0;
}
