// SPDX-License-Identifier: GPL-2.0-only
/* What the stream says about itself and its machine: host, clocks, losses, facts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/table_int.h"

#define CPU_USER        0xffff
#define PASS_EARLIER    0x80000000u /* another run's: equals the number of no complete pass */
#define FACTS_MAX       1024
#define FACT_TEXT_MAX   (64 * 1024)
#define FACTS_BYTES_MAX (8 * 1024 * 1024)

/* ---- loss ----------------------------------------------------------------------------------- */

static void tell_lost(struct proc_table *t, const struct event *ev, uint32_t cpu, uint64_t from_ns,
		      uint64_t cnt, uint32_t reason)
{
	if (reason == REC_GAP_MISSED)
		t->counts.missed += cnt;
	else
		t->counts.lost += cnt;
	if (!t->uncertain_ns || from_ns < t->uncertain_ns)
		t->uncertain_ns = from_ns ? from_ns : 1;
	if (ev->h.boot_ns > t->loss_ns)
		t->loss_ns = ev->h.boot_ns;
	table_tell(t, &(struct change){
			      .kind = CHANGE_LOST,
			      .boot_ns = ev->h.boot_ns,
			      .ev = ev,
			      .from_ns = from_ns,
			      .cnt = cnt,
			      .reason = reason,
			      .cpu = cpu,
		      });
}

struct cpu_loss *table_cpu(struct proc_table *t, uint32_t cpu)
{
	struct cpu_loss *bigger;
	size_t cnt = t->cpu_cnt ? t->cpu_cnt : 16;

	if (cpu < t->cpu_cnt)
		return &t->cpus[cpu];
	while (cnt <= cpu)
		cnt *= 2;
	bigger = realloc(t->cpus, cnt * sizeof(*bigger));
	if (!bigger)
		return NULL;
	memset(bigger + t->cpu_cnt, 0, (cnt - t->cpu_cnt) * sizeof(*bigger));
	t->cpus = bigger;
	t->cpu_cnt = cnt;
	return &bigger[cpu];
}

void cpus_clear(struct proc_table *t)
{
	if (t->cpus)
		memset(t->cpus, 0, t->cpu_cnt * sizeof(*t->cpus));
}

/*
 * Each record carries its CPU's count of lost records: a gap lies between two records of a CPU
 * whose counts differ. They begin at 0 with each run, so its first record's counts as well.
 */
void table_note_loss(struct proc_table *t, const struct event *ev)
{
	struct cpu_loss *c;
	uint64_t from_ns;
	int32_t cnt;

	if (ev->h.cpu == CPU_USER || ev->h.type == REC_GAP)
		return;
	c = table_cpu(t, ev->h.cpu);
	if (!c)
		return;
	from_ns = c->seen_ns ? c->seen_ns : t->host.run_ns;
	cnt = ev->h.lost - c->lost; /* wraps; < 0: written earlier, read later */
	c->seen_ns = ev->h.boot_ns;
	if (cnt <= 0)
		return;
	c->lost = ev->h.lost;
	tell_lost(t, ev, ev->h.cpu, from_ns, cnt, REC_GAP_RING);
}

/* The source found what no later record of that CPU could tell; its count is in h.lost. */
int apply_gap(struct proc_table *t, const struct event *ev)
{
	const struct rec_gap *g = &ev->gap;
	struct cpu_loss *c;

	if (g->reason == REC_GAP_RING && ev->h.cpu != CPU_USER) {
		c = table_cpu(t, ev->h.cpu);
		if (c && ev->h.lost)
			c->lost = ev->h.lost;
		else if (c)
			c->lost += g->count;
	}
	/* of a CPU that has made no record yet it may be anything since the run began */
	tell_lost(t, ev, ev->h.cpu, g->from_ns ? g->from_ns : t->host.run_ns, g->count, g->reason);
	return 0;
}

/* ---- storms --------------------------------------------------------------------------------- */

