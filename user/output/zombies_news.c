// SPDX-License-Identifier: GPL-2.0-only
/* News of zombies, one line each. */
#include "output/zombies_int.h"

#include <string.h>

#include "output/table.h"

#define TIME_WIDTH   10 /* "02:14:07  " */
#define PARENT_WIDTH 23
#define NEWS_COLUMN  (TIME_WIDTH + PARENT_WIDTH)

static struct span comm_span(const char comm[REC_COMM_LEN])
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

void zombies_put_news_head(struct buf *b, const struct render *r)
{
	buf_printf(b, "%-*s%-*s%s\n", TIME_WIDTH, clock_zone(proc_table_clock(r->table)),
		   PARENT_WIDTH, "PARENT", "NEWS");
}

/* "+3 zombies older than 3s, the last: convert; 41 in all" */
static void put_zombies(struct zombies_page *p, const struct news *n)
{
	buf_put_char(&p->text, '+');
	zombies_put_count(p, n->fresh, "zombie", "zombies");
	buf_printf(&p->text, " older than %us%s: ", (unsigned)(NEWS_RIPE_NS / NS_PER_SEC),
		   n->fresh > 1 ? ", the last" : "");
	text_put_safe(&p->text, comm_span(n->zombie_comm), &p->r->style);
	if (n->parent->zombies > n->fresh) {
		buf_put_str(&p->text, "; ");
		text_put_count(&p->text, n->parent->zombies);
		buf_put_str(&p->text, " in all");
	}
}

static void put_what(struct zombies_page *p, const struct news *n)
{
	switch (n->kind) {
	case NEWS_ZOMBIES: put_zombies(p, n); break;
	case NEWS_VERDICT:
		buf_put_str(&p->text, verdict_says(n->parent->verdict));
		if (n->was != VERDICT_CNT) {
			buf_put_str(&p->text, ", before: ");
			buf_put_str(&p->text, verdict_says(n->was));
		}
		break;
	case NEWS_LEAK:
		buf_put_str(&p->text, "LEAKS: ");
		zombies_put_leak(&p->text, n->parent->leak_milli);
		buf_put_str(&p->text, " more zombies a minute");
		break;
	case NEWS_LIMIT: zombies_put_limit(p, &n->limit); break;
	case NEWS_GONE: buf_put_str(&p->text, "its zombies are gone"); break;
	case NEWS_KIND_CNT: break;
	}
}

static void put_text(struct buf *b, const struct render *r, const struct news *n)
{
	struct zombies_page p = {.out = b, .r = r};
	size_t width;

	clock_put_time(b, proc_table_clock(r->table), proc_table_host(r->table)->now_ns, 0);
	buf_put_str(b, "  ");
	zombies_put_label(&p, n->key, comm_span(n->comm));
	width = text_width((struct span){buf_str(&p.text), p.text.len});
	buf_put_span(b, (struct span){buf_str(&p.text), p.text.len});
	buf_pad(b, width + 1 < PARENT_WIDTH ? PARENT_WIDTH - width : 1, ' ');
	buf_reset(&p.text);
	put_what(&p, n);
	table_put_wrapped(b, &r->style, (struct span){buf_str(&p.text), p.text.len},
			  width + 1 < PARENT_WIDTH ? NEWS_COLUMN : TIME_WIDTH + width + 1,
			  NEWS_COLUMN);
	buf_release(&p.text);
}

static void put_limit(struct json *j, const struct forecast *f)
{
	json_str(j, "limit", span_of(limit_kind_name(f->kind)));
	if (f->name.len)
		json_str(j, "limit_cgroup", f->name);
	json_u64(j, "limit_used", f->used);
	json_u64(j, "limit_max", f->max);
	if (f->full_ns != FORECAST_UNKNOWN)
		json_u64(j, "limit_full_ns", f->full_ns);
}

static void put_json(struct buf *b, const struct render *r, const struct news *n)
{
	struct json j;

	json_begin(&j, b, "news");
	json_raw_str(&j, "ts");
	clock_put_rfc3339(b, proc_table_clock(r->table), proc_table_host(r->table)->now_ns);
	buf_put_char(b, '"');
	json_u64(&j, "boot_ns", proc_table_host(r->table)->now_ns);
	json_str(&j, "what", span_of(news_kind_name(n->kind)));
	json_u64(&j, "pid", n->key.tgid);
	json_u64(&j, "start_ns", n->key.start_ns);
	if (n->comm[0])
		json_str(&j, "comm", comm_span(n->comm));
	json_u64(&j, "zombies", n->parent ? n->parent->zombies : 0);
	if (n->parent)
		json_str(&j, "verdict", span_of(verdict_name(n->parent->verdict)));
	if (n->kind == NEWS_VERDICT && n->was != VERDICT_CNT)
		json_str(&j, "verdict_before", span_of(verdict_name(n->was)));
	if (n->kind == NEWS_ZOMBIES)
		json_u64(&j, "more", n->fresh);
	if (n->parent)
		json_u64(&j, "leak_milli_per_min", n->parent->leak_milli);
	if (n->kind == NEWS_LIMIT)
		put_limit(&j, &n->limit);
	json_end(&j);
}

void zombies_put_news(struct buf *b, const struct render *r, const struct news *n)
{
	if (r->json)
		put_json(b, r, n);
	else
		put_text(b, r, n);
}
