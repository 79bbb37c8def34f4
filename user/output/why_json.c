// SPDX-License-Identifier: GPL-2.0-only
#include "output/why.h"

#include <stdio.h>
#include <string.h>

#include "output/deaths_int.h"

static struct span comm_of(const char comm[REC_COMM_LEN])
{
	return (struct span){comm, strnlen(comm, REC_COMM_LEN)};
}

/* NAME_pid, NAME_comm, as far as they are known */
static void put_who(struct json *j, const char *name, const struct death_who *who)
{
	char key[40];

	if (!who->key.tgid)
		return;
	snprintf(key, sizeof(key), "%s_pid", name);
	json_u64(j, key, who->key.tgid);
	snprintf(key, sizeof(key), "%s_comm", name);
	if (who->comm[0])
		json_str(j, key, comm_of(who->comm));
}

static void put_known(struct json *j, const char *name, const char *value)
{
	if (value[0])
		json_str(j, name, span_of(value));
}

static void put_life(struct json *j, const struct why_life *l)
{
	put_who(j, "born_of", &l->born_of);
	put_who(j, "parent", &l->parent);
	if (l->how != HOW_UNKNOWN)
		json_str(j, "how", span_of(spawn_how_name(l->how)));
	if (l->spawn_ns)
		json_u64(j, "spawn_ns", l->spawn_ns);
	if (l->images)
		json_str(j, "exe", span_of(l->image[(l->images - 1) % WHY_IMAGES].exe));
	if (l->args_len)
		json_args(j, "args", (struct span){l->args, l->args_len});
	json_u64(j, "uid", l->uid);
	put_known(j, "unit", l->unit);
	json_u64(j, "images", l->images);
	json_u64(j, "signals", l->signals);
	json_u64(j, "children_born", l->born);
	json_u64(j, "children_died", l->died);
	json_u64(j, "children_reaped", l->reaped);
	if (l->asked != ASK_NONE)
		json_str(j, "asked_fate", span_of(ask_fate_name(l->asked)));
}

static void put_end(struct json *j, const struct why_life *l)
{
	const struct death *d = &l->death;

	if (d->died_ns)
		json_u64(j, "died_boot_ns", d->died_ns);
	json_str(j, "cause", span_of(death_cause_name(d->cause)));
	if (death_code_of(d) >= 0)
		json_u64(j, "exit_code", (uint64_t)death_code_of(d));
	if (death_signal_of(d)) {
		json_u64(j, "signal", (uint64_t)death_signal_of(d));
		json_bool(j, "core_dumped", d->core_dumped);
	}
	put_who(j, "killer", &d->killer);
	if (d->lived_ns)
		json_u64(j, "lived_ns", d->lived_ns);
	if (l->zombie_at_ns && l->zombie_at_ns > d->died_ns)
		json_u64(j, "teardown_ns", l->zombie_at_ns - d->died_ns);
	if (l->zombie_at_ns && l->gone_ns >= l->zombie_at_ns && !l->autoreaped) {
		json_u64(j, "zombie_ns", l->gone_ns - l->zombie_at_ns);
		json_u64(j, "zombie_err_ns", l->zombie_err_ns);
	}
	put_who(j, "reaper", &l->reaper);
}

static void put_thread(struct json *j, const struct why *w)
{
	const struct stuck_thread *t = w->thread;
	const char *frames[STUCK_FRAMES];
	size_t depth = 0;

	if (!t)
		return;
	json_u64(j, "thread_tid", t->tid);
	if (t->state)
		json_str(j, "thread_state", (struct span){&t->state, 1});
	if (w->still_ns != REC_STILL_NONE)
		json_u64(j, "thread_still_ns", w->still_ns);
	if (t->call_nr >= 0)
		json_i64(j, "syscall_nr", t->call_nr);
	if (t->call_name)
		json_str(j, "syscall", span_of(t->call_name));
	put_known(j, "wchan", t->wchan);
	for (; depth < STUCK_FRAMES && t->stack[depth][0]; depth++)
		frames[depth] = t->stack[depth];
	if (depth)
		json_list(j, "stack", frames, depth);
}

static void put_file(struct json *j, const struct stuck_file *f)
{
	if (f->fd < 0)
		return;
	json_i64(j, "fd", f->fd);
	put_known(j, "path", f->path);
	put_known(j, "mount", f->mount);
	put_known(j, "fs", f->fs);
	put_known(j, "device", f->device);
	put_known(j, "remote", f->remote);
}

static void put_now(struct json *j, const struct render *r, const struct why *w)
{
	struct buf so = {0};

	json_u64(j, "threads", w->stuck->thread_cnt);
	put_thread(j, w);
	put_file(j, &w->file);
	if (w->on_pid)
		json_u64(j, "on_pid", w->on_pid);
	if (w->on)
		json_str(j, "on_comm", proc_comm(w->on));
	if (w->others)
		json_u64(j, "others", w->others);
	if (w->stuck->tracer)
		json_u64(j, "tracer_pid", w->stuck->tracer);
	json_bool(j, "kill_pending", w->killed);
	json_bool(j, "term_pending", w->term_pending);
	json_bool(j, "term_blocked", w->term_blocked);
	json_bool(j, "term_ignored", w->term_ignored);
	json_bool(j, "term_caught", w->term_caught);
	json_bool(j, "pidns_init", w->is_init);
	json_u64(j, "children", w->children);
	json_u64(j, "zombies", w->zombies);
	json_bool(j, "hung", w->stuck->hung);
	json_bool(j, "denied", w->stuck->denied);
	why_put_advice(&so, r, w);
	if (so.len)
		json_str(j, "so", (struct span){so.data, so.len});
	buf_release(&so);
}

void why_put_json(struct buf *b, const struct render *r, const struct why_view *v)
{
	const struct why_life *l = v->life;
	const struct value id = {.type = VALUE_ID, .key = l->who.key};
	struct json j;

	json_begin(&j, b, "why");
	value_put_json(&j, "id", r, &id);
	json_u64(&j, "pid", l->who.key.tgid);
	json_u64(&j, "start_ns", l->who.key.start_ns);
	if (l->who.comm[0])
		json_str(&j, "comm", comm_of(l->who.comm));
	if (v->links)
		json_str(&j, "verdict", span_of(why_verdict_name(v->chain[0]->verdict)));
	else
		json_str(&j, "verdict", span_of(l->dead ? "dead" : "unknown"));
	put_life(&j, l);
	if (v->links)
		put_now(&j, r, v->chain[0]);
	if (l->dead)
		put_end(&j, l);
	if (v->links > 1) {
		const struct why *leaf = v->chain[v->links - 1];

		json_u64(&j, "leaf_pid", leaf->p->key.tgid);
		json_str(&j, "leaf_comm", proc_comm(leaf->p));
		json_str(&j, "leaf_verdict", span_of(why_verdict_name(leaf->verdict)));
	}
	if (v->recorded_ns)
		json_u64(&j, "recorded_since_boot_ns", v->recorded_ns);
	json_end(&j);
}
