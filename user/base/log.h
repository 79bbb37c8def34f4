/* SPDX-License-Identifier: GPL-2.0-only */
/* The conversation, on stderr: "proctrail: cannot open trail 'x': No such file or directory". */
#ifndef PROCTRAIL_BASE_LOG_H
#define PROCTRAIL_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* LOG_WARN until told otherwise. */
void log_set_level(enum log_level level);
/* Whether stderr's reader takes UTF-8; false until told: foreign bytes are then shown in ASCII. */
void log_set_utf8(bool utf8);
/* Whether a line of status stands on stderr, which messages have to take the place of. */
void log_set_status(bool shown);
/* err: 0 or -errno, its text is appended; returns err, so that a command can say 'return log_err'. */
int log_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What is no trouble, but is to be known: as loud as a warning. */
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
