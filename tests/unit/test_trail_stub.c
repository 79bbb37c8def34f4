// SPDX-License-Identifier: GPL-2.0-only
/* Keyframes that outlive their segments: what is kept of them, within which bounds. */
#include "trail_made.h"

#include <dirent.h>
#include <sys/wait.h>

#include "trail/writer_disk.h"

#define BUDGET (1u << 20)

/* ---- what is in the directory ---------------------------------------------------------------------- */

struct content {
	struct trail_segment *rows;
	size_t cnt, stubs;
	uint64_t stub_bytes, largest;
};

static struct content content_of(const struct place *p)
{
	struct content c = {0};
	int fd;

	assert_int_equal(trail_dir_open(p->dir, &fd), 0);
	assert_int_equal(trail_dir_list(fd, &c.rows, &c.cnt), 0);
	close(fd);
	for (size_t i = 0; i < c.cnt; i++) {
		if (c.rows[i].kind != TRAIL_SEGMENT_KEYFRAME)
			continue;
		c.stubs++;
		c.stub_bytes += c.rows[i].size;
		if (c.rows[i].size > c.largest)
			c.largest = c.rows[i].size;
	}
	return c;
}

/* All files, also those that a reader does not look at. */
static uint64_t disk_usage(const struct place *p)
{
	uint64_t sum = 0;
	struct dirent *e;
	struct stat st;
	DIR *dir = opendir(p->dir);

	assert_non_null(dir);
	while ((e = readdir(dir)))
		if (!fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode) && strcmp(e->d_name, "lock") != 0)
			sum += (uint64_t)st.st_size;
	closedir(dir);
	return sum;
}

static void path_of(const struct place *p, uint64_t number, enum trail_segment_kind kind,
		    char path[2 * FEED_PATH])
{
	char name[TRAIL_SEGMENT_NAME_LEN];

	trail_segment_name(number, kind, name);
	snprintf(path, 2 * FEED_PATH, "%s/%s", p->dir, name);
}

static bool is_there(const struct place *p, uint64_t number, enum trail_segment_kind kind)
{
	char path[2 * FEED_PATH];

	path_of(p, number, kind, path);
	return access(path, F_OK) == 0;
}

/* Appends a file's bytes. */
static void take_file(const struct place *p, uint64_t number, enum trail_segment_kind kind,
		      struct buf *b)
{
	char path[2 * FEED_PATH], piece[4096];
	ssize_t len;
	int fd;

	path_of(p, number, kind, path);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	while ((len = read(fd, piece, sizeof(piece))) > 0)
		buf_put(b, piece, (size_t)len);
	assert_int_equal(len, 0);
	close(fd);
}

/* ---- what the writer keeps -------------------------------------------------------------------------- */

static struct trail_writer_options dir_options(const struct place *p)
{
	return (struct trail_writer_options){.path = p->dir, .directory = true, .sync_ms = 1000};
}

/* A run of 'segments', each with some 64 KiB of events behind a keyframe, the first without. */
static void record_run(const struct place *p, unsigned segments, unsigned rows)
{
	struct trail_writer_options opt = dir_options(p);
	struct feed f;

	feed_open(&f, &opt);
	for (unsigned i = 0; i < segments; i++) {
		if (i) {
			trail_writer_rotate(f.w);
			assert_true(feed_keyframe_rows(&f, rows));
		}
		feed_events(&f, 1000);
		feed_tick(&f, 1000);
		feed_settle(&f);
	}
	feed_close(&f, 0);
}

/* The writer's disk without its thread, and with a segment of its own. */
static void disk_take(const struct place *p, uint64_t max_bytes, struct trail_disk *ret_disk)
{
	struct trail_writer_options opt = dir_options(p);
	struct trail_header head = feed_header();

	head.boot_ns += 3600 * NS_PER_SEC;
	head.real_ns += 3600 * NS_PER_SEC;
	opt.max_bytes = max_bytes;
	assert_int_equal(disk_open(ret_disk, &opt, &head, NULL), 0);
}

static int make_room(struct trail_disk *d, uint64_t len)
{
	return budget_make_room(d, len, d->head.real_ns, d->head.boot_ns);
}

