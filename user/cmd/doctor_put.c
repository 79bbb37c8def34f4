// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/doctor.h"

#include <string.h>

#include "base/json.h"
#include "cmd/obstacle.h"
#include "output/table.h"

#define MARK_WIDTH 5  /* " ok  " */
#define NAME_WIDTH 20 /* shorter names are padded to it */
#define LEFT       (MARK_WIDTH + NAME_WIDTH)

static const char *const marks[] = {
	[DOCTOR_OK] = " ok",
	[DOCTOR_MISSING] = " --",
	[DOCTOR_NOTE] = " !",
	[DOCTOR_UNKNOWN] = " ?",
};

static const char *const state_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_MISSING] = "missing",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_UNKNOWN] = "unknown",
};

static const struct {
	const char *heading;
	const char *event; /* JSON */
} sections[DOCTOR_SECTION_CNT] = {
	[DOCTOR_CHECK] = {"HERE", "check"},
	[DOCTOR_HOOK] = {"OPTIONAL HOOKS", "hook"},
	[DOCTOR_ANSWER] = {"SO THE ANSWERS ARE", "answer"},
};

static void put_wrapped(struct buf *b, const struct text_style *st, const char *text, size_t at)
{
	struct buf safe = {0};

	text_put_safe(&safe, span_of(text), st);
	table_put_wrapped(b, st, (struct span){buf_str(&safe), safe.len}, at, LEFT);
	buf_release(&safe);
}

static void put_row(struct buf *b, const struct doctor_row *row, const struct text_style *st)
{
	size_t used = strlen(row->name);

	buf_printf(b, "%-*s%s", MARK_WIDTH, marks[row->state], row->name);
	if (used < NAME_WIDTH) {
		buf_pad(b, NAME_WIDTH - used, ' ');
	} else { /* a long name has its line */
		buf_put_char(b, '\n');
		buf_pad(b, LEFT, ' ');
	}
	put_wrapped(b, st, row->detail, LEFT);
	if (row->cost && row->state != DOCTOR_OK) {
		buf_pad(b, LEFT, ' ');
		put_wrapped(b, st, row->cost, LEFT);
	}
}

static void put_section(struct buf *b, const struct doctor *d, enum doctor_section section,
			const struct text_style *st)
{
	bool begun = false;

	for (size_t i = 0; i < d->row_cnt; i++) {
		if (d->rows[i].section != section)
			continue;
		if (!begun)
			buf_printf(b, "%s\n", sections[section].heading);
		begun = true;
		put_row(b, &d->rows[i], st);
	}
}

static void put_next(struct buf *b, const struct doctor *d, const struct text_style *st)
{
	const char *next = "proctrail trace | tree --duration 10s";

	if (d->obstacle != LIVE_OK)
		next = obstacle_find(d->obstacle)->next;
	buf_put_str(b, "NEXT  ");
	table_put_wrapped(b, st, span_of(next), 6, 6);
}

void doctor_put_text(struct buf *b, const struct doctor *d, const struct text_style *st)
{
	struct buf left = {0}, right = {0};

	buf_put_str(&left, d->obstacle == LIVE_OK ? "proctrail can trace this machine" :
						    "proctrail can NOT trace this machine");
	text_put_safe(&right, span_of(d->kernel.host), st);
	buf_put_str(&right, "  Linux ");
	text_put_safe(&right, span_of(d->kernel.release), st);
	buf_printf(&right, " %s", d->kernel.machine);
	table_put_sides(b, st, (struct span){buf_str(&left), left.len},
			(struct span){buf_str(&right), right.len});
	if (d->obstacle != LIVE_OK)
		table_put_wrapped(b, st, span_of(obstacle_find(d->obstacle)->what), 0, 0);
	for (int s = 0; s < DOCTOR_SECTION_CNT; s++)
		put_section(b, d, (enum doctor_section)s, st);
	put_next(b, d, st);
	buf_release(&left);
	buf_release(&right);
}

void doctor_put_json(struct buf *b, const struct doctor *d)
{
	struct json j;

	json_begin(&j, b, "doctor");
	json_bool(&j, "can_trace", d->obstacle == LIVE_OK);
	json_str(&j, "obstacle", span_of(live_obstacle_name(d->obstacle)));
	if (d->obstacle != LIVE_OK)
		json_str(&j, "next", span_of(obstacle_find(d->obstacle)->next));
	json_str(&j, "host", span_of(d->kernel.host));
	json_str(&j, "kernel", span_of(d->kernel.release));
	json_str(&j, "arch", span_of(d->kernel.machine));
	json_u64(&j, "cpus", d->kernel.cpus);
	json_end(&j);
	for (size_t i = 0; i < d->row_cnt; i++) {
		const struct doctor_row *row = &d->rows[i];

		json_begin(&j, b, sections[row->section].event);
		json_str(&j, "name", span_of(row->name));
		json_str(&j, "state", span_of(state_names[row->state]));
		json_str(&j, "detail", span_of(row->detail));
		if (row->cost && row->state != DOCTOR_OK)
			json_str(&j, "cost", span_of(row->cost));
		json_end(&j);
	}
}
