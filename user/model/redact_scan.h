/* SPDX-License-Identifier: GPL-2.0-only */
/* One pass over a command line: where it stands, and what its two files share. */
#ifndef PROCTRAIL_MODEL_REDACT_SCAN_H
#define PROCTRAIL_MODEL_REDACT_SCAN_H

#include "model/redact_int.h"

enum byte_class {
	PLAIN,
	BLANK,
	QUOTE,
	BACKSLASH,
	DIVIDER, /* of commands in a script */
	EQUALS,
	COLON,
	TOKEN_END, /* the last byte of a token's prefix */
	JWT_BYTE,  /* the third of a JWT: the rarest of 'eyJ' */
};

extern const uint8_t byte_classes[256];

/* What the words so far say about the next ones. */
struct context {
	const struct program *program; /* NULL: none that has secrets of its own */
	bool begun;                    /* the first word was seen */
	bool wraps;                    /* a later word may be the program */
	bool remote;                   /* arguments may be scripts */
	bool login;
	bool user_next;   /* the next word is sudo's -u, no program */
	bool script_next; /* the next word is sh's -c */
	bool value_next;  /* the next word is a secret: */
	bool source_next; /* ... if it is 'pass:X' */
	bool port_next;   /* ... unless it is 3306:3306, which docker's -p takes */
	char keep_to;     /* ... behind this byte */
	enum secret_name kind;
};

struct scan {
	struct edit *e;
	size_t begin, end; /* of the argument */
	bool cut;          /* it is the last one, and its end is missing */
	bool script;       /* it is known to be one */
	bool text;         /* it has blanks, and words of its own */
	char quote;        /* what is open at the current byte; 0: nothing */
	size_t quoted_at;  /* the first byte behind the quote */
	size_t tracked;    /* up to here 'quote' counts */
	size_t looked;     /* bytes passed by looks ahead */
	struct context args, words;
};

static inline char at(const struct scan *s, size_t p)
{
	return s->e->data[p];
}

static inline unsigned class_at(const struct scan *s, size_t p)
{
	return byte_classes[(uint8_t)at(s, p)];
}

/* How far back a look may go: what lies before was edited. */
static inline size_t floor_of(const struct scan *s)
{
	return s->e->in > s->begin ? s->e->in : s->begin;
}

static inline bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_name_byte(char c)
{
	return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static inline bool is_base64url(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

static inline size_t skip_blanks(const struct scan *s, size_t p)
{
	while (p < s->end && class_at(s, p) == BLANK)
		p++;
	return p;
}

/* ---- values (redact_value.c) ----------------------------------------------------------------- */

bool scan_span_is(const struct scan *s, size_t from, size_t to, const char *word); /* any case */
void scan_strip_quotes(const struct scan *s, size_t *from, size_t *to);
/* Sees what the quotes in [s->tracked, to) open and close. */
void scan_track_quotes(struct scan *s, size_t to);
void scan_hide(struct scan *s, size_t from, size_t to);
/* The same, unless the value is none: on, off, one figure, $NAME in a script, a path. */
void scan_hide_value(struct scan *s, size_t from, size_t to, enum secret_name kind);
/* The end of the shell word at p, quotes in it understood; within open quotes it ends with them. */
size_t scan_word_end(struct scan *s, size_t p);
/* The end of the value at p behind a '='; name: where its name begins. */
size_t scan_value_end(struct scan *s, size_t p, size_t name);

/* ---- bytes that tell (redact_byte.c): each gets the place of its byte ------------------------- */

void scan_on_equals(struct scan *s, size_t p); /* name=X, --name=X, -Dname=X, --option=name=X */
void scan_on_colon(struct scan *s, size_t p);  /* scheme://user:X@host, "name": "X", Name: X */
void scan_on_jwt(struct scan *s, size_t p);    /* the J of eyJ */
void scan_on_token(struct scan *s, size_t p);  /* the last byte of ghp_ and its like */

#endif
