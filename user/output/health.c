// SPDX-License-Identifier: GPL-2.0-only
#include "output/health.h"

#include <inttypes.h>
#include <string.h>

#include "output/table.h"

#define INDENT 6 /* "NOW   ", " !!   " */

struct page {
	struct buf *out;
	const struct render *r;
	const struct health *h;
	struct buf text; /* one paragraph */
};

static size_t count_lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* heading, then p->text wrapped below itself -> to */
static void put_paragraph(struct page *p, struct buf *to, const char *heading)
{
	buf_printf(to, "%-*s", INDENT, heading);
	table_put_wrapped(to, &p->r->style, (struct span){buf_str(&p->text), p->text.len}, INDENT,
			  INDENT);
	buf_reset(&p->text);
}

static void put_comm(struct page *p, const struct proc *proc)
{
	text_put_safe(&p->text, proc_comm(proc), &p->r->style);
}

static void put_still(struct page *p, const struct finding *f)
{
	text_put_duration(&p->text, f->still_ns);
	if (f->estimated)
		buf_put_char(&p->text, '~');
}

/* ---- findings ------------------------------------------------------------------------------- */

static void put_fill(struct page *p, const struct finding *f)
{
	text_put_count(&p->text, f->cnt);
	buf_put_char(&p->text, '/');
	text_put_count(&p->text, f->limit);
}

static void say_cgroup_pids(struct page *p, const struct finding *f)
{
	struct span unit = cgroup_path_unit(f->name);

	text_put_safe(&p->text, unit.len ? unit : f->name, &p->r->style);
	buf_put_char(&p->text, ' ');
	put_fill(p, f);
	buf_put_str(&p->text, " pids (pids.max)");
	if (f->zombies) {
		buf_put_str(&p->text, ", ");
		text_put_count(&p->text, f->zombies);
		buf_put_str(&p->text, f->zombies == 1 ? " is a zombie" : " are zombies");
	}
}

static void say_pid_max(struct page *p, const struct finding *f)
{
	put_fill(p, f);
	buf_put_str(&p->text, " pids of the whole machine (kernel.pid_max)");
}

static void say_threads_max(struct page *p, const struct finding *f)
{
	put_fill(p, f);
	buf_put_str(&p->text, " threads of the whole machine (kernel.threads-max)");
}

static void put_like(struct page *p, const struct finding *f)
{
	put_comm(p, f->proc);
	if (f->cnt == 1) {
		buf_printf(&p->text, "[%u]", f->proc->key.tgid);
	} else {
		buf_put_str(&p->text, " x");
		text_put_count(&p->text, f->cnt);
	}
}

static void say_stuck(struct page *p, const struct finding *f)
{
	put_like(p, f);
	buf_put_str(&p->text, " in D");
	if (f->still_ns != HEALTH_UNKNOWN) {
		buf_put_str(&p->text, f->cnt == 1 ? " for " : ", longest ");
		put_still(p, f);
	}
	if (f->kill_pending && f->cnt == 1)
		buf_put_str(&p->text, "; SIGKILL pending");
	else if (f->kill_pending)
		buf_printf(&p->text, "; SIGKILL pending for %u", f->proc->key.tgid);
}

static void say_zombies(struct page *p, const struct finding *f)
{
	text_put_count(&p->text, f->cnt);
	buf_put_str(&p->text, f->cnt == 1 ? " zombie of " : " zombies of ");
	put_comm(p, f->proc);
	buf_printf(&p->text, "[%u]", f->proc->key.tgid);
	if (f->still_ns != HEALTH_UNKNOWN) {
		buf_put_str(&p->text, f->cnt == 1 ? ", dead for " : ", the oldest dead for ");
		put_still(p, f);
	}
	if (f->never_reaped)
		buf_put_str(&p->text, "; it has never reaped a child");
}

static void say_memory(struct page *p, const struct finding *f)
{
	buf_put_str(&p->text, "memory: ");
	text_put_bytes(&p->text, f->cnt * 1024);
	buf_put_str(&p->text, " of ");
	text_put_bytes(&p->text, f->limit * 1024);
	buf_put_str(&p->text, " available");
}

static void say_pressure(struct page *p, const struct finding *f)
{
	buf_put_span(&p->text, f->name);
	buf_printf(&p->text, " pressure: somebody waited for it %" PRIu64 "%% of the last 10s",
		   f->cnt);
}

static void say_load(struct page *p, const struct finding *f)
{
	buf_printf(&p->text, "load %" PRIu64 ".%" PRIu64 " on %" PRIu64 " CPUs", f->cnt / 100,
		   f->cnt / 10 % 10, f->limit);
}

static void say_stopped(struct page *p, const struct finding *f)
{
	put_like(p, f);
	buf_put_str(&p->text, " stopped (T)");
	if (f->still_ns == HEALTH_UNKNOWN)
		return;
	buf_put_str(&p->text, f->cnt == 1 ? " for " : ", longest ");
	put_still(p, f);
}

