/* SPDX-License-Identifier: GPL-2.0-only */
/* Lives of a storm as numbers: by parent, image and fate. */
#ifndef PROCTRAIL_ANALYSIS_STORM_COUNTS_H
#define PROCTRAIL_ANALYSIS_STORM_COUNTS_H

#include "model/proc_table.h"

#define STORM_EXE_KEPT 255

enum storm_deed { STORM_BIRTH, STORM_DEATH, STORM_REAP };

/* Whose children of which image; by fate where they died. */
struct storm_kind {
	struct proc_key parent, root;
	uint32_t status;
	bool dead;
	bool direct; /* 'parent' is their parent, not only above them */
	uint8_t exe_len;
	char comm[REC_COMM_LEN];
	char exe[STORM_EXE_KEPT];
};

struct storm_count {
	struct storm_kind kind;
	uint64_t births, deaths, reaps;
};

struct storm_counts {
	struct storm_count *v; /* the latest used first */
	size_t cnt, cap;
	uint64_t since_ns; /* boot_ns */
	uint64_t records;  /* not kept */
};

void storm_counts_release(struct storm_counts *c);
/* p did it; kind: parent, root and direct are filled in by the caller, the rest here. */
void storm_counts_add(struct storm_counts *c, struct storm_kind *kind, const struct proc *p,
		      enum storm_deed deed);
/* Appends all of it as REC_THINNED records of the time up to now_ns, and begins anew. */
void storm_counts_flush(struct storm_counts *c, uint64_t now_ns, struct buf *out);

#endif
