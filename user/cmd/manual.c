// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/manual.h"

#include <string.h>

/* Assembled from the top of the tree; the page is then part of this object, whole. */
#ifndef MAN_PAGE_PATH
#define MAN_PAGE_PATH "man/proctrail.8"
#endif

__asm__(".pushsection .rodata.manual,\"a\"\n"
	".global proctrail_manual_begin, proctrail_manual_end\n"
	"proctrail_manual_begin:\n"
	".incbin \"" MAN_PAGE_PATH "\"\n"
	"proctrail_manual_end:\n"
	".byte 0\n"
	".popsection\n");

extern const char proctrail_manual_begin[], proctrail_manual_end[];

/* Fonts and the unbreakable blank, as bytes that the page itself does not contain. */
enum { BOLD = 1, ITALIC, ROMAN, HARD_BLANK };

#define BODY 7 /* indent of text below .SH */
#define HANG 8 /* further indent below .TP */

struct page {
	struct buf *out;
	const struct text_style *st;
	struct buf line; /* one input line, escapes replaced */
	size_t indent;   /* of the running paragraph */
	size_t nested;   /* .RS */
	size_t at;       /* column; 0: nothing on this line yet */
	int font;
	bool verbatim;    /* between .EX and .EE */
	bool tag_next;    /* the next line is a .TP's tag */
	bool gap;         /* a blank line is due before the next text */
	unsigned unknown; /* requests and escapes not known */
};

struct span manual_text(void)
{
	return (struct span){proctrail_manual_begin,
			     (size_t)(proctrail_manual_end - proctrail_manual_begin)};
}

static bool next_line(struct span *page, struct span *ret_line)
{
	const char *nl;

	if (!page->len)
		return false;
	nl = memchr(page->data, '\n', page->len);
	ret_line->data = page->data;
	ret_line->len = nl ? (size_t)(nl - page->data) : page->len;
	page->data += ret_line->len + (nl != NULL);
	page->len -= ret_line->len + (nl != NULL);
	return true;
}

static bool begins(struct span line, const char *with)
{
	size_t len = strlen(with);

	return line.len >= len && memcmp(line.data, with, len) == 0;
}

static bool is_heading(struct span line)
{
	return begins(line, ".SH") || begins(line, ".SS");
}

struct span manual_section(const char *word)
{
	struct span page = manual_text(), line, found = {NULL, 0};
	size_t len = strlen(word);

	while (next_line(&page, &line)) {
		if (found.data && is_heading(line)) {
			found.len = (size_t)(line.data - found.data);
			return found;
		}
		if (!found.data && begins(line, ".SS ") && line.len >= 4 + len &&
		    memcmp(line.data + 4, word, len) == 0 &&
		    (line.len == 4 + len || line.data[4 + len] == ' '))
			found.data = line.data;
	}
	if (found.data)
		found.len = (size_t)(page.data - found.data);
	return found;
}

/* ---- one line of input -> p->line ---------------------------------------------------------- */

static const struct {
	const char *escape;
	const char *text;
} escapes[] = {
	{"\\fB", "\001"}, {"\\fI", "\002"}, {"\\fR", "\003"}, {"\\-", "-"},   {"\\e", "\\"},
	{"\\&", ""},      {"\\(em", "--"},  {"\\(aq", "'"},   {"\\(bu", "*"}, {"\\ ", "\004"},
};

#define ESCAPE_CNT (sizeof(escapes) / sizeof(*escapes))

static void expand(struct page *p, struct span s)
{
	for (size_t i = 0, e; i < s.len;) {
		struct span rest = {s.data + i, s.len - i};

		if (s.data[i] != '\\') {
			buf_put_char(&p->line, s.data[i++]);
			continue;
		}
		for (e = 0; e < ESCAPE_CNT && !begins(rest, escapes[e].escape); e++)
			;
		if (e == ESCAPE_CNT) {
			p->unknown++;
			i++;
			continue;
		}
		buf_put_str(&p->line, escapes[e].text);
		i += strlen(escapes[e].escape);
	}
}

