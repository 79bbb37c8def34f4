// SPDX-License-Identifier: GPL-2.0-only
#include "output/spawns_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/spawns_findings.h"
#include "output/table.h"

#define HOW_WIDTH     11
#define FIGURES_WIDTH 46 /* all columns of figures, with a blank before each */
#define NAMES_MIN     20
#define NAMES_MAX     64
#define PROGRAM_MIN   8
#define HIST_WIDTH    40
#define OCTAVES       64

struct page {
	struct buf *out;
	const struct render *r;
	const struct spawns_view *v;
	struct buf text;
	size_t who, program; /* widths; who 0: nobody is told */
};

static struct span text_of(struct page *p)
{
	return (struct span){buf_str(&p->text), p->text.len};
}

void spawns_put_counted(struct buf *b, uint64_t n, const char *one, const char *many)
{
	text_put_count(b, n);
	buf_put_char(b, ' ');
	buf_put_str(b, n == 1 ? one : many);
}

/* ---- the first line ---------------------------------------------------------------------------- */

static void put_head(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	const struct render *r = p->r;
	struct buf right = {0};
	uint64_t sec10 = p->v->span_ns / (NS_PER_SEC / 10);
	uint64_t failed = exec_fails_watched(proc_table_host(r->table)->hooks) ? s->execs.failed :
										 s->failed;

	spawns_put_counted(&p->text, s->spawns, "spawn", "spawns");
	if (p->v->span_ns) {
		buf_put_str(&p->text, " in ");
		text_put_duration(&p->text, p->v->span_ns);
	}
	if (s->spawns && sec10 >= 10) {
		buf_put_str(&p->text, " (");
		text_put_count(&p->text, s->spawns * 10 / sec10);
		buf_put_str(&p->text, "/s)");
	}
	if (s->workers) {
		buf_put_str(&p->text, ", ");
		spawns_put_counted(&p->text, s->workers, "worker", "workers");
	}
	if (failed) {
		buf_put_str(&p->text, ", ");
		text_put_count(&p->text, failed);
		buf_put_str(&p->text, " failed");
	}
	clock_put_time(&right, proc_table_clock(r->table), proc_table_host(r->table)->now_ns, 0);
	buf_printf(&right, " %s, ", clock_zone(proc_table_clock(r->table)));
	if (p->v->from) {
		buf_put_str(&right, "from ");
		text_put_safe(&right, span_of(p->v->from), &r->style);
		buf_put_str(&right, ", ");
	}
	buf_put_str(&right, p->v->complete ? "complete" : "INCOMPLETE");
	table_put_sides(p->out, &r->style, text_of(p), (struct span){buf_str(&right), right.len});
	buf_reset(&p->text);
	buf_release(&right);
}

/* ---- the table --------------------------------------------------------------------------------- */

/* "python3[422]", "make x120", "mail.service"; a number is never cut, but the name before it is. */
static void put_who(struct buf *b, const struct page *p, const struct spawn_group *g, size_t width)
{
	char number[16] = "";
	size_t len;

	if (p->v->spawns->by == SPAWNS_BY_PARENT && g->parent.tgid)
		snprintf(number, sizeof(number), "[%u]", g->parent.tgid);
	else if (p->v->spawns->by == SPAWNS_BY_PARENT)
		snprintf(number, sizeof(number), " x%u", g->parents);
	len = strlen(number);
	text_put_cut(b, span_of(g->who[0] ? g->who : "?"), width > len + 4 ? width - len : 4, false,
		     &p->r->style);
	buf_put_str(b, number);
}

static void put_cell(struct page *p, size_t width)
{
	size_t before = p->out->len, took;

	text_put_cut(p->out, text_of(p), width, false, &p->r->style);
	took = text_width((struct span){p->out->data + before, p->out->len - before});
	buf_pad(p->out, took < width ? width - took : 0, ' ');
	buf_put_char(p->out, ' ');
	buf_reset(&p->text);
}

/* A figure with its unit; '-': it is not known. */
static void put_ns(struct page *p, int width, bool known, uint64_t ns)
{
	if (known)
		text_put_duration(&p->text, ns);
	else
		buf_put_char(&p->text, '-');
	buf_printf(p->out, " %*s", width, buf_str(&p->text));
	buf_reset(&p->text);
}

