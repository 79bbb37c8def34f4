// SPDX-License-Identifier: GPL-2.0-only
/* What died, where it came from, and how long those waited that were reaped. */
#include "output/zombies_int.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/zombies_dead.h"
#include "output/table.h"

#define CONTAINER_DIGITS 12
#define ADOPTERS_TOLD    3

static struct span comm_span(const char comm[REC_COMM_LEN])
{
	size_t len = strnlen(comm, REC_COMM_LEN);

	return len ? (struct span){comm, len} : SPAN_LITERAL("?");
}

/* The day too where it is another one. */
static void put_moment(struct zombies_page *p, uint64_t boot_ns)
{
	const struct wall_clock *clock = proc_table_clock(p->r->table);
	struct wall_time now = wall_time_of(clock, proc_table_host(p->r->table)->now_ns);
	struct wall_time at = wall_time_of(clock, boot_ns);

	if (at.day == now.day && at.month == now.month && at.year == now.year)
		clock_put_time(&p->text, clock, boot_ns, 0);
	else
		clock_put_date(&p->text, clock, boot_ns);
}

/* ---- dead ----------------------------------------------------------------------------------- */

static void put_names(struct zombies_page *p, const struct zombies_dead *d)
{
	const char *sep = "";

	for (size_t i = 0; i < DEAD_KINDS && d->names[i].cnt; i++, sep = ", ") {
		buf_put_str(&p->text, sep);
		text_put_count(&p->text, d->names[i].cnt);
		buf_put_char(&p->text, ' ');
		text_put_safe(&p->text, comm_span(d->names[i].comm), &p->r->style);
	}
	if (d->names_other) {
		buf_put_str(&p->text, ", ");
		zombies_put_count(p, d->names_other, "other", "others");
	}
}

/* A fate of its own each: "36 exit 0, 2 SIGKILL" */
static void put_fates(struct zombies_page *p, const struct zombies_dead *d)
{
	const char *sep = "; ";

	for (size_t i = 0; i < DEAD_KINDS && d->fates[i].cnt; i++, sep = ", ") {
		buf_put_str(&p->text, sep);
		text_put_count(&p->text, d->fates[i].cnt);
		buf_put_char(&p->text, ' ');
		if (!(d->fates[i].status & 0xff7f))
			buf_put_str(&p->text, "exit ");
		render_fate(&p->text, d->fates[i].status);
	}
	if (d->fates_other) {
		buf_put_str(&p->text, ", ");
		text_put_count(&p->text, d->fates_other);
		buf_put_str(&p->text, " otherwise");
	}
	if (d->fates_unknown) {
		buf_put_str(&p->text, sep);
		text_put_count(&p->text, d->fates_unknown);
		buf_put_str(&p->text, " not known how");
	}
}

/* "31 convert, 7 gs; 36 exit 0, 2 SIGKILL; first 02:01:58, last 02:13:51" */
void zombies_put_dead(struct zombies_page *p, const struct zombie_parent *f)
{
	struct zombies_dead d;
	bool spans;

	zombies_dead_find(f->proc, &d);
	spans = d.last_ns - d.first_ns >= NS_PER_SEC; /* as finely as they are told */
	put_names(p, &d);
	put_fates(p, &d);
	if (d.first_ns) {
		buf_put_str(&p->text, spans ? "; first " : "; at ");
		put_moment(p, d.first_ns);
	}
	if (spans) {
		buf_put_str(&p->text, ", last ");
		put_moment(p, d.last_ns);
	}
	if (d.estimated)
		buf_put_char(&p->text, '~');
	zombies_put_paragraph(p, "dead");
}

/* ---- from ----------------------------------------------------------------------------------- */

/* What of its place differs from the parent's own. */
static void put_place(struct zombies_page *p, const struct adoption *a, const struct proc *parent)
{
	struct span path = intern_span(a->place), unit = cgroup_path_unit(path);
	struct span container = cgroup_path_container(path), own = {0}, box = {0};

	if (parent->cgroup) {
		own = parent->cgroup->unit;
		box = parent->cgroup->container;
	}
	if (unit.len && !span_equals(unit, own)) {
		buf_put_str(&p->text, ", ");
		text_put_safe(&p->text, unit, &p->r->style);
	}
	if (container.len && !span_equals(container, box)) {
		if (container.len > CONTAINER_DIGITS)
			container.len = CONTAINER_DIGITS;
		buf_put_str(&p->text, ", container ");
		text_put_safe(&p->text, container, &p->r->style);
	}
}

