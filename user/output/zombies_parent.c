// SPDX-License-Identifier: GPL-2.0-only
/* One parent in full: what is wrong, how that is known, and what helps. */
#include "output/zombies_int.h"

#include <inttypes.h>
#include <string.h>

#include "output/table.h"

#define INDENT    9 /* "  limit  " */
#define MAX_WORDS 200
#define DAY_NS    (86400 * NS_PER_SEC)
#define SOON_NS   (30 * DAY_NS)
#define PIDS_TOLD 3

/* What each verdict is called, and what to change in the program. */
static const struct {
	const char *says, *fix;
} verdicts[VERDICT_CNT] = {
	[VERDICT_NEVER_WAITS] =
		{"never waits",
		 "on SIGCHLD loop waitpid(-1, &st, WNOHANG) until it returns 0 or -1; or "
		 "set SA_NOCLDWAIT if nobody needs the status"},
	[VERDICT_WAITS_FOR_OTHERS] =
		{"waits for others",
		 "wait for every child that is made: keep its pid, or waitpid(-1)"},
	[VERDICT_MERGED_SIGCHLD] = {"one reap per SIGCHLD",
				    "one SIGCHLD may stand for several deaths: loop waitpid(-1, &st, "
				    "WNOHANG) in the handler until it returns 0 or -1"},
	[VERDICT_SIGCHLD_BLOCKED] =
		{"SIGCHLD is blocked",
		 "unblock SIGCHLD (sigprocmask), or take it by sigwait or signalfd "
		 "and wait then"},
	[VERDICT_PARENT_STOPPED] = {"is stopped", NULL},
	[VERDICT_PARENT_STUCK] = {"is stuck in D", NULL},
	[VERDICT_TRACED] = {"a tracer holds them", NULL},
	[VERDICT_INIT_DOES_NOT_REAP] =
		{"reaps no orphans",
		 "run an init as pid 1 of the container (docker run --init, tini), or "
		 "let pid 1 loop waitpid(-1)"},
	[VERDICT_INHERITED_OVER_EXEC] =
		{"inherited over exec",
		 "wait for the job before exec; or run it below a parent that stays"},
	[VERDICT_NEEDS_WALL] =
		{"needs __WALL",
		 "these were made with another exit signal than SIGCHLD (clone): wait with "
		 "__WALL or __WCLONE"},
	[VERDICT_LEADER_DEAD] = {"threads live on", NULL},
	[VERDICT_SLOW] = {"slow: reaps late", "wait when SIGCHLD comes, not by a timer"},
	[VERDICT_HEALTHY] = {"healthy", NULL},
	[VERDICT_UNKNOWN] = {"unknown yet", NULL},
};

const char *verdict_says(enum verdict v)
{
	return verdicts[v].says;
}

void zombies_put_paragraph(struct zombies_page *p, const char *heading)
{
	buf_printf(p->out, "  %-*s", INDENT - 2, heading);
	table_put_wrapped(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len},
			  INDENT, INDENT);
	buf_reset(&p->text);
}

void zombies_put_label(struct zombies_page *p, struct proc_key key, struct span comm)
{
	if (!comm.len) { /* known by its children only: outside of the scope */
		buf_printf(&p->text, "pid %u", key.tgid);
		return;
	}
	text_put_safe(&p->text, comm, &p->r->style);
	buf_printf(&p->text, "[%u]", key.tgid);
}

static void put_label(struct zombies_page *p, const struct proc *proc)
{
	zombies_put_label(p, proc->key, proc_comm(proc));
}

void zombies_put_count(struct zombies_page *p, uint64_t n, const char *one, const char *many)
{
	text_put_count(&p->text, n);
	buf_put_char(&p->text, ' ');
	buf_put_str(&p->text, n == 1 ? one : many);
}

