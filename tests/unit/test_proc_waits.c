// SPDX-License-Identifier: GPL-2.0-only
/* Who sits in a wait call: from the lines of /proc, from a made /proc, and of real processes. */
#include "source/records.h" /* before signal.h, whose macros its fields are named like */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "source/proc_reader.h"
#include "source/proc_waits.h"

#define HIGH " 0x0 0x0 0x7ffdae69a848 0x7f16aefa92ad\n" /* A4, A5, SP, PC of a 64-bit process */
#define LOW  " 0x0 0x0 0xffd3a848 0xf7f02549\n"         /* of a 32-bit one */

/* ---- lines ---------------------------------------------------------------------------------- */

static void expect_line(long nr, const char *rest, const char *want)
{
	struct proc_wait_call call = {"untouched", 0, 0};
	char line[256], got[128];

	snprintf(line, sizeof(line), "%ld %s", nr, rest);
	switch (proc_wait_parse(line, &call)) {
	case PROC_WAIT_NONE: snprintf(got, sizeof(got), "none"); break;
	case PROC_WAIT_COMPAT: snprintf(got, sizeof(got), "compat"); break;
	case PROC_WAIT_DEATH:
		snprintf(got, sizeof(got), "%s %u %u", call.kind, call.id, call.options);
		break;
	}
	if (strcmp(got, want))
		fail_msg("'%s': wanted '%s', got '%s'", line, want, got);
}

static void wait4_lines(void **state)
{
	(void)state;
	expect_line(SYS_wait4, "0xffffffffffffffff 0x7ffd 0x0 0x0" HIGH, "any 0 0");
	expect_line(SYS_wait4, "0xffffffff 0x7ffd 0xa 0x0" HIGH, "any 0 10");
	expect_line(SYS_wait4, "0x4d2 0x0 0x40000000 0x0" HIGH, "pid 1234 1073741824");
	expect_line(SYS_wait4, "0x0 0x0 0x0 0x0" HIGH, "pgid 0 0");
	expect_line(SYS_wait4, "0xffffffffffffff85 0x0 0x0 0x0" HIGH, "pgid 123 0");
	expect_line(SYS_wait4, "0xffffff85 0x0 0xdead000000000000 0x0" HIGH, "pgid 123 0");
	expect_line(SYS_wait4, "0x80000000 0x0 0x0 0x0" HIGH, "pgid 2147483648 0");
	expect_line(SYS_wait4, "0xffffffff 0x0 0x80000000 0x0" HIGH, "any 0 2147483648");
}

static void waitid_lines(void **state)
{
	(void)state;
	expect_line(SYS_waitid, "0x0 0x63 0x7ffd 0x4" HIGH, "any 0 4");
	expect_line(SYS_waitid, "0x1 0x4d2 0x7ffd 0x1000004" HIGH, "pid 1234 16777220");
	expect_line(SYS_waitid, "0x2 0x0 0x7ffd 0x4" HIGH, "pgid 0 4");
	expect_line(SYS_waitid, "0x3 0x5 0x7ffd 0x4" HIGH, "pidfd 5 4");
	expect_line(SYS_waitid, "0x4 0x5 0x7ffd 0x4" HIGH, "none"); /* no such type yet */
	expect_line(SYS_waitid, "0xffffffff 0x5 0x7ffd 0x4" HIGH, "none");
	expect_line(SYS_waitid, "0x0 0x0 0x7ffd 0xa" HIGH, "none"); /* stops and continues only */
}

static void other_lines(void **state)
{
	struct proc_wait_call call;

	(void)state;
	expect_line(SYS_read, "0xffffffff 0x0 0x4 0x4" HIGH, "none");
	expect_line(-1, "0x7ffdae69a848 0x7f16aefa92ad\n", "none");
	expect_line(SYS_wait4, "0xffffffff 0x0 0x0\n", "none"); /* cut */
	expect_line(0, "0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", "none");
	assert_int_equal(proc_wait_parse("running\n", &call), PROC_WAIT_NONE);
	assert_int_equal(proc_wait_parse("", &call), PROC_WAIT_NONE);
	assert_int_equal(proc_wait_parse("\n61", &call), PROC_WAIT_NONE);
}

