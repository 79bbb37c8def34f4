// SPDX-License-Identifier: GPL-2.0-only
#include "trail/block.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

/* ---- numbers in a fixed place --------------------------------------------------------------- */

static void put_le16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static size_t pad8(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static uint32_t crc_of(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

/* ---- segment header ------------------------------------------------------------------------- */

enum header_at {
	AT_VERSION = 8,
	AT_LEN = 10,
	AT_INCOMPAT = 12,
	AT_COMPAT = 16,
	AT_CRC = 20,
	AT_TEXTS = 24, /* these and how texts are written never change */
	AT_TEXT_CNT = 26,
	AT_TYPE_CNT = 27,
	AT_CPUS = 28,
	AT_SEGMENT = 32,
	AT_RUN_ID = 40,
	AT_BOOT_ID = 56,
	AT_BOOT_NS = 72,
	AT_REAL_NS = 80,
	AT_HOOKS = 88,
	AT_GMTOFF = 92,
	AT_TYPES = 96, /* two bytes each: fields, strings among them */
};
_Static_assert(AT_TYPES + 2 * TRAIL_TYPES == TRAIL_HEADER_FIXED, "TRAIL.md says so");
_Static_assert(TRAIL_HEADER_FIXED + 6 * (2 + TRAIL_TEXT_LEN) + 7 < TRAIL_HEADER_MAX, "fits");

/* The writer comes first: a header of a later version must still say who wrote it. */
#define TEXTS(h)                                                                           \
	{                                                                                  \
		(h)->writer, (h)->source, (h)->host, (h)->release, (h)->machine, (h)->zone \
	}
#define TEXT_CNT 6

static void put_texts(struct buf *b, const struct trail_header *h)
{
	const char *const texts[TEXT_CNT] = TEXTS(h);
	uint8_t len[2];

	for (unsigned i = 0; i < TEXT_CNT; i++) {
		struct span text = {texts[i], strnlen(texts[i], TRAIL_TEXT_LEN - 1)};

		put_le16(len, (uint16_t)text.len);
		buf_put(b, len, sizeof(len));
		buf_put_span(b, text);
	}
}

void trail_header_put(struct buf *b, const struct trail_header *h)
{
	size_t begin = b->len, len;
	uint8_t *p;

	buf_pad(b, TRAIL_HEADER_FIXED, '\0');
	put_texts(b, h);
	buf_pad(b, pad8(b->len - begin) - (b->len - begin), '\0');
	if (b->err)
		return;

	p = (uint8_t *)b->data + begin;
	len = b->len - begin;
	memcpy(p, TRAIL_MAGIC, TRAIL_MAGIC_LEN);
	put_le16(p + AT_VERSION, h->version);
	put_le16(p + AT_LEN, (uint16_t)len);
	put_le32(p + AT_INCOMPAT, h->incompat);
	put_le32(p + AT_COMPAT, h->compat);
	put_le16(p + AT_TEXTS, TRAIL_HEADER_FIXED);
	p[AT_TEXT_CNT] = TEXT_CNT;
	p[AT_TYPE_CNT] = TRAIL_TYPES;
	put_le32(p + AT_CPUS, h->cpus);
	put_le64(p + AT_SEGMENT, h->segment);
	memcpy(p + AT_RUN_ID, h->run_id, sizeof(h->run_id));
	memcpy(p + AT_BOOT_ID, h->boot_id, sizeof(h->boot_id));
	put_le64(p + AT_BOOT_NS, h->boot_ns);
	put_le64(p + AT_REAL_NS, h->real_ns);
	put_le32(p + AT_HOOKS, h->hooks);
	put_le32(p + AT_GMTOFF, (uint32_t)h->gmtoff_s);
	for (unsigned type = 0; type < TRAIL_TYPES; type++) {
		p[AT_TYPES + 2 * type] = h->fields.cnt[type];
		p[AT_TYPES + 2 * type + 1] = h->fields.strings[type];
	}
	put_le32(p + AT_CRC, crc_of(p, len));
}

/* The CRC over all of it, with its own place as zeros. */
static bool header_crc_ok(const uint8_t *p, size_t len)
{
	static const uint8_t none[4];
	uint32_t crc = (uint32_t)crc32_z(0, p, AT_CRC);

	crc = (uint32_t)crc32_z(crc, none, sizeof(none));
	crc = (uint32_t)crc32_z(crc, p + AT_CRC + 4, len - AT_CRC - 4);
	return crc == get_le32(p + AT_CRC);
}

/* As many texts as both sides know; one that is too long for us is cut. */
static int parse_texts(const uint8_t *p, size_t len, struct trail_header *h)
{
	char *const texts[TEXT_CNT] = TEXTS(h);
	struct cursor c = {0};
	unsigned cnt = p[AT_TEXT_CNT] < TEXT_CNT ? p[AT_TEXT_CNT] : TEXT_CNT;
	size_t at = get_le16(p + AT_TEXTS);

	if (at < AT_TYPES || at > len)
		return -EBADMSG;
	c = cursor_of(p + at, len - at);
	for (unsigned i = 0; i < cnt; i++) {
		const uint8_t *size = cursor_take(&c, 2);
		struct span text = size ? cursor_span(&c, get_le16(size)) : (struct span){0};

		if (c.err)
			return c.err;
		if (text.len >= TRAIL_TEXT_LEN)
			text.len = TRAIL_TEXT_LEN - 1;
		memcpy(texts[i], text.data, text.len);
	}
	return 0;
}

/* What every version has; then, of a version that we can read, the rest. */
static int parse_header(const uint8_t *p, size_t len, struct trail_header *h)
{
	int err;

	h->version = get_le16(p + AT_VERSION);
	h->incompat = get_le32(p + AT_INCOMPAT);
	h->compat = get_le32(p + AT_COMPAT);
	err = parse_texts(p, len, h);
	if (h->version > TRAIL_VERSION || h->incompat & ~TRAIL_INCOMPAT_KNOWN)
		return -EPROTONOSUPPORT;
	if (err || h->version == 0 || AT_TYPES + 2u * p[AT_TYPE_CNT] > get_le16(p + AT_TEXTS))
		return -EBADMSG;

	h->cpus = get_le32(p + AT_CPUS);
	h->segment = get_le64(p + AT_SEGMENT);
	memcpy(h->run_id, p + AT_RUN_ID, sizeof(h->run_id));
	memcpy(h->boot_id, p + AT_BOOT_ID, sizeof(h->boot_id));
	h->boot_ns = get_le64(p + AT_BOOT_NS);
	h->real_ns = get_le64(p + AT_REAL_NS);
	h->hooks = get_le32(p + AT_HOOKS);
	h->gmtoff_s = (int32_t)get_le32(p + AT_GMTOFF);
	for (unsigned type = 0; type < p[AT_TYPE_CNT] && type < TRAIL_TYPES; type++) {
		h->fields.cnt[type] = p[AT_TYPES + 2 * type];
		h->fields.strings[type] = p[AT_TYPES + 2 * type + 1];
	}
	return 0;
}

int trail_header_parse(struct span bytes, struct trail_header *ret_header, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)bytes.data;
	size_t len;
	int err;

	/* what is no trail shows as soon as its first bytes are there */
	len = bytes.len < TRAIL_MAGIC_LEN ? bytes.len : TRAIL_MAGIC_LEN;
	if (len && memcmp(p, TRAIL_MAGIC, len) != 0)
		return -EBADMSG;
	if (bytes.len < AT_TYPES)
		return -ENODATA;
	len = get_le16(p + AT_LEN);
	if (len < AT_TYPES || len > TRAIL_HEADER_MAX || len % 8 != 0)
		return -EBADMSG;
	if (bytes.len < len)
		return -ENODATA;
	if (!header_crc_ok(p, len))
		return -EBADMSG;
	*ret_header = (struct trail_header){0};
	err = parse_header(p, len, ret_header);
	if (!err)
		*ret_len = len;
	return err;
}

/* ---- block ---------------------------------------------------------------------------------- */

enum block_at {
	AT_MAGIC = 0,
	AT_BLOCK_LEN = 4,
	AT_PAYLOAD_LEN = 8,
	AT_RAW_LEN = 12,
	AT_RECORDS = 16,
	AT_KIND = 20,
	AT_FLAGS = 22,
	AT_SEQUENCE = 24,
	AT_FIRST_NS = 32,
	AT_LAST_NS = 40,
	AT_OFFSET_NS = 48,
	AT_PAYLOAD_CRC = 56,
	AT_HEADER_CRC = 60, /* over the bytes before it ... */
	AT_SPARE = 64,      /* ... and these, which are zero so far */
};
_Static_assert(AT_SPARE + 8 == TRAIL_BLOCK_HEADER, "TRAIL.md says so");

static uint32_t block_crc(const uint8_t *p)
{
	uint32_t crc = (uint32_t)crc32_z(0, p, AT_HEADER_CRC);

	return (uint32_t)crc32_z(crc, p + AT_SPARE, TRAIL_BLOCK_HEADER - AT_SPARE);
}

static size_t block_len(size_t payload_len)
{
	return TRAIL_BLOCK_HEADER + pad8(payload_len) + TRAIL_BLOCK_TRAILER;
}

/*
 * Raw deflate: the block has a CRC of its own, over what is on the disk. 0 with the length of the
 * result, which is less than that of 'raw'; -EMSGSIZE when it would not be.
 */
static int deflate_to(uint8_t *p, struct span raw, int level, size_t *ret_len)
{
	z_stream z = {0};
	int err;

	if (deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)(uintptr_t)raw.data;
	z.avail_in = (uInt)raw.len;
	z.next_out = p;
	z.avail_out = (uInt)raw.len - 1;
	err = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EMSGSIZE;
	*ret_len = z.total_out;
	deflateEnd(&z);
	return err;
}

/* Writes the payload, deflated or as it is. */
static int put_payload(uint8_t *p, struct trail_block *b, struct span raw, int level)
{
	size_t len = 0;
	int err = raw.len > 1 && level ? deflate_to(p, raw, level, &len) : -EMSGSIZE;

	if (err == -ENOMEM)
		return err;
	b->flags &= ~(uint32_t)TRAIL_BLOCK_STORED;
	if (err) {
		len = raw.len;
		b->flags |= TRAIL_BLOCK_STORED;
		if (len)
			memcpy(p, raw.data, len);
	}
	memset(p + len, 0, pad8(len) - len);
	b->payload_len = (uint32_t)len;
	b->raw_len = (uint32_t)raw.len;
	b->payload_crc = crc_of(p, len);
	b->len = (uint32_t)block_len(len);
	return 0;
}

static void put_block_header(uint8_t *p, const struct trail_block *b)
{
	put_le32(p + AT_MAGIC, TRAIL_BLOCK_MAGIC);
	put_le32(p + AT_BLOCK_LEN, b->len);
	put_le32(p + AT_PAYLOAD_LEN, b->payload_len);
	put_le32(p + AT_RAW_LEN, b->raw_len);
	put_le32(p + AT_RECORDS, b->records);
	put_le16(p + AT_KIND, (uint16_t)b->kind);
	put_le16(p + AT_FLAGS, (uint16_t)b->flags);
	put_le64(p + AT_SEQUENCE, b->sequence);
	put_le64(p + AT_FIRST_NS, b->first_ns);
	put_le64(p + AT_LAST_NS, b->last_ns);
	put_le64(p + AT_OFFSET_NS, (uint64_t)b->offset_ns);
	put_le32(p + AT_PAYLOAD_CRC, b->payload_crc);
	memset(p + AT_SPARE, 0, TRAIL_BLOCK_HEADER - AT_SPARE);
	put_le32(p + AT_HEADER_CRC, block_crc(p));
}

int trail_block_put(struct buf *out, struct trail_block *b, struct span raw, int level)
{
	uint8_t *p, *end;
	int err;

	if (raw.len > TRAIL_RAW_MAX)
		return -EMSGSIZE;
	p = (uint8_t *)buf_room(out, block_len(raw.len));
	if (!p)
		return -ENOMEM;
	err = put_payload(p + TRAIL_BLOCK_HEADER, b, raw, level);
	if (err)
		return err;
	put_block_header(p, b);
	end = p + b->len - TRAIL_BLOCK_TRAILER;
	put_le32(end, b->len);
	put_le32(end + 4, TRAIL_BLOCK_END);
	out->len += b->len;
	return 0;
}

/* Bounds that hold for every block, whatever its CRC says. */
static bool block_is_sane(const struct trail_block *b)
{
	if (b->raw_len > TRAIL_RAW_MAX || b->payload_len > TRAIL_RAW_MAX)
		return false;
	if (b->flags & TRAIL_BLOCK_STORED && b->payload_len != b->raw_len)
		return false;
	return b->len == block_len(b->payload_len);
}

int trail_block_parse(struct span bytes, struct trail_block *ret_block)
{
	const uint8_t *p = (const uint8_t *)bytes.data;
	struct trail_block b;

	if (bytes.len < TRAIL_BLOCK_HEADER)
		return -ENODATA;
	if (get_le32(p + AT_MAGIC) != TRAIL_BLOCK_MAGIC ||
	    get_le32(p + AT_HEADER_CRC) != block_crc(p))
		return -EBADMSG;
	b = (struct trail_block){
		.kind = (enum trail_block_kind)get_le16(p + AT_KIND),
		.flags = get_le16(p + AT_FLAGS),
		.len = get_le32(p + AT_BLOCK_LEN),
		.payload_len = get_le32(p + AT_PAYLOAD_LEN),
		.raw_len = get_le32(p + AT_RAW_LEN),
		.payload_crc = get_le32(p + AT_PAYLOAD_CRC),
		.records = get_le32(p + AT_RECORDS),
		.sequence = get_le64(p + AT_SEQUENCE),
		.first_ns = get_le64(p + AT_FIRST_NS),
		.last_ns = get_le64(p + AT_LAST_NS),
		.offset_ns = (int64_t)get_le64(p + AT_OFFSET_NS),
	};
	if (!block_is_sane(&b))
		return -EBADMSG;
	*ret_block = b;
	return 0;
}

static int inflate_to(struct buf *raw, size_t raw_len, struct span payload)
{
	z_stream z = {0};
	int err;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)(uintptr_t)payload.data;
	z.avail_in = (uInt)payload.len;
	z.next_out = (Bytef *)raw->data;
	z.avail_out = (uInt)raw_len;
	err = inflate(&z, Z_FINISH);
	if (err == Z_MEM_ERROR)
		err = -ENOMEM;
	else
		err = err == Z_STREAM_END && !z.avail_in && !z.avail_out ? 0 : -EBADMSG;
	inflateEnd(&z);
	return err;
}

