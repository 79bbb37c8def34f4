/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --watch: an answer that fills the screen and is painted again and again, on the terminal's other
 * screen, so that what was there before comes back.
 */
#ifndef PROCTRAIL_CMD_SCREEN_H
#define PROCTRAIL_CMD_SCREEN_H

#include "cmd/session.h"

struct screen {
	struct session *session;
	uint64_t painted_ns; /* stream time; 0: not yet */
	int rows, columns;
	bool entered;
};

/* Whether stdout is a terminal that can do that; an exit code, has said what to use instead. */
int screen_check(const struct options *opt);
/* Whether it is time to paint, or the terminal has another size; that is then the render's. */
bool screen_is_due(struct screen *s);
/* Paints 'text', whole lines, as many as fit. */
void screen_paint(struct screen *s, struct buf *text);
/* Back to what was there before us; nothing where nothing was painted. */
void screen_leave(struct screen *s);

#endif
