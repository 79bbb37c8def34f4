// SPDX-License-Identifier: GPL-2.0-only
/* Verbs about the stream: host, ticks, passes, losses, facts, cgroups. */
#include "source/script_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define NO_TAIL       ((struct span){0})
#define EPOCH_REAL_NS 1764000000000000000ULL /* 2025-11-24T16:00:00Z at 0ms */

void script_run_host(struct line *l)
{
	static const char text[] = "testhost"
				   "6.1.0"
				   "x86_64"
				   "UTC"
				   "0";
	struct rec_host r = {
		.real_ns = EPOCH_REAL_NS,
		.mem_kb = 1 << 20,
		.cpus = 4,
		.page_shift = 12,
		.host_len = 8,
		.release_len = 5,
		.machine_len = 6,
		.zone_len = 3,
		.version_len = 1,
	};

	if (l->s->host_done) { /* another run: its counts and passes begin anew */
		memset(l->s->lost, 0, sizeof(l->s->lost));
		l->s->pass = l->s->pass_rows = 0;
		l->s->pass_began_ns = 0;
	}
	l->s->host_done = true;
	if (!l->s->now_ns)
		l->s->now_ns = SCRIPT_EPOCH_NS;
	r.real_ns += l->s->now_ns - SCRIPT_EPOCH_NS;
	line_hdr(l, &r.h, REC_HOST, sizeof(r), NULL);
	r.scoped = line_has(l, "scoped");
	r.threads = line_has(l, "threads");
	r.hooks = line_u64(l, "hooks", 0);
	r.boot_id[0] = line_u64(l, "boot", 0);
	line_emit(l, &r.h, sizeof(r), (struct span){text, sizeof(text) - 1});
}