static void (*const says[FIND_KIND_CNT])(struct page *, const struct finding *) = {
	[FIND_CGROUP_PIDS] = say_cgroup_pids, [FIND_PID_MAX] = say_pid_max,
	[FIND_THREADS_MAX] = say_threads_max, [FIND_STUCK] = say_stuck,
	[FIND_ZOMBIES] = say_zombies,         [FIND_MEMORY] = say_memory,
	[FIND_PRESSURE] = say_pressure,       [FIND_LOAD] = say_load,
	[FIND_STOPPED] = say_stopped,
};

static const char *const marks[] =
	{[HEALTH_NOTE] = " .", [HEALTH_WARN] = " !", [HEALTH_ALARM] = " !!"};

/* As many as 'room' lines take; the rest is counted. */
static void put_findings(struct page *p, size_t room)
{
	const struct health *h = p->h;
	struct buf one = {0};
	size_t n;

	for (n = 0; n < h->finding_cnt; n++) {
		const struct finding *f = &h->findings[n];
		size_t lines;

		buf_reset(&one);
		says[f->kind](p, f);
		put_paragraph(p, &one, marks[f->weight]);
		lines = count_lines(&one);
		/* the last line is kept for the count, unless nothing is left to count */
		if (lines > room || (lines == room && n + 1 < h->finding_cnt))
			break;
		buf_put(p->out, one.data, one.len);
		room -= lines;
	}
	if (n < h->finding_cnt) {
		buf_printf(&p->text, "and %zu more: proctrail --json", h->finding_cnt - n);
		put_paragraph(p, p->out, " ");
	} else if (!n) {
		buf_put_str(&p->text, "nothing stands out");
		put_paragraph(p, p->out, marks[HEALTH_NOTE]);
	}
	buf_release(&one);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void put_host(struct page *p, const struct health_view *v)
{
	const struct host_info *host = proc_table_host(p->r->table);
	struct buf left = {0}, right = {0};

	if (v->recording) {
		buf_put_str(&p->text, "from ");
		text_put_safe(&p->text, span_of(v->recording), &p->r->style);
		buf_put_str(&p->text, ", as it was then: who was in D or running is not recorded");
		table_put_wrapped(p->out, &p->r->style,
				  (struct span){buf_str(&p->text), p->text.len}, 0, 2);
		buf_reset(&p->text);
	}
	if (v->from_proc)
		buf_put_str(p->out, "from /proc, nothing is traced: how long in D or Z unknown\n");
	text_put_safe(&left, span_of(host->host), &p->r->style);
	buf_put_str(&left, "  Linux ");
	text_put_safe(&left, span_of(host->release), &p->r->style);
	buf_printf(&left, "  %u CPU%s", host->cpus, host->cpus == 1 ? "" : "s");
	if (p->h->load_centi[0] != HEALTH_UNKNOWN)
		buf_printf(&left, ", load %" PRIu64 ".%" PRIu64, p->h->load_centi[0] / 100,
			   p->h->load_centi[0] / 10 % 10);
	buf_put_str(&left, "  up ");
	text_put_duration(&left, p->h->uptime_ns);
	clock_put_date(&right, proc_table_clock(p->r->table), host->now_ns);
	table_put_sides(p->out, &p->r->style, (struct span){buf_str(&left), left.len},
			(struct span){buf_str(&right), right.len});
	buf_release(&left);
	buf_release(&right);
}

static void put_census(struct page *p)
{
	const struct health *h = p->h;
	const struct {
		uint64_t cnt;
		const char *letter;
	} states[] = {
		{h->running, "R"}, {h->stuck, "D"},   {h->stopped, "T"},
		{h->traced, "t"},  {h->zombies, "Z"}, {h->dying, "dying"},
	};
	const char *sep = ": ";

	text_put_count(&p->text, h->processes);
	buf_put_str(&p->text, h->processes == 1 ? " process, " : " processes, ");
	text_put_count(&p->text, h->tasks);
	buf_put_str(&p->text, " tasks");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (!states[i].cnt || states[i].cnt == HEALTH_UNKNOWN)
			continue;
		buf_put_str(&p->text, sep);
		text_put_count(&p->text, states[i].cnt);
		buf_printf(&p->text, " %s", states[i].letter);
		sep = ", ";
	}
	if (h->running != HEALTH_UNKNOWN)
		buf_put_str(&p->text, *sep == ':' ? ": all sleep" : "; the others sleep");
	put_paragraph(p, p->out, "NOW");
}

static void put_log(struct page *p, const struct health_log *log, const char *one, const char *many)
{
	text_put_count(&p->text, log->cnt);
	buf_printf(&p->text, " %s", log->cnt == 1 ? one : many);
	if (!log->cnt)
		return;
	buf_put_str(&p->text, log->cnt == 1 ? " at about " : ", the last at about ");
	clock_put_time(&p->text, proc_table_clock(p->r->table), log->last_ns, 0);
	buf_put_str(&p->text, " (");
	text_put_safe(&p->text, log->comm, &p->r->style);
	buf_printf(&p->text, "[%u])", log->pid);
}

