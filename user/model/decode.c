// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes -> event. What arrives here may come from a file that somebody else wrote, so no length in
 * it is believed before it was compared with what is there.
 */
#include <errno.h>
#include <string.h>

#include "model/event.h"

#define REC_SIZE_MAX (128 * 1024)

struct rec_kind {
	const char *name;
	size_t size;                                          /* of the fixed part */
	int (*finish)(struct cursor *tail, struct event *ev); /* NULL: nothing variable */
};

/* The bytes of a fixed text up to its NUL, or all of them where there is none. */
static struct span fixed_span(const char *s, size_t cap)
{
	return (struct span){s, strnlen(s, cap)};
}

/*
 * The kernel wrote the components of the working directory as it met them, from the innermost
 * outwards, each NUL-ended; a last one without NUL was cut and is left out.
 */
static struct span join_cwd(struct event *ev)
{
	const struct rec_exec *r = &ev->exec;
	size_t left = r->cwd_len < sizeof(r->cwd) ? r->cwd_len : sizeof(r->cwd);
	char *out = ev->cwd_buf;

	while (left && r->cwd[left - 1] != '\0')
		left--;
	if (r->flags & REC_EXEC_CWD_CUT) {
		if (!left)
			return (struct span){0};
		memcpy(out, "...", 3);
		out += 3;
	}
	while (left) {
		size_t end = --left; /* at the NUL */

		while (left && r->cwd[left - 1] != '\0')
			left--;
		*out++ = '/';
		memcpy(out, r->cwd + left, end - left);
		out += end - left;
	}
	if (out == ev->cwd_buf)
		*out++ = '/';
	return (struct span){ev->cwd_buf, out - ev->cwd_buf};
}

static int finish_exec(struct cursor *tail, struct event *ev)
{
	struct rec_exec *r = &ev->exec;

	ev->file = fixed_span(r->file, sizeof(r->file));
	if (ev->h.size >= sizeof(*r)) /* else 'cwd' is not part of it */
		ev->cwd = join_cwd(ev);
	ev->args = cursor_span(tail, r->args_kept);
	return tail->err;
}

struct span event_interpreter(const struct event *ev)
{
	const char *end = ev->args.len ? memchr(ev->args.data, '\0', ev->args.len) : NULL;

	if (!(ev->exec.flags & REC_EXEC_INTERPRETED) || !end)
		return (struct span){0};
	return (struct span){ev->args.data, (size_t)(end - ev->args.data)};
}

static int finish_exec_failed(struct cursor *tail, struct event *ev)
{
	(void)tail;
	ev->file = fixed_span(ev->exec_failed.file, sizeof(ev->exec_failed.file));
	ev->text = fixed_span(ev->exec_failed.interp, sizeof(ev->exec_failed.interp));
	return 0;
}

static int finish_cgroup(struct cursor *tail, struct event *ev)
{
	struct rec_cgroup *r = &ev->cgroup;

	(void)tail;
	ev->text =
		fixed_span(r->path, r->path_len < sizeof(r->path) ? r->path_len : sizeof(r->path));
	return 0;
}

static int finish_text(struct cursor *tail, struct event *ev)
{
	ev->name = cursor_span(tail, ev->fact.name_len);
	ev->text = cursor_span(tail, ev->fact.text_len);
	return tail->err;
}

static int finish_fact_proc(struct cursor *tail, struct event *ev)
{
	ev->file = cursor_span(tail, ev->fact_proc.exe_len);
	ev->cwd = cursor_span(tail, ev->fact_proc.cwd_len);
	ev->args = cursor_span(tail, ev->fact_proc.args_kept);
	return tail->err;
}

static int finish_thinned(struct cursor *tail, struct event *ev)
{
	ev->file = cursor_span(tail, ev->thinned.exe_len);
	return tail->err;
}

static int finish_host(struct cursor *tail, struct event *ev)
{
	ev->name = cursor_span(tail, ev->host.host_len);
	ev->release = cursor_span(tail, ev->host.release_len);
	ev->machine = cursor_span(tail, ev->host.machine_len);
	ev->zone = cursor_span(tail, ev->host.zone_len);
	ev->version = cursor_span(tail, ev->host.version_len);
	return tail->err;
}

static int finish_row(struct cursor *tail, struct event *ev)
{
	ev->file = cursor_span(tail, ev->row.exe_len);
	ev->args = cursor_span(tail, ev->row.args_len);
	ev->cwd = cursor_span(tail, ev->row.cwd_len);
	ev->name = cursor_span(tail, ev->row.hostname_len);
	ev->text = cursor_span(tail, tail->left);
	return tail->err;
}