/* The next argument of a request: a word, or a "quoted one". */
static bool next_arg(struct span *s, struct span *ret_arg)
{
	char end = ' ';
	size_t len;

	while (s->len && *s->data == ' ') {
		s->data++;
		s->len--;
	}
	if (!s->len)
		return false;
	if (*s->data == '"') {
		end = '"';
		s->data++;
		s->len--;
	}
	for (len = 0; len < s->len && s->data[len] != end; len++)
		;
	*ret_arg = (struct span){s->data, len};
	len += len < s->len;
	s->data += len;
	s->len -= len;
	return true;
}

/* .BR a b: a bold, b roman, without a blank between; .B a b: all bold, with one */
static void expand_fonts(struct page *p, struct span args, int first, int second)
{
	struct span arg;

	for (int i = 0; next_arg(&args, &arg); i++) {
		if (i && first == second)
			buf_put_char(&p->line, ' ');
		buf_put_char(&p->line, (char)(i % 2 ? second : first));
		expand(p, arg);
	}
	buf_put_char(&p->line, ROMAN);
}

/* ---- p->line -> the terminal ---------------------------------------------------------------- */

static void switch_font(struct page *p, int font)
{
	static const char *const codes[] = {
		[BOLD] = "\033[1m", [ITALIC] = "\033[4m", [ROMAN] = "\033[0m"};

	if (p->st->colour && font != p->font)
		buf_put_str(p->out, codes[font]);
	p->font = font;
}

static void end_line(struct page *p)
{
	if (p->at)
		buf_put_char(p->out, '\n');
	p->at = 0;
}

static void begin_line(struct page *p, size_t indent)
{
	if (p->gap && p->out->len)
		buf_put_char(p->out, '\n');
	p->gap = false;
	buf_pad(p->out, indent, ' ');
	p->at = indent ? indent : 1;
}

static size_t word_width(const char *w, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += w[i] >= HARD_BLANK || w[i] <= 0;
	return width;
}

static void put_bytes(struct page *p, const char *w, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (w[i] >= BOLD && w[i] <= ROMAN)
			switch_font(p, w[i]);
		else
			buf_put_char(p->out, w[i] == HARD_BLANK ? ' ' : w[i]);
	}
	p->at += word_width(w, len);
}

static void put_words(struct page *p, size_t indent)
{
	size_t limit = p->st->columns < 100 ? (size_t)p->st->columns : 100;
	const char *w = buf_str(&p->line);

	for (w += strspn(w, " "); *w; w += strspn(w, " ")) {
		size_t len = strcspn(w, " "), width = word_width(w, len);

		if (width && p->at > indent && p->at + 1 + width > limit)
			end_line(p);
		if (!p->at)
			begin_line(p, indent);
		else if (width && p->at > indent)
			put_bytes(p, " ", 1);
		put_bytes(p, w, len);
		w += len;
	}
}

static void put_line(struct page *p)
{
	if (p->verbatim) {
		end_line(p);
		if (p->line.len)
			begin_line(p, p->nested + p->indent);
		put_bytes(p, buf_str(&p->line), p->line.len);
		if (p->line.len)
			end_line(p);
		else
			buf_put_char(p->out, '\n');
	} else if (p->tag_next) {
		p->tag_next = false;
		p->indent = BODY;
		put_words(p, p->nested + p->indent);
		p->indent = BODY + HANG;
		if (p->at + 1 > p->nested + p->indent)
			end_line(p);
		else
			put_bytes(p, "                ", p->nested + p->indent - p->at);
	} else {
		put_words(p, p->nested + p->indent);
	}
	buf_reset(&p->line);
}

