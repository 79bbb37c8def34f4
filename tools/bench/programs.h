/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs on the machine that does not exist: images, command lines, and who starts whom. */
#ifndef PROCTRAIL_BENCH_PROGRAMS_H
#define PROCTRAIL_BENCH_PROGRAMS_H

#include <stdint.h>

#include "base/buf.h"
#include "source/records.h" /* with the ABI */

#define PROGRAM_SOURCES   6000 /* files that the build compiles, over and over */
#define PROGRAM_ARGS_MAX  1024
#define PROGRAM_ARGS_KEPT 512 /* --args-max */

enum program {
	PROGRAM_INIT,
	PROGRAM_WORKER, /* of those who were there: some server's */
	PROGRAM_STORM,  /* makes leaves */
	PROGRAM_LEAF,   /* never execs */
	PROGRAM_MAKE,
	PROGRAM_SH,
	PROGRAM_MKDIR,
	PROGRAM_GCC,
	PROGRAM_CC1,
	PROGRAM_AS,
	PROGRAM_CNT,
};

struct program_facts {
	char comm[REC_COMM_LEN];
	const char *file; /* NULL: it never execs */
	uint32_t argc;
	uint32_t cpu_us; /* of one life */
	uint32_t minflt, maxrss_kb;
	uint8_t children[4]; /* started one after the other; make and the storm begin again */
	uint8_t child_cnt;
};

const struct program_facts *program_facts(enum program p);
/* The command line for a source file, NUL after each argument, in 'room'. */
struct span program_args(enum program p, uint32_t source, char room[PROGRAM_ARGS_MAX]);

#endif
