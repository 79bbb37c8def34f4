/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: how they say that something is not so, what every output must be, and the
 * way that records take through decoder, table and analyses to all outputs.
 *
 * Each fuzz_*.c is linked twice: with libFuzzer (make fuzz), and with replay.c, which only gives it
 * its corpus (make test).
 */
#ifndef PROCTRAIL_TESTS_FUZZ_H
#define PROCTRAIL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                        \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* ---- what every output must be ------------------------------------------------------------------- */

/*
 * Text that is safe on a terminal: whole code points, nothing of it a control (but the NLs that end
 * lines), bidi or invisible. ascii: bytes below 0x7f alone.
 */
void fuzz_check_text(struct span text, bool ascii);
/* Whole lines, each one flat JSON object, and as safe as text. */
void fuzz_check_json(struct span lines);
/* The string or array called name in a line that is JSON, its escapes undone; false: none. */
bool fuzz_json_value(struct span line, const char *name, struct buf *ret_bytes);

/* ---- the way of records -------------------------------------------------------------------------- */

/* Records, back to back, as a source yields them; they are redacted in place. Aligned to 8 bytes. */
void fuzz_stream(char *records, size_t len);

/* The next line of *rest, without its NL, which it takes off; false: none is left. */
bool fuzz_next_line(struct span *rest, struct span *ret_line);

#endif
