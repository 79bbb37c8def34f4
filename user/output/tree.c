// SPDX-License-Identifier: GPL-2.0-only
#include "output/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/table.h"
#include "output/tree_text.h"

#define MIN_TEXT    40 /* columns left for text, however deep */
#define CHAIN_MAX   64 /* nodes on one line, however wide */
#define CHAIN_SHORT 5  /* up to here a chain too long for its line is unrolled node by node */
#define REST_INDENT 4
#define LINK        " -- "

/* A node whose children are being drawn. */
struct level {
	uint32_t node;
	uint32_t next;     /* child to draw next */
	size_t prefix_len; /* of its own line */
};

struct drawing {
	struct buf *out;
	const struct render *r;
	const struct tree *tree;
	struct tree_text text;
	struct buf prefix; /* what stands left of the running level's children */
	struct buf line;   /* the texts of one line, TREE_BREAK where it may be broken */
	struct level *levels;
	size_t depth;
	bool dead;
	bool estimated; /* some duration was marked with ~ */
};

struct strokes {
	const char *pass, *blank, *branch, *last;
};

static const struct strokes strokes_ascii = {"| ", "  ", "|-", "`-"};
static const struct strokes strokes_utf8 = {"\u2502 ", "  ", "\u251c\u2500", "\u2514\u2500"};

static const struct strokes *strokes_of(const struct drawing *d)
{
	return d->r->style.utf8 ? &strokes_utf8 : &strokes_ascii;
}

/* text_width() counts an escape's columns; a break is written as one byte that is not shown. */
static size_t line_width(const struct buf *b)
{
	size_t width = 0, from = 0;

	for (size_t i = 0; i <= b->len; i++) {
		if (i < b->len && b->data[i] != TREE_BREAK)
			continue;
		width += text_width((struct span){b->data + from, i - from});
		from = i + 1;
	}
	return width;
}

static size_t left_columns(const struct drawing *d, size_t used)
{
	size_t columns = (size_t)d->r->style.columns;

	if (d->r->style.wide)
		return SIZE_MAX / 2;
	return columns > used + MIN_TEXT ? columns - used : MIN_TEXT;
}

static bool prefix_fits(const struct drawing *d, size_t width)
{
	return d->r->style.wide || width + MIN_TEXT <= (size_t)d->r->style.columns;
}

/* The prefix of a deep level leaves no room: its depth stands for it. Returns its width. */
static size_t put_prefix(struct drawing *d, size_t depth)
{
	size_t width = 2 * depth, at = d->out->len;

	if (prefix_fits(d, width)) {
		buf_put(d->out, d->prefix.data, d->prefix.len);
		return width;
	}
	buf_printf(d->out, "%zu deep> ", depth);
	return d->out->len - at;
}

/* Where a line that was too long goes on: below its own text, the strokes of others left of it. */
static size_t begin_rest(struct drawing *d, size_t used)
{
	buf_put_char(d->out, '\n');
	if (prefix_fits(d, used))
		buf_put(d->out, d->prefix.data, d->prefix.len);
	else
		buf_pad(d->out, used, ' ');
	buf_pad(d->out, REST_INDENT, ' ');
	return used + REST_INDENT;
}

/* Writes d->line behind 'used' columns, broken where it does not fit. */
static void put_line(struct drawing *d, size_t used)
{
	size_t limit = used + left_columns(d, used), at = used;
	const char *p = buf_str(&d->line);

	while (*p) {
		const char *end = strchrnul(p, TREE_BREAK);
		size_t len = (size_t)(end - p), width = text_width((struct span){p, len});

		if (at + width > limit && at > used + REST_INDENT) {
			at = begin_rest(d, used);
			for (; len && *p == ' '; p++, len--)
				width--;
		}
		buf_put(d->out, p, len);
		at += width;
		p = *end ? end + 1 : end;
	}
	buf_put_char(d->out, '\n');
}

static const struct tree_node *only_child(const struct tree *tree, const struct tree_node *n)
{
	return n->child_cnt == 1 ? &tree->nodes[n->first_child] : NULL;
}

static void put_node(struct drawing *d, const struct tree_node *n)
{
	tree_text_put(&d->text, &d->line, n);
	d->estimated |= n->estimated && n->still_ns != TREE_UNKNOWN;
}

/*
 * The texts of a node and of the only children below it, as far as one line takes them -> d->line;
 * returns the last one on it. All of a chain goes on one line, or its head stands alone; a long
 * one is cut into full lines.
 */
