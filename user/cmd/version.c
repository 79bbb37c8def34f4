// SPDX-License-Identifier: GPL-2.0-only
#include "base/json.h"
#include "cmd/command.h"
#include "cmd/emit.h"
#include "source/live.h"

#ifndef PROCTRAIL_VERSION
#define PROCTRAIL_VERSION "unknown"
#endif

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "unknown"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

int cmd_version(const struct options *opt)
{
	struct buf b = {0};
	struct json j;

	if (opt->json) {
		json_begin(&j, &b, "version");
		json_str(&j, "version", span_of(PROCTRAIL_VERSION));
		json_str(&j, "arch", span_of(ARCH));
		json_str(&j, "libbpf", span_of(live_libbpf_version()));
		json_str(&j, "compiler", span_of(COMPILER));
		json_u64(&j, "schema", 1);
		json_end(&j);
	} else {
		buf_printf(&b, "proctrail %s (%s, libbpf %s, %s)\n", PROCTRAIL_VERSION, ARCH,
			   live_libbpf_version(), COMPILER);
	}
	return emit(opt, &b, EXIT_DONE);
}
