// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream entered in its middle: a table that begins with a keyframe knows what the one knew that
 * wrote it, and says the same about everything that follows.
 */
#include "keyframe_side.h"

#include <glob.h>

#include "output/tree.h"
#include "source/script.h"

static void read_script(struct stream *s, const char *path)
{
	struct script *script = script_new();
	FILE *f = fopen(path, "re");
	char *line = NULL, *p;
	size_t cap = 0;

	assert_non_null(f);
	s->name = path;
	s->opt = (struct proc_table_options){0};
	buf_reset(&s->bytes);
	while (getline(&line, &cap, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "#!", 2) == 0) {
			if ((p = strstr(line, "max_procs=")))
				s->opt.max_procs = strtoul(p + 10, NULL, 10);
			if ((p = strstr(line, "max_dead=")))
				s->opt.max_dead = strtoul(p + 9, NULL, 10);
			if ((p = strstr(line, "dead_ms=")))
				s->opt.dead_ns = strtoul(p + 8, NULL, 10) * NS_PER_MS;
		}
		assert_int_equal(script_line(script, line, &s->bytes), 0);
	}
	stream_index(s);
	script_free(script);
	free(line);
	fclose(f);
}

/* Records of a keyframe are what event_decode() takes, in whole multiples of 8. */
static void assert_well_formed(const struct buf *keyframe)
{
	struct cursor c = cursor_of(keyframe->data, keyframe->len);
	struct event *ev = malloc(sizeof(*ev));
	unsigned last = 0;

	assert_non_null(ev);
	while (c.left) {
		assert_int_equal(event_decode(&c, ev), 0);
		assert_int_equal(ev->h.size % 8, 0);
		assert_int_equal(ev->h.cpu, 0xffff);
		assert_true(ev->h.flags & REC_F_KEYFRAME);
		last = ev->h.type;
	}
	assert_int_equal(last, REC_TABLE);
	assert_int_equal(ev->table.kind, REC_TABLE_END);
	free(ev);
}

/* The same tree, as text and as JSON */
static void put_tree(struct buf *b, struct side *side)
{
	struct tree_options opt = {.kernel = true};
	struct tree tree;

	side->render.style.columns = 100;
	assert_int_equal(tree_build(side->table, &opt, &tree), 0);
	tree_put_text(b, &side->render, &(struct tree_view){.tree = &tree});
	tree_put_json(b, &side->render, &tree);
	tree_release(&tree);
}

static void assert_same_tree(const struct stream *s, size_t cut, struct side *a, struct side *b)
{
	struct buf want = {0}, got = {0};

	put_tree(&want, a);
	put_tree(&got, b);
	assert_same_bytes("tree", s, cut, &want, &got);
	buf_release(&want);
	buf_release(&got);
}

/* ---- the promise ---------------------------------------------------------------------------- */

/* 'a' has seen everything before 'cut'; it goes on, and so does a table that begins there. */
static void assert_cut_is_unseen(const struct stream *s, struct side *a, size_t cut)
{
	struct buf keyframe = {0}, again = {0};
	struct side b;

	side_open(&b, &s->opt);
	assert_int_equal(proc_table_put_keyframe(a->table, 0, &keyframe), 0);
	assert_well_formed(&keyframe);
	side_apply(&b, bytes_of(&keyframe));
	assert_same(s->name, cut, a->table, b.table);
	assert_int_equal(proc_table_put_keyframe(b.table, 0, &again), 0);
	assert_same_bytes("keyframe", s, cut, &keyframe, &again);
	assert_same_tree(s, cut, a, &b);

	buf_reset(&a->said);
	buf_reset(&b.said);
	side_apply(a, stream_part(s, cut, s->cnt));
	side_apply(&b, stream_part(s, cut, s->cnt));
	assert_same_bytes("what is said", s, cut, &a->said, &b.said);
	assert_same(s->name, s->cnt, a->table, b.table);
	assert_same_tree(s, s->cnt, a, &b);
	buf_release(&keyframe);
	buf_release(&again);
	side_close(&b);
}

