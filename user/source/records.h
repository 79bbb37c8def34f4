/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that user space makes: what a source learns beside the kernel's own, in the same form. */
#ifndef PROCTRAIL_SOURCE_RECORDS_H
#define PROCTRAIL_SOURCE_RECORDS_H

#include <linux/types.h>

#include "base/buf.h"
#include "../../bpf/event.h"

#define REC_CPU_USER 0xffff

uint64_t clock_boot_ns(void); /* CLOCK_BOOTTIME: what the kernel side stamps with */
uint64_t clock_real_ns(void);

/* The local zone as the host has it now. */
struct local_zone {
	int32_t gmtoff_s;
	char name[12];
};

/* file: a TZif file; NULL: what localtime() uses */
struct local_zone local_zone_get(uint64_t real_ns);

/* Fills type, size, cpu and the time; everything else is left as it is. */
void rec_hdr_fill(struct rec_hdr *h, unsigned type, size_t size);

/* Appends fixed part and tails, padded to 8 bytes; fixes h.size. Errors stay in b->err. */
void records_put(struct buf *b, struct rec_hdr *fixed, size_t fixed_len, const struct span *tails,
		 size_t tail_cnt);
void records_put_text(struct buf *b, unsigned type, uint64_t id, struct span name,
		      struct span text);

/* What a REC_HOST needs beyond what uname and the clocks tell */
struct host_facts {
	uint32_t hooks;
	uint32_t cgroup_kind;
	bool scoped;
	bool threads;
};

void records_put_host(struct buf *b, const struct host_facts *facts);

#endif
