/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Are two tables the same? Field by field, the inside of rows included: what neither the writer nor
 * the reader of keyframes knew of would look the same in their bytes.
 */
#ifndef PROCTRAIL_TESTS_KEYFRAME_SAME_H
#define PROCTRAIL_TESTS_KEYFRAME_SAME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/keyframe.h"
#include "model/table_int.h"

/* A new field of these has to come into keyframes, and here; then the number is put right. */
_Static_assert(sizeof(struct proc) == 264, "struct proc has changed");
_Static_assert(sizeof(struct row) == 304, "struct row has changed");
_Static_assert(sizeof(struct death) == 200, "struct death has changed");
_Static_assert(sizeof(struct evidence) == 448, "struct evidence has changed");
_Static_assert(sizeof(struct host_info) == 312, "struct host_info has changed");
_Static_assert(sizeof(struct proc_counts) == 176, "struct proc_counts has changed");

/* Where we are, for the message: which stream, cut before which record, which row */
struct same {
	const char *stream;
	size_t cut;
	uint32_t tgid;
};

#define SAME(field)                                                                                \
	do {                                                                                       \
		uint64_t va = (uint64_t)(a->field), vb = (uint64_t)(b->field);                     \
		if (va != vb)                                                                      \
			fail_msg("%s, cut at %zu, pid %u: %s: expected %llu, got %llu", s->stream, \
				 s->cut, s->tgid, #field, (unsigned long long)va,                  \
				 (unsigned long long)vb);                                          \
	} while (0)

#define SAME_KEY(field)               \
	do {                          \
		SAME(field.tgid);     \
		SAME(field.start_ns); \
	} while (0)

#define SAME_BYTES(field) same_bytes(s, #field, a->field, b->field, sizeof(a->field))

static void same_bytes(const struct same *s, const char *what, const void *a, const void *b,
		       size_t len)
{
	if (memcmp(a, b, len))
		fail_msg("%s, cut at %zu, pid %u: %s differ", s->stream, s->cut, s->tgid, what);
}

static void same_span(const struct same *s, const char *what, struct span a, struct span b)
{
	if (!span_equals(a, b))
		fail_msg("%s, cut at %zu, pid %u: %s: expected '%.*s', got '%.*s'", s->stream,
			 s->cut, s->tgid, what, (int)a.len, a.data, (int)b.len, b.data);
}

static void same_str(const struct same *s, const char *what, const struct intern_str *x,
		     const struct intern_str *y)
{
	same_span(s, what, intern_span(x), intern_span(y));
	if (x && x->true_len != y->true_len)
		fail_msg("%s, cut at %zu, pid %u: %s: true length", s->stream, s->cut, s->tgid,
			 what);
}

static void same_usage(const struct same *s, const struct rec_usage *a, const struct rec_usage *b)
{
	same_bytes(s, "usage", a, b, sizeof(*a));
}

static void same_killer(const struct same *s, const struct proc_killer *a,
			const struct proc_killer *b)
{
	SAME_KEY(key);
	SAME(sent_ns);
	SAME(sig);
	SAME(code);
	SAME_BYTES(comm);
}

static void same_death(const struct same *s, const struct death *a, const struct death *b)
{
	same_usage(s, &a->d.usage, &b->d.usage);
	SAME(d.exit_ns);
	SAME(d.zombie_ns);
	SAME(d.zombie_err_ns);
	SAME(d.gone_ns);
	SAME_KEY(d.reaper);
	SAME_KEY(d.tracer);
	same_killer(s, &a->d.killer, &b->d.killer);
	SAME(d.zombie_source);
	SAME(d.reap_source);
	SAME(d.core_dumped);
	SAME(wait_ns);
	SAME(wait_end_ns);
}

static void same_hist(const struct same *s, const struct hist *a, const struct hist *b)
{
	SAME(cnt);
	SAME(sum);
	SAME(min);
	SAME(max);
	SAME(buckets != NULL);
	if (a->buckets)
		same_bytes(s, "buckets", a->buckets, b->buckets,
			   HIST_BUCKETS * sizeof(*a->buckets));
	for (unsigned permille = 0; permille <= 1000; permille += 50)
		assert_int_equal(hist_percentile(a, permille), hist_percentile(b, permille));
}

