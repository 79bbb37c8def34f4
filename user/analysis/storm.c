// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose storm is it? In a fork bomb the ancestors of those who live now died long ago, so descent is
 * handed down at birth: each process carries the number of a node, the ancestor that its birth is
 * counted for. A process that is a second old when it forks becomes a node of its own, below the one
 * it was counted for; in a storm nobody does. The deepest node with too many births at and below it
 * is the storm's root.
 */
#include "analysis/storm.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/storm_counts.h"

#define BIRTHS_STORM 2000 /* a second */
#define BIRTHS_OVER  500
#define SECONDS      10 /* above or below */
#define LIVES_WHOLE  100000
#define OLD_NS       NS_PER_SEC
#define NODES_MAX    1024 /* number 0 is nobody's */
#define DEPTH_MAX    64   /* of families that are looked up */
#define PASSES_MAX   20   /* for those who are missed: born while it ran, or not told */
#define NODE_MASK    0x7fff

#define WAIT_EVERY_NS (10 * NS_PER_MS)

struct node {
	struct proc_key key;
	uint16_t parent; /* 0: none */
	uint16_t storm;  /* the node that storms here, or above; 0: none */
	bool used, storming;
	bool hot_below;   /* so is a deeper one, in this second */
	uint32_t seconds; /* of a storm below BIRTHS_OVER, else above BIRTHS_STORM */
	uint64_t births;  /* in this second, its own */
	uint64_t rate;    /* in the last one, with those below */
	uint64_t lives;   /* since it became hot */
	bool told;        /* that it is thinned */
	/* the wait in a storm that was kept last, and how many like it were not since */
	uint8_t wait_kind, wait_options;
	uint32_t waits;
	uint64_t wait_ns;
	struct proc_key waiter;
	char comm[REC_COMM_LEN];
};

struct storm {
	struct proc_table *table;
	struct node nodes[NODES_MAX];
	struct storm_counts counts;
	uint64_t second_ns; /* when the running second began */
	unsigned storms;
	struct proc_key root; /* of the latest one: for whoever is counted when it is over */
	bool thins;
	bool dropping; /* the record that is being applied is not kept */
	bool settling, wants_pass;
	unsigned passes;                 /* since it is settling */
	uint32_t pass, pass_rows_missed; /* rows of the running one that are not kept */
	struct storm_news news;
	bool has_news;
};

/* ---- nodes ---------------------------------------------------------------------------------- */

static bool is_thinned(const struct proc *p)
{
	return p && (p->tag & STORM_THINNED);
}

static unsigned node_number(const struct proc *p)
{
	return p->tag & NODE_MASK;
}

static void set_node(struct storm *s, const struct proc *p, unsigned n, bool thinned)
{
	proc_table_set_tag(s->table, p, (uint16_t)(n | (thinned ? STORM_THINNED : 0)));
}

/* Forgets the nodes that neither a process nor another node refers to. */
static void nodes_sweep(struct storm *s)
{
	bool needed[NODES_MAX] = {false};
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(s->table, &i));) {
		for (unsigned n = node_number(p); n && !needed[n]; n = s->nodes[n].parent)
			needed[n] = true;
	}
	for (unsigned n = 1; n < NODES_MAX; n++) {
		if (!needed[n] && !s->nodes[n].storming)
			s->nodes[n].used = false;
	}
}

static unsigned node_free(const struct storm *s)
{
	for (unsigned n = 1; n < NODES_MAX; n++)
		if (!s->nodes[n].used)
			return n;
	return 0;
}

/* Where there is no room for another it is counted for the one above. */
static unsigned node_new(struct storm *s, const struct proc *p, unsigned parent)
{
	unsigned n = node_free(s);

	if (!n) {
		nodes_sweep(s);
		n = node_free(s);
	}
	if (!n)
		return parent;
	s->nodes[n] = (struct node){
		.key = p->key,
		.parent = (uint16_t)parent,
		.storm = s->nodes[parent].storm,
		.used = true,
	};
	memcpy(s->nodes[n].comm, p->comm, sizeof(p->comm));
	set_node(s, p, n, is_thinned(p));
	return n;
}

