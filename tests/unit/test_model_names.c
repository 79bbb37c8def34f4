// SPDX-License-Identifier: GPL-2.0-only
/* What things are called, and what cgroup paths say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/cgroup.h"
#include "model/proc.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX32 "0123456789abcdef0123456789abcdef"

static void assert_span(const char *path, const char *what, struct span s, const char *want)
{
	if (!span_equals(s, span_of(want)))
		fail_msg("%s of %s: expected '%s', got '%.*s'", what, path, want, (int)s.len,
			 s.data ? s.data : "");
}

static void paths_name_units_and_containers(void **state)
{
	static const struct {
		const char *path, *unit, *container;
	} rows[] = {
		{"/", "", ""},
		{"", "", ""},
		{"/init.scope", "init.scope", ""},
		{"/system.slice/mail.service", "mail.service", ""},
		{"/system.slice", "system.slice", ""},
		{"/system.slice/mail.service/worker", "mail.service", ""},
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service",
		 "dbus.service", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service",
		 ""},
		{"/system.slice/docker-" HEX64 ".scope", "docker-" HEX64 ".scope", HEX64},
		{"/docker/" HEX64, "", HEX64},
		{"/docker/" HEX64 "/inner", "", HEX64},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podx.slice/"
		 "cri-containerd-" HEX64 ".scope",
		 "cri-containerd-" HEX64 ".scope", HEX64},
		{"/kubepods/besteffort/pod1234/" HEX64, "", HEX64},
		{"/kubepods.slice/crio-" HEX64 ".scope", "crio-" HEX64 ".scope", HEX64},
		{"/kubepods.slice/crio-conmon-" HEX64 ".scope", "crio-conmon-" HEX64 ".scope", ""},
		{"/machine.slice/libpod-" HEX64 ".scope/container", "libpod-" HEX64 ".scope",
		 HEX64},
		{"/machine.slice/libpod-conmon-" HEX64 ".scope", "libpod-conmon-" HEX64 ".scope",
		 ""},
		{"/lxc.payload.web/init.scope", "init.scope", "web"},
		{"/lxc/web", "", "web"},
		{"/machine.slice/machine-deb.scope/payload", "machine-deb.scope", "deb"},
		{"/docker/" HEX32, "", HEX32},
		{"/somewhere/" HEX32, "", ""},
		{"/docker/0123", "", ""},
		{"/.service", "", ""},
		{"//system.slice///a.service//", "a.service", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct span path = span_of(rows[i].path);

		assert_span(rows[i].path, "unit", cgroup_path_unit(path), rows[i].unit);
		assert_span(rows[i].path, "container", cgroup_path_container(path),
			    rows[i].container);
	}
}

static void a_cgroup_gets_its_path_later_and_may_be_renamed(void **state)
{
	struct intern strings = {0};
	struct cgroup_table t = {.strings = &strings};
	struct cgroup *cg = cgroup_table_ref(&t, 7);

	(void)state;
	assert_null(cgroup_table_ref(&t, 0));
	assert_null(cg->path);
	assert_int_equal(cgroup_table_name(&t, 7, span_of("/a.service")), 0);
	assert_ptr_equal(cgroup_table_ref(&t, 7), cg);
	assert_span("7", "unit", cg->unit, "a.service");
	assert_int_equal(cgroup_table_name(&t, 7, span_of("/b.service")), 0);
	assert_span("7", "unit", cg->unit, "b.service");
	for (uint64_t id = 8; id < 2000; id++)
		assert_non_null(cgroup_table_ref(&t, id));
	assert_ptr_equal(cgroup_table_ref(&t, 7), cg);
	cgroup_table_release(&t);
	assert_int_equal(strings.cnt, 0);
	intern_release(&strings);
}

/* A cluster node that makes a pod a second: names go when nobody is there, the oldest first. */
static void names_of_cgroups_do_not_pile_up(void **state)
{
	struct intern strings = {0};
	struct cgroup_table t = {.strings = &strings};
	struct cgroup *first = cgroup_table_ref(&t, 1), *left, *unnamed;
	char path[32];

	(void)state;
	for (uint64_t id = 1; id <= 3 * CGROUPS_UNUSED_MAX; id++) {
		snprintf(path, sizeof(path), "/pod%llu", (unsigned long long)id);
		assert_int_equal(cgroup_table_name(&t, id, span_of(path)), 0);
	}
	assert_int_equal(t.unused_cnt, CGROUPS_UNUSED_MAX);
	assert_int_equal(t.by_id.cnt, CGROUPS_UNUSED_MAX + 1);
	assert_int_equal(strings.cnt, CGROUPS_UNUSED_MAX + 1);
	assert_true(span_equals(intern_span(first->path), span_of("/pod1")));

	/* left last, it is the youngest of the unused, and its name is still known */
	cgroup_table_unref(&t, first);
	for (uint64_t id = 1; id < CGROUPS_UNUSED_MAX; id++)
		cgroup_table_name(&t, 100000 + id, span_of("/late"));
	left = cgroup_table_ref(&t, 1);
	assert_ptr_equal(left, first);
	assert_non_null(left->path);

	/* without a name there is nothing to keep */
	unnamed = cgroup_table_ref(&t, 5000000);
	cgroup_table_unref(&t, unnamed);
	assert_null(map_find(&t.by_id, 5000000, 0));
	cgroup_table_release(&t);
	assert_int_equal(strings.cnt, 0);
	intern_release(&strings);
}

