// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/health_facts.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes a number off the front. */
static bool take_u64(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < s->len && is_digit(s->data[i]) && v < UINT64_MAX / 10 - 1; i++)
		v = v * 10 + (uint64_t)(s->data[i] - '0');
	if (!i)
		return false;
	s->data += i;
	s->len -= i;
	*ret = v;
	return true;
}

static void skip(struct span *s, size_t cnt)
{
	if (cnt > s->len)
		cnt = s->len;
	s->data += cnt;
	s->len -= cnt;
}

static void skip_blanks(struct span *s)
{
	while (s->len && (*s->data == ' ' || *s->data == '\t'))
		skip(s, 1);
}

/* Moves s behind the first occurrence of word. */
static bool skip_past(struct span *s, const char *word)
{
	size_t len = strlen(word);
	const char *p = s->len ? memmem(s->data, s->len, word, len) : NULL;

	if (!p)
		return false;
	skip(s, (size_t)(p - s->data) + len);
	return true;
}

uint64_t fact_u64(struct span text)
{
	uint64_t v;

	return take_u64(&text, &v) ? v : HEALTH_UNKNOWN;
}

uint64_t fact_cgroup_u64(const struct proc_table *t, struct span path, const char *file)
{
	struct buf name = {0};
	uint64_t v;

	buf_put_str(&name, "cgroup:");
	buf_put_span(&name, path);
	buf_printf(&name, "/%s", file);
	v = fact_u64(proc_table_fact(t, buf_str(&name)));
	buf_release(&name);
	return v;
}

static uint64_t take_centi(struct span *s)
{
	uint64_t whole, part = 0;

	if (!take_u64(s, &whole))
		return HEALTH_UNKNOWN;
	if (s->len >= 3 && s->data[0] == '.' && is_digit(s->data[1]) && is_digit(s->data[2])) {
		part = (uint64_t)(s->data[1] - '0') * 10 + (uint64_t)(s->data[2] - '0');
		skip(s, 3);
	}
	return whole * 100 + part;
}

uint64_t fact_centi(struct span text)
{
	return take_centi(&text);
}

uint64_t fact_meminfo_kb(struct span text, const char *name)
{
	uint64_t kb;

	if (!skip_past(&text, name))
		return HEALTH_UNKNOWN;
	skip_blanks(&text);
	return take_u64(&text, &kb) ? kb : HEALTH_UNKNOWN;
}

uint64_t fact_pressure_percent(struct span text)
{
	uint64_t centi;

	if (!skip_past(&text, "some avg10="))
		return HEALTH_UNKNOWN;
	centi = take_centi(&text);
	return centi == HEALTH_UNKNOWN ? centi : centi / 100;
}

void fact_loadavg(struct span text, uint64_t ret_load_centi[3], uint64_t *ret_tasks)
{
	for (int i = 0; i < 3; i++) {
		ret_load_centi[i] = take_centi(&text);
		skip_blanks(&text);
	}
	*ret_tasks = HEALTH_UNKNOWN;
	if (skip_past(&text, "/"))
		*ret_tasks = fact_u64(text);
}

/* ---- kernel log ----------------------------------------------------------------------------- */

/* "Killed process 845 (postgres) total-vm": the name may itself hold brackets */
static bool take_oom(struct span s, struct health_log *log)
{
	uint64_t pid;
	const char *end;

	if (!skip_past(&s, "Killed process ") || !take_u64(&s, &pid) || s.len < 2)
		return false;
	skip(&s, 2);
	end = s.len ? memmem(s.data, s.len, ") total-vm", 10) : NULL;
	if (!end)
		end = s.len ? memchr(s.data, ')', s.len) : NULL;
	log->pid = (uint32_t)pid;
	log->comm = (struct span){s.data, end ? (size_t)(end - s.data) : 0};
	return true;
}

/* "app[4410]: segfault at 18 ip", "traps: app[4410] general protection fault" */
static bool take_crash(struct span s, struct health_log *log)
{
	static const char *const words[] = {"segfault at", "general protection", "trap "};
	struct span rest;
	const char *open;
	uint64_t pid;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		rest = s;
		if (skip_past(&rest, words[i]))
			break;
	}
	if (i == sizeof(words) / sizeof(*words))
		return false;
	rest = s;
	if (skip_past(&rest, "traps: "))
		s = rest;
	open = memchr(s.data, '[', s.len);
	if (!open)
		return false;
	rest = (struct span){open + 1, s.len - (size_t)(open + 1 - s.data)};
	if (!take_u64(&rest, &pid))
		return false;
	log->pid = (uint32_t)pid;
	log->comm = (struct span){s.data, (size_t)(open - s.data)};
	return true;
}

/* "INFO: task app:4213 blocked for more than 120 seconds." */
static bool take_hung(struct span s, struct health_log *log)
{
	struct span name;
	uint64_t pid;

	if (!skip_past(&s, "INFO: task "))
		return false;
	name = s;
	if (!skip_past(&s, ":"))
		return false;
	name.len = (size_t)(s.data - name.data - 1);
	if (!take_u64(&s, &pid) || !skip_past(&s, "blocked for more than"))
		return false;
	log->pid = (uint32_t)pid;
	log->comm = name;
	return true;
}

static void take_log_line(struct span line, struct health *h)
{
	static bool (*const takers[])(struct span, struct health_log *) = {take_oom, take_crash,
									   take_hung};
	struct health_log *logs[] = {&h->oom, &h->crash, &h->hung};
	uint64_t us;

	if (!take_u64(&line, &us))
		return;
	skip_blanks(&line);
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		if (!takers[i](line, logs[i]))
			continue;
		logs[i]->cnt++;
		logs[i]->last_ns = us * NS_PER_US;
		return;
	}
}

void fact_kernel_log(struct span text, struct health *h)
{
	h->log_known = text.data != NULL;
	while (text.len) {
		const char *nl = memchr(text.data, '\n', text.len);
		size_t len = nl ? (size_t)(nl - text.data) : text.len;

		take_log_line((struct span){text.data, len}, h);
		skip(&text, len + 1);
	}
}
