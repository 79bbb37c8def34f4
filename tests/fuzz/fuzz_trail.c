// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any bytes as a trail. Each input is read three times: as it is; with its CRCs put right,
 * since otherwise hardly a mutation would come behind them; and as the payload of a block. Whatever
 * is delivered must be whole records that the model can decode, and little enough.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz.h"
#include "model/event.h"
#include "trail/reader.h"

#define BATCHES_MAX   100000
#define BATCH_MAX     ((64u << 20) + sizeof(struct rec_gap))
#define HEADER_LEN_AT 10
#define HEADER_CRC_AT 20
#define BLOCK_PAYLOAD 8
#define BLOCK_PCRC_AT 56
#define BLOCK_HCRC_AT 60

/* ---- reading --------------------------------------------------------------------------------- */

static void check_records(struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);
	static struct event ev;

	CHECK(((uintptr_t)records.data & 7) == 0);
	CHECK(records.len <= BATCH_MAX);
	while (c.left) {
		const uint8_t *before = c.p;
		int err = event_decode(&c, &ev);

		CHECK(!c.err && c.p > before);
		(void)err; /* a type that is not known yet is passed over */
	}
}

static void read_on(struct trail_reader *r)
{
	const struct trail_damage *rows;
	struct trail_batch b;
	size_t cnt;
	int err;

	for (int i = 0; (err = trail_reader_next(r, &b)) == 0; i++) {
		CHECK(i < BATCHES_MAX);
		CHECK(b.records.len);
		check_records(b.records);
	}
	CHECK(err == -ENODATA || err == -ENOMEM);
	CHECK(trail_reader_next(r, &b) == err);
	cnt = trail_reader_damage(r, &rows);
	for (size_t i = 0; i < cnt; i++)
		CHECK(rows[i].path);
}

static void read_trail(const void *data, size_t size)
{
	static int fd = -1;
	struct trail_extent e;
	struct trail_reader *r;
	char path[64];

	if (fd < 0)
		fd = memfd_create("trail", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(ftruncate(fd, 0) == 0);
	CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trail_reader_open(path, &r))
		return;
	read_on(r);
	CHECK(trail_reader_extent(r, &e) == 0);
	CHECK(e.segments == 1 && e.bytes == size);
	CHECK(trail_reader_seek(r, e.first_real_ns / 2 + e.last_real_ns / 2) == 0);
	read_on(r);
	CHECK(trail_reader_seek(r, UINT64_MAX) == 0);
	read_on(r);
	trail_reader_free(r);
}

/* ---- what an input becomes --------------------------------------------------------------------- */

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

/* Puts the lengths and CRCs of the block at 'p' right; the payload's length decides. */
static void repair_block(uint8_t *p, size_t left)
{
	size_t payload = get32(p + BLOCK_PAYLOAD), room;
	uint32_t crc;

	room = left - TRAIL_BLOCK_HEADER - TRAIL_BLOCK_TRAILER;
	if (payload <= room)
		put32(p + BLOCK_PCRC_AT, (uint32_t)crc32_z(0, p + TRAIL_BLOCK_HEADER, payload));
	crc = (uint32_t)crc32_z(0, p, BLOCK_HCRC_AT);
	crc = (uint32_t)crc32_z(crc, p + BLOCK_HCRC_AT + 4, TRAIL_BLOCK_HEADER - BLOCK_HCRC_AT - 4);
	put32(p + BLOCK_HCRC_AT, crc);
}

static void repair(uint8_t *p, size_t size)
{
	size_t len;

	if (size < TRAIL_HEADER_FIXED)
		return;
	len = (size_t)(p[HEADER_LEN_AT] | p[HEADER_LEN_AT + 1] << 8);
	if (len >= HEADER_CRC_AT + 4 && len <= size) {
		put32(p + HEADER_CRC_AT, 0);
		put32(p + HEADER_CRC_AT, (uint32_t)crc32_z(0, p, len));
	}
	for (size_t at = 0; at + TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER <= size; at += 8)
		if (get32(p + at) == TRAIL_BLOCK_MAGIC)
			repair_block(p + at, size - at);
}

static void read_repaired(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	CHECK(copy);
	memcpy(copy, data, size);
	repair(copy, size);
	read_trail(copy, size);
	free(copy);
}

/* The first bytes say of a few types how many fields and strings the writer knew. */
static void read_payload(const uint8_t *data, size_t size)
{
	struct trail_header h = {.version = TRAIL_VERSION, .fields = trail_fields_now()};
	struct trail_block b = {.kind = TRAIL_EVENTS, .records = 7, .first_ns = 1, .last_ns = 2};
	struct buf out = {0};

	if (size < 4)
		return;
	if (data[0] < TRAIL_TYPES) {
		h.fields.cnt[data[0]] = data[1];
		h.fields.strings[data[0]] = data[2];
	}
	trail_header_put(&out, &h);
	if (trail_block_put(&out, &b, (struct span){(const char *)data + 3, size - 3}, 0) == 0)
		read_trail(out.data, out.len);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_trail(data, size);
	read_repaired(data, size);
	read_payload(data, size);
	return 0;
}