static void put_title(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc *proc = f->proc;
	struct span args = intern_span(proc->args);

	put_label(p, proc);
	buf_put_str(&p->text, "  ");
	if (args.len)
		text_put_args(&p->text,
			      args.len > MAX_WORDS ? (struct span){args.data, MAX_WORDS} : args,
			      args.len > MAX_WORDS, &p->r->style);
	buf_printf(&p->text, "  uid %u", proc->uid);
	if (proc->cgroup && proc->cgroup->unit.len) {
		buf_put_str(&p->text, ", ");
		text_put_safe(&p->text, proc->cgroup->unit, &p->r->style);
	}
	buf_put_char(p->out, '\n');
	table_put_wrapped(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len}, 0,
			  2);
	buf_reset(&p->text);
}

/* "; a thread sat in one already, for pid 12": calls that none of ours tell of */
static void put_sits(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct waits *w = &f->sits;
	const char *sep = ", for pid ";

	if (!f->sits_known)
		return;
	if (!w->any && !w->pid && !w->pgid) {
		buf_put_str(&p->text, "; no thread sat in one before");
		return;
	}
	buf_put_str(&p->text, "; ");
	zombies_put_count(p, w->any + w->pid + w->pgid, "thread", "threads");
	buf_put_str(&p->text, " sat in one already");
	if (w->any)
		buf_put_str(&p->text,
			    w->any > w->any_limited ? ", for any child" : ", that reaps nobody");
	if (w->pgid)
		buf_put_str(&p->text, ", for a process group");
	for (uint32_t i = 0; i < w->pid_cnt && i < PIDS_TOLD; i++, sep = ", ")
		buf_printf(&p->text, "%s%u", sep, w->pids[i]);
	if (w->pid_cnt > PIDS_TOLD || w->pids_more)
		buf_put_str(&p->text, " and others");
	if (w->pid_cnt && f->proc->ns_level)
		buf_put_str(&p->text, " as its namespace numbers them");
	if (w->pidfd)
		buf_put_str(&p->text, ", for one by its pidfd");
}

/* "0 wait calls in 5.0s; it has never reaped a child (since birth)" */
static void put_waits(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;
	const struct proc_waits *w = e ? &e->waits : NULL;
	uint64_t any = w ? w->cnt[REC_WAIT_ANY] + w->cnt[REC_WAIT_PGID] + w->cnt[REC_WAIT_UNKNOWN] :
			   0;
	uint64_t pid = w ? w->cnt[REC_WAIT_PID] : 0;
	uint64_t now_ns = proc_table_host(p->r->table)->now_ns;

	zombies_put_count(p, any + pid, "wait call", "wait calls");
	if (pid && !any)
		buf_put_str(&p->text, ", each for one pid,");
	if (f->seen->exec_ns || f->from == FROM_BIRTH) {
		buf_put_str(&p->text, f->seen->exec_ns ? " since its exec " : " since its birth ");
		text_put_duration(&p->text,
				  f->seen->exec_ns ? now_ns - f->seen->exec_ns : f->watched_ns);
		buf_put_str(&p->text, " ago");
	} else {
		buf_put_str(&p->text, " in ");
		text_put_duration(&p->text, f->watched_ns);
	}
	if (zombies_is_past(f))
		buf_put_str(&p->text, " (the recorder's)");
	put_sits(p, f);
	if (!f->reaped_known)
		return;
	if (f->ever_reaped && !f->image_reaped) {
		buf_put_str(&p->text, "; what it has reaped it reaped before that");
	} else if (f->ever_reaped && e && e->reaped) {
		buf_put_str(&p->text, "; it reaped ");
		zombies_put_count(p, e->reaped, "child", "children");
	} else if (f->ever_reaped) {
		buf_put_str(&p->text, "; it has reaped before (the kernel's count)");
	} else if (f->from == FROM_BIRTH) {
		buf_put_str(&p->text, "; it has reaped no child");
	} else {
		buf_put_str(&p->text, "; it has reaped no child ever (the kernel's count is 0)");
	}
}

