// SPDX-License-Identifier: GPL-2.0-only
/* What ended a process, in words. */
#include "output/deaths_int.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define SHELL_NOT_EXECUTABLE 126
#define SHELL_NOT_FOUND      127
#define SHELL_KILLED         128 /* and the signal's number */

struct words {
	struct buf *out;
	const struct render *r;
	const struct death *d;
};

static void put_signal(struct buf *b, int sig)
{
	const char *name = signal_name(sig);

	if (name)
		buf_put_str(b, name);
	else
		buf_printf(b, "signal %d", sig);
}

static bool is_own(const struct death *d)
{
	return proc_key_equals(d->killer.key, d->who.key);
}

/* "kill[4413] < bash[4102] < sshd[1204]" */
static void put_sender(struct words *w)
{
	deaths_put_who(w->out, w->r, &w->d->killer);
	for (size_t i = 0; i < DEATH_ABOVE && w->d->by.above[i].comm[0]; i++) {
		buf_put_str(w->out, " < ");
		deaths_put_who(w->out, w->r, &w->d->by.above[i]);
	}
}

/* ---- by an exit code -------------------------------------------------------------------------- */

static void put_child(struct words *w)
{
	const struct death_child *c = &w->d->child;

	buf_put_str(w->out, " = its child ");
	deaths_put_who(w->out, w->r, &c->who);
	buf_put_str(w->out,
		    proc_key_equals(c->killer.key, c->who.key) ? " ended by " : " was killed by ");
	put_signal(w->out, c->sig);
	if (!c->killer.key.tgid || proc_key_equals(c->killer.key, c->who.key))
		return;
	buf_put_str(w->out, " (");
	deaths_put_who(w->out, w->r, &c->killer);
	buf_put_char(w->out, ')');
}

static void put_exit(struct words *w)
{
	int code = death_code_of(w->d);

	buf_printf(w->out, "exit %d", code);
	if (w->d->child.at_ns) {
		put_child(w);
	} else if (code == SHELL_NOT_EXECUTABLE) {
		buf_put_str(w->out, ", as shells say: found, but not executable");
	} else if (code == SHELL_NOT_FOUND) {
		buf_put_str(w->out, ", as shells say: command not found");
	} else if (code > SHELL_KILLED && signal_name(code - SHELL_KILLED)) {
		buf_put_str(w->out, ", as shells say of a command that was killed by ");
		put_signal(w->out, code - SHELL_KILLED);
		buf_put_str(w->out, "; no child of it was seen to die so");
	}
}

/* ---- by a signal ------------------------------------------------------------------------------ */

static void put_way(struct words *w)
{
	switch (w->d->how) {
	case SENT_TGKILL: buf_put_str(w->out, " (tgkill)"); break;
	case SENT_SIGQUEUE: buf_put_str(w->out, " (sigqueue)"); break;
	case SENT_MESGQ: buf_put_str(w->out, " (a message queue)"); break;
	case SENT_UNKNOWN:
	case SENT_KILL:
	case SENT_TIMER:
	case SENT_IO:
	case SENT_PIPE:
	case SENT_KERNEL:
	case SENT_HOW_CNT: break;
	}
}

static void put_sent(struct words *w)
{
	const struct death *d = w->d;

	if (d->how == SENT_TIMER) {
		buf_put_str(w->out, " of a timer of its own");
	} else if (d->how == SENT_PIPE) {
		buf_put_str(w->out, ": nobody reads any more what it wrote");
	} else if (d->how == SENT_IO) {
		buf_put_str(w->out, " of asynchronous I/O");
	} else if (is_own(d)) {
		buf_put_str(w->out, ", sent by itself");
		if (death_signal_of(d) == SIGABRT)
			buf_put_str(w->out, " (abort)");
	} else if (d->killer.key.tgid) {
		buf_put_str(w->out, " by ");
		put_sender(w);
		put_way(w);
	} else {
		buf_put_str(w->out, " by the kernel");
	}
}

static void put_group(struct words *w)
{
	buf_put_str(w->out, " by ");
	put_sender(w);
	put_way(w);
	buf_printf(w->out, ", which sent it to %" PRIu32 " in one moment", w->d->group_size);
}

