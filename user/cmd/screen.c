// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/screen.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/terminal.h"

#define FIRST_NS (500 * NS_PER_MS) /* the first pass is in by then */
#define EVERY_NS (2 * NS_PER_SEC)

/* xterm's, and everybody's since: the other screen, on which long lines are cut and do not wrap; cursor
 * to the top; clear to the end of the line, of the screen. */
#define ENTER     "\033[?1049h\033[?7l"
#define LEAVE     "\033[?7h\033[?1049l"
#define HOME      "\033[H"
#define CLEAR_EOL "\033[K"
#define CLEAR_EOS "\033[J"

int screen_check(const struct options *opt)
{
	if (opt->out_path || !terminal_is_able(STDOUT_FILENO)) {
		log_err(0, "--watch paints on a terminal, and %s is none that can: use --follow",
			opt->out_path ? opt->out_path : "stdout");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* Nobody tells us of a new size between two batches, so it is asked for with each. */
static bool size_changed(struct screen *s)
{
	struct text_style style = session_render(s->session)->style;
	int rows = terminal_rows(STDOUT_FILENO);

	terminal_detect(STDOUT_FILENO, style.wide, &style);
	if (rows == s->rows && style.columns == s->columns)
		return false;
	s->rows = rows;
	s->columns = style.columns;
	session_render(s->session)->style = style;
	return true;
}

bool screen_is_due(struct screen *s)
{
	const struct host_info *host = proc_table_host(session_table(s->session));

	if (!host->start_ns || host->now_ns < host->start_ns + FIRST_NS)
		return false;
	if (size_changed(s) || !s->painted_ns || host->now_ns >= s->painted_ns + EVERY_NS) {
		s->painted_ns = host->now_ns;
		return true;
	}
	return false;
}

/* Nothing is cleared but what is written anew, so nothing flickers; the last row stays free. */
void screen_paint(struct screen *s, struct buf *text)
{
	struct buf b = {0};
	const char *at = buf_str(text), *nl;
	int left = s->rows - 1;

	if (!s->entered)
		buf_put_str(&b, ENTER);
	s->entered = true;
	buf_put_str(&b, HOME);
	for (; left > 0 && (nl = strchr(at, '\n')); at = nl + 1, left--) {
		buf_put_str(&b,
			    CLEAR_EOL); /* first: behind a full line it would take the last one */
		buf_put_span(&b, (struct span){at, (size_t)(nl - at) + 1});
	}
	buf_put_str(&b, CLEAR_EOS);
	if (*at)
		buf_put_str(&b, "more below: enlarge the terminal, or without --watch");
	if (!b.err)
		session_put(s->session, &b);
	buf_release(&b);
}

void screen_leave(struct screen *s)
{
	struct buf b = {0};

	if (!s->entered)
		return;
	s->entered = false;
	buf_put_str(&b, LEAVE);
	session_put(s->session, &b);
	buf_release(&b);
}
