// SPDX-License-Identifier: GPL-2.0-only
#include "output/deaths_int.h"

#include <inttypes.h>
#include <string.h>

#include "output/table.h"

#define INDENT      9 /* "02:11:07 " */
#define VICTIMS_MAX 12
#define PATTERN_MIN 2

static struct span text_of(struct buf *b)
{
	return (struct span){buf_str(b), b->len};
}

static struct span comm_of(const char comm[REC_COMM_LEN])
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

static void put_counted(struct buf *b, uint64_t n, const char *one, const char *many)
{
	text_put_count(b, n);
	buf_put_char(b, ' ');
	buf_put_str(b, n == 1 ? one : many);
}

void deaths_put_who(struct buf *b, const struct render *r, const struct death_who *who)
{
	if (who->comm[0])
		text_put_safe(b, comm_of(who->comm), &r->style);
	else
		buf_put_char(b, '?');
	buf_printf(b, "[%u]", who->key.tgid);
}

static void put_wrapped(struct buf *b, const struct render *r, struct buf *line)
{
	buf_pad(b, INDENT, ' ');
	table_put_wrapped(b, &r->style, text_of(line), INDENT, INDENT);
	buf_reset(line);
}

/* ---- one death -------------------------------------------------------------------------------- */

/* "app[4410] < bash[4102]", "api[2301] = 1 in shop-api-6d4f" */
static void put_subject(struct buf *b, const struct render *r, const struct death *d)
{
	deaths_put_who(b, r, &d->who);
	if (d->parent.key.tgid && d->ns_tgid != 1) {
		buf_put_str(b, " < ");
		deaths_put_who(b, r, &d->parent);
	}
	if (d->ns_tgid)
		buf_printf(b, " = %u", d->ns_tgid);
	if (d->host[0]) {
		buf_put_str(b, " in ");
		text_put_safe(b, span_of(d->host), &r->style);
	}
}

static void put_first_line(struct buf *b, const struct render *r, const struct death *d,
			   struct buf *left)
{
	struct buf right = {0};

	if (d->lived_ns) {
		buf_put_str(&right, "lived ");
		text_put_duration(&right, d->lived_ns);
	}
	if (text_width(text_of(left)) + text_width(text_of(&right)) < (size_t)r->style.columns) {
		table_put_sides(b, &r->style, text_of(left), text_of(&right));
	} else { /* a long name: nothing of it is cut */
		buf_put_str(left, right.len ? ", " : "");
		buf_put_span(left, text_of(&right));
		table_put_wrapped(b, &r->style, text_of(left), 0, INDENT);
	}
	buf_reset(left);
	buf_release(&right);
}

static void put_one(struct buf *b, const struct render *r, const struct death *d)
{
	struct buf line = {0};

	clock_put_time(&line, proc_table_clock(r->table), d->died_ns, 0);
	buf_put_char(&line, ' ');
	put_subject(&line, r, d);
	put_first_line(b, r, d, &line);
	deaths_put_cause(&line, r, d);
	put_wrapped(b, r, &line);
	buf_release(&line);
}

/* ---- many of one cause ------------------------------------------------------------------------ */

static bool same_name(const struct death *a, const struct death *b)
{
	return strncmp(a->who.comm, b->who.comm, REC_COMM_LEN) == 0;
}

/* "worker x38, gs[412]"; of a name that stands there already nothing. */
static void put_victims(struct buf *b, const struct render *r, const struct death *const *v,
			size_t cnt)
{
	size_t names = 0;

	for (size_t i = 0; i < cnt && names <= VICTIMS_MAX; i++) {
		size_t same = 0, before = 0;

		for (size_t k = 0; k < cnt; k++)
			if (same_name(v[i], v[k])) {
				same++;
				before += k < i;
			}
		if (before)
			continue;
		buf_put_str(b, names ? ", " : "");
		if (names++ == VICTIMS_MAX) {
			buf_put_str(b, "...");
			break;
		}
		if (same == 1) {
			deaths_put_who(b, r, &v[i]->who);
			continue;
		}
		text_put_safe(b, comm_of(v[i]->who.comm), &r->style);
		buf_printf(b, " x%zu", same);
	}
}

static void put_many(struct buf *b, const struct render *r, const struct death *const *v,
		     size_t cnt)
{
	uint64_t first = v[0]->died_ns, last = first;
	struct buf line = {0};

	for (size_t i = 1; i < cnt; i++) {
		first = v[i]->died_ns < first ? v[i]->died_ns : first;
		last = v[i]->died_ns > last ? v[i]->died_ns : last;
	}
	clock_put_time(&line, proc_table_clock(r->table), first, 0);
	buf_printf(&line, " %zu died together, within ", cnt);
	text_put_duration(&line, last - first);
	buf_put_str(&line, ": ");
	put_victims(&line, r, v, cnt);
	table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
	buf_reset(&line);
	deaths_put_cause(&line, r, v[0]);
	put_wrapped(b, r, &line);
	buf_release(&line);
}

