/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A new image: which file, which arguments, from where, with whose rights. Everything is written
 * straight into the ring record: no per-CPU scratch, which a second exec on the same CPU
 * overwrites.
 */
#define READ_BY_PROBE /* an exec takes the best part of a millisecond: the load is dearer */
#include "seed.bpf.h"
#include <bpf/bpf_tracing.h>

#define CWD_DEPTH_MAX 24
#define NAME_ROOM     256 /* read at once of a name, in front of the arguments' place or in it */
#define ARGS_MIN \
	512 /* the smallest size class, the default of --args-max: the others load only with more */
#define ARGS_PIECE 4096

/*
 * ---- working directory ----------------------------------------------------------------------
 */

struct cwd_walk {
	struct dentry *dentry, *root_dentry;
	struct vfsmount *mnt, *root_mnt;
	__u32 len;
};

static __always_inline struct mount *real_mount(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/*
 * Appends the name of the dentry and goes up. 1: goes on, 0: at the root, < 0: no further. A
 * name may run over the end of 'cwd' into the arguments' place, which is filled later: that
 * bounds every read without a limit on a name; such a name is not counted.
 */
static __always_inline int cwd_step(struct cwd_walk *w, char *cwd)
{
	struct dentry *dentry = w->dentry, *parent;
	struct vfsmount *mnt = w->mnt;
	long len;

	if (dentry == w->root_dentry && mnt == w->root_mnt)
		return 0;
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *m = real_mount(mnt), *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m || !up) /* the root of the namespace: chroot left it, or detached */
			return 0;
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		return 1;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (w->len >= REC_CWD_LEN || parent == dentry)
		return -1;
	len = bpf_probe_read_kernel_str(cwd + w->len, NAME_ROOM,
					BPF_CORE_READ(dentry, d_name.name));
	if (len <= 0 || w->len + len > REC_CWD_LEN)
		return -1;
	w->len += len;
	w->dentry = parent;
	return 1;
}

static __always_inline void fill_cwd(struct rec_exec *r, struct task_struct *t)
{
	struct fs_struct *fs = (struct fs_struct *)BPF_CORE_READ(t, fs);
	struct cwd_walk w = {};
	int more = 1;

	w.dentry = BPF_CORE_READ(fs, pwd.dentry);
	w.mnt = BPF_CORE_READ(fs, pwd.mnt);
	w.root_dentry = BPF_CORE_READ(fs, root.dentry);
	w.root_mnt = BPF_CORE_READ(fs, root.mnt);
	for (int i = 0; i < CWD_DEPTH_MAX && more > 0; i++)
		more = cwd_step(&w, r->cwd);
	if (more)
		r->flags |= REC_EXEC_CWD_CUT;
	r->cwd_len = w.len;
}

/*
 * ---- arguments ------------------------------------------------------------------------------
 */

/*
 * Bytes of [start, start + want) that could be read into 'dst'. By now the verifier knows 'room'
 * (it follows each size class by itself), so it sees the bounds of every piece.
 */
static __always_inline __u32 read_args(char *dst, __u32 room, __u64 start, __u32 want)
{
	__u32 done = 0, most = room < ARGS_PIECE ? room : ARGS_PIECE;

	for (__u32 off = 0; off < room && off < want; off += ARGS_PIECE) {
		__u32 piece = want - off;

		barrier_var(piece); /* or clang compares it signed, and the bound is lost on 6.1 */
		if (piece > most)
			piece = most;
		if (bpf_probe_read_user(dst + off, piece, (void *)(start + off)))
			break;
		done = off + piece;
	}
	return done;
}

/*
 * The true length needs a second read of what is longer: into the arguments' place, filled
 * later.
 */
static __always_inline void fill_file(struct rec_exec *r, const char *name)
{
	long len = bpf_probe_read_kernel_str(r->file, sizeof(r->file), name), more = 0;

	if (len == sizeof(r->file))
		more = bpf_probe_read_kernel_str(r + 1, NAME_ROOM, name + sizeof(r->file) - 1) - 1;
	r->file_len = (len > 0 ? len - 1 : 0) + (more > 0 ? more : 0);
}

static __always_inline void fill_exec(struct rec_exec *r, const struct subject *s, int old_pid,
				      struct linux_binprm *bprm)
{
	struct task_struct *t = s->task;

	hdr_about(&r->h, s);
	place_of(&r->h, &r->place, s);
	cred_of(&r->cred, s);
	r->run_delay_ns = GET(t, sched_info.run_delay);
	r->cpu_ns = GET(t, se.sum_exec_runtime);
	r->thread_start_ns = GET(t, start_boottime);
	r->nvcsw = GET(t, nvcsw);
	r->argc = GET(bprm, argc);
	r->old_tid = old_pid;
	if (GET_BIT(bprm, secureexec))
		r->flags |= REC_EXEC_RAISED;
	if (r->old_tid != r->h.tgid)
		r->flags |= REC_EXEC_FROM_THREAD;
	/* load_script() and binfmt_misc put the interpreter's name here, and before the arguments */
	if (GET(bprm, interp) != GET(bprm, filename))
		r->flags |= REC_EXEC_INTERPRETED;
	comm_of(r->comm, t);
	if (r->place.ns_level)
		hostname_of(r->hostname, t);
	fill_file(r, GET(bprm, filename));
	fill_cwd(r, t);
}

#define RESERVE(room) \
	rec_reserve_tail(REC_EXEC, sizeof(struct rec_exec) + (room), sizeof(struct rec_exec))

/* The smallest size class that holds 'want' bytes of arguments. */
static __always_inline struct rec_exec *exec_reserve(__u32 want, __u32 *ret_room)
{
	if (want <= ARGS_MIN)
		return *ret_room = ARGS_MIN, RESERVE(ARGS_MIN);
	if (want <= 1024)
		return *ret_room = 1024, RESERVE(1024);
	if (want <= 4096)
		return *ret_room = 4096, RESERVE(4096);
	if (want <= 16384)
		return *ret_room = 16384, RESERVE(16384);
	return *ret_room = REC_ARGS_MAX, RESERVE(REC_ARGS_MAX);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = GET(t, mm);
	__u64 start = GET(mm, arg_start), len = GET(mm, arg_end) - start;
	__u32 want = len < cfg_args_max ? len : cfg_args_max, room;
	struct subject s = subject_of(t);
	struct rec_exec *r;

	if (!scope_join_late(&s,
			     cfg_scoped && (scope_matches(t) || scope_has(GET(s.parent, signal)))))
		return 0;
	r = exec_reserve(want, &room);
	if (!r)
		return 0;
	fill_exec(r, &s, old_pid, bprm);
	r->args_len = len;
	r->args_kept = read_args((char *)(r + 1), room, start, want < room ? want : room);
	if (r->args_kept < want)
		r->flags |= REC_EXEC_ARGS_FAULT;
	r->h.size = sizeof(*r) + r->args_kept; /* what follows in the ring is not initialised */
	rec_submit_size(r, sizeof(*r) + room);
	return 0;
}