/* wait4 is 114 on i386 and arm; to a 64-bit process it is another call. */
static void lines_of_32_bit_processes(void **state)
{
	(void)state;
	expect_line(114, "0xffffffff 0x0 0x0 0x0" LOW, "compat");
	expect_line(114, "0xffffffff 0x0 0x0 0x0" HIGH, "none");
	expect_line(114, "0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", "none"); /* a kernel thread */
#ifdef __x86_64__
	expect_line(7, "0xffffffff 0x0 0x0 0x0" LOW, "compat");
	expect_line(7, "0xffffffff 0x0 0x0 0x0" HIGH, "none"); /* poll */
	expect_line(284, "0x0 0x0 0x0 0x4" LOW, "compat");
	expect_line(0x4000003d, "0xffffffff 0x0 0x0 0x0" HIGH, "compat"); /* x32 */
#endif
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Collects until one record is there, and checks that it is the fact called name. */
static char *answer_of(struct proc_reader *r, const char *name)
{
	struct buf records = {0};
	const struct rec_text *rec;
	char *text;

	for (int ms = 0; !records.len && ms < 5000; ms++) {
		usleep(1000);
		proc_reader_collect(r, clock_boot_ns(), &records);
	}
	assert_true(records.len >= sizeof(*rec));
	rec = (const struct rec_text *)records.data;
	assert_int_equal(rec->h.type, REC_FACT_TEXT);
	assert_int_equal(rec->h.size, records.len);
	assert_int_equal(rec->name_len, strlen(name));
	assert_memory_equal(rec + 1, name, rec->name_len);
	text = strndup((const char *)(rec + 1) + rec->name_len, rec->text_len);
	assert_non_null(text);
	buf_release(&records);
	return text;
}

static char *waits_of(const char *proc_dir, pid_t pid, uint64_t start_ns)
{
	struct proc_reader *r = proc_reader_new(proc_dir, 64);
	char name[64], *text;

	assert_non_null(r);
	snprintf(name, sizeof(name), "waits:%d:%llu", pid, (unsigned long long)start_ns);
	assert_int_equal(proc_reader_ask_waits(r, (uint32_t)pid, start_ns), 0);
	text = answer_of(r, name);
	assert_true(proc_reader_idle(r));
	proc_reader_free(r);
	return text;
}

static void expect_waits(const char *proc_dir, pid_t pid, uint64_t start_ns, const char *want)
{
	char *got = waits_of(proc_dir, pid, start_ns);

	assert_string_equal(got, want);
	free(got);
}

/* ---- a made /proc --------------------------------------------------------------------------- */

struct made {
	char dir[64];
};

static void made_put(const struct made *m, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void made_mkdir(const struct made *m, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void made_thread(const struct made *m, unsigned tid, const char *line)
{
	char name[64];

	snprintf(name, sizeof(name), "7/task/%u", tid);
	made_mkdir(m, name);
	snprintf(name, sizeof(name), "7/task/%u/syscall", tid);
	if (line)
		made_put(m, name, line);
}

/* Process 7, born 500 ticks after the boot, without a thread yet */
static int made_setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	snprintf(m->dir, sizeof(m->dir), "/tmp/proctrail-waits-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	made_mkdir(m, "7");
	made_put(m, "7/stat", "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
	made_mkdir(m, "7/task");
	*state = m;
	return 0;
}

static int made_teardown(void **state)
{
	struct made *m = *state;
	char command[96];
	int status;

	snprintf(command, sizeof(command), "rm -r '%s'", m->dir);
	status = system(command);
	free(m);
	return status;
}

static const char *wait_line(long nr, const char *rest, char *line, size_t size)
{
	snprintf(line, size, "%ld %s", nr, rest);
	return line;
}

static void threads_that_wait_have_a_line_each(void **state)
{
	struct made *m = *state;
	char line[256], *got;

	made_thread(m, 7, wait_line(SYS_wait4, "0x51 0x0 0x0 0x0" HIGH, line, sizeof(line)));
	made_thread(m, 8, "running\n");
	made_thread(m, 9, wait_line(SYS_waitid, "0x3 0x5 0x0 0x4" HIGH, line, sizeof(line)));
	made_thread(m, 10, NULL); /* gone between the listing and the look */
	got = waits_of(m->dir, 7, 0);
	assert_non_null(strstr(got, "7 pid 81 0\n"));
	assert_non_null(strstr(got, "9 pidfd 5 4\n"));
	assert_int_equal(strlen(got), strlen("7 pid 81 0\n9 pidfd 5 4\n"));
	free(got);
}

static void another_life_of_the_pid_is_gone(void **state)
{
	struct made *m = *state;
	uint64_t tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);

	expect_waits(m->dir, 7, 0, "gone\n"); /* no thread */
	made_thread(m, 7, "running\n");
	expect_waits(m->dir, 7, 500 * tick_ns + 1, "");
	expect_waits(m->dir, 7, 501 * tick_ns, "gone\n");
	expect_waits(m->dir, 8, 0, "gone\n");
}

static void a_32_bit_thread_is_said(void **state)
{
	struct made *m = *state;

	made_thread(m, 7, "114 0xffffffff 0x0 0x0 0x0" LOW);
	made_thread(m, 8, "114 0xffffffff 0x0 0x0 0x0" LOW);
	expect_waits(m->dir, 7, 0, "compat\n");
}

/* 256 of 300 are looked at; of exactly 256 there are no more. */
static void threads_are_bounded(void **state)
{
	struct made *m = *state;
	char line[256], *got;
	int lines = 0;

	wait_line(SYS_wait4, "0xffffffff 0x0 0x0 0x0" HIGH, line, sizeof(line));
	for (unsigned i = 0; i < PROC_WAITS_THREADS_MAX; i++)
		made_thread(m, 1000 + i, line);
	got = waits_of(m->dir, 7, 0);
	assert_null(strstr(got, "more\n"));
	free(got);
	for (unsigned i = PROC_WAITS_THREADS_MAX; i < 300; i++)
		made_thread(m, 1000 + i, line);
	got = waits_of(m->dir, 7, 0);
	for (const char *p = got; (p = strstr(p, " any 0 0\n")); p++)
		lines++;
	assert_int_equal(lines, PROC_WAITS_THREADS_MAX);
	assert_string_equal(got + strlen(got) - 5, "more\n");
	free(got);
}

static char *limits_of(const char *proc_dir, pid_t pid, uint64_t start_ns)
{
	struct proc_reader *r = proc_reader_new(proc_dir, 64);
	char name[64], *text;

	assert_non_null(r);
	snprintf(name, sizeof(name), "limits:%d:%llu", pid, (unsigned long long)start_ns);
	assert_int_equal(proc_reader_ask_limits(r, (uint32_t)pid, start_ns), 0);
	text = answer_of(r, name);
	proc_reader_free(r);
	return text;
}

static void the_limit_of_tasks_is_told(void **state)
{
	struct rlimit old, limit;
	char want[32], *got;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NPROC, &old), 0);
	limit = (struct rlimit){old.rlim_max == RLIM_INFINITY ? 12345 : old.rlim_max - 1,
				old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NPROC, &limit), 0);
	snprintf(want, sizeof(want), "%llu", (unsigned long long)limit.rlim_cur);
	got = limits_of(NULL, getpid(), 0);
	assert_string_equal(got, want);
	free(got);
	assert_int_equal(setrlimit(RLIMIT_NPROC, &old), 0);
	got = limits_of(NULL, getpid(), 1); /* another process that had this pid */
	assert_string_equal(got, "gone\n");
	free(got);
}

