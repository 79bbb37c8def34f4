// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs timelines (*.ev) through decoder and process table, and compares what is known with what the
 * timeline expects: README.md beside this file. One line a file: 'ok NAME', or 'not ok NAME - WHY'.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "model/proc_table.h"
#include "runner_spawns.h"
#include "runner_values.h"
#include "runner_verdicts.h"
#include "source/script.h"

/* ---- changes, as words ---------------------------------------------------------------------- */

static const char *const change_names[CHANGE_KIND_CNT] = {
	[CHANGE_HOST] = NULL,
	[CHANGE_FORK] = "fork",
	[CHANGE_THREAD] = "thread",
	[CHANGE_FORK_FAILED] = "fork_failed",
	[CHANGE_EXEC_FAILED] = "exec_failed",
	[CHANGE_SEEN] = "seen",
	[CHANGE_EXEC] = "exec",
	[CHANGE_EXIT] = "exit",
	[CHANGE_ZOMBIE] = "zombie",
	[CHANGE_REAP] = "reap",
	[CHANGE_ADOPT] = "adopt",
	[CHANGE_SIGNAL] = NULL,
	[CHANGE_DELIVER] = NULL,
	[CHANGE_STOP] = "stop",
	[CHANGE_CONT] = "cont",
	[CHANGE_RENAME] = "rename",
	[CHANGE_MOVE] = "move",
	[CHANGE_WAIT] = NULL,
	[CHANGE_OOM] = "oom",
	[CHANGE_OOM_ADJ] = "oom_adj",
	[CHANGE_FACT] = NULL,
	[CHANGE_LOST] = "lost",
	[CHANGE_HEAL] = "heal",
	[CHANGE_TICK] = NULL,
	[CHANGE_THINNED] = "thinned",
};

/* fork:101 adopt:102>1 lost:3 */
static void note_change(void *ctx, const struct change *c)
{
	struct run *run = ctx;
	struct buf *b = &run->changes;

	spawns_note(&run->spawns, c);
	if (c->proc)
		zombies_ledger_note(&run->ledger, c);
	if (!change_names[c->kind])
		return;
	if (b->len)
		buf_put_char(b, ' ');
	buf_put_str(b, change_names[c->kind]);
	buf_put_char(b, ':');
	if (c->kind == CHANGE_LOST || c->kind == CHANGE_HEAL)
		buf_put_u64(b, c->cnt);
	else
		buf_put_u64(b, c->proc ? c->proc->key.tgid : 0);
	if (c->kind == CHANGE_ADOPT) {
		buf_put_char(b, '>');
		buf_put_u64(b, c->other->key.tgid);
	}
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void put_val(struct buf *b, const struct val *v)
{
	switch (v->kind) {
	case VAL_U64:
		buf_printf(b, v->u > 9999 ? "0x%llx" : "%llu", (unsigned long long)v->u);
		break;
	case VAL_NS:
		if (v->u % NS_PER_MS == 0)
			buf_printf(b, "%llums", (unsigned long long)(v->u / NS_PER_MS));
		else
			buf_printf(b, "%lluus", (unsigned long long)(v->u / NS_PER_US));
		break;
	case VAL_STR: buf_put_span(b, v->s); break;
	}
}

static bool val_matches(const struct val *v, const struct script_word *want)
{
	uint64_t ns;

	switch (v->kind) {
	case VAL_U64: return want->value && strtoull(want->value, NULL, 0) == v->u;
	case VAL_NS: return want->value && !script_parse_time(want->value, &ns) && ns == v->u;
	case VAL_STR:
		return want->value &&
		       span_equals(v->s, (struct span){want->value, want->value_len});
	}
	return false;
}

static void compare(struct run *run, const struct script_word *want, const struct val *got)
{
	if (val_matches(got, want) || run->why.len)
		return;
	buf_printf(&run->why, "%s: expected %s, got ", want->key, want->value ? want->value : "it");
	put_val(&run->why, got);
}

static const struct {
	const char *name;
	uint16_t bit;
} proc_flags[] = {
	{"kthread", PROC_KTHREAD},
	{"nsinit", PROC_NSINIT},
	{"subreaper", PROC_SUBREAPER},
	{"adopted", PROC_ADOPTED},
	{"seeded", PROC_SEEDED},
	{"inferred", PROC_INFERRED},
	{"leader_dead", PROC_LEADER_DEAD},
	{"stopped", PROC_STOPPED},
	{"traced", PROC_TRACED},
	{"healed", PROC_HEALED},
	{"execed", PROC_EXECED},
	{"status", PROC_STATUS_KNOWN},
	{"autoreaped", PROC_AUTOREAPED},
	{"vanished", PROC_VANISHED},
	{"ghost", PROC_GHOST},
	{"zseeded", (uint16_t)PROC_STATE_Z_SEEDED},
};

/* 'is=adopted' 'is=stopped,-traced': only the flags named are looked at */
static void compare_flags(struct run *run, const struct script_word *want, const struct proc *p)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", want->value ? want->value : "");
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		bool off = *w == '-', found = false;

		for (size_t i = 0; i < sizeof(proc_flags) / sizeof(*proc_flags); i++) {
			if (strcmp(w + off, proc_flags[i].name) != 0)
				continue;
			found = true;
			if (!!(p->flags & proc_flags[i].bit) == off && !run->why.len)
				buf_printf(&run->why, "flag %s: expected %s, got %s", w + off,
					   off ? "off" : "on", off ? "on" : "off");
		}
		if (!found && !run->why.len)
			buf_printf(&run->why, "unknown flag '%s'", w);
	}
}

