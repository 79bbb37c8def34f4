/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream by chance, always the same for a seed: a small machine whose processes are born, exec,
 * wait, are killed, die and are reaped, with passes, threads of strangers, losses, facts, a recorder
 * that is started again. What is lost happened nevertheless.
 */
#ifndef PROCTRAIL_TESTS_KEYFRAME_WORLD_H
#define PROCTRAIL_TESTS_KEYFRAME_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/event.h"

#define WORLD_LIVES 64
#define WORLD_CPUS  4
#define WORLD_EPOCH (1000 * NS_PER_SEC)
#define WORLD_REAL  (1764000000 * NS_PER_SEC)

enum world_state { LIFE_NONE, LIFE_ALIVE, LIFE_DEAD, LIFE_ZOMBIE, LIFE_RELEASED };

struct life {
	uint64_t start_ns;
	uint32_t pid, parent; /* parent: its slot */
	uint32_t exec_id, status, flags, ns;
	enum world_state state;
};

struct world {
	struct buf *out;
	uint64_t rnd, now_ns;
	struct life lives[WORLD_LIVES]; /* [0] is init */
	uint32_t lost[WORLD_CPUS], pass, pass_rows;
	uint32_t next_pid;
	uint8_t boot;
	bool losing; /* now and then a record is lost */
};

static uint32_t pick(struct world *w, uint32_t below)
{
	w->rnd ^= w->rnd << 13;
	w->rnd ^= w->rnd >> 7;
	w->rnd ^= w->rnd << 17;
	return (uint32_t)(w->rnd >> 20) % below;
}

static bool chance(struct world *w, uint32_t percent)
{
	return pick(w, 100) < percent;
}

/* Type, time, CPU and what it has lost; the record itself may be the next one lost. */
static void emit(struct world *w, struct rec_hdr *h, unsigned type, size_t fixed, struct span tail)
{
	uint32_t cpu = pick(w, WORLD_CPUS);

	w->now_ns += 1000 + pick(w, 20) * NS_PER_MS;
	h->type = type;
	h->boot_ns = w->now_ns;
	h->cpu = type < REC_HOST ? cpu : 0xffff;
	h->size = (fixed + tail.len + 7) / 8 * 8;
	if (type < REC_HOST && w->losing && chance(w, 4)) {
		w->lost[cpu]++;
		return;
	}
	h->lost = type < REC_HOST ? w->lost[cpu] : 0;
	buf_put(w->out, h, fixed);
	buf_put_span(w->out, tail);
	buf_pad(w->out, h->size - fixed - tail.len, '\0');
}

#define EMIT(w, rec, type)            emit(w, &(rec).h, type, sizeof(rec), (struct span){0})
#define EMIT_TAIL(w, rec, type, tail) emit(w, &(rec).h, type, sizeof(rec), tail)

static struct rec_proc rec_of(const struct life *l)
{
	return (struct rec_proc){.start_ns = l->start_ns, .tgid = l->pid, .tid = l->pid};
}

static void about(struct world *w, struct rec_hdr *h, const struct life *l)
{
	const struct life *parent = &w->lives[l->parent];

	h->tgid = h->tid = l->pid;
	h->start_ns = l->start_ns;
	h->exec_id = l->exec_id;
	h->flags = l->flags;
	if (l->state >= LIFE_DEAD) {
		h->flags |= REC_F_EXITING | REC_F_DEAD;
		h->status = l->status;
	}
	if (l->state == LIFE_ZOMBIE)
		h->flags |= REC_F_ZOMBIE;
	if (l != parent) {
		h->ppid = h->parent_tid = parent->pid;
		h->parent_start_ns = parent->start_ns;
	}
}

static struct rec_place place_of(struct world *w, const struct life *l)
{
	return (struct rec_place){.cgroup_id = 1 + l->pid % 7,
				  .pidns = 100 + l->ns,
				  .ns_tgid = l->flags & REC_F_NSINIT ? 1 : l->pid,
				  .ns_level = l->ns ? 1 : 0};
}

/* A slot in this state; 0 (init) where there is none. */
static uint32_t slot_of(struct world *w, enum world_state state)
{
	uint32_t at = pick(w, WORLD_LIVES);

	for (uint32_t i = 0; i < WORLD_LIVES; i++, at = (at + 1) % WORLD_LIVES)
		if (at && w->lives[at].state == state)
			return at;
	return 0;
}

/* ---- what happens --------------------------------------------------------------------------- */

