// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/why_life.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_SIGNAL_IGNORED         1
#define TRACE_SIGNAL_ALREADY_PENDING 2

/* ---- who fits ------------------------------------------------------------------------------- */

static bool has_name(const struct proc *p, const char *name)
{
	struct span comm = proc_comm(p), exe = intern_span(p->exe);
	size_t len = strlen(name);

	if (span_equals(comm, span_of(name)))
		return true;
	if (len > comm.len && comm.len == REC_COMM_LEN - 1 && !memcmp(comm.data, name, comm.len))
		return true; /* the kernel cuts it */
	return exe.len > len && exe.data[exe.len - len - 1] == '/' &&
	       memcmp(exe.data + exe.len - len, name, len) == 0;
}

bool why_subject_fits(const struct why_subject *s, const struct proc *p)
{
	if (s->pid && p->key.tgid != s->pid)
		return false;
	if (s->start_ns && p->key.start_ns != s->start_ns)
		return false;
	if (s->name && (p->flags & PROC_KTHREAD || !has_name(p, s->name)))
		return false;
	return !s->at_ns || p->key.start_ns <= s->at_ns;
}

/* ---- one life ------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, struct span from)
{
	size_t len = from.len < size ? from.len : size - 1;

	memcpy(to, from.data ? from.data : "", len);
	to[len] = '\0';
}

static void take_image(struct why_life *l, const struct proc *p, uint64_t at_ns)
{
	struct span exe = intern_span(p->exe);
	struct why_image *i = &l->image[l->images % WHY_IMAGES];

	if (!exe.len)
		return;
	i->at_ns = at_ns;
	copy(i->exe, sizeof(i->exe), exe);
	l->images++;
}

/* What its row tells at this moment: names may change with each image. */
static void take_row(struct why_life *l, const struct proc_table *t, const struct proc *p)
{
	struct span args = intern_span(p->args);
	const struct proc *birth = proc_table_find(t, p->birth_parent);

	l->who = death_who_of(p);
	if (birth || !l->born_of.key.tgid)
		l->born_of = death_who_of(birth);
	l->born_of.key = p->birth_parent;
	if (p->parent)
		l->parent = death_who_of(p->parent);
	l->how = p->how;
	l->uid = p->uid;
	l->threads = p->threads;
	if (args.len) {
		l->args_cut = args.len > sizeof(l->args);
		l->args_len = l->args_cut ? sizeof(l->args) : args.len;
		memcpy(l->args, args.data, l->args_len);
	}
	if (p->cgroup)
		copy(l->unit, sizeof(l->unit), p->cgroup->unit);
}

void why_life_of(const struct proc_table *t, const struct proc *p, struct why_life *ret)
{
	*ret = (struct why_life){.seen_ns = p->key.start_ns, .how = p->how};
	take_row(ret, t, p);
	take_image(ret, p, p->exec_ns);
}

void why_life_join(struct why_life *l, const struct why_life *recorded)
{
	struct why_life row = *l;

	*l = *recorded;
	l->who = row.who;
	l->parent = row.parent;
	l->threads = row.threads;
	if (row.args_len) {
		memcpy(l->args, row.args, row.args_len);
		l->args_len = row.args_len;
		l->args_cut = row.args_cut;
	}
	if (!l->images) {
		l->image[0] = row.image[0];
		l->images = row.images;
	}
}

static void drop_oldest(struct why_lives *w)
{
	size_t at = 0;

	while (at + 1 < w->cnt && !w->v[at]->dead)
		at++;
	free(w->v[at]);
	memmove(&w->v[at], &w->v[at + 1], (w->cnt - at - 1) * sizeof(w->v[0]));
	w->cnt--;
	w->dropped++;
}

static struct why_life *find(const struct why_lives *w, struct proc_key key)
{
	for (size_t i = w->cnt; i-- > 0;)
		if (proc_key_equals(w->v[i]->who.key, key))
			return w->v[i];
	return NULL;
}

