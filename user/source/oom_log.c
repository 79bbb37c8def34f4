// SPDX-License-Identifier: GPL-2.0-only
#include "source/oom_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/records.h"

void oom_log_open(struct oom_log *o)
{
	*o = (struct oom_log){.fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	if (o->fd >= 0)
		(void)lseek(o->fd, 0, SEEK_END);
}

void oom_log_release(struct oom_log *o)
{
	if (o->fd >= 0)
		close(o->fd);
	buf_release(&o->lines);
	o->fd = -1;
}

static void begin(struct oom_log *o)
{
	buf_reset(&o->lines);
	o->task_cnt = 0;
}

/* "[  13582]     0 13582     8275     6480 ...": pid, uid, tgid, total_vm, rss */
static bool is_task(const char *text, uint64_t *ret_rss)
{
	unsigned long long rss;

	if (sscanf(text, "[%*d] %*u %*u %*u %llu", &rss) != 1)
		return false;
	*ret_rss = rss;
	return true;
}

/* Of a machine's thousands of tasks the largest. */
static void keep_task(struct oom_log *o, const char *text, uint64_t rss)
{
	struct oom_log_task *t = &o->tasks[0];

	if (o->task_cnt < OOM_LOG_TASKS) {
		t = &o->tasks[o->task_cnt++];
	} else {
		for (size_t i = 1; i < o->task_cnt; i++)
			if (o->tasks[i].rss < t->rss)
				t = &o->tasks[i];
		if (rss <= t->rss)
			return;
	}
	t->rss = rss;
	snprintf(t->line, sizeof(t->line), "%s", text);
}

static bool is_wanted(const char *text)
{
	return strncmp(text, "memory: usage ", 14) == 0 || strncmp(text, "[  pid  ]", 9) == 0 ||
	       strstr(text, " free:") || strstr(text, "memory.oom.group") ||
	       strstr(text, "oom_kill_allocating_task");
}

static void put_line(struct buf *b, const char *text)
{
	buf_printf(b, "%s\n", text);
}

static void put_all(struct oom_log *o, const char *last, struct buf *records)
{
	for (size_t i = 0; i < o->task_cnt; i++)
		put_line(&o->lines, o->tasks[i].line);
	put_line(&o->lines, last);
	if (!o->lines.err)
		records_put_text(records, REC_FACT_TEXT, 0, SPAN_LITERAL("oom"),
				 (struct span){o->lines.data, o->lines.len});
}

/* "...,task=NAME,pid=13582,uid=0": the last, a name may say anything */
static uint32_t pid_of(const char *text)
{
	const char *last = NULL, *p = text;
	unsigned nr;

	while ((p = strstr(p, ",pid=")))
		last = p++;
	return last && sscanf(last, ",pid=%u", &nr) == 1 ? nr : 0;
}

/* True: that was the last line of this victim's. */
static bool take_line(struct oom_log *o, const char *text, uint32_t victim, struct buf *records)
{
	uint64_t rss;

	if (strstr(text, " invoked oom-killer: ")) {
		begin(o);
		put_line(&o->lines, text);
	} else if (strncmp(text, "oom-kill:", 9) == 0) {
		if (pid_of(text) != victim)
			return false;
		put_all(o, text, records);
		return true;
	} else if (is_task(text, &rss)) {
		keep_task(o, text, rss);
	} else if (is_wanted(text) && o->lines.len < 16 * OOM_LOG_LINE) {
		put_line(&o->lines, text);
	}
	return false;
}

void oom_log_put(struct oom_log *o, uint32_t victim, struct buf *records)
{
	char line[8192], *text;
	bool done = false;
	ssize_t n;

	if (o->fd < 0)
		return;
	begin(o);
	/* EPIPE: what we stood at was overwritten, the next read goes on with the oldest there is */
	while (!done &&
	       ((n = read(o->fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		line[n > 0 ? n : 0] = '\0';
		text = strchr(line, ';'); /* "6,1234,987654321,-;text\n KEY=value\n" */
		if (!text)
			continue;
		text++;
		text[strcspn(text, "\n")] = '\0';
		done = take_line(o, text, victim, records);
	}
}