static void world_fork(struct world *w)
{
	uint32_t at = slot_of(w, LIFE_NONE), by = chance(w, 40) ? 0 : slot_of(w, LIFE_ALIVE);
	struct rec_fork r = {.clone_flags = 17, .exit_signal = 17, .comm = "worker"};
	struct life *l = &w->lives[at];

	if (!at)
		return;
	*l = (struct life){.pid = 2 + w->next_pid++ % 90,
			   .parent = by,
			   .start_ns = w->now_ns,
			   .state = LIFE_ALIVE,
			   .ns = w->lives[by].ns,
			   .exec_id = w->lives[by].exec_id};
	if (chance(w, 5)) {
		l->ns = 1 + pick(w, 5);
		l->flags = REC_F_NSINIT;
	}
	if (chance(w, 8))
		l->flags |= REC_F_SUBREAPER;
	about(w, &r.h, l);
	r.creator = rec_of(&w->lives[by]);
	r.place = place_of(w, l);
	r.cred.uid = pick(w, 3) * 1000;
	if (chance(w, 20))
		r.clone_flags |= 0x4100;
	r.creator_rss_kb = pick(w, 5000);
	EMIT(w, r, REC_FORK);
}

static void world_exec(struct world *w)
{
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_exec r = {.argc = 2, .comm = "prog", .cwd = "x\0srv\0", .cwd_len = 6};
	char args[64];

	l->exec_id++;
	about(w, &r.h, l);
	r.place = place_of(w, l);
	r.args_kept = (uint32_t)snprintf(args, sizeof(args), "prog%c-n%u", 0, pick(w, 9)) + 1;
	r.args_len = r.args_kept + (chance(w, 10) ? 100 : 0);
	r.file_len = (uint32_t)snprintf(r.file, sizeof(r.file), "/usr/bin/prog%u", pick(w, 4));
	if (l->ns)
		snprintf(r.hostname, sizeof(r.hostname), "pod%u", l->ns);
	EMIT_TAIL(w, r, REC_EXEC, ((struct span){args, r.args_kept}));
}

/* find_new_reaper(), roughly: whoever it was, records name it from now on. */
static void give_away(struct world *w, uint32_t at)
{
	for (uint32_t i = 1; i < WORLD_LIVES; i++) {
		struct life *l = &w->lives[i];

		if (i == at || l->parent != at || l->state == LIFE_NONE)
			continue;
		if (l->state == LIFE_ZOMBIE) {
			struct rec_zombie r = {.flags = REC_ZOMBIE_HANDOVER,
					       .source = REC_ZOMBIE_SIGCHLD,
					       .exit_signal = 17};

			about(w, &r.h, &w->lives[at]);
			r.notified = rec_of(&w->lives[0]);
			r.si_pid = l->pid;
			EMIT(w, r, REC_ZOMBIE);
		}
		l->parent = 0;
	}
}

static void world_exit(struct world *w)
{
	uint32_t at = slot_of(w, LIFE_ALIVE);
	struct life *l = &w->lives[at];
	struct rec_exit r = {.comm = "prog"};

	if (!at)
		return;
	l->status = chance(w, 30) ? 9 : pick(w, 3) << 8;
	l->state = LIFE_DEAD;
	about(w, &r.h, l);
	if (chance(w, 20))
		r.h.tid++; /* not the leader's own: its status is not final */
	r.usage.cpu_ns = pick(w, 1000000);
	EMIT(w, r, REC_EXIT);
}

static void world_zombie(struct world *w)
{
	uint32_t at = slot_of(w, LIFE_DEAD);
	struct life *l = &w->lives[at];
	struct rec_zombie r = {.source = REC_ZOMBIE_SIGCHLD,
			       .exit_signal = 17,
			       .disposition = (uint8_t)pick(w, 3)};

	if (!at)
		return;
	give_away(w, at);
	l->state = LIFE_ZOMBIE;
	about(w, &r.h, l);
	r.notified = rec_of(&w->lives[l->parent]);
	r.flags = chance(w, 10) ? REC_ZOMBIE_MERGED : 0;
	if (chance(w, 15)) {
		r.flags = REC_ZOMBIE_AUTOREAP;
		l->state = LIFE_RELEASED;
	} else if (chance(w, 10)) {
		r.flags = REC_ZOMBIE_TRACER;
		r.notified = rec_of(&w->lives[0]);
	}
	EMIT(w, r, REC_ZOMBIE);
}

static void world_reap(struct world *w)
{
	uint32_t at = slot_of(w, LIFE_ZOMBIE);
	struct life *l = &w->lives[at];
	struct rec_reap r = {0};

	if (!at)
		return;
	about(w, &r.h, l);
	r.reaper = rec_of(&w->lives[l->parent]);
	l->state = LIFE_RELEASED;
	if (chance(w, 60))
		EMIT(w, r, REC_REAP);
}

