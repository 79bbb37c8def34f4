// SPDX-License-Identifier: GPL-2.0-only
#include "output/why.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "output/deaths_int.h"
#include "output/table.h"

#define INDENT 8 /* "signals " */

struct page {
	struct buf *out;
	const struct render *r;
	const struct why_view *v;
	struct buf line;
};

static struct span text_of(struct buf *b)
{
	return (struct span){buf_str(b), b->len};
}

/* "born    18 Nov ..."; nothing where the line is empty. */
static void end_line(struct page *p, const char *name)
{
	if (p->line.len) {
		buf_put_str(p->out, name);
		buf_pad(p->out, INDENT - strlen(name), ' ');
		table_put_wrapped(p->out, &p->r->style, text_of(&p->line), INDENT, INDENT);
	}
	buf_reset(&p->line);
}

/* The day too where it is another one. */
static void put_moment(struct page *p, uint64_t boot_ns)
{
	const struct wall_clock *clock = proc_table_clock(p->r->table);
	struct wall_time now = wall_time_of(clock, proc_table_host(p->r->table)->now_ns);
	struct wall_time at = wall_time_of(clock, boot_ns);

	if (at.day == now.day && at.month == now.month && at.year == now.year)
		clock_put_time(&p->line, clock, boot_ns, 0);
	else
		clock_put_date(&p->line, clock, boot_ns);
}

static void put_who(struct page *p, const struct death_who *who)
{
	deaths_put_who(&p->line, p->r, who);
}

static void put_str(struct page *p, const char *s)
{
	buf_put_str(&p->line, s);
}

static void put_foreign(struct page *p, const char *s)
{
	text_put_safe(&p->line, span_of(s), &p->r->style);
}

static void put_signal(struct page *p, int sig)
{
	if (signal_name(sig))
		put_str(p, signal_name(sig));
	else
		buf_printf(&p->line, "signal %d", sig);
}

/* ---- who it is and where it is from --------------------------------------------------------- */

static void put_is(struct page *p)
{
	const struct why_life *l = p->v->life;
	const struct why_image *last = &l->image[(l->images + WHY_IMAGES - 1) % WHY_IMAGES];

	if (l->args_len)
		text_put_args(&p->line, (struct span){l->args, l->args_len}, l->args_cut,
			      &p->r->style);
	else if (l->images)
		put_foreign(p, last->exe);
	put_str(p, p->line.len ? "; " : "");
	buf_printf(&p->line, "uid %" PRIu32, l->uid);
	if (l->unit[0]) {
		put_str(p, ", ");
		put_foreign(p, l->unit);
	}
	if (p->v->links && p->v->chain[0]->is_init && l->who.key.tgid != 1)
		put_str(p, ", pid 1 of its pid namespace");
	end_line(p, "is");
}

static void put_born(struct page *p)
{
	const struct why_life *l = p->v->life;

	put_moment(p, l->who.key.start_ns);
	if (l->born_of.key.tgid && l->born_of.comm[0]) {
		put_str(p, " of ");
		put_who(p, &l->born_of);
	} else if (l->born_of.key.tgid) {
		buf_printf(&p->line, " of process %" PRIu32 ", which is gone", l->born_of.key.tgid);
	}
	if (l->how != HOW_UNKNOWN) {
		buf_printf(&p->line, " (%s", spawn_how_name(l->how));
		if (l->spawn_ns) {
			put_str(p, ", ");
			text_put_duration(&p->line, l->spawn_ns);
		}
		put_str(p, ")");
	}
	if (l->parent.comm[0] && !proc_key_equals(l->parent.key, l->born_of.key)) {
		put_str(p, "; its parent now: ");
		put_who(p, &l->parent);
	}
	end_line(p, "born");
}

static void put_images(struct page *p)
{
	const struct why_life *l = p->v->life;
	uint32_t from = l->images > WHY_IMAGES ? l->images - WHY_IMAGES : 0;

	if (l->images < 2)
		return;
	if (from)
		buf_printf(&p->line, "%" PRIu32 " before, ", from);
	for (uint32_t i = from; i < l->images; i++) {
		put_str(p, i > from ? ", then " : "");
		put_foreign(p, l->image[i % WHY_IMAGES].exe);
	}
	end_line(p, "images");
}

