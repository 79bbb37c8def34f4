/* SPDX-License-Identifier: GPL-2.0-only */
/* The inside of the script source: its world, and how one line becomes records. */
#ifndef PROCTRAIL_SOURCE_SCRIPT_INT_H
#define PROCTRAIL_SOURCE_SCRIPT_INT_H

#include <linux/types.h>

#include "base/map.h"
#include "source/script.h"
#include "../../bpf/event.h"

#define SCRIPT_CPUS 64

/* A process as the script's world has it */
struct life {
	uint32_t pid, ppid;
	uint64_t start_ns;
	uint32_t exec_id, status, flags; /* flags: REC_F_* that last */
	uint32_t exit_signal, threads, uid;
	uint32_t pidns, ns_tgid, ns_level;
	uint64_t cgroup_id;
	uint32_t born_ppid;
	char comm[REC_COMM_LEN];
};

struct script {
	struct map lives; /* pid -> struct life; the latest life of each pid */
	uint32_t lost[SCRIPT_CPUS];
	uint64_t now_ns;
	bool host_done;
	uint32_t pass, pass_rows;
	uint64_t pass_began_ns;
	char error[128];
};

/* One line being turned into records */
struct line {
	struct script *s;
	struct script_word *words; /* those after the verb */
	int cnt;
	uint32_t used; /* bit i: words[i] was asked for */
	bool unseen;   /* '!': it happened, but the record was lost */
	struct buf *out;
	int err;
};

struct verb {
	const char *name;
	void (*run)(struct line *l);
};

extern const struct verb script_verbs[];

/* script_stream.c */
void script_run_host(struct line *l);
void script_run_tick(struct line *l);
void script_run_seed(struct line *l);
void script_run_seed_end(struct line *l);
void script_run_lost(struct line *l);
void script_run_gap(struct line *l);
void script_run_cgroup(struct line *l);
void script_run_mkcgroup(struct line *l);
void script_run_fact(struct line *l);
void script_run_fact_cgroup(struct line *l);
void script_run_fact_proc(struct line *l);
void script_run_fact_waits(struct line *l);

/* What the line says under this key; NULL: nothing. Marks the word as used. */
const struct script_word *line_find(struct line *l, const char *key);
bool line_has(struct line *l, const char *key);
uint64_t line_u64(struct line *l, const char *key, uint64_t otherwise);
uint64_t line_ns(struct line *l, const char *key, uint64_t otherwise);   /* a duration */
uint64_t line_time(struct line *l, const char *key, uint64_t otherwise); /* a moment */
int line_signal(struct line *l, const char *key, int otherwise);
void line_str(struct line *l, const char *key, char *dst, size_t cap);
void line_fail(struct line *l, const char *what, const char *word);
/* One of the names, by number; 'otherwise' where the key is missing. */
uint32_t line_enum(struct line *l, const char *key, const char *const *names, uint32_t otherwise);

struct life *world_get(struct script *s, uint32_t pid); /* made, as old as the machine, when new */
struct life *world_new(struct script *s, uint32_t pid, uint64_t start_ns);
void world_release(struct script *s);

/* The life that 'pid=' names, and a header about it with what the line overrides. */
struct life *line_life(struct line *l);
void line_hdr(struct line *l, struct rec_hdr *h, unsigned type, size_t size,
	      const struct life *life);
struct rec_proc line_proc(struct line *l, const char *key, uint32_t otherwise);
void line_flags(struct line *l, const char *key, uint32_t *flags);
/* Appends the record, padded, unless it was lost; tail may be empty. */
void line_emit(struct line *l, struct rec_hdr *h, size_t fixed, struct span tail);

#endif
