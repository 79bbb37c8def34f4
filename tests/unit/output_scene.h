/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine, a shell and its child, made by hand, for the tests of what changes look like. */
#ifndef PROCTRAIL_TESTS_OUTPUT_SCENE_H
#define PROCTRAIL_TESTS_OUTPUT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "output/render.h"

#define BOOT_NS (3600 * NS_PER_SEC)

/* A machine, a shell and its child, made by hand; every test bends what it needs. */
struct scene {
	struct proc_table *table;
	struct intern strings;
	struct cgroup cgroup;
	struct proc shell, child;
	struct proc_death death;
	struct event ev;
	struct change c;
	struct render r;
	struct buf b;
};

static void apply_host(struct scene *s)
{
	struct event ev = {
		.host =
			{
				.h = {.boot_ns = BOOT_NS,
				      .size = sizeof(struct rec_host),
				      .type = REC_HOST,
				      .cpu = 0xffff},
				.real_ns = 1795486267412000000, /* 2026-11-24 02:11:07.412 UTC */
				.mem_kb = 8388608,
				.boot_id = {0x5a, 0x01, 0xbe, 0xef, 4, 5, 6, 7, 8, 9, 10, 11, 12,
					    13, 14, 15},
				.hooks = REC_HOOK_NOTIFY | REC_HOOK_RELEASE_KPROBE,
				.cpus = 8,
				.page_shift = 12,
			},
		.name = SPAN_LITERAL("db1"),
		.release = SPAN_LITERAL("6.1.0"),
		.machine = SPAN_LITERAL("x86_64"),
		.zone = SPAN_LITERAL("UTC"),
		.version = SPAN_LITERAL("0.1"),
	};

	assert_int_equal(proc_table_apply(s->table, &ev), 0);
}

static struct intern_str *str(struct scene *s, struct span text, uint32_t true_len)
{
	return intern_get(&s->strings, text, true_len);
}

static int setup(void **state)
{
	static struct scene scene;
	struct scene *s = &scene;

	*s = (struct scene){.table = proc_table_new(NULL)};
	assert_non_null(s->table);
	apply_host(s);
	s->cgroup.path = str(s, SPAN_LITERAL("/system.slice/cron.service"), 0);
	s->cgroup.unit = (struct span){s->cgroup.path->data + 14, 12};
	s->shell = (struct proc){.key = {4301, BOOT_NS - NS_PER_SEC},
				 .comm = "sh",
				 .state = PROC_RUNNING,
				 .pidns = 1,
				 .how = HOW_FORK};
	s->child = (struct proc){.key = {4302, BOOT_NS},
				 .birth_parent = s->shell.key,
				 .parent = &s->shell,
				 .comm = "true",
				 .state = PROC_RUNNING,
				 .pidns = 1,
				 .uid = 1000,
				 .how = HOW_FORK,
				 .cgroup = &s->cgroup};
	s->child.exe = str(s, SPAN_LITERAL("/bin/true"), 0);
	s->child.args = str(s, SPAN_LITERAL("/bin/true\0"), 0);
	s->child.cwd = str(s, SPAN_LITERAL("/tmp"), 0);
	s->ev.h = (struct rec_hdr){.boot_ns = BOOT_NS + 2 * NS_PER_MS,
				   .start_ns = BOOT_NS,
				   .parent_start_ns = s->shell.key.start_ns,
				   .tgid = 4302,
				   .tid = 4302,
				   .ppid = 4301};
	s->c = (struct change){
		.boot_ns = s->ev.h.boot_ns, .proc = &s->child, .other = &s->shell, .ev = &s->ev};
	s->r = (struct render){
		.table = s->table, .style = {.utf8 = true, .columns = 80}, .json = true};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	buf_release(&s->b);
	intern_release(&s->strings);
	proc_table_free(s->table);
	return 0;
}

static const char *line(struct scene *s, enum change_kind kind, uint16_t rec_type)
{
	buf_reset(&s->b);
	s->c.kind = kind;
	s->ev.h.type = rec_type;
	render_change(&s->b, &s->r, &s->c);
	return buf_str(&s->b);
}

static inline const char *text(struct scene *s, enum change_kind kind, uint16_t rec_type,
			       int columns)
{
	s->r.json = false;
	s->r.style.columns = columns;
	return line(s, kind, rec_type);
}

static inline void set_time(struct scene *s, uint64_t after_ns)
{
	s->ev.h.boot_ns = BOOT_NS + after_ns;
	s->c.boot_ns = s->ev.h.boot_ns;
}

#endif
