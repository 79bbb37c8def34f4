// SPDX-License-Identifier: GPL-2.0-only
/* Secrets are gone, evidence is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"
#include "model/redact.h"
#include "redact_lines.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- helpers --------------------------------------------------------------------------------- */

/* Tabs -> NUL, a NUL at the end; returns the length. */
static size_t args_of(const char *line, char *args)
{
	size_t len = strlen(line) + 1;

	memcpy(args, line, len);
	for (size_t i = 0; i < len; i++)
		if (args[i] == '\t')
			args[i] = '\0';
	return len;
}

/* The same back, in a heap block of its exact size so that ASan sees each step aside. */
static void redact_line(const struct redact *r, const char *args, size_t len, char *ret_line)
{
	char *exact = malloc(len ? len : 1);
	size_t left;

	memcpy(exact, args, len);
	left = redact_args(r, exact, len);
	assert_true(left <= len);
	for (size_t i = 0; i < left; i++)
		ret_line[i] = exact[i] ? exact[i] : '\t';
	if (left && ret_line[left - 1] == '\t')
		left--;
	ret_line[left] = '\0';
	free(exact);
}

static struct redact *redact_with(const char *pattern)
{
	struct redact *r;

	assert_int_equal(redact_new(pattern, &r), 0);
	return r;
}

static void expect(const struct redact *r, const char *line, const char *want)
{
	char args[1024], got[1024];

	redact_line(r, args, args_of(line, args), got);
	if (strcmp(got, want) != 0)
		fail_msg("\n  of       '%s'\n  expected '%s'\n  got      '%s'", line, want, got);
}

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void secrets_are_hidden_and_nothing_else(void **state)
{
	struct redact *r = redact_with(NULL);

	for (size_t i = 0; i < COUNT(planted); i++)
		expect(r, planted[i].line, planted[i].want);
	redact_free(r);
}

static void ordinary_lines_stay(void **state)
{
	struct redact *r = redact_with(NULL);

	for (size_t i = 0; i < COUNT(ordinary); i++)
		expect(r, ordinary[i], ordinary[i]);
	redact_free(r);
}

/* --args-max, or a page that could not be read, ends a line anywhere. */
static void a_secret_that_was_cut_is_hidden_too(void **state)
{
	struct redact *r = redact_with(NULL);
	char args[1024], got[1024], piece[MARK_PIECE + 1] = "";

	memcpy(piece, MARK, MARK_PIECE);
	for (size_t i = 0; i < COUNT(planted); i++) {
		size_t len = args_of(planted[i].line, args);

		for (size_t cut = 0; cut < len; cut++) {
			redact_line(r, args, cut, got);
			if (strstr(got, piece))
				fail_msg("'%.*s' is cut there, and shows '%s'", (int)cut,
					 planted[i].line, got);
		}
	}
	redact_free(r);
}

static void short_values_do_not_grow(void **state)
{
	struct redact *r = redact_with(NULL);

	expect(r, "mysql\t-px", "mysql\t-p*");
	expect(r, "app\t--password=xy\tz", "app\t--password=**\tz");
	expect(r, "app\t--password=\tz", "app\t--password=\tz");
	expect(r, "app\t--password\t\tz", "app\t--password\t\tz");
	expect(r, "app\t--password", "app\t--password");
	expect(r, "", "");
	redact_free(r);
}

static void the_users_pattern_hides_more(void **state)
{
	struct redact *r = redact_with("[0-9]{4}-[0-9]{4}|^acct=.*$");

	expect(r, "pay\t1234-5678 and 8765-4321\tx", "pay\t*** and ***\tx");
	expect(r, "pay\tacct=me\tno acct=me", "pay\t***\tno acct=me");
	expect(r, "pay\t--password=x", "pay\t--password=*");
	redact_free(r);
	/* matches nothing, everything, its own stars */
	r = redact_with("x*");
	expect(r, "axxxxb\tb", "a***b\tb");
	redact_free(r);
	r = redact_with(".");
	expect(r, "ab\tc", "**\t*");
	redact_free(r);
	r = redact_with("[*]+.");
	expect(r, "a*bcdefghijklmnopqrstuvwxyz", "***");
	redact_free(r);
	assert_int_equal(redact_new("(", &r), -EINVAL);
	redact_free(NULL);
}

/* ---- properties ------------------------------------------------------------------------------ */

static size_t count_args(const char *args, size_t len)
{
	size_t cnt = 0;

	for (size_t i = 0; i < len; i++)
		cnt += !args[i];
	return cnt;
}