static void world_free(struct world *w)
{
	uint32_t at = slot_of(w, LIFE_RELEASED);
	struct rec_reap r = {0};

	if (!at)
		return;
	about(w, &r.h, &w->lives[at]);
	r.h.ppid = r.h.parent_tid = r.h.flags = 0;
	r.h.parent_start_ns = 0;
	r.h.flags = REC_F_EXITING | REC_F_DEAD;
	r.usage.cpu_ns = pick(w, 5000000);
	w->lives[at].state = LIFE_NONE;
	EMIT(w, r, REC_FREE);
}

static void world_wait(struct world *w)
{
	struct life *l = &w->lives[chance(w, 30) ? 0 : slot_of(w, LIFE_ALIVE)];
	struct rec_wait r = {.kind = REC_WAIT_ANY, .known = 1};

	about(w, &r.h, l);
	r.h.tid += pick(w, 2);
	if (chance(w, 30)) {
		r.kind = REC_WAIT_PID;
		r.pid = w->lives[slot_of(w, LIFE_ZOMBIE)].pid;
	}
	r.options = chance(w, 40) ? REC_WAIT_NOHANG : 0;
	r.repeat = pick(w, 3);
	EMIT(w, r, REC_WAIT);
}

static void world_signal(struct world *w)
{
	static const int signals[] = {9, 15, 11, 18, 1};
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_signal r = {.sender_comm = "sh", .comm = "prog", .group = 1};

	about(w, &r.h, l);
	r.sig = signals[pick(w, 5)];
	r.result = pick(w, 3);
	r.sender = rec_of(&w->lives[slot_of(w, LIFE_ALIVE)]);
	EMIT(w, r, REC_SIGNAL);
}

static void world_stop(struct world *w)
{
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_deliver r = {.sig = 19};

	about(w, &r.h, l);
	EMIT(w, r, REC_DELIVER);
}

static void world_place(struct world *w)
{
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_cgroup r = {.cgroup_id = 1 + pick(w, 20)};
	struct rec_rename n = {.comm = "renamed"};

	r.path_len = (uint32_t)snprintf(r.path, sizeof(r.path), "/sys.slice/u%u.service",
					(unsigned)r.cgroup_id);
	if (chance(w, 50)) {
		EMIT(w, r, REC_MKCGROUP);
	} else {
		about(w, &r.h, l);
		EMIT(w, r, REC_CGROUP);
	}
	about(w, &n.h, l);
	EMIT(w, n, REC_RENAME);
}

/* ---- passes, losses, facts ------------------------------------------------------------------ */

static void seed(struct world *w, const struct life *l)
{
	struct rec_seed r = {.pass = w->pass, .exit_signal = 17, .threads = 1, .comm = "seen"};

	about(w, &r.h, l);
	r.place = place_of(w, l);
	r.still_exec_ns = chance(w, 50) ? pick(w, 1000) * NS_PER_MS : REC_STILL_NONE;
	r.still_arrival_ns = r.still_exec_ns;
	r.child_minflt = pick(w, 2);
	r.sig_caught = (uint64_t)pick(w, 2) << 16;
	r.state = pick(w, 3);
	w->pass_rows++;
	EMIT(w, r, REC_SEED);
}

static void world_step(struct world *w);

/* Life goes on meanwhile. */
static void world_pass(struct world *w)
{
	struct rec_seed_end r = {.began_ns = w->now_ns};

	w->pass++;
	w->pass_rows = 0;
	for (uint32_t i = 0; i < WORLD_LIVES; i++) {
		enum world_state state = w->lives[i].state;

		if (state != LIFE_NONE && state != LIFE_RELEASED)
			seed(w, &w->lives[i]);
		if (chance(w, 10))
			world_step(w);
	}
	r.pass = w->pass;
	r.rows = w->pass_rows;
	EMIT(w, r, REC_SEED_END);
}

static void world_tick(struct world *w)
{
	struct rec_tick r = {.gmtoff_s = 3600, .attempted = w->now_ns / 1000, .delivered = 7};

	w->now_ns += 50 * NS_PER_MS;
	r.real_ns = WORLD_REAL + w->now_ns + pick(w, 5);
	EMIT(w, r, REC_TICK);
}

static void world_gap(struct world *w)
{
	struct rec_gap r = {.from_ns = w->now_ns - NS_PER_MS,
			    .count = 1 + pick(w, 9),
			    .reason = 1 + pick(w, 6)};

	if (r.reason == REC_GAP_RING)
		r.reason = REC_GAP_DISK;
	EMIT(w, r, REC_GAP);
}

