/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all workload generators share: options, clock, truth log lines, raw clone, counting.
 *
 * The truth log: one JSON object a line on stdout, written with one write(2) by whoever did the
 * thing, so that lines of several processes never mix (stdio would also flush twice after fork).
 * Times are CLOCK_BOOTTIME nanoseconds, the clock of task_struct.start_boottime.
 *
 * Cleaning up: every process a generator makes is tied to its parent by PR_SET_PDEATHSIG or to
 * the generator by a pipe, and has a bounded life besides. Nothing is ever killed by name.
 */
#ifndef PROCTRAIL_LOAD_H
#define PROCTRAIL_LOAD_H

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_NS_PER_MS 1000000ULL
#define LOAD_STACK     (16 * 1024)
#define LOAD_SELF      "/proc/self/exe"

/* ---- failing ---- */

static inline __attribute__((noreturn, format(printf, 2, 3))) void load_die(int code,
									    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(code);
}

/* For calls that cannot fail unless the machine is out of something. */
static inline long load_must(long ret, const char *what)
{
	if (ret < 0)
		load_die(1, "cannot %s: %s", what, strerror(errno));
	return ret;
}

/* ---- clock ---- */

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline void sleep_until_ns(uint64_t when_ns)
{
	struct timespec ts = {when_ns / 1000000000ULL, when_ns % 1000000000ULL};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static inline void sleep_ms(long ms)
{
	sleep_until_ns(now_ns() + (uint64_t)ms * LOAD_NS_PER_MS);
}

static inline void busy_ms(long ms)
{
	uint64_t end_ns = now_ns() + (uint64_t)ms * LOAD_NS_PER_MS;

	while (now_ns() < end_ns)
		;
}

/* xorshift64*: the same seed gives the same run everywhere. */
static inline uint32_t load_rand(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * 2685821657736338717ULL) >> 32);
}

/* ---- truth log ---- */

struct line {
	size_t len;
	char buf[8192];
};

static inline __attribute__((format(printf, 2, 3))) void line_add(struct line *l, const char *fmt,
								  ...)
{
	size_t room = sizeof(l->buf) - l->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		load_die(1, "truth log line too long"); /* half a line would be a lie */
	l->len += (size_t)n;
}

static inline void line_open(struct line *l, const char *what)
{
	l->len = 0;
	line_add(l, "{\"do\":\"%s\"", what);
}

static inline void line_num(struct line *l, const char *key, int64_t v)
{
	line_add(l, ",\"%s\":%lld", key, (long long)v);
}

static inline void line_bool(struct line *l, const char *key, bool v)
{
	line_add(l, ",\"%s\":%s", key, v ? "true" : "false");
}

static inline void line_str(struct line *l, const char *key, const char *v)
{
	line_add(l, ",\"%s\":\"", key);
	for (; *v; v++) {
		unsigned char c = (unsigned char)*v;

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			line_add(l, "\\u%04x", c);
		else
			line_add(l, "%c", c);
	}
	line_add(l, "\"");
}

/* Bytes that need not be text: hexadecimal, because a test must compare them exactly. */
static inline void line_hex(struct line *l, const char *key, const void *p, size_t n)
{
	line_add(l, ",\"%s\":\"", key);
	for (size_t i = 0; i < n; i++)
		line_add(l, "%02x", ((const unsigned char *)p)[i]);
	line_add(l, "\"");
}

/* The raw word as waitpid gave it, and what it means. */
static inline void line_status(struct line *l, int status)
{
	line_num(l, "status", status);
	if (WIFEXITED(status))
		line_num(l, "exit_code", WEXITSTATUS(status));
	if (WIFSIGNALED(status)) {
		line_num(l, "signal", WTERMSIG(status));
		line_bool(l, "core_dumped", WCOREDUMP(status));
	}
}

static inline void line_close(struct line *l)
{
	size_t done = 0;
	ssize_t n;

	line_add(l, "}\n");
	while (done < l->len) {
		n = write(STDOUT_FILENO, l->buf + done, l->len - done);
		if (n < 0 && errno != EINTR)
			_exit(1); /* nobody listens any more; pdeathsig takes the children */
		if (n > 0)
			done += (size_t)n;
	}
}

/* ---- exact counts, shared by all processes of a generator ---- */

struct tally {
	uint64_t births;  /* processes, the generator itself not counted */
	uint64_t deaths;  /* of those, seen dead: waited for, or their pidfd said so */
	uint64_t threads; /* made besides the leaders */
	uint64_t execs;   /* that succeeded */
};

/* Shared memory; a memfd where it has to be found again after exec. */
static inline void *load_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		load_die(1, "cannot map %zu bytes: %s", size, strerror(errno));
	return p;
}

static inline struct tally *tally_new(void)
{
	return load_shared(sizeof(struct tally));
}

static inline void tally_add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline void tally_end(const struct tally *t)
{
	struct line l;

	line_open(&l, "end");
	line_num(&l, "births", (int64_t)t->births);
	line_num(&l, "deaths", (int64_t)t->deaths);
	line_num(&l, "threads", (int64_t)t->threads);
	line_num(&l, "execs", (int64_t)t->execs);
	line_close(&l);
}

#include "load_proc.h"
#include "load_opt.h"
#endif
