// SPDX-License-Identifier: GPL-2.0-only
/* Verb by verb: what happens in the script's world, and the record the kernel makes of it. */
#include "source/script_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CLONE_VM     0x00000100
#define CLONE_VFORK  0x00004000
#define CLONE_PARENT 0x00008000
#define CLONE_THREAD 0x00010000

#define NO_TAIL ((struct span){0})

/* ---- parts ---------------------------------------------------------------------------------- */

static void fill_place(struct rec_place *p, const struct life *life)
{
	p->cgroup_id = life->cgroup_id;
	p->pidns = life->pidns;
	p->ns_tgid = life->ns_tgid;
	p->ns_level = life->ns_level;
}

static void fill_cred(struct rec_cred *c, const struct life *life)
{
	c->uid = c->euid = c->gid = life->uid;
	c->loginuid = c->sessionid = 0xffffffff;
}

static void fill_usage(struct line *l, struct rec_usage *u)
{
	u->utime_ns = line_ns(l, "utime", 0);
	u->stime_ns = line_ns(l, "stime", 0);
	u->cpu_ns = line_ns(l, "cpu_time", 0);
	u->maxrss_kb = line_u64(l, "maxrss", 0);
}

/* What a line may say of a process whatever it is about */
static void take_traits(struct line *l, struct life *life)
{
	life->ppid = line_u64(l, "ppid", life->ppid);
	life->uid = line_u64(l, "uid", life->uid);
	life->cgroup_id = line_u64(l, "cgroup", life->cgroup_id);
	life->pidns = line_u64(l, "pidns", life->pidns);
	life->ns_tgid = line_u64(l, "ns_pid", life->ns_tgid);
	life->ns_level = line_u64(l, "level", life->ns_level);
	life->exit_signal = line_u64(l, "exit_signal", life->exit_signal);
	life->threads = line_u64(l, "threads", life->threads);
	line_str(l, "comm", life->comm, sizeof(life->comm));
	if (life->ns_level && life->ns_tgid == 1)
		life->flags |= REC_F_NSINIT;
}

/* status=0x0900, code=9, signal=KILL or signal=SEGV core */
static uint32_t line_status(struct line *l, uint32_t otherwise)
{
	uint32_t status = line_u64(l, "status", otherwise);

	if (line_has(l, "code"))
		status = (line_u64(l, "code", 0) & 0xff) << 8;
	if (line_has(l, "signal"))
		status = line_signal(l, "signal", 0);
	if (line_has(l, "core"))
		status |= 0x80;
	return status;
}

/* ---- births, images ------------------------------------------------------------------------- */

static const char *const how_words[] = {"fork",   "vfork",          "posix_spawn", "clone",
					"thread", "vfork_or_spawn", NULL};
static const uint64_t how_flags[] = {
	0x01200011, CLONE_VM | CLONE_VFORK | 17, CLONE_VM | CLONE_VFORK | 17, CLONE_VM | 17,
	0x003d0f00, CLONE_VM | CLONE_VFORK | 17,
};
static const uint8_t how_sp[] = {
	REC_SP_SAME, REC_SP_SAME, REC_SP_OTHER, REC_SP_OTHER, REC_SP_OTHER, REC_SP_UNKNOWN,
};

static struct life *born(struct line *l, const struct life *creator)
{
	uint32_t pid = line_u64(l, "pid", 0);
	struct life *life, parent = *creator;

	if (!pid) {
		line_fail(l, "needs", "pid=");
		return NULL;
	}
	life = world_new(l->s, pid, line_time(l, "start", l->s->now_ns));
	if (!life)
		return NULL;
	life->exec_id = parent.exec_id;
	life->uid = parent.uid;
	life->cgroup_id = parent.cgroup_id;
	life->pidns = parent.pidns;
	life->ns_level = parent.ns_level;
	life->flags = parent.flags & REC_F_KTHREAD;
	memcpy(life->comm, parent.comm, sizeof(life->comm));
	life->ppid = life->born_ppid = parent.pid;
	return life;
}

