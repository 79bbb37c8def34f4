// SPDX-License-Identifier: GPL-2.0-only
/* Adoption, signals, OOM, loss, healing, facts. */
#include "output/fields_put.h"

GET(old_ppid)
{
	return c->from && put_u64(ret, c->from->key.tgid) && ret->u;
}

static bool sender_known(const struct change *c)
{
	return ev_is(c, REC_SIGNAL) && c->ev->signal.sender.tgid;
}

GET(sender_pid)
{
	return sender_known(c) && put_u64(ret, c->ev->signal.sender.tgid);
}

GET(sender_comm)
{
	return sender_known(c) && put_str(ret, comm_span(c->ev->signal.sender_comm));
}

GET(code)
{
	if (!ev_is(c, REC_SIGNAL))
		return false;
	ret->type = VALUE_I64;
	ret->i = c->ev->signal.code;
	return true;
}

GET(result)
{
	/* TRACE_SIGNAL_* of <trace/events/signal.h> */
	static const char *const names[] = {"delivered", "ignored", "already_pending",
					    "overflow_fail", "lose_info"};

	return ev_is(c, REC_SIGNAL) && c->ev->signal.result < sizeof(names) / sizeof(names[0]) &&
	       put_word(ret, names[c->ev->signal.result]);
}

GET(disposition)
{
	if (!ev_is(c, REC_SIGNAL))
		return false;
	switch (c->ev->signal.disposition) {
	case REC_SIG_DFL: return put_word(ret, "default");
	case REC_SIG_IGN: return put_word(ret, "ignore");
	case REC_SIG_HANDLER: return put_word(ret, "handler");
	}
	return false;
}

GET(repeat)
{
	if (ev_is(c, REC_FORK_FAILED))
		return put_u64(ret, c->ev->fork_failed.repeat) && ret->u;
	if (ev_is(c, REC_EXEC_FAILED))
		return put_u64(ret, c->ev->exec_failed.repeat) && ret->u;
	return ev_is(c, REC_SIGNAL) && put_u64(ret, c->ev->signal.repeat);
}

GET(trigger_pid)
{
	return ev_is(c, REC_OOM) && put_u64(ret, c->ev->oom.actor.tgid) && ret->u;
}

GET(trigger_comm)
{
	return ev_is(c, REC_OOM) && put_str(ret, comm_span(c->ev->oom.actor_comm));
}

GET(rss_kb)
{
	return ev_is(c, REC_OOM) && put_kb(ret, c->ev->oom.rss_kb);
}

GET(oom_score_adj)
{
	if (!ev_is(c, REC_OOM))
		return false;
	ret->type = VALUE_I64;
	ret->i = c->ev->oom.adj;
	return true;
}

GET(sender)
{
	return sender_known(c) && put_label(ret, rec_proc_key(&c->ev->signal.sender),
					    comm_span(c->ev->signal.sender_comm));
}

GET(old_parent)
{
	return put_proc_label(ret, c->from);
}

GET(trigger)
{
	return ev_is(c, REC_OOM) &&
	       put_label(ret, rec_proc_key(&c->ev->oom.actor), comm_span(c->ev->oom.actor_comm));
}

/* ---- loss, healing, facts ----------------------------------------------------------------- */

GET(count)
{
	return put_u64(ret, c->cnt);
}

GET(from_boot_ns)
{
	return put_u64(ret, c->from_ns) && c->from_ns;
}

GET(reason)
{
	switch (c->reason) {
	case REC_GAP_DISK: return put_word(ret, "disk");
	case REC_GAP_OUTPUT: return put_word(ret, "output");
	case REC_GAP_RING: return put_word(ret, "ring");
	case REC_GAP_MISSED: return put_word(ret, "missed");
	case REC_GAP_SCOPE: return put_word(ret, "scope");
	case REC_GAP_DAMAGED: return put_word(ret, "damaged");
	case REC_GAP_UNWATCHED: return put_word(ret, "unwatched");
	case REC_GAP_ROTATED: return put_word(ret, "rotated");
	}
	return false;
}

GET(cpu)
{
	return put_u64(ret, c->cpu) && c->cpu != 0xffff;
}

GET(record)
{
	return ev_is(c, REC_GAP) && put_word(ret, rec_type_name(c->ev->gap.rec_type));
}

/* ---- what was thinned --------------------------------------------------------------------- */

GET(births)
{
	return ev_is(c, REC_THINNED) && put_u64(ret, c->ev->thinned.births) && ret->u;
}

GET(deaths)
{
	return ev_is(c, REC_THINNED) && put_u64(ret, c->ev->thinned.deaths) && ret->u;
}

GET(reaps)
{
	return ev_is(c, REC_THINNED) && put_u64(ret, c->ev->thinned.reaps) && ret->u;
}

GET(image)
{
	return ev_is(c, REC_THINNED) && put_str(ret, comm_span(c->ev->thinned.comm));
}

GET(image_exe)
{
	return ev_is(c, REC_THINNED) && put_str(ret, c->ev->file);
}

GET(root_pid)
{
	return ev_is(c, REC_THINNED) && put_u64(ret, c->ev->thinned.root.tgid) && ret->u;
}

GET(records)
{
	return ev_is(c, REC_THINNED) && put_u64(ret, c->ev->thinned.records) && ret->u;
}

GET(name)
{
	return ev_is(c, REC_FACT_TEXT) && put_str(ret, c->ev->name);
}

GET(text)
{
	if (!ev_is(c, REC_FACT_TEXT))
		return false;
	put_str(ret, c->ev->text);
	return true; /* an empty file is a fact */
}

GET(cgroup_id)
{
	return ev_is(c, REC_FACT_CGROUP) && put_u64(ret, c->ev->fact.id);
}

/* What /proc did not say, and why */
GET(not_told)
{
	unsigned flags;

	if (!ev_is(c, REC_FACT_PROC))
		return false;
	flags = c->ev->fact_proc.flags;
	ret->type = VALUE_WORDS;
	ret->words.cnt = 0;
	if (flags & REC_FACT_HUNG)
		ret->words.word[ret->words.cnt++] = "hung";
	if (flags & REC_FACT_DENIED)
		ret->words.word[ret->words.cnt++] = "denied";
	if (flags & REC_FACT_GONE)
		ret->words.word[ret->words.cnt++] = "gone";
	return ret->words.cnt > 0;
}

GET(uncertain_ns)
{
	return c->from_ns && c->boot_ns > c->from_ns && put_ns(ret, c->boot_ns - c->from_ns);
}