static void put_share(struct page *p, int width, uint64_t part, uint64_t all)
{
	if (all)
		buf_printf(&p->text, "%.0f%%", 100.0 * (double)part / (double)all);
	else
		buf_put_char(&p->text, '-');
	buf_printf(p->out, " %*s", width, buf_str(&p->text));
	buf_reset(&p->text);
}

static double cpus_of(uint64_t cpu_ns, uint64_t span_ns)
{
	return span_ns ? (double)cpu_ns / (double)span_ns : 0;
}

static void put_row(struct page *p, const struct spawn_group *g)
{
	bool timed = g->total_ns.cnt != 0;

	buf_printf(p->out, "%-*s ", HOW_WIDTH, g->container ? "container" : spawn_how_name(g->how));
	if (p->who) {
		put_who(&p->text, p, g, p->who);
		put_cell(p, p->who);
	}
	text_put_safe(&p->text, span_of(g->worker ? "(no program)" : g->program), &p->r->style);
	put_cell(p, p->program);
	p->out->len--; /* each figure brings its blank */
	buf_printf(p->out, " %5" PRIu64, g->cnt);
	put_ns(p, 5, timed, hist_percentile(&g->total_ns, 500));
	put_ns(p, 5, timed, hist_percentile(&g->total_ns, 990));
	put_ns(p, 5, timed, g->total_ns.sum);
	put_share(p, 5, g->queued_ns, g->split_ns);
	put_share(p, 5, g->blocked_ns, g->split_ns);
	put_share(p, 4, g->running_ns, g->split_ns);
	buf_printf(p->out, " %4.1f\n", cpus_of(g->cpu_ns, p->v->span_ns));
}

/* The names share what the figures leave: each as much as it needs, if there is enough. */
static void fit_columns(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	size_t width = (size_t)p->r->style.columns, names, who = 6, program = 12;

	for (size_t i = 0; i < s->cnt && i < p->v->rows; i++) {
		size_t n;

		put_who(&p->text, p, &s->v[i], NAMES_MAX);
		n = text_width(text_of(p));
		who = n > who ? n : who;
		buf_reset(&p->text);
		n = text_width(span_of(s->v[i].program));
		program = n > program ? n : program;
	}
	names = width > HOW_WIDTH + FIGURES_WIDTH + NAMES_MIN ?
			width - HOW_WIDTH - FIGURES_WIDTH - 2 :
			NAMES_MIN;
	if (p->r->style.wide || names > NAMES_MAX)
		names = NAMES_MAX;
	if (s->by == SPAWNS_BY_PROGRAM) {
		p->program = program < names ? program : names;
		return;
	}
	if (who + program > names) {
		if (who > names - PROGRAM_MIN)
			who = names - PROGRAM_MIN;
		if (program > names - who)
			program = names - who;
	}
	p->who = who;
	p->program = program;
}

static void put_table(struct page *p)
{
	static const char *const heads[SPAWNS_BY_CNT] = {"PARENT", "", "UNIT", "CONTAINER", "UID"};
	const struct spawns *s = p->v->spawns;

	if (!s->cnt)
		return;
	fit_columns(p);
	buf_printf(p->out, "%-*s ", HOW_WIDTH, "HOW");
	if (p->who)
		buf_printf(p->out, "%-*s ", (int)p->who, heads[s->by]);
	buf_printf(p->out, "%-*s %5s %5s %5s %5s %5s %5s %4s %4s\n", (int)p->program, "PROGRAM",
		   "N", "P50", "P99", "SUM", "QUEUE", "BLOCK", "RUN", "CPUs");
	for (size_t i = 0; i < s->cnt && i < p->v->rows; i++)
		put_row(p, &s->v[i]);
	if (s->cnt > p->v->rows)
		buf_printf(p->out, "and %zu more groups: --wide\n", s->cnt - p->v->rows);
}

/* ---- sentences --------------------------------------------------------------------------------- */

