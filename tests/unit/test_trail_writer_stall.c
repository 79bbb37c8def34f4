// SPDX-License-Identifier: GPL-2.0-only
/* Recording to a disk that stops answering, and by a writer that is killed. */
#include "trail_feed.h"

#include <signal.h>
#include <sys/wait.h>

#include "fuse_stall.h"
#include "trail/writer_int.h"

#define SYNC_MS 1000

static struct trail_writer_options dir_options(const struct place *p)
{
	return (struct trail_writer_options){.path = p->dir, .directory = true, .sync_ms = SYNC_MS};
}

/* A second of records, and what is due. */
static void feed_second(struct feed *f)
{
	feed_events(f, 1000);
	feed_tick(f, 1000);
	feed_keyframe(f);
}

/* ---- a disk that does not answer ---------------------------------------------------------------------------- */

static int hold_fd; /* a write waits until something can be read there */

static ssize_t held_write(int fd, const void *data, size_t len, off_t offset)
{
	struct pollfd pfd = {.fd = hold_fd, .events = POLLIN};

	poll(&pfd, 1, -1);
	return pwrite(fd, data, len, offset);
}

/* write() hangs: put, status and close do not; the memory is bounded, the thread cleans up later. */
static void hanging_write_holds_nobody(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();
	struct trail_writer_status s;
	struct feed f;
	uint64_t begin;
	int fds[2], fd;

	assert_int_equal(pipe(fds), 0);
	opt.queue_bytes = 1 << 20;
	hold_fd = fds[0];
	feed_prepare(&f);
	assert_int_equal(trail_writer_open(&opt, &head, &f.w, NULL), 0);
	f.w->disk.io.write_at = held_write;
	assert_int_equal(trail_writer_start(f.w), 0);
	for (int i = 0; i < 100; i++)
		feed_second(&f);
	s = feed_status(&f);
	assert_int_equal(s.err, -ETIMEDOUT);
	assert_in_range(s.queued, 1, opt.queue_bytes);
	assert_int_equal(s.records, f.number);
	assert_true(s.lost > 0);
	begin = feed_clock_ms();
	assert_int_equal(trail_writer_close(f.w, 50), -ETIMEDOUT);
	assert_in_range(feed_clock_ms() - begin, 40, 2000);
	if (f.slowest_ns > 100 * NS_PER_MS)
		fail_msg("a put took %" PRIu64 " us", f.slowest_ns / 1000);
	/* it holds the lock until the disk answers */
	assert_int_equal(trail_dir_make(p->dir, &fd), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	begin = feed_clock_ms();
	for (int lock = -1;; poll(NULL, 0, 1)) {
		if (trail_dir_lock(fd, &lock, NULL) == 0) {
			close(lock);
			break;
		}
		if (feed_clock_ms() - begin > FEED_DEADLINE_MS)
			fail_msg("the thread never ended");
	}
	close(fd);
	poll(NULL, 0, 20); /* what it frees after the lock */
	close(fds[0]);
	close(fds[1]);
	buf_release(&f.records);
}

/* ---- the same with a file system ----------------------------------------------------------------- */

static struct fuse_stall fuse;

static int place_unmount(void **state)
{
	struct place *p = *state;

	if (fuse.server > 0)
		fuse_stall_unmount(&fuse, p->dir);
	fuse.server = 0;
	return place_remove(state);
}

/* Some seconds without an answer: nobody waits, what did not fit is counted, and it goes on. */
static void stalled_file_system_is_outlived(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	uint64_t stall_ms = feed_scale(3, 30) * 1000ull, begin, slowest_ms = 0, asked;
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	assert_int_equal(mkdir(p->dir, 0750), 0);
	if (!fuse_stall_mount(&fuse, p->dir)) {
		print_message("needs to mount a FUSE file system: %s\n", strerror(errno));
		skip();
	}
	opt.queue_bytes = 1 << 20;
	feed_open(&f, &opt);
	for (int i = 0; i < 3; i++) {
		feed_second(&f);
		feed_settle(&f);
	}
	*fuse.asleep = 1;
	for (begin = feed_clock_ms(); feed_clock_ms() - begin < stall_ms; poll(NULL, 0, 20)) {
		feed_second(&f);
		asked = feed_clock_ms();
		s = feed_status(&f);
		if (feed_clock_ms() - asked > slowest_ms)
			slowest_ms = feed_clock_ms() - asked;
	}
	assert_int_equal(*fuse.waited, 1);
	assert_int_equal(s.err, -ETIMEDOUT);
	assert_in_range(s.queued, 1, opt.queue_bytes);
	assert_true(s.lost > 0);
	if (f.slowest_ns / NS_PER_MS > stall_ms / 10 || slowest_ms > stall_ms / 10)
		fail_msg("a put took %" PRIu64 " us, a status %" PRIu64 " ms", f.slowest_ns / 1000,
			 slowest_ms);
	*fuse.asleep = 0;
	feed_wait(&f, s, s.queued == 0 && s.err == 0);
	feed_second(&f);
	feed_settle(&f);
	s = feed_status(&f);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.gap_count, s.lost);
	assert_int_equal(k.records + s.lost, f.number);
	assert_int_equal(k.last, f.number);
	assert_int_equal(k.ended, k.files);
	/* behind the gap a keyframe makes the trail right again */
	assert_int_equal(k.keyframes, 1);
}

