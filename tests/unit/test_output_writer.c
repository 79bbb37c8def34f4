// SPDX-License-Identifier: GPL-2.0-only
/* Bytes to a descriptor that may refuse, stall, break or be full; the caller never waits. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "output/writer.h"

#define LINE     "{\"event\":\"fork\",\"pid\":1}\n"
#define LINE_LEN (sizeof(LINE) - 1)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void put_lines(struct writer *w, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(writer_put(w, SPAN_LITERAL(LINE), 1), 0);
}

/* The same where the error may come in between: queued or refused, each line is counted. */
static void put_in_vain(struct writer *w, size_t cnt, int err)
{
	for (size_t i = 0; i < cnt; i++) {
		int got = writer_put(w, SPAN_LITERAL(LINE), 1);

		if (got && got != err)
			fail_msg("put %zu: got %d, neither 0 nor %d", i, got, err);
	}
}

/* Reads to the end; returns the bytes, which must be whole lines. */
static size_t read_all(int fd, struct buf *b)
{
	char chunk[5000];
	ssize_t len;

	while ((len = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(b, chunk, len);
	return b->len;
}

static void pipe_delivers_everything_in_order(void **state)
{
	struct buf got = {0}, sent = {0};
	int fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct writer *w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
		char line[64];

		close(fds[0]);
		for (int i = 0; i < 50000; i++) {
			int len = snprintf(line, sizeof(line), "line %d %.*s\n", i, i % 37,
					   "........................................");

			writer_put(w, (struct span){line, len}, 1);
		}
		if (writer_flush(w, 10000) || writer_dropped(w))
			_exit(1);
		writer_free(w);
		_exit(0);
	}
	close(fds[1]);
	read_all(fds[0], &got);
	for (int i = 0; i < 50000; i++)
		buf_printf(&sent, "line %d %.*s\n", i, i % 37,
			   "........................................");
	assert_int_equal(got.len, sent.len);
	assert_memory_equal(got.data, sent.data, sent.len);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	buf_release(&got);
	buf_release(&sent);
}

static void full_pipe_does_not_hold_the_caller(void **state)
{
	struct buf got = {0};
	struct writer *w;
	uint64_t start;
	int fds[2], err = 0;
	size_t taken = 0;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	w = writer_new(fds[1], true, 300000);
	start = now_ms();
	for (int i = 0; i < 40000; i++) {
		err = writer_put(w, SPAN_LITERAL(LINE), 1);
		taken += err == 0;
	}
	assert_int_equal(err, -ENOBUFS);
	assert_int_equal(writer_dropped(w), 40000 - taken);
	assert_int_equal(writer_flush(w, 50), -ETIMEDOUT);
	assert_int_equal(writer_error(w), 0);
	writer_free(w);
	if (now_ms() - start > 5000)
		fail_msg("the caller waited %llu ms", (unsigned long long)(now_ms() - start));
	/* what the reader of a stopped pipe finds are whole lines */
	read_all(fds[0], &got);
	assert_true(got.len > 0);
	assert_int_equal(got.len % LINE_LEN, 0);
	close(fds[0]);
	buf_release(&got);
}

static void stopped_reader_never_holds_half_a_long_line(void **state)
{
	static char line[9000];
	struct buf got = {0};
	struct writer *w;
	int fds[2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe(fds), 0);
	w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
	for (int i = 0; i < 40; i++) {
		writer_put(w, SPAN_LITERAL(LINE), 1);
		writer_put(w, (struct span){line, sizeof(line)}, 1);
	}
	writer_flush(w, 100);
	writer_free(w);
	read_all(fds[0], &got);
	assert_true(got.len > 0);
	assert_int_equal(got.data[got.len - 1], '\n');
	close(fds[0]);
	buf_release(&got);
}

static void slow_reader_gets_long_lines_whole(void **state)
{
	static char line[200001];
	struct buf got = {0};
	int fds[2];
	pid_t pid;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct writer *w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);

		for (int i = 0; i < 10; i++)
			writer_put(w, (struct span){line, sizeof(line)}, 1);
		_exit(writer_flush(w, 10000) != 0);
	}
	close(fds[1]);
	read_all(fds[0], &got);
	assert_int_equal(got.len, 10 * sizeof(line));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	buf_release(&got);
}

static void non_blocking_descriptor_is_waited_for(void **state)
{
	struct buf got = {0};
	struct writer *w;
	char chunk[4096];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
	put_lines(w, 20000);
	while (got.len < 20000 * LINE_LEN) {
		struct pollfd pfd = {.fd = fds[0], .events = POLLIN};
		ssize_t len;

		assert_int_equal(poll(&pfd, 1, 10000), 1);
		len = read(fds[0], chunk, 777);
		assert_true(len > 0);
		buf_put(&got, chunk, len);
	}
	assert_int_equal(writer_flush(w, 10000), 0);
	writer_free(w);
	close(fds[0]);
	buf_release(&got);
}

