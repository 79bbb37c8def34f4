// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile: processes whose names want to harm whoever prints them, and very many arguments.
 *
 * Each name goes everywhere at once: comm (by prctl, and again by exec), argv[0], an argument,
 * the file's name and the directory it runs in. The truth log has names in hexadecimal.
 */
#include <limits.h>
#include <sys/stat.h>

#include "load.h"

#define ENV_CODE "PROCTRAIL_LOAD_EXIT"
#define ENV_HOLD "PROCTRAIL_LOAD_HOLD_MS"

struct run {
	long args, long_bytes, live_ms;
	const char *which;
	char dir[64];
	char exe[PATH_MAX];
	struct tally *tally;
};

struct name {
	const char *label, *bytes;
};

/* Interrupted, the files must go as well: so end the child in hand, and then go the usual way. */
static volatile sig_atomic_t stop;
static volatile pid_t in_hand;

static void on_stop(int sig)
{
	stop = sig;
	if (in_hand)
		kill(in_hand, SIGKILL);
}

static const struct name names[] = {
	{"escapes", "\033[2J\033[31m\033]0;pwned\a\033P$q\033\\"},
	{"c1_raw", "\x9b"
		   "31m\x9d"
		   "0;pwned\x9c"},
	{"c1_utf8", "\xc2\x9b"
		    "31m\xc2\x85"
		    "next"},
	{"bidi", "txt\xe2\x80\xae"
		 "gpj.\xe2\x81\xa6"
		 "exe\xe2\x81\xa9"},
	{"invisible", "\xe2\x80\x8b\xef\xbb\xbf\xe2\x81\xa0\xf3\xa0\x81\x81"},
	{"invalid_utf8", "\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"},
	{"newlines", "a\nb\r\n{\"event\":\"fork\",\"pid\":1}\n"},
	{"json", "\"},{\"a\":\"\\u0000\\"},
	{"stat_parser", "x) Z 1 1 1 ("},
	{"format", "%s%n%n%x"},
	{"shell", "$(reboot);`id`|&>'\""},
	{"option", "--help"},
	{"blank", " \t "},
	{"wide", "\xe6\xbc\xa2\xe5\xad\x97\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80"},
	{"combining", "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81"},
	{"dots", ".. ."},
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* We are the image: say what arrived, stay a while, go. */
static void image(int argc, char **argv)
{
	const char *hold = getenv(ENV_HOLD);
	size_t bytes = 0;
	struct line l;

	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	line_open(&l, "image");
	line_num(&l, "pid", getpid());
	line_num(&l, "argc", argc);
	line_num(&l, "arg_bytes", (int64_t)bytes);
	line_hex(&l, "argv0_hex", argc ? argv[0] : "", argc ? strnlen(argv[0], 300) : 0);
	line_num(&l, "ts_ns", (int64_t)now_ns());
	line_close(&l);
	sleep_ms(hold ? atol(hold) : 0);
	_exit(atoi(getenv(ENV_CODE)));
}

static void exec_log(const char *label, const char *path, char **argv)
{
	size_t n = 0, bytes = 0;
	struct line l;

	for (; argv[n]; n++)
		bytes += strlen(argv[n]) + 1;
	line_open(&l, "exec");
	line_str(&l, "case", label);
	line_num(&l, "pid", getpid());
	line_num(&l, "argc", (int64_t)n); /* as passed; newer kernels make 0 one "" */
	line_num(&l, "arg_bytes", (int64_t)bytes);
	line_hex(&l, "path_hex", path, strlen(path));
	line_num(&l, "start_ns", (int64_t)now_ns());
	line_close(&l);
}

static void exec_now(struct run *r, const char *label, const char *path, char **argv, int code)
{
	char buf[32];
	struct line l;

	snprintf(buf, sizeof(buf), "%d", code);
	setenv(ENV_CODE, buf, 1);
	snprintf(buf, sizeof(buf), "%ld", r->live_ms);
	setenv(ENV_HOLD, buf, 1);
	exec_log(label, path, argv);
	execve(path, argv, environ);
	line_open(&l, "exec_failed");
	line_num(&l, "pid", getpid());
	line_num(&l, "errno", errno);
	line_close(&l);
	_exit(126);
}

/* The file is a symbolic link to us: exec sees its name, and nothing is copied. */
static void name_child(struct run *r, const struct name *n, int code)
{
	char path[PATH_MAX];
	char *argv[] = {(char *)n->bytes, (char *)n->bytes, "end", NULL};
	struct line l;

	if (chdir(r->dir) || mkdir(n->bytes, 0700) || chdir(n->bytes) || symlink(r->exe, n->bytes))
		load_die(1, "cannot make the file of case '%s': %s", n->label, strerror(errno));
	prctl(PR_SET_NAME, n->bytes);
	line_open(&l, "rename");
	line_num(&l, "pid", getpid());
	line_hex(&l, "comm_hex", n->bytes, strnlen(n->bytes, 15));
	line_close(&l);
	snprintf(path, sizeof(path), "./%s", n->bytes);
	exec_now(r, n->label, path, argv, code);
}

static void name_clean(struct run *r, const struct name *n)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", r->dir, n->bytes, n->bytes);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", r->dir, n->bytes);
	rmdir(path);
}

