// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/held.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/users.h"

static int become(const struct user *u)
{
	if (setgroups(0, NULL) || setresgid(u->gid, u->gid, u->gid) ||
	    setresuid(u->uid, u->uid, u->uid))
		return -errno;
	return 0;
}

/* In the child: waits for the word, then becomes CMD. Only returns its errno. */
static int run_child(char **argv, const struct user *u, int go_fd, bool stdout_to_stderr)
{
	sigset_t none;
	char word;
	int err;

	if (read(go_fd, &word, 1) != 1)
		_exit(0); /* never let go */
	if (stdout_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return errno;
	if (u) {
		err = become(u);
		if (err)
			return -err;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	return errno;
}

int held_cmd_start(struct held_cmd *c, char **argv, const char *user, bool stdout_to_stderr)
{
	int go[2] = {-1, -1}, error[2] = {-1, -1}, err = 0, cause;
	struct user u;

	*c = (struct held_cmd){.pidfd = -1, .go_fd = -1, .error_fd = -1};
	if (user) {
		err = user_find(user, &u);
		if (err)
			return err;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) ||
	    pipe2(error, O_CLOEXEC | O_NONBLOCK)) {
		err = -errno;
		goto out;
	}
	c->pid = fork();
	if (c->pid < 0) {
		err = -errno;
		c->pid = 0;
		goto out;
	}
	if (c->pid == 0) {
		close(go[1]);
		cause = run_child(argv, user ? &u : NULL, go[0], stdout_to_stderr);
		if (write(error[1], &cause, sizeof(cause)) != sizeof(cause))
			_exit(126);
		_exit(cause == ENOENT ? 127 : 126);
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		err = -errno;
		goto out;
	}
	c->go_fd = go[1];
	c->error_fd = error[0];
	go[1] = error[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		if (go[i] >= 0)
			close(go[i]);
		if (error[i] >= 0)
			close(error[i]);
	}
	return err;
}

int held_cmd_go(struct held_cmd *c)
{
	/* a socket: who was killed while held must not kill us with SIGPIPE */
	ssize_t n = send(c->go_fd, "", 1, MSG_NOSIGNAL);
	int err = n == 1 ? 0 : -errno;

	close(c->go_fd);
	c->go_fd = -1;
	return err;
}

int held_cmd_exec_err(struct held_cmd *c)
{
	int cause = 0;
	ssize_t n;

	if (c->error_fd < 0)
		return 0;
	n = read(c->error_fd, &cause, sizeof(cause));
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	close(c->error_fd); /* end of file: exec closed the other end */
	c->error_fd = -1;
	return n == sizeof(cause) ? -cause : 0;
}

bool held_cmd_ended(struct held_cmd *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

	if (!c->pid || c->ended)
		return c->ended;
	if (poll(&p, 1, 0) <= 0)
		return false;
	c->ended = waitpid(c->pid, &c->wait_status, 0) == c->pid;
	return c->ended;
}

int held_cmd_exit_code(const struct held_cmd *c)
{
	if (WIFSIGNALED(c->wait_status))
		return 128 + WTERMSIG(c->wait_status);
	return WEXITSTATUS(c->wait_status);
}

void held_cmd_release(struct held_cmd *c)
{
	int status;

	if (c->go_fd >= 0) {
		close(c->go_fd);
		waitpid(c->pid, &status, 0);
	}
	if (c->error_fd >= 0)
		close(c->error_fd);
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->go_fd = c->error_fd = c->pidfd = -1;
	c->pid = 0;
}
