/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timelines written by hand, as a source: every line becomes the records the kernel would have made.
 * The script keeps a small world of its own (who lives, with which parent, exec id and status), so
 * that a line names only what it is about. The format is in tests/script/README.md.
 */
#ifndef PROCTRAIL_SOURCE_SCRIPT_H
#define PROCTRAIL_SOURCE_SCRIPT_H

#include "source/source.h"

/* boot_ns of 0ms in a script: what was there before has a start, too */
#define SCRIPT_EPOCH_NS 1000000000000ULL

struct script;

struct script *script_new(void);    /* NULL without memory */
void script_free(struct script *s); /* accepts NULL */
/*
 * Appends the records of one line to 'out'; none for blank lines, comments and 'expect'. Returns 0,
 * -EINVAL with script_error() set, or -ENOMEM.
 */
int script_line(struct script *s, const char *line, struct buf *out);
const char *script_error(const struct script *s); /* what is wrong with the last line */

/* A whole file as a source. 0, or -errno of opening or reading it; a bad line ends the stream with
 * -EINVAL. */
int script_open(const char *path, struct source **ret_source);

/* ---- words, shared with the runner ---------------------------------------------------------- */

#define SCRIPT_WORDS_MAX 24

/* 'key=value' or just 'key'; quotes and \xNN are undone in place */
struct script_word {
	char *key;
	char *value; /* NULL: no '=' */
	size_t value_len;
};

/* Splits a line, which it changes. Returns how many words, or -EINVAL. */
int script_split(char *line, struct script_word *ret_words);
/* 10ms 1s 25us 5ns 1m; 0 or -EINVAL */
int script_parse_time(const char *s, uint64_t *ret_ns);
int script_parse_signal(const char *s); /* KILL, SIGKILL, 9, RTMIN+1; 0: none such */

#endif
