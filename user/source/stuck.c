// SPDX-License-Identifier: GPL-2.0-only
#include "source/stuck.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/calls.h"
#include "source/proc_waits.h"
#include "source/records.h"

#define ARGS_MAX 512

/* ---- words of a file -------------------------------------------------------------------------- */

/* What stands behind "\nNAME:" and blanks; NULL: no such line. */
static const char *value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			return p + len + 1 + strspn(p + len + 1, " \t");
	}
	return NULL;
}

static uint64_t mask_of(const char *text, const char *name)
{
	const char *v = value_of(text, name);

	return v ? strtoull(v, NULL, 16) : 0;
}

static uint32_t number_of(const char *text, const char *name)
{
	const char *v = value_of(text, name);

	return v ? (uint32_t)strtoul(v, NULL, 10) : 0;
}

static void copy_line(char *to, size_t size, const char *from)
{
	size_t len = strcspn(from, "\n");

	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* ---- one thread ------------------------------------------------------------------------------- */

/* "[<0>] folio_wait_bit_common+0x129/0x300", a frame a line */
static void parse_stack(const char *text, struct stuck_thread *t)
{
	size_t cnt = 0;

	for (const char *p = text; p && cnt < STUCK_FRAMES; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!*p)
			break;
		if (*p == '[' && strchr(p, ']'))
			p = strchr(p, ']') + 2;
		copy_line(t->stack[cnt], STUCK_NAME, p);
		t->stack[cnt][strcspn(t->stack[cnt], "+")] = '\0';
		if (strcmp(t->stack[cnt], "0xffffffffffffffff") != 0)
			cnt++;
		else
			t->stack[cnt][0] = '\0';
	}
}

static void parse_call(const char *text, struct stuck_thread *t)
{
	struct proc_wait_call wait;

	t->call_nr = -1;
	if (strncmp(text, "running", 7) == 0) {
		t->running = true;
		return;
	}
	if (sscanf(text, "%" SCNd64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &t->call_nr, &t->args[0],
		   &t->args[1], &t->args[2]) < 4)
		return;
	t->call_name = call_name(t->call_nr, &t->call);
	if (t->call == STUCK_CALL_WAIT && proc_wait_parse(text, &wait) == PROC_WAIT_DEATH &&
	    strcmp(wait.kind, "pid") == 0)
		t->wait_pid = wait.id;
}

static int read_of(struct bounded *b, uint32_t pid, uint32_t tid, const char *name, char *text,
		   size_t size)
{
	char path[96];

	snprintf(path, sizeof(path), "%" PRIu32 "/task/%" PRIu32 "/%s", pid, tid, name);
	text[0] = '\0';
	return bounded_read(b, path, text, size);
}

/* What keeps it from being known is in *s; a thread that is gone is left out. */
static bool read_thread(struct bounded *b, struct stuck *s, uint32_t tid, struct stuck_thread *t)
{
	char text[4096];
	const char *v;
	bool is_kernels;
	int n = read_of(b, s->pid, tid, "status", text, sizeof(text));

	*t = (struct stuck_thread){.tid = tid, .call_nr = -1};
	s->hung |= n == -ETIMEDOUT;
	if (n <= 0)
		return n == -ETIMEDOUT;
	v = value_of(text, "State");
	t->state = v ? *v : 0;
	v = value_of(text, "Name");
	if (v)
		copy_line(t->comm, sizeof(t->comm), v);
	t->pending = mask_of(text, "SigPnd");
	t->blocked = mask_of(text, "SigBlk");
	if (t->state == 'Z' || t->state == 'X')
		return true;
	is_kernels = !value_of(text, "VmSize"); /* its 'syscall' is all zeros, which is read(2) */
	n = read_of(b, s->pid, tid, "wchan", text, sizeof(text));
	if (n > 0 && strcmp(text, "0") != 0)
		copy_line(t->wchan, sizeof(t->wchan), text);
	n = read_of(b, s->pid, tid, "syscall", text, sizeof(text));
	s->denied |= n == -EPERM || n == -EACCES;
	s->hung |= n == -ETIMEDOUT;
	if (n > 0 && !is_kernels)
		parse_call(text, t);
	n = read_of(b, s->pid, tid, "stack", text, sizeof(text));
	s->stack_denied |= n == -EPERM || n == -EACCES;
	if (n > 0)
		parse_stack(text, t);
	return true;
}

/* ---- the process ------------------------------------------------------------------------------ */