/* Lives that have no rows. What their parent did about them is evidence all the same. */
int apply_thinned(struct proc_table *t, const struct event *ev)
{
	const struct rec_thinned *n = &ev->thinned;
	struct row *r = row_find(t, event_proc(ev));
	struct evidence *e = r && (n->flags & REC_THINNED_PARENT) ? row_evidence(t, r) : NULL;

	t->counts.forks += n->births;
	t->counts.thinned += n->births;
	t->counts.deaths += n->deaths;
	t->counts.reaps += n->reaps;
	if (ev->h.status & 0x7f)
		t->counts.killed += n->deaths;
	if (e) {
		e->e.died += n->deaths;
		e->e.reaped += n->reaps;
	}
	table_tell(t, &(struct change){
			      .kind = CHANGE_THINNED,
			      .boot_ns = ev->h.boot_ns,
			      .proc = r ? &r->p : NULL,
			      .ev = ev,
			      .from_ns = n->from_ns,
			      .cnt = n->births + n->deaths,
		      });
	return 0;
}

/* ---- host and clocks ------------------------------------------------------------------------ */

static void take_text(char *dst, size_t cap, struct span s)
{
	size_t len = s.len < cap - 1 ? s.len : cap - 1;

	if (len)
		memcpy(dst, s.data, len);
	dst[len] = '\0';
}

/* Nothing that was under way when nobody watched is under way any more. */
static void row_begin_run(struct row *r)
{
	struct evidence *e = row_evidence_if(r);

	if (r->p.pass)
		r->p.pass = PASS_EARLIER;
	r->bits &= ~(ROW_PASS_ZOMBIE | ROW_PASS_DEAD | ROW_PASS_CONT);
	if (!e)
		return;
	memset(e->open, 0, sizeof(e->open));
	e->sure = (struct proc_key){0};
	e->sure_tid = 0;
}

/*
 * A recorder was started again: its counters and pass numbers begin anew. What lived before may have
 * died unseen, which its first complete pass will show, as after a loss. Nobody survives a reboot,
 * and its clock begins anew as well.
 */
static void begin_run(struct proc_table *t, const struct event *ev, bool same_boot)
{
	struct row *r;

	cpus_clear(t);
	t->pass = t->pass_rows = 0;
	t->unfreed = 0;
	if (!same_boot) {
		table_forget(t);
		t->uncertain_ns = t->loss_ns = 0;
		t->host.start_ns = t->host.now_ns = ev->h.boot_ns;
		return;
	}
	for (size_t i = 0; (r = pool_at(&t->rows, i)); i++) {
		if (r->bits & ROW_USED)
			row_begin_run(r);
	}
	if (!t->uncertain_ns)
		t->uncertain_ns = t->host.now_ns ? t->host.now_ns : 1;
	if (ev->h.boot_ns > t->loss_ns)
		t->loss_ns = ev->h.boot_ns;
}

int apply_host(struct proc_table *t, const struct event *ev)
{
	const struct rec_host *r = &ev->host;
	struct host_info *h = &t->host;
	char boot_id[sizeof(h->boot_id)];

	for (size_t i = 0; i < sizeof(r->boot_id); i++)
		snprintf(boot_id + 2 * i, 3, "%02x", r->boot_id[i]);
	if (t->host_seen)
		begin_run(t, ev, strcmp(boot_id, h->boot_id) == 0);
	t->host_seen = true;
	t->host.run_ns = ev->h.boot_ns;
	if (ev->h.boot_ns > h->now_ns)
		h->now_ns = ev->h.boot_ns;
	memcpy(h->boot_id, boot_id, sizeof(boot_id));
	take_text(h->host, sizeof(h->host), ev->name);
	take_text(h->release, sizeof(h->release), ev->release);
	take_text(h->machine, sizeof(h->machine), ev->machine);
	take_text(h->version, sizeof(h->version), ev->version);
	take_text(t->clock.zone, sizeof(t->clock.zone), ev->zone);
	h->hooks = r->hooks;
	h->cpus = r->cpus;
	h->cgroup_kind = r->cgroup_kind;
	h->mem_kb = r->mem_kb;
	h->page_shift = r->page_shift;
	h->scoped = r->scoped;
	h->threads = r->threads;
	t->clock.offset_ns = (int64_t)(r->real_ns - ev->h.boot_ns);
	t->clock.gmtoff_s = r->gmtoff_s;
	table_tell_row(t, CHANGE_HOST, NULL, NULL, ev);
	return 0;
}

int apply_tick(struct proc_table *t, const struct event *ev)
{
	t->clock.offset_ns = (int64_t)(ev->tick.real_ns - ev->h.boot_ns);
	t->clock.gmtoff_s = ev->tick.gmtoff_s;
	t->counts.attempted = ev->tick.attempted;
	t->counts.delivered = ev->tick.delivered;
	rows_tell_held(t, ev);
	table_tell_row(t, CHANGE_TICK, NULL, NULL, ev);
	return 0;
}

