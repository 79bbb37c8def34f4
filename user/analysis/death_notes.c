// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/death_notes.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_SIGNAL_IGNORED         1
#define TRACE_SIGNAL_ALREADY_PENDING 2

void death_notes_init(struct death_notes *n, const struct proc_table *t)
{
	*n = (struct death_notes){.table = t};
}

void death_notes_release(struct death_notes *n)
{
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(&n->by_proc, &i));)
		free(s->value);
	map_release(&n->by_proc);
}

const struct death_note *death_notes_find(const struct death_notes *n, struct proc_key key)
{
	return map_find(&n->by_proc, key.tgid, key.start_ns);
}

/* The note of a process, made where there is none; NULL: no room. */
static struct death_note *note_of(struct death_notes *n, struct proc_key key)
{
	struct death_note *note = map_find(&n->by_proc, key.tgid, key.start_ns);

	if (note || !key.tgid)
		return note;
	if (n->by_proc.cnt < DEATH_NOTES_MAX)
		note = calloc(1, sizeof(*note));
	if (note && map_put(&n->by_proc, key.tgid, key.start_ns, note)) {
		free(note);
		note = NULL;
	}
	n->dropped += !note;
	return note;
}

static void forget(struct death_notes *n, struct proc_key key)
{
	free(map_remove(&n->by_proc, key.tgid, key.start_ns));
}

/* ---- groups ----------------------------------------------------------------------------------- */

uint32_t death_notes_group_size(const struct death_notes *n, uint64_t id)
{
	const struct death_group *g = &n->groups[id % DEATH_GROUPS];

	return id && g->id == id ? g->cnt : 1;
}

static struct death_group *open_group(struct death_notes *n, const struct death_signal *s)
{
	uint64_t from = n->group_cnt > DEATH_GROUPS ? n->group_cnt - DEATH_GROUPS : 0;

	for (uint64_t id = n->group_cnt; id > from; id--) {
		struct death_group *g = &n->groups[id % DEATH_GROUPS];

		if (proc_key_equals(g->sender, s->sender.key) && g->sig == s->sig &&
		    s->sent_ns <= g->last_ns + DEATH_GAP_NS &&
		    s->sent_ns <= g->first_ns + DEATH_GROUP_NS)
			return g;
		if (s->sent_ns > g->last_ns + DEATH_GROUP_NS)
			return NULL; /* and so are all before it */
	}
	return NULL;
}

/* What somebody sends to others; the kernel by itself sends to one at a time. */
static void join_group(struct death_notes *n, struct proc_key target, struct death_signal *s)
{
	struct death_group *g;

	if (!s->sender.key.tgid || proc_key_equals(s->sender.key, target))
		return;
	g = open_group(n, s);
	if (!g) {
		n->group_cnt++;
		g = &n->groups[n->group_cnt % DEATH_GROUPS];
		*g = (struct death_group){
			.sender = s->sender.key,
			.id = n->group_cnt,
			.first_ns = s->sent_ns,
			.sig = s->sig,
			.code = s->code,
		};
	}
	g->last_ns = s->sent_ns;
	g->cnt++;
	s->group = g->id;
}

/* ---- signals ---------------------------------------------------------------------------------- */

static bool asks(int sig)
{
	return sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGQUIT;
}

/* It will not end by this one, or not now. */
static bool is_survived(const struct rec_signal *s)
{
	return s->disposition != REC_SIG_DFL || s->blocked || s->result == TRACE_SIGNAL_IGNORED;
}

static void take_ask(struct death_note *note, const struct rec_signal *s, uint64_t at_ns)
{
	struct death_ask *a = &note->ask;

	if (a->cnt && a->sig == s->sig) {
		a->cnt++;
		return;
	}
	*a = (struct death_ask){
		.first_ns = at_ns,
		.cnt = 1,
		.sig = s->sig,
		.result = (uint8_t)s->result,
		.disposition = s->disposition,
		.blocked = s->blocked,
		.sender.key = rec_proc_key(&s->sender),
	};
	memcpy(a->sender.comm, s->sender_comm, sizeof(a->sender.comm));
}

static void fill_sender(struct death_signal *k, const struct rec_signal *s,
			const struct proc *sender)
{
	const struct proc *p = sender ? sender->parent : NULL;

	k->sender.key = rec_proc_key(&s->sender);
	memcpy(k->sender.comm, s->sender_comm, sizeof(k->sender.comm));
	if (!sender)
		return;
	k->sender_dying = !proc_is_alive(sender);
	k->sender_init = sender->flags & PROC_NSINIT;
	for (size_t i = 0; p && i < DEATH_ABOVE; i++, p = p->parent)
		k->above[i] = death_who_of(p);
}

static void take_kill(struct death_notes *n, struct death_note *note, const struct change *c)
{
	const struct rec_signal *s = &c->ev->signal;
	struct death_signal k = {
		.sent_ns = c->ev->h.boot_ns,
		.addr = s->addr,
		.sig = s->sig,
		.code = s->code,
		.result = (uint8_t)s->result,
		.disposition = s->disposition,
		.blocked = s->blocked,
		.to_process = s->group,
	};

	fill_sender(&k, s, c->other);
	join_group(n, c->proc->key, &k);
	note->kill[note->kills++ % DEATH_KILLS] = k;
}

/*
 * Ignored with the default action: the target is dying already, and this one does nothing any more; or
 * it is pid 1 of a namespace, which the kernel spares what it has no handler for.
 */