static void run_fork(struct line *l)
{
	uint32_t how = line_enum(l, "how", how_words, 0);
	uint32_t by = line_u64(l, "by", line_u64(l, "ppid", 1));
	struct life *creator = world_get(l->s, by), *life;
	struct rec_fork r = {.clone_flags = how_flags[how], .sp = how_sp[how]};

	if (!creator)
		return;
	r.clone_flags = line_u64(l, "clone_flags", r.clone_flags);
	r.creator_rss_kb = line_u64(l, "rss", 0);
	r.syscall = line_u64(l, "syscall", 56);
	r.fork_ns = line_ns(l, "took", 0);
	life = r.clone_flags & CLONE_THREAD ? line_life(l) : born(l, creator);
	if (!life)
		return;
	if (r.clone_flags & CLONE_PARENT)
		life->ppid = creator->ppid;
	if (!(r.clone_flags & CLONE_THREAD))
		take_traits(l, life);
	line_hdr(l, &r.h, REC_FORK, sizeof(r), life);
	if (r.clone_flags & CLONE_THREAD)
		r.h.flags |= REC_F_THREAD;
	r.creator = line_proc(l, "by", r.clone_flags & CLONE_THREAD ? life->pid : by);
	r.exit_signal = life->exit_signal;
	fill_place(&r.place, life);
	fill_cred(&r.cred, life);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void run_fork_failed(struct line *l)
{
	static const char *const limits[] = {"unknown",     "nproc",      "threads_max", "pid_max",
					     "cgroup_pids", "pidns_dead", NULL};
	struct life *life = line_life(l);
	struct rec_fork_failed r = {.error = 11, .syscall = 56};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_FORK_FAILED, sizeof(r), life);
	r.clone_flags = how_flags[line_enum(l, "how", how_words, 0)];
	r.error = (int)line_u64(l, "error", 11);
	r.limit = (uint8_t)line_enum(l, "limit", limits, 0);
	r.limit_used = line_u64(l, "used", 0);
	r.limit_max = line_u64(l, "max", 0);
	r.limit_cgroup_id = line_u64(l, "limit_cgroup", 0);
	r.repeat = line_u64(l, "repeat", 0);
	r.fork_ns = line_ns(l, "took", 0);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void run_exec_failed(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_exec_failed r = {0};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_EXEC_FAILED, sizeof(r), life);
	r.error = (int)line_u64(l, "error", ENOENT);
	r.repeat = line_u64(l, "repeat", 0);
	r.flags = line_u64(l, "found", 0) ? REC_NOEXEC_OPENED : 0;
	line_str(l, "file", r.file, sizeof(r.file));
	line_str(l, "interpreter", r.interp, sizeof(r.interp));
	if (!r.file[0])
		r.flags |= REC_NOEXEC_NO_PATH;
	if (r.interp[0])
		r.flags |= REC_NOEXEC_OPENED;
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

/* cwd=/a/b -> "b\0a\0", as the kernel side writes it */
static void fill_cwd(struct line *l, struct rec_exec *r)
{
	const struct script_word *w = line_find(l, "cwd");
	const char *slash, *end;

	if (!w || !w->value) {
		r->flags |= REC_EXEC_CWD_CUT;
		return;
	}
	for (end = w->value + w->value_len; end > w->value; end = slash) {
		for (slash = end; slash > w->value && slash[-1] != '/';)
			slash--;
		if (r->cwd_len + (end - slash) + 1 > REC_CWD_LEN)
			return;
		memcpy(r->cwd + r->cwd_len, slash, end - slash);
		r->cwd_len += end - slash;
		if (end > slash)
			r->cwd[r->cwd_len++] = '\0';
		if (slash > w->value)
			slash--;
	}
}

/* args=ls,-l -> "ls\0-l\0" */
static struct span fill_args(struct line *l, char *buf, size_t cap)
{
	const struct script_word *w = line_find(l, "args");
	size_t len;

	if (!w || !w->value)
		return NO_TAIL;
	len = w->value_len < cap - 1 ? w->value_len : cap - 1;
	for (size_t i = 0; i < len; i++)
		buf[i] = w->value[i] == ',' ? '\0' : w->value[i];
	buf[len] = '\0';
	return (struct span){buf, len + 1};
}

static void run_exec(struct line *l)
{
	struct life *life = line_life(l);
	char args[1024];
	struct rec_exec r = {0};
	struct span tail;

	if (!life)
		return;
	life->exec_id++;
	take_traits(l, life);
	life->threads = 1;
	tail = fill_args(l, args, sizeof(args));
	line_hdr(l, &r.h, REC_EXEC, sizeof(r), life);
	r.h.tid = life->pid;
	fill_place(&r.place, life);
	fill_cred(&r.cred, life);
	fill_cwd(l, &r);
	line_str(l, "file", r.file, sizeof(r.file));
	line_str(l, "hostname", r.hostname, sizeof(r.hostname));
	r.file_len = strnlen(r.file, sizeof(r.file));
	r.old_tid = line_u64(l, "old_tid", life->pid);
	if (r.old_tid != life->pid)
		r.flags |= REC_EXEC_FROM_THREAD;
	if (line_u64(l, "script", 0))
		r.flags |= REC_EXEC_INTERPRETED;
	r.args_kept = tail.len;
	r.args_len = line_u64(l, "args_len", tail.len);
	r.thread_start_ns = life->start_ns;
	r.run_delay_ns = line_ns(l, "queued", 0);
	r.cpu_ns = line_ns(l, "cpu_time", 0);
	r.nvcsw = line_u64(l, "switches", 0);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), tail);
}

