/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records <-> the payload of one block. A record is coded as what differs from what was to be
 * expected: the same field of the last record of its type, and for the identity of a process what
 * the last record about that pid said. Strings that were met before in the block are numbers.
 *
 * A block is coded by itself, so a damaged one costs nothing but itself.
 */
#ifndef PROCTRAIL_TRAIL_CODEC_H
#define PROCTRAIL_TRAIL_CODEC_H

#include <linux/types.h>
#include <stdbool.h>

#include "base/buf.h"
#include "trail/format.h"
#include "../../bpf/event.h"

/*
 * What a writer codes of each type; stands in the segment header. With it a reader can pass over
 * what it does not know.
 */
struct trail_fields {
	uint8_t cnt[TRAIL_TYPES];     /* fields, strings included; 0: coded as bytes */
	uint8_t strings[TRAIL_TYPES]; /* how many of them are strings: they come first */
};

/* What this version writes. */
struct trail_fields trail_fields_now(void);

struct trail_encoder;

struct trail_encoder *trail_encoder_new(void);     /* NULL without memory */
void trail_encoder_free(struct trail_encoder *e);  /* accepts NULL */
void trail_encoder_begin(struct trail_encoder *e); /* a new block: nothing is expected yet */
/*
 * Appends one record (h->size bytes, whole) to 'out'. Bytes after the texts and arguments that the
 * record says it has are padding and not kept. 0, -EBADMSG (lengths in it do not fit its size: not
 * coded, the caller counts it), or -ENOMEM.
 */
int trail_encode(struct trail_encoder *e, const struct rec_hdr *h, struct buf *out);

struct trail_decoder;

/* fields: of the segment whose blocks are read. NULL without memory. */
struct trail_decoder *trail_decoder_new(const struct trail_fields *fields);
void trail_decoder_free(struct trail_decoder *d); /* accepts NULL */
/*
 * A whole payload (inflated) -> whole records appended to 'out', each aligned to 8, each valid for
 * event_decode(). Returns 0, or -EBADMSG at the first byte that cannot be: what came before it has
 * been appended. Never more than 'max_bytes' are appended (a small payload may claim to be huge):
 * -EMSGSIZE.
 */
int trail_decode(struct trail_decoder *d, struct span payload, size_t max_bytes, struct buf *out,
		 uint32_t *ret_records);

#endif