/* Pieces of what matters, in any order: what comes out stays as it is, in as many arguments. */
static void twice_is_once(void **state)
{
	static const char *const pieces[] = {
		"--password", "--token=",
		"=",          ":",
		"://",        "u:pw@h",
		"mysql",      " -p",
		"-p",         "xyz",
		"\t",         "\t",
		" ",          "'",
		"\"",         "\\",
		";",          "|",
		"$",          "{",
		"}",          "(",
		")",          ",",
		"&",          "Authorization:",
		" Bearer ",   "Cookie: ",
		"eyJ",        "eyJhbGciOiJI",
		".",          "ghp_",
		"abcdefghij", "PASSWORD=",
		"password",   "curl",
		"-u",         "a:b",
		"openssl",    "-passin",
		"pass:",      "sh\t-c\t",
		"*",          "***",
		"1",          "/",
		"@",          "?",
		"#",          "\n",
		"secret",     "ssh",
		"login",      "docker",
	};
	struct redact *r[] = {redact_with(NULL), redact_with("[a-c]+|\\*b")};
	uint64_t seed = 42;

	for (int i = 0; i < 40000; i++) {
		char line[512] = "", args[512], once[512];
		size_t len, left, again;

		for (int n = (int)(rnd(&seed) % 24); n >= 0; n--)
			strcat(line, pieces[rnd(&seed) % COUNT(pieces)]);
		len = args_of(line, args) - (rnd(&seed) & 1);
		left = redact_args(r[i % 2], args, len);
		memcpy(once, args, left);
		again = redact_args(r[i % 2], args, left);
		if (left > len || again != left || memcmp(once, args, left) != 0)
			fail_msg("'%s' changes when it is redacted again", line);
		args_of(line, args);
		if (count_args(args, len) != count_args(once, left))
			fail_msg("'%s' has lost an argument", line);
	}
	redact_free(r[0]);
	redact_free(r[1]);
}

/* Looks ahead that find nothing, again and again: the rest is hidden, not followed. */
static void a_line_made_to_be_slow_is_cut_short(void **state)
{
	static const char *const pieces[] = {"://a:b", "://:", "pwd=/"};
	struct redact *r = redact_with(NULL);
	const size_t len = REC_ARGS_MAX;
	char *args = malloc(len);

	for (size_t i = 0; i < COUNT(pieces); i++) {
		size_t n = strlen(pieces[i]);

		for (size_t at = 0; at < len; at++)
			args[at] = pieces[i][at % n];
		args[len - 1] = '\0';
		if (redact_args(r, args, len) > len / 2)
			fail_msg("64 KiB of '%s' were looked at", pieces[i]);
	}
	free(args);
	redact_free(r);
}

/* ---- records --------------------------------------------------------------------------------- */

#define CLASS 1024 /* a size class of the kernel side, longer than most lines */

struct exec_record {
	struct rec_exec x;
	char args[CLASS];
};

/* As the kernel side ships it: behind the arguments is what was there before. */
static void fill_exec(struct exec_record *rec, const char *line, uint32_t more)
{
	memset(rec, 0, sizeof(*rec));
	for (size_t i = 0; i < CLASS; i++)
		rec->args[i] = MARK[i % strlen(MARK)];
	rec->x.h = (struct rec_hdr){.type = REC_EXEC, .size = sizeof(*rec)};
	rec->x.args_kept = (uint32_t)args_of(line, rec->args);
	rec->x.args_len = rec->x.args_kept + more;
}

static void expect_decoded(struct exec_record *rec, const char *want, uint32_t more)
{
	struct cursor c = cursor_of(rec, sizeof(*rec));
	char args[CLASS];
	struct event ev;

	assert_int_equal(event_decode(&c, &ev), 0);
	assert_int_equal(c.left, 0);
	assert_int_equal(ev.args.len, args_of(want, args));
	assert_memory_equal(ev.args.data, args, ev.args.len);
	assert_int_equal(ev.exec.args_len, ev.args.len + more);
}

static bool holds_mark(const void *data, size_t len)
{
	return memmem(data, len, MARK, MARK_PIECE) != NULL;
}

static void no_byte_of_a_secret_stays_in_an_exec_record(void **state)
{
	struct redact *r = redact_with(NULL);
	struct exec_record rec;

	for (size_t i = 0; i < COUNT(planted); i++) {
		fill_exec(&rec, planted[i].line, i % 2 * 7);
		assert_true(holds_mark(&rec, sizeof(rec)));
		assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
		if (holds_mark(&rec, sizeof(rec)))
			fail_msg("the record of '%s' still holds it", planted[i].line);
		/* what was complete is not shown as cut, what was cut is */
		expect_decoded(&rec, planted[i].want, i % 2 * 7);
	}
	redact_free(r);
}