static void same_evidence(const struct same *s, const struct evidence *a, const struct evidence *b)
{
	SAME(e.waits.last_ns);
	SAME_BYTES(e.waits.cnt);
	SAME(e.waits.nohang_cnt);
	SAME(e.waits.all_cnt);
	SAME(e.waits.last_pid);
	SAME(e.waits.last_kind);
	SAME(e.waits.last_options);
	SAME(e.watched_since_ns);
	SAME(e.last_child_death_ns);
	SAME(e.last_reap_ns);
	SAME(e.child_minflt);
	SAME(e.child_cpu_ns);
	SAME(e.sig_blocked);
	SAME(e.sig_pending);
	SAME(e.sig_ignored);
	SAME(e.sig_caught);
	SAME(e.snapshot_ns);
	same_hist(s, &a->e.zombie_ns, &b->e.zombie_ns);
	SAME(e.died);
	SAME(e.reaped);
	SAME(e.autoreaped);
	SAME(e.merged);
	SAME(e.zombies);
	SAME(e.sa_flags);
	SAME(e.disposition);
	SAME(e.blocked);
	SAME(e.pending);
	SAME_BYTES(any_ns);
	SAME(any_cnt);
	for (int i = 0; i < WAITS_OPEN; i++) {
		SAME(open[i].ns);
		SAME(open[i].tid);
		SAME(open[i].pid);
		SAME(open[i].options);
	}
	SAME_KEY(sure);
	SAME(sure_tid);
}

static void same_link(const struct same *s, const char *what, const struct proc *a,
		      const struct proc *b)
{
	if (!a != !b || (a && !proc_key_equals(a->key, b->key)))
		fail_msg("%s, cut at %zu, pid %u: %s: expected %u, got %u", s->stream, s->cut,
			 s->tgid, what, a ? a->key.tgid : 0, b ? b->key.tgid : 0);
}

static void same_life(const struct same *s, const struct proc *a, const struct proc *b)
{
	SAME_KEY(birth_parent);
	same_link(s, "parent", a->parent, b->parent);
	same_link(s, "children", a->children, b->children);
	same_link(s, "last_child", a->last_child, b->last_child);
	same_link(s, "prev", a->prev, b->prev);
	same_link(s, "next", a->next, b->next);
	same_link(s, "newer", a->newer, b->newer);
	same_link(s, "older", a->older, b->older);
	SAME(exec_ns);
	SAME(rss_kb);
	SAME(seen_ns);
	SAME(stood_still_ns);
	SAME(exec_id);
	SAME(exec_cnt);
	SAME(status);
	SAME(threads);
	SAME(task_state);
	SAME(pass);
	SAME(parent_tid);
	SAME(exit_signal);
	SAME(flags);
	SAME(state);
	SAME(how);
}

static void same_place(const struct same *s, const struct proc *a, const struct proc *b)
{
	same_str(s, "exe", a->exe, b->exe);
	same_str(s, "args", a->args, b->args);
	same_str(s, "cwd", a->cwd, b->cwd);
	same_str(s, "hostname", a->hostname, b->hostname);
	SAME(cgroup != NULL);
	if (a->cgroup) {
		SAME(cgroup->id);
		SAME(cgroup->refs);
		same_str(s, "cgroup", a->cgroup->path, b->cgroup->path);
		same_span(s, "unit", a->cgroup->unit, b->cgroup->unit);
		same_span(s, "container", a->cgroup->container, b->cgroup->container);
	}
	SAME(uid);
	SAME(euid);
	SAME(gid);
	SAME(loginuid);
	SAME(sessionid);
	SAME(sid);
	SAME(pidns);
	SAME(ns_tgid);
	SAME(ns_level);
	SAME_BYTES(comm);
}

