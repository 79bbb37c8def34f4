// SPDX-License-Identifier: GPL-2.0-only
/* The first and the last word of a stream. */
#include <string.h>

#include "output/render.h"
#include "output/table.h"

#define SCHEMA 1

static const struct {
	uint32_t bit;
	const char *name;
} hooks[] = {
	{REC_HOOK_NOTIFY, "notify"},
	{REC_HOOK_RELEASE_FENTRY, "release_fentry"},
	{REC_HOOK_RELEASE_KPROBE, "release_kprobe"},
	{REC_HOOK_PREPARE_EXEC, "prepare_exec"},
	{REC_HOOK_PT_REGS, "pt_regs"},
	{REC_HOOK_OOM, "oom"},
	{REC_HOOK_CGROUP, "cgroup"},
	{REC_HOOK_WAIT_RETURN, "wait_return"},
	{REC_HOOK_FORK_TIME, "fork_time"},
	{REC_HOOK_FORK_SYSCALL, "fork_syscall"},
	{REC_HOOK_FORK_FAILED, "fork_failed"},
	{REC_HOOK_EXEC_FAILED, "exec_failed"},
	{REC_HOOK_EXEC_SYSCALL, "exec_syscall"},
	{REC_HOOK_NONE, "none"},
};

_Static_assert(sizeof(hooks) / sizeof(hooks[0]) <= RENDER_HOOKS_MAX, "all may be live");

size_t render_hook_names(uint32_t bits, const char *ret_words[RENDER_HOOKS_MAX])
{
	size_t cnt = 0;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		if (bits & hooks[i].bit)
			ret_words[cnt++] = hooks[i].name;
	}
	return cnt;
}

static void put_known(struct json *j, const char *name, const char *text)
{
	if (text && text[0])
		json_str(j, name, span_of(text));
}

void render_start(struct buf *b, const struct render *r, const char *source_name)
{
	const struct host_info *h = proc_table_host(r->table);
	const struct wall_clock *clock = proc_table_clock(r->table);
	const char *words[RENDER_HOOKS_MAX];
	size_t cnt = render_hook_names(h->hooks, words);
	struct json j;

	json_begin(&j, b, "start");
	json_u64(&j, "schema", SCHEMA);
	put_known(&j, "host", h->host);
	put_known(&j, "boot_id", h->boot_id);
	json_str(&j, "tz", span_of(clock_zone(clock)));
	put_known(&j, "kernel", h->release);
	put_known(&j, "source", source_name);
	json_list(&j, "hooks", words, cnt);
	json_raw_str(&j, "ts");
	clock_put_rfc3339(b, clock, h->start_ns);
	buf_put_char(b, '"');
	json_u64(&j, "boot_ns", h->start_ns);
	json_i64(&j, "utc_offset_s", clock->gmtoff_s);
	put_known(&j, "machine", h->machine);
	put_known(&j, "version", h->version);
	if (h->cpus)
		json_u64(&j, "cpus", h->cpus);
	if (h->mem_kb)
		json_u64(&j, "mem_kb", h->mem_kb);
	json_bool(&j, "scoped", h->scoped);
	json_bool(&j, "threads", h->threads);
	json_end(&j);
}

void render_summary(struct buf *b, const struct render *r, bool complete)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	const struct host_info *h = proc_table_host(r->table);
	struct json j;

	json_begin(&j, b, "summary");
	json_u64(&j, "events", n->events);
	json_u64(&j, "lost", n->lost);
	json_u64(&j, "healed", n->healed);
	json_bool(&j, "complete", complete);
	json_u64(&j, "missed", n->missed);
	json_u64(&j, "evicted", n->evicted);
	if (r->dropped)
		json_u64(&j, "dropped", r->dropped);
	if (n->attempted) {
		json_u64(&j, "attempted", n->attempted);
		json_u64(&j, "delivered", n->delivered);
	}
	json_u64(&j, "forks", n->forks);
	json_u64(&j, "execs", n->execs);
	json_u64(&j, "deaths", n->deaths);
	json_u64(&j, "killed", n->killed);
	json_u64(&j, "reaps", n->reaps);
	if (n->thinned)
		json_u64(&j, "thinned", n->thinned);
	json_u64(&j, "zombies", n->zombies_now);
	if (h->now_ns >= h->start_ns)
		json_u64(&j, "watched_ns", h->now_ns - h->start_ns);
	json_end(&j);
}