/* ---- kill -9 -------------------------------------------------------------------------------------------------- */

struct ack {
	uint64_t number, synced_ns;
};

/* Writes until it is killed, and says what it was told is safe. Number n has time n ms. */
static void victim(const char *dir, int ack_fd)
{
	struct trail_writer_options opt = {
		.path = dir, .directory = true, .sync_ms = 200, .segment_bytes = 64 << 10};
	struct trail_header head = feed_header();
	struct trail_writer_status s;
	struct ack ack;
	struct feed f;

	feed_prepare(&f);
	if (trail_writer_open(&opt, &head, &f.w, NULL) || trail_writer_start(f.w))
		_exit(1);
	for (;;) {
		feed_events(&f, (unsigned)(feed_random(&f) % 400));
		feed_tick(&f, 50);
		feed_keyframe(&f);
		trail_writer_get_status(f.w, &s);
		ack = (struct ack){f.number, s.synced_boot_ns};
		if (s.lost || write(ack_fd, &ack, sizeof(ack)) != sizeof(ack))
			_exit(1);
		poll(NULL, 0, 1);
	}
}

static void killed_writer_loses_nothing_acknowledged(void **state)
{
	struct place *p = *state;
	unsigned rounds = feed_scale(50, 200);
	uint64_t seed = 88172645463325252ull, acked = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct ack ack, last = {0};
		struct walk k = {0};
		int fds[2], status;
		pid_t pid;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			close(fds[0]);
			victim(p->dir, fds[1]);
		}
		close(fds[1]);
		for (uint64_t n = seed % 100; n && read(fds[0], &ack, sizeof(ack)) > 0; n--)
			last = ack;
		for (volatile unsigned spin = seed >> 20 & 0xfffff; spin; spin--)
			;
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack))
			last = ack;
		close(fds[0]);
		if (last.number == 0 && access(p->dir, F_OK))
			continue; /* killed before it had begun */
		walk_dir(&k, p->dir);
		walk_expect_whole(&k);
		assert_int_equal(k.gaps, 0);
		acked += last.synced_ns != 0;
		if (k.last_boot < last.synced_ns)
			fail_msg("round %u: up to %" PRIu64 " ns was acknowledged, %" PRIu64
				 " is there",
				 i, last.synced_ns - FEED_BOOT_NS, k.last_boot - FEED_BOOT_NS);
		place_clear(p->dir);
	}
	assert_in_range(acked, rounds / 2, rounds);
}

#define PLACED(name)  cmocka_unit_test_setup_teardown(name, place_make, place_remove)
#define MOUNTED(name) cmocka_unit_test_setup_teardown(name, place_make, place_unmount)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PLACED(hanging_write_holds_nobody),
		MOUNTED(stalled_file_system_is_outlived),
		PLACED(killed_writer_loses_nothing_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
