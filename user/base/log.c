// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

static enum log_level log_level = LOG_WARN;
static bool log_utf8, log_status;

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_utf8(bool utf8)
{
	log_utf8 = utf8;
}

void log_set_status(bool shown)
{
	log_status = shown;
}

/*
 * One write() a message, so that lines of several threads do not mix; foreign bytes in it are made
 * harmless like everywhere. A stderr that does not take it cannot be helped.
 */
__attribute__((format(printf, 3, 0))) static void log_write(const char *prefix, int err,
							    const char *fmt, va_list ap)
{
	struct text_style style = {.utf8 = log_utf8, .columns = 80};
	int saved = errno;
	char text[1024];
	struct buf b = {0};
	ssize_t done;

	vsnprintf(text, sizeof(text), fmt, ap);
	buf_put_str(&b, log_status ? "\r\033[Kproctrail: " : "proctrail: ");
	buf_put_str(&b, prefix);
	text_put_safe(&b, span_of(text), &style);
	if (err) {
		buf_put_str(&b, ": ");
		buf_put_str(&b, strerror(err < 0 ? -err : err));
	}
	buf_put_char(&b, '\n');
	done = write(STDERR_FILENO, b.data, b.len);
	(void)done;
	buf_release(&b);
	errno = saved;
}

int log_err(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_write("", err, fmt, ap);
	va_end(ap);
	return err;
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_WARN)
		return;
	va_start(ap, fmt);
	log_write("warning: ", 0, fmt, ap);
	va_end(ap);
}

void log_notice(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_WARN)
		return;
	va_start(ap, fmt);
	log_write("", 0, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_INFO)
		return;
	va_start(ap, fmt);
	log_write("", 0, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_level < LOG_DEBUG)
		return;
	va_start(ap, fmt);
	log_write("debug: ", 0, fmt, ap);
	va_end(ap);
}
