// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ticks: the clocks and the sums by which every record is accounted for,
 *	attempted = delivered + lost		as the programs count,
 *	and missed = programs that did not run at all (recursion_misses).
 * A rise of lost or missed heals the table by another pass.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/live_int.h"
#include "source/texts.h"

#include "proctrail.skel.h"

#define QUOTAS_EVERY_NS NS_PER_SEC

int live_counters_map(struct live *l)
{
	size_t len = l->cpus * sizeof(*l->counters);
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, bpf_map__fd(l->skel->maps.counters), 0);

	if (p == MAP_FAILED)
		return -errno;
	l->counters = p;
	l->lost_seen = calloc(l->cpus, sizeof(*l->lost_seen));
	l->lost_before = calloc(l->cpus, sizeof(*l->lost_before));
	l->seen_ns = calloc(l->cpus, sizeof(*l->seen_ns));
	return l->lost_seen && l->lost_before && l->seen_ns ? 0 : -ENOMEM;
}

void live_counters_release(struct live *l)
{
	if (l->counters)
		munmap(l->counters, l->cpus * sizeof(*l->counters));
	free(l->lost_seen);
	free(l->lost_before);
	free(l->seen_ns);
}

void live_note_record(struct live *l, const struct rec_hdr *h)
{
	l->delivered++;
	if (h->cpu < l->cpus) {
		l->lost_seen[h->cpu] = h->lost;
		l->seen_ns[h->cpu] = h->boot_ns;
	}
}

/*
 * Without those that note when a call began a time is not known, but no record is missing; of those that
 * look at every system call hardly ever.
 */
static bool makes_records(const struct live *l, const struct bpf_program *prog)
{
	return prog != l->skel->progs.on_syscall_exit && prog != l->skel->progs.on_clone_fentry &&
	       prog != l->skel->progs.on_clone_kprobe && prog != l->skel->progs.on_sys_enter &&
	       prog != l->skel->progs.on_fork_return && prog != l->skel->progs.on_exec_enter &&
	       prog != l->skel->progs.on_exec_return;
}

static uint64_t count_missed(const struct live *l)
{
	struct bpf_program *prog;
	uint64_t missed = 0;

	bpf_object__for_each_program(prog, l->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 && makes_records(l, prog) &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

static void put_gap(struct live *l, unsigned cpu, uint64_t from_ns, uint32_t cnt, uint32_t reason)
{
	struct rec_gap r = {.from_ns = from_ns, .count = cnt, .reason = reason};

	rec_hdr_fill(&r.h, REC_GAP, sizeof(r));
	r.h.cpu = (__u16)cpu;
	if (reason == REC_GAP_RING)
		r.h.lost = l->lost_seen[cpu] + cnt;
	records_put(&l->batch, &r.h, sizeof(r), NULL, 0);
	/* A pass that is under way began before the gap was told, and will not count as its healing. */
	live_pass_request(l, LIVE_PASS_ROWS);
}

/*
 * What a CPU lost is placed by its next record. A CPU that fell silent makes none: what stood
 * unreported since the tick before is told as a gap of its own.
 */
static void tell_silent_losses(struct live *l, bool last)
{
	for (uint32_t cpu = 0; cpu < l->cpus; cpu++) {
		uint32_t now = (uint32_t)l->counters[cpu].lost_all;
		uint32_t cnt = now - l->lost_seen[cpu];

		if (cnt && (last || l->lost_before[cpu] == now)) {
			put_gap(l, cpu, l->seen_ns[cpu], cnt, REC_GAP_RING);
			l->lost_seen[cpu] = now;
		}
		l->lost_before[cpu] = now;
	}
}

/* Whom the scope had no room for is not in the stream at all. */
static void tell_scope_full(struct live *l)
{
	uint64_t full = 0;

	for (uint32_t cpu = 0; cpu < l->cpus; cpu++)
		full += l->counters[cpu].scope_full;
	if (full > l->scope_full)
		put_gap(l, REC_CPU_USER, l->tick_ns, (uint32_t)(full - l->scope_full),
			REC_GAP_SCOPE);
	l->scope_full = full;
}

static void sum_counters(const struct live *l, uint64_t *ret_attempted, uint64_t *ret_lost)
{
	*ret_attempted = *ret_lost = 0;
	for (uint32_t cpu = 0; cpu < l->cpus; cpu++) {
		for (unsigned type = 0; type < REC_TYPE_CNT; type++) {
			*ret_attempted += l->counters[cpu].attempted[type];
			*ret_lost += l->counters[cpu].lost[type];
		}
	}
}

/*
 * A syscall for every program, so not while nothing is recorded: a program is only missed where it
 * runs. Once a second all the same, since what the scope keeps out is not counted.
 */
static uint64_t look_for_missed(struct live *l, uint64_t attempted, uint64_t now_ns)
{
	if (l->opt.snapshot)
		return 0;
	if (attempted == l->attempted && now_ns < l->missed_due_ns)
		return l->missed;
	l->attempted = attempted;
	l->missed_due_ns = now_ns + NS_PER_SEC;
	return count_missed(l);
}

/* Also at the end: what was counted since the last time belongs to the answer. */
static void tell_texts(struct live *l, uint64_t now_ns)
{
	uint64_t every = l->opt.texts_every_ns;

	if (l->quotas.cnt && (l->stopped || now_ns >= l->quotas_due_ns)) {
		quotas_refresh(&l->quotas, &l->cgroups, &l->batch);
		l->quotas_due_ns = now_ns + (every > QUOTAS_EVERY_NS ? every : QUOTAS_EVERY_NS);
	}
	if (every && (l->stopped || now_ns >= l->texts_due_ns)) {
		texts_put_machine(&l->batch, l->opt.proc_dir);
		l->texts_due_ns = now_ns + every;
	}
}

void live_tick(struct live *l, uint64_t now_ns)
{
	struct rec_tick r = {0};
	uint64_t missed;

	tell_silent_losses(l, l->stopped);
	tell_scope_full(l);
	sum_counters(l, (uint64_t *)&r.attempted, (uint64_t *)&r.lost);
	missed = look_for_missed(l, r.attempted, l->stopped ? UINT64_MAX - NS_PER_SEC : now_ns);
	if (missed > l->missed)
		put_gap(l, REC_CPU_USER, l->tick_ns, (uint32_t)(missed - l->missed),
			REC_GAP_MISSED);
	if (r.lost > l->lost || missed > l->missed)
		live_pass_request(l, LIVE_PASS_ROWS);
	l->lost = r.lost;
	l->missed = missed;
	r.missed = missed;
	r.delivered = l->delivered;
	rec_hdr_fill(&r.h, REC_TICK, sizeof(r));
	r.real_ns = clock_real_ns();
	if (now_ns >= l->zone_due_ns) { /* it asks the file system */
		l->gmtoff_s = local_zone_get(r.real_ns).gmtoff_s;
		l->zone_due_ns = now_ns + 10 * NS_PER_SEC;
		live_read_limits(l);
	}
	tell_texts(l, now_ns);
	r.gmtoff_s = l->gmtoff_s;
	records_put(&l->batch, &r.h, sizeof(r), NULL, 0);
	l->tick_ns = now_ns;
	l->next_tick_ns = now_ns + LIVE_TICK_NS;
}