/* "0.2 of a CPU", "1.5 CPUs" */
static void put_quota(struct page *p, const struct throttle *t)
{
	double cpus = (double)t->quota_us / (double)t->period_us;

	if (cpus < 0.1)
		buf_printf(&p->text, "%.2f of a CPU", cpus);
	else if (cpus < 0.95)
		buf_printf(&p->text, "%.1f of a CPU", cpus);
	else
		buf_printf(&p->text, "%.1f CPUs", cpus);
}

static void put_pressure(struct page *p)
{
	struct span load = proc_table_fact(p->r->table, "/proc/loadavg");
	int percent = throttles_pressure(&p->v->spawns->throttles);
	size_t len = 0;

	while (len < load.len && load.data[len] != ' ')
		len++;
	if (percent < 0 && !len)
		return;
	buf_put_str(&p->text, " (");
	if (percent >= 0)
		buf_printf(&p->text, "somebody waited for one in %d%% of the time%s", percent,
			   len ? ", " : "");
	if (len)
		buf_printf(&p->text, "load %.*s on %u", (int)len, load.data,
			   proc_table_host(p->r->table)->cpus);
	buf_put_char(&p->text, ')');
}

static void put_queue_cause(struct page *p, const struct spawn_finding *f)
{
	switch (f->cause) {
	case QUEUE_THROTTLED:
		buf_put_str(&p->text, "throttled by the quota of ");
		text_put_safe(&p->text, span_of(f->throttle->path), &p->r->style);
		if (f->throttle->period_us) {
			buf_put_str(&p->text, " (");
			put_quota(p, f->throttle);
			buf_put_char(&p->text, ')');
		}
		buf_printf(&p->text, ": %" PRIu64 " of %" PRIu64 " periods. ", f->counts.throttled,
			   f->counts.periods);
		buf_put_str(&p->text, "A larger cpu.max helps, more CPUs do not.");
		break;
	case QUEUE_BUSY:
		buf_put_str(&p->text, "the CPUs are busy");
		put_pressure(p);
		buf_put_str(&p->text, "; no quota throttles it.");
		break;
	case QUEUE_UNKNOWN:
		buf_put_str(&p->text, "the CPUs are busy");
		put_pressure(p);
		buf_put_str(&p->text,
			    ", or a quota throttles it: which one binds it is not known.");
		break;
	}
}

/* The command line that all share, else what they run */
static void put_command(struct page *p, const struct spawn_group *g)
{
	struct buf args = {0};

	if (g->lives.args && !g->lives.args_differ) {
		text_put_args(&args, intern_span(g->lives.args), false, &p->r->style);
		text_put_cut(&p->text, (struct span){buf_str(&args), args.len}, NAMES_MAX, false,
			     &p->r->style);
	} else {
		text_put_safe(&p->text, span_of(g->program), &p->r->style);
	}
	buf_release(&args);
}

/* The cheapest life had to start as well: more than it took is nobody's start. */
static void put_interpreter(struct page *p, const struct spawn_group *g)
{
	double rate = (double)g->short_cnt * (double)NS_PER_SEC / (double)p->v->span_ns;
	double cpus = cpus_of(spawn_group_start_ns(g) * g->short_cnt, p->v->span_ns);

	text_put_safe(&p->text, span_of(g->program), &p->r->style);
	if (strncmp(g->program, g->lives.interpreter, strlen(g->lives.interpreter)))
		buf_printf(&p->text, " (%s)", g->lives.interpreter);
	buf_printf(&p->text, " is started %.1f times a second for lives that take ", rate);
	text_put_duration(&p->text, g->cpu_ns / g->short_cnt);
	buf_put_str(&p->text, " of CPU each: a persistent worker would save at most ");
	text_put_duration(&p->text, spawn_group_start_ns(g));
	buf_printf(&p->text, " x %.1f/s = %.2f CPUs.", rate, cpus);
}

