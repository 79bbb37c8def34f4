/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of redaction: the line being edited, and the words that betray a secret. */
#ifndef PROCTRAIL_MODEL_REDACT_INT_H
#define PROCTRAIL_MODEL_REDACT_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Bytes that only shrink, edited from left to right in one pass: [0, out) is done, [in, len) is as
 * it was, what lies between is free. Positions are those of the original.
 */
struct edit {
	char *data;
	size_t len, out, in;
	bool changed;
};

/* Hides [from, to); what lies before e->in is done and stays. */
void edit_hide(struct edit *e, size_t from, size_t to);
/* Closes the gap; the new length. The edit can begin anew. */
size_t edit_finish(struct edit *e);

/* One pass over a whole command line with the known forms. */
void redact_scan(struct edit *e);

/* ---- words (redact_words.c) ------------------------------------------------------------------ */

enum secret_name {
	NAME_PLAIN,
	NAME_SECRET,
	NAME_SECRET_OR_PATH, /* a value that looks like a path is the place of the secret */
};

/* An option's name without its dashes: db-password, not password-file. */
enum secret_name secret_option(const char *name, size_t len);
/* A variable, a key of a connection string, a form or JSON: DB_PASSWORD, SECRET_KEY_BASE. */
enum secret_name secret_variable(const char *name, size_t len);
/* A header's name. certain: nothing else looks like it, whatever follows the colon. */
bool secret_header(const char *name, size_t len, bool *ret_certain);

#define PROGRAM_WRAPS      0x01 /* a later word may be the program that counts */
#define PROGRAM_REMOTE     0x02 /* its arguments may be scripts */
#define PROGRAM_GLUED_ONLY 0x04 /* -pX, while a bare -p asks for it */
#define PROGRAM_LOGIN      0x08 /* only after the word 'login' */
#define PROGRAM_KEYWORD    0x10 /* 'names' are words without dashes */
#define PROGRAM_SOURCE     0x20 /* only a value 'pass:X' is a secret */

/* What one program calls its secrets; a program may have several rows, one after the other. */
struct program {
	struct span name;
	const char *letters; /* -p X, -pX */
	const char *names;   /* --user X, --user=X; separated by blanks */
	const char *before;  /* letters without a value that may stand before in the same word */
	char keep_to;        /* the secret is what follows this byte (user:X); 0: all of it */
	uint8_t flags;
};

/* The first row of the program with this path or name; NULL: it has none. */
const struct program *program_find(const char *path, size_t len);
const struct program *program_next(const struct program *row); /* NULL: that was the last */
bool program_has_name(const struct program *row, const char *name, size_t len);

/* Length of the prefix of a token that says what it is (ghp_) and ends with this byte; 0: none. */
size_t token_prefix_before(const char *end, size_t len);

#endif
