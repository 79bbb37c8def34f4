// SPDX-License-Identifier: GPL-2.0-only
#include "output/zombies_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output/table.h"

#define BLAMED 5 /* parents told in full */

void zombies_put_leak(struct buf *b, uint64_t milli)
{
	if (milli < 100 * 1000)
		buf_printf(b, "%" PRIu64 ".%" PRIu64, milli / 1000, milli / 100 % 10);
	else
		text_put_count(b, milli / 1000);
}

static void put_head(struct zombies_page *p, const struct zombies_view *v)
{
	const struct zombies *z = v->zombies;
	struct buf right = {0};

	zombies_put_count(p, z->zombies, "zombie", "zombies");
	if (z->leaks) {
		buf_put_str(&p->text, ": ");
		zombies_put_count(p, z->leaks, "parent LEAKS", "parents LEAK");
		if (z->leak_milli) {
			buf_put_str(&p->text, " (+");
			zombies_put_leak(&p->text, z->leak_milli);
			buf_put_str(&p->text, "/min)");
		}
	}
	if (z->undecided) {
		buf_put_str(&p->text, z->leaks ? ", " : ": ");
		zombies_put_count(p, z->undecided, "parent undecided", "parents undecided");
	}
	if (z->harmless) {
		buf_put_str(&p->text, z->leaks || z->undecided ? ", " : ": ");
		zombies_put_count(p, z->harmless, "parent that does not leak",
				  "parents that do not leak");
	}
	clock_put_time(&right, proc_table_clock(p->r->table), proc_table_host(p->r->table)->now_ns,
		       0);
	buf_printf(&right, " %s, ", clock_zone(proc_table_clock(p->r->table)));
	if (v->from) {
		if (v->watched_ns)
			text_put_duration(&right, v->watched_ns);
		buf_put_str(&right, v->watched_ns ? " of " : "from ");
		text_put_safe(&right, span_of(v->from), &p->r->style);
	} else if (v->watched_ns) {
		buf_put_str(&right, "watched ");
		text_put_duration(&right, v->watched_ns);
	} else {
		buf_put_str(&right, "one look");
	}
	if (!v->complete)
		buf_put_str(&right, ", INCOMPLETE");
	table_put_sides(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len},
			(struct span){buf_str(&right), right.len});
	buf_reset(&p->text);
	buf_release(&right);
}

/* Name and pid: together they take ZOMBIES_NAME_WIDTH, or one blank between them. */
void zombies_put_name(struct zombies_page *p, const struct proc *proc)
{
	char pid[16];
	size_t width;

	snprintf(pid, sizeof(pid), "%u", proc->key.tgid);
	text_put_safe(&p->text, proc_comm(proc), &p->r->style);
	width = text_width((struct span){buf_str(&p->text), p->text.len}) + strlen(pid);
	buf_put_span(p->out, (struct span){buf_str(&p->text), p->text.len});
	buf_pad(p->out, width < ZOMBIES_NAME_WIDTH ? ZOMBIES_NAME_WIDTH - width : 1, ' ');
	buf_put_str(p->out, pid);
	buf_reset(&p->text);
}

/* Whose evidence it is, or how to have some the next time. */
static void put_past(struct zombies_page *p, const struct zombies_view *v)
{
	struct wall_clock clock = *proc_table_clock(p->r->table);

	if (v->past_since_ns) {
		clock.offset_ns = 0; /* it is wall time */
		buf_put_str(&p->text, "with what the recorder has seen since ");
		clock_put_date(&p->text, &clock, v->past_since_ns);
	} else if (v->past_unknown && v->zombies->undecided) {
		buf_put_str(&p->text,
			    "nothing is recorded of the time before; from now on: sudo systemctl "
			    "enable --now proctrail");
	} else {
		return;
	}
	table_put_wrapped(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len}, 0,
			  2);
	buf_reset(&p->text);
}

