// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/trigger.h"
#include "base/log.h"
#include "base/text.h"

#define SUBDIR         "snapshots"
#define SUFFIX         ".trail"
#define BEFORE_NS      (300 * NS_PER_SEC)
#define AFTER_NS       (60 * NS_PER_SEC)
#define COOL_NS        (600 * NS_PER_SEC)
#define FLUSH_NS       (2 * NS_PER_SEC) /* until what was seen is on disk, with --sync 1s */
#define TOLD_NS        (200 * NS_PER_MS) /* a death may be told by a later record, or the next tick */
#define RETRY_NS       (10 * NS_PER_SEC)
#define TRIES          6 /* where pids or memory are exhausted a child may not be had at once */
#define NUMBER_MAX     20
#define BYTES_PART     4 /* of the record's own size */
#define BYTES_DEFAULT  (256ULL << 20)
#define NICE           10
#define FINISH_WAIT_MS 30000
#define FINISH_STEP_MS 20

struct request {
	bool wanted;
	char why[TRIGGER_NAME_LEN + 8];
	uint64_t at_ns, from_ns, to_ns; /* boot_ns */
};

struct snapshots {
	const char *dir;
	struct proc_table *table;
	struct trigger triggers[TRIGGERS_MAX];
	uint64_t fired_ns[TRIGGERS_MAX]; /* 0: never */
	size_t trigger_cnt;
	uint64_t before_ns, after_ns, flush_ns, bytes_max;

	struct request now, next; /* to come or being cut; asked for while that one is cut */
	uint64_t due_ns;          /* when 'now' can be cut */
	unsigned tries;
	pid_t child; /* 0: none */
	char path[PATH_MAX], part[PATH_MAX];
};

static uint64_t now_ns(const struct snapshots *s)
{
	return proc_table_host(s->table)->now_ns;
}

/* ---- asking --------------------------------------------------------------------------------- */

static void set_due(struct snapshots *s)
{
	s->due_ns = s->now.to_ns + s->flush_ns;
}

/*
 * Nobody who asks goes without: one that is not being cut yet goes on until the later end, and while it
 * is there is another.
 */
static void want(struct snapshots *s, const char *why, uint64_t after_ns)
{
	struct request *r = s->child ? &s->next : &s->now;
	uint64_t now = now_ns(s), to_ns = now + after_ns + TOLD_NS;

	if (r->wanted) {
		log_notice("snapshot '%s' goes on for '%s'", r->why, why);
		if (r->to_ns < to_ns)
			r->to_ns = to_ns;
	} else {
		*r = (struct request){.wanted = true,
				      .at_ns = now,
				      .from_ns = now > s->before_ns ? now - s->before_ns : 0,
				      .to_ns = to_ns};
		snprintf(r->why, sizeof(r->why), "%s", why);
	}
	if (r == &s->now) {
		s->tries = 0;
		set_due(s);
	}
}

/* The one at hand is done with, in whatever way. */
static void go_on(struct snapshots *s)
{
	s->now = s->next;
	s->next.wanted = false;
	s->tries = 0;
	set_due(s);
}

void snapshots_ask(struct snapshots *s)
{
	want(s, "asked", 0);
}

static void on_change(void *ctx, const struct change *c)
{
	struct snapshots *s = ctx;

	for (size_t i = 0; i < s->trigger_cnt; i++) {
		struct trigger *t = &s->triggers[i];
		struct buf why = {0};

		if (!trigger_fires(t, proc_table_counts(s->table), c))
			continue;
		if (s->fired_ns[i] && now_ns(s) < s->fired_ns[i] + COOL_NS)
			continue;
		s->fired_ns[i] = now_ns(s);
		trigger_put_word(&why, t);
		want(s, buf_str(&why), s->after_ns);
		buf_release(&why);
	}
}

/* ---- room ----------------------------------------------------------------------------------- */

static bool is_snapshot(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* which begins with the time */
}

static int only_snapshots(const struct dirent *d)
{
	return is_snapshot(d->d_name);
}

/* Deletes the oldest until there is room for one more. */
static void make_room(const struct snapshots *s)
{
	char path[PATH_MAX];
	struct dirent **rows;
	uint64_t bytes = 0;
	struct stat st;
	int cnt, left;

	snprintf(path, sizeof(path), "%s/" SUBDIR, s->dir);
	cnt = scandir(path, &rows, only_snapshots, by_name);
	left = cnt;
	for (int i = cnt; i-- > 0;) { /* the latest first: they stay */
		snprintf(path, sizeof(path), "%s/" SUBDIR "/%s", s->dir, rows[i]->d_name);
		if (lstat(path, &st) == 0)
			bytes += (uint64_t)st.st_size;
		if ((cnt - i >= NUMBER_MAX || bytes > s->bytes_max) && unlink(path) == 0) {
			left--;
			log_notice("deleted '%s': %d snapshots are kept", path, left);
		}
		free(rows[i]);
	}
	if (cnt >= 0)
		free(rows);
}

/* Sorts by time, and says why: 20261124T021107Z-oom.trail */
static void name_it(struct snapshots *s)
{
	const struct wall_clock *clock = proc_table_clock(s->table);
	struct wall_clock utc = {.offset_ns = clock->offset_ns, .utc = true};
	struct wall_time t = wall_time_of(&utc, s->now.at_ns);

	snprintf(s->path, sizeof(s->path), "%s/" SUBDIR "/%04d%02d%02dT%02d%02d%02dZ-%s" SUFFIX,
		 s->dir, t.year, t.month, t.day, t.hour, t.min, t.sec, s->now.why);
	snprintf(s->part, sizeof(s->part), "%s/" SUBDIR "/.part", s->dir);
}

