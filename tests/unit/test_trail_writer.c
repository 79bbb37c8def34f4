// SPDX-License-Identifier: GPL-2.0-only
/* Recording to a disk that behaves: blocks, keyframes, segments, budgets, names, locks. */
#include "trail_feed.h"

#include <sys/wait.h>

#include "trail/writer_int.h"

#define SYNC_MS 1000

static struct trail_writer_options dir_options(const struct place *p)
{
	return (struct trail_writer_options){.path = p->dir, .directory = true, .sync_ms = SYNC_MS};
}

static struct trail_writer_options file_options(const struct place *p)
{
	return (struct trail_writer_options){.path = p->file, .sync_ms = SYNC_MS};
}

/* ---- what was put comes back --------------------------------------------------------------------- */

static void everything_put_comes_back(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = file_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;
	struct stat st;

	umask(0077);
	feed_open(&f, &opt);
	umask(0022);
	for (int i = 0; i < 100; i++) {
		feed_events(&f, 100);
		feed_tick(&f, 100);
	}
	feed_settle(&f);
	s = feed_status(&f);
	assert_int_equal(s.records, f.number);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.err, 0);
	feed_close(&f, 0);
	walk_file(&k, AT_FDCWD, p->file);
	walk_expect_whole(&k);
	assert_int_equal(k.first, 1);
	assert_int_equal(k.records, f.number);
	assert_int_equal(k.gaps, 0);
	assert_int_equal(k.ended, 1);
	assert_int_equal(k.torn, 0);
	assert_int_equal(k.last_real, f.now_ns + (uint64_t)f.offset_ns);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

/* A host where nothing but ticks happens: at no time is more than a second at stake. */
static void quiet_host_is_synced_every_second(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	feed_open(&f, &opt);
	for (int i = 0; i < 100; i++) {
		feed_tick(&f, 100);
		feed_settle(&f);
		s = feed_status(&f);
		if (f.now_ns - FEED_BOOT_NS > SYNC_MS * NS_PER_MS &&
		    f.now_ns - s.synced_boot_ns >= SYNC_MS * NS_PER_MS)
			fail_msg("at %" PRIu64 " ms only %" PRIu64 " ms are safe",
				 (f.now_ns - FEED_BOOT_NS) / NS_PER_MS,
				 (s.synced_boot_ns - FEED_BOOT_NS) / NS_PER_MS);
	}
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	/* one block in 900 ms (nine ticks), and not one a tick */
	assert_in_range(k.blocks, 10, 14);
}

/* A record whose lengths lie is not coded; a gap stands at its place. */
static void record_that_lies_is_counted(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = file_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;
	struct rec_exec lie = {.h = {.size = sizeof(lie), .type = REC_EXEC}, .args_kept = 4096};

	feed_open(&f, &opt);
	feed_events(&f, 5);
	lie.h.boot_ns = f.now_ns;
	buf_put(&f.records, &lie, sizeof(lie));
	feed_events(&f, 5);
	s = feed_status(&f);
	assert_int_equal(s.records, 11);
	assert_int_equal(s.lost, 1);
	feed_close(&f, 0);
	walk_file(&k, AT_FDCWD, p->file);
	assert_int_equal(k.records, 10);
	assert_int_equal(k.missing, 0);
	assert_int_equal(k.gap_count, 1);
}

static void writer_without_thread_still_closes(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();
	struct trail_segment *rows;
	struct trail_writer *w;
	size_t cnt;
	int fd;

	assert_int_equal(trail_writer_open(&opt, &head, &w, NULL), 0);
	assert_int_equal(trail_writer_close(w, 1000), 0);
	assert_int_equal(trail_writer_close(NULL, 1000), 0);
	/* a segment without a record is not kept */
	assert_int_equal(trail_dir_open(p->dir, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &rows, &cnt), 0);
	assert_int_equal(cnt, 0);
	free(rows);
	close(fd);
}

/* ---- segments and keyframes ------------------------------------------------------------------------ */

