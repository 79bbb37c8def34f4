// SPDX-License-Identifier: GPL-2.0-only
/* Records -> table -> every change and every answer, as text and as JSON. */
#include <errno.h>
#include <string.h>

#include "analysis/adoption.h"
#include "analysis/deaths.h"
#include "analysis/health.h"
#include "analysis/health_threads.h"
#include "analysis/spawns.h"
#include "analysis/tree.h"
#include "analysis/zombies.h"
#include "analysis/zombies_ledger.h"
#include "fuzz.h"
#include "model/keyframe.h"
#include "model/redact.h"
#include "output/deaths.h"
#include "output/health.h"
#include "output/spawns.h"
#include "output/tree.h"
#include "output/zombies.h"

#define TABLE_ROWS 500

struct stream {
	struct proc_table *table;
	struct render text, json;
	struct buf out;
	struct adoptions adoptions;
	struct deaths deaths;
	struct health_threads threads;
	struct spawns spawns;
	struct zombies_ledger ledger;
};

/* ---- output --------------------------------------------------------------------------------------- */

static void check_out(struct stream *s, const struct render *r)
{
	struct span out = {s->out.data, s->out.len};

	if (r->json)
		fuzz_check_json(out);
	else
		fuzz_check_text(out, !r->style.utf8);
	buf_reset(&s->out);
}

static void on_deaths(void *ctx, const struct death *const *v, size_t cnt)
{
	struct stream *s = ctx;
	struct buf b = {0};

	deaths_put_set(&b, &s->text, v, cnt);
	fuzz_check_text((struct span){b.data, b.len}, !s->text.style.utf8);
	buf_reset(&b);
	deaths_put_set(&b, &s->json, v, cnt);
	fuzz_check_json((struct span){b.data, b.len});
	buf_release(&b);
}

static void on_change(void *ctx, const struct change *c)
{
	struct stream *s = ctx;

	render_change(&s->out, &s->text, c);
	check_out(s, &s->text);
	render_change(&s->out, &s->json, c);
	check_out(s, &s->json);
	health_threads_change(&s->threads, c);
	spawns_note(&s->spawns, c);
	adoptions_note(&s->adoptions, c);
	deaths_note(&s->deaths, c, true);
	if (c->proc)
		zombies_ledger_note(&s->ledger, c);
}

/* ---- answers --------------------------------------------------------------------------------------- */

static void answer_tree(struct stream *s)
{
	struct tree_options opt = {.kernel = true, .dead = true};
	struct tree_view view = {.complete = true};
	struct tree tree;

	CHECK(tree_build(s->table, &opt, &tree) == 0);
	view.tree = &tree;
	tree_put_text(&s->out, &s->text, &view);
	check_out(s, &s->text);
	tree_put_json(&s->out, &s->json, &tree);
	check_out(s, &s->json);
	tree_release(&tree);
}

static void answer_zombies(struct stream *s)
{
	struct zombies_options opt = {.all = true};
	struct zombies_view view = {.ledger = &s->ledger, .adoptions = &s->adoptions, .all = true};
	struct zombies z;

	CHECK(zombies_examine(s->table, &opt, &z) == 0);
	view.zombies = &z;
	zombies_put_text(&s->out, &s->text, &view);
	check_out(s, &s->text);
	zombies_put_json(&s->out, &s->json, &view);
	check_out(s, &s->json);
	zombies_release(&z);
}

static void answer_spawns(struct stream *s)
{
	struct spawns_view view = {.spawns = &s->spawns, .rows = SIZE_MAX, .hist = true};
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(s->table, &i));)
		spawns_note_left(&s->spawns, p);
	CHECK(spawns_finish(&s->spawns) == 0);
	spawns_put_text(&s->out, &s->text, &view);
	check_out(s, &s->text);
	spawns_put_json(&s->out, &s->json, &view);
	check_out(s, &s->json);
}