static void compare_char(struct run *run, const struct script_word *want, const struct proc *p)
{
	char c = proc_state_char(p);

	compare(run, want, &(struct val){.kind = VAL_STR, .s = {&c, 1}});
}

static void compare_args(struct run *run, const struct script_word *want, const struct proc *p)
{
	struct span args = intern_span(p->args);
	struct buf b = {0};

	for (size_t i = 0; i + 1 < args.len; i++)
		buf_put_char(&b, args.data[i] ? args.data[i] : ',');
	compare(run, want, &(struct val){.kind = VAL_STR, .s = {b.data, b.len}});
	buf_release(&b);
}

/* ---- expectations --------------------------------------------------------------------------- */

static const struct proc *named_proc(struct run *run, struct script_word *w, int cnt)
{
	struct proc_key key = {0};
	const struct proc *p;
	uint64_t ns;

	for (int i = 0; i < cnt; i++) {
		if (strcmp(w[i].key, "pid") == 0 && w[i].value)
			key.tgid = strtoul(w[i].value, NULL, 0);
		if (strcmp(w[i].key, "start") == 0 && w[i].value &&
		    !script_parse_time(w[i].value, &ns))
			key.start_ns = SCRIPT_EPOCH_NS + ns;
	}
	p = key.start_ns ? proc_table_find(run->table, key) :
			   proc_table_find_pid(run->table, key.tgid);
	if (!p && !run->why.len)
		buf_printf(&run->why, "expected a process %u, got none", key.tgid);
	return p;
}

