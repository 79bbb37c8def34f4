/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that runs out: the n-th allocation fails, or it and all that follow. The Makefile links tests
 * called test_no_memory_* with --wrap for what is below, so calls of ours come here, whichever thread
 * makes them, and those of cmocka and libc do not. To be included once a program.
 */
#ifndef PROCTRAIL_TESTS_NO_MEMORY_H
#define PROCTRAIL_TESTS_NO_MEMORY_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define NO_MEMORY_MAX 20000 /* allocations of a scenario: more will not be its end */

static struct {
	bool armed, rest;
	unsigned cnt, nth;
} no_memory;

/* From here on. rest: those behind the n-th fail, too. */
static inline void no_memory_begin(unsigned nth, bool rest)
{
	no_memory.nth = nth;
	no_memory.rest = rest;
	__atomic_store_n(&no_memory.cnt, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&no_memory.armed, true, __ATOMIC_SEQ_CST);
}

/* To here. False: there were fewer allocations than n. */
static inline bool no_memory_end(void)
{
	__atomic_store_n(&no_memory.armed, false, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&no_memory.cnt, __ATOMIC_SEQ_CST) >= no_memory.nth;
}

static inline bool no_memory_now(void)
{
	unsigned cnt;

	if (!__atomic_load_n(&no_memory.armed, __ATOMIC_SEQ_CST))
		return false;
	cnt = __atomic_add_fetch(&no_memory.cnt, 1, __ATOMIC_SEQ_CST);
	if (cnt < no_memory.nth || (cnt > no_memory.nth && !no_memory.rest))
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- ours, then libc's ------------------------------------------------------------------------------ */

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_malloc(size_t len)
{
	return no_memory_now() ? NULL : __real_malloc(len);
}

void *__real_calloc(size_t cnt, size_t len);
void *__wrap_calloc(size_t cnt, size_t len);
void *__wrap_calloc(size_t cnt, size_t len)
{
	return no_memory_now() ? NULL : __real_calloc(cnt, len);
}

void *__real_realloc(void *p, size_t len);
void *__wrap_realloc(void *p, size_t len);
void *__wrap_realloc(void *p, size_t len)
{
	return no_memory_now() ? NULL : __real_realloc(p, len);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
	return no_memory_now() ? NULL : __real_strdup(s);
}

char *__real_strndup(const char *s, size_t len);
char *__wrap_strndup(const char *s, size_t len);
char *__wrap_strndup(const char *s, size_t len)
{
	return no_memory_now() ? NULL : __real_strndup(s, len);
}

/* On failure the pointer is not defined: it is made one that nobody may free. */
static inline int no_memory_vasprintf(char **ret, const char *fmt, va_list ap)
{
	*ret = (char *)1;
	return no_memory_now() ? -1 : vasprintf(ret, fmt, ap);
}

int __wrap_asprintf(char **ret, const char *fmt, ...);
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = no_memory_vasprintf(ret, fmt, ap);
	va_end(ap);
	return len;
}

/* The same under _FORTIFY_SOURCE */
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, fmt);
	len = no_memory_vasprintf(ret, fmt, ap);
	va_end(ap);
	return len;
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd)
{
	return no_memory_now() ? NULL : __real_fdopendir(fd);
}

int __real_deflateInit2_(z_streamp z, int level, int method, int window, int mem, int strategy,
			 const char *version, int size);
int __wrap_deflateInit2_(z_streamp z, int level, int method, int window, int mem, int strategy,
			 const char *version, int size);
int __wrap_deflateInit2_(z_streamp z, int level, int method, int window, int mem, int strategy,
			 const char *version, int size)
{
	if (no_memory_now())
		return Z_MEM_ERROR;
	return __real_deflateInit2_(z, level, method, window, mem, strategy, version, size);
}

int __real_inflateInit2_(z_streamp z, int window, const char *version, int size);
int __wrap_inflateInit2_(z_streamp z, int window, const char *version, int size);
int __wrap_inflateInit2_(z_streamp z, int window, const char *version, int size)
{
	return no_memory_now() ? Z_MEM_ERROR : __real_inflateInit2_(z, window, version, size);
}

/* ---- what must not be left behind ------------------------------------------------------------------- */

static inline unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned cnt = 0;

	while (dir && readdir(dir))
		cnt++;
	if (dir)
		closedir(dir);
	return cnt;
}

#endif
