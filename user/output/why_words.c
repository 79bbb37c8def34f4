// SPDX-License-Identifier: GPL-2.0-only
/* What one living process is in, and what would help, in words. */
#include "output/why.h"

#include <inttypes.h>
#include <string.h>

#define YOUNG_NS (5 * NS_PER_SEC)

static void put_thread(struct buf *b, const struct why *w)
{
	if (w->thread && w->thread->tid != w->p->key.tgid)
		buf_printf(b, "thread %" PRIu32, w->thread->tid);
	else
		buf_put_str(b, "it");
}

static void put_on(struct buf *b, const struct render *r, const struct why *w)
{
	if (w->on)
		render_label(b, r, w->on);
	else if (w->on_pid)
		buf_printf(b, "process %" PRIu32, w->on_pid);
	else
		buf_put_str(b, "a process that is not known");
}

static void put_still(struct buf *b, const struct why *w)
{
	if (w->still_ns == REC_STILL_NONE || !w->still_ns)
		return;
	buf_put_str(b, " for ");
	text_put_duration(b, w->still_ns);
}

/* "a read of fd 7", "io_schedule" */
static void put_call(struct buf *b, const struct why *w)
{
	if (!w->thread)
		buf_put_str(b, "the kernel");
	else if (w->thread->call_name && w->file.fd >= 0)
		buf_printf(b, "%s(fd %d)", w->thread->call_name, w->file.fd);
	else if (w->thread->call_name)
		buf_printf(b, "%s()", w->thread->call_name);
	else if (w->thread->call_nr >= 0)
		buf_printf(b, "system call %" PRId64, w->thread->call_nr);
	else
		buf_put_str(b, w->thread->wchan[0] ? w->thread->wchan : "the kernel");
}

static void put_stuck(struct buf *b, const struct why *w)
{
	put_thread(b, w);
	buf_put_str(b, " is in D");
	put_still(b, w);
	buf_put_str(b, ", inside ");
	put_call(b, w);
}

static void put_pipe(struct buf *b, const struct render *r, const struct why *w)
{
	buf_put_str(b, "waits on a pipe, fd ");
	buf_printf(b, "%d", w->file.fd);
	if (w->on_pid && w->on_pid != w->p->key.tgid) {
		buf_put_str(b, ", whose other end ");
		put_on(b, r, w);
		buf_put_str(b, " has");
	} else if (w->on_pid) {
		buf_put_str(b, " whose other end it has itself");
	} else if (w->file.peer_known) {
		buf_put_str(b, " whose other end nobody has");
	}
}

static void put_lock(struct buf *b, const struct render *r, const struct why *w)
{
	buf_put_str(b, "waits for a lock on ");
	text_put_safe(b, span_of(w->file.path), &r->style);
	if (w->on_pid) {
		buf_put_str(b, ", which ");
		put_on(b, r, w);
		buf_put_str(b, " holds");
	}
}

static void put_wait(struct buf *b, const struct why *w)
{
	if (!w->thread || w->thread->call == STUCK_CALL_NONE) {
		buf_put_str(b, "sleeps");
		if (w->thread && w->thread->wchan[0])
			buf_printf(b, " in %s", w->thread->wchan);
		return;
	}
	switch (w->thread->call) {
	case STUCK_CALL_POLL: buf_put_str(b, "waits for events in "); break;
	case STUCK_CALL_SLEEP: buf_put_str(b, "sleeps for a time in "); break;
	case STUCK_CALL_SIGNAL: buf_put_str(b, "waits for a signal in "); break;
	case STUCK_CALL_NONE:
	case STUCK_CALL_OTHER:
	case STUCK_CALL_FILE:
	case STUCK_CALL_PATH:
	case STUCK_CALL_WAIT:
	case STUCK_CALL_FUTEX:
	case STUCK_CALL_LOCK:
	case STUCK_CALL_FORK: buf_put_str(b, "waits in "); break;
	}
	put_call(b, w);
}

