// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/death_oom.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX 1024

const char *oom_where_name(enum oom_where where)
{
	static const char *const names[OOM_WHERE_CNT] = {NULL, "cgroup", "global", "cpuset",
							 "mempolicy"};

	return names[where];
}

/* The next line, NUL-ended and cut to its room; false: no more */
static bool next_line(struct span *text, char line[LINE_MAX])
{
	const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->data) : text->len;
	size_t kept = len < LINE_MAX ? len : LINE_MAX - 1;

	if (!text->len)
		return false;
	memcpy(line, text->data, kept);
	line[kept] = '\0';
	len += end != NULL;
	text->data += len;
	text->len -= len;
	return true;
}

/* The last one: a name before it may say anything. */
static const char *find_last(const char *line, const char *word)
{
	const char *last = NULL, *p = line;

	while ((p = strstr(p, word))) {
		last = p;
		p += strlen(word);
	}
	return last;
}

/* ---- "oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/a,task_memcg=/a/b,task=x,pid=1,uid=0" - */

static enum oom_where where_of(const char *line)
{
	static const struct {
		const char *word;
		enum oom_where where;
	} words[] = {
		{"oom-kill:constraint=CONSTRAINT_MEMCG,", OOM_WHERE_CGROUP},
		{"oom-kill:constraint=CONSTRAINT_NONE,", OOM_WHERE_GLOBAL},
		{"oom-kill:constraint=CONSTRAINT_CPUSET,", OOM_WHERE_CPUSET},
		{"oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,", OOM_WHERE_POLICY},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(line, words[i].word, strlen(words[i].word)) == 0)
			return words[i].where;
	return OOM_WHERE_UNKNOWN;
}

static void take_cgroup(struct oom_report *r, const char *line)
{
	const char *at = strstr(line, ",oom_memcg="), *end;
	size_t len;

	end = at ? strstr(at, ",task_memcg=") : NULL;
	if (!end)
		return;
	at += strlen(",oom_memcg=");
	len = (size_t)(end - at);
	if (len >= sizeof(r->cgroup)) {
		at = end - (sizeof(r->cgroup) - 1);
		len = sizeof(r->cgroup) - 1;
	}
	memcpy(r->cgroup, at, len);
	r->cgroup[len] = '\0';
}

static bool take_end(struct oom_report *r, const char *line, uint32_t victim)
{
	const char *pid = find_last(line, ",pid=");
	unsigned nr;

	if (!pid || sscanf(pid, ",pid=%u", &nr) != 1 || nr != victim)
		return false;
	r->where = where_of(line);
	if (r->where == OOM_WHERE_CGROUP)
		take_cgroup(r, line);
	return true;
}

/* ---- "[  pid  ]   uid  tgid total_vm      rss ... pgtables_bytes swapents oom_score_adj name" --- */

/* Some columns came later (rss_anon, rss_file, rss_shmem: 6.8), so the head says which is which. */
struct columns {
	size_t cnt; /* numbers behind the pid */
	size_t tgid, rss, tables, swap, adj;
};

static bool read_head(struct columns *c, const char *line)
{
	static const char *const names[] = {"tgid", "rss", "pgtables_bytes", "swapents",
					    "oom_score_adj"};
	size_t *const at[] = {&c->tgid, &c->rss, &c->tables, &c->swap, &c->adj};
	size_t found = 0;
	char word[32];
	int len;

	*c = (struct columns){0};
	for (line = strchr(line, ']') + 1; sscanf(line, "%31s%n", word, &len) == 1; line += len) {
		if (strcmp(word, "name") == 0)
			return found == sizeof(names) / sizeof(names[0]);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (strcmp(word, names[i]) == 0) {
				*at[i] = c->cnt;
				found++;
			}
		}
		c->cnt++;
	}
	return false;
}

#define COLUMNS_MAX 16

static bool read_task(const struct columns *c, const char *line, unsigned page_shift,
		      struct oom_task *ret)
{
	long long v[COLUMNS_MAX];
	int len;

	if (!c->cnt || c->cnt > COLUMNS_MAX || line[0] != '[' || !strchr(line, ']'))
		return false;
	line = strchr(line, ']') + 1;
	for (size_t i = 0; i < c->cnt; i++, line += len)
		if (sscanf(line, "%lld%n", &v[i], &len) != 1)
			return false;
	*ret = (struct oom_task){
		.tgid = (uint32_t)v[c->tgid],
		.adj = (int32_t)v[c->adj],
		.size_kb = ((uint64_t)(v[c->rss] + v[c->swap]) << page_shift >> 10) +
			   ((uint64_t)v[c->tables] >> 10),
	};
	line += *line == ' ';
	strncpy(ret->comm, line, sizeof(ret->comm) - 1);
	return true;
}

/* ---- whole ------------------------------------------------------------------------------------ */

static void take_amounts(struct oom_report *r, const char *line, unsigned page_shift)
{
	unsigned long long used, limit, pages;
	const char *free_at = strstr(line, " free:");

	if (sscanf(line, "memory: usage %llukB, limit %llukB", &used, &limit) == 2)
		r->limit_kb = limit;
	else if (free_at && strstr(free_at, " free_pcp:") &&
		 sscanf(free_at, " free:%llu", &pages) == 1)
		r->free_kb = pages << page_shift >> 10;
}

static void find_spared(struct oom_report *r, struct span text, unsigned page_shift)
{
	struct columns c = {0};
	char line[LINE_MAX];
	struct oom_task t;

	while (next_line(&text, line)) {
		if (strncmp(line, "[  pid  ]", 9) == 0 && !read_head(&c, line))
			return;
		if (!read_task(&c, line, page_shift, &t) || t.tgid == r->victim.tgid)
			continue;
		if (t.size_kb <= r->victim.size_kb || t.adj >= r->victim.adj)
			continue;
		r->spared_cnt++;
		if (t.size_kb > r->spared.size_kb)
			r->spared = t;
	}
}

static void find_victim(struct oom_report *r, struct span text, uint32_t victim,
			unsigned page_shift)
{
	struct columns c = {0};
	char line[LINE_MAX];
	struct oom_task t;

	while (next_line(&text, line)) {
		if (strncmp(line, "[  pid  ]", 9) == 0 && !read_head(&c, line))
			return;
		if (read_task(&c, line, page_shift, &t) && t.tgid == victim)
			r->victim = t;
	}
}

bool oom_report_parse(struct span text, uint32_t victim, unsigned page_shift,
		      struct oom_report *ret)
{
	struct oom_report r = {.limit_kb = OOM_UNKNOWN, .free_kb = OOM_UNKNOWN};
	bool is_its = false, by_turn = false;
	struct span rest = text;
	char line[LINE_MAX];

	while (next_line(&rest, line)) {
		if (strncmp(line, "oom-kill:", 9) == 0)
			is_its = take_end(&r, line, victim);
		else
			take_amounts(&r, line, page_shift);
		by_turn |= strstr(line, "oom_kill_allocating_task") != NULL;
	}
	if (!is_its)
		return false;
	find_victim(&r, text, victim, page_shift);
	if (r.victim.tgid && !by_turn) /* else nobody's size was looked at */
		find_spared(&r, text, page_shift);
	if (r.where != OOM_WHERE_CGROUP)
		r.limit_kb = OOM_UNKNOWN;
	if (r.where == OOM_WHERE_CGROUP)
		r.free_kb = OOM_UNKNOWN;
	*ret = r;
	return true;
}
