/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes one flat JSON object a line. Names are ours and go out as they are. In values everything a
 * terminal would obey (controls, C1, bidi and invisible characters) is escaped, so that a line is
 * always one line and `cat` is safe; each byte that is not UTF-8 becomes one U+FFFD, and the raw bytes
 * follow as NAME_b64: a string for a string, an array of all elements for an array.
 */
#ifndef PROCTRAIL_BASE_JSON_H
#define PROCTRAIL_BASE_JSON_H

#include "base/buf.h"

struct json {
	struct buf *out;
	bool first;
};

void json_begin(struct json *j, struct buf *out, const char *event); /* {"event":"..." */
void json_u64(struct json *j, const char *name, uint64_t v);
void json_i64(struct json *j, const char *name, int64_t v);
void json_bool(struct json *j, const char *name, bool v);
void json_str(struct json *j, const char *name, struct span v);
/* args: NUL after each element; the last one may lack it (cut) */
void json_args(struct json *j, const char *name, struct span args);
void json_list(struct json *j, const char *name, const char *const *words, size_t cnt);
/* "name":" : the caller appends bytes that need no escape, and the closing quote. */
void json_raw_str(struct json *j, const char *name);
void json_end(struct json *j); /* }\n */

#endif