void why_put_headline(struct buf *b, const struct render *r, const struct why *w)
{
	switch (w->verdict) {
	case WHY_UNKNOWN:
		buf_put_str(b, w->stuck->hung ? "is there; /proc did not answer about it" :
						"is there; what it does is not known");
		break;
	case WHY_RUNS: buf_put_str(b, "runs: nothing holds it"); break;
	case WHY_WAITS: put_wait(b, w); break;
	case WHY_WAITS_CHILD:
		buf_put_str(b, "waits for its child ");
		if (w->on)
			put_on(b, r, w);
		else
			buf_put_str(b, w->thread->wait_pid ? "(which is not known)" : "(any)");
		break;
	case WHY_WAITS_PIPE: put_pipe(b, r, w); break;
	case WHY_WAITS_SOCKET:
		buf_printf(b, "waits on a socket, fd %d", w->file.fd);
		if (w->file.remote[0]) {
			buf_put_str(b, ", of ");
			text_put_safe(b, span_of(w->file.remote), &r->style);
		}
		break;
	case WHY_WAITS_LOCK: put_lock(b, r, w); break;
	case WHY_WAITS_FUTEX:
		buf_put_str(b, "waits for another thread (futex), or for work");
		break;
	case WHY_STOPPED: buf_put_str(b, "is STOPPED by a signal (SIGSTOP, SIGTSTP)"); break;
	case WHY_TRACED:
		buf_put_str(b, "is STOPPED by its tracer ");
		put_on(b, r, w);
		break;
	case WHY_FROZEN:
		buf_put_str(b, "is FROZEN by its cgroup");
		if (w->killed)
			buf_put_str(b, ", a SIGKILL is pending");
		break;
	case WHY_VFORK:
		buf_put_str(b, "waits for its vfork child ");
		put_on(b, r, w);
		buf_put_str(b, " to exec or exit");
		break;
	case WHY_IN_D: put_stuck(b, w); break;
	case WHY_CANNOT_DIE:
		buf_put_str(b, "CANNOT DIE YET: SIGKILL pending, ");
		put_stuck(b, w);
		break;
	case WHY_DYING: buf_put_str(b, "is about to die: a SIGKILL is pending"); break;
	case WHY_DUMPS_CORE: buf_put_str(b, "is DEAD BUT STILL DUMPING ITS CORE"); break;
	case WHY_TERM_BLOCKED:
		buf_put_str(b, "DOES NOT HEAR SIGTERM: it is pending, and blocked");
		break;
	case WHY_TERM_IGNORED: buf_put_str(b, "was asked to end, and IGNORES it"); break;
	case WHY_TERM_HANDLED:
		buf_put_str(b, "was asked to end: its handler ");
		buf_put_str(b, w->asked == ASK_HANDLED ? "ran, and it goes on" : "has not run yet");
		break;
	case WHY_TERM_DROPPED:
		buf_put_str(b, "was asked to end: the kernel DROPPED it, pid 1 has no handler");
		break;
	case WHY_ZOMBIE:
		buf_put_str(b, "is DEAD, a zombie: not yet reaped by ");
		put_on(b, r, w);
		break;
	case WHY_VERDICT_CNT: break;
	}
}

/* ---- what would help ------------------------------------------------------------------------ */

/* Whoever reads from a disk is in D for a moment. */
static bool is_young(const struct why *w)
{
	return w->verdict == WHY_IN_D && (w->still_ns == REC_STILL_NONE || w->still_ns < YOUNG_NS);
}

static void put_release(struct buf *b, const struct render *r, const struct why *w)
{
	const char *dev = w->file.device[0] ? w->file.device : "what it waits for";

	if (is_young(w)) {
		buf_printf(b, "a moment in D is normal. Ask again: proctrail why %" PRIu32,
			   w->p->key.tgid);
		return;
	}
	if (w->file.mount[0]) {
		text_put_safe(b, span_of(dev), &r->style);
		buf_put_str(b, " (");
		text_put_safe(b, span_of(w->file.fs), &r->style);
		buf_put_str(b, ", on ");
		text_put_safe(b, span_of(w->file.mount), &r->style);
		buf_put_str(b, ") does not answer. ");
	}
	if (w->verdict == WHY_CANNOT_DIE) {
		buf_put_str(b, "It dies when ");
		put_call(b, w);
		buf_put_str(b, " returns");
	} else {
		buf_put_str(b, "It goes on when ");
		put_call(b, w);
		buf_put_str(b, " returns; whether a SIGKILL would be heard there is not known");
	}
	if (w->file.mount[0] && strcmp(w->file.mount, "/") != 0) {
		buf_put_str(b, ": bring that back, or umount ");
		buf_put_str(b, strncmp(w->file.fs, "fuse", 4) == 0 ? "-f " : "-l ");
		text_put_safe(b, span_of(w->file.mount), &r->style);
	}
	buf_put_char(b, '.');
	if (w->verdict == WHY_CANNOT_DIE)
		buf_put_str(b, " Another kill -9 changes nothing.");
}