static void put_row(struct zombies_page *p, const struct zombie_parent *f)
{
	struct buf age = {0}, leak = {0};

	if (!f->zombies) {
		buf_put_char(&age, '-');
	} else if (!f->age_known) {
		buf_put_char(&age, '?');
	} else {
		text_put_age(&age, f->oldest_ns);
		if (f->estimated)
			buf_put_char(&age, '~');
	}
	if (f->zombies && f->leak_milli)
		zombies_put_leak(&leak, f->leak_milli);
	else
		buf_put_char(&leak, '-');
	zombies_put_name(p, f->proc);
	buf_printf(p->out, " %5" PRIu64 " %7s %9s %12s  %s\n", f->zombies, buf_str(&age),
		   buf_str(&leak),
		   !f->reaped_known ? "?" :
		   f->ever_reaped   ? "yes" :
				      "no",
		   verdict_says(f->verdict));
	buf_release(&age);
	buf_release(&leak);
}

static bool is_blamed(const struct zombie_parent *f)
{
	return f->zombies && f->verdict != VERDICT_HEALTHY;
}

/* "778 by their parent, 12 by another thread of it": only those there are */
static void put_reapers(struct zombies_page *p, const struct zombies_ledger *l)
{
	const struct {
		uint64_t cnt;
		const char *who;
	} by[] = {
		{l->by_parent, " by the parent"},  {l->by_thread, " by another thread of it"},
		{l->by_adopter, " by an adopter"}, {l->by_tracer, " by a tracer"},
		{l->by_other, " by others"},
	};
	const char *sep = " (";

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		if (!by[i].cnt)
			continue;
		buf_put_str(&p->text, sep);
		text_put_count(&p->text, by[i].cnt);
		buf_put_str(&p->text, by[i].who);
		sep = ", ";
	}
	if (*sep == ',')
		buf_put_char(&p->text, ')');
}

/* "in this time: 812 born, 790 reaped (778 by the parent); they waited p50 1.2ms, ..., max 2.4s" */
static void put_ledger(struct zombies_page *p, const struct zombies_ledger *l)
{
	if (!l->born && !l->reaped && !l->autoreaped)
		return;
	buf_put_str(&p->text, "in this time: ");
	zombies_put_count(p, l->born, "zombie born, ", "zombies born, ");
	text_put_count(&p->text, l->reaped);
	buf_put_str(&p->text, " reaped");
	put_reapers(p, l);
	if (l->autoreaped) {
		buf_put_str(&p->text, ", ");
		text_put_count(&p->text, l->autoreaped);
		buf_put_str(&p->text, " by the kernel at once");
	}
	if (l->life_ns.cnt) {
		buf_put_str(&p->text, "; they waited ");
		zombies_put_spread(p, &l->life_ns);
		buf_put_str(&p->text, ", each good to ");
		text_put_duration(&p->text, l->err_ns);
	}
	if (l->teardown_ns.cnt) {
		buf_put_str(&p->text, "; from death to zombie (teardown) ");
		zombies_put_spread(p, &l->teardown_ns);
	}
	table_put_wrapped(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len}, 0,
			  2);
	buf_reset(&p->text);
}

void zombies_put_text(struct buf *b, const struct render *r, const struct zombies_view *v)
{
	const struct zombies *z = v->zombies;
	struct zombies_page p = {.out = b, .r = r, .view = v};
	size_t told = 0, left = 0;
	bool estimated = false;

	put_head(&p, v);
	if (v->past_since_ns)
		put_past(&p, v);
	if (z->parent_cnt)
		buf_printf(b, "%-*s%s %5s %7s %9s %12s  %s\n", ZOMBIES_NAME_WIDTH - 3, "PARENT",
			   "PID", "ZOMB", "OLDEST", "LEAK/min", "EVER REAPED", "VERDICT");
	for (size_t i = 0; i < z->parent_cnt; i++) {
		put_row(&p, &z->parents[i]);
		estimated |= z->parents[i].estimated;
	}
	for (size_t i = 0; i < z->parent_cnt; i++) {
		if (!is_blamed(&z->parents[i]))
			continue;
		if (told++ < BLAMED || r->style.wide)
			zombies_put_parent(&p, &z->parents[i]);
		else
			left++;
	}
	if (left)
		buf_printf(b, "\n%zu more in full: --wide, or one: --pid P\n", left);
	if (v->all)
		zombies_put_waits(&p);
	if (v->watched_ns) {
		put_ledger(&p, v->ledger);
		zombies_put_adopters(&p);
	}
	if (estimated)
		buf_put_str(b,
			    "~ died before proctrail looked: time from the scheduler's stamps\n");
	if (!v->past_since_ns)
		put_past(&p, v);
	if (!v->complete)
		render_incomplete(b, r);
	buf_release(&p.text);
}