static void put_fault(struct words *w)
{
	if (w->d->by.code == SI_KERNEL)
		buf_put_str(w->out, ", a fault of its own without an address");
	else
		buf_printf(w->out, " at 0x%" PRIx64, w->d->by.addr);
}

static void put_tty(struct words *w)
{
	const struct death *d = w->d;

	if (d->by.sig == SIGINT || d->by.sig == SIGQUIT) {
		buf_put_str(w->out, " from its terminal");
		buf_put_str(w->out, d->by.sig == SIGINT ? " (Ctrl-C)" : " (Ctrl-\\)");
		return;
	}
	buf_put_str(w->out, ": its terminal hung up, or its session ended");
	if (d->killer.key.tgid) {
		buf_put_str(w->out, ", by ");
		put_sender(w);
	}
}

static void put_rlimit(struct words *w)
{
	buf_put_str(w->out, w->d->by.sig == SIGXFSZ ? ": a file reached its limit (RLIMIT_FSIZE)" :
						      ": no CPU time left (RLIMIT_CPU)");
}

static void put_seccomp(struct words *w)
{
	const char *name;
	uint32_t nr, arch;

	if (!death_syscall_of(w->d, &nr, &arch)) {
		buf_put_str(w->out, ": a seccomp filter forbids a system call");
		return;
	}
	name = death_arch_name(arch);
	buf_printf(w->out, ": a seccomp filter forbids system call %" PRIu32, nr);
	if (name)
		buf_printf(w->out, " of %s", name);
}

static void put_unknown(struct words *w)
{
	if (!w->d->status_known)
		buf_put_str(w->out, "how it ended is unknown: nobody saw it");
	else if (w->d->by.sig)
		buf_put_str(w->out, " by the kernel: why is unknown");
	else
		buf_put_str(w->out, ", from whom is unknown: nobody was seen to send it");
}

static void put_kb(struct words *w, const char *before, uint64_t kb)
{
	if (kb == OOM_UNKNOWN)
		return;
	buf_put_str(w->out, before);
	text_put_bytes(w->out, kb << 10);
}

/* ", in memory cgroup /shop, limit 256 MiB" */
static void put_oom_where(struct words *w)
{
	const struct oom_report *r = w->d->oom.report;

	switch (r ? r->where : OOM_WHERE_UNKNOWN) {
	case OOM_WHERE_CGROUP:
		buf_put_str(w->out, ", in memory cgroup ");
		text_put_safe(w->out, span_of(r->cgroup), &w->r->style);
		put_kb(w, ", limit ", r->limit_kb);
		break;
	case OOM_WHERE_GLOBAL:
		buf_put_str(w->out, ", on the whole machine");
		put_kb(w, ", free were ", r->free_kb);
		break;
	case OOM_WHERE_CPUSET: buf_put_str(w->out, ", on the memory nodes of its cpuset"); break;
	case OOM_WHERE_POLICY: buf_put_str(w->out, ", on the memory nodes of its policy"); break;
	case OOM_WHERE_UNKNOWN:
	case OOM_WHERE_CNT:
		buf_put_str(w->out, ", in a memory cgroup or everywhere: unknown");
		break;
	}
}

/* "; larger and spared: java[812], 3.1 GiB, adj -900, written by init[1] at 02:11:07" */
static void put_spared(struct words *w)
{
	const struct oom_report *r = w->d->oom.report;
	const struct death_adj *adj = &w->d->oom.spared_adj;
	struct death_who who = {0};

	if (!r || !r->spared_cnt)
		return;
	who.key.tgid = r->spared.tgid;
	memcpy(who.comm, r->spared.comm, sizeof(who.comm));
	buf_put_str(w->out, "; larger, and spared because of its adj: ");
	deaths_put_who(w->out, w->r, &who);
	put_kb(w, ", ", r->spared.size_kb);
	buf_printf(w->out, ", adj %d", r->spared.adj);
	if (adj->at_ns) {
		buf_put_str(w->out, ", written by ");
		deaths_put_who(w->out, w->r, &adj->writer);
		buf_put_str(w->out, " at ");
		clock_put_time(w->out, proc_table_clock(w->r->table), adj->at_ns, 0);
	}
	if (r->spared_cnt > 1)
		buf_printf(w->out, ", and %" PRIu32 " more", r->spared_cnt - 1);
}