static void signals_have_names(void **state)
{
	(void)state;
	assert_string_equal(signal_name(9), "SIGKILL");
	assert_string_equal(signal_name(31), "SIGSYS");
	assert_string_equal(signal_name(34), "SIGRTMIN");
	assert_string_equal(signal_name(37), "SIGRTMIN+3");
	assert_string_equal(signal_name(64), "SIGRTMAX");
	for (int sig = 1; sig <= 64; sig++)
		assert_non_null(signal_name(sig));
	assert_null(signal_name(0));
	assert_null(signal_name(-1));
	assert_null(signal_name(65));
	assert_null(signal_name(127));
}

static void states_look_as_in_ps(void **state)
{
	static const struct {
		struct proc p;
		char want;
	} rows[] = {
		{{.state = PROC_BORN}, '?'},
		{{.state = PROC_RUNNING, .pass = 1, .task_state = 0}, 'R'},
		{{.state = PROC_RUNNING, .pass = 1, .task_state = 1}, 'S'},
		{{.state = PROC_RUNNING, .pass = 1, .task_state = 2}, 'D'},
		{{.state = PROC_RUNNING, .pass = 1, .task_state = 0x402}, 'I'},
		{{.state = PROC_RUNNING, .pass = 1, .task_state = 8}, 't'},
		{{.state = PROC_RUNNING, .flags = PROC_STOPPED}, 'T'},
		{{.state = PROC_RUNNING, .flags = PROC_LEADER_DEAD}, 'Z'},
		{{.state = PROC_DYING}, 'X'},
		{{.state = PROC_ZOMBIE}, 'Z'},
		{{.state = PROC_REAPED}, 'X'},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char got = proc_state_char(&rows[i].p);

		if (got != rows[i].want)
			fail_msg("row %zu: expected %c, got %c", i, rows[i].want, got);
	}
	assert_string_equal(spawn_how_name(HOW_POSIX_SPAWN), "posix_spawn");
	assert_string_equal(spawn_how_name(HOW_UNKNOWN), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_name_units_and_containers),
		cmocka_unit_test(a_cgroup_gets_its_path_later_and_may_be_renamed),
		cmocka_unit_test(names_of_cgroups_do_not_pile_up),
		cmocka_unit_test(signals_have_names),
		cmocka_unit_test(states_look_as_in_ps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
