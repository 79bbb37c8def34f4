// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int columns_of(int fd)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws;
	long columns = 0;
	char *end;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0)
		columns = ws.ws_col;
	if (columns <= 0 && env && *env) {
		columns = strtol(env, &end, 10);
		if (*end || columns > 10000)
			columns = 0;
	}
	if (columns <= 0)
		columns = 80;
	return columns < TERMINAL_MIN_COLUMNS ? TERMINAL_MIN_COLUMNS : (int)columns;
}

int terminal_rows(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row ? ws.ws_row : 24;
}

/*
 * A static binary has no locale files: setlocale() then fails and nl_langinfo() answers ASCII,
 * though the reader's terminal is UTF-8. The variables themselves are asked in that case.
 */
static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *dot;

	if (setlocale(LC_CTYPE, ""))
		return strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *v = getenv(names[i]);

		if (!v || !*v)
			continue;
		dot = strchr(v, '.');
		return dot && (!strncasecmp(dot, ".utf-8", 6) || !strncasecmp(dot, ".utf8", 5));
	}
	return false;
}

bool terminal_is_able(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static bool wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return terminal_is_able(fd) && !(no_color && *no_color);
}

void terminal_detect(int fd, bool wide, struct text_style *ret_style)
{
	ret_style->columns = columns_of(fd);
	ret_style->utf8 = locale_is_utf8();
	ret_style->colour = wants_colour(fd);
	ret_style->wide = wide;
}
