// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/death.h"

#include <linux/audit.h>
#include <signal.h>
#include <string.h>

#define TRACE_SIGNAL_IGNORED 1

/* Later than this the two have nothing to do with each other. */
#define ASK_NS (3600 * NS_PER_SEC)
/* mark_oom_victim() comes right after the signal; the death may take long. */
#define OOM_NS (600 * NS_PER_SEC)

const char *death_cause_name(enum death_cause cause)
{
	static const char *const names[DEATH_CAUSE_CNT] = {
		"exit",        "signal", "fault",     "oom",    "group_kill", "namespace_end",
		"cgroup_kill", "tty",    "pdeathsig", "rlimit", "seccomp",    "unknown",
	};

	return names[cause];
}

const char *death_arch_name(uint32_t audit_arch)
{
	switch (audit_arch) {
	case AUDIT_ARCH_X86_64: return "x86-64";
	case AUDIT_ARCH_I386: return "i386";
	case AUDIT_ARCH_AARCH64: return "arm64";
	case AUDIT_ARCH_ARM: return "arm";
	}
	return NULL;
}

const char *sent_how_name(enum sent_how how)
{
	static const char *const names[SENT_HOW_CNT] = {
		NULL, "kill", "tgkill", "sigqueue", "mesgq", "timer", "io", "pipe", "kernel",
	};

	return names[how];
}

const char *ask_fate_name(enum ask_fate fate)
{
	static const char *const names[ASK_FATE_CNT] = {
		NULL, "unknown", "handled", "pending", "ignored", "blocked", "dropped",
	};

	return names[fate];
}

struct death_who death_who_of(const struct proc *p)
{
	struct death_who who = {0};

	if (p) {
		who.key = p->key;
		memcpy(who.comm, p->comm, sizeof(who.comm));
	}
	return who;
}

/* ---- how the signal came ---------------------------------------------------------------------- */

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
}

static enum sent_how how_of(const struct death *d)
{
	switch (d->by.code) {
	case SI_USER:
		if (d->by.to_process)
			return SENT_KILL;
		return d->by.sig == SIGPIPE ? SENT_PIPE : SENT_KERNEL;
	case SI_TKILL: return SENT_TGKILL;
	case SI_QUEUE: return SENT_SIGQUEUE;
	case SI_MESGQ: return SENT_MESGQ;
	case SI_TIMER: return SENT_TIMER;
	case SI_ASYNCIO:
	case SI_SIGIO: return SENT_IO;
	}
	if (d->by.sig == SIGALRM || d->by.sig == SIGVTALRM || d->by.sig == SIGPROF)
		return SENT_TIMER;
	if (d->by.sig == SIGIO)
		return SENT_IO;
	return d->by.code > 0 ? SENT_KERNEL : SENT_UNKNOWN;
}

static bool is_own(const struct death *d)
{
	return proc_key_equals(d->killer.key, d->who.key);
}

/* SEND_SIG_PRIV: the kernel for itself, or in the name of 'current'. */
static enum death_cause cause_of_kernel(const struct death *d)
{
	switch (d->by.sig) {
	case SIGKILL:
		if (is_own(d))
			return DEATH_RLIMIT;
		return d->by.sender_init ? DEATH_NAMESPACE_END : DEATH_UNKNOWN;
	case SIGXCPU: return DEATH_RLIMIT;
	case SIGHUP:
	case SIGINT:
	case SIGQUIT: return DEATH_TTY;
	}
	return is_fault(d->by.sig) ? DEATH_FAULT : DEATH_SIGNAL;
}

/* send_sig(): to one task, with nothing said about it */
static enum death_cause cause_of_send_sig(const struct death *d)
{
	if (d->by.sig == SIGKILL && !is_own(d))
		return DEATH_CGROUP_KILL;
	return d->by.sig == SIGXFSZ ? DEATH_RLIMIT : DEATH_SIGNAL;
}

static enum death_cause cause_of_signal(const struct death *d)
{
	if (d->by.code == SI_KERNEL)
		return cause_of_kernel(d);
	if (d->by.code == SI_USER && !d->by.to_process)
		return cause_of_send_sig(d);
	if (d->by.code == SI_USER && d->by.sender_dying)
		return DEATH_PDEATHSIG;
	if (d->by.code > 0 && d->by.sig == SIGSYS)
		return DEATH_SECCOMP;
	return d->by.code > 0 && is_fault(d->by.sig) ? DEATH_FAULT : DEATH_SIGNAL;
}

/* ---- joining ---------------------------------------------------------------------------------- */

/* The record behind what the judge says; of one that came before we did there is none. */
static const struct death_signal *record_of(const struct death_note *note,
					    const struct proc_killer *k)
{
	size_t cnt = 0;

	if (note)
		cnt = note->kills < DEATH_KILLS ? note->kills : DEATH_KILLS;
	for (size_t i = 0; i < cnt; i++)
		if (note->kill[i].sig == k->sig && note->kill[i].sent_ns == k->sent_ns &&
		    proc_key_equals(note->kill[i].sender.key, k->key))
			return &note->kill[i];
	return NULL;
}

