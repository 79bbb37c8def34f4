// SPDX-License-Identifier: GPL-2.0-only
/* The running machine as a source: opens, waits, and puts the batch together. */
#include "source/live.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "base/clock.h"
#include "source/live_int.h"
#include "source/privileges.h"
#include "source/texts.h"

#include "proctrail.skel.h"

#define FACTS_POLL_MS 5 /* while a snapshot only waits for /proc */

/* Who has just asked waits for the first line, which a wake-up by the ring's fill would not bring. */
#define EAGER_NS      (200 * NS_PER_MS)
#define EAGER_POLL_MS 2

static struct live *live_of(struct source *s)
{
	return (struct live *)s;
}

static void live_free(struct source *s)
{
	struct live *l = live_of(s);

	live_counters_release(l);
	live_unload(l);
	live_rings_release(l);
	live_pass_abandon(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	proc_reader_free(l->reader);
	cgroupfs_release(&l->cgroups);
	quotas_release(&l->quotas);
	oom_log_release(&l->oom_log);
	map_release(&l->cgroups_known);
	buf_release(&l->batch);
	buf_release(&l->asked);
	free(l);
}

/* How long to sleep: not past the tick, and not at all while a pass has rows to give */
static int wait_ms(const struct live *l, int timeout_ms)
{
	uint64_t now = clock_boot_ns();
	int tick_ms = 0;

	if (l->pass.fd >= 0 || l->stopping || l->more)
		return 0;
	if (l->opt.snapshot)
		return FACTS_POLL_MS;
	if (l->next_tick_ns > now)
		tick_ms = (int)((l->next_tick_ns - now + NS_PER_MS - 1) / NS_PER_MS);
	if (now < l->eager_until_ns && (timeout_ms < 0 || timeout_ms > EAGER_POLL_MS))
		timeout_ms = EAGER_POLL_MS;
	return timeout_ms >= 0 && timeout_ms < tick_ms ? timeout_ms : tick_ms;
}

/*
 * Detaching does not wait for programs that are running right now: a membarrier is a grace period,
 * after which what they reserved is submitted and the sums are final.
 */
static void detach(struct live *l)
{
	live_detach(l);
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	live_pass_abandon(l);
	l->detached = true;
}

static bool snapshot_done(const struct live *l)
{
	return l->opt.snapshot && l->seeded && live_pass_idle(l) &&
	       (!l->reader || proc_reader_idle(l->reader));
}

static int gather(struct live *l)
{
	uint64_t now;
	int err;

	err = l->detached ? 0 : live_pass_step(l);
	if (err)
		return err;
	err = live_rings_drain(l, &l->more);
	if (err)
		return err;
	l->seeded = l->pass.done_cnt > 0;
	if (l->pass.nobody)
		return -ESRCH;
	l->stopped = l->detached && !l->more;
	now = clock_boot_ns();
	if (l->reader)
		proc_reader_collect(l->reader, now, &l->batch);
	buf_put(&l->batch, l->asked.data, l->asked.len);
	buf_reset(&l->asked);
	if (now >= l->next_tick_ns || l->stopped)
		live_tick(l, now);
	return l->batch.err;
}

static int live_next(struct source *s, int timeout_ms, struct span *ret_batch)
{
	struct live *l = live_of(s);
	struct epoll_event ev[LIVE_MAX_RINGS + 1];
	int err;

	if (l->stopped)
		return -ENODATA;
	if (l->begun) { /* else the batch holds REC_HOST already */
		if (epoll_wait(l->epoll_fd, ev, LIVE_MAX_RINGS + 1, wait_ms(l, timeout_ms)) < 0 &&
		    errno != EINTR)
			return -errno;
		buf_reset(&l->batch);
	} else {
		l->eager_until_ns = clock_boot_ns() + EAGER_NS;
	}
	l->begun = true;
	if ((l->stopping || snapshot_done(l)) && !l->detached)
		detach(l);
	err = gather(l);
	if (err)
		return err;
	*ret_batch = (struct span){l->batch.data, l->batch.len};
	return 0;
}

static void live_want(struct source *s, const struct want *w)
{
	struct live *l = live_of(s);

	switch (w->kind) {
	case WANT_PROC:
		if (l->reader)
			(void)proc_reader_ask(l->reader, w->tgid, w->start_ns);
		break;
	case WANT_WAITS:
		if (l->reader)
			(void)proc_reader_ask_waits(l->reader, w->tgid, w->start_ns);
		break;
	case WANT_LIMITS:
		if (l->reader)
			(void)proc_reader_ask_limits(l->reader, w->tgid, w->start_ns);
		break;
	case WANT_QUOTA:
		quotas_watch_of(&l->quotas, &l->cgroups, l->opt.proc_dir, w->tgid, w->start_ns,
				&l->asked);
		break;
	case WANT_PASS: live_pass_request(l, LIVE_PASS_ROWS | LIVE_PASS_BUSY_THREADS); break;
	case WANT_TEXT: /* no analysis asks for one yet */ break;
	}
}

static void live_stop(struct source *s)
{
	live_of(s)->stopping = true;
}

static const struct source_ops live_ops = {
	.name = "live",
	.next = live_next,
	.want = live_want,
	.stop = live_stop,
	.free = live_free,
};

static int join(struct live *l, pid_t pid)
{
	int err;

	l->skel->bss->scope_by |= LIVE_SCOPE_PID;
	l->skel->bss->scope_pid = (uint32_t)pid;
	live_pass_request(l, LIVE_PASS_JOIN);
	do {
		err = live_pass_step(l);
	} while (!err && !live_pass_idle(l));
	return err;
}

int live_begin(struct source *s, pid_t pid)
{
	struct live *l = live_of(s);
	int err = privileges_drop();

	if (!err && l->opt.facts)
		l->reader =
			proc_reader_new(l->opt.proc_dir, l->opt.args_max ? l->opt.args_max : 512);
	if (!err && pid)
		err = join(l, pid);
	return err;
}

uint32_t live_hooks(const struct source *s)
{
	return ((const struct live *)s)->hooks;
}

struct span live_first(const struct source *s)
{
	const struct live *l = (const struct live *)s;

	return (struct span){l->batch.data, l->batch.len};
}

int live_watch(struct source *s, int fd)
{
	/* Edge: a pidfd stays readable for ever, and must not keep us awake. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(live_of(s)->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void request_first_pass(struct live *l)
{
	uint32_t flags = LIVE_PASS_ROWS;

	if (l->opt.snapshot)
		flags |= LIVE_PASS_BUSY_THREADS;
	if (l->opt.threads)
		flags |= LIVE_PASS_ALL_THREADS;
	if (l->opt.scope_by)
		flags |= LIVE_PASS_JOIN;
	live_pass_request(l, flags);
}

int live_open(const struct live_options *opt, struct source **ret_source,
	      enum live_obstacle *ret_why)
{
	struct live *l = calloc(1, sizeof(*l));
	struct host_facts facts;
	int err;

	*ret_why = LIVE_OK;
	if (!l)
		return -ENOMEM;
	l->source.ops = &live_ops;
	l->opt = *opt;
	l->pass.fd = -1;
	l->oom_log.fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		err = -errno;
		goto fail;
	}
	cgroupfs_open(&l->cgroups, opt->proc_dir);
	err = live_load(l, ret_why);
	err = err ?: live_rings_create(l);
	err = err ?: live_counters_map(l);
	if (err)
		goto fail;
	facts = (struct host_facts){l->hooks, l->cgroups.kind, opt->scope_by != 0, opt->threads};
	records_put_host(&l->batch, &facts);
	if (opt->texts) { /* the kernel log asks for a capability that goes with live_begin() */
		texts_put_machine(&l->batch, opt->proc_dir);
		texts_put_kernel_log(&l->batch);
	}
	if (l->hooks & REC_HOOK_OOM)
		oom_log_open(&l->oom_log);
	err = live_attach(l);
	if (err)
		goto fail;
	l->tick_ns = l->next_tick_ns = clock_boot_ns();
	request_first_pass(l);
	*ret_source = &l->source;
	return 0;
fail:
	live_free(&l->source);
	return err;
}

const char *live_libbpf_version(void)
{
	return libbpf_version_string();
}