static void put_finding(struct page *p, const struct spawn_finding *f)
{
	const struct spawn_group *g = f->group;
	const char *program = !g ? "" : g->worker ? "its children" : g->program;

	switch (f->kind) {
	case FINDING_LARGE_HEAP:
		put_who(&p->text, p, g, NAMES_MAX);
		buf_put_str(&p->text, " is large: each of its ");
		spawns_put_counted(&p->text, g->cnt, "fork", "forks");
		buf_put_str(&p->text, " copied up to ");
		text_put_bytes(&p->text, g->pgtables_bytes);
		buf_put_str(&p->text, " of page tables; posix_spawn or vfork would not copy them.");
		if (!spawn_group_whole_ns(g))
			break;
		buf_put_str(&p->text, " fork() itself takes ");
		text_put_duration(&p->text, g->fork_ns.sum / g->fork_ns.cnt);
		buf_put_str(&p->text, " of ");
		text_put_duration(&p->text, spawn_group_whole_ns(g));
		buf_put_char(&p->text, '.');
		break;
	case FINDING_HIDDEN_CPU:
		text_put_safe(&p->text, span_of(program), &p->r->style);
		buf_printf(&p->text, " burns %.1f of %u CPUs in ",
			   cpus_of(g->cpu_ns, p->v->span_ns), proc_table_host(p->r->table)->cpus);
		spawns_put_counted(&p->text, g->short_cnt, "life", "lives");
		buf_put_str(&p->text, " of less than a second: top and ps do not see it.");
		break;
	case FINDING_QUEUE:
		text_put_safe(&p->text, span_of(program), &p->r->style);
		buf_printf(&p->text, " waits for a CPU in %.0f%% of the time until it starts: ",
			   100.0 * (double)g->queued_ns / (double)g->split_ns);
		put_queue_cause(p, f);
		break;
	case FINDING_EXEC_FAILED:
		put_who(&p->text, p, g, NAMES_MAX);
		buf_put_str(&p->text, ": ");
		spawns_put_counted(&p->text, g->failed, "child", "children");
		buf_put_str(&p->text, " ended by 126 or 127 without a program: most likely exec "
				      "failed (not found, or not executable).");
		break;
	case FINDING_PILE_UP:
		put_command(p, g);
		buf_put_str(&p->text, ": ");
		text_put_count(&p->text, g->cnt);
		buf_put_str(&p->text, " copies alive, one more every ");
		text_put_duration(&p->text, (g->lives.last_ns - g->lives.first_ns) / (g->cnt - 1));
		buf_put_str(&p->text, ", none has ended.");
		break;
	case FINDING_INTERPRETER: put_interpreter(p, g); break;
	case FINDING_STORM:
		text_put_count(&p->text, f->root.cnt);
		buf_put_str(&p->text, " of ");
		spawns_put_counted(&p->text, p->v->spawns->spawns, "spawn", "spawns");
		buf_put_str(&p->text, " come from ");
		text_put_safe(&p->text, span_of(f->root.comm[0] ? f->root.comm : "?"),
			      &p->r->style);
		buf_printf(&p->text, "[%u] and what it starts.", f->root.key.tgid);
		break;
	case FINDING_KIND_CNT: break;
	}
}

/* Returns how many. */
static size_t put_findings(struct page *p)
{
	struct spawn_finding f[SPAWN_FINDINGS_MAX];
	size_t cnt = spawns_find(p->v->spawns, p->v->span_ns, f);

	for (size_t i = 0; i < cnt; i++) {
		buf_printf(&p->text, "%zu ", i + 1);
		put_finding(p, &f[i]);
		table_put_wrapped(p->out, &p->r->style, text_of(p), 0, 2);
		buf_reset(&p->text);
	}
	return cnt;
}

/* What the figures of such rows mean, which is less than somebody may hope. */
static void put_containers(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	uint64_t cnt = 0, sum = 0;

	for (size_t i = 0; i < s->cnt; i++) {
		if (!s->v[i].container)
			continue;
		cnt += s->v[i].total_ns.cnt;
		sum += s->v[i].total_ns.sum;
	}
	if (!cnt)
		return;
	spawns_put_counted(&p->text, cnt, "container", "containers");
	buf_put_str(&p->text, " started: ");
	text_put_duration(&p->text, sum / cnt);
	buf_put_str(&p->text, cnt == 1 ? " from the birth of its init to its own program." :
					 " each from the birth of its init to its own program.");
	table_put_wrapped(p->out, &p->r->style, text_of(p), 0, 2);
	buf_reset(&p->text);
}

