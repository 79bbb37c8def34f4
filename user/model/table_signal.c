// SPDX-License-Identifier: GPL-2.0-only
/* Signals: who killed whom, who is stopped, whom the OOM killer chose. */
#include <errno.h>
#include <string.h>

#include "model/table_int.h"

#define SIGKILL  9
#define SIGCONT  18
#define SIGSTOP  19
#define SIGTSTP  20
#define SIGTTIN  21
#define SIGTTOU  22
#define SIGCHLD  17
#define SIGURG   23
#define SIGWINCH 28
#define SIGSYS   31

#define SIGRTMIN_KERNEL 32 /* without those that the C library keeps for itself */

/* trace events of signal_generate */
#define TRACE_SIGNAL_IGNORED         1
#define TRACE_SIGNAL_ALREADY_PENDING 2

static bool signal_stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static bool signal_kills_by_default(int sig)
{
	return !signal_stops(sig) && sig != SIGCONT && sig != SIGCHLD && sig != SIGURG &&
	       sig != SIGWINCH;
}

/* ---- killers -------------------------------------------------------------------------------- */

bool proc_signal_may_kill(const struct rec_signal *s)
{
	if (s->sig <= 0 || s->sig > 64 || s->result == TRACE_SIGNAL_IGNORED)
		return false;
	return s->sig == SIGKILL ||
	       (s->disposition == REC_SIG_DFL && signal_kills_by_default(s->sig));
}

/*
 * The place for this signal: where it was before, a free one, or the oldest's. What was sent to the
 * process and what was sent to one thread wait in two queues, and the code tells them apart.
 */
static struct proc_killer *kill_slot(struct kills *k, int sig, int code, bool *ret_known)
{
	*ret_known = false;
	for (uint32_t i = 0; i < k->cnt; i++) {
		if (k->kill[i].sig == sig && k->kill[i].code == code) {
			*ret_known = true;
			return &k->kill[i];
		}
	}
	if (k->cnt < KILLS_MAX)
		return &k->kill[k->cnt++];
	memmove(&k->kill[0], &k->kill[1], sizeof(k->kill[0]) * (KILLS_MAX - 1));
	return &k->kill[KILLS_MAX - 1];
}

/*
 * Remembered until the status tells which one it was. Only generated signals count: what a group
 * exit does to its own threads is SIGKILL too, but never generated. 'Delivered' replaces an earlier
 * one of the same number, which must have been taken meanwhile; 'already pending' does not: the
 * first one's siginfo is what the target gets. Real-time signals queue up: the first is taken first.
 */
static void remember_kill(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_signal *s = &ev->signal;
	struct proc_killer *k;
	bool known;

	if (!proc_is_alive(&r->p) || !proc_signal_may_kill(s))
		return;
	if (!r->kills)
		r->kills = pool_get(&t->kills);
	if (!r->kills || r->kills->taken == s->sig)
		return;
	k = kill_slot(r->kills, s->sig, s->code, &known);
	if (known && (s->result == TRACE_SIGNAL_ALREADY_PENDING || s->sig >= SIGRTMIN_KERNEL))
		return;
	*k = (struct proc_killer){
		.key = rec_proc_key(&s->sender),
		.sent_ns = ev->h.boot_ns,
		.sig = s->sig,
		.code = s->code,
	};
	memcpy(k->comm, s->sender_comm, sizeof(k->comm));
}

/*
 * A signal that dumps core ends the process when it is taken, not when it is sent: of two senders the
 * taken one's code tells which it was.
 */
static void settle_kill(struct row *r, const struct rec_deliver *d)
{
	struct kills *k = r->kills;
	uint32_t kept = 0;
	bool sent = false;

	for (uint32_t i = 0; k && i < k->cnt; i++)
		sent |= k->kill[i].sig == d->sig && k->kill[i].code == d->code;
	if (!sent || d->disposition != REC_SIG_DFL)
		return;
	for (uint32_t i = 0; i < k->cnt; i++)
		if (k->kill[i].sig != d->sig || k->kill[i].code == d->code)
			k->kill[kept++] = k->kill[i];
	k->cnt = kept;
	k->taken = d->sig;
}

