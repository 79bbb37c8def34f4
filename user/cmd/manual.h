/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manual page, carried in the binary, and a renderer for exactly the man(7) requests it uses:
 * TH SH SS PP TP B I BR IR BI RB RI RS RE EX EE br, and \fB \fI \fR \- \e \& \(em \(aq \(bu. A
 * request or escape outside this list is an error the tests find (manual_check).
 */
#ifndef PROCTRAIL_CMD_MANUAL_H
#define PROCTRAIL_CMD_MANUAL_H

#include "base/text.h"

struct span manual_text(void);
/* The lines of the subsection (.SS) whose title begins with this word; empty: there is none. */
struct span manual_section(const char *word);
/* Appends page, rendered. */
void manual_render(struct buf *b, const struct text_style *st, struct span page);
/* 0, or the number of the first line with something the renderer does not know. */
unsigned manual_check(struct span page);

#endif