/* ---- where its threads are ------------------------------------------------------------------ */

static void put_group(struct page *p, const struct why_group *g)
{
	const char *place = why_place(g->first);

	if (p->v->chain[0]->stuck->thread_cnt > 1 || g->cnt > 1)
		buf_printf(&p->line, "%" PRIu32 " ", g->cnt);
	if (g->first->state == 'R' || g->first->state == 'Z')
		put_str(p, place);
	else
		buf_printf(&p->line, "in %s, %c", place, g->first->state);
	if (g->cnt == 1 && g->first->tid != p->v->life->who.key.tgid)
		buf_printf(&p->line, " (%" PRIu32 ")", g->first->tid);
}

static void put_state(struct page *p)
{
	const struct why *w = p->v->chain[0];
	const struct stuck *s = w->stuck;

	if (!s->cnt)
		return;
	if (s->thread_cnt > 1)
		buf_printf(&p->line, "%" PRIu32 " threads: ", s->thread_cnt);
	for (size_t i = 0; i < w->groups; i++) {
		put_str(p, i ? "; " : "");
		put_group(p, &w->group[i]);
	}
	if (w->ungrouped)
		buf_printf(&p->line, "; %" PRIu32 " elsewhere", w->ungrouped);
	if (s->thread_cnt > s->cnt && s->cnt)
		buf_printf(&p->line, "; %zu not looked at", s->thread_cnt - s->cnt);
	put_str(p, w->verdict == WHY_FROZEN ? "; frozen" : "; not frozen");
	if (s->tracer)
		buf_printf(&p->line, ", traced by %" PRIu32, s->tracer);
	else
		put_str(p, ", not traced");
	end_line(p, "state");
}

/* Where every call and every interrupt comes through: nothing to be learnt from. */
static bool is_entry(const char *function)
{
	static const char *const ways[] = {"do_syscall_64", "entry_",
					   "x64_sys_call",  "el0_",
					   "el0t_",         "invoke_syscall",
					   "ret_from_fork", "exit_to_user_mode"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strncmp(function, ways[i], strlen(ways[i])) == 0)
			return true;
	return false;
}

/* The innermost first */
static void put_waits(struct page *p)
{
	const struct stuck_thread *t = p->v->chain[0]->thread;
	size_t depth = 0;

	if (!t || t->state == 'R' || t->state == 'Z')
		return;
	if (t->call_name && p->v->chain[0]->file.fd >= 0)
		buf_printf(&p->line, "%s(fd %d)", t->call_name, p->v->chain[0]->file.fd);
	else if (t->call_name)
		buf_printf(&p->line, "%s()", t->call_name);
	while (depth < STUCK_FRAMES && t->stack[depth][0] && !is_entry(t->stack[depth]))
		depth++;
	for (size_t i = 0; i < depth && i < 4; i++) {
		put_str(p, i ? " < " : p->line.len ? ": " : "");
		put_foreign(p, t->stack[i]);
	}
	if (!depth && t->wchan[0]) {
		put_str(p, p->line.len ? ": " : "");
		put_foreign(p, t->wchan);
	}
	end_line(p, "waits");
}

static void put_on(struct page *p)
{
	const struct stuck_file *f = &p->v->chain[0]->file;

	if (!f->path[0])
		return;
	put_foreign(p, f->path);
	if (f->mount[0]) {
		buf_put_str(&p->line, "    ");
		put_foreign(p, f->fs);
		put_str(p, " ");
		put_foreign(p, f->device);
		put_str(p, " on ");
		put_foreign(p, f->mount);
		put_str(p, " (not touched)");
	}
	if (f->remote[0]) {
		put_str(p, "    ");
		put_foreign(p, f->remote);
	}
	end_line(p, "on");
}

static void put_others(struct page *p)
{
	const struct why *w = p->v->chain[0];
	const struct proc *first = proc_table_find(p->r->table, w->first_other);

	if (!w->others)
		return;
	buf_printf(&p->line, "%" PRIu32 " more in D on ", w->others);
	put_foreign(p, w->file.mount);
	if (first) {
		put_str(p, w->others > 1 ? ", one of them " : ": ");
		render_label(&p->line, p->r, first);
	}
	end_line(p, "others");
}

