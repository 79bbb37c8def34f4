/* SPDX-License-Identifier: GPL-2.0-only */
/* The books of a span: every zombie that was born, who reaped it, and how long it waited. */
#ifndef PROCTRAIL_ANALYSIS_ZOMBIES_LEDGER_H
#define PROCTRAIL_ANALYSIS_ZOMBIES_LEDGER_H

#include "base/hist.h"
#include "model/proc_table.h"

struct zombies_ledger {
	uint64_t begin_ns;   /* of the span, where it is not the stream's: for the caller to set */
	uint64_t born;       /* in the span; those the kernel reaps at once are no zombies */
	uint64_t autoreaped; /* by the kernel */
	uint64_t reaped;     /* of any age */
	/* of them, by the thread that the kernel calls parent or another of its process; the rest: by
	 * whom is not known */
	uint64_t by_parent, by_thread, by_adopter, by_tracer, by_other;
	uint64_t err_ns;         /* the most that a lifetime below can be off */
	struct hist life_ns;     /* of those that were born in the span */
	struct hist teardown_ns; /* death of the last thread until it was a zombie */
};

/* For every change that the table tells. Without memory lifetimes are left out. */
void zombies_ledger_note(struct zombies_ledger *l, const struct change *c);
void zombies_ledger_release(struct zombies_ledger *l);

#endif
