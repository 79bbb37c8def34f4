// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/emit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/terminal.h"

void emit_style(const struct options *opt, struct text_style *ret_style)
{
	terminal_detect(opt->out_path ? -1 : STDOUT_FILENO, opt->wide, ret_style);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int write_answer(const struct options *opt, const struct buf *b)
{
	int fd = STDOUT_FILENO, err;

	if (b->err)
		return b->err;
	if (opt->out_path)
		fd = open(opt->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	err = write_all(fd, b->data, b->len);
	if (opt->out_path && close(fd) != 0 && !err)
		err = -errno;
	return err;
}

int emit(const struct options *opt, struct buf *b, int code)
{
	int err = write_answer(opt, b);

	buf_release(b);
	if (err) {
		log_err(err, "cannot write to '%s'", opt->out_path ? opt->out_path : "stdout");
		return EXIT_FAILED;
	}
	return code;
}
