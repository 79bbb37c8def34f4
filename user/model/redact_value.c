// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a value ends, and whether it is one. What hides too much costs evidence, what hides too little
 * tells a secret: where quoting leaves a doubt the later end is taken.
 */
#include <string.h>

#include "model/redact_scan.h"

bool scan_span_is(const struct scan *s, size_t from, size_t to, const char *word)
{
	size_t len = strlen(word);

	return to - from == len && strncasecmp(s->e->data + from, word, len) == 0;
}

/*
 * $NAME, ${NAME} and nothing more, or $(command): a script that says where the secret is from. Of an
 * unquoted $(...) only the '$' is the word.
 */
static bool is_expansion(const struct scan *s, size_t from, size_t to)
{
	char open, close;

	if (at(s, from) != '$')
		return false;
	if (to - from == 1)
		return true;
	open = at(s, from + 1);
	close = at(s, to - 1);
	if (open == '(')
		return close == ')';
	from++;
	if (open == '{' && close == '}') {
		from++;
		to--;
	}
	while (from < to && (is_alnum(at(s, from)) || at(s, from) == '_'))
		from++;
	return from >= to;
}

/* On or off, one figure, or '-' for standard input: no secret, whatever its name. */
static bool is_setting(const struct scan *s, size_t from, size_t to)
{
	static const char *const words[] = {"true", "false", "yes", "no", "none"};

	if (to - from == 1)
		return is_digit(at(s, from)) || at(s, from) == '-';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (scan_span_is(s, from, to, words[i]))
			return true;
	return false;
}

static bool is_path(const struct scan *s, size_t from, size_t to)
{
	char c = at(s, from);

	if (at(s, to - 1) == '=') /* base64 */
		return false;
	return c == '/' || ((c == '.' || c == '~') && memchr(s->e->data + from, '/', to - from));
}

void scan_strip_quotes(const struct scan *s, size_t *from, size_t *to)
{
	if (*to - *from >= 2 && class_at(s, *from) == QUOTE && at(s, *to - 1) == at(s, *from)) {
		++*from;
		--*to;
	}
}

void scan_track_quotes(struct scan *s, size_t to)
{
	size_t p = s->tracked;

	for (; p < to; p++) {
		if (at(s, p) == '\\' && s->quote != '\'') {
			p++;
		} else if (class_at(s, p) == QUOTE && !s->quote) {
			s->quote = at(s, p);
			s->quoted_at = p + 1;
		} else if (at(s, p) == s->quote) {
			s->quote = 0;
		}
	}
	if (s->tracked < p)
		s->tracked = p;
}

void scan_hide(struct scan *s, size_t from, size_t to)
{
	scan_track_quotes(s, to); /* while the bytes are there */
	edit_hide(s->e, from, to);
}

void scan_hide_value(struct scan *s, size_t from, size_t to, enum secret_name kind)
{
	bool literal = from < to && at(s, from) == '\'';

	scan_strip_quotes(s, &from, &to);
	if (from >= to || is_setting(s, from, to))
		return;
	if ((s->script || s->text) && !literal && is_expansion(s, from, to))
		return;
	if (kind == NAME_SECRET_OR_PATH && is_path(s, from, to))
		return;
	scan_hide(s, from, to);
}

static bool ends_word(const struct scan *s, size_t p)
{
	unsigned cls = class_at(s, p);

	return cls == BLANK ||
	       (s->script && (cls == DIVIDER || at(s, p) == '<' || at(s, p) == '>'));
}

/* Behind the quote that closes what opens at p; the end where none does. */
static size_t quoted_end(const struct scan *s, size_t p)
{
	char quote = at(s, p++);

	for (; p < s->end; p++) {
		if (at(s, p) == '\\' && quote == '"')
			p++;
		else if (at(s, p) == quote)
			return p + 1;
	}
	return s->end;
}

size_t scan_word_end(struct scan *s, size_t p)
{
	size_t from = p;

	while (p < s->end && !ends_word(s, p)) {
		if (s->quote && at(s, p) == s->quote)
			break;
		if (at(s, p) == '\\') {
			if (s->quote && p + 1 < s->end && class_at(s, p + 1) == QUOTE)
				break; /* quotes within quotes */
			p += 2;
		} else if (class_at(s, p) == QUOTE) {
			p = quoted_end(s, p);
		} else {
			p++;
		}
	}
	if (p > s->end)
		p = s->end;
	s->looked += p - from;
	return p;
}

/* Whether at p, a byte that separates things in lists, another 'name=' follows. */
static bool next_key_follows(const struct scan *s, size_t p)
{
	size_t name;

	if (class_at(s, p) != BLANK && at(s, p) != ',' && at(s, p) != ';' && at(s, p) != '&')
		return false;
	name = p = skip_blanks(s, p + 1);
	while (p < s->end && is_name_byte(at(s, p)))
		p++;
	return p > name && p < s->end && at(s, p) == '=';
}

/* The end of the value at p that begins with a quote of its own. */
static size_t quoted_value_end(struct scan *s, size_t p)
{
	size_t end = quoted_end(s, p);
	const char *outer = s->quote ? memchr(s->e->data + p, s->quote, end - p) : NULL;

	if (outer)
		return (size_t)(outer - s->e->data);
	return s->quote ? end : scan_word_end(s, end);
}

/*
 * The end of the value at p behind a '='. An argument that begins with its name has nothing else in
 * it, blanks or not, but for a connection string's next key. In a text a word ends at a blank, in
 * quotes that were opened just before the name only with them.
 */
size_t scan_value_end(struct scan *s, size_t p, size_t name)
{
	size_t from = p;
	bool whole = s->quote ? name == s->quoted_at : !s->text && !s->script;

	if (p < s->end && class_at(s, p) == QUOTE && at(s, p) != s->quote)
		return quoted_value_end(s, p);
	if (s->script && !s->quote)
		return scan_word_end(s, p);
	while (p < s->end && !(s->quote && at(s, p) == s->quote)) {
		if (s->quote && at(s, p) == '\\' && p + 1 < s->end && class_at(s, p + 1) == QUOTE)
			break;
		if ((!whole && class_at(s, p) == BLANK) || next_key_follows(s, p))
			break;
		p = class_at(s, p) == BLANK ? skip_blanks(s, p) : p + 1;
	}
	s->looked += p - from;
	return p;
}
