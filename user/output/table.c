// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "output/table.h"

static struct span span_after(struct span s, size_t skip)
{
	return (struct span){s.data + skip, s.len - skip};
}

/* Where the line ends: after what fits, at a blank if there is one. At least one character. */
static size_t line_len(struct span text, size_t room, bool *ret_broken_word)
{
	size_t fits = text_fit(text, room, NULL);
	const char *blank;
	uint32_t cp;
	bool valid;

	*ret_broken_word = false;
	if (fits == text.len || text.data[fits] == ' ')
		return fits;
	blank = fits ? memrchr(text.data, ' ', fits) : NULL;
	if (blank && blank != text.data)
		return blank - text.data;
	*ret_broken_word = true;
	return fits ? fits : utf8_next(text, &cp, &valid);
}

void table_put_wrapped(struct buf *b, const struct text_style *st, struct span text, size_t at,
		       size_t indent)
{
	size_t columns = st->columns;
	bool broken;

	if (indent + 8 > columns)
		indent = columns > 16 ? 8 : 0;
	while (!st->wide && text_width(text) > (at < columns ? columns - at : 0)) {
		size_t len = at < columns ? line_len(text, columns - at, &broken) : 0;

		/* a word that is too long for this place but not for a line of its own */
		if (broken && at > indent && text.data[len] != ' ' && len) {
			const char *end = memchr(text.data, ' ', text.len);
			size_t word = end ? (size_t)(end - text.data) : text.len;

			if (text_width((struct span){text.data, word}) <= columns - indent)
				len = 0;
		}
		buf_put(b, text.data, len);
		buf_put_char(b, '\n');
		buf_pad(b, indent, ' ');
		text = span_after(text, len);
		while (text.len && text.data[0] == ' ')
			text = span_after(text, 1);
		at = indent;
	}
	buf_put_span(b, text);
	buf_put_char(b, '\n');
}

void table_put_sides(struct buf *b, const struct text_style *st, struct span left,
		     struct span right)
{
	size_t columns = st->columns, left_width = text_width(left),
	       right_width = text_width(right);

	if (right.len == 0) {
		table_put_wrapped(b, st, left, 0, 0);
		return;
	}
	if (left_width + 2 + right_width <= columns) {
		buf_put_span(b, left);
		buf_pad(b, columns - left_width - right_width, ' ');
		buf_put_span(b, right);
		buf_put_char(b, '\n');
		return;
	}
	if (st->wide) {
		buf_put_span(b, left);
		buf_put_str(b, "  ");
		buf_put_span(b, right);
		buf_put_char(b, '\n');
		return;
	}
	table_put_wrapped(b, st, left, 0, 0);
	if (right_width < columns)
		buf_pad(b, columns - right_width, ' ');
	table_put_wrapped(b, st, right, right_width < columns ? columns - right_width : 0, 0);
}