void deaths_put_set(struct buf *b, const struct render *r, const struct death *const *v, size_t cnt)
{
	if (r->json) {
		for (size_t i = 0; i < cnt; i++)
			deaths_put_one_json(b, r, v[i]);
	} else if (cnt > 1) {
		put_many(b, r, v, cnt);
	} else {
		put_one(b, r, v[0]);
	}
}

/* ---- above and below the list ----------------------------------------------------------------- */

void deaths_put_head(struct buf *b, const struct render *r, const struct deaths_view *v)
{
	const struct deaths *d = v->deaths;
	struct buf left = {0}, right = {0};

	put_counted(&left, d->deaths + d->thinned, "death", "deaths");
	if (v->span_ns) {
		buf_put_str(&left, " in ");
		text_put_duration(&left, v->span_ns);
	}
	buf_put_str(&left, ", ");
	text_put_count(&left, d->failed);
	buf_put_str(&left, " failed");
	if (d->killed) {
		buf_put_str(&left, " (");
		text_put_count(&left, d->killed);
		buf_put_str(&left, " killed)");
	}
	clock_put_time(&right, proc_table_clock(r->table), proc_table_host(r->table)->now_ns, 0);
	buf_printf(&right, " %s, ", clock_zone(proc_table_clock(r->table)));
	if (v->from) {
		buf_put_str(&right, "from ");
		text_put_safe(&right, span_of(v->from), &r->style);
		buf_put_str(&right, ", ");
	}
	buf_put_str(&right, v->complete ? "complete" : "INCOMPLETE");
	table_put_sides(b, &r->style, text_of(&left), text_of(&right));
	buf_release(&left);
	buf_release(&right);
}

static void put_pattern(struct buf *line, const struct render *r, const struct death_pattern *p)
{
	uint64_t period = death_pattern_period_ns(p);

	text_put_safe(line, comm_of(p->comm), &r->style);
	buf_printf(line, ": %" PRIu64 " x ", p->cnt);
	if (p->status_known)
		render_fate(line, p->status);
	else
		buf_put_str(line, "how is not known");
	if (!death_pattern_is_loop(p))
		return;
	if (period) {
		buf_put_str(line, ", one every ");
		text_put_duration(line, period);
	}
	buf_put_str(line, ", started each time by ");
	deaths_put_who(line, r, &p->starter);
	buf_put_str(line, ": a crash loop");
}

static void put_patterns(struct buf *b, const struct render *r, const struct death_patterns *p)
{
	const struct death_pattern *v[DEATHS_RANKS];
	size_t cnt = death_patterns_rank(p, PATTERN_MIN, DEATHS_RANKS, v);
	struct buf line = {0};

	for (size_t i = 0; i < cnt; i++) {
		buf_put_str(&line, i ? "         " : "again    ");
		put_pattern(&line, r, v[i]);
		table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
		buf_reset(&line);
	}
	buf_release(&line);
}

/* One kill stands in the list already. */
static void put_killers(struct buf *b, const struct render *r, const struct death_patterns *p)
{
	const struct death_killer *v[DEATHS_RANKS];
	size_t cnt = death_killers_rank(p, DEATHS_RANKS, v);
	struct buf line = {0};

	if (!cnt || v[0]->cnt < PATTERN_MIN)
		return;
	buf_put_str(&line, "killers  ");
	for (size_t i = 0; i < cnt; i++) {
		buf_put_str(&line, i ? ", " : "");
		text_put_safe(&line, comm_of(v[i]->who.comm), &r->style);
		buf_printf(&line, " %" PRIu64 " x %s", v[i]->cnt, signal_name(v[i]->sig));
	}
	table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
	buf_release(&line);
}

void deaths_put_tail(struct buf *b, const struct render *r, const struct deaths_view *v)
{
	const struct deaths *d = v->deaths;
	struct buf line = {0};

	put_patterns(b, r, &d->patterns);
	put_killers(b, r, &d->patterns);
	if (v->dropped) {
		put_counted(&line, v->dropped, "death", "deaths");
		buf_put_str(&line, " not shown, for lack of room: --follow or --json");
		table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
		buf_reset(&line);
	}
	if (d->thinned) {
		put_counted(&line, d->thinned, "death", "deaths");
		buf_put_str(&line, " of a storm: the recorder kept their number only");
		table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
		buf_reset(&line);
	}
	if (d->notes.dropped + d->patterns.dropped) {
		buf_put_str(&line, "some causes and repetitions are missing, for lack of room");
		table_put_wrapped(b, &r->style, text_of(&line), 0, INDENT);
	}
	if (!v->complete)
		render_incomplete(b, r);
	buf_release(&line);
}
