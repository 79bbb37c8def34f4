// SPDX-License-Identifier: GPL-2.0-only
/* One change, one line. */
#include <string.h>

#include "output/fields.h"
#include "output/table.h"

/* "02:11:07.412      4301 exec   WHAT                 note" */
#define TIME_WIDTH       12
#define PID_WIDTH        10
#define EVENT_WIDTH      6
#define WHAT_COLUMN      (TIME_WIDTH + PID_WIDTH + EVENT_WIDTH + 2)
#define NOTE_WIDTH       18
#define NOTE_MAX         64  /* bytes; ours, and short */
#define NOTE_COLUMNS_MAX 100 /* on a wider terminal the eye would lose the row */

#define RED   "\x1b[31m"
#define PLAIN "\x1b[0m"

/* ---- JSON ------------------------------------------------------------------------------------- */

static void put_json(struct buf *b, const struct render *r, const struct event_format *fmt,
		     const struct change *c)
{
	struct value v;
	struct json j;

	json_begin(&j, b, fmt->event);
	for (const uint8_t *id = fmt->field_ids; *id != FIELD_CNT; id++) {
		const struct field *f = field_at(*id);

		if (f->get(r, c, &v))
			value_put_json(&j, f->name, r, &v);
	}
	json_end(&j);
}

/* ---- templates -------------------------------------------------------------------------------- */

static bool put_field(struct buf *b, const struct render *r, const struct change *c,
		      const char *name, size_t len)
{
	const struct field *f;
	struct value v;
	char word[32];

	if (len >= sizeof(word))
		return false;
	memcpy(word, name, len);
	word[len] = '\0';
	f = field_find(word);
	if (!f || !f->get(r, c, &v))
		return false;
	value_put_text(b, r, &v);
	return true;
}

/* False: a field is unknown; the caller takes back what was written. */
static bool put_part(struct buf *b, const struct render *r, const struct change *c, const char *p,
		     const char *end)
{
	while (p < end) {
		size_t len = strcspn(p, "{[");
		const char *close;
		size_t mark = b->len;

		if (len > (size_t)(end - p))
			len = end - p;
		buf_put(b, p, len);
		mark = b->len;
		p += len;
		if (p >= end)
			break;
		close = strchr(p, *p == '{' ? '}' : ']');
		if (!close || close >= end)
			return false;
		if (*p == '{') {
			if (!put_field(b, r, c, p + 1, close - p - 1))
				return false;
		} else if (!put_part(b, r, c, p + 1, close)) {
			b->len = mark;
		}
		p = close + 1;
	}
	return true;
}

static void put_template(struct buf *b, const struct render *r, const struct change *c,
			 const char *text)
{
	bool first = true;

	while (text && *text) {
		const char *comma = strstr(text, ", ");
		const char *end = comma ? comma : text + strlen(text);
		size_t mark = b->len;

		if (!first)
			buf_put_str(b, ", ");
		if (put_part(b, r, c, text, end))
			first = false;
		else
			b->len = mark;
		text = comma ? comma + 2 : NULL;
	}
}

/* ---- text --------------------------------------------------------------------------------------- */

static bool is_alarming(const struct change *c)
{
	switch (c->kind) {
	case CHANGE_EXIT:
		return c->proc && (c->proc->flags & PROC_STATUS_KNOWN) && (c->proc->status & 0x7f);
	case CHANGE_OOM:
	case CHANGE_LOST: return true;
	case CHANGE_HOST:
	case CHANGE_FORK:
	case CHANGE_FORK_FAILED:
	case CHANGE_EXEC_FAILED:
	case CHANGE_THREAD:
	case CHANGE_SEEN:
	case CHANGE_EXEC:
	case CHANGE_ZOMBIE:
	case CHANGE_REAP:
	case CHANGE_ADOPT:
	case CHANGE_SIGNAL:
	case CHANGE_DELIVER:
	case CHANGE_STOP:
	case CHANGE_CONT:
	case CHANGE_RENAME:
	case CHANGE_MOVE:
	case CHANGE_WAIT:
	case CHANGE_OOM_ADJ:
	case CHANGE_FACT:
	case CHANGE_HEAL:
	case CHANGE_THINNED:
	case CHANGE_TICK:
	case CHANGE_KIND_CNT: return false;
	}
	return false;
}

/* Appends a value in a column; how much wider it came out is taken from the column's blanks. */
static void put_right(struct buf *b, const struct render *r, const struct change *c,
		      enum field_id id, size_t width)
{
	struct value v;
	size_t start = b->len, len;

