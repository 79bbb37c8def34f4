// SPDX-License-Identifier: GPL-2.0-only
/* What is in no row of the table: execs that failed and forks that were refused. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/spawns_int.h"
#include "output/table.h"

#define FAILS_TOLD 3 /* the most frequent */

struct part {
	struct buf *out;
	const struct render *r;
	const struct spawns *s;
	struct buf text;
};

static void put_line(struct part *p)
{
	table_put_wrapped(p->out, &p->r->style, (struct span){buf_str(&p->text), p->text.len}, 0,
			  2);
	buf_reset(&p->text);
}

static void put_name(struct part *p, const char *path)
{
	text_put_safe(&p->text, span_of(path[0] ? path : "?"), &p->r->style);
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* ---- execs ------------------------------------------------------------------------------------- */

/* The file was opened: what it names is what failed. */
static bool put_interpreter(struct part *p, const struct exec_fail *f)
{
	bool there = f->error == ENOENT;

	if (!(f->flags & REC_NOEXEC_OPENED) || (!there && f->error != EACCES))
		return false;
	buf_put_str(&p->text, there ? ", but " : ": ");
	put_name(p, f->file);
	buf_put_str(&p->text, there ? " is there: its " : " may be executed, but not its ");
	buf_put_str(&p->text, f->interp[0] ? "interpreter " : "interpreter or loader");
	if (f->interp[0])
		put_name(p, f->interp);
	buf_put_str(&p->text, there ? " is not." : ".");
	return true;
}

/* What the errno of execve() means, which is seldom what strerror() says. */
static void put_reason(struct part *p, const struct exec_fail *f)
{
	if (put_interpreter(p, f))
		return;
	buf_put_str(&p->text, ": ");
	if (f->error == ENOENT && f->tries > 1) {
		buf_printf(&p->text, "not found in %" PRIu32 " tries along PATH.", f->tries);
		return;
	}
	if (f->flags & REC_NOEXEC_NO_PATH)
		buf_put_str(&p->text, "the path could not be read");
	else
		put_name(p, f->file);
	switch (f->error) {
	case ENOENT: buf_put_str(&p->text, " is not there."); break;
	case EACCES:
		buf_put_str(&p->text, " may not be executed: its mode, a directory on the way, or "
				      "a noexec mount.");
		break;
	case E2BIG: buf_put_str(&p->text, " with arguments and environment too long."); break;
	case ENOEXEC:
		buf_put_str(&p->text, " is no program for this machine and has no #! line "
				      "(a shell then runs it by itself).");
		break;
	case ETXTBSY: buf_put_str(&p->text, " is open for writing."); break;
	case EAGAIN: buf_put_str(&p->text, ", as a user who is over RLIMIT_NPROC."); break;
	default: buf_printf(&p->text, " (%s).", strerror(f->error));
	}
}

static void put_exec_fail(struct part *p, const struct exec_fail *f)
{
	const char *error = strerrorname_np(f->error);

	put_name(p, name_of(f->file));
	buf_put_str(&p->text, ": ");
	text_put_count(&p->text, f->cnt);
	buf_printf(&p->text, " x %s", error ? error : "an unknown error");
	put_reason(p, f);
}

static void put_exec_fails(struct part *p, size_t findings)
{
	const struct exec_fails *x = &p->s->execs;
	uint64_t told = 0;
	size_t i;

	for (i = 0; i < x->cnt && i < FAILS_TOLD; i++) {
		buf_printf(&p->text, "%zu ", findings + i + 1);
		put_exec_fail(p, &x->v[i]);
		put_line(p);
		told += x->v[i].cnt;
	}
	if (told < x->failed) {
		spawns_put_counted(&p->text, x->failed - told, "other exec failed.",
				   "other execs failed; trace tells each.");
		put_line(p);
	}
	if (x->found) {
		spawns_put_counted(&p->text, x->found, "PATH search", "PATH searches");
		buf_put_str(&p->text, " found the program after ");
		spawns_put_counted(&p->text, x->found_tries, "try", "tries");
		buf_put_str(&p->text, " elsewhere.");
		put_line(p);
	}
}

/* ---- forks ------------------------------------------------------------------------------------- */

/* What runs into a limit is in no row: nobody was born. */
static void put_refused(struct part *p)
{
	static const char *const limits[REC_LIMIT_CNT] = {
		[REC_LIMIT_UNKNOWN] = "no limit that is still reached",
		[REC_LIMIT_NPROC] = "RLIMIT_NPROC",
		[REC_LIMIT_THREADS_MAX] = "threads-max",
		[REC_LIMIT_PID_MAX] = "pid_max",
		[REC_LIMIT_CGROUP_PIDS] = "a cgroup's pids.max",
		[REC_LIMIT_DEAD_NS] = "a pid namespace whose init is dead",
	};
	const struct spawns *s = p->s;
	const char *sep = " by ";

	if (!s->forks_failed)
		return;
	spawns_put_counted(&p->text, s->forks_failed, "fork call", "fork calls");
	buf_put_str(&p->text, s->forks_failed == 1 ? " was refused," : " were refused,");
	for (int i = REC_LIMIT_CNT - 1; i >= 0; i--) {
		if (!s->forks_limited[i])
			continue;
		buf_put_str(&p->text, sep);
		buf_put_str(&p->text, limits[i]);
		if (s->forks_limited[i] != s->forks_failed)
			buf_printf(&p->text, " (%" PRIu64 ")", s->forks_limited[i]);
		sep = ", ";
	}
	buf_put_char(&p->text, '.');
	put_line(p);
}

/* ---- both -------------------------------------------------------------------------------------- */

/* None told is not none: where nothing watches them that has to be said. */
static void put_unwatched(struct part *p)
{
	uint32_t hooks = proc_table_host(p->r->table)->hooks;
	bool execs = exec_fails_watched(hooks), forks = hooks & REC_HOOK_FORK_FAILED;

	if ((execs && forks) || !p->s->cnt || (hooks & REC_HOOK_NONE))
		return;
	buf_put_str(&p->text, "not watched here: ");
	if (!execs)
		buf_put_str(&p->text, "failed execs (--exec-failures)");
	if (!execs && !forks)
		buf_put_str(&p->text, ", ");
	if (!forks)
		buf_put_str(&p->text, "refused forks (--fork-time)");
	put_line(p);
}

void spawns_put_failed_text(struct buf *b, const struct render *r, const struct spawns_view *v,
			    size_t findings)
{
	struct part p = {.out = b, .r = r, .s = v->spawns};

	put_exec_fails(&p, findings);
	put_refused(&p);
	put_unwatched(&p);
	buf_release(&p.text);
}

void spawns_put_failed_json(struct buf *b, const struct render *r, const struct spawns *s)
{
	struct json j;

	for (size_t i = 0; i < s->execs.cnt; i++) {
		const struct exec_fail *f = &s->execs.v[i];
		const char *error = strerrorname_np(f->error);

		json_begin(&j, b, "exec_failure");
		spawns_put_time(&j, r, proc_table_host(r->table)->now_ns);
		json_str(&j, "comm", (struct span){f->comm, strnlen(f->comm, sizeof(f->comm))});
		if (error)
			json_str(&j, "error", span_of(error));
		if (f->file[0])
			json_str(&j, "path", span_of(f->file));
		if (f->flags & REC_NOEXEC_OPENED)
			json_bool(&j, "found", true);
		if (f->interp[0])
			json_str(&j, "interpreter", span_of(f->interp));
		json_u64(&j, "count", f->cnt);
		json_u64(&j, "tries", f->tries);
		json_end(&j);
	}
}