/* What waits behind the stuck one is asked by a thread of its own. */
static void what_hangs_is_given_up_and_said(void **state)
{
	struct made *m = *state;
	struct proc_reader *r = proc_reader_new(m->dir, 64);
	char path[160], *got;
	uint64_t began;
	int fd;

	assert_non_null(r);
	made_thread(m, 7, NULL);
	snprintf(path, sizeof(path), "%s/7/task/7/syscall", m->dir);
	assert_int_equal(mkfifo(path, 0600), 0); /* open() waits for a writer */
	began = clock_boot_ns();
	assert_int_equal(proc_reader_ask_waits(r, 7, 0), 0);
	got = answer_of(r, "waits:7:0");
	assert_string_equal(got, "hung\n");
	free(got);
	assert_in_range(clock_boot_ns() - began, PROC_READER_TIMEOUT_NS,
			20 * PROC_READER_TIMEOUT_NS);
	assert_int_equal(proc_reader_ask_waits(r, 8, 0), 0);
	got = answer_of(r, "waits:8:0");
	assert_string_equal(got, "gone\n");
	free(got);
	proc_reader_free(r);

	fd = open(path, O_WRONLY); /* lets the thread go, which frees what it holds */
	assert_true(fd >= 0);
	close(fd);
}

static void what_cannot_be_read_makes_all_unknown(void **state)
{
	struct made *m = *state;
	char line[256];

	wait_line(SYS_wait4, "0xffffffff 0x0 0x0 0x0" HIGH, line, sizeof(line));
	made_thread(m, 7, line);
	made_thread(m, 8, NULL);
	made_mkdir(m, "7/task/8/syscall");
	made_thread(m, 9, line);
	expect_waits(m->dir, 7, 0, "denied\n");
}

