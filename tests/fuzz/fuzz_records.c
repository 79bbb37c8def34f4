// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any bytes as what the ring buffer held. Each input is read twice: as it is; and, since
 * hardly a mutation would keep all lengths right, as frames of a 16-bit length and a record whose
 * size field is made to fit.
 */
#include <string.h>

#include "fuzz.h"
#include "model/event.h"

static void read_as_it_is(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	CHECK(copy);
	memcpy(copy, data, size);
	fuzz_stream(copy, size);
	free(copy);
}

static void read_frames(const uint8_t *data, size_t size)
{
	struct buf b = {0};

	while (size > 2) {
		size_t len = (size_t)(data[0] | data[1] << 8), whole;
		uint32_t fit;
		char *p;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		whole = len < sizeof(struct rec_hdr) ? sizeof(struct rec_hdr) : (len + 7) & ~7ul;
		p = buf_room(&b, whole);
		CHECK(p);
		memset(p, 0, whole);
		memcpy(p, data, len);
		fit = (uint32_t)whole;
		memcpy(p + offsetof(struct rec_hdr, size), &fit, sizeof(fit));
		b.len += whole;
		data += len;
		size -= len;
	}
	if (b.len)
		fuzz_stream(b.data, b.len);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as_it_is(data, size);
	read_frames(data, size);
	return 0;
}
