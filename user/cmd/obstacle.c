// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/obstacle.h"

#include "base/log.h"
#include "cmd/command.h"

static const struct obstacle obstacles[] = {
	[LIVE_OK] = {"", ""},
	[LIVE_NOT_ROOT] =
		{
			"tracing needs CAP_BPF and CAP_PERFMON; this process lacks them",
			"run it as root: sudo proctrail ...   (without root: proctrail, proctrail tree)",
		},
	[LIVE_NO_BTF] =
		{
			"this kernel has no type information: /sys/kernel/btf/vmlinux is not there",
			"boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (every distribution's own since 2021)",
		},
	[LIVE_LOCKDOWN] =
		{
			"the kernel is locked down (lockdown=confidentiality): BPF may not read its memory",
			"boot with lockdown=integrity, or without Secure Boot's lockdown",
		},
	[LIVE_INNER_PIDNS] =
		{
			"this is an inner pid namespace (a container): pids here are not the machine's",
			"run it on the host, or give the container the host's pids: --pid=host",
		},
	[LIVE_NO_RINGBUF] =
		{
			"this kernel has no BPF ring buffer: it is older than 5.8 or built without BPF",
			"use a kernel from 5.10 on, with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_EVENTS=y",
		},
	[LIVE_REFUSED] =
		{
			"the kernel refused the tracing programs",
			"see what is missing: proctrail doctor; the verifier's words: proctrail trace -vv",
		},
};

const struct obstacle *obstacle_find(enum live_obstacle o)
{
	return &obstacles[o];
}

int obstacle_say(enum live_obstacle o)
{
	const struct obstacle *ob = obstacle_find(o);

	log_err(0, "%s", ob->what);
	log_err(0, "next: %s", ob->next);
	return EXIT_IMPOSSIBLE;
}

static void say_exact_reap(uint32_t hooks)
{
	if (hooks & (REC_HOOK_RELEASE_FENTRY | REC_HOOK_RELEASE_KPROBE))
		log_info("'--exact-reap' changes nothing: this kernel tells of every reap itself");
	else if (hooks & REC_HOOK_WAIT_RETURN)
		log_notice(
			"'--exact-reap' slows every syscall of this machine (0.1us) until we end");
	else if (!(hooks & REC_HOOK_NONE))
		log_warn("'--exact-reap' does nothing: this kernel has no sys_exit tracepoint");
}

static void say_exec_failures(uint32_t hooks)
{
	if (hooks & REC_HOOK_EXEC_FAILED)
		log_info(
			"'--exec-failures' changes nothing: this kernel tells of failed execs itself");
	else if (hooks & REC_HOOK_EXEC_SYSCALL)
		log_notice(
			"'--exec-failures' slows every syscall of this machine (0.15us) until we end");
	else if (!(hooks & REC_HOOK_NONE))
		log_warn("'--exec-failures' does nothing: this kernel has no sys_enter tracepoint");
}

static void say_fork_time(uint32_t hooks)
{
	if (hooks & REC_HOOK_FORK_TIME)
		log_info("'--fork-time' changes nothing: this kernel times fork calls by itself");
	else if (hooks & REC_HOOK_FORK_SYSCALL)
		log_notice(
			"'--fork-time' slows every syscall of this machine (0.2us) until we end");
	else if (!(hooks & REC_HOOK_NONE))
		log_warn("'--fork-time' does nothing: this kernel has no sys_enter tracepoint");
}

void obstacle_say_slow_hooks(const struct options *opt, uint32_t hooks)
{
	if (opt->exact_reap)
		say_exact_reap(hooks);
	if (opt->fork_time)
		say_fork_time(hooks);
	if (opt->exec_failures)
		say_exec_failures(hooks);
}