static void put_cpu(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	uint32_t cpus = proc_table_host(p->r->table)->cpus;
	double used = cpus_of(s->cpu_ns, p->v->span_ns);

	if (!s->short_cnt)
		return;
	buf_printf(&p->text, "Lives of less than a second (");
	text_put_count(&p->text, s->short_cnt);
	buf_printf(&p->text, ") took %.2f CPUs", used);
	if (cpus)
		buf_printf(&p->text, ", %.1f%% of the machine", 100 * used / cpus);
	buf_put_str(&p->text, ".");
	table_put_wrapped(p->out, &p->r->style, text_of(p), 0, 2);
	buf_reset(&p->text);
}

/* Of all together; the columns begin with the birth, which is late in the call. */
static void put_fork_calls(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	uint64_t cnt = 0, sum = 0, max = 0;

	for (size_t i = 0; i < s->cnt; i++) {
		const struct hist *h = &s->v[i].fork_ns;

		cnt += h->cnt;
		sum += h->sum;
		max = h->max > max ? h->max : max;
	}
	if (cnt) {
		spawns_put_counted(&p->text, cnt, "fork call", "fork calls");
		buf_put_str(&p->text, " took ");
		text_put_duration(&p->text, sum);
		buf_put_str(&p->text, ", one at most ");
		text_put_duration(&p->text, max);
		buf_put_str(&p->text, "; the table begins with the birth, late in the call.");
	} else if (s->cnt && !spawns_fork_timed(p->r)) {
		buf_put_str(&p->text, "fork calls not timed here: --fork-time");
	}
	if (p->text.len)
		table_put_wrapped(p->out, &p->r->style, text_of(p), 0, 2);
	buf_reset(&p->text);
}

/* ---- the slowest, the histogram ---------------------------------------------------------------- */

static void put_slowest(struct page *p)
{
	const struct spawns *s = p->v->spawns;

	if (s->slow_cnt)
		buf_put_str(p->out, "\nthe slowest:\n");
	for (size_t i = 0; i < s->slow_cnt; i++)
		spawns_put_one_text(p->out, p->r, &s->slow[i]);
}

/* All spawns, an octave a line. */
static void put_hist(struct page *p)
{
	const struct spawns *s = p->v->spawns;
	uint64_t octaves[OCTAVES] = {0}, most = 0;
	size_t first = OCTAVES, last = 0;

	for (size_t i = 0; i < s->cnt; i++) {
		uint64_t below = 0;

		for (size_t k = 0; k < OCTAVES - 1; k++) {
			uint64_t n = hist_below(&s->v[i].total_ns, 1ULL << (k + 1));

			octaves[k] += n - below;
			below = n;
		}
	}
	for (size_t i = 0; i < OCTAVES; i++) {
		if (!octaves[i])
			continue;
		first = first == OCTAVES ? i : first;
		last = i;
		most = octaves[i] > most ? octaves[i] : most;
	}
	if (first == OCTAVES)
		return;
	buf_put_str(p->out, "\nbirth to exec:\n");
	for (size_t i = first; i <= last; i++) {
		buf_put_str(p->out, "<");
		put_ns(p, 6, true, 1ULL << (i + 1));
		buf_printf(p->out, " %7" PRIu64 " ", octaves[i]);
		buf_pad(p->out, (size_t)(octaves[i] * HIST_WIDTH / most) + (octaves[i] != 0), '#');
		buf_put_char(p->out, '\n');
	}
}

void spawns_put_text(struct buf *b, const struct render *r, const struct spawns_view *v)
{
	struct page p = {.out = b, .r = r, .v = v};
	size_t findings;

	put_head(&p);
	put_table(&p);
	findings = put_findings(&p);
	spawns_put_failed_text(b, r, v, findings);
	put_containers(&p);
	put_cpu(&p);
	put_fork_calls(&p);
	if (v->hist)
		put_hist(&p);
	put_slowest(&p);
	if (!v->complete)
		render_incomplete(b, r);
	buf_release(&p.text);
}