static void same_row(const struct same *s, const struct row *a, const struct row *b)
{
	same_life(s, &a->p, &b->p);
	same_place(s, &a->p, &b->p);
	SAME(first_ns);
	SAME(ahead_ns);
	SAME(bits);
	SAME(kills != NULL);
	for (uint32_t i = 0; a->kills && i < a->kills->cnt; i++)
		same_killer(s, &a->kills->kill[i], &b->kills->kill[i]);
	if (a->kills) {
		SAME(kills->cnt);
		SAME(kills->taken);
	}
	SAME(p.death != NULL);
	if (a->p.death)
		same_death(s, death_of(a), death_of(b));
	SAME(p.evidence != NULL);
	if (a->p.evidence)
		same_evidence(s, row_evidence_if(a), row_evidence_if(b));
}

static void same_stream(const struct same *s, const struct proc_table *a,
			const struct proc_table *b)
{
	SAME_BYTES(host.host);
	SAME_BYTES(host.release);
	SAME_BYTES(host.machine);
	SAME_BYTES(host.version);
	SAME(host.hooks);
	SAME(host.cpus);
	SAME(host.cgroup_kind);
	SAME(host.start_ns);
	SAME(host.now_ns);
	SAME(host.mem_kb);
	SAME(host.page_shift);
	SAME(host.scoped);
	SAME(host.threads);
	SAME_BYTES(host.boot_id);
	SAME(host_seen);
	SAME(clock.offset_ns);
	SAME(clock.gmtoff_s);
	SAME_BYTES(clock.zone);
	SAME(host.run_ns);
	SAME(uncertain_ns);
	SAME(loss_ns);
	SAME(newest_start_ns);
	SAME(unfreed);
	SAME(hist_cnt);
	SAME(pass);
	SAME(pass_rows);
	SAME(loading);
	for (size_t i = 0; i < a->cpu_cnt || i < b->cpu_cnt; i++) {
		struct cpu_loss x = i < a->cpu_cnt ? a->cpus[i] : (struct cpu_loss){0};
		struct cpu_loss y = i < b->cpu_cnt ? b->cpus[i] : (struct cpu_loss){0};

		if (x.lost != y.lost || x.seen_ns != y.seen_ns)
			fail_msg("%s, cut at %zu: losses of CPU %zu differ", s->stream, s->cut, i);
	}
}

static void same_names(const struct same *s, const struct proc_table *a, const struct proc_table *b)
{
	const struct cgroup *x = a->cgroups.unused_oldest, *y = b->cgroups.unused_oldest;
	size_t i = 0;

	SAME(fact_cnt);
	SAME(fact_bytes);
	for (i = 0; i < a->fact_cnt; i++)
		same_span(s, a->facts[i].name, proc_table_fact(a, a->facts[i].name),
			  proc_table_fact(b, a->facts[i].name));
	SAME(cgroups.by_id.cnt);
	SAME(cgroups.unused_cnt);
	for (; x && y; x = x->newer, y = y->newer)
		same_str(s, "unused cgroup", x->path, y->path);
	SAME(inits.cnt);
	SAME(strings.cnt);
}

/* 'got' came out of a keyframe of 'want'. */
static void assert_same(const char *stream, size_t cut, const struct proc_table *a,
			const struct proc_table *b)
{
	struct same same = {.stream = stream, .cut = cut}, *s = &same;
	const char *bad_a = proc_table_check(a), *bad_b = proc_table_check(b);
	const struct proc *p;

	if (bad_a || bad_b)
		fail_msg("%s, cut at %zu: %s, %s", stream, cut, bad_a ? bad_a : "-",
			 bad_b ? bad_b : "-");
	same_bytes(s, "counts", &a->counts, &b->counts, sizeof(a->counts));
	same_stream(s, a, b);
	same_names(s, a, b);
	SAME(rows.used);
	for (size_t i = 0; (p = proc_table_next(a, &i));) {
		const struct row *row = row_of(p), *other = row_find(b, p->key);

		s->tgid = p->key.tgid;
		if (!other)
			fail_msg("%s, cut at %zu: pid %u is missing", stream, cut, s->tgid);
		same_row(s, row, other);
		if ((map_find(&a->inits, p->pidns, 0) == row) !=
		    (map_find(&b->inits, p->pidns, 0) == other))
			fail_msg("%s, cut at %zu: is pid %u an init?", stream, cut, s->tgid);
	}
}

#endif