void script_run_tick(struct line *l)
{
	struct rec_tick r = {.real_ns = EPOCH_REAL_NS + l->s->now_ns - SCRIPT_EPOCH_NS};

	line_hdr(l, &r.h, REC_TICK, sizeof(r), NULL);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

/* A pass begins with its first row or with 'began=' of its end. */
static void pass_note(struct line *l, uint32_t pass)
{
	struct script *s = l->s;

	if (pass != s->pass)
		s->pass_rows = 0;
	if (pass != s->pass || !s->pass_began_ns)
		s->pass_began_ns = s->now_ns;
	s->pass = pass;
}

static uint64_t bit_of(struct line *l, const char *key)
{
	int sig = line_has(l, key) ? line_signal(l, key, 17) : 0;

	return sig > 0 && sig <= 64 ? 1ULL << (sig - 1) : 0; /* of none the line has failed */
}

void script_run_seed(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_seed r = {0};
	bool thread = line_has(l, "thread"), joined = line_has(l, "joined");
	bool other_image = line_has(l, "other_image");

	if (!life)
		return;
	pass_note(l, line_u64(l, "pass", l->s->pass ? l->s->pass : 1));
	life->ppid = line_u64(l, "ppid", life->ppid);
	life->ns_level = line_u64(l, "level", life->ns_level);
	life->pidns = line_u64(l, "pidns", life->pidns);
	life->ns_tgid = line_u64(l, "ns_pid", life->ns_tgid);
	life->uid = line_u64(l, "uid", life->uid);
	life->cgroup_id = line_u64(l, "cgroup", life->cgroup_id);
	life->start_ns = line_time(l, "start", life->start_ns);
	life->status = line_u64(l, "status", life->status);
	line_str(l, "comm", life->comm, sizeof(life->comm));
	if (life->ns_level && life->ns_tgid == 1)
		life->flags |= REC_F_NSINIT;
	line_flags(l, "flags", &life->flags);
	if (life->flags & REC_F_ZOMBIE)
		life->flags |= REC_F_EXITING | REC_F_DEAD;
	line_hdr(l, &r.h, REC_SEED, sizeof(r), life);
	r.h.boot_ns = line_time(l, "at", r.h.boot_ns);
	r.h.flags |= (thread ? REC_F_THREAD : 0) | (joined ? REC_F_JOINED : 0) |
		     (other_image ? REC_F_OTHER_IMAGE : 0);
	r.pass = l->s->pass;
	r.tracer = line_proc(l, "tracer", 0);
	r.threads = line_u64(l, "threads", life->threads);
	r.exit_signal = line_u64(l, "exit_signal", life->exit_signal);
	r.state = line_u64(l, "state", 1);
	r.rss_kb = line_u64(l, "rss", 0);
	r.usage.cpu_ns = line_ns(l, "cpu_time", 0);
	r.still_exec_ns = line_ns(l, "still", REC_STILL_NONE);
	r.still_arrival_ns = line_ns(l, "arrival", REC_STILL_NONE);
	r.child_minflt = line_u64(l, "child_minflt", 0);
	r.child_cpu_ns = line_ns(l, "child_cpu", 0);
	r.sig_blocked = bit_of(l, "blocked");
	r.sig_pending = bit_of(l, "pending");
	r.sig_ignored = bit_of(l, "ignored");
	r.sig_caught = bit_of(l, "caught");
	r.place = (struct rec_place){.cgroup_id = life->cgroup_id,
				     .pidns = life->pidns,
				     .ns_tgid = life->ns_tgid,
				     .ns_level = life->ns_level};
	r.cred.uid = r.cred.euid = life->uid;
	memcpy(r.comm, life->comm, sizeof(r.comm));
	if (!thread && !joined)
		l->s->pass_rows++; /* the kernel counts rows it had room for, and more: see '!' */
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

void script_run_seed_end(struct line *l)
{
	struct rec_seed_end r = {0};

	pass_note(l, line_u64(l, "pass", l->s->pass ? l->s->pass : 1));
	line_hdr(l, &r.h, REC_SEED_END, sizeof(r), NULL);
	r.began_ns = line_time(l, "began", l->s->pass_began_ns);
	r.pass = l->s->pass;
	r.rows = line_u64(l, "rows", l->s->pass_rows);
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
	l->s->pass++;
	l->s->pass_rows = 0;
	l->s->pass_began_ns = 0;
}

/* The next record of this CPU carries it. */
void script_run_lost(struct line *l)
{
	uint32_t cpu = line_u64(l, "cpu", 0);

	if (cpu < SCRIPT_CPUS)
		l->s->lost[cpu] += line_u64(l, "cnt", 1);
}

static const char *const reason_words[] = {"-",     "disk",    "output",    "ring", "missed",
					   "scope", "damaged", "unwatched", NULL};

void script_run_gap(struct line *l)
{
	struct rec_gap r = {0};

	line_hdr(l, &r.h, REC_GAP, sizeof(r), NULL);
	r.from_ns = line_time(l, "from", l->s->now_ns);
	r.count = line_u64(l, "cnt", 1);
	r.reason = line_enum(l, "reason", reason_words, REC_GAP_DISK);
	if (r.reason == REC_GAP_RING && r.h.cpu < SCRIPT_CPUS)
		r.h.lost = l->s->lost[r.h.cpu] += r.count;
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

static void emit_cgroup(struct line *l, unsigned type, struct life *life)
{
	struct rec_cgroup r = {0};

	line_hdr(l, &r.h, type, sizeof(r), life);
	r.cgroup_id = line_u64(l, "id", 0);
	line_str(l, "path", r.path, sizeof(r.path));
	r.path_len = strnlen(r.path, sizeof(r.path));
	if (life)
		life->cgroup_id = r.cgroup_id;
	line_emit(l, &r.h, sizeof(r), NO_TAIL);
}

void script_run_cgroup(struct line *l)
{
	struct life *life = line_life(l);

	if (life)
		emit_cgroup(l, REC_CGROUP, life);
}

void script_run_mkcgroup(struct line *l)
{
	emit_cgroup(l, REC_MKCGROUP, NULL);
}

static struct span value_of(struct line *l, const char *key)
{
	const struct script_word *w = line_find(l, key);

	return w && w->value ? (struct span){w->value, w->value_len} : NO_TAIL;
}

static void emit_text(struct line *l, unsigned type, struct span name, struct span text)
{
	struct rec_text r = {.name_len = name.len, .text_len = text.len};
	struct buf tail = {0};

	r.id = line_u64(l, "id", 0);
	line_hdr(l, &r.h, type, sizeof(r), NULL);
	buf_put_span(&tail, name);
	buf_put_span(&tail, text);
	line_emit(l, &r.h, sizeof(r), (struct span){tail.data, tail.len});
	buf_release(&tail);
}

void script_run_fact(struct line *l)
{
	emit_text(l, REC_FACT_TEXT, value_of(l, "name"), value_of(l, "text"));
}

void script_run_fact_cgroup(struct line *l)
{
	emit_text(l, REC_FACT_CGROUP, NO_TAIL, value_of(l, "path"));
}

void script_run_fact_proc(struct line *l)
{
	struct life *life = line_life(l);
	struct rec_fact_proc r = {0};
	struct span exe = value_of(l, "exe"), cwd = value_of(l, "cwd"), args = value_of(l, "args");
	struct buf tail = {0};

	if (!life)
		return;
	line_hdr(l, &r.h, REC_FACT_PROC, sizeof(r), life);
	r.h.cpu = 0xffff;
	r.exe_len = exe.len;
	r.cwd_len = cwd.len;
	buf_put_span(&tail, exe);
	buf_put_span(&tail, cwd);
	for (size_t i = 0; i < args.len; i++)
		buf_put_char(&tail, args.data[i] == ',' ? '\0' : args.data[i]);
	if (args.len)
		buf_put_char(&tail, '\0');
	r.args_len = r.args_kept = args.len ? args.len + 1 : 0;
	line_emit(l, &r.h, sizeof(r), (struct span){tail.data, tail.len});
	buf_release(&tail);
}

static uint32_t wait_options(struct line *l)
{
	return (line_has(l, "nowait") ? WNOWAIT : 0) | (line_has(l, "all") ? __WALL : 0) |
	       (line_has(l, "clone") ? __WCLONE : 0) | (line_has(l, "nothread") ? __WNOTHREAD : 0);
}

static const char *const call_words[] = {"any", "pgid", "pidfd", NULL};

static void put_call(struct line *l, uint32_t tid, const char *whom, struct buf *text)
{
	uint32_t options = wait_options(l);

	if (*whom >= '0' && *whom <= '9') {
		buf_printf(text, "%" PRIu32 " pid %s %" PRIu32 "\n", tid, whom, options);
		return;
	}
	for (int i = 0; call_words[i]; i++) {
		if (strcmp(whom, call_words[i]) == 0) {
			buf_printf(text, "%" PRIu32 " %s 0 %" PRIu32 "\n", tid, whom, options);
			return;
		}
	}
	line_fail(l, "unknown word", whom);
}

/* for=any,PID: a thread each, in such a call. Without 'for=' nobody waits. */
static void put_waits(struct line *l, uint32_t tid, struct buf *text)
{
	const struct script_word *w = line_find(l, "for");
	char copy[128], *save = NULL;

	if (!w || !w->value)
		return;
	snprintf(copy, sizeof(copy), "%s", w->value);
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save))
		put_call(l, tid++, p, text);
}

/* What source/proc_waits.h tells: who of a process sits in a wait call at that moment. */
void script_run_fact_waits(struct line *l)
{
	static const char *const marks[] = {"hung", "denied", "gone", "compat", "more", NULL};
	struct life *life = line_life(l);
	struct buf text = {0};
	char name[64];

	if (!life)
		return;
	snprintf(name, sizeof(name), "waits:%" PRIu32 ":%" PRIu64, life->pid, life->start_ns);
	put_waits(l, life->pid, &text);
	for (int i = 0; marks[i]; i++) {
		if (line_has(l, marks[i]))
			buf_printf(&text, "%s\n", marks[i]);
	}
	emit_text(l, REC_FACT_TEXT, span_of(name), (struct span){text.data, text.len});
	buf_release(&text);
}
