// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table -> records. What follows from something else is not written: links, counts of the living,
 * the index of namespaces' inits. What has no order in the table (the pool, the maps) is sorted, so
 * that two tables that know the same write the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/keyframe.h"
#include "model/keyframe_int.h"

#define CPU_USER    0xffff
#define ENTRIES_MAX 4096 /* of a list in one record */
#define BOOT_ID_LEN 16
#define ROW_GUESS   384 /* bytes of a row with its texts: one allocation, not twenty */

/* ---- records -------------------------------------------------------------------------------- */

void keyframe_begin(struct keyframe *k, struct rec_hdr *h, unsigned type, size_t size)
{
	h->boot_ns = k->t->host.now_ns;
	h->type = type;
	h->cpu = CPU_USER;
	h->flags = REC_F_KEYFRAME;
	k->at = k->out->len;
	buf_put(k->out, h, size);
}

/* The size is known when everything that follows the fixed part is there. */
void keyframe_end(struct keyframe *k)
{
	uint32_t size;

	buf_pad(k->out, -(k->out->len - k->at) % 8, '\0');
	if (k->out->err)
		return;
	size = k->out->len - k->at;
	memcpy(k->out->data + k->at + offsetof(struct rec_hdr, size), &size, sizeof(size));
}

/* ---- host, names, facts --------------------------------------------------------------------- */

static unsigned hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void put_host(struct keyframe *k)
{
	const struct host_info *h = &k->t->host;
	const struct wall_clock *clock = &k->t->clock;
	const char *texts[] = {h->host, h->release, h->machine, clock->zone, h->version};
	struct rec_host rec = {
		.real_ns = h->now_ns + (uint64_t)clock->offset_ns,
		.mem_kb = h->mem_kb,
		.hooks = h->hooks,
		.cpus = h->cpus,
		.gmtoff_s = clock->gmtoff_s,
		.cgroup_kind = h->cgroup_kind,
		.host_len = strlen(h->host),
		.release_len = strlen(h->release),
		.machine_len = strlen(h->machine),
		.zone_len = strlen(clock->zone),
		.version_len = strlen(h->version),
		.scoped = h->scoped,
		.threads = h->threads,
		.page_shift = h->page_shift,
	};

	if (!k->t->host_seen)
		return;
	for (size_t i = 0; i < BOOT_ID_LEN; i++)
		rec.boot_id[i] = hex_digit(h->boot_id[2 * i]) << 4 |
				 hex_digit(h->boot_id[2 * i + 1]);
	keyframe_begin(k, &rec.h, REC_HOST, sizeof(rec));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		buf_put_str(k->out, texts[i]);
	keyframe_end(k);
}

static void put_text(struct keyframe *k, unsigned type, uint64_t id, struct span name,
		     struct span text)
{
	struct rec_text rec = {.id = id, .name_len = name.len, .text_len = text.len};

	keyframe_begin(k, &rec.h, type, sizeof(rec));
	buf_put_span(k->out, name);
	buf_put_span(k->out, text);
	keyframe_end(k);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = (*(const struct cgroup *const *)a)->id;
	uint64_t y = (*(const struct cgroup *const *)b)->id;

	return (x > y) - (x < y);
}

/*
 * After the rows: those that are used are referred to by then, and only the others are a list that
 * has an order and a length. One without a name is nothing but its rows' number.
 */
static int put_cgroups(struct keyframe *k)
{
	const struct cgroup_table *cgs = &k->t->cgroups;
	const struct cgroup **used = calloc(cgs->by_id.cnt + 1, sizeof(*used));
	struct map_slot *s;
	size_t cnt = 0;

	if (!used)
		return -ENOMEM;
	for (size_t i = 0; (s = map_next(&cgs->by_id, &i));) {
		const struct cgroup *cg = s->value;

		if (cg->refs && cg->path)
			used[cnt++] = cg;
	}
	qsort(used, cnt, sizeof(*used), by_id);
	for (size_t i = 0; i < cnt; i++)
		put_text(k, REC_FACT_CGROUP, used[i]->id, (struct span){0},
			 intern_span(used[i]->path));
	for (const struct cgroup *cg = cgs->unused_oldest; cg; cg = cg->newer)
		put_text(k, REC_FACT_CGROUP, cg->id, (struct span){0}, intern_span(cg->path));
	free(used);
	return 0;
}

