// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/replay.h"
#include "model/event.h"
#include "source/records.h"
#include "source/trail_source.h"
#include "trail/dir.h"

/* A block is written after --sync (1 s) at the latest; reading it takes a moment, too. */
#define FRESH_NS (3 * NS_PER_SEC)

static int apply_all(struct source *s, struct proc_table *t)
{
	struct span batch;
	struct event ev;
	int err;

	while (!(err = source_next(s, 0, &batch))) {
		struct cursor c = cursor_of(batch.data, batch.len);

		while (c.left && !c.err) {
			err = event_decode(&c, &ev);
			if (!err)
				replay_enter(t, &ev);
			if (err)
				proc_table_count_bad(t, err);
			else if (proc_table_apply(t, &ev) == -ENOMEM)
				return -ENOMEM;
		}
	}
	return err == -ENODATA ? 0 : err;
}

/*
 * A reader waits a second for a first segment: between two of a small record there may be none. One
 * who only asks for a past on the way to an answer does not.
 */
static bool is_recorded(void)
{
	struct trail_segment *rows = NULL;
	size_t cnt = 0;
	int fd;

	if (trail_dir_open(RECORDER_DIR, &fd))
		return false;
	if (trail_dir_list(fd, &rows, &cnt))
		cnt = 0;
	free(rows);
	close(fd);
	return cnt > 0;
}

/* Since when, and whether it goes on: headers only. */
static int look(uint64_t now_real_ns, struct past *p)
{
	struct trail_reader *reader;
	struct trail_extent x;
	int err;

	err = trail_reader_open(RECORDER_DIR, &reader);
	if (err)
		return err;
	err = trail_reader_extent(reader, &x);
	trail_reader_free(reader);
	if (err)
		return err;
	p->since_real_ns = x.events_real_ns;
	p->fresh = x.open && x.last_real_ns + FRESH_NS > now_real_ns;
	return 0;
}

bool past_is_recorded(bool *ret_goes_on)
{
	struct past p = {0};

	*ret_goes_on = false;
	if (!is_recorded() || look(clock_real_ns(), &p))
		return false;
	*ret_goes_on = p.fresh;
	return true;
}

int past_read(const struct proc_table *now, struct past *ret_past)
{
	const struct host_info *host = proc_table_host(now);
	uint64_t now_real_ns = host->now_ns + (uint64_t)proc_table_clock(now)->offset_ns;
	struct trail_source_options to = {.path = RECORDER_DIR, .from_real_ns = now_real_ns};
	struct past p = {0};
	struct source *s = NULL;
	int err;

	*ret_past = p;
	if (!is_recorded() || look(now_real_ns, &p) || trail_source_open(&to, &s))
		return 0; /* whatever is wrong with it: record and info say so, we have no past */
	p.table = proc_table_new(&(struct proc_table_options){0});
	err = p.table ? apply_all(s, p.table) : -ENOMEM;
	source_free(s);
	if (err || strcmp(proc_table_host(p.table)->boot_id, host->boot_id) != 0) {
		past_release(&p);
		return err == -ENOMEM ? err : 0;
	}
	*ret_past = p;
	return 0;
}

void past_release(struct past *p)
{
	proc_table_free(p->table);
	*p = (struct past){0};
}