static void world_thinned(struct world *w)
{
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_thinned r = {.from_ns = w->now_ns - NS_PER_SEC,
				.births = pick(w, 5000),
				.deaths = pick(w, 5000),
				.reaps = pick(w, 5000),
				.records = 20000,
				.exe_len = 7,
				.flags = pick(w, 2),
				.comm = "storm"};

	r.h.tgid = r.h.tid = l->pid;
	r.h.start_ns = l->start_ns;
	r.h.status = chance(w, 50) ? 9 : 256;
	EMIT_TAIL(w, r, REC_THINNED, ((struct span){"/bin/sh", 7}));
}

static void put_text(struct world *w, unsigned type, uint64_t id, const char *name,
		     const char *text)
{
	struct rec_text r = {
		.id = id, .name_len = (uint32_t)strlen(name), .text_len = (uint32_t)strlen(text)};
	char tail[256];
	int len = snprintf(tail, sizeof(tail), "%s%s", name, text);

	EMIT_TAIL(w, r, type, ((struct span){tail, (size_t)len}));
}

static void world_fact(struct world *w)
{
	char name[64], text[64];

	snprintf(name, sizeof(name), "/proc/%u", pick(w, 8));
	snprintf(text, sizeof(text), "%.*s", (int)pick(w, 30), "0.52 0.58 0.59 3/1234 987654 end");
	put_text(w, REC_FACT_TEXT, 0, name, text);
	snprintf(text, sizeof(text), "/kubepods/pod%u", pick(w, 30));
	put_text(w, REC_FACT_CGROUP, 1 + pick(w, 40), "", text);
}

static void world_fact_proc(struct world *w)
{
	struct life *l = &w->lives[slot_of(w, LIFE_ALIVE)];
	struct rec_fact_proc r = {.exe_len = 7, .cwd_len = 1, .args_len = 90, .args_kept = 5};

	about(w, &r.h, l);
	EMIT_TAIL(w, r, REC_FACT_PROC, ((struct span){"/bin/sh/sh\0-c", 13}));
}

static void world_host(struct world *w)
{
	struct rec_host r = {.real_ns = WORLD_REAL + w->now_ns,
			     .mem_kb = 1 << 20,
			     .boot_id = {0x5a, 1, w->boot},
			     .cpus = WORLD_CPUS,
			     .gmtoff_s = 3600,
			     .host_len = 3,
			     .release_len = 5,
			     .machine_len = 6,
			     .zone_len = 3,
			     .version_len = 1,
			     .page_shift = 12};

	EMIT_TAIL(w, r, REC_HOST, SPAN_LITERAL("db16.1.0x86_64CET0"));
}

/* The recorder is started again; now and then the machine was too, and then nobody is left. */
static void world_new_run(struct world *w)
{
	struct rec_gap r = {.from_ns = w->now_ns, .reason = REC_GAP_UNWATCHED};

	w->now_ns += 30 * NS_PER_SEC;
	EMIT(w, r, REC_GAP);
	memset(w->lost, 0, sizeof(w->lost));
	w->pass = 0;
	if (chance(w, 25)) {
		w->boot++;
		w->now_ns = WORLD_EPOCH / 2;
		memset(&w->lives[1], 0, sizeof(w->lives) - sizeof(w->lives[0]));
		w->lives[0].start_ns = 7;
	}
	world_host(w);
	world_pass(w);
}

static void world_step(struct world *w)
{
	static const struct {
		void (*run)(struct world *w);
		uint32_t weight;
	} steps[] = {
		{world_fork, 22}, {world_exec, 14}, {world_exit, 14},     {world_zombie, 12},
		{world_reap, 10}, {world_free, 10}, {world_wait, 10},     {world_signal, 8},
		{world_stop, 2},  {world_place, 2}, {world_fact_proc, 3}, {world_fact, 2},
		{world_gap, 1},   {world_tick, 4},  {world_thinned, 1},
	};
	uint32_t sum = 0, at;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		sum += steps[i].weight;
	at = pick(w, sum);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (at < steps[i].weight) {
			steps[i].run(w);
			return;
		}
		at -= steps[i].weight;
	}
}

/* About so many bytes of records, seeded with 'rnd' (not 0). */
static void world_run(struct buf *out, uint64_t rnd, size_t bytes)
{
	struct world w = {.out = out, .rnd = rnd, .now_ns = WORLD_EPOCH, .losing = rnd % 2};

	w.lives[0] = (struct life){.pid = 1, .start_ns = 5, .state = LIFE_ALIVE};
	world_host(&w);
	world_pass(&w);
	while (out->len < bytes) {
		uint32_t what = pick(&w, 1000);

		if (what < 10)
			world_pass(&w);
		else if (what < 13)
			world_new_run(&w);
		else
			world_step(&w);
	}
}

#endif