static size_t put_fact(char *to, const char *exe, const char *cwd, const char *line)
{
	struct rec_fact_proc f = {.h = {.type = REC_FACT_PROC}};
	char args[CLASS], *tail = to + sizeof(f);
	size_t used;

	f.exe_len = (uint32_t)strlen(exe);
	f.cwd_len = (uint32_t)strlen(cwd);
	f.args_len = f.args_kept = (uint32_t)args_of(line, args);
	used = sizeof(f) + f.exe_len + f.cwd_len + f.args_kept;
	f.h.size = (uint32_t)((used + 7) & ~(size_t)7);
	memset(to, 0, f.h.size);
	memcpy(to, &f, sizeof(f));
	memcpy(tail, exe, f.exe_len);
	memcpy(tail + f.exe_len, cwd, f.cwd_len);
	memcpy(tail + f.exe_len + f.cwd_len, args, f.args_kept);
	return f.h.size;
}

static void a_batch_is_walked_to_its_end(void **state)
{
	struct redact *r = redact_with(NULL);
	struct rec_rename rename = {.h = {.type = REC_RENAME, .size = sizeof(rename)},
				    .comm = MARK};
	struct exec_record rec;
	char batch[8192], args[CLASS];
	size_t len = 0, at_fact;
	struct cursor c;
	struct event ev;

	memcpy(batch, &rename, sizeof(rename));
	len += sizeof(rename);
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	memcpy(batch + len, &rec, sizeof(rec));
	len += sizeof(rec);
	at_fact = len;
	len += put_fact(batch + len, "/usr/bin/app", "/tmp", "app\t--token=" MARK "\tx");

	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, batch, len), 0);
	assert_memory_equal(batch, &rename, sizeof(rename)); /* carries no command line */
	assert_false(holds_mark(batch + sizeof(rename), len - sizeof(rename)));
	c = cursor_of(batch + at_fact, len - at_fact);
	assert_int_equal(event_decode(&c, &ev), 0);
	assert_true(span_equals(ev.file, span_of("/usr/bin/app")));
	assert_true(span_equals(ev.cwd, span_of("/tmp")));
	assert_int_equal(ev.args.len, args_of("app\t--token=***\tx", args));
	assert_memory_equal(ev.args.data, args, ev.args.len);
	assert_int_equal(ev.fact_proc.args_len, ev.args.len);
	redact_free(r);
}

static void less_than_all_of_a_line_is_kept(void **state)
{
	static const char line[] = "/bin/app\t--password\tx\ty" MARK;
	struct redact *r = redact_with(NULL);
	uint32_t true_len = sizeof(line);
	struct exec_record rec;

	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_EXE, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	expect_decoded(&rec, "/bin/app", true_len - sizeof("/bin/app"));

	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_NONE, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	assert_int_equal(rec.x.args_kept, 0);
	assert_int_equal(rec.x.args_len, true_len);

	/* --no-redact */
	fill_exec(&rec, line, 0);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
	expect_decoded(&rec, line, 0);
	redact_free(r);
}

struct row_record {
	struct rec_row row;
	char tail[512];
};

/* exe "e", args, cwd "c", hostname "h", then the parts that are given; zeros to the end */
static void fill_row(struct row_record *rec, const char *line, uint32_t true_len, unsigned parts)
{
	uint32_t cut[4] = {0, true_len, 0, 0};
	struct rec_row_kill kill = {.sig = 15, .comm = "killer"};
	char *p = rec->tail;

	memset(rec, 0, sizeof(*rec));
	rec->row.h.type = REC_ROW;
	rec->row.exe_len = rec->row.cwd_len = rec->row.hostname_len = 1;
	rec->row.parts = (uint16_t)parts;
	*p++ = 'e';
	rec->row.args_len = (uint32_t)args_of(line, p);
	p += rec->row.args_len;
	*p++ = 'c';
	*p++ = 'h';
	if (parts & REC_PART_CUT)
		p = mempcpy(p, cut, sizeof(cut));
	if (parts & REC_PART_KILLER)
		p = mempcpy(p, &kill, sizeof(kill));
	rec->row.h.size = (uint32_t)(((size_t)(p - (char *)rec) + 7) & ~(size_t)7);
}

