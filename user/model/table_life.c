// SPDX-License-Identifier: GPL-2.0-only
/* Births, images, names and places. */
#include <errno.h>
#include <string.h>

#include "model/table_int.h"

#define CLONE_VM     0x00000100
#define CLONE_VFORK  0x00004000
#define CLONE_THREAD 0x00010000

/* ---- births --------------------------------------------------------------------------------- */

/*
 * Which primitive: by bits, never by the whole word (PIDFD, CLEAR_SIGHAND and others come along),
 * and not by the syscall, since libc's fork() is clone() and its posix_spawn() is clone3().
 *	THREAD			thread
 *	VM, VFORK, same stack	vfork
 *	VM, VFORK, other stack	posix_spawn (or a clone() that does the same)
 *	VM, VFORK, unknown	unknown: one of these two
 *	VM			clone: shares memory, runs beside its creator; kernel threads too
 *	neither			fork: a copy of the memory, VFORK alone only suspends the creator
 */
enum spawn_how spawn_how_of(uint64_t clone_flags, uint8_t sp)
{
	if (clone_flags & CLONE_THREAD)
		return HOW_THREAD;
	if (!(clone_flags & CLONE_VM))
		return HOW_FORK;
	if (!(clone_flags & CLONE_VFORK))
		return HOW_CLONE;
	if (sp == REC_SP_SAME)
		return HOW_VFORK;
	return sp == REC_SP_OTHER ? HOW_POSIX_SPAWN : HOW_UNKNOWN;
}

void row_set_cgroup(struct proc_table *t, struct row *r, uint64_t id)
{
	struct cgroup *cg;

	if (r->p.cgroup && r->p.cgroup->id == id)
		return;
	cg = cgroup_table_ref(&t->cgroups, id);
	if (!cg)
		return;
	cgroup_table_unref(&t->cgroups, (struct cgroup *)r->p.cgroup);
	r->p.cgroup = cg;
}

void row_take_place(struct proc_table *t, struct row *r, const struct rec_place *place)
{
	row_set_cgroup(t, r, place->cgroup_id);
	if (place->pidns) {
		if (place->pidns != r->p.pidns)
			row_forget_init(t, r);
		r->p.pidns = place->pidns;
		r->p.ns_tgid = place->ns_tgid;
		r->p.ns_level = place->ns_level;
		row_note_init(t, r);
	}
}

void row_take_cred(struct row *r, const struct rec_cred *cred)
{
	r->p.uid = cred->uid;
	r->p.euid = cred->euid;
	r->p.gid = cred->gid;
	r->p.loginuid = cred->loginuid;
	r->p.sessionid = cred->sessionid;
	r->p.sid = cred->sid;
}

static void take_comm(struct row *r, const char *comm)
{
	memcpy(r->p.comm, comm, sizeof(r->p.comm));
}

/* A child is its creator's image until it execs. */
static void inherit_image(struct row *r, const struct row *creator)
{
	r->p.exe = intern_ref(creator->p.exe);
	r->p.args = intern_ref(creator->p.args);
	r->p.cwd = intern_ref(creator->p.cwd);
	r->p.hostname = intern_ref(creator->p.hostname);
}

static int apply_thread_birth(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (!proc_is_alive(&r->p)) {
		t->counts.illegal++;
		return 0;
	}
	r->p.threads++;
	t->counts.threads++;
	table_tell_row(t, CHANGE_THREAD, r, r, ev);
	return 0;
}

/* Nobody was born, nothing has another image. */
int apply_failed_call(struct proc_table *t, const struct event *ev, enum change_kind kind)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (!err)
		table_tell_row(t, kind, r, NULL, ev);
	return err;
}

/* The row of the newborn: new, or made before by a record that came earlier than its birth's. */
static int row_of_birth(struct proc_table *t, const struct event *ev, struct row **ret)
{
	struct row *r = NULL;

	if (ev->h.start_ns <= t->newest_start_ns)
		r = row_find(t, event_proc(ev));
	if (!r)
		return row_new(t, event_proc(ev), ev, ret);
	if (r->bits & ROW_BIRTH_SEEN || r->p.state == PROC_REAPED) {
		t->counts.illegal++;
		return -ENOENT;
	}
	/* visible in the task list before task_newtask: a signal or an iterator row may name it */
	if (r->p.flags & PROC_GHOST)
		row_fill_ghost(t, r);
	r->p.flags &= ~(PROC_SEEDED | PROC_INFERRED);
	*ret = r;
	return 0;
}

static void fill_birth(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_fork *f = &ev->fork;

	r->bits |= ROW_BIRTH_SEEN;
	r->p.birth_parent = f->creator.start_ns ? rec_proc_key(&f->creator) : event_parent(ev);
	r->p.how = spawn_how_of(f->clone_flags, f->sp);
	r->p.rss_kb = f->creator_rss_kb;
	r->p.exit_signal = f->exit_signal;
	if (!r->p.exec_cnt)
		r->p.exec_id = ev->h.exec_id;
	row_take_flags(t, r, ev);
	row_take_cred(r, &f->cred);
	row_take_place(t, r, &f->place);
	take_comm(r, f->comm);
	if (ev->h.boot_ns > r->p.seen_ns)
		r->p.seen_ns = ev->h.boot_ns;
}