static void put_facts(struct keyframe *k)
{
	for (size_t i = 0; i < k->t->fact_cnt; i++) {
		const struct fact *f = &k->t->facts[i];

		put_text(k, REC_FACT_TEXT, 0, (struct span){f->name, f->name_len},
			 (struct span){f->text, f->text_len});
	}
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool is_skipped(const struct keyframe *k, const struct proc *p)
{
	return p->tag & k->skip_tags;
}

static int by_birth(const void *a, const void *b)
{
	return rows_by_birth(*(struct row *const *)a, *(struct row *const *)b);
}

/* Parents before their children, siblings in their order; NULL behind the last one below the root. */
static const struct proc *next_in_tree(const struct proc *p, bool below)
{
	if (below && p->children)
		return p->children;
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

static int put_rows(struct keyframe *k)
{
	const struct row **roots, *r;
	size_t cnt = 0, at = 0;

	for (size_t i = 0; (r = pool_at(&k->t->rows, i)); i++)
		cnt += (r->bits & ROW_USED) && !r->p.parent;
	roots = calloc(cnt ? cnt : 1, sizeof(struct row *));
	if (!roots)
		return -ENOMEM;
	for (size_t i = 0; (r = pool_at(&k->t->rows, i)); i++) {
		if ((r->bits & ROW_USED) && !r->p.parent)
			roots[at++] = r;
	}
	qsort(roots, cnt, sizeof(struct row *), by_birth);
	for (size_t i = 0; i < cnt; i++) {
		bool put = true;

		for (const struct proc *p = &roots[i]->p; p; p = next_in_tree(p, put)) {
			put = !is_skipped(k, p);
			if (!put)
				continue;
			keyframe_put_row(k, row_of(p));
			k->rows++;
		}
	}
	free(roots);
	return 0;
}

/* ---- beside the rows ------------------------------------------------------------------------ */

static void begin_table(struct keyframe *k, unsigned kind, uint32_t cnt)
{
	struct rec_table rec = {.kind = kind, .cnt = cnt};

	keyframe_begin(k, &rec.h, REC_TABLE, sizeof(rec));
}

static void put_list(struct keyframe *k, unsigned kind, const struct proc *oldest)
{
	struct rec_proc entry;

	while (oldest) {
		const struct proc *p = oldest;
		uint32_t cnt = 0;

		for (; p && cnt < ENTRIES_MAX; p = p->newer)
			cnt += !is_skipped(k, p);
		if (cnt)
			begin_table(k, kind, cnt);
		for (; oldest != p; oldest = oldest->newer) {
			if (is_skipped(k, oldest))
				continue;
			entry = rec_proc_of(oldest->key);
			buf_put(k->out, &entry, sizeof(entry));
		}
		if (cnt)
			keyframe_end(k);
	}
}

static bool cpu_is_known(const struct cpu_loss *c)
{
	return c->seen_ns || c->lost;
}

static void put_cpus(struct keyframe *k)
{
	const struct proc_table *t = k->t;

	for (size_t i = 0, next; i < t->cpu_cnt; i = next) {
		uint32_t cnt = 0;

		for (next = i; next < t->cpu_cnt && cnt < ENTRIES_MAX; next++)
			cnt += cpu_is_known(&t->cpus[next]);
		if (!cnt)
			continue;
		begin_table(k, REC_TABLE_CPUS, cnt);
		for (; i < next; i++) {
			struct rec_table_cpu rec = {t->cpus[i].seen_ns, i, t->cpus[i].lost};

			if (cpu_is_known(&t->cpus[i]))
				buf_put(k->out, &rec, sizeof(rec));
		}
		keyframe_end(k);
	}
}

static void put_end(struct keyframe *k)
{
	const struct proc_table *t = k->t;
	const struct proc_counts *n = &t->counts;
	struct rec_table_end rec = {
		.rows = k->rows,
		.start_ns = t->host.start_ns,
		.run_ns = t->host.run_ns,
		.uncertain_ns = t->uncertain_ns,
		.loss_ns = t->loss_ns,
		.newest_start_ns = t->newest_start_ns,
		.unfreed = t->unfreed,
		.forks = n->forks,
		.execs = n->execs,
		.deaths = n->deaths,
		.killed = n->killed,
		.zombies = n->zombies,
		.reaps = n->reaps,
		.adoptions = n->adoptions,
		.signals = n->signals,
		.threads = n->threads,
		.events = n->events,
		.lost = n->lost,
		.missed = n->missed,
		.healed = n->healed,
		.illegal = n->illegal,
		.evicted = n->evicted,
		.malformed = n->malformed,
		.unknown_type = n->unknown_type,
		.attempted = n->attempted,
		.delivered = n->delivered,
		.pass = t->pass,
		.pass_rows = t->pass_rows,
		.thinned = n->thinned,
	};

	begin_table(k, REC_TABLE_END, 1);
	buf_put(k->out, &rec, sizeof(rec));
	keyframe_end(k);
}

int proc_table_put_keyframe(const struct proc_table *t, uint16_t skip_tags, struct buf *out)
{
	struct keyframe k = {.t = t, .out = out, .skip_tags = skip_tags};
	size_t began = out->len;
	int err;

	buf_room(out, t->rows.used * ROW_GUESS);
	put_host(&k);
	err = put_rows(&k);
	if (!err)
		err = put_cgroups(&k);
	put_facts(&k);
	put_list(&k, REC_TABLE_DEAD, t->dead_oldest);
	put_list(&k, REC_TABLE_HELD, t->held_oldest);
	put_cpus(&k);
	put_end(&k);
	if (!err)
		err = out->err;
	if (err)
		out->len = began;
	return err;
}
