// SPDX-License-Identifier: GPL-2.0-only
/* One value, as text or as JSON. */
#include <string.h>

#include "output/render.h"

static struct wall_clock render_clock(const struct render *r)
{
	struct wall_clock c = *proc_table_clock(r->table);

	c.utc |= r->utc;
	return c;
}

/* The boot id's first eight digits make the rest an identity over reboots and machines. */
static void put_id(struct buf *b, const struct render *r, struct proc_key key)
{
	const char *boot = proc_table_host(r->table)->boot_id;

	buf_put(b, boot[0] ? boot : "00000000", 8);
	buf_put_char(b, '.');
	buf_put_u64(b, key.tgid);
	buf_put_char(b, '.');
	buf_put_u64(b, key.start_ns);
}

static void put_label(struct buf *b, const struct text_style *st, struct proc_key key,
		      struct span comm)
{
	if (comm.len)
		text_put_safe(b, comm, st);
	else
		buf_put_char(b, '?');
	buf_put_char(b, '[');
	buf_put_u64(b, key.tgid);
	buf_put_char(b, ']');
}

void render_label(struct buf *b, const struct render *r, const struct proc *p)
{
	put_label(b, &r->style, p->key, proc_comm(p));
}

void render_fate(struct buf *b, uint32_t status)
{
	int sig = status & 0x7f;
	const char *name = signal_name(sig);

	if (sig == 0) {
		buf_put_str(b, status >> 8 & 0xff ? "exit " : "");
		buf_put_u64(b, status >> 8 & 0xff);
		return;
	}
	if (name)
		buf_put_str(b, name);
	else
		buf_printf(b, "signal %d", sig);
	if (status & 0x80)
		buf_put_str(b, ", core dumped");
}

void value_put_text(struct buf *b, const struct render *r, const struct value *v)
{
	struct wall_clock clock;

	switch (v->type) {
	case VALUE_U64: buf_put_u64(b, v->u); break;
	case VALUE_I64: buf_put_i64(b, v->i); break;
	case VALUE_BOOL: buf_put_str(b, v->u ? "yes" : "no"); break;
	case VALUE_STR:
		text_put_safe(b, v->s, &r->style);
		if (v->cut)
			buf_put_str(b, "...");
		break;
	case VALUE_ARGS: text_put_args(b, v->s, v->cut, &r->style); break;
	case VALUE_WORDS:
		for (size_t i = 0; i < v->words.cnt; i++) {
			buf_put_str(b, i ? " " : "");
			buf_put_str(b, v->words.word[i]);
		}
		break;
	case VALUE_TIME:
		clock = render_clock(r);
		clock_put_time(b, &clock, v->u, 3);
		break;
	case VALUE_NS: text_put_duration(b, v->u); break;
	case VALUE_KB: text_put_bytes(b, v->u > UINT64_MAX >> 10 ? UINT64_MAX : v->u << 10); break;
	case VALUE_ID: put_id(b, r, v->key); break;
	case VALUE_LABEL: put_label(b, &r->style, v->label.key, v->label.comm); break;
	case VALUE_STATUS: render_fate(b, v->u); break;
	}
}

/* For the types that have the same form in both: between quotes, where they need no escapes. */
static void put_quoted_text(struct json *j, const char *name, const struct render *r,
			    const struct value *v)
{
	struct buf text = {0};

	value_put_text(&text, r, v);
	json_str(j, name, (struct span){text.data, text.len});
	if (text.err)
		j->out->err = text.err;
	buf_release(&text);
}

void value_put_json(struct json *j, const char *name, const struct render *r, const struct value *v)
{
	struct buf *b = j->out;

	switch (v->type) {
	case VALUE_U64:
	case VALUE_NS:
	case VALUE_KB: json_u64(j, name, v->u); break;
	case VALUE_I64: json_i64(j, name, v->i); break;
	case VALUE_BOOL: json_bool(j, name, v->u); break;
	case VALUE_STR: json_str(j, name, v->s); break;
	case VALUE_ARGS: json_args(j, name, v->s); break;
	case VALUE_WORDS: json_list(j, name, v->words.word, v->words.cnt); break;
	case VALUE_TIME:
		json_raw_str(j, name);
		clock_put_rfc3339(b, proc_table_clock(r->table), v->u);
		buf_put_char(b, '"');
		break;
	case VALUE_ID:
		json_raw_str(j, name);
		put_id(b, r, v->key);
		buf_put_char(b, '"');
		break;
	case VALUE_LABEL:
	case VALUE_STATUS: put_quoted_text(j, name, r, v); break;
	}
}
