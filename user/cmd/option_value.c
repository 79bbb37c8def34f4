// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analysis/trigger.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "output/render.h"
#include "trail/writer.h"

#define STATE_LETTERS "RSDTtZXI"
#define SIGNAL_MAX    64

static void *field_of(struct options *opt, const struct option_row *row)
{
	return (char *)opt + row->offset;
}

/* Digits only: no sign, no blanks, no base, which strtoull would take. */
static int parse_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*ret = v;
	return 0;
}

static int refuse(const struct option_row *row, const char *value, const char *wanted)
{
	log_err(0, "bad value '%s' of '--%s': wanted is %s", value, row->name, wanted);
	return -EINVAL;
}

static int set_flag(struct options *opt, const struct option_row *row, const char *value)
{
	*(bool *)field_of(opt, row) = true;
	return 0;
}

static int set_count(struct options *opt, const struct option_row *row, const char *value)
{
	++*(int *)field_of(opt, row);
	return 0;
}

static int set_text(struct options *opt, const struct option_row *row, const char *value)
{
	if (!*value)
		return refuse(row, value, row->arg);
	*(const char **)field_of(opt, row) = value;
	return 0;
}

static int set_regex(struct options *opt, const struct option_row *row, const char *value)
{
	char why[128];
	regex_t re;
	int rc;

	rc = regcomp(&re, value, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &re, why, sizeof(why));
		log_err(0, "bad value '%s' of '--%s': %s", value, row->name, why);
		return -EINVAL;
	}
	regfree(&re);
	return set_text(opt, row, value);
}

static int set_states(struct options *opt, const struct option_row *row, const char *value)
{
	if (!*value || value[strspn(value, STATE_LETTERS)])
		return refuse(row, value, "letters out of R S D T t Z X I");
	return set_text(opt, row, value);
}

static int set_events(struct options *opt, const struct option_row *row, const char *value)
{
	char name[32];

	for (const char *p = value;; p++) {
		size_t len = strcspn(p, ",");

		if (!len || len >= sizeof(name))
			return refuse(row, value, "a list like fork,exec,exit");
		memcpy(name, p, len);
		name[len] = '\0';
		if (!event_format_find(name)) {
			log_err(0, "unknown event '%s' in '--%s'; see: proctrail help trace", name,
				row->name);
			return -EINVAL;
		}
		p += len;
		if (!*p)
			break;
	}
	return set_text(opt, row, value);
}

static int set_signals(struct options *opt, const struct option_row *row, const char *value)
{
	if (value && strcmp(value, "all") != 0)
		return refuse(row, value, "nothing, or all");
	opt->signals = true;
	opt->all_signals = value != NULL;
	return 0;
}

static int set_args(struct options *opt, const struct option_row *row, const char *value)
{
	static const char *const modes[] = {
		[REDACT_ARGS_FULL] = "full",
		[REDACT_ARGS_EXE] = "exe",
		[REDACT_ARGS_NONE] = "none",
	};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(value, modes[i]) == 0) {
			*(enum redact_args_mode *)field_of(opt, row) = i;
			return 0;
		}
	}
	return refuse(row, value, "full, exe or none");
}

static int set_duration(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t ns;

	if (text_parse_duration(value, &ns) || ns == DURATION_UNSET)
		return refuse(row, value, "a duration like 500ms, 10s, 5m, 1h30m");
	*(uint64_t *)field_of(opt, row) = ns;
	return 0;
}

static int refuse_range(const struct option_row *row, const char *value)
{
	log_err(0, "bad value '%s' of '--%s': wanted is a number from %" PRIu64 " to %" PRIu64,
		value, row->name, row->min, row->max);
	return -EINVAL;
}

static int set_bytes(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t v;

	if (text_parse_bytes(value, &v) || v < row->min || v > row->max)
		return refuse(row, value, "a size from 4K to 1G, like 64K or 8M");
	*(size_t *)field_of(opt, row) = (size_t)v;
	return 0;
}

static int set_size(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t v;

	if (parse_u64(value, &v) || v < row->min || v > row->max)
		return refuse_range(row, value);
	*(size_t *)field_of(opt, row) = (size_t)v;
	return 0;
}

static int set_u32(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t v;

	if (parse_u64(value, &v) || v < row->min || v > row->max)
		return refuse_range(row, value);
	*(uint32_t *)field_of(opt, row) = (uint32_t)v;
	return 0;
}