/* ---- facts ---------------------------------------------------------------------------------- */

static struct span path_kept(struct span s)
{
	return (struct span){s.data, s.len < PATH_KEPT ? s.len : PATH_KEPT};
}

/* Looked up by a reader that began later than the last exec: else the exec knows better. */
int apply_fact_proc(struct proc_table *t, const struct event *ev)
{
	struct row *r = row_find(t, event_proc(ev));

	if (!r || (r->p.flags & PROC_GHOST))
		return 0;
	if (!r->p.exec_ns) {
		if (ev->file.len)
			row_set_str(t, &r->p.exe, path_kept(ev->file), ev->file.len);
		if (ev->args.len)
			row_set_str(t, &r->p.args, ev->args, ev->fact_proc.args_len);
	}
	if (ev->cwd.len && (!r->p.exec_ns || !r->p.cwd))
		row_set_str(t, &r->p.cwd, path_kept(ev->cwd), ev->cwd.len);
	table_tell_row(t, CHANGE_FACT, r, NULL, ev);
	return 0;
}

/* A keyframe repeats what was told when it was learnt. */
static void tell_fact(struct proc_table *t, const struct event *ev)
{
	if (!(ev->h.flags & REC_F_KEYFRAME))
		table_tell_row(t, CHANGE_FACT, NULL, NULL, ev);
}

int apply_fact_cgroup(struct proc_table *t, const struct event *ev)
{
	uint64_t id = ev->h.type == REC_MKCGROUP ? ev->cgroup.cgroup_id : ev->fact.id;
	int err = cgroup_table_name(&t->cgroups, id, ev->text);

	tell_fact(t, ev);
	return err;
}

static struct fact *fact_find(const struct proc_table *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->fact_cnt; i++) {
		struct fact *f = &t->facts[i];

		if (f->name_len == len && memcmp(f->name, name, len) == 0)
			return f;
	}
	return NULL;
}

static struct fact *fact_add(struct proc_table *t, struct span name)
{
	struct fact *f;

	if (t->fact_cnt == FACTS_MAX)
		return NULL;
	if (t->fact_cnt == t->fact_cap) {
		size_t cap = t->fact_cap ? t->fact_cap * 2 : 32;

		f = realloc(t->facts, cap * sizeof(*f));
		if (!f)
			return NULL;
		t->facts = f;
		t->fact_cap = cap;
	}
	f = &t->facts[t->fact_cnt];
	*f = (struct fact){.name = strndup(name.data, name.len)};
	if (!f->name)
		return NULL;
	f->name_len = name.len;
	t->fact_bytes += name.len;
	t->fact_cnt++;
	return f;
}

/* The latest text counts; what is too much is left out, and the name is then unknown. */
static int fact_set(struct proc_table *t, struct span name, struct span text)
{
	struct fact *f;
	char *copy;

	if (!name.len || memchr(name.data, '\0', name.len))
		return 0;
	if (text.len > FACT_TEXT_MAX)
		text.len = FACT_TEXT_MAX;
	f = fact_find(t, name.data, name.len);
	if (t->fact_bytes + text.len + (f ? 0 : name.len) > FACTS_BYTES_MAX + (f ? f->text_len : 0))
		return 0;
	if (!f)
		f = fact_add(t, name);
	if (!f)
		return -ENOMEM;
	if (text.len > f->text_len || !f->text) {
		copy = realloc(f->text, text.len + 1);
		if (!copy)
			return -ENOMEM;
		f->text = copy;
	}
	if (text.len)
		memcpy(f->text, text.data, text.len);
	t->fact_bytes += text.len - f->text_len;
	f->text_len = text.len;
	return 0;
}

int apply_fact_text(struct proc_table *t, const struct event *ev)
{
	int err = fact_set(t, ev->name, ev->text);

	tell_fact(t, ev);
	return err;
}

struct span proc_table_fact(const struct proc_table *t, const char *name)
{
	struct fact *f = fact_find(t, name, strlen(name));

	return f ? (struct span){f->text, f->text_len} : (struct span){0};
}

void facts_release(struct proc_table *t)
{
	for (size_t i = 0; i < t->fact_cnt; i++) {
		free(t->facts[i].name);
		free(t->facts[i].text);
	}
	free(t->facts);
	t->facts = NULL;
	t->fact_cnt = t->fact_cap = t->fact_bytes = 0;
}