static void expect_proc(struct run *run, struct script_word *w, int cnt, bool evidence)
{
	const struct proc *p = named_proc(run, w, cnt);
	struct val v;

	for (int i = 0; p && i < cnt; i++) {
		if (strcmp(w[i].key, "is") == 0)
			compare_flags(run, &w[i], p);
		else if (strcmp(w[i].key, "args") == 0)
			compare_args(run, &w[i], p);
		else if (strcmp(w[i].key, "char") == 0)
			compare_char(run, &w[i], p);
		else if ((evidence && evidence_value(p, w[i].key, &v)) ||
			 proc_value(run, p, w[i].key, &v))
			compare(run, &w[i], &v);
		else if (!run->why.len)
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

static void expect_state(struct run *run, struct script_word *w, int cnt, const char *state)
{
	struct script_word want = {"state", (char *)state, strlen(state)};
	const struct proc *p = named_proc(run, w, cnt);
	struct val v;

	if (p && proc_value(run, p, "state", &v))
		compare(run, &want, &v);
	expect_proc(run, w, cnt, false);
}

static void expect_counts(struct run *run, struct script_word *w, int cnt)
{
	struct val v;

	for (int i = 0; i < cnt; i++) {
		if (count_value(run, w[i].key, &v))
			compare(run, &w[i], &v);
		else if (!run->why.len)
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

static void expect_ledger(struct run *run, struct script_word *w, int cnt)
{
	struct val v;

	for (int i = 0; i < cnt; i++) {
		if (ledger_value(&run->ledger, w[i].key, &v))
			compare(run, &w[i], &v);
		else if (!run->why.len)
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

/* Exactly these since the last time, in this order */
static void expect_changes(struct run *run, struct script_word *w, int cnt)
{
	struct buf want = {0};

	for (int i = 0; i < cnt; i++) {
		if (i)
			buf_put_char(&want, ' ');
		buf_put_str(&want, w[i].key);
	}
	if (!run->why.len && strcmp(buf_str(&want), buf_str(&run->changes)) != 0)
		buf_printf(&run->why, "changes: expected '%s', got '%s'", buf_str(&want),
			   buf_str(&run->changes));
	buf_reset(&run->changes);
	buf_release(&want);
}

static void expect_none(struct run *run, struct script_word *w, int cnt)
{
	uint32_t pid = cnt && w[0].value ? strtoul(w[0].value, NULL, 0) : 0;

	if (proc_table_find_pid(run->table, pid) && !run->why.len)
		buf_printf(&run->why, "expected no process %u, got one", pid);
}

static void expect_fact(struct run *run, struct script_word *w, int cnt)
{
	struct val v;

	if (cnt != 2 || !w[0].value)
		return;
	v = val_span(proc_table_fact(run->table, w[0].value));
	compare(run, &w[1], &v);
}

/* 'decides=root': the text has these words */
static void compare_decides(struct run *run, const struct script_word *want, const char *decides)
{
	if (run->why.len || (want->value && decides && strstr(decides, want->value)))
		return;
	buf_printf(&run->why, "decides: expected '%s', got '%s'", want->value ? want->value : "it",
		   decides ? decides : "nothing");
}

/* never_waits pid=100 zombies=3; 'none': nothing is said of it */
static void compare_verdict(struct run *run, const struct zombie_parent *f, struct script_word *w,
			    int cnt)
{
	const char *name = f ? verdict_name(f->verdict) : "none";
	struct val v;

	if (!run->why.len && strcmp(w[0].key, name) != 0)
		buf_printf(&run->why, "verdict: expected %s, got %s", w[0].key, name);
	if (!run->why.len && f && f->verdict == VERDICT_UNKNOWN && !f->decides)
		buf_put_str(&run->why, "unknown, and not what would decide");
	for (int i = 1; f && i < cnt; i++) {
		if (strcmp(w[i].key, "decides") == 0)
			compare_decides(run, &w[i], f->decides);
		else if (verdict_value(f, w[i].key, &v))
			compare(run, &w[i], &v);
		else if (!run->why.len)
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

static void compare_verdicts(struct run *run, const struct zombies *z, struct script_word *w,
			     int cnt)
{
	struct val v;

	for (int i = 0; i < cnt; i++) {
		if (verdicts_value(z, w[i].key, &v))
			compare(run, &w[i], &v);
		else if (!run->why.len)
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

/* Of one parent, or ('verdicts') of all */
static void expect_verdict(struct run *run, struct script_word *w, int cnt, bool all)
{
	const struct zombies_options opt = {.all = true};
	const struct proc *p = all ? NULL : named_proc(run, w, cnt);
	struct zombies z;

	if (!all && !p)
		return;
	if (zombies_examine(run->table, &opt, &z)) {
		buf_put_str(&run->why, "out of memory");
		return;
	}
	if (all)
		compare_verdicts(run, &z, w, cnt);
	else
		compare_verdict(run, zombies_of(&z, p), w, cnt);
	zombies_release(&z);
}

/* pid=100 total=5ms queued=1ms; pid=100 none: nothing of it is a spawn */
static void expect_spawn(struct run *run, struct script_word *w, int cnt)
{
	uint32_t pid = cnt && w[0].value ? strtoul(w[0].value, NULL, 0) : 0;
	const struct spawn_one *one = spawn_of_pid(&run->spawns, pid);
	bool none = cnt > 1 && strcmp(w[1].key, "none") == 0;
	struct val v;

	if (none == !!one && !run->why.len)
		buf_printf(&run->why, "expected %s spawn of %u, got %s", none ? "no" : "a", pid,
			   one ? "one" : "none");
	for (int i = 1; one && i < cnt && !run->why.len; i++) {
		if (spawn_value(one, w[i].key, &v))
			compare(run, &w[i], &v);
		else
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

/* spawns=1 workers=2; at_end: with who lives */
static void expect_spawns(struct run *run, struct script_word *w, int cnt)
{
	struct val v;

	for (int i = 0; i < cnt && !run->why.len; i++) {
		if (strcmp(w[i].key, "at_end") == 0)
			spawns_end(&run->spawns, run->table);
		else if (spawns_value(&run->spawns, w[i].key, &v))
			compare(run, &w[i], &v);
		else
			buf_printf(&run->why, "unknown key '%s'", w[i].key);
	}
}

static void expect(struct run *run, struct script_word *w, int cnt)
{
	const char *what = w[0].key;

	w++;
	cnt--;
	if (strcmp(what, "proc") == 0)
		expect_proc(run, w, cnt, false);
	else if (strcmp(what, "evidence") == 0)
		expect_proc(run, w, cnt, true);
	else if (strcmp(what, "zombie") == 0)
		expect_state(run, w, cnt, "zombie");
	else if (strcmp(what, "gone") == 0)
		expect_state(run, w, cnt, "reaped");
	else if (strcmp(what, "counts") == 0)
		expect_counts(run, w, cnt);
	else if (strcmp(what, "ledger") == 0)
		expect_ledger(run, w, cnt);
	else if (strcmp(what, "changes") == 0)
		expect_changes(run, w, cnt);
	else if (strcmp(what, "none") == 0)
		expect_none(run, w, cnt);
	else if (strcmp(what, "fact") == 0)
		expect_fact(run, w, cnt);
	else if (strcmp(what, "verdict") == 0)
		expect_verdict(run, w, cnt, false);
	else if (strcmp(what, "verdicts") == 0)
		expect_verdict(run, w, cnt, true);
	else if (strcmp(what, "spawn") == 0)
		expect_spawn(run, w, cnt);
	else if (strcmp(what, "spawns") == 0)
		expect_spawns(run, w, cnt);
	else if (strcmp(what, "zombies") == 0 && cnt == 1)
		expect_counts(run, &(struct script_word){"zombies_now", w[0].key, 0}, 1);
	else
		buf_printf(&run->why, "unknown expectation '%s'", what);
}

/* ---- a file --------------------------------------------------------------------------------- */

static void run_records(struct run *run)
{
	struct cursor c = cursor_of(run->records.data, run->records.len);
	struct event ev;
	int err;

	while (c.left && !run->why.len) {
		err = event_decode(&c, &ev);
		if (!err)
			err = proc_table_apply(run->table, &ev);
		if (err)
			buf_printf(&run->why, "a record was refused: %s", strerror(-err));
	}
	buf_reset(&run->records);
}

/* A verdict is about a moment: the stream has a tick every 100 ms, a timeline where one is asked for. */
static void run_tick(struct run *run, const char *at)
{
	char line[64];

	snprintf(line, sizeof(line), "%s tick", at);
	if (script_line(run->script, line, &run->records))
		buf_put_str(&run->why, script_error(run->script));
	else
		run_records(run);
}

static void run_line(struct run *run, const char *line)
{
	struct script_word words[SCRIPT_WORDS_MAX];
	const char *broken;
	char *copy;
	uint64_t at;
	int cnt;

	if (script_line(run->script, line, &run->records)) {
		buf_put_str(&run->why, script_error(run->script));
		return;
	}
	run_records(run);
	broken = proc_table_check(run->table);
	if (broken && !run->why.len)
		buf_printf(&run->why, "broken table: %s", broken);
	copy = strdup(line);
	cnt = copy ? script_split(copy, words) : 0;
	if (cnt >= 3 && strcmp(words[1].key, "expect") == 0) {
		script_parse_time(words[0].key, &at);
		run->now_ns = SCRIPT_EPOCH_NS + at;
		if (strncmp(words[2].key, "verdict", 7) == 0 || strcmp(words[2].key, "spawns") == 0)
			run_tick(run, words[0].key);
		expect(run, words + 2, cnt - 2);
	}
	free(copy);
}

/* '#! max_dead=2' on the first line: options of the table */
static void read_options(const char *line, struct proc_table_options *opt)
{
	const char *p;

	if ((p = strstr(line, "max_procs=")))
		opt->max_procs = strtoul(p + 10, NULL, 10);
	if ((p = strstr(line, "max_dead=")))
		opt->max_dead = strtoul(p + 9, NULL, 10);
	if ((p = strstr(line, "dead_ms=")))
		opt->dead_ns = strtoul(p + 8, NULL, 10) * NS_PER_MS;
}

static const char *base_name(const char *path, char *buf, size_t cap)
{
	const char *slash = strrchr(path, '/');
	char *dot;

	snprintf(buf, cap, "%s", slash ? slash + 1 : path);
	dot = strrchr(buf, '.');
	if (dot)
		*dot = '\0';
	return buf;
}

static bool run_file(const char *path)
{
	struct proc_table_options opt = {0};
	struct run run = {0};
	char *line = NULL, name[128];
	size_t cap = 0, expectations = 0;
	FILE *f = fopen(path, "re");
	int number = 0;

	if (!f) {
		printf("not ok %s - cannot open: %s\n", base_name(path, name, sizeof(name)),
		       strerror(errno));
		return false;
	}
	run.script = script_new();
	while (!run.why.len && getline(&line, &cap, f) >= 0) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (number == 1 && strncmp(line, "#!", 2) == 0)
			read_options(line, &opt);
		if (!run.table) {
			run.table = proc_table_new(&opt);
			spawns_init(&run.spawns, run.table, SPAWNS_BY_PROGRAM, SPAWNS_KEPT);
			proc_table_listen(run.table, note_change, &run);
		}
		expectations += strstr(line, " expect ") != NULL;
		run_line(&run, line);
	}
	if (!run.why.len && !expectations)
		buf_put_str(&run.why, "expects nothing");
	if (run.why.len)
		printf("not ok %s - line %d: %s\n", base_name(path, name, sizeof(name)), number,
		       buf_str(&run.why));
	else
		printf("ok %s\n", base_name(path, name, sizeof(name)));
	number = run.why.len == 0;
	spawns_release(&run.spawns);
	proc_table_free(run.table);
	zombies_ledger_release(&run.ledger);
	script_free(run.script);
	buf_release(&run.records);
	buf_release(&run.changes);
	buf_release(&run.why);
	free(line);
	fclose(f);
	return number;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	for (int i = 1; i < argc; i++)
		good &= run_file(argv[i]);
	return good ? 0 : 1;
}