/* The node that a child of p, born now, is counted for. */
static unsigned node_of(struct storm *s, const struct proc *p, uint64_t now_ns, int depth)
{
	unsigned n = node_number(p);

	if (!n && p->parent && depth < DEPTH_MAX)
		n = node_of(s, p->parent, now_ns, depth + 1);
	if (s->nodes[n].storm || (n && proc_key_equals(s->nodes[n].key, p->key)) ||
	    now_ns < p->key.start_ns + OLD_NS)
		return n;
	return node_new(s, p, n);
}

/* ---- each second ---------------------------------------------------------------------------- */

/* A storm's births are no reason to thin what is above it. */
static void sum_up(struct storm *s)
{
	for (unsigned n = 1; n < NODES_MAX; n++)
		s->nodes[n].rate = 0;
	for (unsigned n = 1; n < NODES_MAX; n++) {
		uint64_t births = s->nodes[n].births;

		s->nodes[n].births = 0;
		for (unsigned a = n; a && births; a = s->nodes[a].storming ? 0 : s->nodes[a].parent)
			s->nodes[a].rate += births;
	}
}

static void tell(struct storm *s, const struct node *n, bool over)
{
	s->news = (struct storm_news){
		.over = over, .root = n->key, .lives = n->lives, .rate = n->rate};
	memcpy(s->news.comm, n->comm, sizeof(n->comm));
	s->has_news = true;
}

static bool is_thinned_storm(const struct node *n)
{
	return n->storming && n->lives >= LIVES_WHOLE;
}

static void step_storm(struct storm *s, struct node *n)
{
	if (is_thinned_storm(n) && !n->told) {
		n->told = true;
		s->root = n->key;
		tell(s, n, false);
	}
	n->seconds = n->rate < BIRTHS_OVER ? n->seconds + 1 : 0;
	if (n->seconds < SECONDS)
		return;
	if (n->told) {
		tell(s, n, true);
		s->settling = s->wants_pass = true;
		s->passes = 0;
	}
	n->storming = n->told = false;
	n->lives = n->seconds = 0;
	s->storms--;
}

static void step_calm(struct node *n)
{
	if (n->rate < BIRTHS_STORM) {
		n->seconds = 0;
		n->lives = 0;
		return;
	}
	n->seconds++;
	n->lives += n->rate;
}

/*
 * One that has been hot for long enough, unless a deeper one is on its way there: then the storm is
 * that one's, if it comes to one.
 */
static bool begins(const struct node *n)
{
	return n->used && !n->storming && !n->storm &&
	       n->seconds >= (n->hot_below ? 2 * SECONDS : SECONDS);
}

static void begin_storms(struct storm *s)
{
	for (unsigned n = 1; n < NODES_MAX; n++)
		s->nodes[n].hot_below = false;
	for (unsigned n = 1; n < NODES_MAX; n++) {
		if (!s->nodes[n].used || s->nodes[n].storming || !s->nodes[n].seconds)
			continue;
		for (unsigned a = s->nodes[n].parent; a; a = s->nodes[a].parent)
			s->nodes[a].hot_below = true;
	}
	for (unsigned n = 1; n < NODES_MAX; n++) {
		if (!begins(&s->nodes[n]))
			continue;
		s->nodes[n].storming = true;
		s->nodes[n].seconds = 0;
		s->storms++;
	}
}

static void hand_down(struct storm *s)
{
	for (unsigned n = 1; n < NODES_MAX; n++) {
		unsigned a = n;

		while (a && !s->nodes[a].storming)
			a = s->nodes[a].parent;
		s->nodes[n].storm = (uint16_t)a;
	}
}

static void second_over(struct storm *s)
{
	unsigned before = s->storms;

	sum_up(s);
	for (unsigned n = 1; n < NODES_MAX; n++) {
		if (s->nodes[n].storming)
			step_storm(s, &s->nodes[n]);
		else if (s->nodes[n].used)
			step_calm(&s->nodes[n]);
	}
	begin_storms(s);
	if (before || s->storms)
		hand_down(s);
}

/* ---- counting ------------------------------------------------------------------------------- */

static void count(struct storm *s, const struct proc *p, const struct proc *parent,
		  enum storm_deed deed)
{
	unsigned n = node_number(p), storm = s->nodes[n].storm;
	struct storm_kind kind = {.root = storm ? s->nodes[storm].key : s->root};

