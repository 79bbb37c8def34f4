// SPDX-License-Identifier: GPL-2.0-only
#include "base/buf.h"
#include "cmd/options.h"
#include "output/table.h"

#define HELP_INDENT 24

static void put_help_row(struct buf *b, const struct option_row *row, const struct text_style *st)
{
	size_t begin = b->len, used;

	if (row->letter)
		buf_printf(b, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(b, "      --%s", row->name);
	if (row->arg)
		buf_printf(b, option_takes_word(row) || row->kind == OPTION_READ ? " %s" : "%s",
			   row->arg);
	used = b->len - begin;
	if (used + 2 > HELP_INDENT) {
		buf_put_char(b, '\n');
		used = 0;
	}
	buf_pad(b, HELP_INDENT - used, ' ');
	table_put_wrapped(b, st, span_of(row->help), HELP_INDENT, HELP_INDENT);
}

void options_put_help(struct buf *b, const struct command *cmd, const struct text_style *st)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (option_belongs(row, cmd))
			put_help_row(b, row, st);
}
