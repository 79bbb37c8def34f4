// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pass over a command line, from left to right. Words (arguments, and within an argument that
 * has blanks the words of the script it may be) tell of secrets in the next word; single bytes ('=',
 * ':', the J of a JWT) tell of secrets around them. Most command lines have neither, so the loop
 * runs from one byte that may matter to the next.
 */
#include "model/redact_scan.h"

#include <string.h>

/* Looks ahead take some times an argument's length, unless it was made to take long. */
#define LOOKS_MAX 16

const uint8_t byte_classes[256] = {
	[' '] = BLANK,      ['\t'] = BLANK,   ['\n'] = BLANK,  ['\''] = QUOTE,  ['"'] = QUOTE,
	['\\'] = BACKSLASH, [';'] = DIVIDER,  ['|'] = DIVIDER, ['&'] = DIVIDER, ['('] = DIVIDER,
	[')'] = DIVIDER,    ['`'] = DIVIDER,  ['='] = EQUALS,  [':'] = COLON,   ['_'] = TOKEN_END,
	['-'] = TOKEN_END,  ['J'] = JWT_BYTE,
};

/* ---- words ----------------------------------------------------------------------------------- */

/* 3306:3306, 127.0.0.1:80: what docker's -p takes. */
static bool is_port_mapping(const struct scan *s, size_t from, size_t to)
{
	bool colon = false;

	for (; from < to; from++) {
		colon |= at(s, from) == ':';
		if (!is_digit(at(s, from)) && at(s, from) != ':' && at(s, from) != '.')
			return false;
	}
	return colon;
}

/* The value [from, to) of something that is a secret: all of it, or what is behind keep_to. */
static void take_value(struct scan *s, const struct context *value, size_t from, size_t to)
{
	bool part = value->source_next || value->keep_to;

	if (part)
		scan_strip_quotes(s, &from, &to);
	if (value->source_next) {
		if (to - from <= 5 || memcmp(s->e->data + from, "pass:", 5) != 0)
			return;
		from += 5;
	} else if (value->keep_to) {
		const char *kept = memchr(s->e->data + from, value->keep_to, to - from);

		if (!kept)
			return;
		from = (size_t)(kept - s->e->data) + 1;
	}
	if (!value->port_next || !is_port_mapping(s, from, to))
		scan_hide_value(s, from, to, value->kind);
}

/* What a row says about its values, for the word that follows or what is left of this one. */
static void expect_value(struct context *c, const struct program *row)
{
	c->value_next = c->port_next = true;
	c->source_next = row->flags & PROGRAM_SOURCE;
	c->keep_to = row->keep_to;
	c->kind = NAME_SECRET;
}

/* -p X, -pX, -sSu X */
static bool take_letters(struct scan *s, struct context *c, const struct program *row, size_t from,
			 size_t to)
{
	if (!row->letters || (row->flags & PROGRAM_LOGIN && !c->login))
		return false;
	from++;
	while (row->before && from < to && strchr(row->before, at(s, from)))
		from++;
	if (from >= to || !strchr(row->letters, at(s, from)))
		return false;
	if (++from == to && row->flags & PROGRAM_GLUED_ONLY)
		return true;
	expect_value(c, row);
	if (from < to) {
		c->value_next = false;
		take_value(s, c, from, to);
	}
	return true;
}

/* --user X, --user=X, -passin X; [from, to) without dashes */
static bool take_name(struct scan *s, struct context *c, const struct program *row, size_t from,
		      size_t to)
{
	const char *equals = memchr(s->e->data + from, '=', to - from);
	size_t end = equals ? (size_t)(equals - s->e->data) : to;

	if (!program_has_name(row, s->e->data + from, end - from))
		return false;
	expect_value(c, row);
	if (equals) {
		c->value_next = false;
		take_value(s, c, end + 1, to);
	}
	return true;
}

static bool is_name(const struct scan *s, size_t from, size_t to)
{
	while (from < to && is_name_byte(at(s, from)))
		from++;
	return from == to;
}

/* The word [from, to) begins with '-'. */
static void on_option(struct scan *s, struct context *c, size_t from, size_t to)
{
	size_t name = from + (to - from > 2 && at(s, from + 1) == '-' ? 2 : 1);

	for (const struct program *row = c->program; row; row = program_next(row)) {
		if (name == from + 1 && take_letters(s, c, row, from, to))
			return;
		if (!(row->flags & PROGRAM_KEYWORD) && take_name(s, c, row, name, to))
			return;
	}
	c->kind = secret_option(s->e->data + name, to - name);
	c->value_next = c->kind && is_name(s, name, to);
	c->source_next = c->port_next = false;
	c->keep_to = 0;
	c->user_next = c->wraps &&
		       (scan_span_is(s, from, to, "-u") || scan_span_is(s, from, to, "--user"));
	if (name == from + 1)
		c->script_next = to - from <= 6 && at(s, to - 1) == 'c';
	else
		c->script_next = scan_span_is(s, from, to, "--command");
}

