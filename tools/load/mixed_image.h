/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that mixed.c starts: itself. Its first instructions note the time, and how long it has
 * run since it was born, before the C library begins: nothing but the way back from execve() and the
 * page fault of the first instruction lies between the end of exec and that.
 */
#ifndef PROCTRAIL_LOAD_MIXED_IMAGE_H
#define PROCTRAIL_LOAD_MIXED_IMAGE_H

#include "load.h"

/* Noted by whoever lives through them, in memory that all share; 0: not, or not yet. */
struct moments {
	uint64_t child_ns;       /* CLOCK_BOOTTIME: the child's first instruction of its own */
	uint64_t exec_ns;        /* it calls execve() */
	uint64_t image_ns;       /* the first instruction of the new image */
	uint64_t image_cpu_ns;   /* how long it has run until then */
	uint64_t image_delay_ns; /* how long it has waited for a CPU, until a little later */
	uint64_t end_ns;         /* of a thread: it goes now */
};

struct timespec image_first[2]; /* by the boot clock, and by the thread's own CPU clock */

/* clock_gettime(CLOCK_BOOTTIME), clock_gettime(CLOCK_THREAD_CPUTIME_ID), and on as any program */
_Static_assert(CLOCK_BOOTTIME == 7 && CLOCK_THREAD_CPUTIME_ID == 3, "the numbers below");
#if defined(__x86_64__)
_Static_assert(SYS_clock_gettime == 228, "the number below");
__asm__(".globl mixed_entry\n"
	"mixed_entry:\n\t"
	"mov $228, %eax\n\t"
	"mov $7, %edi\n\t"
	"lea image_first(%rip), %rsi\n\t"
	"syscall\n\t"
	"mov $228, %eax\n\t"
	"mov $3, %edi\n\t"
	"lea image_first+16(%rip), %rsi\n\t"
	"syscall\n\t"
	"jmp _start");
#else
_Static_assert(SYS_clock_gettime == 113, "the number below");
__asm__(".globl mixed_entry\n"
	"mixed_entry:\n\t"
	"mov x9, x0\n\t"
	"mov x8, #113\n\t"
	"mov x0, #7\n\t"
	"adrp x10, image_first\n\t"
	"add x10, x10, :lo12:image_first\n\t"
	"mov x1, x10\n\t"
	"svc #0\n\t"
	"mov x0, #3\n\t"
	"add x1, x10, #16\n\t"
	"svc #0\n\t"
	"mov x0, x9\n\t"
	"b _start");
#endif

static uint64_t image_ns_of(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * 1000000000ULL + (uint64_t)ts->tv_nsec;
}

/* The second number of schedstat; 0 where the kernel does not keep it. */
static uint64_t image_delay_ns(void)
{
	unsigned long long ran, delay = 0;
	FILE *f = fopen("/proc/self/schedstat", "re");

	if (f && fscanf(f, "%llu %llu", &ran, &delay) != 2)
		delay = 0;
	if (f)
		fclose(f);
	return delay;
}

/* NAME image FD CODE: it has nothing to do but to say since when it runs. First thing in main. */
static void image_if_asked(int argc, char **argv)
{
	uint64_t at[] = {image_ns_of(&image_first[0]), image_ns_of(&image_first[1]), 0};

	if (argc != 4 || strcmp(argv[1], "image"))
		return;
	at[2] = image_delay_ns();
	if (pwrite(atoi(argv[2]), at, sizeof(at), offsetof(struct moments, image_ns)) != sizeof(at))
		_exit(1);
	_exit(atoi(argv[3]));
}

#endif
