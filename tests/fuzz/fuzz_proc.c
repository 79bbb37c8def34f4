// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any bytes in the files of /proc and of a cgroup that we read. An input is sections, each
 * behind a line '@FILE' with the name of one of 'files'; they become a small /proc of one process,
 * which goes the way of a snapshot without privileges. Mounts are not fuzzed: they name directories
 * of the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/waits_fact.h"
#include "fuzz.h"
#include "source/cgroupfs.h"
#include "source/proc_source.h"
#include "source/proc_waits.h"
#include "source/quotas.h"

#define PID 77

static const char *const files[] = {
	"77/stat",
	"77/status",
	"77/cgroup",
	"77/cmdline",
	"77/limits",
	"77/syscall",
	"cgroups",
	"loadavg",
	"meminfo",
	"pressure/memory",
	"pressure/cpu",
	"cg/cpu.max",
	"cg/cpu.stat",
	"cg/a/cpu.max",
	"cg/a/cpu.stat",
	"cg/cpu.cfs_quota_us",
	"cg/cpu.cfs_period_us",
	"sys/kernel/pid_max",
	"sys/kernel/threads-max",
};

#define FILES (sizeof(files) / sizeof(files[0]))

static char top[64];

static void path_of(const char *name, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", top, name);
}

static void remove_all(void)
{
	static const char *const dirs[] = {"77",         "cg/a", "cg",   "pressure",
					   "sys/kernel", "sys",  "self", ""};
	char path[128];

	for (size_t i = 0; i < FILES; i++) {
		path_of(files[i], path, sizeof(path));
		unlink(path);
	}
	path_of("self/mountinfo", path, sizeof(path));
	unlink(path);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path_of(dirs[i], path, sizeof(path));
		rmdir(path);
	}
}

static void write_file(const char *name, const char *data, size_t len)
{
	char path[128];
	int fd;

	path_of(name, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

static void make_top(void)
{
	static const char *const dirs[] = {"77",         "self", "pressure", "sys",
					   "sys/kernel", "cg",   "cg/a"};
	char path[128];

	snprintf(top, sizeof(top), "/dev/shm/proctrail-fuzz-XXXXXX");
	if (!mkdtemp(top)) {
		snprintf(top, sizeof(top), "/tmp/proctrail-fuzz-XXXXXX");
		CHECK(mkdtemp(top));
	}
	atexit(remove_all);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path_of(dirs[i], path, sizeof(path));
		CHECK(mkdir(path, 0700) == 0);
	}
	write_file("self/mountinfo", "", 0);
}

/* ---- what an input becomes --------------------------------------------------------------------------- */

static void check_section(const char *name, struct span s)
{
	struct proc_wait_call call;
	struct waits waits;
	char line[512];

	if (strcmp(name, "77/syscall") != 0 || s.len >= sizeof(line))
		return;
	memcpy(line, s.data, s.len);
	line[s.len] = '\0';
	if (proc_wait_parse(line, &call) == PROC_WAIT_DEATH)
		CHECK(strstr("any pid pgid pidfd", call.kind));
	(void)waits_fact_parse(s, &waits);
}

static void make_files(struct span rest)
{
	static bool there[FILES];
	struct span line;
	bool given[FILES] = {0};

	while (fuzz_next_line(&rest, &line)) {
		const char *end;

		for (size_t i = 0; i < FILES && line.len; i++) {
			if (*line.data != '@' ||
			    !span_equals((struct span){line.data + 1, line.len - 1},
					 span_of(files[i])))
				continue;
			end = memmem(rest.data, rest.len, "\n@", 2);
			line = (struct span){rest.data,
					     end ? (size_t)(end + 1 - rest.data) : rest.len};
			write_file(files[i], line.data, line.len);
			check_section(files[i], line);
			given[i] = there[i] = true;
			rest.data += line.len;
			rest.len -= line.len;
			break;
		}
	}
	for (size_t i = 0; i < FILES; i++) {
		char path[128];

		path_of(files[i], path, sizeof(path));
		if (there[i] && !given[i])
			unlink(path);
		there[i] = given[i];
	}
}

static void put_quotas(struct buf *records, bool v1)
{
	struct cgroupfs cg = {.mount_fd = -1, .cpu_v1 = v1};
	struct quotas q = {0};
	struct buf path = {0};

	path_of("cg", cg.cpu_mount, sizeof(cg.cpu_mount));
	quotas_watch(&q, &cg, SPAN_LITERAL("/a"), records);
	quotas_watch_of(&q, &cg, top, PID, 0, records);
	quotas_refresh(&q, &cg, records);
	(void)cgroupfs_put_path_of(&cg, top, PID, &path);
	buf_release(&path);
	quotas_release(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf records = {0};
	struct source *s;
	struct span batch;
	int err;

	if (!*top)
		make_top();
	make_files((struct span){(const char *)data, size});
	CHECK(proc_source_open(top, false, &s) == 0);
	while ((err = source_next(s, 0, &batch)) == 0)
		buf_put_span(&records, batch);
	CHECK(err == -ENODATA);
	source_free(s);
	put_quotas(&records, false);
	put_quotas(&records, true);
	CHECK(!records.err && records.len);
	fuzz_stream(records.data, records.len);
	buf_release(&records);
	return 0;
}