static void budget_with_stubs_holds(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_writer_status s;
	size_t most_stubs = 0;
	struct content c;
	struct walk k = {0};
	struct said said;
	struct feed f;

	opt.max_bytes = BUDGET;
	feed_open(&f, &opt);
	for (int i = 0; i < 300; i++) {
		feed_events(&f, 900);
		feed_tick(&f, 1000);
		feed_settle(&f);
		assert_in_range(disk_usage(p), 0, BUDGET);
		c = content_of(p);
		s = feed_status(&f);
		assert_int_equal(s.dir_bytes, dir_weight(p->dir));
		assert_int_equal(s.segments, c.cnt);
		assert_in_range(c.stub_bytes, 0, BUDGET / 8);
		assert_in_range(c.largest, 0, BUDGET / 64);
		if (c.stubs) /* the age of what has its events, not of them */
			assert_int_not_equal(s.oldest_real_ns, FEED_REAL_NS);
		most_stubs = c.stubs > most_stubs ? c.stubs : most_stubs;
		free(c.rows);
		feed_keyframe_rows(&f, 800);
	}
	assert_int_equal(s.lost, 0);
	feed_close(&f, 0);
	walk_dir(&k, p->dir);
	walk_expect_whole(&k);
	c = content_of(p);
	/* they fill their share, and the oldest of them have gone; nothing stands between the two */
	assert_in_range(c.stub_bytes, BUDGET / 16, BUDGET / 8);
	assert_in_range(c.rows[0].number, 10, UINT64_MAX);
	for (size_t i = 0; i < c.cnt; i++) {
		assert_int_equal(c.rows[i].number, c.rows[0].number + i);
		assert_int_equal(c.rows[i].kind == TRAIL_SEGMENT_KEYFRAME, i < c.stubs);
	}
	assert_in_range(most_stubs, 5, SIZE_MAX);
	said_of_path(&said, p->dir);
	assert_int_equal(said.damage_cnt, 0);
	assert_int_equal(said.last, f.number);
	assert_int_equal(said.gap_cnt, 0);
	assert_int_equal(said.gap.reason, REC_GAP_ROTATED);
	free(c.rows);
}

/* The segment's header and first keyframe, byte for byte, and an END that says when it ended. */
static void first_keyframe_survives_as_it_was(void **state)
{
	struct place *p = *state;
	struct buf whole = {0}, stub = {0};
	struct trail_header head;
	struct trail_block key, end;
	struct trail_disk d;
	struct stat st;
	char path[2 * FEED_PATH];
	size_t begin;

	record_run(p, 5, 100);
	take_file(p, 2, TRAIL_SEGMENT_CLOSED, &whole);
	umask(0077);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - d.rows[4].bytes - 40000), 0);
	umask(0022);
	assert_false(is_there(p, 1, TRAIL_SEGMENT_CLOSED));
	assert_false(is_there(p, 1, TRAIL_SEGMENT_KEYFRAME)); /* there was none in it */
	assert_false(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	take_file(p, 2, TRAIL_SEGMENT_KEYFRAME, &stub);
	assert_int_equal(trail_header_parse((struct span){whole.data, whole.len}, &head, &begin),
			 0);
	assert_int_equal(
		trail_block_parse((struct span){whole.data + begin, whole.len - begin}, &key), 0);
	assert_int_equal(key.kind, TRAIL_KEYFRAME);
	begin += key.len;
	assert_int_equal(stub.len, begin + TRAIL_BLOCK_HEADER + TRAIL_BLOCK_TRAILER);
	assert_memory_equal(stub.data, whole.data, begin);
	assert_int_equal(
		trail_block_parse((struct span){stub.data + begin, stub.len - begin}, &end), 0);
	assert_int_equal(end.kind, TRAIL_END);
	assert_int_equal(end.sequence, key.sequence + 1);
	assert_int_equal(
		trail_block_check(&end, (struct span){stub.data + begin, stub.len - begin}), 0);
	assert_true(end.last_ns > key.last_ns); /* the events' */
	assert_int_equal(trail_block_last_real(&end), end.last_ns + FEED_REAL_NS - FEED_BOOT_NS);
	path_of(p, 2, TRAIL_SEGMENT_KEYFRAME, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	disk_release(&d);
	/* and the next start tells the same of it */
	disk_take(p, BUDGET, &d);
	assert_true(d.rows[0].stub);
	assert_int_equal(d.rows[0].last_boot_ns, end.last_ns);
	assert_int_equal(d.rows[0].last_real_ns, trail_block_last_real(&end));
	disk_release(&d);
	buf_release(&whole);
	buf_release(&stub);
}

/* The first segment of a run has its keyframe on the way, under a number that stays. */
static void keyframe_on_the_way_survives(void **state)
{
	struct place *p = *state;
	struct trail_writer_options opt = dir_options(p);
	struct trail_disk d;
	struct said said;
	struct feed f;

	feed_open(&f, &opt);
	feed_events(&f, 1000);
	feed_tick(&f, 600000);
	feed_settle(&f);
	assert_true(feed_keyframe_rows(&f, 100));
	feed_events(&f, 1000);
	feed_close(&f, 0);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 40000), 0);
	assert_true(is_there(p, 1, TRAIL_SEGMENT_KEYFRAME));
	disk_finish(&d);
	disk_release(&d);
	said_of_path(&said, p->dir);
	said_expect(&said, KEY_MARK);
	assert_int_equal(said.damage_cnt, 0);
}