static void on_bare(struct scan *s, struct context *c, size_t from, size_t to, bool is_user)
{
	const struct program *program;

	if (!c->begun || (c->wraps && !is_user)) {
		program = program_find(s->e->data + from, to - from);
		if (program) {
			c->program = program;
			c->wraps |= program->flags & PROGRAM_WRAPS;
			c->remote |= program->flags & PROGRAM_REMOTE;
		}
	}
	for (const struct program *row = c->program; row && c->begun; row = program_next(row))
		if (row->flags & PROGRAM_KEYWORD &&
		    program_has_name(row, s->e->data + from, to - from))
			expect_value(c, row);
	c->login |= scan_span_is(s, from, to, "login");
	c->begun = true;
}

static void on_word(struct scan *s, struct context *c, size_t from, size_t to)
{
	bool is_value = c->value_next, is_user = c->user_next, dash;
	size_t begin = from, end = to;

	c->value_next = c->user_next = c->script_next = false;
	scan_strip_quotes(s, &begin, &end);
	dash = end - begin >= 2 && at(s, begin) == '-';
	if (dash)
		on_option(s, c, begin, end);
	else if (is_value)
		take_value(s, c, from, to);
	else if (begin < end)
		on_bare(s, c, begin, end, is_user);
}

/* A word of a text begins at p, unless there is a blank. */
static void on_text_word(struct scan *s, size_t p)
{
	if (p < s->end && class_at(s, p) != BLANK && p >= s->e->in)
		on_word(s, &s->words, p, scan_word_end(s, p));
}

static void begin_command(struct scan *s)
{
	s->words = (struct context){.wraps = true};
}

/* The first blank in an argument: it is looked at again, as a text of several words. */
static size_t begin_text(struct scan *s, size_t p)
{
	s->text = true;
	begin_command(s);
	if (s->e->in > s->begin) /* something was found before it */
		return p;
	s->quote = 0;
	s->tracked = s->begin;
	on_text_word(s, s->begin);
	return s->begin;
}

/* ---- the pass -------------------------------------------------------------------------------- */

static void on_quote(struct scan *s, size_t p)
{
	scan_track_quotes(s, p + 1);
	if (s->quote && s->text)
		on_text_word(s, p + 1);
}

/* Returns where to go on. */
static size_t on_byte(struct scan *s, size_t p)
{
	switch ((enum byte_class)class_at(s, p)) {
	case PLAIN: break;
	case BLANK:
		if (!s->text)
			return begin_text(s, p);
		if (at(s, p) == '\n')
			begin_command(s);
		on_text_word(s, p + 1);
		break;
	case QUOTE: on_quote(s, p); break;
	case BACKSLASH:
		if (s->quote == '\'')
			break;
		scan_track_quotes(s, p + 1);
		if (s->text && s->quote && p + 1 < s->end && class_at(s, p + 1) == QUOTE)
			on_text_word(s, p + 2);
		return p + 2;
	case DIVIDER:
		if (s->text) {
			begin_command(s);
			if (s->script)
				on_text_word(s, p + 1);
		}
		break;
	case EQUALS: scan_on_equals(s, p); break;
	case COLON: scan_on_colon(s, p); break;
	case TOKEN_END: scan_on_token(s, p); break;
	case JWT_BYTE: scan_on_jwt(s, p); break;
	}
	return p + 1;
}

/* The next byte that is not PLAIN. */
static size_t next_telling(const char *data, size_t p, size_t end)
{
	while (p < end && byte_classes[(uint8_t)data[p]] == PLAIN)
		p++;
	return p;
}

static void scan_arg(struct scan *s, size_t begin, size_t end)
{
	size_t p = begin;

	s->begin = begin;
	s->end = end;
	s->script = s->args.script_next || s->args.remote;
	s->text = false;
	s->quote = 0;
	s->tracked = begin;
	s->looked = 0;
	on_word(s, &s->args, begin, end);
	for (;;) {
		if (p < s->e->in)
			p = s->e->in;
		p = next_telling(s->e->data, p, end);
		if (p >= end)
			break;
		if (s->tracked < p)
			s->tracked = p; /* no quote was passed */
		p = on_byte(s, p);
		if (s->looked > LOOKS_MAX * (end - begin)) {
			scan_hide(s, p, end); /* it does not get our time, nor what it hides */
			break;
		}
	}
}

void redact_scan(struct edit *e)
{
	struct scan s = {.e = e};

	for (size_t begin = 0; begin < e->len;) {
		const char *nul = memchr(e->data + begin, '\0', e->len - begin);
		size_t end = nul ? (size_t)(nul - e->data) : e->len;

		s.cut = !nul;
		scan_arg(&s, begin, end);
		begin = end + 1;
	}
}