static void put_login(struct zombies_page *p, const struct adoption *a, const struct proc *parent)
{
	if (a->loginuid == ID_UNSET ||
	    (a->loginuid == parent->loginuid && a->sessionid == parent->sessionid))
		return;
	buf_printf(&p->text, ", login of uid %u", a->loginuid);
	if (a->sessionid != ID_UNSET)
		buf_printf(&p->text, " (session %u)", a->sessionid);
}

/* "sh x3, orphans of healthcheck[9020] (died 02:13:01), web.service" */
static void put_origin(struct zombies_page *p, const struct origin *o, const struct proc *parent)
{
	const struct adoption *a = &o->like;

	text_put_safe(&p->text, comm_span(a->comm), &p->r->style);
	if (o->cnt > 1) {
		buf_put_str(&p->text, " x");
		text_put_count(&p->text, o->cnt);
	}
	if (a->from.tgid) {
		buf_put_str(&p->text, o->cnt > 1 ? ", orphans of " : ", orphan of ");
		zombies_put_label(p, a->from, comm_span(a->from_comm));
		if (a->from_died_ns) {
			buf_put_str(&p->text, " (died ");
			put_moment(p, a->from_died_ns);
			buf_put_char(&p->text, ')');
		}
	} else {
		buf_put_str(&p->text, ", of whom is not known (before proctrail looked)");
	}
	if (o->leader) {
		buf_put_str(&p->text, ", in the session of ");
		zombies_put_label(p, o->leader->key, proc_comm(o->leader));
	}
	put_place(p, a, parent);
	put_login(p, a, parent);
}

/* "2 of 5 that it adopted were reaped, after p50 2ms, ..." */
static void put_adopted(struct zombies_page *p, const struct adopter *by)
{
	uint64_t died = by->died, reaped = by->reaped - by->autoreap;

	buf_put_str(&p->text, "adopted ");
	text_put_count(&p->text, by->orphans);
	buf_put_str(&p->text, ": ");
	if (!died) {
		buf_put_str(&p->text, "none has died yet");
		return;
	}
	if (by->autoreap) {
		text_put_count(&p->text, by->autoreap);
		buf_put_str(&p->text, " reaped by the kernel at once");
		if (died == by->autoreap)
			return;
		buf_put_str(&p->text, ", ");
	}
	if (!reaped) {
		buf_put_str(&p->text, "reaped none of ");
		text_put_count(&p->text, died - by->autoreap);
		buf_put_str(&p->text, " that died");
		return;
	}
	buf_put_str(&p->text, "reaped ");
	text_put_count(&p->text, reaped);
	buf_put_str(&p->text, " of ");
	text_put_count(&p->text, died - by->autoreap);
	buf_put_str(&p->text, " that died, after ");
	zombies_put_spread(p, &by->waited_ns);
}

void zombies_put_from(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct adoptions *a = p->view->adoptions;
	const struct adopter *by;
	struct origin origins[ORIGINS_MAX];
	uint64_t others;
	size_t cnt;

	if (!a)
		return;
	cnt = origins_find(a, f->proc, origins, &others);
	for (size_t i = 0; i < cnt; i++) {
		if (i)
			buf_put_str(&p->text, "; ");
		put_origin(p, &origins[i], f->proc);
	}
	if (others) {
		buf_put_str(&p->text, "; ");
		zombies_put_count(p, others, "other", "others");
	}
	by = adopter_find(a, f->proc->key);
	if (by) {
		if (cnt)
			zombies_put_paragraph(p, "from");
		put_adopted(p, by);
		zombies_put_paragraph(p, cnt ? "" : "from");
	} else if (cnt) {
		zombies_put_paragraph(p, "from");
	}
}