static void put_amount(struct buf *b, uint64_t n, const char *word)
{
	text_put_count(b, n);
	buf_put_char(b, ' ');
	buf_put_str(b, word);
	if (n != 1)
		buf_put_char(b, 's');
}

/* Everybody who was there: those who died, and those who still live. */
static uint64_t count_subjects(const struct render *r)
{
	uint64_t cnt = proc_table_counts(r->table)->deaths;
	const struct proc *p;

	for (size_t i = 0; (p = proc_table_next(r->table, &i));)
		cnt += proc_is_alive(p) && !(p->flags & PROC_GHOST);
	return cnt;
}

void render_put_losses(struct buf *b, const struct render *r)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	uint64_t lost = n->lost + n->missed;

	if (!lost) {
		buf_put_str(b, "none lost");
		if (n->healed) { /* of an end, or of the signal that was its cause, no word came and none was counted */
			buf_put_str(b, ", ");
			put_amount(b, n->healed, "row");
			buf_put_str(b, " put right");
		}
	} else {
		text_put_count(b, lost);
		buf_put_str(b, " lost: counts are lower bounds, ");
		put_amount(b, n->healed, "row");
		buf_put_str(b, " put right");
	}
	if (n->thinned) {
		buf_put_str(b, "; ");
		put_amount(b, n->thinned, "birth");
		buf_put_str(b, " thinned to numbers");
	}
	if (r->dropped) {
		buf_put_str(b, "; ");
		put_amount(b, r->dropped, "line");
		buf_put_str(b, " dropped: the output was not taken");
	}
}

void render_incomplete(struct buf *b, const struct render *r)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	struct buf line = {0};

	buf_put_str(&line, "incomplete: ");
	render_put_losses(&line, r);
	if (n->evicted) {
		buf_put_str(&line, "; ");
		put_amount(&line, n->evicted, "row");
		buf_put_str(&line, " forgotten for lack of room (--max-procs)");
	}
	if (n->malformed) {
		buf_put_str(&line, "; ");
		put_amount(&line, n->malformed, "record");
		buf_put_str(&line, " could not be read");
	}
	if (proc_table_uncertain_since(r->table))
		buf_put_str(&line, "; not yet put right");
	table_put_wrapped(b, &r->style, (struct span){line.data, line.len}, 0, 2);
	buf_release(&line);
}

void render_trace_summary(struct buf *b, const struct render *r)
{
	const struct proc_counts *n = proc_table_counts(r->table);
	struct buf line = {0};

	/* in a scope everybody there was is the subject; on a whole machine, who was born */
	if (proc_table_host(r->table)->scoped) {
		uint64_t subjects = count_subjects(r);

		text_put_count(&line, subjects);
		buf_put_str(&line, subjects == 1 ? " process" : " processes");
	} else {
		put_amount(&line, n->forks, "fork");
	}
	buf_put_str(&line, ", ");
	put_amount(&line, n->execs, "exec");
	buf_put_str(&line, ", ");
	put_amount(&line, n->deaths, "death");
	if (n->killed) {
		buf_put_str(&line, " (");
		text_put_count(&line, n->killed);
		buf_put_str(&line, " killed)");
	}
	buf_put_str(&line, "; ");
	put_amount(&line, n->events, "event");
	buf_put_str(&line, ", ");
	render_put_losses(&line, r);
	table_put_wrapped(b, &r->style, (struct span){line.data, line.len}, 0, 2);
	if (line.err)
		b->err = line.err;
	buf_release(&line);
}
