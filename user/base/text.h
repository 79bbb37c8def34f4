/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures and foreign bytes made readable and harmless. Everything that reaches a terminal goes
 * through text_put_safe(); everything that reaches JSON through json.h.
 */
#ifndef PROCTRAIL_BASE_TEXT_H
#define PROCTRAIL_BASE_TEXT_H

#include "base/buf.h"

/* What the reader's terminal can show. */
struct text_style {
	bool utf8; /* else ASCII only: other characters become '?' */
	bool colour;
	int columns; /* >= 60 */
	bool wide;   /* do not cut or wrap */
};

/* One decoded code point of possibly broken UTF-8; returns bytes consumed (>= 1), U+FFFD for an
 * invalid byte, with *ret_valid false. */
size_t utf8_next(struct span s, uint32_t *ret_cp, bool *ret_valid);
bool utf8_is_valid(struct span s);
/* Controls, bidi, format and other characters that are not seen as what they are. */
bool utf8_is_hidden(uint32_t cp);
int utf8_width(uint32_t cp); /* columns of one code point: 0 combining, 2 wide, else 1 */
/* Columns a text takes on a terminal (combining 0, wide 2), after text_put_safe. */
size_t text_width(struct span s);
/* How many bytes of s fit into width columns; ret_width (may be NULL): the columns they take. */
size_t text_fit(struct span s, size_t width, size_t *ret_width);

/*
 * Appends s with nothing a terminal would obey: C0, DEL, C1, bidi controls, zero-width and other
 * hidden characters and invalid bytes appear as \xNN or \u{NNNN} escapes; backslash stays. So do
 * combining marks at the beginning and more than four in a row.
 */
void text_put_safe(struct buf *b, struct span s, const struct text_style *st);
/* The same, at most width columns, cut on the left (paths) or right with "..." */
void text_put_cut(struct buf *b, struct span s, size_t width, bool left,
		  const struct text_style *st);
/*
 * argv with NUL after each argument -> words quoted where a shell needs it: it would read the same
 * bytes again ('a b', "don't", $'\x1b[31m'); but four empty ones and more at the end are what a title
 * that was written over them has left, and are not shown. truncated: " ..." at the end.
 */
void text_put_args(struct buf *b, struct span args, bool truncated, const struct text_style *st);

/*
 * 812ns 5.0us 1.1ms 31ms 2.4s 41s 3m12s 2h04m 3d 4h 41d. One rule: below a minute one unit with three
 * figures at most, one decimal below ten, rounded; from a minute two units, cut off, the second left
 * out when it is zero; from ten days days alone.
 */
void text_put_duration(struct buf *b, uint64_t ns);
/* One unit only, where a glance is enough (tree, OLDEST): 41s 12m 2h 3d; below a minute as above */
void text_put_age(struct buf *b, uint64_t ns);
/* 812 B, 8.2 MiB, 4.1 GiB */
void text_put_bytes(struct buf *b, uint64_t bytes);
/* 1,204 */
void text_put_count(struct buf *b, uint64_t n);

/* Parses 5s 200ms 1.5s 10m 1h30m 2d 1w, largest unit first; 0 or -EINVAL. A bare number is seconds. */
int text_parse_duration(const char *s, uint64_t *ret_ns);
/* Parses 64K 8M 1GiB (IEC, case-insensitive, optional iB/B); 0, -EINVAL, -ERANGE */
int text_parse_bytes(const char *s, uint64_t *ret_bytes);

#endif