static void put_signal(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;

	if (!e || e->disposition == REC_SIG_UNKNOWN)
		return;
	buf_put_str(&p->text, "; SIGCHLD ");
	switch (e->disposition) {
	case REC_SIG_DFL: buf_put_str(&p->text, "at default"); break;
	case REC_SIG_IGN: buf_put_str(&p->text, "ignored"); break;
	default: buf_put_str(&p->text, "has a handler"); break;
	}
	if (f->verdict == VERDICT_SIGCHLD_BLOCKED)
		buf_put_str(&p->text, e->pending ? ", blocked and pending" : ", blocked");
	if (e->merged) {
		buf_put_str(&p->text, ", ");
		text_put_count(&p->text, e->merged);
		buf_put_str(&p->text, " merged into one that was pending");
	}
}

static void put_why(struct zombies_page *p, const struct zombie_parent *f)
{
	switch (f->verdict) {
	case VERDICT_PARENT_STOPPED:
		buf_put_str(&p->text, proc_is_frozen(f->proc) ?
					      "its cgroup is frozen: it cannot wait; " :
					      "it is stopped (T) and cannot wait; ");
		break;
	case VERDICT_PARENT_STUCK: buf_put_str(&p->text, "it is in D and cannot wait; "); break;
	case VERDICT_TRACED:
		zombies_put_count(p, f->traced, "of them is", "of them are");
		buf_put_str(&p->text, " traced: the tracer has to wait first; ");
		break;
	case VERDICT_NEEDS_WALL:
		zombies_put_count(p, f->walled, "of them has", "of them have");
		buf_put_str(&p->text,
			    " another exit signal than SIGCHLD: a plain wait does not see "
			    "them; ");
		break;
	case VERDICT_INHERITED_OVER_EXEC:
		buf_put_str(&p->text, "they were born before it became this program, which knows "
				      "nothing of them; ");
		break;
	case VERDICT_INIT_DOES_NOT_REAP:
		if (f->adopted) {
			zombies_put_count(p, f->adopted, "orphan was", "orphans were");
			buf_put_str(&p->text, " given to it as the init of its pid namespace; ");
		} else {
			buf_put_str(&p->text, "all orphans of its pid namespace are given to it; ");
		}
		break;
	case VERDICT_UNKNOWN:
		buf_put_str(&p->text, "not decided: ");
		buf_put_str(&p->text, f->decides ? f->decides : "the evidence is not enough");
		buf_put_str(&p->text, "; ");
		break;
	case VERDICT_NEVER_WAITS:
	case VERDICT_WAITS_FOR_OTHERS:
	case VERDICT_MERGED_SIGCHLD:
	case VERDICT_SIGCHLD_BLOCKED:
	case VERDICT_LEADER_DEAD:
	case VERDICT_SLOW:
	case VERDICT_HEALTHY:
	case VERDICT_CNT: break;
	}
	put_waits(p, f);
	put_signal(p, f);
	zombies_put_paragraph(p, "why");
}

/* "full in 7m, about 02:21" */
static void put_full(struct zombies_page *p, uint64_t full_ns)
{
	const struct wall_clock *clock = proc_table_clock(p->r->table);
	uint64_t now_ns = proc_table_host(p->r->table)->now_ns;
	struct wall_time at;

	if (!full_ns) {
		buf_put_str(&p->text, "full");
		return;
	}
	buf_put_str(&p->text, "full in ");
	text_put_age(&p->text, full_ns);
	if (full_ns >= DAY_NS)
		return;
	buf_put_str(&p->text, ", about ");
	at = wall_time_of(clock, now_ns + full_ns);
	buf_printf(&p->text, "%02d:%02d", at.hour, at.min);
	if (full_ns < 60 * NS_PER_SEC)
		buf_printf(&p->text, ":%02d", at.sec);
}