static void put_recorded(struct page *p, const struct health_view *v)
{
	struct wall_clock clock = *proc_table_clock(p->r->table);

	clock.offset_ns = 0; /* these are wall times */
	buf_put_str(&p->text, "recorded since ");
	clock_put_date(&p->text, &clock, v->recorded_ns);
	if (v->recorded_until_ns) {
		buf_put_str(&p->text, " until ");
		clock_put_date(&p->text, &clock, v->recorded_until_ns);
	}
	buf_put_str(&p->text, "; ask: proctrail trace --from -10m | tree --at TIME");
}

static void put_past(struct page *p, struct buf *to, const struct health_view *v)
{
	const struct host_info *host = proc_table_host(p->r->table);

	if (v->recorded_ns) {
		put_recorded(p, v);
	} else {
		buf_put_str(&p->text, "no recorder: what died before ");
		clock_put_time(&p->text, proc_table_clock(p->r->table), host->now_ns, 0);
		buf_put_str(&p->text, " is not known to proctrail");
	}
	put_paragraph(p, to, "PAST");
	buf_put_str(&p->text, "kernel log: ");
	if (!p->h->log_known) {
		buf_put_str(&p->text, "not readable here");
	} else {
		put_log(p, &p->h->oom, "OOM kill", "OOM kills");
		buf_put_str(&p->text, ", ");
		put_log(p, &p->h->crash, "crash", "crashes");
		if (p->h->hung.cnt) {
			buf_put_str(&p->text, ", ");
			put_log(p, &p->h->hung, "hung task", "hung tasks");
		}
	}
	put_paragraph(p, to, "");
}

static bool has_kind(const struct health *h, enum finding_kind kind)
{
	for (size_t i = 0; i < h->finding_cnt; i++)
		if (h->findings[i].kind == kind)
			return true;
	return false;
}

static void put_asked(struct page *p, const char *what, const char *recording)
{
	buf_put_str(&p->text, what);
	if (*recording) {
		buf_put_str(&p->text, " -r ");
		text_put_safe(&p->text, span_of(recording), &p->r->style);
	}
}

/* Of a recording more can be asked at any moment of it. */
static void put_next_of(struct page *p, struct buf *to, const char *recording)
{
	if (has_kind(p->h, FIND_ZOMBIES)) {
		put_asked(p, "proctrail zombies", recording);
		put_asked(p, " | tree", recording);
	} else {
		put_asked(p, "proctrail tree", recording);
	}
	buf_put_str(&p->text, " [--at TIME]");
	put_asked(p, " | deaths", recording);
	put_asked(p, " | trace", recording);
	buf_put_str(&p->text, " --from -10m");
	put_asked(p, " | info", recording);
	put_paragraph(p, to, "NEXT");
}

/* Only commands that exist, those that look at what was found first. */
static void put_next(struct page *p, struct buf *to, const struct health_view *v)
{
	buf_put_str(&p->text, "proctrail ");
	if (has_kind(p->h, FIND_ZOMBIES))
		buf_put_str(&p->text, "zombies | ");
	if (has_kind(p->h, FIND_STUCK))
		buf_put_str(&p->text, v->from_proc ? "tree --state D | " : "why --stuck | ");
	if (has_kind(p->h, FIND_STOPPED))
		buf_put_str(&p->text, "tree --state T | ");
	buf_put_str(&p->text, "tree | deaths | spawns | trace | doctor | help");
	put_paragraph(p, to, "NEXT");
	if (v->from_proc) {
		buf_put_str(&p->text, "the whole answer:  sudo proctrail");
		put_paragraph(p, to, "");
	}
	if (!v->recorded_ns || v->recorded_until_ns) {
		buf_put_str(&p->text, "keep a record from now on:  sudo proctrail record");
		put_paragraph(p, to, "");
	}
}

void health_put_text(struct buf *b, const struct render *r, const struct health_view *v)
{
	struct page p = {.out = b, .r = r, .h = v->health};
	struct buf head = {0}, tail = {0};
	size_t used;

	p.out = &head;
	put_host(&p, v);
	put_census(&p);
	if (v->recording) {
		put_next_of(&p, &tail, v->recording);
	} else {
		put_past(&p, &tail, v);
		put_next(&p, &tail, v);
	}
	used = count_lines(&head) + count_lines(&tail);
	buf_put(b, head.data, head.len);
	p.out = b;
	put_findings(&p, used < HEALTH_LINES ? HEALTH_LINES - used : 1);
	buf_put(b, tail.data, tail.len);
	buf_release(&head);
	buf_release(&tail);
	buf_release(&p.text);
}
