// SPDX-License-Identifier: GPL-2.0-only
/* Recording to a disk that is full, broken, or gone. */
#include "trail_feed.h"

#include <pthread.h>
#include <sys/mount.h>

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

static void walk_and_expect(const struct place *p, const struct trail_writer_status *s,
			    const struct feed *f)
{
	struct walk k = {0};

	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.gap_count, s->lost);
	assert_int_equal(k.records + s->lost, s->records);
	assert_int_equal(k.last, f->number);
}

/* ---- a small file system ------------------------------------------------------------------------------ */

/* 'dir' becomes a tmpfs of its own, or the test is skipped. */
static void mount_small(const struct place *p, const char *size)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%s,mode=0750", size);
	assert_int_equal(mkdir(p->dir, 0750), 0);
	if (mount("none", p->dir, "tmpfs", 0, options)) {
		print_message("needs to mount a tmpfs: %s\n", strerror(errno));
		skip();
	}
}

static int place_unmount(void **state)
{
	struct place *p = *state;

	umount2(p->dir, MNT_DETACH);
	return place_remove(state);
}

static void fill(const struct place *p, size_t bytes)
{
	char path[FEED_PATH + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/ballast", p->dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
	close(fd);
}

static void empty(const struct place *p)
{
	char path[FEED_PATH + 8];

	snprintf(path, sizeof(path), "%s/ballast", p->dir);
	assert_int_equal(unlink(path), 0);
}

/* Full, until the queue is too; then somebody makes room: the gap says exactly what is missing. */
static void full_disk_pauses_and_resumes(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	mount_small(p, "1m");
	fill(p, 800 << 10);
	opt.on_full = TRAIL_FULL_PAUSE;
	opt.queue_bytes = 512 << 10;
	feed_open(&f, &opt);
	do {
		feed_second(&f);
		s = feed_status(&f);
	} while (s.lost < 5000 && f.number < 1000000);
	feed_wait(&f, s, s.err == -ENOSPC);
	assert_true(s.err_since_ns > FEED_BOOT_NS);
	assert_true(s.queued <= opt.queue_bytes);
	assert_false(s.failed);
	/* what stands on the full disk is whole */
	walk_dir(&k, p->dir);
	assert_int_equal(k.torn, 0);
	assert_int_equal(k.missing, 0);
	empty(p);
	feed_wait(&f, s, s.err == 0 && s.queued == 0);
	feed_second(&f);
	feed_settle(&f);
	s = feed_status(&f);
	feed_close(&f, 0);
	walk_and_expect(p, &s, &f);
}

static void full_disk_drops_the_oldest(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	mount_small(p, "1m");
	opt.on_full = TRAIL_FULL_DROP_OLDEST;
	opt.segment_bytes = 100 << 10;
	feed_open(&f, &opt);
	for (int i = 0; i < 100; i++) {
		feed_second(&f);
		feed_settle(&f);
	}
	s = feed_status(&f);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.err, 0);
	assert_in_range(s.written, 2 << 20, 100 << 20);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.last, f.number);
	assert_true(k.first > 1);
	assert_in_range(k.bytes, 512 << 10, 1 << 20);
}

static void full_disk_ends_it_when_asked(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct feed f;

	mount_small(p, "256k");
	opt.on_full = TRAIL_FULL_EXIT;
	feed_open(&f, &opt);
	for (int i = 0; i < 30; i++)
		feed_second(&f);
	feed_wait(&f, s, s.failed && s.queued == 0);
	assert_int_equal(s.err, -ENOSPC);
	assert_false(trail_writer_wants_keyframe(f.w));
	feed_close(&f, -ENOSPC);
}

/* The recorder starts on a full disk too, and begins when there is room. */
static void full_disk_at_the_start(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct feed f;

	mount_small(p, "256k");
	/* the lock takes a page when its holder's pid is written: leave none for the segment */
	fill(p, 252 << 10);
	opt.on_full = TRAIL_FULL_PAUSE;
	feed_open(&f, &opt);
	feed_events(&f, 10);
	feed_tick(&f, 1000);
	feed_wait(&f, s, s.err == -ENOSPC);
	empty(p);
	feed_settle(&f);
	s = feed_status(&f);
	assert_int_equal(s.err, 0);
	assert_int_equal(s.lost, 0);
	feed_close(&f, 0);
	walk_and_expect(p, &s, &f);
}

