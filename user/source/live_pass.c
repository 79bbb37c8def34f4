// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of iter/task: to seed, to find whom the scope holds, to heal after a loss. The rows come
 * through the rings; reading 512 bytes makes 512 rows, which leaves room to drain in between.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/live_int.h"

#include "proctrail.skel.h"

#define PASS_GAP_NS    (250 * NS_PER_MS) /* between two healing passes */
#define PASS_ROW_BYTES 448               /* a seed record in the ring, rounded up */

void live_pass_request(struct live *l, uint32_t flags)
{
	l->pass.flags_queued |= flags;
}

bool live_pass_idle(const struct live *l)
{
	return l->pass.fd < 0 && !l->pass.flags_queued;
}

static int pass_begin(struct live *l)
{
	struct live_pass *pass = &l->pass;

	/* Who is in the scope comes first; its rows follow when a pass adds nobody. */
	pass->flags = pass->flags_queued & LIVE_PASS_JOIN ? LIVE_PASS_JOIN : pass->flags_queued;
	pass->flags_queued &= ~pass->flags;
	pass->number++;
	l->skel->bss->iter_pass = pass->number |
				  (pass->flags == LIVE_PASS_JOIN ? LIVE_PASS_PARTIAL : 0);
	l->skel->bss->iter_flags = pass->flags;
	l->skel->bss->iter_rows = 0;
	l->skel->bss->iter_joined = 0;
	l->skel->bss->iter_visited = 0;
	l->skel->bss->iter_began_ns = clock_boot_ns();
	/* where births are hooked, children of those who are in come in by themselves, and it ends */
	if (!l->opt.snapshot)
		l->skel->bss->iter_join_ns = UINT64_MAX;
	else if (pass->flags == LIVE_PASS_JOIN && !pass->repeats)
		l->skel->bss->iter_join_ns = l->skel->bss->iter_began_ns;
	pass->fd = bpf_iter_create(bpf_link__fd(l->iter_link));
	return pass->fd < 0 ? pass->fd : 0;
}

static bool is_there(uint32_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Who is busy may have joined by an event of its own before the pass came to it. */
static bool pass_found_nobody(const struct live *l)
{
	uint32_t pid = l->skel->bss->scope_pid;

	return l->skel->bss->scope_by == LIVE_SCOPE_PID && pid && !l->pass.joined_cnt &&
	       !is_there(pid);
}

static void pass_end(struct live *l)
{
	struct live_pass *pass = &l->pass;

	close(pass->fd);
	pass->fd = -1;
	if (pass->flags & LIVE_PASS_JOIN) {
		pass->joined_cnt += l->skel->bss->iter_joined;
		pass->nobody = pass_found_nobody(l);
		pass->repeats = l->skel->bss->iter_joined;
		if (pass->repeats)
			pass->flags_queued |= LIVE_PASS_JOIN;
		else /* everybody is in: the next life of that pid is a stranger's */
			l->skel->bss->scope_pid = 0;
		return;
	}
	pass->done_cnt++;
	pass->not_before_ns = clock_boot_ns() + PASS_GAP_NS;
}

void live_pass_abandon(struct live *l)
{
	if (l->pass.fd >= 0)
		close(l->pass.fd);
	l->pass.fd = -1;
	l->pass.flags_queued = 0;
}

/*
 * How long the dead have stood still is told against our own stamps of the scheduler, of which one
 * is set only when we are given a CPU: so be given one.
 */
static void renew_stamps(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
}

int live_pass_step(struct live *l)
{
	struct live_pass *pass = &l->pass;
	size_t rows = l->ring_bytes * l->ring_cnt / 4 / PASS_ROW_BYTES;
	char seen[512];
	ssize_t n;
	int err;

	if (pass->fd < 0) {
		if (!pass->flags_queued)
			return 0;
		if (pass->done_cnt && !(pass->flags_queued & LIVE_PASS_JOIN) && !l->opt.snapshot &&
		    clock_boot_ns() < pass->not_before_ns)
			return 0;
		err = pass_begin(l);
		if (err)
			return err;
	}
	if (rows < 1)
		rows = 1;
	renew_stamps();
	n = read(pass->fd, seen, rows < sizeof(seen) ? rows : sizeof(seen));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		pass_end(l);
	return 0;
}