	if (field_at(id)->get(r, c, &v))
		value_put_text(b, r, &v);
	len = b->len - start;
	if (len >= width || b->err)
		return;
	buf_pad(b, width - len, ' ');
	if (b->err)
		return;
	memmove(b->data + start + width - len, b->data + start, len);
	memset(b->data + start, ' ', width - len);
}

/* The note beside the end of what was said if it fits, otherwise on a line of its own. */
static void put_note(struct buf *b, const struct text_style *st, struct span note, size_t at)
{
	size_t columns = st->columns, width = text_width(note);
	size_t column = (columns < NOTE_COLUMNS_MAX ? columns : NOTE_COLUMNS_MAX) - NOTE_WIDTH;

	if (column + width > columns)
		column = width + WHAT_COLUMN < columns ? columns - width : WHAT_COLUMN;
	if (at + 2 > column) {
		if (st->wide)
			column = at + 2;
		else if (at + 2 + width <= columns)
			column = columns - width;
		else
			at = 0;
	}
	if (at == 0)
		buf_put_char(b, '\n');
	buf_pad(b, column - at, ' ');
	table_put_wrapped(b, st, note, column, WHAT_COLUMN);
}

/* Where the last line of what was appended since 'start' ends; that began in column 'at'. */
static size_t end_column(const struct buf *b, size_t start, size_t at)
{
	const char *nl = memrchr(b->data + start, '\n', b->len - start);

	if (!nl)
		return at + text_width((struct span){b->data + start, b->len - start});
	return text_width((struct span){nl + 1, b->data + b->len - nl - 1});
}

/* Filled in where it stands; only what does not fit is copied and wrapped. Without NL. */
static void put_what(struct buf *b, const struct render *r, const struct change *c,
		     const char *what)
{
	size_t start = b->len;
	struct buf copy = {0};

	put_template(b, r, c, what);
	if (b->err || r->style.wide ||
	    end_column(b, start, WHAT_COLUMN) <= (size_t)r->style.columns)
		return;
	buf_put(&copy, b->data + start, b->len - start);
	b->len = start;
	table_put_wrapped(b, &r->style, (struct span){copy.data, copy.len}, WHAT_COLUMN,
			  WHAT_COLUMN);
	b->len--;
	if (copy.err)
		b->err = copy.err;
	buf_release(&copy);
}

static void put_text(struct buf *b, const struct render *r, const struct event_format *fmt,
		     const struct change *c)
{
	bool red = r->style.colour && is_alarming(c);
	const char *word = fmt->word ? fmt->word : fmt->event;
	size_t len = strlen(word), start, end;
	char note[NOTE_MAX];

	put_right(b, r, c, FIELD_ts, TIME_WIDTH);
	put_right(b, r, c, FIELD_pid, PID_WIDTH);
	buf_put_str(b, red ? " " RED : " ");
	buf_put_str(b, word);
	buf_put_str(b, red ? PLAIN : "");
	buf_pad(b, (len < EVENT_WIDTH ? EVENT_WIDTH - len : 0) + 1, ' ');

	start = b->len;
	put_what(b, r, c, fmt->what);
	if (b->err)
		return;
	end = b->len;
	put_template(b, r, c, fmt->note);
	len = b->len - end;
	if (b->err || len == 0 || len > sizeof(note)) {
		b->len = end;
		buf_put_char(b, '\n');
		return;
	}
	memcpy(note, b->data + end, len);
	b->len = end;
	put_note(b, &r->style, (struct span){note, len}, end_column(b, start, WHAT_COLUMN));
}

/* All of the line or nothing: out of memory in the middle takes it back. */
void render_change(struct buf *b, const struct render *r, const struct change *c)
{
	const struct event_format *fmt = event_format_of(c);
	size_t start = b->len;

	if (!fmt)
		return;
	if (r->json)
		put_json(b, r, fmt, c);
	else
		put_text(b, r, fmt, c);
	if (b->err)
		b->len = start;
}

/* ---- the header of a text trace ------------------------------------------------------------------- */

void render_trace_header(struct buf *b, const struct render *r)
{
	const char *zone = r->utc ? "UTC" : clock_zone(proc_table_clock(r->table));

	buf_printf(b, "%-*s%*s %-*s WHAT\n", TIME_WIDTH, zone, PID_WIDTH, "PID", EVENT_WIDTH,
		   "EVENT");
}