/* true_len: 0 where the record must not say that anything was cut */
static void expect_row(struct row_record *rec, const char *want, uint32_t true_len)
{
	struct cursor c = cursor_of(rec, rec->row.h.size);
	struct rec_row_kill kill;
	char args[CLASS];
	struct span rest;
	uint32_t cut[4];
	struct event ev;

	assert_int_equal(event_decode(&c, &ev), 0);
	assert_true(span_equals(ev.file, span_of("e")));
	assert_int_equal(ev.args.len, *want ? args_of(want, args) : 0);
	assert_memory_equal(ev.args.data, args, ev.args.len);
	assert_true(span_equals(ev.cwd, span_of("c")));
	assert_true(span_equals(ev.name, span_of("h")));
	rest = ev.text;
	assert_int_equal(!!(ev.row.parts & REC_PART_CUT), true_len != 0);
	if (true_len) {
		memcpy(cut, rest.data, sizeof(cut));
		assert_int_equal(cut[1], true_len);
		rest.data += sizeof(cut);
	}
	if (ev.row.parts & REC_PART_KILLER) {
		memcpy(&kill, rest.data, sizeof(kill));
		assert_int_equal(kill.sig, 15);
		assert_string_equal(kill.comm, "killer");
	}
}

static void a_row_of_a_keyframe_is_redacted(void **state)
{
	static const char line[] = "/bin/app\t--password\t" MARK "\tx";
	const uint32_t len = sizeof(line), more = 40;
	const uint32_t hidden = len - (uint32_t)(sizeof(MARK) - sizeof("***"));
	struct redact *r = redact_with(NULL);
	struct row_record rec;

	fill_row(&rec, line, 0, REC_PART_KILLER);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, rec.row.h.size), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	expect_row(&rec, "/bin/app\t--password\t***\tx", 0);

	fill_row(&rec, line, len + more, REC_PART_CUT | REC_PART_KILLER);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, rec.row.h.size), 0);
	expect_row(&rec, "/bin/app\t--password\t***\tx", hidden + more);

	/* a line that was whole, and is no more */
	fill_row(&rec, line, 0, REC_PART_KILLER);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_EXE, (char *)&rec, rec.row.h.size), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	expect_row(&rec, "/bin/app", len);

	/* nor has it room to say so */
	fill_row(&rec, "app\tx", 0, REC_PART_KILLER);
	assert_int_equal(redact_batch(NULL, REDACT_ARGS_EXE, (char *)&rec, rec.row.h.size), 0);
	expect_row(&rec, "", 0);

	/* lengths that lie */
	fill_row(&rec, line, 0, 0);
	rec.row.cwd_len = UINT16_MAX;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, rec.row.h.size), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	fill_row(&rec, line, 0, 0);
	rec.row.parts = REC_PART_CUT;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, rec.row.h.size), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	redact_free(r);
}

static void records_that_lie_are_not_followed(void **state)
{
	struct redact *r = redact_with(NULL);
	struct exec_record rec;
	char fact[512];
	size_t len;

	/* more arguments than there is room for: nobody will decode them, nobody keeps them */
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	rec.x.args_kept = CLASS + 1;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), 0);
	assert_false(holds_mark(&rec, sizeof(rec)));
	len = put_fact(fact, "e", "c", "app\t--token=" MARK);
	((struct rec_fact_proc *)fact)->exe_len = UINT32_MAX;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, fact, len), 0);
	assert_false(holds_mark(fact, len));

	/* sizes that cannot be */
	fill_exec(&rec, "mysql\t-p" MARK, 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec) - 8),
			 -EBADMSG);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, 32), -EBADMSG);
	rec.x.h.size = 0;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, sizeof(rec)), -EBADMSG);
	/* an exec record from before it had its last field has no arguments */
	rec.x.h.size = 512;
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, (char *)&rec, 512), 0);
	assert_int_equal(redact_batch(r, REDACT_ARGS_FULL, NULL, 0), 0);
	redact_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_hidden_and_nothing_else),
		cmocka_unit_test(ordinary_lines_stay),
		cmocka_unit_test(a_secret_that_was_cut_is_hidden_too),
		cmocka_unit_test(short_values_do_not_grow),
		cmocka_unit_test(the_users_pattern_hides_more),
		cmocka_unit_test(twice_is_once),
		cmocka_unit_test(a_line_made_to_be_slow_is_cut_short),
		cmocka_unit_test(no_byte_of_a_secret_stays_in_an_exec_record),
		cmocka_unit_test(a_batch_is_walked_to_its_end),
		cmocka_unit_test(less_than_all_of_a_line_is_kept),
		cmocka_unit_test(a_row_of_a_keyframe_is_redacted),
		cmocka_unit_test(records_that_lie_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