/* "mail.service 489/512 pids (pids.max)": a unit's inner cgroups have limits of their own */
static void put_limit_name(struct zombies_page *p, const struct forecast *f)
{
	static const char *const says[LIMIT_KIND_CNT] = {
		[LIMIT_CGROUP_PIDS] = " pids (pids.max)",
		[LIMIT_PID_MAX] = " pids of the whole machine (kernel.pid_max)",
		[LIMIT_THREADS_MAX] = " tasks of the whole machine (kernel.threads-max)",
		[LIMIT_NPROC] = " tasks of its uid (RLIMIT_NPROC)",
	};
	struct span unit = cgroup_path_unit(f->name), name = f->name;

	if (unit.len && unit.data + unit.len == name.data + name.len)
		name = unit;
	if (name.len) {
		text_put_safe(&p->text, name, &p->r->style);
		buf_put_char(&p->text, ' ');
	}
	text_put_count(&p->text, f->used);
	buf_put_char(&p->text, '/');
	text_put_count(&p->text, f->max);
	buf_put_str(&p->text, says[f->kind]);
}

/* Of a part of the tasks only the kernel's number is right. */
static void put_fill(struct zombies_page *p, const struct forecast *f)
{
	if (proc_table_host(p->r->table)->scoped)
		return;
	buf_put_str(&p->text, "; it holds ");
	zombies_put_count(p, f->zombies, "zombie", "zombies");
	buf_put_str(&p->text, ", ");
	zombies_put_count(p, f->processes, "process", "processes");
	if (!f->threads)
		return;
	buf_put_str(&p->text, ", ");
	zombies_put_count(p, f->threads, "more thread", "more threads");
}

void zombies_put_limit(struct zombies_page *p, const struct forecast *f)
{
	put_limit_name(p, f);
	if (f->full_ns > SOON_NS)
		return;
	buf_put_str(&p->text, ": ");
	put_full(p, f->full_ns);
}

/* Only what is near, or, though nothing is known to grow, more than nine tenths full. */
static void put_limit(struct zombies_page *p, const struct zombie_parent *parent)
{
	struct forecast f;

	if (forecast_find(p->r->table, parent->proc, parent->leak_milli, &f))
		return;
	if (f.full_ns > SOON_NS && f.used <= f.max - f.max / 10)
		return;
	zombies_put_limit(p, &f);
	put_fill(p, &f);
	zombies_put_paragraph(p, "limit");
}

/* A scope is no unit that can be restarted, and with user@ somebody's whole session would be. */
static bool is_restartable(struct span unit)
{
	static const char service[] = ".service", user[] = "user@";

	return unit.len > strlen(service) &&
	       memcmp(unit.data + unit.len - strlen(service), service, strlen(service)) == 0 &&
	       memcmp(unit.data, user, strlen(user)) != 0;
}

static void put_adopter(struct zombies_page *p, const struct zombie_parent *f)
{
	if (f->proc->flags & PROC_NSINIT) {
		buf_put_str(&p->text, "; its whole pid namespace ends with it");
		return;
	}
	if (!f->adopter)
		return;
	buf_put_str(&p->text, "; ");
	put_label(p, f->adopter);
	buf_put_str(&p->text, f->adopter_reaps ? " would inherit and reap them" :
						 " would inherit them (not seen to reap yet)");
}

/* Whether a SIGCHLD by hand can do anything; where it is not known it is not said. */
static void put_sigchld(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc_evidence *e = f->seen->evidence;
	const char *why;

	if (f->verdict == VERDICT_MERGED_SIGCHLD) {
		buf_printf(&p->text, "kill -CHLD %u, once for each: its handler reaps one a time",
			   f->proc->key.tgid);
		zombies_put_paragraph(p, "");
		return;
	}
	if (f->verdict == VERDICT_SIGCHLD_BLOCKED)
		why = "it is blocked";
	else if (f->verdict == VERDICT_NEEDS_WALL)
		why = "a plain wait does not see them";
	else if (!e || e->disposition == REC_SIG_UNKNOWN)
		return;
	else if (e->disposition == REC_SIG_HANDLER)
		why = "its handler does not wait for them";
	else
		why = "it has no handler";
	buf_printf(&p->text, "kill -CHLD %u: cannot help, %s", f->proc->key.tgid, why);
	zombies_put_paragraph(p, "");
}

