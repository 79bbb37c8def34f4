// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/options_check.h"

#include <errno.h>

#include "base/log.h"
#include "cmd/command.h"

static int say_apart(const char *one, const char *other, const char *why)
{
	log_err(0, "'%s' and '%s' exclude each other: %s", one, other, why);
	return -EINVAL;
}

/* A recording has its own machine, time and end. */
static int check_replay(const struct options *opt)
{
	if (opt->follow && (opt->at.kind || opt->to.kind))
		return say_apart("--follow", opt->at.kind ? "--at" : "--to", "it has no end");
	if (opt->at.kind && (opt->from.kind || opt->to.kind))
		return say_apart("--at", opt->from.kind ? "--from" : "--to",
				 "one moment, or a span");
	if (opt->read_path && opt->cmd)
		return say_apart("-r", "CMD", "a recording runs nothing");
	if (opt->read_path && opt->proc_dir)
		return say_apart("-r", "--proc", "a recording needs no /proc");
	if (opt->read_path && (opt->ring_bytes || opt->args_max || opt->threads ||
			       opt->exact_reap || opt->fork_time || opt->exec_failures))
		return say_apart("-r",
				 opt->ring_bytes    ? "--ring" :
				 opt->args_max      ? "--args-max" :
				 opt->exact_reap    ? "--exact-reap" :
				 opt->fork_time     ? "--fork-time" :
				 opt->exec_failures ? "--exec-failures" :
						      "--threads",
				 "it holds what was recorded");
	return 0;
}

/* What says how to record, where nothing is recorded. */
static int check_recording(const struct options *opt, const struct command *cmd)
{
	const char *given = opt->sync_ms      ? "sync" :
			    opt->max_size     ? "max-size" :
			    opt->max_age_ns   ? "max-age" :
			    opt->on_full >= 0 ? "on-disk-full" :
						NULL;

	if (!given || opt->write_path || cmd->run == cmd_record)
		return 0;
	log_err(0, "'--%s' is about a recording that is written: add -w FILE", given);
	return -EINVAL;
}

/* A screen of a terminal, of the machine as it is now. */
static int check_watch(const struct options *opt)
{
	if (!opt->watch)
		return 0;
	if (opt->follow)
		return say_apart("--watch", "--follow", "a screen, or lines");
	if (opt->json)
		return say_apart("--watch", "--json", "programs read lines: use --follow");
	if (opt->read_path)
		return say_apart("--watch", "-r", "of a recording: use --follow");
	if (opt->cmd)
		return say_apart("--watch", "CMD", "it writes to the same terminal: use --follow");
	return 0;
}

/* What only makes sense together. */
static int check_together(const struct options *opt)
{
	if (opt->user && !opt->cmd) {
		log_err(0, "'--user' says who runs CMD, and there is none: ... --user %s -- CMD",
			opt->user);
		return -EINVAL;
	}
	if (opt->cmd && (opt->pid || opt->cgroup || opt->uid >= 0)) {
		log_err(0, "'%s' and CMD exclude each other: CMD is what is followed",
			opt->pid    ? "--pid" :
			opt->cgroup ? "--cgroup" :
				      "--uid");
		return -EINVAL;
	}
	if (opt->all && (opt->failed || opt->signal_nr))
		return say_apart("--all", opt->failed ? "--failed" : "--signal",
				 "those that failed, or whatever became of them");
	if (opt->redact && opt->no_redact) {
		log_err(0, "'--redact' and '--no-redact' exclude each other");
		return -EINVAL;
	}
	return 0;
}

/* The past is found by itself: it is the recorder's. An analysis follows the machine, too. */
static bool means_recorder(const struct options *opt, const struct command *cmd)
{
	if (opt->read_path)
		return false;
	return opt->from.kind || opt->to.kind || opt->at.kind ||
	       (opt->follow && cmd->run != cmd_zombies && cmd->run != cmd_spawns &&
		cmd->run != cmd_deaths);
}

void options_settle(struct options *opt, const struct command *cmd)
{
	if (means_recorder(opt, cmd))
		opt->read_path = "";
}

int options_check(const struct options *opt, const struct command *cmd)
{
	int err = check_together(opt);

	if (!err)
		err = check_replay(opt);
	if (!err)
		err = check_watch(opt);
	return err ? err : check_recording(opt, cmd);
}