static void large_keyframe_is_not_kept(void **state)
{
	struct place *p = *state;
	struct trail_disk d;
	struct content c;

	record_run(p, 4, 3000);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 4000), 0);
	c = content_of(p);
	assert_int_equal(c.stubs, 0);
	assert_int_equal(c.cnt, 1);
	free(c.rows);
	disk_release(&d);
}

/* A bad bit in it: half a table would be a wrong one. */
static void damaged_keyframe_is_not_kept(void **state)
{
	struct place *p = *state;
	struct trail_disk d;
	char path[2 * FEED_PATH];
	int fd;

	record_run(p, 3, 100);
	path_of(p, 2, TRAIL_SEGMENT_CLOSED, path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "?", 1, 600), 1);
	close(fd);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 40000), 0);
	assert_false(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME));
	assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME_PART));
	assert_true(is_there(p, 3, TRAIL_SEGMENT_KEYFRAME));
	disk_release(&d);
}

/* A full disk takes them first, all at once, and then segments, of which nothing stays. */
static void full_disk_takes_stubs_first(void **state)
{
	struct place *p = *state;
	struct trail_disk d;
	struct content c;

	record_run(p, 8, 100);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 2 * d.rows[7].bytes - 40000), 0);
	assert_in_range(d.stub_cnt, 4, 6);
	assert_int_equal(budget_drop_oldest(&d), 0);
	c = content_of(p);
	assert_int_equal(c.stubs, 0);
	assert_int_equal(c.cnt, d.row_cnt + 1);
	assert_int_equal(d.stub_cnt, 0);
	assert_int_equal(d.stub_bytes, 0);
	free(c.rows);
	assert_int_equal(budget_drop_oldest(&d), 0);
	c = content_of(p);
	assert_int_equal(c.stubs, 0);
	assert_int_equal(c.cnt, d.row_cnt + 1);
	free(c.rows);
	disk_release(&d);
}

/* By age a stub goes when its segment would have, and no segment leaves one. */
static void age_takes_stubs_too(void **state)
{
	struct place *p = *state;
	struct trail_disk d;
	uint64_t now_ns;

	record_run(p, 6, 100);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 2 * d.rows[5].bytes - 40000), 0);
	assert_in_range(d.stub_cnt, 2, 4);
	d.opt.max_age_ns = 60 * NS_PER_SEC;
	now_ns = d.rows[0].last_boot_ns + d.opt.max_age_ns;
	assert_int_equal(budget_make_room(&d, 0, now_ns + d.head.real_ns - d.head.boot_ns, now_ns),
			 0);
	assert_true(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME));
	now_ns += 1;
	assert_int_equal(budget_make_room(&d, 0, now_ns + d.head.real_ns - d.head.boot_ns, now_ns),
			 0);
	assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME));
	assert_true(is_there(p, 3, TRAIL_SEGMENT_KEYFRAME));
	now_ns += 3600 * NS_PER_SEC;
	assert_int_equal(budget_make_room(&d, 0, now_ns + d.head.real_ns - d.head.boot_ns, now_ns),
			 0);
	assert_int_equal(d.row_cnt, 0);
	assert_int_equal(d.stub_cnt, 0);
	disk_release(&d);
}

/* ---- what goes wrong --------------------------------------------------------------------------------- */

static int fault_at; /* the n-th call, counted down */

static ssize_t write_fails(int fd, const void *data, size_t len, off_t offset)
{
	if (--fault_at > 0)
		return pwrite(fd, data, len, offset);
	errno = ENOSPC;
	return -1;
}

static int sync_fails(int fd)
{
	errno = EIO;
	return -1;
}

