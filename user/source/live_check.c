// SPDX-License-Identifier: GPL-2.0-only
/* What stands in the way of tracing here, asked without loading anything. */
#include <stddef.h>

#include "source/host.h"
#include "source/live.h"

enum live_obstacle live_check(const char *proc_dir)
{
	uint64_t caps;

	if (host_inner_pidns(proc_dir) == 1)
		return LIVE_INNER_PIDNS;
	if (host_caps(&caps) || !host_may_trace(caps))
		return LIVE_NOT_ROOT;
	if (host_lockdown() == HOST_LOCKDOWN_CONFIDENTIALITY)
		return LIVE_LOCKDOWN;
	if (!host_has_btf())
		return LIVE_NO_BTF;
	return LIVE_OK;
}

const char *live_obstacle_name(enum live_obstacle o)
{
	switch (o) {
	case LIVE_OK: return "none";
	case LIVE_NOT_ROOT: return "not_root";
	case LIVE_NO_BTF: return "no_btf";
	case LIVE_LOCKDOWN: return "lockdown";
	case LIVE_INNER_PIDNS: return "inner_pidns";
	case LIVE_NO_RINGBUF: return "no_ringbuf";
	case LIVE_REFUSED: return "refused";
	}
	return NULL;
}