void zombies_put_adopters(struct zombies_page *p)
{
	const struct adoptions *a = p->view->adoptions;
	size_t told = 0;

	if (!a || !a->total)
		return;
	buf_put_str(&p->text, "orphans in this time: ");
	for (size_t i = 0; i < a->adopter_cnt && told < ADOPTERS_TOLD; i++) {
		const struct adopter *by = &a->adopters[i];

		if (!by->orphans)
			continue;
		if (told++)
			buf_put_str(&p->text, "; ");
		zombies_put_label(p, by->key, comm_span(by->comm));
		buf_put_char(&p->text, ' ');
		put_adopted(p, by);
	}
	if (a->adopter_cnt > ADOPTERS_TOLD) {
		buf_put_str(&p->text, "; ");
		zombies_put_count(p, a->adopter_cnt - ADOPTERS_TOLD, "more adopter",
				  "more adopters");
	}
	if (a->untold) {
		buf_put_str(&p->text, told ? "; " : "");
		text_put_count(&p->text, a->untold);
		buf_put_str(&p->text, " more not told, for lack of room");
	}
	if (told || a->untold)
		table_put_wrapped(p->out, &p->r->style,
				  (struct span){buf_str(&p->text), p->text.len}, 0, 2);
	buf_reset(&p->text);
}

/* ---- waited --------------------------------------------------------------------------------- */

void zombies_put_spread(struct zombies_page *p, const struct hist *h)
{
	static const struct {
		const char *name;
		unsigned permille;
	} parts[] = {{"p50 ", 500}, {", p90 ", 900}, {", p99 ", 990}};

	if (h->cnt == 1) {
		text_put_duration(&p->text, h->max);
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		buf_put_str(&p->text, parts[i].name);
		text_put_duration(&p->text, hist_percentile(h, parts[i].permille));
	}
	buf_put_str(&p->text, ", max ");
	text_put_duration(&p->text, h->max);
}

/* One cell a power of ten, from below 10 us to 10 s and more. */
#define CELLS 8

static void put_shape(struct buf *b, const struct hist *h, bool utf8)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const signs[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	uint64_t cells[CELLS], most = 0, below = 0, edge = 10 * NS_PER_US;

	for (size_t i = 0; i < CELLS; i++, edge *= 10) {
		uint64_t to = i + 1 < CELLS ? hist_below(h, edge) : h->cnt;

		cells[i] = to - below;
		below = to;
		most = cells[i] > most ? cells[i] : most;
	}
	for (size_t i = 0; i < CELLS; i++) {
		uint64_t level = most ? (cells[i] * 8 + most - 1) / most : 0;

		buf_put_str(b, utf8 ? blocks[level] : signs[level]);
	}
}

static const struct hist *waits_of(const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;

	return e && e->zombie_ns.cnt ? &e->zombie_ns : NULL;
}

/* "12 reaped after p50 1.2ms, ...  [ .:@   ] <10us to >=10s" */
void zombies_put_waited(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct hist *h = waits_of(f);

	if (!h)
		return;
	text_put_count(&p->text, h->cnt);
	buf_put_str(&p->text, " reaped after ");
	zombies_put_spread(p, h);
	if (h->buckets) {
		buf_put_str(&p->text, " |");
		put_shape(&p->text, h, p->r->style.utf8);
		buf_put_str(&p->text, "| 10us to 10s");
	}
	zombies_put_paragraph(p, "waited");
}

static void put_cell(struct zombies_page *p, uint64_t ns)
{
	struct buf cell = {0};

	text_put_duration(&cell, ns);
	buf_printf(p->out, " %7s", buf_str(&cell));
	buf_release(&cell);
}

void zombies_put_waits(struct zombies_page *p)
{
	const struct zombies *z = p->view->zombies;
	bool begun = false;

	for (size_t i = 0; i < z->parent_cnt; i++) {
		const struct hist *h = waits_of(&z->parents[i]);

		if (!h)
			continue;
		if (!begun)
			buf_printf(p->out, "\n%-*s%s %8s %7s %7s %7s %7s  %s\n",
				   ZOMBIES_NAME_WIDTH - 3, "THEY WAITED", "PID", "REAPED", "P50",
				   "P90", "P99", "MAX", "10us-10s");
		begun = true;
		zombies_put_name(p, z->parents[i].proc);
		buf_printf(p->out, " %8" PRIu64, h->cnt);
		put_cell(p, hist_percentile(h, 500));
		put_cell(p, hist_percentile(h, 900));
		put_cell(p, hist_percentile(h, 990));
		put_cell(p, h->max);
		buf_put_str(p->out, " |");
		put_shape(p->out, h, p->r->style.utf8);
		buf_put_str(p->out, "|\n");
	}
}