static void run_rename(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_rename r = {0};

	if (!life)
		return;
	take_traits(l, life);
	line_hdr(l, &r.h, REC_RENAME, sizeof(r), life);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

/* Changes the world without a record: adoption, prctl, a stopped group. */
static void run_set(struct line *l)
{
	struct life *life = line_life(l);

	if (!life)
		return;
	take_traits(l, life);
	line_flags(l, "flags", &life->flags);
	life->exec_id = line_u64(l, "exec_id", life->exec_id);
}

/* ---- deaths --------------------------------------------------------------------------------- */

static void run_die(struct line *l)
{
	struct life *life = line_life(l);
	bool thread = line_has(l, "thread");
	struct rec_exit r = {0};

	if (!life)
		return;
	if (!thread) {
		life->status = line_status(l, life->status);
		life->flags |= REC_F_EXITING | REC_F_DEAD;
		life->flags &= ~(REC_F_LEADER_DEAD | REC_F_STOPPED);
	}
	line_hdr(l, &r.h, REC_EXIT, sizeof(r), life);
	if (thread)
		r.h.flags |= REC_F_THREAD;
	fill_usage(l, &r.usage);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static const char *const disposition_words[] = {"dfl", "ign", "handler", "unknown", NULL};
static const char *const source_words[] = {"-", "notify", "sigchld", NULL};

static void run_zombie(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_zombie r = {0};
	bool autoreap = line_has(l, "autoreap"), handover = line_has(l, "handover");

	if (!life)
		return;
	if (!handover) {
		life->status = line_status(l, life->status);
		life->flags |= REC_F_EXITING | REC_F_DEAD | (autoreap ? 0 : REC_F_ZOMBIE);
	}
	line_hdr(l, &r.h, REC_ZOMBIE, sizeof(r), life);
	fill_usage(l, &r.usage);
	r.notified = line_proc(l, "to", life->ppid);
	r.exit_signal = life->exit_signal;
	r.si_pid = line_u64(l, "si_pid", life->pid);
	r.disposition = line_enum(l, "disp", disposition_words, REC_SIG_DFL);
	r.sa_flags = line_u64(l, "sa_flags", 0);
	r.source = line_enum(l, "source", source_words, REC_ZOMBIE_SIGCHLD);
	r.blocked = line_has(l, "blocked");
	r.pending = line_has(l, "pending");
	r.flags = (autoreap ? REC_ZOMBIE_AUTOREAP : 0) | (handover ? REC_ZOMBIE_HANDOVER : 0) |
		  (line_has(l, "tracer") ? REC_ZOMBIE_TRACER : 0) |
		  (line_has(l, "merged") ? REC_ZOMBIE_MERGED : 0);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

/* What happens most: the last thread goes, and a zombie is there at the same moment. */
static void run_exit(struct line *l)
{
	run_die(l);
	run_zombie(l);
}

static void emit_gone(struct line *l, unsigned type, struct life *life)
{
	struct rec_reap r = {0};

	if (!life)
		return;
	life->flags |= REC_F_EXITING | REC_F_DEAD;
	line_hdr(l, &r.h, type, sizeof(r), life);
	fill_usage(l, &r.usage);
	if (type == REC_REAP) {
		r.reaper = line_proc(l, "by", life->ppid);
		r.reaper.tid = line_u64(l, "by_tid", r.reaper.tid);
	} else { /* as the kernel side makes it */
		r.h.ppid = r.h.parent_tid = 0;
		r.h.parent_start_ns = 0;
		r.h.flags = REC_F_EXITING | REC_F_DEAD;
	}
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void run_reap(struct line *l)
{
	emit_gone(l, REC_REAP, line_life(l));
}

static void run_free(struct line *l)
{
	emit_gone(l, REC_FREE, line_life(l));
}

/* ---- waits, signals ------------------------------------------------------------------------- */

/* for=any, for=pgid or for=PID */
static void run_wait(struct line *l)
{
	struct life *life = line_life(l);
	const struct script_word *w = line_find(l, "for");
	struct rec_wait r = {.kind = REC_WAIT_ANY, .known = 1};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_WAIT, sizeof(r), life);
	if (w && w->value && strcmp(w->value, "pgid") == 0) {
		r.kind = REC_WAIT_PGID;
	} else if (w && w->value && strcmp(w->value, "any") != 0) {
		r.kind = REC_WAIT_PID;
		r.pid = line_u64(l, "for", 0);
	}
	r.repeat = line_u64(l, "repeat", 0);
	r.options = (line_has(l, "nohang") ? REC_WAIT_NOHANG : 0) |
		    (line_has(l, "nowait") ? REC_WAIT_NOWAIT : 0) |
		    (line_has(l, "all") ? REC_WAIT_ALL : 0) |
		    (line_has(l, "clone") ? REC_WAIT_CLONE : 0) |
		    (line_has(l, "noexit") ? REC_WAIT_NOEXIT : 0);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

/* child=PID begin=TIME; ns_child= alone: only the name in the caller's namespace is known */
static void run_waited(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_waited r = {0};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_WAITED, sizeof(r), life);
	r.begin_ns = line_has(l, "begin") ? line_time(l, "begin", 0) : 0;
	r.pid = line_u64(l, "child", 0);
	r.ns_pid = line_u64(l, "ns_child", r.pid);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static const char *const result_words[] = {"delivered", "ignored", "pending", "overflow", NULL};

/* by=0 or none: the kernel */
static void run_signal(struct line *l)
{
	struct life *life = line_life(l);
	uint32_t by = line_u64(l, "by", 0);
	struct rec_signal r = {.group = !line_has(l, "thread")};

	if (!life)
		return;
	r.sig = line_signal(l, "sig", 15);
	r.code = (__s32)line_u64(l, "code", 0);
	if (r.sig == 18)
		life->flags &= ~REC_F_STOPPED;
	line_hdr(l, &r.h, REC_SIGNAL, sizeof(r), life);
	r.sender = line_proc(l, "by", 0);
	r.result = line_enum(l, "result", result_words, 0);
	r.disposition = line_enum(l, "disp", disposition_words, REC_SIG_DFL);
	r.blocked = line_has(l, "blocked");
	r.target_tid = r.h.tid;
	r.addr = line_u64(l, "addr", 0);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	if (by)
		memcpy(r.sender_comm, world_get(l->s, by)->comm, sizeof(r.sender_comm));
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void run_deliver(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_deliver r = {0};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_DELIVER, sizeof(r), life);
	r.sig = line_signal(l, "sig", 15);
	r.code = (__s32)line_u64(l, "code", 0);
	r.disposition = line_enum(l, "disp", disposition_words, REC_SIG_DFL);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void emit_oom(struct line *l, unsigned type)
{
	struct life *life = line_life(l);
	struct rec_oom r = {0};

	if (!life)
		return;
	line_hdr(l, &r.h, type, sizeof(r), life);
	r.actor = line_proc(l, "by", 0);
	r.adj = (__s32)line_u64(l, "adj", 0);
	r.rss_kb = line_u64(l, "rss", 0);
	memcpy(r.comm, life->comm, sizeof(r.comm));
	if (r.actor.tgid)
		memcpy(r.actor_comm, world_get(l->s, r.actor.tgid)->comm, sizeof(r.actor_comm));
	if (line_has(l, "pid_only"))
		r.h.start_ns = 0;
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void run_oom(struct line *l)
{
	emit_oom(l, REC_OOM);
}

static void run_oom_adj(struct line *l)
{
	emit_oom(l, REC_OOM_ADJ);
}

/* ---- the table of verbs; those about the stream are in script_stream.c ----------------------- */

const struct verb script_verbs[] = {
	{"fork", run_fork},
	{"fork_failed", run_fork_failed},
	{"exec", run_exec},
	{"exec_failed", run_exec_failed},
	{"rename", run_rename},
	{"set", run_set},
	{"exit", run_exit},
	{"die", run_die},
	{"zombie", run_zombie},
	{"reap", run_reap},
	{"free", run_free},
	{"wait", run_wait},
	{"waited", run_waited},
	{"signal", run_signal},
	{"deliver", run_deliver},
	{"oom", run_oom},
	{"oom_adj", run_oom_adj},
	{"host", script_run_host},
	{"tick", script_run_tick},
	{"seed", script_run_seed},
	{"seed_end", script_run_seed_end},
	{"lost", script_run_lost},
	{"gap", script_run_gap},
	{"cgroup", script_run_cgroup},
	{"mkcgroup", script_run_mkcgroup},
	{"fact", script_run_fact},
	{"fact_cgroup", script_run_fact_cgroup},
	{"fact_proc", script_run_fact_proc},
	{"fact_waits", script_run_fact_waits},
	{NULL, NULL},
};