/* ---- signals -------------------------------------------------------------------------------- */

static void put_fate(struct page *p, const struct why_signal *s)
{
	if (s->delivered_ns)
		put_str(p, ": its handler ran");
	else if (s->disposition == REC_SIG_IGN)
		put_str(p, ": ignored");
	else if (s->blocked)
		put_str(p, ": blocked");
	else if (s->disposition == REC_SIG_HANDLER)
		put_str(p, ": has a handler, which was not seen to run");
	else if (s->result == 1)
		put_str(p, ": dropped by the kernel");
	if (s->merged)
		buf_printf(&p->line, ", %" PRIu32 " merged with one that was pending", s->merged);
}

static void put_signals_seen(struct page *p)
{
	const struct why_life *l = p->v->life;
	uint32_t from = l->signals > WHY_SIGNALS ? l->signals - WHY_SIGNALS : 0;

	for (uint32_t i = from; i < l->signals; i++) {
		const struct why_signal *s = &l->signal[i % WHY_SIGNALS];

		put_moment(p, s->first_ns);
		put_str(p, " ");
		put_signal(p, s->sig);
		if (s->cnt > 1)
			buf_printf(&p->line, " x%" PRIu32, s->cnt);
		if (s->sender.key.tgid) {
			put_str(p, " by ");
			put_who(p, &s->sender);
		} else {
			put_str(p, " by the kernel");
		}
		put_fate(p, s);
		end_line(p, i == from ? "signals" : "");
	}
}

static void put_signals_now(struct page *p)
{
	const struct why *w = p->v->chain[0];

	if (!w->stuck->cnt)
		return;
	if (w->killed) {
		put_str(p, "SIGKILL pending");
		end_line(p, p->v->life->signals ? "" : "signals");
		return;
	}
	if (w->term_pending)
		put_str(p, "SIGTERM pending; ");
	put_str(p, "SIGTERM would ");
	if (w->term_blocked)
		put_str(p, "wait: it is blocked");
	else if (w->term_ignored)
		put_str(p, "be ignored");
	else if (w->term_caught)
		put_str(p, "go to its handler");
	else if (w->is_init)
		put_str(p, "be dropped by the kernel: pid 1 has no handler for it");
	else
		put_str(p, "end it");
	end_line(p, p->v->life->signals ? "" : "signals");
}

static void put_children(struct page *p)
{
	const struct why_life *l = p->v->life;
	const struct why *w = p->v->links ? p->v->chain[0] : NULL;

	if (w && w->children + w->zombies)
		buf_printf(&p->line, "%" PRIu32 " alive, %" PRIu32 " zombies", w->children,
			   w->zombies);
	if (l->born) {
		put_str(p, p->line.len ? "; " : "");
		buf_printf(&p->line, "seen: %" PRIu32 " born, %" PRIu32 " died, %" PRIu32 " reaped",
			   l->born, l->died, l->reaped);
	}
	end_line(p, "child");
}

/* ---- the end -------------------------------------------------------------------------------- */

static void put_afterwards(struct page *p)
{
	const struct why_life *l = p->v->life;
	uint64_t died_ns = l->death.died_ns;

	if (l->zombie_at_ns && died_ns && l->zombie_at_ns > died_ns) {
		put_str(p, "teardown ");
		text_put_duration(&p->line, l->zombie_at_ns - died_ns);
	}
	if (l->autoreaped) {
		put_str(p, p->line.len ? ", " : "");
		put_str(p, "reaped by the kernel at once");
	} else if (l->gone_ns) {
		put_str(p, p->line.len ? ", " : "");
		if (l->zombie_at_ns && l->gone_ns >= l->zombie_at_ns) {
			put_str(p, "a zombie for ");
			text_put_duration(&p->line, l->gone_ns - l->zombie_at_ns);
			if (l->zombie_err_ns >= NS_PER_MS) {
				put_str(p, " (off by ");
				text_put_duration(&p->line, l->zombie_err_ns);
				put_str(p, " at most)");
			}
			put_str(p, ", then ");
		}
		put_str(p, l->vanished ? "gone" : "reaped");
		if (l->reaper.key.tgid) {
			put_str(p, " by ");
			put_who(p, &l->reaper);
		}
	} else if (l->zombie_at_ns) {
		put_str(p, p->line.len ? ", " : "");
		put_str(p, "not reaped yet");
	}
	end_line(p, "then");
}