/* ---- cutting -------------------------------------------------------------------------------- */

static void put_time(struct buf *b, const struct snapshots *s, uint64_t boot_ns)
{
	clock_put_rfc3339(b, proc_table_clock(s->table), boot_ns);
}

/* Started as by hand: no signal blocked, no environment (a replay asks it nothing); but nicer. */
static int spawn(char **argv, pid_t *ret_child)
{
	char *const no_env[] = {NULL};
	posix_spawnattr_t attr;
	sigset_t none;
	int err;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(ret_child, "/proc/self/exe", NULL, &attr, argv, no_env);
	posix_spawnattr_destroy(&attr);
	if (err)
		*ret_child = 0;
	else
		(void)setpriority(PRIO_PROCESS, (id_t)*ret_child, NICE);
	return -err;
}

/* Nothing is hidden from it: what was to be hidden never came in. */
static int cut(struct snapshots *s)
{
	const char *argv[] = {"proctrail", "trace", "--no-redact", "--events", "oom",   "-o",
			      "/dev/null", "-r",    s->dir,        "-w",       s->part, "--from",
			      NULL,        "--to",  NULL,          NULL};
	const size_t from_at = 12, to_at = 14;
	struct buf from = {0}, to = {0};
	int err;

	put_time(&from, s, s->now.from_ns);
	put_time(&to, s, s->now.to_ns);
	argv[from_at] = buf_str(&from);
	argv[to_at] = buf_str(&to);
	err = spawn((char **)argv, &s->child);
	buf_release(&from);
	buf_release(&to);
	return err;
}

static void give_up(struct snapshots *s, int err, const char *what)
{
	bool again = ++s->tries < TRIES;

	log_err(err, "snapshot '%s': %s%s", s->now.why, what,
		again ? "; to be tried again" : "; it is not kept");
	if (again)
		s->due_ns = now_ns(s) + RETRY_NS;
	else
		go_on(s);
}

static void begin(struct snapshots *s)
{
	char dir[PATH_MAX];
	int err;

	snprintf(dir, sizeof(dir), "%s/" SUBDIR, s->dir);
	if (mkdir(dir, 0750) && errno != EEXIST) {
		give_up(s, -errno, "cannot make its directory");
		return;
	}
	make_room(s);
	name_it(s);
	if (unlink(s->part) && errno != ENOENT) {
		give_up(s, -errno, "cannot clear its place");
		return;
	}
	err = cut(s);
	if (err)
		give_up(s, err, "cannot start the process that cuts it");
}

static void take_result(struct snapshots *s, int status)
{
	char exit_text[32];
	struct buf span = {0};

	s->child = 0;
	if (status) {
		unlink(s->part);
		snprintf(exit_text, sizeof(exit_text), "cutting it ended with %d",
			 WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
		give_up(s, 0, exit_text);
		return;
	}
	if (rename(s->part, s->path)) {
		give_up(s, -errno, "cannot be named");
		return;
	}
	text_put_duration(&span, s->now.to_ns - s->now.from_ns);
	log_notice("kept what is recorded of %s in '%s'; to ask: proctrail trace -r %s",
		   buf_str(&span), s->path, s->path);
	buf_release(&span);
	go_on(s);
}

void snapshots_step(struct snapshots *s)
{
	int status;

	if (s->child) {
		if (waitpid(s->child, &status, WNOHANG) == s->child)
			take_result(s, status);
		return;
	}
	if (s->now.wanted && now_ns(s) >= s->due_ns)
		begin(s);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct snapshots *snapshots_new(const struct options *opt, const char *dir, struct proc_table *t)
{
	struct snapshots *s = calloc(1, sizeof(*s));
	uint64_t sync_ns = opt->sync_ms < 3600 * 1000 ? opt->sync_ms * NS_PER_MS : 0;

	if (!s)
		return NULL;
	s->dir = dir;
	s->table = t;
	s->before_ns = opt->before_ns != DURATION_UNSET ? opt->before_ns : BEFORE_NS;
	s->after_ns = opt->after_ns != DURATION_UNSET ? opt->after_ns : AFTER_NS;
	s->flush_ns = FLUSH_NS + sync_ns;
	s->bytes_max = opt->max_size ? opt->max_size / BYTES_PART : BYTES_DEFAULT;
	for (size_t i = 0; i < TRIGGERS_MAX && opt->triggers[i]; i++)
		if (!trigger_parse(opt->triggers[i], &s->triggers[s->trigger_cnt]))
			s->trigger_cnt++;
	if (proc_table_listen(t, on_change, s)) {
		free(s);
		return NULL;
	}
	return s;
}

/* There is no later: one attempt, and a child has so long. */
static void finish_one(struct snapshots *s)
{
	int status;

	s->tries = TRIES;
	if (!s->child)
		begin(s);
	for (int waited_ms = 0; s->child && waited_ms < FINISH_WAIT_MS;
	     waited_ms += FINISH_STEP_MS) {
		if (waitpid(s->child, &status, WNOHANG) == s->child) {
			take_result(s, status);
			return;
		}
		(void)poll(NULL, 0, FINISH_STEP_MS);
	}
	if (!s->child)
		return;
	kill(s->child, SIGKILL);
	(void)waitpid(s->child, &status, 0);
	s->child = 0;
	unlink(s->part);
	give_up(s, 0, "took too long to cut");
}

void snapshots_finish(struct snapshots *s)
{
	if (!s)
		return;
	while (s->now.wanted)
		finish_one(s);
	free(s);
}
