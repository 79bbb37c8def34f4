// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/emit.h"
#include "cmd/manual.h"
#include "output/table.h"

/* The bare program's section in the manual has this title. */
#define BARE "proctrail"

#define INDENT 12

static void put_commands(struct buf *b, const struct text_style *st)
{
	buf_put_str(b, "\nCommands:\n");
	for (const struct command *c = commands; c->name; c++) {
		buf_printf(b, "  %-*s", INDENT - 2, *c->name ? c->name : "(none)");
		table_put_wrapped(b, st, span_of(c->summary), INDENT, INDENT);
	}
}

static void put_command(struct buf *b, const struct command *cmd, const struct text_style *st)
{
	if (!*cmd->name) {
		buf_put_str(b, "usage: proctrail [COMMAND] [OPTION]... [-- CMD...]\n");
		put_commands(b, st);
		buf_put_str(b, "\nOptions without a command:\n");
	} else {
		buf_put_str(b, "usage: ");
		command_put_usage(b, cmd);
		buf_printf(b, "\n%s\n\nOptions:\n", cmd->summary);
	}
	options_put_help(b, cmd, st);
	if (*cmd->name)
		buf_printf(b, "\nThe whole story: proctrail help %s\n", cmd->name);
	else
		buf_put_str(b, "\nOptions of a command: proctrail COMMAND --help\n"
			       "The manual: proctrail help\n");
}

int help_command(const struct command *cmd, const struct options *opt)
{
	struct text_style st;
	struct buf b = {0};

	emit_style(opt, &st);
	put_command(&b, cmd, &st);
	return emit(opt, &b, EXIT_DONE);
}

int cmd_help(const struct options *opt)
{
	const struct command *cmd = NULL;
	struct text_style st;
	struct buf b = {0};
	const char *near;

	if (opt->operand) {
		cmd = command_find(opt->operand);
		near = command_nearest(opt->operand);
		if (!cmd && near)
			log_err(0, "no command '%s'; did you mean %s?", opt->operand, near);
		else if (!cmd)
			log_err(0, "no command '%s'; see: proctrail --help", opt->operand);
		if (!cmd)
			return EXIT_USAGE;
	}
	emit_style(opt, &st);
	if (!cmd) {
		manual_render(&b, &st, manual_text());
	} else {
		manual_render(&b, &st, manual_section(*cmd->name ? cmd->name : BARE));
		buf_put_str(&b, "\nOptions:\n");
		options_put_help(&b, cmd, &st);
	}
	return emit(opt, &b, EXIT_DONE);
}