static void answer_deaths(struct stream *s)
{
	struct deaths_view view = {.deaths = &s->deaths};

	deaths_finish(&s->deaths);
	deaths_put_head(&s->out, &s->text, &view);
	deaths_put_tail(&s->out, &s->text, &view);
	check_out(s, &s->text);
	deaths_put_json(&s->out, &s->json, &view);
	check_out(s, &s->json);
}

static void answer_health(struct stream *s)
{
	struct health health;
	struct health_view view = {.health = &health};

	CHECK(health_examine(s->table, &s->threads, &health) == 0);
	health_put_text(&s->out, &s->text, &view);
	check_out(s, &s->text);
	health_put_json(&s->out, &s->json, &health);
	check_out(s, &s->json);
	health_release(&health);
}

static void answer_trace(struct stream *s)
{
	render_trace_header(&s->out, &s->text);
	render_trace_summary(&s->out, &s->text);
	check_out(s, &s->text);
	render_start(&s->out, &s->json, "fuzz");
	render_summary(&s->out, &s->json, false);
	check_out(s, &s->json);
}

/* ---- records --------------------------------------------------------------------------------------- */

static void apply(struct proc_table *t, struct span records)
{
	struct cursor c = cursor_of(records.data, records.len);
	struct event ev;

	while (c.left && !c.err) {
		int err = event_decode(&c, &ev);

		if (err)
			proc_table_count_bad(t, err);
		else
			err = proc_table_apply(t, &ev);
		CHECK(err == 0 || err == -EBADMSG || err == -ENOENT);
	}
}

/* A table that is entered through a keyframe is the same table: it writes the same keyframe. */
static void check_keyframe(const struct proc_table *t)
{
	struct proc_table_options opt = {.max_procs = TABLE_ROWS};
	struct proc_table *twin = proc_table_new(&opt);
	struct buf first = {0}, second = {0};

	CHECK(twin && proc_table_put_keyframe(t, 0, &first) == 0);
	apply(twin, (struct span){first.data, first.len});
	CHECK(proc_table_check(twin) == NULL);
	CHECK(proc_table_put_keyframe(twin, 0, &second) == 0);
	CHECK(first.len == second.len && !memcmp(first.data, second.data, first.len));
	buf_release(&first);
	buf_release(&second);
	proc_table_free(twin);
}

static void release(struct stream *s)
{
	buf_release(&s->out);
	health_threads_release(&s->threads);
	adoptions_release(&s->adoptions);
	spawns_release(&s->spawns);
	deaths_release(&s->deaths);
	zombies_ledger_release(&s->ledger);
	proc_table_free(s->table);
}

void fuzz_stream(char *records, size_t len)
{
	struct proc_table_options opt = {.max_procs = TABLE_ROWS, .max_dead = TABLE_ROWS / 4};
	struct stream s = {.table = proc_table_new(&opt)};
	struct deaths_options deaths = {.all = true, .tell = on_deaths, .ctx = &s};
	static struct redact *redact;

	CHECK(s.table && (redact || redact_new(NULL, &redact) == 0));
	s.text = (struct render){.table = s.table, .style = {.utf8 = len & 8, .columns = 80}};
	s.json = (struct render){.table = s.table, .json = true};
	adoptions_init(&s.adoptions, s.table);
	deaths_init(&s.deaths, s.table, &deaths);
	spawns_init(&s.spawns, s.table, SPAWNS_BY_PARENT, 5);
	CHECK(proc_table_listen(s.table, on_change, &s) == 0);

	(void)redact_batch(redact, REDACT_ARGS_FULL, records, len);
	apply(s.table, (struct span){records, len});
	CHECK(proc_table_check(s.table) == NULL);
	answer_trace(&s);
	answer_tree(&s);
	answer_zombies(&s);
	answer_spawns(&s);
	answer_deaths(&s);
	answer_health(&s);
	if (proc_table_host(s.table)->start_ns)
		check_keyframe(s.table);
	release(&s);
}