static const struct tree_node *fill_line(struct drawing *d, const struct tree_node *head,
					 size_t room)
{
	const struct tree_node *n = head, *next;
	size_t fits = 0, head_len = 0, cnt = 1;
	const struct tree_node *last = head;

	buf_reset(&d->line);
	put_node(d, head);
	fits = head_len = d->line.len;
	while ((next = only_child(d->tree, n)) && cnt < CHAIN_MAX) {
		buf_put_char(&d->line, TREE_BREAK);
		buf_put_str(&d->line, LINK);
		put_node(d, next);
		if (line_width(&d->line) > room)
			break;
		n = last = next;
		fits = d->line.len;
		cnt++;
	}
	if (next && cnt < CHAIN_SHORT) {
		last = head;
		fits = head_len;
	}
	d->line.len = fits;
	return last;
}

static bool push(struct drawing *d, const struct tree_node *n, size_t prefix_len)
{
	struct level *levels;

	if ((d->depth & (d->depth + 1)) == 0) {
		levels = realloc(d->levels, 2 * (d->depth + 1) * sizeof(*levels));
		if (!levels)
			return false;
		d->levels = levels;
	}
	d->levels[d->depth++] = (struct level){(uint32_t)(n - d->tree->nodes), 0, prefix_len};
	return true;
}

/* One line: child 'n' of the level on top, and the chain below it. */
static void draw_child(struct drawing *d, const struct tree_node *n, bool is_last)
{
	const struct strokes *s = strokes_of(d);
	size_t prefix_len = d->prefix.len, used = 0;
	const struct tree_node *last;
	bool is_root = d->depth == 1;

	if (!is_root) {
		used = put_prefix(d, d->depth - 2) + 2;
		buf_put_str(d->out, is_last ? s->last : s->branch);
		buf_put_str(&d->prefix, is_last ? s->blank : s->pass);
	}
	last = fill_line(d, n, left_columns(d, used));
	put_line(d, used);
	if (!last->child_cnt || !push(d, last, prefix_len))
		d->prefix.len = prefix_len;
}

static void draw(struct drawing *d)
{
	if (!push(d, &d->tree->nodes[0], 0))
		return;
	while (d->depth) {
		struct level *top = &d->levels[d->depth - 1];
		const struct tree_node *n = &d->tree->nodes[top->node];

		if (top->next == n->child_cnt) {
			d->prefix.len = top->prefix_len;
			d->depth--;
			continue;
		}
		if (!top->next)
			tree_text_align(&d->text, d->tree, n);
		top->next++;
		draw_child(d, &d->tree->nodes[n->first_child + top->next - 1],
			   top->next == n->child_cnt);
	}
}

/* ---- the first line --------------------------------------------------------------------------- */

static void put_counts(struct buf *b, const struct tree_view *v)
{
	const struct tree *t = v->tree;

	text_put_count(b, t->proc_cnt);
	if (v->filtered) {
		buf_put_str(b, " of ");
		text_put_count(b, t->total);
	}
	buf_put_str(b, t->proc_cnt == 1 && !v->filtered ? " process" : " processes");
	if (v->watched_ns) {
		buf_put_str(b, " in ");
		text_put_duration(b, v->watched_ns);
		buf_put_str(b, ", ");
		text_put_count(b, t->ended);
		buf_put_str(b, " ended");
	}
	if (t->killed) {
		buf_put_str(b, " (");
		text_put_count(b, t->killed);
		buf_put_str(b, " killed)");
	}
	if (t->hidden_kthreads && !v->filtered) {
		buf_put_str(b, "; ");
		text_put_count(b, t->hidden_kthreads);
		buf_put_str(b, " kernel threads hidden (-k)");
	}
}

static void put_first_line(struct buf *b, const struct render *r, const struct tree_view *v)
{
	const struct proc_counts *cnt = proc_table_counts(r->table);
	const struct wall_clock *clock = proc_table_clock(r->table);
	struct buf left = {0}, right = {0};

	put_counts(&left, v);
	clock_put_time(&right, clock, proc_table_host(r->table)->now_ns, 0);
	buf_printf(&right, " %s, ", clock_zone(clock));
	if (v->from)
		buf_printf(&right, "from %s", v->from);
	else if (v->complete)
		buf_put_str(&right, "complete");
	else if (cnt->lost + cnt->missed)
		buf_printf(&right, "%" PRIu64 " events lost", cnt->lost + cnt->missed);
	else
		buf_put_str(&right, "not complete");
	table_put_sides(b, &r->style, (struct span){buf_str(&left), left.len},
			(struct span){buf_str(&right), right.len});
	buf_release(&left);
	buf_release(&right);
}