static void join_killer(struct death *d, const struct death_note *note, const struct proc_killer *k)
{
	const struct death_signal *s = record_of(note, k);

	d->killer.key = k->key;
	memcpy(d->killer.comm, k->comm, sizeof(d->killer.comm));
	if (d->died_ns > k->sent_ns)
		d->after_ns = d->died_ns - k->sent_ns;
	if (s) {
		d->by = *s;
		d->how = how_of(d);
		d->cause = cause_of_signal(d);
	} else {
		d->cause = k->key.tgid ? DEATH_SIGNAL : DEATH_UNKNOWN;
	}
}

/* SIGKILL has no other reason than the OOM killer's once it has marked its victim. */
static void join_oom(struct death *d, const struct death_note *note)
{
	bool told = note && note->oom.at_ns && d->died_ns < note->oom.at_ns + OOM_NS;

	if (!told || (d->by.sig && d->by.code != SI_KERNEL))
		return;
	d->cause = DEATH_OOM;
	d->oom = note->oom;
	d->adj = note->adj;
}

enum ask_fate death_ask_fate(const struct death_ask *a)
{
	if (!a->cnt)
		return ASK_NONE;
	if (a->handled_ns)
		return ASK_HANDLED;
	if (a->disposition == REC_SIG_IGN)
		return ASK_IGNORED;
	if (a->blocked)
		return ASK_BLOCKED;
	if (a->result == TRACE_SIGNAL_IGNORED && a->disposition == REC_SIG_DFL)
		return ASK_DROPPED;
	return a->disposition == REC_SIG_HANDLER ? ASK_PENDING : ASK_UNKNOWN;
}

/* "SIGKILL, 30s after SIGTERM, which ..." */
static void join_ask(struct death *d, const struct death_note *note)
{
	const struct death_ask *a = note ? &note->ask : NULL;
	uint64_t killed_ns = d->by.sig ? d->by.sent_ns : d->died_ns;

	if (!a || !a->cnt || a->first_ns > killed_ns || killed_ns - a->first_ns > ASK_NS)
		return;
	d->ask = *a;
	d->ask_fate = death_ask_fate(a);
}

/*
 * do_exit(SIGSYS) is seccomp's alone, and before 5.16 it sends no signal for it. Any other signal that
 * nobody was seen to send is unknown.
 */
static void judge_unsent(const struct proc_table *t, struct death *d, int sig)
{
	d->cause = sig == SIGSYS && !proc_table_uncertain_since(t) ? DEATH_SECCOMP : DEATH_UNKNOWN;
}

static void judge_signal(const struct proc_table *t, const struct proc *p,
			 const struct death_note *note, struct death *d)
{
	const struct proc_killer *k = proc_killer_of(p);

	if (k)
		join_killer(d, note, k);
	else
		judge_unsent(t, d, death_signal_of(d));
	if (death_signal_of(d) == SIGKILL) {
		join_oom(d, note);
		join_ask(d, note);
	}
}

/* A shell says 128+n of its last command that was killed by n; so do other runtimes. */
static void join_child(struct death *d, const struct death_note *note)
{
	int code = death_code_of(d);

	if (note && note->child.at_ns && code > 128 && code - 128 == note->child.sig)
		d->child = note->child;
}

static void fill(const struct proc_table *t, const struct proc *p, uint64_t boot_ns,
		 struct death *d)
{
	const struct proc *birth = proc_table_find(t, p->birth_parent);
	struct span host = intern_span(p->hostname);

	d->who = death_who_of(p);
	d->parent = death_who_of(p->parent);
	d->birth_parent = death_who_of(birth);
	d->birth_parent.key = p->birth_parent;
	d->died_ns = p->death && p->death->exit_ns ? p->death->exit_ns : boot_ns;
	if (p->key.start_ns && d->died_ns > p->key.start_ns)
		d->lived_ns = d->died_ns - p->key.start_ns;
	d->status = p->status;
	d->status_known = p->flags & PROC_STATUS_KNOWN;
	d->core_dumped = d->status_known && p->status & 0x80;
	d->execed = p->flags & (PROC_EXECED | PROC_SEEDED);
	d->ns_tgid = p->ns_level ? p->ns_tgid : 0;
	if (host.len)
		memcpy(d->host, host.data,
		       host.len < sizeof(d->host) ? host.len : sizeof(d->host) - 1);
}

void death_judge(const struct proc_table *t, const struct proc *p, uint64_t boot_ns,
		 const struct death_note *note, struct death *ret)
{
	*ret = (struct death){.cause = DEATH_UNKNOWN};
	fill(t, p, boot_ns, ret);
	if (!ret->status_known)
		return;
	if (death_signal_of(ret)) {
		judge_signal(t, p, note, ret);
		return;
	}
	ret->cause = DEATH_EXIT;
	join_child(ret, note);
}