	kind.direct = parent && !is_thinned(parent);
	kind.parent = kind.direct ? parent->key : kind.root;
	storm_counts_add(&s->counts, &kind, p, deed);
}

static void on_birth(struct storm *s, const struct change *c)
{
	const struct proc *parent = c->other ? c->other : c->proc->parent;
	unsigned n, storm;

	if (!parent)
		return;
	n = node_of(s, parent, c->boot_ns, 0);
	storm = s->nodes[n].storm;
	s->nodes[n].births++;
	if (storm)
		s->nodes[storm].lives++;
	set_node(s, c->proc, n, s->dropping);
	if (s->dropping)
		count(s, c->proc, parent, STORM_BIRTH);
}

/* A birth that was lost: what proved it is about somebody who would have been left out. */
static void on_seen(struct storm *s, const struct change *c)
{
	const struct proc *parent = c->proc->parent;

	if (!s->dropping)
		return;
	set_node(s, c->proc, parent ? node_number(parent) : 0, true);
	count(s, c->proc, parent, STORM_BIRTH);
}

static size_t count_survivors(const struct storm *s)
{
	const struct proc *p;
	size_t cnt = 0;

	for (size_t i = 0; (p = proc_table_next(s->table, &i));)
		cnt += is_thinned(p) && p->state != PROC_REAPED;
	return cnt;
}

/* Whoever no pass has shown is not there any more, whatever the table has not been told. */
static void forget_survivors(struct storm *s)
{
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(s->table, &i));) {
		if (is_thinned(p) && p->state != PROC_REAPED)
			set_node(s, p, node_number(p), false);
	}
}

static void on_pass(struct storm *s)
{
	if (!s->settling)
		return;
	if (count_survivors(s)) {
		s->wants_pass = ++s->passes < PASSES_MAX;
		if (s->wants_pass)
			return;
		forget_survivors(s);
	}
	s->settling = false;
}

static void on_change(void *ctx, const struct change *c)
{
	struct storm *s = ctx;

	if (c->kind == CHANGE_FORK)
		on_birth(s, c);
	else if (c->kind == CHANGE_SEEN)
		on_seen(s, c);
	else if (c->kind == CHANGE_EXIT && is_thinned(c->proc))
		count(s, c->proc, c->proc->parent, STORM_DEATH);
	else if (c->kind == CHANGE_REAP && is_thinned(c->proc))
		count(s, c->proc, c->proc->parent, STORM_REAP);
	else if (c->kind == CHANGE_FACT && c->ev && c->ev->h.type == REC_SEED_END)
		on_pass(s);
	else if (c->kind == CHANGE_TICK && c->boot_ns >= s->second_ns + NS_PER_SEC) {
		s->second_ns = c->boot_ns;
		second_over(s);
	}
}

/* ---- what is kept --------------------------------------------------------------------------- */

static bool drops_birth(const struct storm *s, const struct event *ev)
{
	const struct proc *by = proc_table_find(s->table, rec_proc_key(&ev->fork.creator));
	unsigned storm;

	if (!by)
		by = proc_table_find(s->table, event_parent(ev));
	if (!by)
		return false;
	storm = s->nodes[node_number(by)].storm;
	return is_thinned(by) || (storm && s->nodes[storm].lives >= LIVES_WHOLE);
}

/* A process of which nothing is known yet is what its parent is. */
static bool drops(const struct storm *s, const struct event *ev)
{
	const struct proc *p;

	if (!ev->h.tgid)
		return false;
	if (ev->h.type == REC_FORK && !(ev->h.flags & REC_F_THREAD))
		return drops_birth(s, ev);
	p = proc_table_find(s->table, event_proc(ev));
	return is_thinned(p ? p : proc_table_find(s->table, event_parent(ev)));
}

