/* SPDX-License-Identifier: GPL-2.0-only */
/* Columns that fit the terminal: numbers are never cut, the one elastic column takes what is left
 * and long text wraps under its row. */
#ifndef PROCTRAIL_OUTPUT_TABLE_H
#define PROCTRAIL_OUTPUT_TABLE_H

#include "base/buf.h"
#include "base/text.h"

/* Appends 'text' (already safe) wrapped at the style's width; lines after the first begin with
 * 'indent' blanks, the first is taken to start at column 'at'. Ends with NL. */
void table_put_wrapped(struct buf *b, const struct text_style *st, struct span text, size_t at,
		       size_t indent);
/* 'left' and 'right' on one line, right-aligned at the style's width where both fit; otherwise right
 * goes to a line of its own. Ends with NL. */
void table_put_sides(struct buf *b, const struct text_style *st, struct span left,
		     struct span right);

#endif