static void free_space_is_left(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct feed f;

	mount_small(p, "2m");
	opt.keep_free = 1 << 20;
	opt.on_full = TRAIL_FULL_PAUSE;
	feed_open(&f, &opt);
	for (int i = 0; i < 60; i++)
		feed_second(&f);
	feed_wait(&f, s, s.err == -ENOSPC);
	assert_in_range(dir_weight(p->dir), 900 << 10, 1 << 20);
	feed_close(&f, -ENOSPC);
}

static void share_of_the_file_system_is_kept(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	uint64_t most = 0, weight;
	struct feed f;

	mount_small(p, "4m");
	opt.max_percent = 10;
	feed_open(&f, &opt);
	for (int i = 0; i < 60; i++) {
		feed_second(&f);
		feed_settle(&f);
		weight = dir_weight(p->dir);
		most = weight > most ? weight : most;
	}
	assert_int_equal(feed_status(&f).lost, 0);
	assert_in_range(most, 200 << 10, (4 << 20) / 10);
	feed_close(&f, 0);
}

/* ---- a directory that goes ------------------------------------------------------------------------------ */

static void removed_directory_is_made_again(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();
	struct trail_writer_status s;
	struct trail_writer *second;
	struct walk k = {0};
	struct feed f;
	pid_t holder = 0;

	feed_open(&f, &opt);
	feed_second(&f);
	feed_settle(&f);
	place_clear(p->dir);
	feed_events(&f, 1000);
	feed_tick(&f, 1000);
	feed_settle(&f);
	s = feed_status(&f);
	assert_int_equal(s.err, -ENOENT);
	assert_int_equal(s.lost, 1001);
	assert_true(feed_keyframe(&f));
	feed_second(&f);
	feed_settle(&f);
	s = feed_status(&f);
	assert_int_equal(s.err, 0);
	assert_int_equal(s.lost, 1001);
	assert_int_equal(s.dir_bytes, dir_weight(p->dir));
	/* the new one is locked as well */
	assert_int_equal(trail_writer_open(&opt, &head, &second, &holder), -EBUSY);
	assert_int_equal(holder, getpid());
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.files, 1);
	assert_int_equal(k.keyframes, 1);
	assert_int_equal(k.gap_count, 1001);
	assert_int_equal(k.first, 2003);
	assert_int_equal(k.last, f.number);
}

static void removed_file_is_made_again(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = {.path = p->file, .sync_ms = SYNC_MS};
	struct walk k = {0};
	struct feed f;

	feed_open(&f, &opt);
	feed_second(&f);
	feed_settle(&f);
	assert_int_equal(unlink(p->file), 0);
	feed_second(&f);
	feed_settle(&f);
	feed_keyframe(&f);
	feed_second(&f);
	feed_close(&f, 0);
	walk_file(&k, AT_FDCWD, p->file);
	walk_expect_whole(&k);
	assert_int_equal(k.gap_count, 1001);
	assert_int_equal(k.keyframes, 1);
}

/* ---- the n-th call fails --------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	int writes, syncs;       /* so far */
	int write_nth, sync_nth; /* fails; 0: none */
	int times;               /* so often in a row */
	int err;
	int short_bytes; /* > 0: the failing write takes so many first */
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ssize_t faulty_write(int fd, const void *data, size_t len, off_t offset)
{
	int nth, err = 0;

	pthread_mutex_lock(&fault.lock);
	nth = ++fault.writes;
	if (fault.write_nth && nth >= fault.write_nth && nth < fault.write_nth + fault.times)
		err = fault.err;
	pthread_mutex_unlock(&fault.lock);
	if (err && fault.short_bytes && nth == fault.write_nth)
		return pwrite(fd, data,
			      len < (size_t)fault.short_bytes ? len : (size_t)fault.short_bytes,
			      offset);
	if (err) {
		errno = err;
		return -1;
	}
	return pwrite(fd, data, len, offset);
}

static int faulty_sync(int fd)
{
	int nth;

	pthread_mutex_lock(&fault.lock);
	nth = ++fault.syncs;
	pthread_mutex_unlock(&fault.lock);
	if (nth == fault.sync_nth) {
		errno = fault.err;
		return -1;
	}
	return fdatasync(fd);
}

/* Before the thread starts. */
static void feed_open_faulty(struct feed *f, const struct trail_writer_options *opt)
{
	struct trail_header head = feed_header();

	feed_prepare(f);
	assert_int_equal(trail_writer_open(opt, &head, &f->w, NULL), 0);
	f->w->disk.io = (struct trail_io){faulty_write, faulty_sync};
	assert_int_equal(trail_writer_start(f->w), 0);
}