static int finish_table(struct cursor *tail, struct event *ev)
{
	ev->text = cursor_span(tail, tail->left);
	return tail->err;
}

static const struct rec_kind rec_kinds[REC_TYPE_CNT] = {
	[REC_FORK] = {"fork", sizeof(struct rec_fork), NULL},
	[REC_EXEC] = {"exec", sizeof(struct rec_exec), finish_exec},
	[REC_EXIT] = {"exit", sizeof(struct rec_exit), NULL},
	[REC_ZOMBIE] = {"zombie", sizeof(struct rec_zombie), NULL},
	[REC_REAP] = {"reap", sizeof(struct rec_reap), NULL},
	[REC_FREE] = {"free", sizeof(struct rec_reap), NULL},
	[REC_WAIT] = {"wait", sizeof(struct rec_wait), NULL},
	[REC_SIGNAL] = {"signal", sizeof(struct rec_signal), NULL},
	[REC_DELIVER] = {"deliver", sizeof(struct rec_deliver), NULL},
	[REC_RENAME] = {"rename", sizeof(struct rec_rename), NULL},
	[REC_CGROUP] = {"cgroup", sizeof(struct rec_cgroup), finish_cgroup},
	[REC_MKCGROUP] = {"mkcgroup", sizeof(struct rec_cgroup), finish_cgroup},
	[REC_OOM] = {"oom", sizeof(struct rec_oom), NULL},
	[REC_OOM_ADJ] = {"oom_adj", sizeof(struct rec_oom), NULL},
	[REC_SEED] = {"seed", sizeof(struct rec_seed), NULL},
	[REC_SEED_END] = {"seed_end", sizeof(struct rec_seed_end), NULL},
	[REC_WAITED] = {"waited", sizeof(struct rec_waited), NULL},
	[REC_FORK_FAILED] = {"fork_failed", sizeof(struct rec_fork_failed), NULL},
	[REC_EXEC_FAILED] = {"exec_failed", sizeof(struct rec_exec_failed), finish_exec_failed},
	[REC_THINNED] = {"thinned", sizeof(struct rec_thinned), finish_thinned},
	[REC_HOST] = {"host", sizeof(struct rec_host), finish_host},
	[REC_TICK] = {"tick", sizeof(struct rec_tick), NULL},
	[REC_FACT_PROC] = {"fact_proc", sizeof(struct rec_fact_proc), finish_fact_proc},
	[REC_FACT_CGROUP] = {"fact_cgroup", sizeof(struct rec_text), finish_text},
	[REC_FACT_TEXT] = {"fact_text", sizeof(struct rec_text), finish_text},
	[REC_GAP] = {"gap", sizeof(struct rec_gap), NULL},
	[REC_ROW] = {"row", sizeof(struct rec_row), finish_row},
	[REC_TABLE] = {"table", sizeof(struct rec_table), finish_table},
};

const char *rec_type_name(unsigned type)
{
	return type < REC_TYPE_CNT ? rec_kinds[type].name : NULL;
}

bool rec_size_is_sane(uint32_t size)
{
	return size >= sizeof(struct rec_hdr) && size <= REC_SIZE_MAX && size % 8 == 0;
}

int event_decode(struct cursor *c, struct event *ret_ev)
{
	const struct rec_kind *kind;
	struct cursor tail;
	struct rec_hdr h;
	const uint8_t *p;
	size_t fixed;

	if (c->err)
		return c->err;
	if (c->left < sizeof(h)) {
		c->err = -EBADMSG;
		return -EBADMSG;
	}
	memcpy(&h, c->p, sizeof(h));
	if (!rec_size_is_sane(h.size) || h.size > c->left) {
		c->err = -EBADMSG; /* where the next one begins nobody knows */
		return -EBADMSG;
	}
	p = cursor_take(c, h.size);
	kind = h.type < REC_TYPE_CNT ? &rec_kinds[h.type] : NULL;
	if (!kind || !kind->name)
		return -ENOENT;

	fixed = kind->size < h.size ? kind->size : h.size;
	memcpy(ret_ev, p, fixed);
	memset((char *)ret_ev + fixed, 0, kind->size - fixed);
	ret_ev->file = ret_ev->args = ret_ev->cwd = ret_ev->name = ret_ev->text = (struct span){0};
	ret_ev->release = ret_ev->machine = ret_ev->zone = ret_ev->version = (struct span){0};
	if (!kind->finish)
		return 0;
	tail = cursor_of(p + fixed, h.size - fixed);
	return kind->finish(&tail, ret_ev);
}