/* "end the tracer strace[4711], then its parent can reap" */
static void put_tracer(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc *tracer = proc_table_find(p->r->table, f->tracer);

	buf_put_str(&p->text, "end the tracer ");
	if (f->tracer.tgid)
		zombies_put_label(p, f->tracer, tracer ? proc_comm(tracer) : (struct span){0});
	else
		buf_put_str(&p->text, "(gdb, strace)");
	if (f->held_by_others) {
		buf_put_str(&p->text, " and those of ");
		zombies_put_count(p, f->held_by_others, "more", "more");
	}
	buf_put_str(&p->text, ", then its parent can reap");
}

/* What helps though nobody leaks; false: it is the parent that has to go. */
static bool put_other_help(struct zombies_page *p, const struct zombie_parent *f)
{
	switch (f->verdict) {
	case VERDICT_PARENT_STOPPED:
		if (proc_is_frozen(f->proc))
			buf_put_str(&p->text,
				    "thaw its cgroup: cgroup.freeze to 0, or with v1 freezer.state "
				    "to THAWED; of a container: unpause it");
		else
			buf_printf(&p->text, "kill -CONT %u", f->proc->key.tgid);
		break;
	case VERDICT_PARENT_STUCK:
		buf_printf(&p->text,
			   "what it waits for has to come back first: proctrail tree --pid %u",
			   f->proc->key.tgid);
		break;
	case VERDICT_TRACED: put_tracer(p, f); break;
	case VERDICT_INHERITED_OVER_EXEC:
		buf_put_str(&p->text,
			    "nothing: there will be no more of them, and each holds one pid "
			    "until this program ends");
		break;
	case VERDICT_SLOW:
	case VERDICT_UNKNOWN: return true;
	case VERDICT_NEVER_WAITS:
	case VERDICT_WAITS_FOR_OTHERS:
	case VERDICT_MERGED_SIGCHLD:
	case VERDICT_SIGCHLD_BLOCKED:
	case VERDICT_INIT_DOES_NOT_REAP:
	case VERDICT_NEEDS_WALL:
	case VERDICT_LEADER_DEAD:
	case VERDICT_HEALTHY:
	case VERDICT_CNT: return false;
	}
	zombies_put_paragraph(p, "now");
	return true;
}

/* Only what helps: who would have them if it died, and whether a signal can do anything. */
static void put_now(struct zombies_page *p, const struct zombie_parent *f)
{
	const struct proc *proc = f->proc;

	if (put_other_help(p, f))
		return;
	if (proc->cgroup && is_restartable(proc->cgroup->unit)) {
		buf_put_str(&p->text, "sudo systemctl restart ");
		text_put_safe(&p->text, proc->cgroup->unit, &p->r->style);
	} else {
		/* the default action of a signal does not end an init */
		buf_printf(&p->text, "end it: kill %s%u", proc->flags & PROC_NSINIT ? "-KILL " : "",
			   proc->key.tgid);
	}
	put_adopter(p, f);
	zombies_put_paragraph(p, "now");
	put_sigchld(p, f);
}

void zombies_put_parent(struct zombies_page *p, const struct zombie_parent *f)
{
	put_title(p, f);
	put_why(p, f);
	zombies_put_dead(p, f);
	zombies_put_from(p, f);
	zombies_put_waited(p, f);
	put_limit(p, f);
	put_now(p, f);
	if (verdicts[f->verdict].fix) {
		buf_put_str(&p->text, verdicts[f->verdict].fix);
		zombies_put_paragraph(p, "fix");
	}
}