static void put_thaw(struct buf *b, const struct render *r, const struct why *w)
{
	buf_put_str(b, w->stuck->freezer_v2 ? "thaw it: echo 0 > /sys/fs/cgroup" :
					      "thaw it: echo THAWED > /sys/fs/cgroup/freezer");
	text_put_safe(b, span_of(w->stuck->freezer), &r->style);
	buf_put_str(b, w->stuck->freezer_v2 ? "/cgroup.freeze. A SIGKILL is heard even so." :
					      "/freezer.state. Until then no signal is heard, "
					      "SIGKILL included.");
}

void why_put_advice(struct buf *b, const struct render *r, const struct why *w)
{
	switch (w->verdict) {
	case WHY_CANNOT_DIE:
	case WHY_IN_D: put_release(b, r, w); break;
	case WHY_FROZEN: put_thaw(b, r, w); break;
	case WHY_STOPPED:
		buf_printf(b, "to go on: kill -CONT %" PRIu32, w->p->key.tgid);
		buf_put_str(b, ". SIGTERM waits until then; SIGKILL does not.");
		break;
	case WHY_TRACED:
		buf_put_str(b, "its tracer has to let it go on, or to end: then it is let go. A "
			       "SIGKILL is heard.");
		break;
	case WHY_VFORK:
		buf_put_str(b, "it shows D, and is not stuck: it goes on when the child execs or "
			       "exits, and dies at once of a SIGKILL. Look at the child.");
		break;
	case WHY_DUMPS_CORE:
		buf_put_str(b, "who takes the core (kernel.core_pattern) is slow, or it is big: it "
			       "is gone when that is written.");
		buf_put_str(b, w->thread && w->thread->state == 'D' ?
				       " It is inside a write now, in D." :
				       " A SIGKILL ends the dump.");
		break;
	case WHY_TERM_BLOCKED:
		buf_printf(b, "all its threads block SIGTERM. kill -9 %" PRIu32 " ends it.",
			   w->p->key.tgid);
		break;
	case WHY_TERM_IGNORED: buf_printf(b, "kill -9 %" PRIu32 " ends it.", w->p->key.tgid); break;
	case WHY_TERM_HANDLED:
		buf_put_str(b, "it has its own way to end: it may be busy ending. SIGKILL would "
			       "not wait for that.");
		break;
	case WHY_TERM_DROPPED:
		buf_put_str(b, "pid 1 of a pid namespace gets no signal that it has no handler "
			       "for: give it one, or run it below an init (docker run --init). "
			       "SIGKILL from outside ends it.");
		break;
	case WHY_ZOMBIE:
		buf_put_str(b, "nothing can kill it any more: its parent has to wait for it; see: "
			       "proctrail zombies");
		break;
	case WHY_UNKNOWN:
	case WHY_RUNS:
	case WHY_WAITS:
	case WHY_WAITS_CHILD:
	case WHY_WAITS_PIPE:
	case WHY_WAITS_SOCKET:
	case WHY_WAITS_LOCK:
	case WHY_WAITS_FUTEX:
	case WHY_DYING:
	case WHY_VERDICT_CNT: break;
	}
}

void why_put_brief(struct buf *b, const struct render *r, const struct why *w)
{
	render_label(b, r, w->p);
	buf_put_char(b, ' ');
	why_put_headline(b, r, w);
	if (w->file.path[0]) {
		buf_put_str(b, " on ");
		text_put_safe(b, span_of(w->file.path), &r->style);
	}
}