static void fault_set(int write_nth, int times, int sync_nth, int err)
{
	fault.writes = 0;
	fault.syncs = 0;
	fault.write_nth = write_nth;
	fault.times = times;
	fault.sync_nth = sync_nth;
	fault.err = err;
	fault.short_bytes = 0;
}

static void run_with_fault(struct place *p, const char *what)
{
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	opt.on_full = TRAIL_FULL_PAUSE;
	feed_open_faulty(&f, &opt);
	for (int i = 0; i < 4; i++) {
		feed_second(&f);
		feed_settle(&f);
	}
	trail_writer_rotate(f.w);
	feed_second(&f);
	feed_second(&f);
	feed_settle(&f);
	feed_keyframe(&f);
	feed_second(&f);
	feed_settle(&f);
	s = feed_status(&f);
	if (s.err || s.synced_boot_ns < f.now_ns - 2 * NS_PER_SEC)
		fail_msg("%s: error %d at the end, %" PRIu64 " ms not safe", what, s.err,
			 (f.now_ns - s.synced_boot_ns) / NS_PER_MS);
	fault_set(0, 0, 0, 0);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	if (k.gap_count != s.lost || k.records + s.lost != f.number || k.last != f.number || k.torn)
		fail_msg("%s: %" PRIu64 " put, %" PRIu64 " there, %" PRIu64 " lost, gaps count "
			 "%" PRIu64 ", %" PRIu64 " bytes torn",
			 what, f.number, k.records, s.lost, k.gap_count, k.torn);
	if (s.lost > 3003)
		fail_msg("%s: %" PRIu64 " lost", what, s.lost);
	place_clear(p->dir);
}

static void nth_write_fails(void **state)
{
	static const int errors[] = {ENOSPC, EIO, EROFS, EDQUOT, EFBIG};
	struct place *p = *state;
	char what[64];

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		/* the rarer ones at a few places: each run waits for the writer to try again */
		for (int nth = 1; nth <= 8; nth += e < 2 ? 1 : feed_scale(4, 1)) {
			fault_set(nth, 1 + (nth & 1), 0, errors[e]);
			fault.short_bytes = nth % 3 ? 0 : 100;
			snprintf(what, sizeof(what), "write %d: %s", nth, strerror(errors[e]));
			run_with_fault(p, what);
		}
	}
}

static void nth_sync_fails(void **state)
{
	struct place *p = *state;
	char what[64];

	for (int nth = 1; nth <= 6; nth++) {
		fault_set(0, 0, nth, EIO);
		snprintf(what, sizeof(what), "sync %d", nth);
		run_with_fault(p, what);
	}
}

/* What was in doubt is not appended to: another segment, which begins with a keyframe. */
static void failed_sync_begins_a_new_segment(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_segment *rows;
	struct trail_writer_status s;
	struct feed f;
	size_t cnt;
	int fd;

	fault_set(0, 0, 2, EIO);
	feed_open_faulty(&f, &opt);
	for (int i = 0; i < 2; i++) {
		assert_false(trail_writer_wants_keyframe(f.w));
		feed_events(&f, 10);
		feed_tick(&f, 1000);
		feed_settle(&f);
	}
	s = feed_status(&f);
	assert_int_equal(s.err, -EIO);
	assert_int_equal(s.synced_boot_ns, FEED_BOOT_NS + NS_PER_SEC + 10000);
	assert_int_equal(s.lost, 0);
	assert_true(feed_keyframe(&f));
	feed_settle(&f);
	assert_int_equal(feed_status(&f).err, 0);
	assert_int_equal(trail_dir_open(p->dir, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &rows, &cnt), 0);
	assert_int_equal(cnt, 2);
	assert_string_equal(rows[0].name, "0000000001.crashed.trail");
	assert_string_equal(rows[1].name, "0000000002.open");
	free(rows);
	close(fd);
	feed_close(&f, 0);
}

#define PLACED(name)  cmocka_unit_test_setup_teardown(name, place_make, place_remove)
#define MOUNTED(name) cmocka_unit_test_setup_teardown(name, place_make, place_unmount)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		MOUNTED(full_disk_pauses_and_resumes),
		MOUNTED(full_disk_drops_the_oldest),
		MOUNTED(full_disk_ends_it_when_asked),
		MOUNTED(full_disk_at_the_start),
		MOUNTED(free_space_is_left),
		MOUNTED(share_of_the_file_system_is_kept),
		PLACED(removed_directory_is_made_again),
		PLACED(removed_file_is_made_again),
		PLACED(nth_write_fails),
		PLACED(nth_sync_fails),
		PLACED(failed_sync_begins_a_new_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
