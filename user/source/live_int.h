/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the live source share; nobody else includes this. */
#ifndef PROCTRAIL_SOURCE_LIVE_INT_H
#define PROCTRAIL_SOURCE_LIVE_INT_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>

#include "../../bpf/event.h"
#include "base/map.h"
#include "source/cgroupfs.h"
#include "source/live.h"
#include "source/oom_log.h"
#include "source/proc_reader.h"
#include "source/quotas.h"
#include "source/records.h"

struct proctrail_bpf;

#define LIVE_MAX_RINGS   8
#define LIVE_MAX_LINKS   24
#define LIVE_BATCH_BYTES (1u << 20)        /* a batch is handed on at this size */
#define LIVE_TICK_NS     (90 * 1000000ULL) /* under the 100 ms that DESIGN.md promises; 11 wake-ups/s */

struct live_ring {
	int fd;
	struct ring_buffer *reader;
	struct buf pending; /* taken out, not yet merged; only with several rings */
	size_t merged;      /* bytes of pending that went into the batch */
	struct live *live;
};

/* One run of the iterator, read a piece at a time between two looks at the rings. */
struct live_pass {
	int fd; /* -1: none under way */
	uint32_t number;
	uint32_t flags;         /* LIVE_PASS_* */
	uint32_t flags_queued;  /* the next one, 0: none */
	uint64_t not_before_ns; /* heal no faster than this */
	uint32_t joined_cnt;    /* processes that joining passes added */
	bool repeats;           /* a JOIN pass that goes on from the one before */
	bool nobody;            /* the process asked for is not there */
	uint32_t done_cnt;      /* whole passes finished */
};

/* iter_flags of the kernel side */
#define LIVE_PASS_ROWS         1
#define LIVE_PASS_JOIN         2
#define LIVE_PASS_BUSY_THREADS 4
#define LIVE_PASS_ALL_THREADS  8

/* In the number of a pass that shows only whom it added: who is missing from it is not gone */
#define LIVE_PASS_PARTIAL 0x80000000u

struct live {
	struct source source;
	struct live_options opt;
	struct proctrail_bpf *skel;
	uint32_t hooks;
	struct bpf_link *links[LIVE_MAX_LINKS];
	size_t link_cnt;
	struct bpf_link *iter_link;

	struct live_ring rings[LIVE_MAX_RINGS];
	uint32_t ring_cnt;
	size_t ring_bytes; /* of each */
	int epoll_fd;
	struct buf batch;

	struct rec_counters *counters; /* [cpus], mapped */
	uint32_t cpus;
	uint32_t *lost_seen;   /* per CPU: hdr.lost of its last record, or reported as a gap */
	uint32_t *lost_before; /* per CPU: the counter at the last tick */
	uint64_t *seen_ns;     /* per CPU: time of its last record */
	uint64_t delivered;
	uint64_t scope_full; /* told so far */
	uint64_t attempted;  /* when the missed were last asked for */
	uint64_t missed_due_ns;
	uint64_t lost, missed; /* at the last tick */
	uint64_t next_tick_ns, tick_ns;
	uint64_t eager_until_ns; /* look at the rings often until then */
	uint64_t texts_due_ns;   /* when to read limits and loads again; opt.texts_every_ns */
	uint64_t zone_due_ns;    /* when to look for a change of the zone's offset */
	int32_t gmtoff_s;

	struct live_pass pass;
	struct cgroupfs cgroups;
	struct quotas quotas;
	struct oom_log oom_log;
	struct buf asked;       /* answers to wants: the batch is being read when they are asked */
	uint64_t quotas_due_ns; /* when to look at them again */
	struct map cgroups_known;
	uint64_t cgroup_last;
	struct proc_reader *reader; /* NULL: no facts wanted */
	bool begun;                 /* next() was called */
	bool stopping;              /* no more is wanted */
	bool detached;              /* no program runs any more; the rings may still hold records */
	bool stopped;               /* everything was handed on */
	bool more;                  /* the rings hold more than the last batch took */
	bool seeded;                /* the first complete pass is in the stream */
};

/* live_load.c: open, configure, load, attach */
int live_load(struct live *l, enum live_obstacle *ret_why);
int live_attach(struct live *l);
void live_detach(struct live *l);
void live_unload(struct live *l);
/* Tells the kernel side the sysctls that it cannot reach; now and then again. */
void live_read_limits(struct live *l);

/* live_rings.c: rings -> batch */
int live_rings_create(struct live *l);
void live_rings_release(struct live *l);
/* Takes what is there, a batch at most (*ret_more: there is more); 0 or -errno */
int live_rings_drain(struct live *l, bool *ret_more);

/* live_pass.c: the iterator */
void live_pass_request(struct live *l, uint32_t flags);
/* Reads one piece of the pass under way, or begins a queued one; 0 or -errno */
int live_pass_step(struct live *l);
bool live_pass_idle(const struct live *l);
void live_pass_abandon(struct live *l);

/* live_tick.c: clocks, counters, gaps */
int live_counters_map(struct live *l);
void live_counters_release(struct live *l);
void live_tick(struct live *l, uint64_t now_ns);
/* Notes a record on its way into the batch */
void live_note_record(struct live *l, const struct rec_hdr *h);

/* live_facts.c: what the stream needs to know beside the records */
void live_facts_before(struct live *l, const struct rec_hdr *h);

#endif