/* A kill that nobody was seen to send stays unknown. */
void row_blame_killer(struct proc_table *t, struct row *r)
{
	int sig = r->p.status & 0x7f;
	struct proc_killer *by;

	(void)t;
	if (!r->p.death || !(r->p.flags & PROC_STATUS_KNOWN))
		return;
	by = &r->p.death->killer;
	*by = (struct proc_killer){0};
	for (uint32_t i = 0; sig && !by->sig && r->kills && i < r->kills->cnt; i++)
		if (r->kills->kill[i].sig == sig)
			*by = r->kills->kill[i];
}

/*
 * A signal ended it, all records since its birth are there, and none is of that signal: the program was
 * not run, and nobody counted it. Seen on one 6.18 for signals of timers, whenever the interrupt came
 * upon a thread of its pid 1, while ftrace had every one; the same befalls frees. SIGSYS needs no signal:
 * before 5.16 seccomp ends a process without.
 */
bool row_signal_unseen(const struct proc_table *t, const struct row *r)
{
	int sig = r->p.status & 0x7f;

	if (!(r->p.flags & PROC_STATUS_KNOWN) || !sig || sig == SIGSYS)
		return false;
	if (!(r->bits & ROW_BIRTH_SEEN) || t->uncertain_ns || table_only_looks(t))
		return false;
	if (r->kills && r->kills->cnt == KILLS_MAX) /* others may have taken its place */
		return false;
	return r->p.death && !r->p.death->killer.sig;
}

/* Somebody's signal was pending, but it exited by itself: nobody killed it. */
const struct proc_killer *proc_killer_of(const struct proc *p)
{
	if (!p->death || !p->death->killer.sig)
		return NULL;
	if ((p->flags & PROC_STATUS_KNOWN) && !(p->status & 0x7f))
		return NULL;
	return &p->death->killer;
}

/* ---- stop and continue ---------------------------------------------------------------------- */

void row_set_stopped(struct proc_table *t, struct row *r, bool stopped, const struct event *ev)
{
	if (!!(r->p.flags & PROC_STOPPED) == stopped)
		return;
	r->bits &= ~ROW_PASS_CONT;
	if (stopped)
		r->p.flags |= PROC_STOPPED;
	else
		r->p.flags &= ~PROC_STOPPED;
	table_tell_row(t, stopped ? CHANGE_STOP : CHANGE_CONT, r, NULL, ev);
}

/* ---- records -------------------------------------------------------------------------------- */

/*
 * In a scoped stream our processes' signals to strangers have records too: the stranger does not
 * become one of ours by that.
 */
static int observe_target(struct proc_table *t, const struct event *ev, struct row **ret)
{
	int err = 0;

	*ret = NULL;
	if (!t->host.scoped || row_find(t, event_proc(ev)))
		err = row_observe(t, ev, ret);
	return err == -ENOENT ? 0 : err;
}

int apply_signal(struct proc_table *t, const struct event *ev)
{
	const struct rec_signal *s = &ev->signal;
	struct row *r;
	int err = observe_target(t, ev, &r);

	if (err)
		return err;
	t->counts.signals++;
	if (r) {
		if (!r->p.comm[0])
			memcpy(r->p.comm, s->comm, sizeof(r->p.comm));
		remember_kill(t, r, ev);
	}
	table_tell_row(t, CHANGE_SIGNAL, r, row_find(t, rec_proc_key(&s->sender)), ev);
	/* prepare_signal() continues the target whatever becomes of the signal itself */
	if (r && s->sig == SIGCONT)
		row_set_stopped(t, r, false, ev);
	return 0;
}

int apply_deliver(struct proc_table *t, const struct event *ev)
{
	const struct rec_deliver *d = &ev->deliver;
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	settle_kill(r, d);
	table_tell_row(t, CHANGE_DELIVER, r, NULL, ev);
	if (proc_is_alive(&r->p) && signal_stops(d->sig) && d->disposition == REC_SIG_DFL)
		row_set_stopped(t, r, true, ev);
	return 0;
}

/* Old kernels give the victim's pid only: start_ns is 0 then. */
int apply_oom(struct proc_table *t, const struct event *ev)
{
	enum change_kind kind = ev->h.type == REC_OOM ? CHANGE_OOM : CHANGE_OOM_ADJ;
	struct row *r = NULL;
	int err;

	if (!ev->h.start_ns) {
		r = row_find_pid(t, ev->h.tgid);
	} else {
		err = observe_target(t, ev, &r);
		if (err)
			return err;
	}
	table_tell_row(t, kind, r, row_find(t, rec_proc_key(&ev->oom.actor)), ev);
	return 0;
}
