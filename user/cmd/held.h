/* SPDX-License-Identifier: GPL-2.0-only */
/* "-- CMD...": a child that is held until it is watched, then let go, and never touched again. */
#ifndef PROCTRAIL_CMD_HELD_H
#define PROCTRAIL_CMD_HELD_H

#include <stdbool.h>
#include <sys/types.h>

struct held_cmd {
	pid_t pid;       /* 0: none */
	int pidfd;       /* polls readable when it has ended; -1: none */
	int go_fd;       /* closing it ends a child that is still held */
	int error_fd;    /* says why exec failed; -1: that is settled */
	int wait_status; /* valid when ended */
	bool ended;
};

/*
 * Forks a child that waits. stdout_to_stderr: its output must not mix with ours. user: run as this
 * user (passwd file only), NULL: as we are. 0 or -errno; -ENOENT: no such user.
 */
int held_cmd_start(struct held_cmd *c, char **argv, const char *user, bool stdout_to_stderr);
/* Lets it exec; 0, or -EPIPE when it is gone already. */
int held_cmd_go(struct held_cmd *c);
/*
 * What became of its exec, which may take long on a slow file system: 0, -EAGAIN while that is open,
 * or the -errno it failed with; told once, 0 from then on.
 */
int held_cmd_exec_err(struct held_cmd *c);
/* Whether it has ended; reaps it, without ever polling wait (which would trace itself). */
bool held_cmd_ended(struct held_cmd *c);
/* What a shell would say: the exit code, or 128 + signal */
int held_cmd_exit_code(const struct held_cmd *c);
/* A child that was not let go ends; one that was goes on without us. */
void held_cmd_release(struct held_cmd *c);

#endif