static void rotation_keeps_the_budget(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	uint64_t most = 0, weight;
	struct walk k = {0};
	struct feed f;

	opt.max_bytes = 1u << 20;
	feed_open(&f, &opt);
	for (int i = 0; i < 300; i++) {
		feed_events(&f, 300);
		feed_tick(&f, 1000);
		weight = dir_weight(p->dir);
		most = weight > most ? weight : most;
		feed_settle(&f);
		weight = dir_weight(p->dir);
		most = weight > most ? weight : most;
		s = feed_status(&f);
		assert_int_equal(s.dir_bytes, weight);
		feed_keyframe(&f);
	}
	assert_int_equal(s.lost, 0);
	assert_in_range(s.written, 2 * opt.max_bytes, UINT64_MAX);
	feed_close(&f, 0);
	assert_in_range(most, opt.max_bytes / 2, opt.max_bytes);
	assert_in_range(dir_weight(p->dir), opt.max_bytes / 2, opt.max_bytes);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.last, f.number);
	assert_int_equal(k.missing, 0);
	assert_true(k.first > 1);
	assert_in_range(k.files, 3, 5);
	assert_int_equal(k.ended, k.files);
	assert_int_equal(k.indexed, k.keyframes);
	assert_int_equal(k.bytes + k.stub_bytes, dir_weight(p->dir));
}

/* Nobody answers wants_keyframe: the budget holds all the same, and the gap counts. */
static void budget_holds_without_keyframes(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	opt.max_bytes = 1u << 20;
	feed_open(&f, &opt);
	for (int i = 0; i < 100; i++) {
		feed_events(&f, 300);
		feed_tick(&f, 1000);
		assert_in_range(dir_weight(p->dir), 0, opt.max_bytes);
	}
	feed_settle(&f);
	s = feed_status(&f);
	assert_true(s.lost > 0);
	assert_int_equal(s.err, 0);
	assert_true(feed_keyframe(&f));
	feed_events(&f, 10);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.gap_count, s.lost);
	assert_int_equal(k.last, f.number);
}

/* A long keyframe is several blocks, and begins the segment that was due. */
static void long_keyframe_begins_a_segment(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct walk k = {0};
	struct feed f;

	feed_open(&f, &opt);
	feed_events(&f, 10);
	assert_false(trail_writer_wants_keyframe(f.w));
	trail_writer_rotate(f.w);
	assert_true(feed_keyframe_rows(&f, 20000));
	assert_false(trail_writer_wants_keyframe(f.w));
	feed_events(&f, 10);
	feed_settle(&f);
	assert_false(trail_writer_wants_keyframe(f.w));
	assert_int_equal(feed_status(&f).segments, 2);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.files, 2);
	assert_int_equal(k.keyframes, 1);
	assert_int_equal(k.keyframe_records, 20000);
	assert_int_equal(k.records, f.number);
}

static void keyframes_are_never_far_apart(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = file_options(p);
	struct walk k = {0};
	struct feed f;

	feed_open(&f, &opt);
	for (int i = 0; i < 25; i++) { /* 25 minutes, quiet */
		feed_tick(&f, 60000);
		feed_settle(&f);
		feed_keyframe(&f);
	}
	assert_int_equal(f.keyframes, 2);
	for (int i = 0; i < 40; i++) { /* and 18 MiB in seconds */
		feed_events(&f, 10000);
		feed_tick(&f, 100);
		feed_settle(&f);
		feed_keyframe(&f);
	}
	feed_close(&f, 0);
	walk_file(&k, AT_FDCWD, p->file);
	walk_expect_whole(&k);
	assert_int_equal(k.keyframes, f.keyframes);
	assert_int_equal(k.indexed, k.keyframes);
	if (k.keyframes < 2 + k.bytes / (12u << 20))
		fail_msg("%" PRIu64 " keyframes in %" PRIu64 " bytes", k.keyframes, k.bytes);
}

/* Records of a storm take few bytes, but a reader has to go through them all. */
static void keyframes_are_never_many_records_apart(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = file_options(p);
	struct feed f;

	feed_open(&f, &opt);
	for (int i = 0; i < 60; i++) {
		feed_ticks(&f, 10000);
		feed_settle(&f);
		if (feed_keyframe(&f))
			break;
	}
	if (f.number < 500000 || f.number > 560000)
		fail_msg("the keyframe came after %" PRIu64 " records", f.number);
	feed_close(&f, 0);
}

/* A table that is larger on the disk than a segment: what is written is still mostly events. */
static void large_keyframe_is_not_followed_by_the_next(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct walk k = {0};
	uint64_t keyframe, apart;
	struct feed f;

	opt.segment_bytes = 16u << 10;
	opt.max_bytes = 0;
	feed_open(&f, &opt);
	trail_writer_rotate(f.w);
	keyframe = feed_status(&f).written;
	assert_true(feed_keyframe_rows(&f, 30000));
	feed_settle(&f);
	keyframe = feed_status(&f).written - keyframe;
	assert_true(keyframe > 2 * opt.segment_bytes);
	assert_false(trail_writer_wants_keyframe(f.w));
	apart = feed_status(&f).written;
	do {
		feed_events(&f, 1000);
		feed_tick(&f, 1100);
		feed_settle(&f);
	} while (!trail_writer_wants_keyframe(f.w));
	apart = feed_status(&f).written - apart;
	if (apart < keyframe || apart > keyframe + (128u << 10))
		fail_msg("%" PRIu64 " bytes of events behind a keyframe of %" PRIu64, apart,
			 keyframe);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
}