static void short_writes_to_a_socket_are_completed(void **state)
{
	struct buf got = {0};
	struct writer *w;
	int fds[2], small = 2048;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	pid = fork();
	if (pid == 0) {
		fcntl(fds[0], F_SETFL, 0);
		close(fds[1]);
		_exit(read_all(fds[0], &got) != 30000 * LINE_LEN);
	}
	close(fds[0]);
	w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
	put_lines(w, 30000);
	assert_int_equal(writer_flush(w, 10000), 0);
	writer_free(w);
	{
		int status;

		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void full_device_is_an_error_that_stays(void **state)
{
	struct writer *w;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	if (fd < 0)
		skip();
	w = writer_new(fd, true, WRITER_QUEUE_BYTES);
	put_in_vain(w, 3, -ENOSPC);
	assert_int_equal(writer_flush(w, 10000), -ENOSPC);
	assert_int_equal(writer_put(w, SPAN_LITERAL(LINE), 1), -ENOSPC);
	assert_int_equal(writer_error(w), -ENOSPC);
	assert_int_equal(writer_dropped(w), 4);
	writer_free(w);
}

static void closed_reader_is_an_error_where_sigpipe_is_ignored(void **state)
{
	struct writer *w;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
	put_lines(w, 1);
	assert_int_equal(writer_flush(w, 10000), -EPIPE);
	assert_int_equal(writer_error(w), -EPIPE);
	writer_free(w);
	signal(SIGPIPE, SIG_DFL);
}

/* `proctrail trace | head`: the process ends by SIGPIPE, also when the main thread blocks it. */
static void closed_reader_ends_the_process_by_sigpipe(void **state)
{
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	pid = fork();
	if (pid == 0) {
		struct writer *w;
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		w = writer_new(fds[1], true, WRITER_QUEUE_BYTES);
		writer_put(w, SPAN_LITERAL(LINE), 1);
		writer_flush(w, 10000);
		_exit(7);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGPIPE);
}

static void descriptor_that_is_not_owned_stays_open(void **state)
{
	struct writer *w;
	char path[] = "/tmp/test_writer_XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	w = writer_new(fd, false, WRITER_QUEUE_BYTES);
	put_lines(w, 2);
	writer_free(w); /* writes what is queued while the reader takes it */
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 2 * LINE_LEN + 1);
	close(fd);
	writer_free(NULL);
}

/* A disk that fills up: the file ends with a whole line, and the offset with the file. */
static void full_disk_leaves_whole_lines(void **state)
{
	char dir[] = "/tmp/test_writer_XXXXXX", path[64];
	struct writer *w;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (mount("none", dir, "tmpfs", 0, "size=64k")) {
		rmdir(dir);
		skip();
	}
	snprintf(path, sizeof(path), "%s/out", dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	w = writer_new(fd, false, WRITER_QUEUE_BYTES);
	put_in_vain(w, 10000, -ENOSPC);
	assert_int_equal(writer_flush(w, 10000), -ENOSPC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 65536 / LINE_LEN * LINE_LEN);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), st.st_size);
	assert_int_equal(writer_dropped(w), 10000 - 65536 / LINE_LEN);
	writer_free(w);
	close(fd);
	umount(dir);
	rmdir(dir);
}

/* The same without root: a file size limit refuses the rest. */
static void file_size_limit_leaves_whole_lines(void **state)
{
	char path[] = "/tmp/test_writer_XXXXXX";
	int fd = mkstemp(path), status;
	struct stat st;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = {10000, 10000};
		struct writer *w;

		setrlimit(RLIMIT_FSIZE, &limit);
		w = writer_new(fd, true, WRITER_QUEUE_BYTES);
		for (int i = 0; i < 1000; i++)
			writer_put(w, SPAN_LITERAL(LINE), 1);
		_exit(writer_flush(w, 10000) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 10000 / LINE_LEN * LINE_LEN);
	close(fd);
}

/* Where no thread can be had the caller writes, but does not wait for ever. */
static void without_a_thread_the_caller_writes(void **state)
{
	int fds[2], status;
	pid_t pid;
	struct buf got = {0};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		uint64_t start = now_ms();
		struct writer *w;

		close(fds[0]);
		setrlimit(RLIMIT_NPROC, &none);
		if (setuid(65534)) /* root is exempt from the limit */
			_exit(2);
		w = writer_new(fds[1], true, 200000);
		for (int i = 0; i < 30000; i++)
			writer_put(w, SPAN_LITERAL(LINE), 1);
		if (writer_dropped(w) == 0)
			_exit(3);
		if (writer_flush(w, 20) != -ETIMEDOUT)
			_exit(4);
		writer_free(w);
		_exit(now_ms() - start < 3000 ? 0 : 5);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	read_all(fds[0], &got);
	assert_true(got.len > 0);
	assert_int_equal(got.len % LINE_LEN, 0);
	close(fds[0]);
	buf_release(&got);
}

static void too_small_a_queue_drops_and_counts(void **state)
{
	struct writer *w;
	int fd = open("/dev/null", O_WRONLY);

	(void)state;
	w = writer_new(fd, true, 10);
	assert_int_equal(writer_put(w, SPAN_LITERAL(LINE LINE), 2), -ENOBUFS);
	assert_int_equal(writer_dropped(w), 2);
	assert_int_equal(writer_put(w, SPAN_LITERAL(""), 0), 0);
	assert_int_equal(writer_flush(w, 1000), 0);
	writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipe_delivers_everything_in_order),
		cmocka_unit_test(full_pipe_does_not_hold_the_caller),
		cmocka_unit_test(stopped_reader_never_holds_half_a_long_line),
		cmocka_unit_test(slow_reader_gets_long_lines_whole),
		cmocka_unit_test(non_blocking_descriptor_is_waited_for),
		cmocka_unit_test(short_writes_to_a_socket_are_completed),
		cmocka_unit_test(full_device_is_an_error_that_stays),
		cmocka_unit_test(closed_reader_is_an_error_where_sigpipe_is_ignored),
		cmocka_unit_test(closed_reader_ends_the_process_by_sigpipe),
		cmocka_unit_test(descriptor_that_is_not_owned_stays_open),
		cmocka_unit_test(full_disk_leaves_whole_lines),
		cmocka_unit_test(file_size_limit_leaves_whole_lines),
		cmocka_unit_test(without_a_thread_the_caller_writes),
		cmocka_unit_test(too_small_a_queue_drops_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