/* NULL: it does not fit, or there is no memory. */
static struct why_life *life_of(struct why_lives *w, const struct change *c)
{
	struct why_life *l = find(w, c->proc->key);

	if (l || !why_subject_fits(&w->subject, c->proc))
		return l;
	l = calloc(1, sizeof(*l));
	if (!l) {
		w->err = -ENOMEM;
		return NULL;
	}
	if (w->cnt == WHY_LIVES)
		drop_oldest(w);
	w->v[w->cnt++] = l;
	l->birth_seen = c->kind == CHANGE_FORK;
	l->seen_ns = c->boot_ns;
	take_row(l, w->notes.table, c->proc);
	if (!l->birth_seen && c->kind != CHANGE_EXEC)
		take_image(l, c->proc, c->proc->exec_ns);
	return l;
}

/* ---- changes -------------------------------------------------------------------------------- */

static bool is_like(const struct why_signal *s, const struct rec_signal *r)
{
	return s->sig == r->sig && s->sender.key.tgid == r->sender.tgid && s->code == r->code &&
	       s->disposition == r->disposition && s->blocked == (bool)r->blocked;
}

/* SIGCHLD is told by the children themselves. */
static void take_signal(struct why_life *l, const struct rec_signal *r, uint64_t at_ns)
{
	struct why_signal *s = &l->signal[(l->signals + WHY_SIGNALS - 1) % WHY_SIGNALS];

	if (r->sig == SIGCHLD)
		return;
	if (!l->signals || !is_like(s, r)) {
		s = &l->signal[l->signals++ % WHY_SIGNALS];
		*s = (struct why_signal){
			.first_ns = at_ns,
			.sig = r->sig,
			.code = r->code,
			.disposition = r->disposition,
			.blocked = r->blocked,
			.sender.key = rec_proc_key(&r->sender),
		};
		memcpy(s->sender.comm, r->sender_comm, sizeof(s->sender.comm));
	}
	s->last_ns = at_ns;
	s->cnt += 1 + r->repeat;
	s->result = (uint8_t)r->result;
	s->merged += r->result == TRACE_SIGNAL_ALREADY_PENDING;
}

static void take_deliver(struct why_life *l, const struct rec_deliver *r, uint64_t at_ns)
{
	for (uint32_t i = 0; i < l->signals && i < WHY_SIGNALS; i++) {
		struct why_signal *s = &l->signal[(l->signals - 1 - i) % WHY_SIGNALS];

		if (s->sig == r->sig && r->disposition == REC_SIG_HANDLER) {
			s->delivered_ns = at_ns;
			return;
		}
	}
}

static void take_death(struct why_lives *w, struct why_life *l, const struct change *c)
{
	const struct death_note *note = death_notes_find(&w->notes, c->proc->key);

	take_row(l, w->notes.table, c->proc);
	death_judge(w->notes.table, c->proc, c->boot_ns, note, &l->death);
	l->dead = true;
}

static void take_reap(struct why_life *l, const struct change *c)
{
	l->dead = true;
	l->gone_ns = c->boot_ns;
	l->autoreaped = c->proc->flags & PROC_AUTOREAPED;
	l->vanished = c->proc->flags & PROC_VANISHED;
	if (c->other)
		l->reaper = death_who_of(c->other);
	else if (c->proc->death)
		l->reaper.key = c->proc->death->reaper;
	if (c->proc->death)
		l->zombie_err_ns = c->proc->death->zombie_err_ns;
	if (!l->zombie_at_ns && c->proc->death)
		l->zombie_at_ns = c->proc->death->zombie_ns;
}

static void take_parent(struct why_lives *w, const struct change *c)
{
	const struct proc *parent = c->proc->parent;
	struct why_life *l = parent ? find(w, parent->key) : NULL;

	if (!l)
		return;
	l->born += c->kind == CHANGE_FORK;
	l->died += c->kind == CHANGE_EXIT;
	l->reaped += c->kind == CHANGE_REAP;
}