/* SIGHUP: the file was moved away; where it was not, it goes on. */
static void moved_file_is_followed_by_another(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = file_options(p);
	char moved[FEED_PATH + 2];
	struct walk a = {0}, b = {0};
	struct feed f;

	snprintf(moved, sizeof(moved), "%s.1", p->file);
	feed_open(&f, &opt);
	feed_events(&f, 10);
	trail_writer_rotate(f.w);
	assert_true(feed_keyframe(&f));
	feed_settle(&f);
	assert_int_equal(rename(p->file, moved), 0);
	feed_events(&f, 10);
	trail_writer_rotate(f.w);
	assert_true(feed_keyframe(&f));
	feed_events(&f, 10);
	feed_close(&f, 0);
	walk_file(&a, AT_FDCWD, moved);
	walk_file(&b, AT_FDCWD, p->file);
	assert_int_equal(a.records, 20);
	assert_int_equal(a.ended, 1);
	assert_int_equal(b.records, 10);
	assert_int_equal(b.keyframes, 1);
	assert_int_equal(b.bare, 0);
}

/* ---- age -------------------------------------------------------------------------------------------- */

/* An hour is kept, though the wall clock jumps ten years ahead and back. */
static void age_is_the_stream_s_own(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	int64_t years = (int64_t)(3650 * 86400 * NS_PER_SEC);
	struct trail_writer_status s;
	struct walk k = {0};
	struct feed f;

	opt.max_age_ns = 3600 * NS_PER_SEC;
	feed_open(&f, &opt);
	for (int min = 0; min < 180; min++) {
		if (min == 100)
			f.offset_ns += years;
		if (min == 130)
			f.offset_ns -= years;
		feed_tick(&f, 60000);
		feed_settle(&f);
		feed_keyframe(&f);
		s = feed_status(&f);
		if (min > 70)
			assert_in_range(s.segments, 12, 18);
	}
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	assert_int_equal(k.last, 180);
	/* what is left began 60 minutes ago, or a segment (a sixteenth of it) before */
	assert_in_range(k.first, 180 - 66, 180 - 58);
}

/* Segments of an earlier boot: the wall clock decides, from their own bytes. */
static void age_of_an_earlier_boot_is_read_from_its_segments(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();
	struct trail_writer_status s;
	struct feed f;

	feed_open(&f, &opt);
	feed_tick(&f, 1000);
	feed_settle(&f);
	feed_close(&f, 0);

	opt.max_age_ns = 3600 * NS_PER_SEC;
	feed_prepare(&f);
	head.boot_id[0] = 99;
	head.boot_ns = f.now_ns = 10 * NS_PER_SEC;
	head.real_ns = FEED_REAL_NS + 1800 * NS_PER_SEC;
	f.offset_ns = (int64_t)(head.real_ns - head.boot_ns);
	assert_int_equal(trail_writer_open(&opt, &head, &f.w, NULL), 0);
	assert_int_equal(trail_writer_start(f.w), 0);
	s = feed_status(&f);
	assert_int_equal(s.segments, 2);
	assert_int_equal(s.oldest_real_ns, FEED_REAL_NS);
	feed_tick(&f, 1000);
	feed_tick(&f, 1000);
	feed_settle(&f);
	assert_int_equal(feed_status(&f).segments, 2);
	feed_tick(&f, 1801000);
	feed_tick(&f, 1000);
	feed_settle(&f);
	s = feed_status(&f);
	assert_int_equal(s.segments, 1);
	assert_int_equal(s.oldest_real_ns, head.real_ns);
	feed_close(&f, 0);
}

/* ---- names, locks, refusals ---------------------------------------------------------------------------- */

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[2 * FEED_PATH];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void crash_leftovers_are_kept_and_marked(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_segment *rows;
	struct feed f;
	size_t cnt;
	int fd;

	assert_int_equal(mkdir(p->dir, 0750), 0);
	write_file(p->dir, "0000000007.open", "half a header");
	write_file(p->dir, "0000000003.trail", "whatever");
	write_file(p->dir, "notes.txt", "not ours");
	write_file(p->dir, "12.open", "not ours");
	feed_open(&f, &opt);
	assert_int_equal(feed_status(&f).segments, 3);
	feed_tick(&f, 100);
	feed_close(&f, 0);
	assert_int_equal(trail_dir_open(p->dir, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &rows, &cnt), 0);
	assert_int_equal(cnt, 3);
	assert_string_equal(rows[0].name, "0000000003.trail");
	assert_string_equal(rows[1].name, "0000000007.crashed.trail");
	assert_int_equal(rows[1].size, strlen("half a header"));
	assert_int_equal(rows[1].kind, TRAIL_SEGMENT_CRASHED);
	assert_string_equal(rows[2].name, "0000000008.trail");
	free(rows);
	close(fd);
}

