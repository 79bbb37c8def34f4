// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded: the n-th allocation fails, whoever asks for it in this process (libbpf and libelf too).
 * FAIL_NTH says which, 0: none; FAIL_REPORT a file of 8 bytes, which counts them. Children are left
 * alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t cnt, size_t len);
void *__libc_realloc(void *p, size_t len);

static uint64_t *count; /* NULL: not begun */
static uint64_t nth;

__attribute__((constructor)) static void begin(void)
{
	const char *n = getenv("FAIL_NTH"), *report = getenv("FAIL_REPORT");
	int fd = n && report ? open(report, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	nth = strtoull(n, NULL, 10);
	p = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	unsetenv("LD_PRELOAD");
	unsetenv("FAIL_NTH");
	unsetenv("FAIL_REPORT");
	if (p != MAP_FAILED)
		count = p;
}

static bool fails(void)
{
	if (!count || __atomic_add_fetch(count, 1, __ATOMIC_RELAXED) != nth)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t len)
{
	return fails() ? NULL : __libc_malloc(len);
}

void *calloc(size_t cnt, size_t len)
{
	return fails() ? NULL : __libc_calloc(cnt, len);
}

void *realloc(void *p, size_t len)
{
	return fails() ? NULL : __libc_realloc(p, len);
}