/* ---- real ones ------------------------------------------------------------------------------ */

struct family {
	pid_t parent, child;
};

/* Also where the parent was quicker to die */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

static void sleep_below(pid_t parent, int ready)
{
	pid_t me = getpid();

	die_with(parent);
	if (write(ready, &me, sizeof(me)) != sizeof(me))
		_exit(1);
	for (;;)
		pause();
}

/* A parent, and a child of it that sleeps; how: what the parent then does for ever */
static struct family family_start(void (*how)(pid_t child))
{
	pid_t test = getpid();
	struct family f;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	f.parent = fork();
	assert_true(f.parent >= 0);
	if (!f.parent) {
		pid_t me = getpid();

		die_with(test);
		f.child = fork();
		if (!f.child)
			sleep_below(me, ends[1]);
		if (f.child > 0)
			how(f.child);
		_exit(1);
	}
	close(ends[1]);
	/* from the child itself: from now on it dies with its parent */
	assert_int_equal(read(ends[0], &f.child, sizeof(f.child)), sizeof(f.child));
	close(ends[0]);
	return f;
}

static void family_end(struct family f)
{
	assert_int_equal(kill(f.parent, SIGKILL), 0);
	assert_int_equal(waitpid(f.parent, NULL, 0), f.parent);
	/* Adopted by us, its subreaper; or a thread of the parent's reaped it while they all died. */
	assert_true(waitpid(f.child, NULL, 0) == f.child || errno == ECHILD);
}

/* Asks until the answer is as wanted: it may take its time to get into the call. */
static void expect_family(void (*how)(pid_t child), const char *fmt)
{
	struct family f = family_start(how);
	char want[64], *got = NULL;

	snprintf(want, sizeof(want), fmt, f.parent, f.child);
	for (int tries = 0; tries < 500; tries++) {
		free(got);
		got = waits_of(NULL, f.parent, 0);
		if (strcmp(got, want) == 0)
			break;
		usleep(10000);
	}
	assert_string_equal(got, want);
	free(got);
	family_end(f);
}

static void waits_for_child(pid_t child)
{
	waitpid(child, NULL, 0);
}

