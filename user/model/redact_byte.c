// SPDX-License-Identifier: GPL-2.0-only
/* Single bytes that may stand in or before a secret, wherever in a command line. */
#include <string.h>

#include "model/redact_scan.h"

#define NAME_MAX_LEN  64
#define TOKEN_MIN_LEN 8 /* of a known token behind its prefix */
#define JWT_MIN_LEN   8 /* of a JWT's head */

/* The first byte of the name that ends before p. */
static size_t name_begin(const struct scan *s, size_t p)
{
	size_t least = floor_of(s);

	if (p > least + NAME_MAX_LEN)
		least = p - NAME_MAX_LEN;
	while (p > least && is_name_byte(at(s, p - 1)))
		p--;
	return p;
}

/* name=X, --name=X, -Dname=X, --option=name=X */
void scan_on_equals(struct scan *s, size_t p)
{
	size_t word = name_begin(s, p), name = word;
	enum secret_name kind;

	while (name < p && at(s, name) == '-')
		name++;
	if (name == word)
		kind = secret_variable(s->e->data + name, p - name);
	else
		kind = secret_option(s->e->data + name, p - name);
	if (!kind && name == word + 1 && p - name > 3) /* -Dname, -ename */
		kind = secret_variable(s->e->data + name + 1, p - name - 1);
	if (kind)
		scan_hide_value(s, p + 1, scan_value_end(s, p + 1, word), kind);
}

/* The port of a URL ends here, or is cut off. */
static bool port_ends(const struct scan *s, size_t p)
{
	return p >= s->end ? !s->cut : (!is_name_byte(at(s, p)) && at(s, p) != '@');
}

/* The last '@' of [p, end) before a byte of 'until'; end where there is none */
static size_t last_at_sign(struct scan *s, size_t p, const char *until)
{
	size_t found = s->end, from = p;

	for (; p < s->end && !strchr(until, at(s, p)); p++)
		if (at(s, p) == '@')
			found = p;
	s->looked += p - from;
	return found;
}

/*
 * scheme://user:X@host. The password may hold what it should not ('/', '#'), so where no port follows
 * the colon the next '@' counts.
 */
static void on_url(struct scan *s, size_t p)
{
	size_t secret, digits, sign;

	for (p += strlen("://"); p < s->end && at(s, p) != ':'; p++)
		if (strchr("/?#@[ \t\n\"'", at(s, p)))
			return;
	if (p == s->end)
		return;
	secret = digits = p + 1;
	while (digits < s->end && is_digit(at(s, digits)))
		digits++;
	sign = last_at_sign(s, secret, "/?# \t\n\"'`");
	if (sign == s->end && digits > secret && port_ends(s, digits))
		return;
	if (sign == s->end)
		sign = last_at_sign(s, secret, " \t\n\"'`");
	if (sign < s->end || (s->cut && sign > secret))
		scan_hide_value(s, secret, sign, NAME_SECRET);
}

/* Behind a quote at p, which may be written \" */
static size_t open_quote(const struct scan *s, size_t p, bool *ret_escaped)
{
	*ret_escaped = p + 1 < s->end && at(s, p) == '\\' && class_at(s, p + 1) == QUOTE;
	if (*ret_escaped)
		return p + 2;
	return p < s->end && class_at(s, p) == QUOTE ? p + 1 : p;
}

/* "name": "X", "name": 5, also with escaped quotes */
static void on_member(struct scan *s, size_t p)
{
	size_t name_end = p - 1, name, value, end;
	bool escaped;

	if (name_end > floor_of(s) && at(s, name_end - 1) == '\\')
		name_end--;
	name = name_begin(s, name_end);
	if (!secret_variable(s->e->data + name, name_end - name))
		return;
	p = skip_blanks(s, p + 1);
	value = end = open_quote(s, p, &escaped);
	if (value > p) {
		char quote = at(s, value - 1);

		for (; end < s->end && at(s, end) != quote; end++) {
			if (at(s, end) != '\\')
				continue;
			if (escaped && end + 1 < s->end && at(s, end + 1) == quote)
				break;
			end++;
		}
	} else {
		while (end < s->end && !strchr(",}]) \t\n\"'", at(s, end)))
			end++;
	}
	scan_hide_value(s, value, end < s->end ? end : s->end, NAME_SECRET);
}

/* Behind 'Bearer ' and its like, which is no secret */
static size_t skip_scheme(const struct scan *s, size_t p)
{
	static const char *const schemes[] = {"bearer", "basic",     "token", "digest",
					      "apikey", "negotiate", "ntlm",  "aws4-hmac-sha256"};
	size_t end = p;

	while (end < s->end && is_name_byte(at(s, end)))
		end++;
	if (end == s->end || class_at(s, end) != BLANK)
		return p;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (scan_span_is(s, p, end, schemes[i]))
			return skip_blanks(s, end);
	return p;
}

/* Name: X to the end of the argument, of the line, or of what quotes enclose. */
static void on_header(struct scan *s, size_t p)
{
	size_t name = name_begin(s, p), end;
	bool certain, dashed = memchr(s->e->data + name, '-', p - name) != NULL;

	if (name > floor_of(s) && at(s, name - 1) == '/')
		return; /* a path or an image */
	if (!secret_header(s->e->data + name, p - name, &certain))
		return;
	if (!certain && !(dashed && p + 1 < s->end && class_at(s, p + 1) == BLANK))
		return;
	p = skip_scheme(s, skip_blanks(s, p + 1));
	for (end = p; end < s->end && at(s, end) != '\n' && at(s, end) != '\r'; end++)
		if (s->quote && (at(s, end) == s->quote || at(s, end) == '\\'))
			break;
	scan_hide_value(s, p, end, NAME_SECRET);
}

void scan_on_colon(struct scan *s, size_t p)
{
	if (p + 2 < s->end && at(s, p + 1) == '/' && at(s, p + 2) == '/')
		on_url(s, p);
	else if (p > floor_of(s) && class_at(s, p - 1) == QUOTE)
		on_member(s, p);
	else
		on_header(s, p);
}

static size_t base64url_end(const struct scan *s, size_t p)
{
	while (p < s->end && is_base64url(at(s, p)))
		p++;
	return p;
}

/* eyJ... . ... . ...: head and claims begin with '{"' */
void scan_on_jwt(struct scan *s, size_t p)
{
	size_t least = floor_of(s), begin, head, end;

	if (p < least + 2 || at(s, p - 1) != 'y' || at(s, p - 2) != 'e')
		return;
	begin = p - 2;
	if (begin > least && is_base64url(at(s, begin - 1)))
		return;
	end = head = base64url_end(s, p);
	if (head - begin < JWT_MIN_LEN && !(s->cut && head == s->end))
		return;
	while (end < s->end && at(s, end) == '.')
		end = base64url_end(s, end + 1);
	if (end > head + 1 || (s->cut && end == s->end))
		scan_hide(s, begin, end);
}

void scan_on_token(struct scan *s, size_t p)
{
	size_t least = floor_of(s), prefix, end;

	prefix = token_prefix_before(s->e->data + p + 1, p + 1 - least);
	if (!prefix || (p + 1 - prefix > least && is_alnum(at(s, p - prefix))))
		return;
	end = base64url_end(s, p + 1);
	if (end - (p + 1) >= TOKEN_MIN_LEN || (s->cut && end == s->end))
		scan_hide(s, p + 1, end);
}
