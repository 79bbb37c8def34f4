/* SPDX-License-Identifier: GPL-2.0-only */
/* What the page of zombies (zombies.c) and one parent in full (zombies_parent.c) share. */
#ifndef PROCTRAIL_OUTPUT_ZOMBIES_INT_H
#define PROCTRAIL_OUTPUT_ZOMBIES_INT_H

#include "analysis/forecast.h"
#include "output/zombies.h"

struct zombies_page {
	struct buf *out;
	const struct render *r;
	const struct zombies_view *view;
	struct buf text; /* one paragraph */
};

/* A row's first columns, ZOMBIES_NAME_WIDTH wide */
#define ZOMBIES_NAME_WIDTH 22
void zombies_put_name(struct zombies_page *p, const struct proc *proc);
/* "3 zombies" */
void zombies_put_count(struct zombies_page *p, uint64_t n, const char *one, const char *many);
/* What the page has put together, as a paragraph below "  dead "; ends it. */
void zombies_put_paragraph(struct zombies_page *p, const char *heading);
/* "worker[7720]", or its pid alone where no more is known */
void zombies_put_label(struct zombies_page *p, struct proc_key key, struct span comm);
/* "p50 1.2ms, p90 4.0ms, p99 31ms, max 2.4s"; of one, its figure */
void zombies_put_spread(struct zombies_page *p, const struct hist *h);
/* "dead", "from" and "waited": what died, where it came from, how long those waited that were reaped. */
void zombies_put_dead(struct zombies_page *p, const struct zombie_parent *f);
void zombies_put_from(struct zombies_page *p, const struct zombie_parent *f);
void zombies_put_waited(struct zombies_page *p, const struct zombie_parent *f);
/* How long the zombies of each parent waited, as a table. */
void zombies_put_waits(struct zombies_page *p);
/* Who was given orphans in this time. */
void zombies_put_adopters(struct zombies_page *p);
/* "mail.service 489/512 pids (pids.max): full in 7m, about 02:21" */
void zombies_put_limit(struct zombies_page *p, const struct forecast *f);
/* "3.1": zombies a minute, of thousandths */
void zombies_put_leak(struct buf *b, uint64_t milli);
/* Verdict, evidence, what died, the limit ahead, what helps, the fix. */
void zombies_put_parent(struct zombies_page *p, const struct zombie_parent *f);
const char *verdict_says(enum verdict v); /* "never waits" */

#endif