static void name_run(struct run *r, const struct name *n, int code)
{
	uint64_t start_ns = now_ns();
	struct line l;
	int status;
	pid_t pid;

	if (stop || (strcmp(r->which, "all") && strcmp(r->which, n->label)))
		return;
	pid = load_fork(r->tally);
	if (!pid)
		name_child(r, n, code);
	in_hand = pid;
	line_fork(&l, n->label, pid, start_ns);
	load_reap(r->tally, pid, &status);
	in_hand = 0;
	line_death(&l, pid, status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == code)
		tally_add(&r->tally->execs, 1);
	name_clean(r, n);
}

/* Every byte but NUL and '/' in turns, 12 a name so that comm shows them all; and 255 long. */
static void bytes_run(struct run *r)
{
	char buf[256];
	int code = N_NAMES;

	for (int first = 1; first < 256; first += 12) {
		size_t n = 0;

		for (int c = first; c < first + 12 && c < 256; c++)
			if (c != '/')
				buf[n++] = (char)c;
		buf[n] = 0;
		name_run(r, &(struct name){"bytes", buf}, code++);
	}
	memset(buf, 'n', 255);
	memcpy(buf + 240, "\033[7m\xe2\x80\xae\n", 8);
	buf[255] = 0;
	name_run(r, &(struct name){"long_name", buf}, code);
}

static char **args_make(struct run *r)
{
	long n = r->long_bytes ? 2 + r->long_bytes / 100000 : r->args;
	char **argv = calloc((size_t)n + 1, sizeof(*argv));
	long left = r->long_bytes;

	for (long i = 0; i < n; i++) {
		if (!r->long_bytes) {
			if (asprintf(&argv[i], "arg%ld", i) < 0)
				load_die(1, "no memory");
			continue;
		}
		/* the kernel takes no single string above 128 KiB */
		size_t len = i ? (size_t)(left < 100000 ? left : 100000) : 4;

		argv[i] = malloc(len + 1);
		memset(argv[i], i ? 'x' : 'l', len);
		argv[i][len] = 0;
		left -= i ? (long)len : 0;
	}
	return argv;
}

static void args_run(struct run *r)
{
	uint64_t start_ns = now_ns();
	struct line l;
	int status;
	pid_t pid = load_fork(r->tally);

	if (!pid)
		exec_now(r, "args", r->exe, args_make(r), 33);
	line_fork(&l, "args", pid, start_ns);
	load_reap(r->tally, pid, &status);
	line_death(&l, pid, status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 33)
		tally_add(&r->tally->execs, 1);
}

int main(int argc, char **argv)
{
	struct run r = {.args = -1, .which = "all"};
	const struct load_opt opts[] = {
		OPT_STR("case", "NAME|all", r.which, "one name only; bytes and long_name, too"),
		OPT_NUM("args", r.args, -1, 1000000,
			"instead: one exec with N arguments, 0 is true 0"),
		OPT_NUM("long-bytes", r.long_bytes, 0, 1500000,
			"instead: arguments of 100,000 bytes"),
		OPT_NUM("live-ms", r.live_ms, 0, 600000, "how long each image stays"),
		{0},
	};
	const char *tmp = getenv("TMPDIR");

	if (getenv(ENV_CODE))
		image(argc, argv);
	load_parse(argc, argv, "Processes with hostile names, or with many arguments.", opts, NULL);
	r.tally = tally_new();
	if (readlink(LOAD_SELF, r.exe, sizeof(r.exe) - 1) < 0)
		load_die(1, "cannot read '%s': %s", LOAD_SELF, strerror(errno));
	if (r.args >= 0 || r.long_bytes) {
		args_run(&r);
	} else {
		snprintf(r.dir, sizeof(r.dir), "%.40s/hostile-XXXXXX", tmp ? tmp : "/tmp");
		if (!mkdtemp(r.dir))
			load_die(1, "cannot make '%s': %s", r.dir, strerror(errno));
		signal(SIGINT, on_stop);
		signal(SIGTERM, on_stop);
		for (size_t i = 0; i < N_NAMES; i++)
			name_run(&r, &names[i], (int)i);
		bytes_run(&r);
		rmdir(r.dir);
	}
	tally_end(r.tally);
	return stop ? 128 + stop : 0;
}
