// SPDX-License-Identifier: GPL-2.0-only
/* Every change as a line, as it happens. */
#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/filter.h"
#include "cmd/scope.h"
#include "cmd/session.h"

struct trace {
	const struct options *opt;
	struct session *session;
	struct filter filter;
	struct scope scope;
	struct buf line;
	bool begun; /* the header is out */
};

static bool event_listed(const char *list, const char *event)
{
	size_t len = strlen(event);

	for (const char *p = list; *p; p += strspn(p, ",")) {
		size_t word = strcspn(p, ",");

		if (word == len && memcmp(p, event, len) == 0)
			return true;
		p += word;
	}
	return false;
}

/* Which kinds of line: those asked for; else all as JSON, and as text what a person wants. */
static bool kind_shown(const struct trace *t, const struct event_format *fmt)
{
	if (t->opt->events)
		return event_listed(t->opt->events, fmt->event);
	if (t->opt->json)
		return true;
	return fmt->text || (t->opt->signals && fmt->kind == CHANGE_SIGNAL);
}

static bool in_scope(const struct trace *t, const struct change *c)
{
	if (!c->proc && !c->other)
		return true;
	if (c->proc && scope_has(&t->scope, c->proc))
		return true;
	return c->kind == CHANGE_SIGNAL && c->other && scope_has(&t->scope, c->other);
}

/* Whose lines: a signal is shown for its sender too. Loss and healing are everybody's. */
static bool change_shown(struct trace *t, const struct change *c)
{
	if (!in_scope(t, c))
		return false;
	if (!t->filter.active)
		return true;
	if (!c->proc && !c->other)
		return c->kind == CHANGE_LOST || c->kind == CHANGE_HEAL;
	if (c->proc && filter_shows(&t->filter, c->proc))
		return true;
	return c->kind == CHANGE_SIGNAL && c->other && filter_shows(&t->filter, c->other);
}

/*
 * The host record comes first in every stream: from it on zone and boot id are known. Of a recording
 * the part that was asked for may begin later.
 */
static void begin(struct trace *t)
{
	struct render *r = session_render(t->session);

	if (t->begun)
		return;
	t->begun = true;
	if (r->json) {
		render_start(&t->line, r, session_source_name(t->session));
		return;
	}
	session_put_title(t->session, &t->line);
	render_trace_header(&t->line, r);
}

static void show(struct trace *t, const struct change *c)
{
	const struct event_format *fmt;

	buf_reset(&t->line);
	begin(t);
	fmt = event_format_of(c);
	if (fmt && kind_shown(t, fmt) && change_shown(t, c))
		render_change(&t->line, session_render(t->session), c);
	if (t->line.len)
		session_put(t->session, &t->line);
}

/* Who belongs to the scope is known from before the part that is told. */
static void on_change(void *ctx, const struct change *c)
{
	struct trace *t = ctx;

	scope_note(&t->scope, c);
	if (!session_quiet(t->session))
		show(t, c);
	scope_forget(&t->scope, c);
}

static int finish(struct trace *t)
{
	struct render *r = session_render(t->session);

	buf_reset(&t->line);
	begin(t);
	if (r->json)
		render_summary(&t->line, r, session_complete(t->session));
	else
		render_trace_summary(&t->line, r);
	session_put(t->session, &t->line);
	if (!t->opt->read_path || !t->opt->pid || t->scope.matched)
		return EXIT_DONE;
	log_err(0, "no process in the recording has pid %u", t->opt->pid);
	return EXIT_FAILED;
}

int cmd_trace(const struct options *opt)
{
	struct trace t = {.opt = opt};
	struct session_options so = {
		.opt = opt,
		.facts = true,
		.duration_ns = opt->duration_ns,
	};
	int code = EXIT_FAILED, err;

	err = filter_init(&t.filter, opt);
	if (err) {
		log_err(err, "cannot prepare the filters");
		goto out;
	}
	code = session_open(&so, &t.session);
	if (code != EXIT_DONE)
		goto out;
	scope_init(&t.scope, opt, session_table(t.session));
	err = proc_table_listen(session_table(t.session), on_change, &t);
	if (err) {
		log_err(err, "cannot listen to the process table");
		code = session_close(t.session, EXIT_FAILED);
		goto out;
	}
	code = session_run(t.session);
	err = finish(&t);
	code = session_close(t.session, code == EXIT_DONE ? err : code);
out:
	scope_release(&t.scope);
	buf_release(&t.line);
	filter_release(&t.filter);
	return code;
}