int trail_block_check(const struct trail_block *b, struct span bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.data, *end;

	if (!block_is_sane(b) || bytes.len != b->len)
		return -EBADMSG;
	end = p + b->len - TRAIL_BLOCK_TRAILER;
	if (get_le32(end) != b->len || get_le32(end + 4) != TRAIL_BLOCK_END)
		return -EBADMSG;
	return crc_of(p + TRAIL_BLOCK_HEADER, b->payload_len) == b->payload_crc ? 0 : -EBADMSG;
}

int trail_block_open(const struct trail_block *b, struct span bytes, struct buf *ret_raw)
{
	struct span payload = {bytes.data + TRAIL_BLOCK_HEADER, b->payload_len};
	int err = trail_block_check(b, bytes);

	if (err)
		return err;
	buf_reset(ret_raw);
	if (b->flags & TRAIL_BLOCK_STORED) {
		buf_put_span(ret_raw, payload);
		return ret_raw->err;
	}
	if (!buf_room(ret_raw, b->raw_len + 1))
		return -ENOMEM;
	err = inflate_to(ret_raw, b->raw_len, payload);
	if (!err)
		ret_raw->len = b->raw_len;
	return err;
}

/* ---- index ---------------------------------------------------------------------------------- */

void trail_index_put(struct buf *raw, const struct trail_index_row *row)
{
	uint8_t p[TRAIL_INDEX_ROW];

	put_le64(p, row->offset);
	put_le64(p + 8, row->real_ns);
	put_le64(p + 16, row->boot_ns);
	buf_put(raw, p, sizeof(p));
}

int trail_index_next(struct cursor *c, struct trail_index_row *ret_row)
{
	const uint8_t *p;

	if (!c->err && !c->left)
		return -ENODATA;
	p = cursor_take(c, TRAIL_INDEX_ROW);
	if (!p)
		return c->err;
	*ret_row = (struct trail_index_row){get_le64(p), get_le64(p + 8), get_le64(p + 16)};
	return 0;
}