/* Making room comes first: whatever keeps the stub from being made, the segment goes. */
static void stub_that_cannot_be_made_holds_nothing_up(void **state)
{
	struct place *p = *state;
	struct trail_disk d;
	struct content c;
	bool failed = true;

	/* header, keyframe, END, and the sync */
	for (int nth = 1; failed; nth++) {
		assert_in_range(nth, 1, 10);
		record_run(p, 3, 100);
		disk_take(p, BUDGET, &d);
		fault_at = nth;
		if (nth < 4)
			d.io.write_at = write_fails;
		else if (nth == 4)
			d.io.sync = sync_fails;
		failed = nth <= 4;
		assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 40000), 0);
		c = content_of(p);
		assert_int_equal(c.cnt - c.stubs, 1);
		assert_int_equal(c.stubs, failed ? 0 : 2);
		assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME_PART));
		assert_false(is_there(p, 3, TRAIL_SEGMENT_KEYFRAME_PART));
		free(c.rows);
		disk_release(&d);
		place_clear(p->dir);
	}
}

/* Something that is not ours has the name: it is not followed, and not overwritten. */
static void foreign_name_is_left_alone(void **state)
{
	struct place *p = *state;
	char path[2 * FEED_PATH], target[FEED_PATH];
	struct trail_disk d;
	struct stat st;

	record_run(p, 3, 100);
	snprintf(target, sizeof(target), "%s/secret", p->top);
	path_of(p, 2, TRAIL_SEGMENT_KEYFRAME_PART, path);
	assert_int_equal(symlink(target, path), 0);
	disk_take(p, BUDGET, &d);
	assert_int_equal(make_room(&d, BUDGET - d.seg.bytes - 40000), 0);
	assert_int_equal(stat(target, &st), -1);
	assert_false(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	assert_true(is_there(p, 3, TRAIL_SEGMENT_KEYFRAME));
	disk_release(&d);
}

static int sync_ends_us(int fd)
{
	_exit(42);
}

/* Killed before it has its name: the segment is there, read once, and the next start tidies up. */
static void killed_while_it_is_made(void **state)
{
	struct place *p = *state;
	struct said want, said;
	struct trail_disk d;
	int status;
	pid_t pid;

	record_run(p, 3, 100);
	said_of_path(&want, p->dir);
	pid = fork();
	if (pid == 0) {
		disk_take(p, BUDGET, &d);
		d.io.sync = sync_ends_us;
		make_room(&d, BUDGET - d.seg.bytes - 40000);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
	/* of the first there never was one: it has gone already */
	assert_true(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME_PART));
	assert_true(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	said_of_path(&said, p->dir);
	assert_int_equal(said.damage_cnt, 0);
	assert_int_equal(said.last, want.last);
	assert_int_equal(said.items[1], KEY_MARK);
	assert_int_equal(said.items[2], 1002);
	disk_take(p, 0, &d);
	assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME_PART));
	assert_true(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	disk_release(&d);
}

/* Killed when it has it: both are there, the fuller one counts, and the next start removes the stub. */
static void killed_before_the_segment_goes(void **state)
{
	struct place *p = *state;
	struct disk_row stub;
	struct trail_disk d;
	struct said want, said;
	struct content c;
	uint64_t weight;

	record_run(p, 3, 100);
	said_of_path(&want, p->dir);
	weight = dir_weight(p->dir);
	disk_take(p, 0, &d);
	assert_int_equal(stub_make(&d, &d.rows[1], UINT64_MAX, &stub), 0);
	assert_string_equal(stub.name, "0000000002.keyframe.trail");
	disk_finish(&d);
	disk_release(&d);
	assert_true(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME));
	c = content_of(p);
	assert_int_equal(c.cnt, 3);
	assert_int_equal(c.stubs, 0);
	free(c.rows);
	assert_int_equal(dir_weight(p->dir), weight);
	said_of_path(&said, p->dir);
	assert_int_equal(said.cnt, want.cnt);
	assert_memory_equal(said.items, want.items, want.cnt * sizeof(want.items[0]));
	disk_take(p, 0, &d);
	assert_int_equal(d.stub_cnt, 0);
	assert_false(is_there(p, 2, TRAIL_SEGMENT_KEYFRAME));
	assert_true(is_there(p, 2, TRAIL_SEGMENT_CLOSED));
	disk_release(&d);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_PLACE(budget_with_stubs_holds),
		IN_PLACE(first_keyframe_survives_as_it_was),
		IN_PLACE(keyframe_on_the_way_survives),
		IN_PLACE(large_keyframe_is_not_kept),
		IN_PLACE(damaged_keyframe_is_not_kept),
		IN_PLACE(full_disk_takes_stubs_first),
		IN_PLACE(age_takes_stubs_too),
		IN_PLACE(stub_that_cannot_be_made_holds_nothing_up),
		IN_PLACE(foreign_name_is_left_alone),
		IN_PLACE(killed_while_it_is_made),
		IN_PLACE(killed_before_the_segment_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
