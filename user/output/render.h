/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes -> lines. One table of fields (name, type, getter), one row an event (which fields its
 * JSON has, which template its text): text and JSON cannot drift apart.
 */
#ifndef PROCTRAIL_OUTPUT_RENDER_H
#define PROCTRAIL_OUTPUT_RENDER_H

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "model/proc_table.h"

enum value_type {
	VALUE_U64,
	VALUE_I64,
	VALUE_BOOL,
	VALUE_STR,   /* foreign bytes */
	VALUE_ARGS,  /* NUL after each element */
	VALUE_WORDS, /* our own words */
	VALUE_TIME,  /* boot_ns: RFC 3339 in JSON, host's zone in text */
	VALUE_NS,    /* a duration */
	VALUE_KB,
	VALUE_ID,     /* struct proc_key: "boot.tgid.start" */
	VALUE_LABEL,  /* a process for text: comm[pid] */
	VALUE_STATUS, /* u: raw wait status, for text: see render_fate */
};

struct value {
	enum value_type type;
	union {
		uint64_t u;
		int64_t i;
		struct span s;
		struct proc_key key;
		struct {
			struct proc_key key;
			struct span comm; /* empty: unknown */
		} label;
		struct {
			const char *word[12];
			size_t cnt;
		} words;
	};
	bool cut; /* STR, ARGS: the original was longer */
};

struct render {
	const struct proc_table *table;
	struct text_style style;
	bool utc;
	bool json;
	uint64_t dropped; /* lines that the output had no room for */
};

/* One field: false from 'get' means unknown here, and the field is absent. */
struct field {
	const char *name;
	bool (*get)(const struct render *r, const struct change *c, struct value *ret);
};

/* NULL: no such field */
const struct field *field_find(const char *name);
/* Appends one value as text; the same function serves every column of every command. */
void value_put_text(struct buf *b, const struct render *r, const struct value *v);
void value_put_json(struct json *j, const char *name, const struct render *r,
		    const struct value *v);

/* One kind of line */
struct event_format {
	const char *event; /* JSON "event" and the text column EVENT */
	enum change_kind kind;
	const char *fields;       /* JSON, in order, separated by blanks; the common ones first */
	const uint8_t *field_ids; /* the same as enum field_id, FIELD_CNT at the end */
	const char *what;         /* text: "of {parent}, {how}, {parent_rss_kb}": a part with an
					 * unknown field is left out up to its comma; so is a
					 * [part in brackets] */
	const char *note;         /* text, right-aligned: "lived {lived_ns}" */
	bool text;                /* shown as text by default */
	const char *word;         /* in text, where the name is too long; NULL: the name */
	bool (*applies)(const struct change *c); /* NULL: always */
};

/* The row for this change; NULL: nothing to show */
const struct event_format *event_format_of(const struct change *c);
const struct event_format *event_format_find(const char *event); /* for --events; NULL: unknown */

/* Appends the change's line, NL-ended, as r->json says. Nothing for a change without a format. */
void render_change(struct buf *b, const struct render *r, const struct change *c);
#define RENDER_HOOKS_MAX 16

/* The names of REC_HOOK_* bits, as JSON has them; returns how many. */
size_t render_hook_names(uint32_t bits, const char *ret_words[RENDER_HOOKS_MAX]);
/* {"event":"start",...} */
void render_start(struct buf *b, const struct render *r, const char *source_name);
/* {"event":"summary",...} */
void render_summary(struct buf *b, const struct render *r, bool complete);
/* "CET                PID EVENT  WHAT" */
void render_trace_header(struct buf *b, const struct render *r);
/* "2 processes, 2 execs, 2 deaths (1 killed); 11 events, none lost" */
void render_trace_summary(struct buf *b, const struct render *r);
/* "none lost", "3 lost: counts are lower bounds, 1 row put right", ... */
void render_put_losses(struct buf *b, const struct render *r);
/* A line that says why an answer is not complete. */
void render_incomplete(struct buf *b, const struct render *r);

/* comm[pid] as it stands everywhere in text */
void render_label(struct buf *b, const struct render *r, const struct proc *p);
/* "0", "exit 3", "SIGTERM", "SIGSEGV, core dumped" from a raw status */
void render_fate(struct buf *b, uint32_t status);

#endif