int apply_fork(struct proc_table *t, const struct event *ev)
{
	const struct rec_fork *f = &ev->fork;
	struct row *r, *creator;
	int err;

	if ((ev->h.flags & REC_F_THREAD) || (f->clone_flags & CLONE_THREAD))
		return apply_thread_birth(t, ev);
	if (!ev->h.tgid || !ev->h.start_ns)
		return -ENOENT;
	err = row_of_birth(t, ev, &r);
	if (err)
		return err;
	row_take_parent(t, r, ev);
	fill_birth(t, r, ev);
	creator = row_find(t, r->p.birth_parent);
	if (creator) {
		if (!r->p.exe && !r->p.args)
			inherit_image(r, creator);
		row_went_on(t, creator, f->creator.tid, ev->h.boot_ns);
	}
	t->counts.forks++;
	table_tell_row(t, CHANGE_FORK, r, creator ? creator : row_of(r->p.parent), ev);
	return 0;
}

/* ---- images --------------------------------------------------------------------------------- */

static void count_exec(struct proc_table *t, struct row *r, const struct event *ev)
{
	int32_t ahead = ev->h.exec_id - r->p.exec_id;

	if (r->p.state == PROC_BORN)
		row_set_state(t, r, PROC_RUNNING);
	r->p.flags |= PROC_EXECED;
	r->p.exec_cnt += ahead > 1 ? ahead : 1;
	evidence_of_new_image(r);
	r->p.exec_id = ev->h.exec_id;
	r->ahead_ns = 0;
	t->counts.execs++;
}

/* An exec that no record told: that there is a new image is all we know of it. */
void row_derive_exec(struct proc_table *t, struct row *r, const struct event *ev)
{
	row_set_str(t, &r->p.exe, (struct span){0}, 0);
	row_set_str(t, &r->p.args, (struct span){0}, 0);
	r->p.exec_ns = 0;
	r->bits |= ROW_EXEC_DERIVED;
	count_exec(t, r, ev);
	table_tell_row(t, CHANGE_EXEC, r, row_of(r->p.parent), ev);
}

static void take_image(struct proc_table *t, struct row *r, const struct event *ev)
{
	const struct rec_exec *x = &ev->exec;
	struct span hostname = {x->hostname, strnlen(x->hostname, sizeof(x->hostname))};

	row_set_str(t, &r->p.exe, ev->file, x->file_len);
	row_set_str(t, &r->p.args, ev->args, x->args_len);
	if (ev->cwd.len)
		row_set_str(t, &r->p.cwd, ev->cwd, ev->cwd.len);
	if (hostname.len)
		row_set_str(t, &r->p.hostname, hostname, hostname.len);
	row_take_place(t, r, &x->place);
	row_take_cred(r, &x->cred);
	take_comm(r, x->comm);
	r->p.exec_ns = ev->h.boot_ns;
}

/*
 * One process, one more image: also when another thread than the leader execs, since de_thread()
 * gives it the leader's pid and start time. The other threads are gone.
 */
int apply_exec(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	bool told;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (!proc_is_alive(&r->p)) {
		t->counts.illegal++;
		return 0;
	}
	told = ev->h.exec_id == r->p.exec_id && (r->bits & ROW_EXEC_DERIVED);
	if (ev->h.exec_id == r->p.exec_id && r->p.exec_ns) {
		t->counts.illegal++; /* the same exec twice */
		return 0;
	}
	r->bits &= ~ROW_EXEC_DERIVED;
	take_image(t, r, ev);
	r->p.threads = 1;
	r->p.flags &= ~PROC_LEADER_DEAD;
	row_went_on(t, r, ev->h.tid, ev->h.boot_ns);
	if (told)
		return 0;
	count_exec(t, r, ev);
	table_tell_row(t, CHANGE_EXEC, r, row_of(r->p.parent), ev);
	return 0;
}

/* ---- names and places ----------------------------------------------------------------------- */

int apply_rename(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	if (err)
		return err;
	if (!(ev->h.flags & REC_F_THREAD))
		take_comm(r, ev->rename.comm);
	table_tell_row(t, CHANGE_RENAME, r, NULL, ev);
	return 0;
}

int apply_cgroup(struct proc_table *t, const struct event *ev)
{
	struct row *r;
	int err = row_observe(t, ev, &r);

	cgroup_table_name(&t->cgroups, ev->cgroup.cgroup_id, ev->text);
	if (err)
		return err;
	row_set_cgroup(t, r, ev->cgroup.cgroup_id);
	table_tell_row(t, CHANGE_MOVE, r, NULL, ev);
	return 0;
}