static void take_signal(struct death_notes *n, const struct change *c)
{
	const struct rec_signal *s = &c->ev->signal;
	bool ignored = s->result == TRACE_SIGNAL_IGNORED;
	struct death_note *note;
	bool ask, kill;

	if (!c->proc || !proc_is_alive(c->proc))
		return;
	if (ignored && s->disposition == REC_SIG_DFL && !(c->proc->flags & PROC_NSINIT))
		return;
	ask = asks(s->sig) && is_survived(s);
	kill = proc_signal_may_kill(s) && s->result != TRACE_SIGNAL_ALREADY_PENDING;
	note = ask || kill ? note_of(n, c->proc->key) : NULL;
	if (note && ask)
		take_ask(note, s, c->ev->h.boot_ns);
	if (note && kill)
		take_kill(n, note, c);
}

static void take_deliver(struct death_notes *n, const struct change *c)
{
	const struct rec_deliver *d = &c->ev->deliver;
	struct death_note *note = map_find(&n->by_proc, c->proc->key.tgid, c->proc->key.start_ns);

	if (note && note->ask.cnt && note->ask.sig == d->sig && d->disposition == REC_SIG_HANDLER &&
	    !note->ask.handled_ns)
		note->ask.handled_ns = c->ev->h.boot_ns;
}

/* ---- out of memory ---------------------------------------------------------------------------- */

static struct death_who actor_of(const struct rec_oom *o)
{
	struct death_who who = {.key = rec_proc_key(&o->actor)};

	memcpy(who.comm, o->actor_comm, sizeof(who.comm));
	return who;
}

static struct death_note *note_of_living(struct death_notes *n, const struct proc *p)
{
	return p && proc_is_alive(p) ? note_of(n, p->key) : NULL;
}

/* What the kernel log says of it stands in the stream before it. */
static void join_report(struct death_notes *n, uint32_t victim, struct death_oom *oom)
{
	const struct host_info *host = proc_table_host(n->table);
	struct span text = proc_table_fact(n->table, "oom");
	struct oom_report *r = &n->ooms[n->oom_cnt % DEATH_OOMS];
	const struct death_note *note = NULL;
	const struct proc *spared;

	if (!oom_report_parse(text, victim, host->page_shift, r))
		return;
	n->oom_cnt++;
	oom->report = r;
	spared = r->spared.tgid ? proc_table_find_pid(n->table, r->spared.tgid) : NULL;
	if (spared)
		note = death_notes_find(n, spared->key);
	if (note && note->adj.at_ns && note->adj.adj == r->spared.adj)
		oom->spared_adj = note->adj;
}

static void take_oom(struct death_notes *n, const struct change *c)
{
	const struct rec_oom *o = &c->ev->oom;
	struct death_note *note = note_of_living(n, c->proc);

	if (note)
		note->oom = (struct death_oom){
			.trigger = actor_of(o),
			.at_ns = c->ev->h.boot_ns,
			.rss_kb = o->rss_kb,
			.adj = o->adj,
		};
	if (note)
		join_report(n, c->proc->key.tgid, &note->oom);
}

static void take_adj(struct death_notes *n, const struct change *c)
{
	const struct rec_oom *o = &c->ev->oom;
	struct death_note *note = note_of_living(n, c->proc);

	n->adj_seen = true;
	if (note)
		note->adj = (struct death_adj){
			.writer = actor_of(o),
			.at_ns = c->ev->h.boot_ns,
			.adj = o->adj,
		};
}

/* A child has its creator's oom_score_adj. */
static void inherit(struct death_notes *n, const struct change *c)
{
	const struct death_note *from;
	struct death_adj adj;
	struct death_note *note;

	if (!n->adj_seen || !c->other || !c->proc)
		return;
	from = death_notes_find(n, c->other->key);
	if (!from || !from->adj.at_ns)
		return;
	adj = from->adj;
	note = note_of(n, c->proc->key);
	if (note)
		note->adj = adj;
}

/* ---- children --------------------------------------------------------------------------------- */

void death_notes_tell_parent(struct death_notes *n, const struct death *d)
{
	struct death_child child = {.at_ns = d->died_ns};
	const struct proc *parent = proc_table_find(n->table, d->parent.key);
	struct death_note *note;

	if (!parent || !proc_is_alive(parent))
		return;
	if (death_signal_of(d)) {
		child.who = d->who;
		child.killer = d->killer;
		child.sig = death_signal_of(d);
	} else if (d->child.at_ns) { /* a shell in a shell hands it on */
		child = d->child;
	} else {
		return;
	}
	note = note_of(n, d->parent.key);
	if (note)
		note->child = child;
}

/* Another run of a recorder, or another boot: whoever is not there any more has died meanwhile. */
static void forget_gone(struct death_notes *n)
{
	struct map kept = {0};
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(&n->by_proc, &i));) {
		struct proc_key key = {.tgid = (uint32_t)s->a, .start_ns = s->b};

		if (!proc_table_find(n->table, key) || map_put(&kept, s->a, s->b, s->value))
			free(s->value);
	}
	map_release(&n->by_proc);
	n->by_proc = kept;
}

/* ---- changes ---------------------------------------------------------------------------------- */

void death_notes_take(struct death_notes *n, const struct change *c)
{
	if (c->kind == CHANGE_SIGNAL)
		take_signal(n, c);
	else if (c->kind == CHANGE_DELIVER && c->proc)
		take_deliver(n, c);
	else if (c->kind == CHANGE_OOM)
		take_oom(n, c);
	else if (c->kind == CHANGE_OOM_ADJ)
		take_adj(n, c);
	else if (c->kind == CHANGE_FORK)
		inherit(n, c);
	else if (c->kind == CHANGE_HOST)
		forget_gone(n);
	else if ((c->kind == CHANGE_EXIT || c->kind == CHANGE_REAP) && c->proc)
		forget(n, c->proc->key);
}
