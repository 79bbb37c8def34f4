/* SPDX-License-Identifier: GPL-2.0-only */
/* doctor's rows: collected by doctor.c, written by doctor_put.c as text or JSON. */
#ifndef PROCTRAIL_CMD_DOCTOR_H
#define PROCTRAIL_CMD_DOCTOR_H

#include "base/buf.h"
#include "base/text.h"
#include "source/host.h"
#include "source/live.h"

enum doctor_state { DOCTOR_OK, DOCTOR_MISSING, DOCTOR_NOTE, DOCTOR_UNKNOWN };
enum doctor_section { DOCTOR_CHECK, DOCTOR_HOOK, DOCTOR_ANSWER, DOCTOR_SECTION_CNT };

struct doctor_row {
	enum doctor_section section;
	enum doctor_state state;
	const char *name;
	char detail[200]; /* what is there, or how it is missing */
	const char *cost; /* what its absence costs the answers; NULL: nothing */
};

#define DOCTOR_MAX_ROWS 48

struct doctor {
	struct host_kernel kernel;
	enum live_obstacle obstacle;
	uint64_t caps; /* when we started: a trial run drops what it does not need */
	int caps_err;
	struct doctor_row rows[DOCTOR_MAX_ROWS];
	size_t row_cnt;
};

void doctor_put_text(struct buf *b, const struct doctor *d, const struct text_style *st);
void doctor_put_json(struct buf *b, const struct doctor *d);

#endif