static void second_recorder_is_told_the_holder(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();
	struct trail_writer *w, *second;
	pid_t holder = -1;

	assert_int_equal(trail_writer_open(&opt, &head, &w, NULL), 0);
	assert_int_equal(trail_writer_open(&opt, &head, &second, &holder), -EBUSY);
	assert_int_equal(holder, getpid());
	assert_int_equal(trail_writer_close(w, 1000), 0);
	assert_int_equal(trail_writer_open(&opt, &head, &w, &holder), 0);
	assert_int_equal(trail_writer_close(w, 1000), 0);
}

static int open_only(const char *path, bool directory)
{
	struct trail_writer_options opt = {.path = path, .directory = directory};
	struct trail_header head = feed_header();
	struct trail_writer *w;
	int err = trail_writer_open(&opt, &head, &w, NULL);

	return err ? err : trail_writer_close(w, 1000);
}

static void unsafe_directories_are_refused(void **state)
{
	struct place *p = *state;
	char path[FEED_PATH + 8];
	struct stat st;

	/* made by us whatever the umask */
	umask(0);
	assert_int_equal(open_only(p->dir, true), 0);
	umask(0022);
	assert_int_equal(stat(p->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(chmod(p->dir, 0770), 0);
	assert_int_equal(open_only(p->dir, true), -EPERM);
	assert_int_equal(chmod(p->dir, 0757), 0);
	assert_int_equal(open_only(p->dir, true), -EPERM);
	assert_int_equal(chmod(p->dir, 0755), 0);
	assert_int_equal(open_only(p->dir, true), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(p->dir, 12345, 0), 0);
		assert_int_equal(open_only(p->dir, true), -EPERM);
		assert_int_equal(chown(p->dir, 0, 0), 0);
	}
	snprintf(path, sizeof(path), "%s/link", p->top);
	assert_int_equal(symlink(p->dir, path), 0);
	assert_int_equal(open_only(path, true), -ELOOP);
	snprintf(path, sizeof(path), "%s/link/", p->top);
	assert_int_equal(open_only(path, true), -ELOOP);
	write_file(p->top, "one.trail", "text");
	assert_int_equal(open_only(p->file, true), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/a/b", p->top);
	assert_int_equal(open_only(path, true), -ENOENT);
}

static void only_new_or_empty_files_are_written(void **state)
{
	struct place *p = *state;
	char path[FEED_PATH + 8];

	assert_int_equal(open_only("/dev/full", false), -EINVAL);
	write_file(p->top, "one.trail", "");
	assert_int_equal(open_only(p->file, false), 0);
	assert_int_equal(open_only(p->file, false), -EEXIST); /* now it is a trail */
	snprintf(path, sizeof(path), "%s/link", p->top);
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_int_equal(open_only(path, false), -ELOOP);
	snprintf(path, sizeof(path), "%s/fifo", p->top);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_only(path, false), -EINVAL);
	if (geteuid() ==
	    0) { /* in /tmp somebody else may have put it there, to read what we write */
		write_file(p->top, "theirs", "");
		snprintf(path, sizeof(path), "%s/theirs", p->top);
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_int_equal(open_only(path, false), -EPERM);
	}
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PLACED(everything_put_comes_back),
		PLACED(quiet_host_is_synced_every_second),
		PLACED(record_that_lies_is_counted),
		PLACED(writer_without_thread_still_closes),
		PLACED(rotation_keeps_the_budget),
		PLACED(budget_holds_without_keyframes),
		PLACED(long_keyframe_begins_a_segment),
		PLACED(keyframes_are_never_far_apart),
		PLACED(keyframes_are_never_many_records_apart),
		PLACED(large_keyframe_is_not_followed_by_the_next),
		PLACED(moved_file_is_followed_by_another),
		PLACED(age_is_the_stream_s_own),
		PLACED(age_of_an_earlier_boot_is_read_from_its_segments),
		PLACED(crash_leftovers_are_kept_and_marked),
		PLACED(second_recorder_is_told_the_holder),
		PLACED(unsafe_directories_are_refused),
		PLACED(only_new_or_empty_files_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