static int set_signal(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t nr;

	if (parse_u64(value, &nr))
		nr = 0;
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		const char *name = signal_name(sig);

		if (nr != (uint64_t)sig && strcasecmp(value, name) != 0 &&
		    strcasecmp(value, name + strlen("SIG")) != 0)
			continue;
		*(int *)field_of(opt, row) = sig;
		return 0;
	}
	return refuse(row, value, "a signal: KILL, SIGSEGV, 15");
}

static int set_uid(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t v;

	/* 4294967295 is (uid_t)-1: nobody's number */
	if (parse_u64(value, &v) || v >= UINT32_MAX)
		return refuse(row, value, "a user's number, as id -u NAME prints it");
	*(int64_t *)field_of(opt, row) = (int64_t)v;
	return 0;
}

static int set_read(struct options *opt, const struct option_row *row, const char *value)
{
	*(const char **)field_of(opt, row) = value ? value : "";
	return 0;
}

static int set_time(struct options *opt, const struct option_row *row, const char *value)
{
	if (when_parse(value, field_of(opt, row)))
		return refuse(row, value, "-10m, 02:10, 02:11:07.5 or '2026-11-24 02:11'");
	return 0;
}

static int set_sync(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t *ret = field_of(opt, row), ns;

	if (strcmp(value, "none") == 0)
		*ret = TRAIL_SYNC_NONE;
	else if (strcmp(value, "block") == 0)
		*ret = TRAIL_SYNC_BLOCK;
	else if (text_parse_duration(value, &ns) || ns < 10 * NS_PER_MS || ns > 3600 * NS_PER_SEC)
		return refuse(row, value, "none, block, or a time from 10ms to 1h");
	else
		*ret = ns / NS_PER_MS;
	return 0;
}

static int set_disk(struct options *opt, const struct option_row *row, const char *value)
{
	uint64_t v;

	if (text_parse_bytes(value, &v) || v < row->min || v > row->max)
		return refuse(row, value, "a size from 1M up, like 256M or 4G");
	*(uint64_t *)field_of(opt, row) = v;
	return 0;
}

static int set_by(struct options *opt, const struct option_row *row, const char *value)
{
	if (spawns_by_parse(value, field_of(opt, row)) == 0)
		return 0;
	return refuse(row, value, "parent, program, unit, container or user");
}

static int set_full(struct options *opt, const struct option_row *row, const char *value)
{
	static const char *const words[] = {
		[TRAIL_FULL_DROP_OLDEST] = "drop-oldest",
		[TRAIL_FULL_PAUSE] = "pause",
		[TRAIL_FULL_EXIT] = "exit",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value, words[i]) == 0) {
			*(int *)field_of(opt, row) = (int)i;
			return 0;
		}
	}
	return refuse(row, value, "drop-oldest, pause or exit");
}

static int set_trigger(struct options *opt, const struct option_row *row, const char *value)
{
	const char **list = field_of(opt, row);
	struct trigger t;

	if (trigger_parse(value, &t))
		return refuse(row, value, "oom, zombies>100, lost>0 or exit:NAME!=0, in quotes");
	for (size_t i = 0; i < TRIGGERS_MAX; i++) {
		if (!list[i]) {
			list[i] = value;
			return 0;
		}
	}
	return refuse(row, value, "at most eight of them");
}

static int set_fail(struct options *opt, const struct option_row *row, const char *value)
{
	struct trigger *t = field_of(opt, row);

	if (trigger_parse(value, t) || t->kind != TRIGGER_ZOMBIES)
		return refuse(row, value, "like zombies>100, in quotes");
	opt->fails_if = true;
	return 0;
}

static int (*const setters[])(struct options *, const struct option_row *, const char *) = {
	[OPTION_FLAG] = set_flag,         [OPTION_COUNT] = set_count,
	[OPTION_TEXT] = set_text,         [OPTION_REGEX] = set_regex,
	[OPTION_STATES] = set_states,     [OPTION_EVENTS] = set_events,
	[OPTION_SIGNALS] = set_signals,   [OPTION_ARGS] = set_args,
	[OPTION_DURATION] = set_duration, [OPTION_BYTES] = set_bytes,
	[OPTION_SIZE] = set_size,         [OPTION_U32] = set_u32,
	[OPTION_SIGNAL] = set_signal,     [OPTION_UID] = set_uid,
	[OPTION_READ] = set_read,         [OPTION_TIME] = set_time,
	[OPTION_SYNC] = set_sync,         [OPTION_DISK] = set_disk,
	[OPTION_FULL] = set_full,         [OPTION_TRIGGER] = set_trigger,
	[OPTION_FAIL] = set_fail,         [OPTION_BY] = set_by,
};

int option_value_set(struct options *opt, const struct option_row *row, const char *value)
{
	return setters[row->kind](opt, row, value);
}