static void waits_for_any(pid_t child)
{
	(void)child;
	waitpid(-1, NULL, WUNTRACED);
}

static void waits_by_waitid(pid_t child)
{
	siginfo_t info;

	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
}

static void waits_for_stops(pid_t child)
{
	siginfo_t info;

	waitid(P_PID, (id_t)child, &info, WSTOPPED);
}

static void real_waits(void **state)
{
	(void)state;
	expect_family(waits_for_child, "%1$d pid %2$d 0\n");
	expect_family(waits_for_any, "%1$d any 0 2\n");
	expect_family(waits_by_waitid, "%1$d pid %2$d 16777220\n");
}

static void sleeps(pid_t child)
{
	(void)child;
	for (;;)
		pause();
}

static void spins(pid_t child)
{
	(void)child;
	for (;;)
		;
}

static bool in_call(pid_t pid, long nr)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return nr < 0 ? strncmp(line, "running", 7) == 0 : strtol(line, NULL, 10) == nr;
}

static void expect_none(void (*how)(pid_t child), long nr)
{
	struct family f = family_start(how);

	for (int tries = 0; !in_call(f.parent, nr) && tries < 500; tries++)
		usleep(10000);
	expect_waits(NULL, f.parent, 0, "");
	family_end(f);
}

static void real_ones_that_do_not_wait(void **state)
{
	(void)state;
#ifdef SYS_pause
	expect_none(sleeps, SYS_pause);
#else
	expect_none(sleeps, SYS_ppoll);
#endif
	expect_none(spins, -1);
	expect_none(waits_for_stops, SYS_waitid);
}

static void *wait_in_thread(void *arg)
{
	(void)arg;
	waitpid(-1, NULL, 0);
	return NULL;
}

static void waits_in_another_thread(pid_t child)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, wait_in_thread, NULL))
		sleeps(child);
}

static void a_thread_beside_the_leader(void **state)
{
	struct family f = family_start(waits_in_another_thread);
	char *got = NULL;
	int tid = 0, used = 0;

	(void)state;
	for (int tries = 0; !used && tries < 500; tries++) {
		free(got);
		got = waits_of(NULL, f.parent, 0);
		sscanf(got, "%d any 0 0\n%n", &tid, &used);
		usleep(10000);
	}
	assert_int_equal(used, strlen(got));
	assert_true(tid > 0 && tid != f.parent);
	free(got);
	family_end(f);
}

/* Nobody's own privileges do not reach into root's process, or ours into init. */
static void a_stranger_is_denied(void **state)
{
	pid_t target = geteuid() ? 1 : getpid(), child;
	int status;
	char *got;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (geteuid() == 0 &&
		    (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
			_exit(2);
		got = waits_of(NULL, target, 0);
		_exit(strcmp(got, "denied\n") != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wait4_lines),
		cmocka_unit_test(waitid_lines),
		cmocka_unit_test(other_lines),
		cmocka_unit_test(lines_of_32_bit_processes),
		cmocka_unit_test_setup_teardown(threads_that_wait_have_a_line_each, made_setup,
						made_teardown),
		cmocka_unit_test_setup_teardown(another_life_of_the_pid_is_gone, made_setup,
						made_teardown),
		cmocka_unit_test_setup_teardown(a_32_bit_thread_is_said, made_setup, made_teardown),
		cmocka_unit_test_setup_teardown(threads_are_bounded, made_setup, made_teardown),
		cmocka_unit_test_setup_teardown(what_hangs_is_given_up_and_said, made_setup,
						made_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_makes_all_unknown, made_setup,
						made_teardown),
		cmocka_unit_test(the_limit_of_tasks_is_told),
		cmocka_unit_test(real_waits),
		cmocka_unit_test(real_ones_that_do_not_wait),
		cmocka_unit_test(a_thread_beside_the_leader),
		cmocka_unit_test(a_stranger_is_denied),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
