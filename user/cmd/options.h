/* SPDX-License-Identifier: GPL-2.0-only */
/* One table of options feeds parsing, --help, the man page check and completion. */
#ifndef PROCTRAIL_CMD_OPTIONS_H
#define PROCTRAIL_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/spawns.h"
#include "analysis/trigger.h"
#include "base/when.h"
#include "model/redact.h"

#define DURATION_UNSET UINT64_MAX

struct options {
	const char *out_path; /* -o; NULL: stdout */
	const char *cgroup, *unit, *container, *comm, *match, *states;
	const char *events;    /* --events fork,exec */
	const char *user;      /* run CMD as */
	const char *proc_dir;  /* NULL: /proc */
	const char *redact;    /* what is hidden beside the known forms of secrets; NULL: nothing */
	const char *operand;   /* help CMD */
	const char *read_path; /* -r; "": the recorder's directory; NULL: the running machine */
	const char *write_path; /* -w; NULL: nothing is recorded */
	struct when from, to, at;
	char **cmd;                         /* after --; NULL: none */
	uint64_t duration_ns;               /* DURATION_UNSET; 0: snapshot */
	uint64_t sync_ms;                   /* 0: default; TRAIL_SYNC_* */
	uint64_t max_size;                  /* of a directory of segments; 0: default */
	uint64_t max_age_ns;                /* 0: default */
	const char *triggers[TRIGGERS_MAX]; /* NULL behind the last one */
	struct trigger fail_if;             /* zombies: exit 4; kind TRIGGER_ZOMBIES where given */
	bool fails_if;
	uint64_t before_ns, after_ns; /* of a snapshot; DURATION_UNSET: default */
	size_t ring_bytes;            /* 0: default */
	size_t max_procs;
	uint32_t pid; /* 0: unset */
	uint32_t args_max;
	int64_t uid; /* -1: unset */
	int verbose;
	enum redact_args_mode args_mode;
	bool no_redact;
	bool exact_reap;
	enum spawns_by by;  /* spawns: what a row is */
	size_t slowest;     /* spawns: so many one by one */
	bool hist;          /* spawns: a histogram */
	bool all;           /* zombies: parents that reap, too; deaths: those that ended well */
	bool stuck;         /* why: all that do not go on */
	uint64_t longer_ns; /* why --stuck: in D for so long */
	bool failed;        /* deaths: only those that did not; the default */
	int signal_nr;      /* deaths: only those by this signal; 0: any */
	bool follow; /* one line for each event; of a recording: also what is still to come */
	bool watch;  /* zombies: the answer again and again, on the whole screen */
	bool json, threads, all_signals, signals, utc, wide, kthreads;
	bool help, version;
	bool fork_time;
	bool exec_failures;
	bool record; /* the command record: write_path is a directory */
	int on_full; /* enum trail_full; -1: default */
};

struct buf;
struct command;
struct text_style;

/* How an option's value is read. */
enum option_kind {
	OPTION_FLAG,     /* bool */
	OPTION_COUNT,    /* int, once more each time */
	OPTION_TEXT,     /* const char *, not empty */
	OPTION_REGEX,    /* const char *, an extended regular expression that compiles */
	OPTION_STATES,   /* const char *, letters of proc_state_char() */
	OPTION_EVENTS,   /* const char *, names of event formats separated by commas */
	OPTION_SIGNAL,   /* int, a signal by its name or number */
	OPTION_SIGNALS,  /* nothing, or "=all" */
	OPTION_ARGS,     /* enum redact_args_mode: full, exe, none */
	OPTION_DURATION, /* uint64_t, ns */
	OPTION_BYTES,    /* size_t, between min and max */
	OPTION_SIZE,     /* size_t count, between min and max */
	OPTION_U32,      /* uint32_t, between min and max */
	OPTION_UID,      /* int64_t, a number */
	OPTION_READ,     /* const char *, the next word unless it is an option; else "" */
	OPTION_TIME,     /* struct when */
	OPTION_SYNC,     /* uint64_t ms: none, block, or a duration */
	OPTION_DISK,     /* uint64_t bytes, between min and max */
	OPTION_FULL,     /* int, enum trail_full */
	OPTION_FAIL,     /* struct trigger of zombies; sets fails_if */
	OPTION_BY,       /* enum spawns_by, its name */
	OPTION_TRIGGER,  /* one more of const char *[TRIGGERS_MAX] that trigger_parse() takes */
};

struct option_row {
	const char *name; /* "duration" */
	const char *arg;  /* "T"; NULL: takes no value. "[=all]": only with '=' */
	const char *help; /* one line */
	size_t offset;    /* in struct options */
	uint64_t min, max;
	enum option_kind kind;
	char letter; /* 0: none */
};

/* The visible array: every option, NULL-name-terminated. */
extern const struct option_row option_rows[];
const struct option_row *option_find(const char *name);
/* Whether cmd takes it; --help is everybody's. */
bool option_takes_word(const struct option_row *row); /* a value that must be given */
bool option_belongs(const struct option_row *row, const struct command *cmd);

/* Sets everything to "not given". */
void options_init(struct options *opt);
/*
 * Finds the command's name among argv[1..]: the first word before "--" that is neither an option
 * nor an option's value. Returns its index, 0 when there is none (the bare program).
 */
int options_find_command(int argc, char **argv);
/*
 * Parses argv[1..] for cmd, skipping the word at index 'skip' (0: none). Options may stand anywhere
 * before "--". Returns 0, or -EINVAL after naming the bad word on stderr (exit 2). Strings point
 * into argv.
 */
int options_parse(struct options *opt, const struct command *cmd, int argc, char **argv, int skip);
/* The table of --help for this command: name and help, wrapped. */
void options_put_help(struct buf *b, const struct command *cmd, const struct text_style *st);

/* The nearest of the names 'next' yields to word, NULL: none is near enough to be meant. */
typedef const char *(*name_fn)(void *ctx, size_t i);
const char *nearest_name(const char *word, name_fn next, void *ctx);

#endif
