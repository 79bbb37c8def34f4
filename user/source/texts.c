// SPDX-License-Identifier: GPL-2.0-only
#include "source/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/records.h"

#define TEXT_MAX 4096        /* of one file */
#define LOG_MAX  (64u << 10) /* of the kernel log, the newest lines win */

/* Bytes read, or -errno */
static ssize_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len < size && (n = read(fd, text + len, size - len)) > 0)
		len += (size_t)n;
	close(fd);
	return (ssize_t)len;
}

static void put_file(struct buf *records, const char *path, const char *name)
{
	char text[TEXT_MAX];
	ssize_t n = read_text(path, text, sizeof(text));

	if (n > 0)
		records_put_text(records, REC_FACT_TEXT, 0, span_of(name),
				 (struct span){text, (size_t)n});
}

void texts_put_machine(struct buf *records, const char *proc_dir)
{
	static const char *const names[] = {
		"loadavg",
		"uptime",
		"meminfo",
		"sys/kernel/pid_max",
		"sys/kernel/threads-max",
		"pressure/cpu",
		"pressure/memory",
		"pressure/io",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[PATH_MAX], name[64];

		snprintf(path, sizeof(path), "%s/%s", proc_dir ? proc_dir : "/proc", names[i]);
		snprintf(name, sizeof(name), "/proc/%s", names[i]);
		put_file(records, path, name);
	}
}

static void put_limit(struct buf *records, const char *mount, const char *path, const char *file)
{
	char full[PATH_MAX + 512], name[PATH_MAX + 64];

	snprintf(full, sizeof(full), "%s%s/%s", mount, path, file);
	snprintf(name, sizeof(name), "cgroup:%s/%s", path, file);
	put_file(records, full, name);
}

void texts_put_pids_limits(struct buf *records, const struct cgroupfs *cg, struct span path)
{
	char dir[PATH_MAX], full[PATH_MAX + 512], max[32];
	ssize_t n;

	if (!*cg->pids_mount || path.len >= sizeof(dir))
		return;
	memcpy(dir, path.data, path.len);
	dir[path.len] = '\0';
	while (dir[0] == '/' && dir[1]) {
		snprintf(full, sizeof(full), "%s%s/pids.max", cg->pids_mount, dir);
		n = read_text(full, max, sizeof(max) - 1);
		if (n > 0 && max[0] != 'm') {
			put_limit(records, cg->pids_mount, dir, "pids.max");
			put_limit(records, cg->pids_mount, dir, "pids.current");
		}
		*strrchr(dir, '/') = '\0';
	}
}

static bool tells_of_a_death(const char *text)
{
	static const char *const words[] = {
		"oom-kill:",          "Out of memory", "Killed process",       "segfault at",
		"general protection", "trap invalid",  "blocked for more than"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

/* A record of /dev/kmsg: "6,1234,987654321,-;text\n KEY=value\n"; times in us since boot */
static void keep_log_line(struct buf *log, char *line)
{
	unsigned long long us;
	char *text = strchr(line, ';');

	if (!text || sscanf(line, "%*[^,],%*[^,],%llu", &us) != 1)
		return;
	text++;
	text[strcspn(text, "\n")] = '\0';
	if (tells_of_a_death(text))
		buf_printf(log, "%llu %s\n", us, text);
}

void texts_put_kernel_log(struct buf *records)
{
	char line[8192];
	struct buf log = {0};
	struct span text;
	ssize_t n;
	int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	/* EPIPE: what we stood at was overwritten, the next read goes on with the oldest there is */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		line[n] = '\0';
		keep_log_line(&log, line);
	}
	close(fd);
	text = (struct span){log.data, log.len};
	if (text.len > LOG_MAX) {
		text.data += text.len - LOG_MAX;
		text.len = LOG_MAX;
	}
	records_put_text(records, REC_FACT_TEXT, 0, SPAN_LITERAL("kmsg"), text);
	buf_release(&log);
}