static void parse_status(const char *text, struct stuck *s)
{
	const char *v = value_of(text, "NSpid");
	char *end;

	s->tracer = number_of(text, "TracerPid");
	s->dumping = number_of(text, "CoreDumping") == 1;
	s->thread_cnt = number_of(text, "Threads");
	s->pending = mask_of(text, "ShdPnd");
	s->ignored = mask_of(text, "SigIgn");
	s->caught = mask_of(text, "SigCgt");
	s->ns_pid = s->pid;
	for (unsigned i = 0; v && i < 32; i++, v = end) {
		unsigned long pid = strtoul(v, &end, 10);

		if (end == v || *v == '\n')
			break;
		s->ns_pid = (uint32_t)pid;
		s->ns_level = i;
		if (*end == '\n')
			break;
	}
}

/* "7:freezer:/x" of v1, else "0::/x"; only asked for where it matters, cgroupfs is not read. */
static void parse_cgroup(const char *text, struct stuck *s)
{
	const char *v = strstr(text, ":freezer:");

	s->freezer_v2 = !v;
	v = v ? v + strlen(":freezer:") : strstr(text, "0::");
	if (v)
		copy_line(s->freezer, sizeof(s->freezer), s->freezer_v2 ? v + strlen("0::") : v);
}

static void read_threads(struct bounded *b, struct stuck *s, const char *tids)
{
	char *end;

	for (const char *p = tids; s->cnt < STUCK_THREADS; p = end) {
		unsigned long tid = strtoul(p, &end, 10);

		if (end == p)
			break;
		s->cnt += read_thread(b, s, (uint32_t)tid, &s->threads[s->cnt]);
	}
}

int stuck_read(struct bounded *b, uint32_t pid, struct stuck *ret)
{
	struct stuck s = {.pid = pid, .ns_pid = pid};
	char path[64], text[BOUNDED_BYTES];
	int n;

	s.threads = calloc(STUCK_THREADS, sizeof(*s.threads));
	if (!s.threads)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%" PRIu32 "/status", pid);
	n = bounded_read(b, path, text, sizeof(text));
	s.hung = n == -ETIMEDOUT;
	s.gone = n == -ENOENT || n == -ESRCH;
	if (n > 0) {
		parse_status(text, &s);
		snprintf(path, sizeof(path), "%" PRIu32 "/cgroup", pid);
		if (bounded_read(b, path, text, sizeof(text)) > 0)
			parse_cgroup(text, &s);
		snprintf(path, sizeof(path), "%" PRIu32 "/task", pid);
		n = bounded_list(b, path, text, sizeof(text));
		s.hung |= n == -ETIMEDOUT;
		if (n > 0)
			read_threads(b, &s, text);
	}
	*ret = s;
	return 0;
}

void stuck_release(struct stuck *s)
{
	free(s->threads);
	*s = (struct stuck){0};
}

/* A leader that is gone has no image any more. */
static uint32_t live_thread(const struct stuck *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (s->threads[i].state != 'Z' && s->threads[i].state != 'X')
			return s->threads[i].tid;
	return s->pid;
}

void stuck_put_fact(struct bounded *b, const struct stuck *s, uint64_t start_ns,
		    struct buf *records)
{
	struct rec_fact_proc r = {0};
	char task[64], path[96], exe[PATH_MAX], cwd[PATH_MAX], args[ARGS_MAX + 1],
		all[BOUNDED_BYTES];
	struct span tails[3] = {{exe, 0}, {cwd, 0}, {args, 0}};
	int n;

	snprintf(task, sizeof(task), "%" PRIu32 "/task/%" PRIu32, s->pid, live_thread(s));
	snprintf(path, sizeof(path), "%s/exe", task);
	n = bounded_link(b, path, exe, sizeof(exe));
	tails[0].len = n > 0 ? (size_t)n : 0;
	snprintf(path, sizeof(path), "%s/cwd", task);
	n = bounded_link(b, path, cwd, sizeof(cwd));
	tails[1].len = n > 0 ? (size_t)n : 0;
	snprintf(path, sizeof(path), "%s/cmdline", task);
	n = bounded_read(b, path, all, sizeof(all));
	if (n > 0) {
		r.args_len = (__u32)n;
		tails[2].len = n < ARGS_MAX ? (size_t)n : ARGS_MAX;
		memcpy(args, all, tails[2].len);
	}
	rec_hdr_fill(&r.h, REC_FACT_PROC, 0);
	r.flags = n == -ETIMEDOUT ? REC_FACT_HUNG : 0;
	r.h.tgid = r.h.tid = s->pid;
	r.h.start_ns = start_ns;
	r.exe_len = (__u32)tails[0].len;
	r.cwd_len = (__u32)tails[1].len;
	r.args_kept = (__u32)tails[2].len;
	records_put(records, &r.h, sizeof(r), tails, 3);
}