static void put_heading(struct page *p, struct span args, size_t indent)
{
	struct span arg;

	end_line(p);
	p->gap = true;
	p->nested = 0;
	buf_put_char(&p->line, BOLD);
	for (int i = 0; next_arg(&args, &arg); i++) {
		if (i)
			buf_put_char(&p->line, ' ');
		expand(p, arg);
	}
	buf_put_char(&p->line, ROMAN);
	put_words(p, indent);
	buf_reset(&p->line);
	end_line(p);
	p->indent = BODY;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void on_title(struct page *p, struct span args)
{
	struct span name, section;

	if (next_arg(&args, &name) && next_arg(&args, &section))
		buf_printf(p->out, "%.*s(%.*s)\n", (int)name.len, name.data, (int)section.len,
			   section.data);
}

static void on_section(struct page *p, struct span args)
{
	put_heading(p, args, 0);
}

static void on_subsection(struct page *p, struct span args)
{
	put_heading(p, args, 3);
}

static void on_paragraph(struct page *p, struct span args)
{
	end_line(p);
	p->gap = true;
	p->indent = BODY;
}

static void on_tagged(struct page *p, struct span args)
{
	end_line(p);
	p->gap = true;
	p->tag_next = true;
}

static void on_break(struct page *p, struct span args)
{
	end_line(p);
}

static void on_indent(struct page *p, struct span args)
{
	end_line(p);
	p->nested += HANG;
	p->indent = BODY;
}

static void on_outdent(struct page *p, struct span args)
{
	end_line(p);
	p->nested -= p->nested ? HANG : 0;
}

static void on_example(struct page *p, struct span args)
{
	end_line(p);
	p->verbatim = true;
}

static void on_example_end(struct page *p, struct span args)
{
	p->verbatim = false;
}

static const struct request {
	const char *name;
	void (*run)(struct page *p, struct span args);
	int first, second; /* fonts, where it is a line of text */
} requests[] = {
	{".TH", on_title, 0, 0},       {".SH", on_section, 0, 0},    {".SS", on_subsection, 0, 0},
	{".PP", on_paragraph, 0, 0},   {".TP", on_tagged, 0, 0},     {".br", on_break, 0, 0},
	{".RS", on_indent, 0, 0},      {".RE", on_outdent, 0, 0},    {".EX", on_example, 0, 0},
	{".EE", on_example_end, 0, 0}, {".BR", NULL, BOLD, ROMAN},   {".IR", NULL, ITALIC, ROMAN},
	{".BI", NULL, BOLD, ITALIC},   {".RB", NULL, ROMAN, BOLD},   {".RI", NULL, ROMAN, ITALIC},
	{".B", NULL, BOLD, BOLD},      {".I", NULL, ITALIC, ITALIC},
};

static void take_request(struct page *p, struct span line)
{
	const struct request *r = requests, *end = r + sizeof(requests) / sizeof(*requests);
	struct span args;
	size_t len = 0;

	while (len < line.len && line.data[len] != ' ')
		len++;
	args = (struct span){line.data + len, line.len - len};
	for (; r < end; r++)
		if (strlen(r->name) == len && !memcmp(r->name, line.data, len))
			break;
	if (r == end) {
		p->unknown++;
	} else if (r->run) {
		r->run(p, args);
	} else {
		expand_fonts(p, args, r->first, r->second);
		put_line(p);
	}
}

static void take_line(struct page *p, struct span line)
{
	if (begins(line, ".\\\""))
		return;
	if (begins(line, ".")) {
		take_request(p, line);
		return;
	}
	expand(p, line);
	put_line(p);
}

void manual_render(struct buf *b, const struct text_style *st, struct span page)
{
	struct page p = {.out = b, .st = st, .indent = BODY, .font = ROMAN};
	struct span line;

	while (next_line(&page, &line))
		take_line(&p, line);
	end_line(&p);
	switch_font(&p, ROMAN);
	buf_release(&p.line);
}

unsigned manual_check(struct span page)
{
	struct text_style st = {.columns = 80};
	struct buf out = {0};
	struct page p = {.out = &out, .st = &st, .indent = BODY, .font = ROMAN};
	struct span line;
	unsigned no = 0;

	while (!p.unknown && next_line(&page, &line)) {
		no++;
		take_line(&p, line);
	}
	buf_release(&p.line);
	buf_release(&out);
	return p.unknown ? no : 0;
}