static void take(struct why_lives *w, struct why_life *l, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_EXEC:
		take_row(l, w->notes.table, c->proc);
		take_image(l, c->proc, c->boot_ns);
		if (!l->spawn_ns && l->birth_seen && c->boot_ns > c->proc->key.start_ns)
			l->spawn_ns = c->boot_ns - c->proc->key.start_ns;
		break;
	case CHANGE_SIGNAL:
		if (c->ev && c->ev->h.type == REC_SIGNAL)
			take_signal(l, &c->ev->signal, c->boot_ns);
		break;
	case CHANGE_DELIVER:
		if (c->ev && c->ev->h.type == REC_DELIVER)
			take_deliver(l, &c->ev->deliver, c->boot_ns);
		break;
	case CHANGE_EXIT: take_death(w, l, c); break;
	case CHANGE_ZOMBIE: l->zombie_at_ns = c->boot_ns; break;
	case CHANGE_REAP: take_reap(l, c); break;
	case CHANGE_FORK:
	case CHANGE_SEEN:
	case CHANGE_ADOPT:
	case CHANGE_RENAME:
	case CHANGE_MOVE:
	case CHANGE_FACT: take_row(l, w->notes.table, c->proc); break;
	case CHANGE_HOST:
	case CHANGE_FORK_FAILED:
	case CHANGE_EXEC_FAILED:
	case CHANGE_THREAD:
	case CHANGE_STOP:
	case CHANGE_CONT:
	case CHANGE_WAIT:
	case CHANGE_OOM:
	case CHANGE_OOM_ADJ:
	case CHANGE_LOST:
	case CHANGE_HEAL:
	case CHANGE_THINNED:
	case CHANGE_TICK:
	case CHANGE_KIND_CNT: break;
	}
}

/* Beyond the moment that is asked about nobody new is met. */
static bool is_past(const struct why_lives *w, const struct change *c)
{
	return w->subject.at_ns && c->boot_ns > w->subject.at_ns;
}

static void notice(struct why_lives *w, const struct change *c)
{
	struct why_life *l = is_past(w, c) ? find(w, c->proc->key) : life_of(w, c);

	if (l)
		take(w, l, c);
	take_parent(w, c);
}

void why_lives_init(struct why_lives *w, const struct proc_table *t,
		    const struct why_subject *subject)
{
	*w = (struct why_lives){.subject = *subject};
	death_notes_init(&w->notes, t);
}

void why_lives_release(struct why_lives *w)
{
	death_notes_release(&w->notes);
	for (size_t i = 0; i < w->cnt; i++)
		free(w->v[i]);
	w->cnt = 0;
}

void why_lives_change(void *ctx, const struct change *c)
{
	struct why_lives *w = ctx;
	struct death d;

	if (c->proc)
		notice(w, c);
	if (c->kind == CHANGE_EXIT && c->proc) {
		death_judge(w->notes.table, c->proc, c->boot_ns,
			    death_notes_find(&w->notes, c->proc->key), &d);
		death_notes_tell_parent(&w->notes, &d);
	}
	death_notes_take(&w->notes, c);
}

void why_lives_finish(struct why_lives *w, const struct proc_table *t)
{
	for (size_t i = 0; i < w->cnt; i++) {
		const struct proc *p = proc_table_find(t, w->v[i]->who.key);
		const struct death_note *note = death_notes_find(&w->notes, w->v[i]->who.key);

		if (!w->v[i]->dead && p)
			take_row(w->v[i], t, p);
		if (!w->v[i]->dead && note && note->ask.cnt) {
			w->v[i]->ask = note->ask;
			w->v[i]->asked = death_ask_fate(&note->ask);
		}
	}
}

const struct why_life *why_lives_pick(const struct why_lives *w)
{
	const struct why_life *best = NULL;

	for (size_t i = 0; i < w->cnt; i++) {
		const struct why_life *l = w->v[i];

		if (w->subject.at_ns && l->dead && l->death.died_ns &&
		    l->death.died_ns < w->subject.at_ns)
			continue;
		if (!best || best->dead >= l->dead)
			best = l;
	}
	return best;
}
