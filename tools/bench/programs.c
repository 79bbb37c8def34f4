// SPDX-License-Identifier: GPL-2.0-only
#include "tools/bench/programs.h"

#include <stdio.h>
#include <string.h>

static const struct program_facts facts[PROGRAM_CNT] = {
	[PROGRAM_INIT] = {.comm = "systemd",
			  .file = "/usr/lib/systemd/systemd",
			  .argc = 1,
			  .minflt = 3800,
			  .maxrss_kb = 12040},
	[PROGRAM_WORKER] = {.comm = "worker",
			    .file = "/usr/sbin/worker",
			    .argc = 3,
			    .minflt = 610,
			    .maxrss_kb = 5200},
	[PROGRAM_STORM] = {.comm = "storm",
			   .file = "/opt/storm",
			   .argc = 1,
			   .minflt = 120,
			   .maxrss_kb = 540,
			   .children = {PROGRAM_LEAF},
			   .child_cnt = 1},
	[PROGRAM_LEAF] = {.comm = "storm", .cpu_us = 10, .maxrss_kb = 540},
	[PROGRAM_MAKE] = {.comm = "make",
			  .file = "/usr/bin/make",
			  .argc = 2,
			  .minflt = 2600,
			  .maxrss_kb = 8800,
			  .children = {PROGRAM_SH},
			  .child_cnt = 1},
	[PROGRAM_SH] = {.comm = "sh",
			.file = "/bin/sh",
			.argc = 3,
			.cpu_us = 4700,
			.minflt = 65,
			.maxrss_kb = 2760,
			.children = {PROGRAM_MKDIR, PROGRAM_GCC},
			.child_cnt = 2},
	[PROGRAM_MKDIR] = {.comm = "mkdir",
			   .file = "/usr/bin/mkdir",
			   .argc = 3,
			   .cpu_us = 1300,
			   .minflt = 91,
			   .maxrss_kb = 2048},
	[PROGRAM_GCC] = {.comm = "gcc",
			 .file = "/usr/bin/gcc",
			 .argc = 28,
			 .cpu_us = 7300,
			 .minflt = 98,
			 .maxrss_kb = 2864,
			 .children = {PROGRAM_CC1, PROGRAM_AS},
			 .child_cnt = 2},
	[PROGRAM_CC1] = {.comm = "cc1",
			 .file = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
			 .argc = 48,
			 .cpu_us = 120000,
			 .minflt = 2342,
			 .maxrss_kb = 33032},
	[PROGRAM_AS] = {.comm = "as",
			.file = "/usr/bin/as",
			.argc = 10,
			.cpu_us = 15900,
			.minflt = 469,
			.maxrss_kb = 4976},
};

const struct program_facts *program_facts(enum program p)
{
	return &facts[p];
}

#define CFLAGS                                                                                 \
	"-std=gnu11 -D_GNU_SOURCE -iquote . -Iinclude -Isrc -fno-strict-aliasing -fno-common " \
	"-fstack-protector-strong -ffunction-sections -fdata-sections -Wall -Wextra "          \
	"-Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wvla -O2 "            \
	"-D_FORTIFY_SOURCE=2 -g -MMD -MP"
#define CC1FLAGS                                                                               \
	"-quiet -iquote . -I include -I src -imultiarch x86_64-linux-gnu -MMD part_%u.d -MP "  \
	"-MT part_%u.o -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -dumpdir build/ -dumpbase part_%u.c " \
	"-dumpbase-ext .c -mtune=generic -march=x86-64"

/* Spaces part the arguments, but not those of the script that follows '-c '. */
static const char *template_of(enum program p)
{
	switch (p) {
	case PROGRAM_WORKER: return "/usr/sbin/worker --queue part_%u";
	case PROGRAM_SH:
		return "/bin/sh -c mkdir -p build/src/ && gcc " CFLAGS
		       " -c -o build/src/part_%u.o src/part_%u.c";
	case PROGRAM_MKDIR: return "mkdir -p build/src/";
	case PROGRAM_GCC: return "gcc " CFLAGS " -c -o build/src/part_%u.o src/part_%u.c";
	case PROGRAM_CC1:
		return "/usr/lib/gcc/x86_64-linux-gnu/12/cc1 " CC1FLAGS " " CFLAGS
		       " -o /tmp/cc%06u.s";
	case PROGRAM_AS: return "as -I src -I include --64 -o build/src/part_%u.o /tmp/cc%06u.s";
	case PROGRAM_MAKE: return "make -j8";
	default: return facts[p].file;
	}
}

struct span program_args(enum program p, uint32_t source, char room[PROGRAM_ARGS_MAX])
{
	uint32_t n = source;
	int len = snprintf(room, PROGRAM_ARGS_MAX, template_of(p), n, n, n, n);
	char *end = p == PROGRAM_SH ? strstr(room, "-c ") + 3 : room + len;

	for (char *c = room; c < end; c++) {
		if (*c == ' ')
			*c = '\0';
	}
	return (struct span){room, (size_t)len + 1};
}
