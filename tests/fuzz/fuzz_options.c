// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer: any words as a command line, separated by newlines. It is understood, or refused with words
 * on stderr that are safe to show: the bad one stands in them.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define fail_msg(...) abort() /* for what we do not call */
#include "tests/unit/test_cmd_stubs.h"

#define WORDS_MAX  64
#define SAID_MAX   65536
#define STDERR_OLD 99

/* What is said goes to a file that is looked at; libFuzzer has its own way to speak. */
static int listen_to_stderr(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("said", MFD_CLOEXEC);
	CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(dup2(STDERR_FILENO, STDERR_OLD) == STDERR_OLD);
	CHECK(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	return fd;
}

/* Returns how much was said. */
static size_t check_said(int fd)
{
	static char said[SAID_MAX];
	ssize_t len;

	dup2(STDERR_OLD, STDERR_FILENO);
	close(STDERR_OLD);
	len = pread(fd, said, sizeof(said), 0);
	CHECK(len >= 0);
	fuzz_check_text((struct span){said, (size_t)len}, true);
	return (size_t)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS_MAX + 2] = {"proctrail"}, *text = malloc(size + 1), *save = NULL;
	const struct command *cmd;
	struct options opt;
	int argc = 1, at, fd, err;

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *w = strtok_r(text, "\n", &save); w && argc <= WORDS_MAX;
	     w = strtok_r(NULL, "\n", &save))
		argv[argc++] = w;

	fd = listen_to_stderr();
	at = options_find_command(argc, argv);
	CHECK(at >= 0 && at < argc);
	cmd = command_find(at ? argv[at] : "");
	if (!cmd) {
		const char *near = command_nearest(argv[at]);

		check_said(fd);
		CHECK(!near || command_find(near));
	} else {
		options_init(&opt);
		err = options_parse(&opt, cmd, argc, argv, at);
		size = check_said(fd);
		CHECK(err == 0 || (err == -EINVAL && size));
	}
	free(text);
	return 0;
}