void tree_put_text(struct buf *b, const struct render *r, const struct tree_view *v)
{
	const struct proc_counts *cnt = proc_table_counts(r->table);
	struct drawing d = {
		.out = b,
		.r = r,
		.tree = v->tree,
		.text = {.r = r,
			 .now_ns = proc_table_host(r->table)->now_ns,
			 .dead = v->watched_ns > 0},
	};

	put_first_line(b, r, v);
	draw(&d);
	if (d.estimated)
		buf_put_str(b, "~ since before proctrail looked: from the scheduler's clock\n");
	if (v->watched_ns && cnt->evicted) {
		text_put_count(b, cnt->evicted);
		buf_put_str(b, " of the dead were forgotten: see --max-procs\n");
	}
	buf_release(&d.prefix);
	buf_release(&d.line);
	free(d.levels);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

/* The fields that every event has come from the field table; what only a process at rest has
 * follows by hand. */
static const char *const proc_fields[] = {
	"ts",
	"boot_ns",
	"id",
	"parent_id",
	"pid",
	"start_ns",
	"ppid",
	"birth_ppid",
	"comm",
	"exe",
	"cwd",
	"args",
	"args_truncated",
	"uid",
	"cgroup",
	"unit",
	"container",
	"pidns_pid",
	"host_in_container",
	"exit_code",
	"signal",
	"signal_name",
	"core_dumped",
	"killer_pid",
	"killer_comm",
};

static const struct {
	uint16_t flag;
	const char *name;
} proc_marks[] = {
	{PROC_KTHREAD, "kernel_thread"},   {PROC_ADOPTED, "adopted"},
	{PROC_NSINIT, "namespace_init"},   {PROC_SUBREAPER, "subreaper"},
	{PROC_STOPPED, "stopped"},         {PROC_TRACED, "traced"},
	{PROC_LEADER_DEAD, "leader_dead"},
};

static bool is_fate(const char *field)
{
	static const char *const fates[] = {"exit_code",   "signal",     "signal_name",
					    "core_dumped", "killer_pid", "killer_comm"};

	for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
		if (strcmp(fates[i], field) == 0)
			return true;
	return false;
}

static void put_fields(struct json *j, const struct render *r, const struct change *c)
{
	for (size_t i = 0; i < sizeof(proc_fields) / sizeof(*proc_fields); i++) {
		const struct field *f = field_find(proc_fields[i]);
		struct value v = {0};

		if (is_fate(proc_fields[i]) && proc_is_alive(c->proc))
			continue;
		if (f && f->get(r, c, &v))
			value_put_json(j, f->name, r, &v);
	}
}

static void put_proc(struct buf *b, const struct render *r, const struct proc *p)
{
	static const char *const stages[] = {
		[PROC_BORN] = "born",     [PROC_RUNNING] = "running", [PROC_DYING] = "dying",
		[PROC_ZOMBIE] = "zombie", [PROC_REAPED] = "reaped",
	};
	uint64_t now = proc_table_host(r->table)->now_ns, still_ns;
	struct change c = {.kind = CHANGE_SEEN, .boot_ns = now, .proc = p};
	char state = proc_state_char(p);
	bool estimated;
	struct json j;

	json_begin(&j, b, "proc");
	put_fields(&j, r, &c);
	json_str(&j, "stage", span_of(stages[p->state]));
	if (state != '?')
		json_str(&j, "state", (struct span){&state, 1});
	if (p->state != PROC_REAPED && now >= p->key.start_ns)
		json_u64(&j, "age_ns", now - p->key.start_ns);
	still_ns = proc_still_ns(p, now, &estimated);
	if (p->state != PROC_REAPED && still_ns != TREE_UNKNOWN) {
		json_u64(&j, "still_ns", still_ns);
		json_bool(&j, "still_estimated", estimated);
	}
	if (proc_is_alive(p))
		json_u64(&j, "threads", p->threads);
	for (size_t i = 0; i < sizeof(proc_marks) / sizeof(*proc_marks); i++)
		if (p->flags & proc_marks[i].flag)
			json_bool(&j, proc_marks[i].name, true);
	json_end(&j);
}

void tree_put_json(struct buf *b, const struct render *r, const struct tree *tree)
{
	for (size_t i = 0; i < tree->proc_cnt; i++)
		put_proc(b, r, tree->procs[i]);
}