static void put_oom(struct words *w)
{
	const struct death *d = w->d;

	buf_put_str(w->out, "OOM, ");
	if (d->oom.rss_kb) {
		text_put_bytes(w->out, d->oom.rss_kb << 10);
		buf_put_str(w->out, ", ");
	}
	buf_printf(w->out, "adj %d", d->oom.adj);
	if (d->adj.at_ns && d->adj.adj == d->oom.adj) {
		buf_put_str(w->out, ", written by ");
		deaths_put_who(w->out, w->r, &d->adj.writer);
		buf_put_str(w->out, " at ");
		clock_put_time(w->out, proc_table_clock(w->r->table), d->adj.at_ns, 0);
	}
	buf_put_str(w->out, "; out of memory was ");
	if (proc_key_equals(d->oom.trigger.key, d->who.key))
		buf_put_str(w->out, "itself");
	else
		deaths_put_who(w->out, w->r, &d->oom.trigger);
	put_oom_where(w);
	put_spared(w);
}

/* What stands between the signal's name and the rest */
static void put_cause(struct words *w)
{
	switch (w->d->cause) {
	case DEATH_SIGNAL: put_sent(w); break;
	case DEATH_GROUP_KILL: put_group(w); break;
	case DEATH_FAULT: put_fault(w); break;
	case DEATH_OOM: put_oom(w); break;
	case DEATH_NAMESPACE_END:
		buf_put_str(w->out, ": pid 1 of its pid namespace ended, ");
		deaths_put_who(w->out, w->r, &w->d->killer);
		break;
	case DEATH_CGROUP_KILL:
		buf_put_str(w->out, " by cgroup.kill, written by ");
		put_sender(w);
		break;
	case DEATH_TTY: put_tty(w); break;
	case DEATH_PDEATHSIG:
		buf_put_str(w->out, ", as it had asked for, at the death of its parent ");
		deaths_put_who(w->out, w->r, &w->d->killer);
		break;
	case DEATH_RLIMIT: put_rlimit(w); break;
	case DEATH_SECCOMP: put_seccomp(w); break;
	case DEATH_UNKNOWN: put_unknown(w); break;
	case DEATH_EXIT: put_exit(w); break;
	case DEATH_CAUSE_CNT: break;
	}
}

/* ", 30.0s after SIGTERM by systemd[1], which its handler took" */
static void put_ask(struct words *w)
{
	const struct death_ask *a = &w->d->ask;
	uint64_t killed_ns = w->d->by.sig ? w->d->by.sent_ns : w->d->died_ns;

	if (!a->cnt)
		return;
	buf_put_str(w->out, ", ");
	text_put_duration(w->out, killed_ns - a->first_ns);
	buf_put_str(w->out, " after ");
	put_signal(w->out, a->sig);
	if (a->sender.key.tgid && !proc_key_equals(a->sender.key, w->d->killer.key)) {
		buf_put_str(w->out, " by ");
		deaths_put_who(w->out, w->r, &a->sender);
	}
	switch (w->d->ask_fate) {
	case ASK_HANDLED: buf_put_str(w->out, ", which its handler took"); break;
	case ASK_PENDING:
		buf_put_str(w->out, ", for which it has a handler that did not run");
		break;
	case ASK_IGNORED: buf_put_str(w->out, ", which it ignores"); break;
	case ASK_BLOCKED: buf_put_str(w->out, ", which it had blocked"); break;
	case ASK_DROPPED:
		buf_put_str(w->out, ", which the kernel dropped: pid 1 has no handler for it");
		break;
	case ASK_NONE:
	case ASK_UNKNOWN:
	case ASK_FATE_CNT: break;
	}
}

void deaths_put_cause(struct buf *b, const struct render *r, const struct death *d)
{
	struct words w = {.out = b, .r = r, .d = d};
	int sig = death_signal_of(d);

	if (sig && d->cause != DEATH_OOM)
		put_signal(b, sig);
	put_cause(&w);
	put_ask(&w);
	if (sig && d->by.sig && d->after_ns >= NS_PER_MS) {
		buf_put_str(b, "; it took ");
		text_put_duration(b, d->after_ns);
		buf_put_str(b, " to die");
	}
	if (d->core_dumped)
		buf_put_str(b, ", core dumped");
}