/* A row of a pass. When the storm is over it brings its process back. */
static bool drops_row(struct storm *s, const struct event *ev)
{
	const struct proc *p = proc_table_find(s->table, event_proc(ev));
	bool drop = drops(s, ev);

	if (s->pass != ev->seed.pass) {
		s->pass = ev->seed.pass;
		s->pass_rows_missed = 0;
	}
	if (drop && s->settling && !(ev->h.flags & REC_F_THREAD)) {
		drop = false;
		if (p)
			set_node(s, p, node_number(p), false);
	}
	s->pass_rows_missed += drop && !(ev->h.flags & REC_F_THREAD);
	return drop;
}

/*
 * Whoever makes a storm waits for each of those in it. As of a process that polls, one call in 10 ms is
 * kept, and the next one says how many like it there were.
 */
static void put_wait(struct storm *s, const struct event *ev, struct buf *out)
{
	const struct proc *p = proc_table_find(s->table, event_proc(ev));
	struct node *n = &s->nodes[p ? node_number(p) : 0];
	struct rec_wait wait = ev->wait;

	wait.h.size = sizeof(wait);
	if (!is_thinned_storm(&s->nodes[n->storm])) {
		buf_put(out, &wait, sizeof(wait));
		return;
	}
	if (proc_key_equals(n->waiter, event_proc(ev)) && n->wait_kind == wait.kind &&
	    n->wait_options == wait.options) {
		if (wait.h.boot_ns < n->wait_ns + WAIT_EVERY_NS) {
			n->waits += 1 + wait.repeat;
			s->counts.records++;
			return;
		}
		wait.repeat += n->waits;
	}
	n->waiter = event_proc(ev);
	n->wait_ns = wait.h.boot_ns;
	n->wait_kind = wait.kind;
	n->wait_options = wait.options;
	n->waits = 0;
	buf_put(out, &wait, sizeof(wait));
}

/* Whoever reads this has had so many rows less. */
static void put_pass_end(struct storm *s, const struct event *ev, struct buf *out)
{
	struct rec_seed_end end = ev->seed_end;

	if (end.pass == s->pass)
		end.rows -= s->pass_rows_missed;
	s->pass_rows_missed = 0;
	end.h.size = sizeof(end);
	buf_put(out, &end, sizeof(end));
}

void storm_keep(struct storm *s, const struct event *ev, struct span record, struct buf *out)
{
	s->dropping = ev->h.type == REC_SEED ? drops_row(s, ev) : drops(s, ev);
	if (s->dropping) {
		s->counts.records++;
		return;
	}
	if (ev->h.type == REC_TICK && ev->h.boot_ns >= s->counts.since_ns + NS_PER_SEC)
		storm_counts_flush(&s->counts, ev->h.boot_ns, out);
	if (ev->h.type == REC_SEED_END)
		put_pass_end(s, ev, out);
	else if (ev->h.type == REC_WAIT)
		put_wait(s, ev, out);
	else
		buf_put_span(out, record);
}

void storm_flush(struct storm *s, struct buf *out)
{
	storm_counts_flush(&s->counts, proc_table_host(s->table)->now_ns, out);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct storm *storm_new(struct proc_table *t)
{
	struct storm *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->table = t;
	if (proc_table_listen(t, on_change, s)) {
		free(s);
		return NULL;
	}
	return s;
}

void storm_free(struct storm *s)
{
	if (!s)
		return;
	storm_counts_release(&s->counts);
	free(s);
}

static bool has_to_thin(const struct storm *s)
{
	if (s->settling)
		return true;
	for (unsigned n = 1; s->storms && n < NODES_MAX; n++)
		if (is_thinned_storm(&s->nodes[n]))
			return true;
	return false;
}

bool storm_begin_batch(struct storm *s, struct buf *out)
{
	bool thins = has_to_thin(s);

	if (s->thins && !thins)
		storm_flush(s, out);
	if (!s->thins && thins)
		s->counts.since_ns = proc_table_host(s->table)->now_ns;
	s->thins = thins;
	s->dropping = false;
	return thins;
}

bool storm_is_settling(const struct storm *s)
{
	return s->settling;
}

bool storm_wants_pass(struct storm *s)
{
	bool wants = s->wants_pass;

	s->wants_pass = false;
	return wants;
}

bool storm_take_news(struct storm *s, struct storm_news *ret_news)
{
	bool has = s->has_news;

	if (has)
		*ret_news = s->news;
	s->has_news = false;
	return has;
}