static void put_unknown(struct page *p)
{
	const struct stuck *s = p->v->links ? p->v->chain[0]->stuck : NULL;

	if (s && s->hung)
		put_str(p, "/proc did not answer for all of it; ");
	if (s && s->denied)
		put_str(p, "which calls it is in: not permitted; ");
	if (!p->v->recorded_ns) {
		put_str(p, "signals and births before now: nothing watched then (to begin: sudo "
			   "proctrail record)");
	} else if (p->v->recorded_ns > p->v->life->who.key.start_ns) {
		put_str(p, "signals before ");
		put_moment(p, p->v->recorded_ns);
		put_str(p, ": nothing watched then");
	}
	end_line(p, "unknown");
}

static void put_chain(struct page *p)
{
	for (size_t i = 1; i < p->v->links; i++) {
		why_put_brief(&p->line, p->r, p->v->chain[i]);
		end_line(p, "leaf");
	}
}

/* Of a recording: it was told to end, and did not. */
static void put_alive(struct page *p)
{
	const struct death_ask *a = &p->v->life->ask;

	put_str(p, "was alive when the recording ended");
	if (p->v->life->asked == ASK_NONE)
		return;
	put_str(p, ", though it had got ");
	put_signal(p, a->sig);
	if (a->sender.key.tgid) {
		put_str(p, " by ");
		put_who(p, &a->sender);
	}
	switch (p->v->life->asked) {
	case ASK_HANDLED: put_str(p, ": its handler ran"); break;
	case ASK_PENDING: put_str(p, ": it has a handler, which did not run"); break;
	case ASK_IGNORED: put_str(p, ", which it ignores"); break;
	case ASK_BLOCKED: put_str(p, ", which it has blocked"); break;
	case ASK_DROPPED:
		put_str(p, ", which the kernel dropped: pid 1 has no handler for it");
		break;
	case ASK_NONE:
	case ASK_UNKNOWN:
	case ASK_FATE_CNT: break;
	}
}

static void put_head(struct page *p)
{
	const struct why_life *l = p->v->life;

	put_who(p, &l->who);
	put_str(p, " ");
	if (p->v->links) {
		why_put_headline(&p->line, p->r, p->v->chain[0]);
	} else if (l->dead) {
		put_str(p, "DIED ");
		put_moment(p, l->death.died_ns ? l->death.died_ns : l->gone_ns);
		put_str(p, ": ");
		deaths_put_cause(&p->line, p->r, &l->death);
	} else {
		put_alive(p);
	}
	table_put_wrapped(p->out, &p->r->style, text_of(&p->line), 0, INDENT);
	buf_reset(&p->line);
}

static void put_namesakes(struct page *p)
{
	for (size_t i = 0; i < p->v->namesakes; i++) {
		put_str(p, i ? ", " : "");
		put_who(p, &p->v->namesake[i]->who);
		put_str(p, p->v->namesake[i]->dead ? " (dead)" : "");
	}
	end_line(p, "also");
}

void why_put_text(struct buf *b, const struct render *r, const struct why_view *v)
{
	struct page p = {.out = b, .r = r, .v = v};

	put_head(&p);
	put_is(&p);
	put_born(&p);
	put_images(&p);
	if (v->links) {
		put_state(&p);
		put_waits(&p);
		put_on(&p);
		put_others(&p);
	}
	put_signals_seen(&p);
	if (v->links && v->chain[0]->verdict != WHY_ZOMBIE)
		put_signals_now(&p);
	put_children(&p);
	if (v->life->dead)
		put_afterwards(&p);
	put_chain(&p);
	if (v->links)
		why_put_advice(&p.line, r, v->chain[0]);
	end_line(&p, "so");
	put_namesakes(&p);
	put_unknown(&p);
	buf_release(&p.line);
}