static void assert_cut_is_unseen_at(const struct stream *s, size_t cut)
{
	struct side a;

	side_open(&a, &s->opt);
	side_apply(&a, stream_part(s, 0, cut));
	assert_cut_is_unseen(s, &a, cut);
	side_close(&a);
}

static void every_timeline_can_be_entered_before_every_record(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));
	glob_t found = {0};

	(void)state;
	assert_non_null(s);
	assert_int_equal(glob("tests/script/*.ev", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 50);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		read_script(s, found.gl_pathv[i]);
		for (size_t cut = 0; cut <= s->cnt; cut++)
			assert_cut_is_unseen_at(s, cut);
	}
	globfree(&found);
	buf_release(&s->bytes);
	free(s);
}

static void a_stream_by_chance_can_be_entered_anywhere(void **state)
{
	static const struct proc_table_options options[] = {
		{0},
		{.max_dead = 10, .dead_ns = 500 * NS_PER_MS},
		{.max_procs = 40},
	};
	struct stream *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		char name[32];

		snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
		s->name = name;
		s->opt = options[seed % 3];
		buf_reset(&s->bytes);
		world_run(&s->bytes, seed * 0x9e3779b97f4a7c15ULL, 500000);
		stream_index(s);
		for (size_t i = 0; i < 50; i++)
			assert_cut_is_unseen_at(s, s->cnt * i / 50 + i % 7);
	}
	buf_release(&s->bytes);
	free(s);
}

/* ---- much of it ----------------------------------------------------------------------------- */

static void put(struct stream *s, struct rec_hdr *h, unsigned type, size_t fixed, size_t tail)
{
	h->type = type;
	h->size = (fixed + tail + 7) / 8 * 8;
	h->boot_ns = WORLD_EPOCH + s->cnt++;
	buf_put(&s->bytes, h, fixed);
	buf_pad(&s->bytes, h->size - fixed, 'x');
}

static void put_life(struct stream *s, uint32_t pid)
{
	struct rec_fork f = {.h = {.tgid = pid, .tid = pid, .start_ns = pid, .cpu = pid % 6000}};
	struct rec_reap r = {.h = f.h};

	put(s, &f.h, REC_FORK, sizeof(f), 0);
	r.h.flags = REC_F_EXITING | REC_F_DEAD;
	put(s, &r.h, REC_FREE, sizeof(r), 0);
}

/* More dead, CPUs and names than one record or one list may hold */
static void lists_may_be_longer_than_a_record(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct rec_text name = {.text_len = 20};

	(void)state;
	assert_non_null(s);
	s->name = "long lists";
	for (uint32_t i = 1; i <= 10000; i++)
		put_life(s, i);
	for (name.id = 1; name.id < 5000; name.id++)
		put(s, &name.h, REC_FACT_CGROUP, sizeof(name), name.text_len);
	s->cnt = 1;
	s->at[1] = s->bytes.len;
	assert_cut_is_unseen_at(s, 1);
	buf_release(&s->bytes);
	free(s);
}

/* A row with all of the longest texts that a stream can give it is one record all the same. */
static void the_longest_texts_fit(void **state)
{
	struct rec_fact_proc r = {.h = {.tgid = 1, .start_ns = 1, .cpu = 0xffff}};
	struct stream *s = calloc(1, sizeof(*s));
	const size_t most = 126 * 1024;

	(void)state;
	assert_non_null(s);
	s->name = "long texts";
	put_life(s, 1);
	for (int which = 0; which < 3; which++) {
		r.exe_len = which == 0 ? most : 0;
		r.cwd_len = which == 1 ? most : 0;
		r.args_len = r.args_kept = which == 2 ? most : 0;
		put(s, &r.h, REC_FACT_PROC, sizeof(r), most);
	}
	s->cnt = 1;
	s->at[1] = s->bytes.len;
	assert_cut_is_unseen_at(s, 1);
	buf_release(&s->bytes);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_timeline_can_be_entered_before_every_record),
		cmocka_unit_test(a_stream_by_chance_can_be_entered_anywhere),
		cmocka_unit_test(lists_may_be_longer_than_a_record),
		cmocka_unit_test(the_longest_texts_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
