// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/session_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/obstacle.h"
#include "cmd/recording.h"
#include "cmd/terminal.h"
#include "model/keyframe.h"
#include "source/live.h"
#include "source/proc_source.h"

#define POLL_MS            100 /* at most; the live source sleeps less */
#define POLL_SHORT_MS      10
#define HEAL_WAIT_NS       NS_PER_SEC /* for the table to be put right before we stop */
#define YOUNG_NS           (300 * NS_PER_MS)
#define INTERRUPT_WAIT_NS  (150 * NS_PER_MS) /* answers within 200 ms */
#define SWEEP_NS           (5 * NS_PER_SEC)  /* between two looks whether zombies are still there */
#define SWEEP_UNCERTAIN_NS (500 * NS_PER_MS)
#define SWEEP_ENDING_NS    (300 * NS_PER_MS)

struct proc_table *session_table(struct session *s)
{
	return s->table;
}

struct render *session_render(struct session *s)
{
	return &s->render;
}

const char *session_source_name(const struct session *s)
{
	return s->source->ops->name;
}

void session_want(struct session *s, const struct want *w)
{
	source_want(s->source, w);
}

bool session_quiet(const struct session *s)
{
	return s->opt->read_path && !s->replay.begun;
}

struct recording *session_recording(struct session *s)
{
	return s->recording;
}

const char *session_read_path(const struct session *s)
{
	const char *path = s->opt->read_path;

	return path ? replay_path(path) : NULL;
}

void session_put_title(const struct session *s, struct buf *out)
{
	if (s->opt->read_path)
		replay_put_title(out, &s->replay, session_read_path(s), &s->render);
}

bool session_signal_came(struct session *s)
{
	struct signalfd_siginfo info;

	if (s->signal_fd < 0 || read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGHUP && s->so.hup_rotates) {
		if (s->recording)
			recording_rotate(s->recording);
		return false;
	}
	if (info.ssi_signo == SIGUSR1) {
		s->so.on_usr1(s->so.ctx);
		return false;
	}
	s->signal = (int)info.ssi_signo;
	return true;
}

bool session_complete(const struct session *s)
{
	const struct proc_counts *cnt = proc_table_counts(s->table);

	return !s->unwatched && !s->render.dropped && !cnt->healed && !cnt->lost && !cnt->missed &&
	       !cnt->malformed && !cnt->evicted && !cnt->thinned && !s->failed &&
	       !proc_table_uncertain_since(s->table) && !writer_dropped(s->writer);
}

/*
 * Signals that end us are read between two batches. One that was ignored when we were started
 * (nohup, a background job) stays ignored.
 */
static int watch_signals(struct session *s)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		if (!sigaction(ending[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&set, ending[i]);
	}
	if (s->so.on_usr1)
		sigaddset(&set, SIGUSR1);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take CMD's status away */
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

static int open_output(struct session *s)
{
	const char *path = s->opt->out_path;

	s->out_fd = STDOUT_FILENO;
	if (path)
		s->out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (s->out_fd < 0)
		return log_err(-errno, "cannot open '%s' for the output", path);
	terminal_detect(s->out_fd, s->opt->wide, &s->render.style);
	log_set_utf8(s->render.style.utf8);
	return 0;
}

/* Its thread is to have no more privileges than we have kept: it starts after they were dropped. */
static int start_writer(struct session *s)
{
	s->writer = writer_new(s->out_fd, s->opt->out_path != NULL, WRITER_QUEUE_BYTES);
	return s->writer ? 0 : log_err(-ENOMEM, "cannot prepare the output");
}

static void fill_live_options(const struct session *s, struct live_options *live)
{
	const struct options *opt = s->opt;

	*live = (struct live_options){
		.ring_bytes = opt->ring_bytes,
		.args_max = opt->args_max,
		.scope_cgroup = opt->cgroup,
		.scope_pid = opt->pid,
		.threads = opt->threads,
		.all_signals = opt->all_signals,
		.exact_reap = opt->exact_reap,
		.fork_time = opt->fork_time,
		.exec_failures = opt->exec_failures,
		.snapshot = s->so.snapshot,
		.texts = s->so.snapshot,
		.texts_every_ns = s->so.texts_every_ns,
		.facts = s->so.facts,
		.proc_dir = opt->proc_dir,
	};
	if (opt->pid || opt->cmd)
		live->scope_by |= LIVE_SCOPE_PID;
	if (opt->cgroup)
		live->scope_by |= LIVE_SCOPE_CGROUP;
	if (opt->uid >= 0) {
		live->scope_by |= LIVE_SCOPE_UID;
		live->scope_uid = (uint32_t)opt->uid;
	}
}

/* /proc alone: for who may only look, and for the snapshot that somebody wants all the same */
static int open_proc_source(struct session *s)
{
	int err = proc_source_open(s->opt->proc_dir, s->so.facts, &s->source);

	if (err) {
		log_err(err, "cannot read '%s'", s->opt->proc_dir ? s->opt->proc_dir : "/proc");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int open_source(struct session *s)
{
	struct live_options live;
	enum live_obstacle why;
	int err;

	if (s->opt->read_path)
		return replay_open(s->opt, &s->replay, &s->source);
	why = live_check(s->opt->proc_dir);
	if (why != LIVE_OK && s->so.proc_fallback)
		return open_proc_source(s);
	if (why != LIVE_OK)
		return obstacle_say(why);
	fill_live_options(s, &live);
	err = live_open(&live, &s->source, &why);
	if (!err) {
		obstacle_say_slow_hooks(s->opt, live_hooks(s->source));
		return EXIT_DONE;
	}
	if (why != LIVE_OK && s->so.proc_fallback)
		return open_proc_source(s);
	if (why != LIVE_OK)
		return obstacle_say(why);
	if (live.scope_cgroup && err == -ENOENT)
		log_err(err, "cannot find cgroup '%s'; it is a path below the cgroup mount",
			live.scope_cgroup);
	else
		log_err(err, "cannot start tracing; proctrail doctor may say why");
	return EXIT_FAILED;
}

static int hold_cmd(struct session *s)
{
	int err = held_cmd_start(&s->cmd, s->opt->cmd, s->opt->user,
				 s->render.json && !s->opt->out_path);

	if (err == -ENOENT && s->opt->user) {
		log_err(0, "no user '%s' in /etc/passwd", s->opt->user);
		return EXIT_USAGE;
	}
	if (err) {
		log_err(err, "cannot fork for '%s'", s->opt->cmd[0]);
		return EXIT_CMD_FAILED;
	}
	return EXIT_DONE;
}

/*
 * The file is made while we may still write everywhere; its header says what the stream's first record
 * does. A cut of a recording begins where the part does that was asked for (open_cut).
 */
static int open_recording(struct session *s)
{
	if (!s->opt->write_path || s->opt->read_path)
		return EXIT_DONE;
	if (s->so.snapshot || strcmp(session_source_name(s), "live")) {
		log_err(0, "a snapshot cannot be recorded: add --duration T, or -- CMD");
		return EXIT_USAGE;
	}
	return recording_open(s->opt, session_source_name(s), live_first(s->source), s->table,
			      &s->recording);
}

/* The probes are in: from here on only what healing and facts need is kept. */
static int begin_watching(struct session *s)
{
	int err;

	if (s->opt->read_path || strcmp(session_source_name(s), "live"))
		return EXIT_DONE;
	err = live_watch(s->source, s->signal_fd);
	if (!err && s->cmd.pid)
		err = live_watch(s->source, s->cmd.pidfd);
	if (!err)
		err = live_begin(s->source, s->cmd.pid);
	if (err) {
		log_err(err, "cannot begin to watch %s", s->cmd.pid ? s->opt->cmd[0] : "");
		return s->cmd.pid ? EXIT_CMD_FAILED : EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Who was there before us, or was found by a pass after a loss, has its command line in /proc. */
static void on_seen(void *ctx, const struct change *c)
{
	struct session *s = ctx;
	struct want want = {.kind = WANT_PROC};

	if (c->kind == CHANGE_LOST && c->reason == REC_GAP_UNWATCHED)
		s->unwatched = true;
	if (c->kind != CHANGE_SEEN || !s->so.facts || !c->proc || c->proc->flags & PROC_KTHREAD ||
	    c->proc->state >= PROC_DYING || (pid_t)c->proc->key.tgid == s->cmd.pid)
		return;
	want.tgid = c->proc->key.tgid;
	want.start_ns = c->proc->key.start_ns;
	session_want(s, &want);
}

int session_open(const struct session_options *so, struct session **ret_session)
{
	struct session *s = calloc(1, sizeof(*s));
	struct proc_table_options table = {.max_procs = so->opt->max_procs};
	int code = EXIT_FAILED;

	if (so->keep_dead) {
		table.dead_ns = UINT64_MAX;
		table.max_dead = SIZE_MAX; /* max_procs bounds them */
	}
	if (!s) {
		log_err(-ENOMEM, "cannot start");
		return EXIT_FAILED;
	}
	s->so = *so;
	s->opt = so->opt;
	s->signal_fd = s->out_fd = -1;
	s->cmd.pidfd = s->cmd.go_fd = s->cmd.error_fd = -1;
	s->table = proc_table_new(&table);
	s->render = (struct render){.table = s->table, .utc = so->opt->utc, .json = so->opt->json};
	if (!s->table || (!so->opt->no_redact && redact_new(so->opt->redact, &s->redact))) {
		log_err(-ENOMEM, "cannot start");
		goto fail;
	}
	if (watch_signals(s) || open_output(s) || proc_table_listen(s->table, on_seen, s))
		goto fail;
	code = open_source(s);
	if (code == EXIT_DONE && s->opt->cmd)
		code = hold_cmd(s);
	if (code == EXIT_DONE)
		code = open_recording(s);
	if (code == EXIT_DONE)
		code = begin_watching(s);
	if (code == EXIT_DONE && s->recording)
		code = recording_start(s->recording);
	if (code != EXIT_DONE)
		goto fail;
	code = EXIT_FAILED;
	if (start_writer(s))
		goto fail;
	*ret_session = s;
	return EXIT_DONE;
fail:
	return session_close(s, code);
}

/* A piece of a recording begins with everything that was known there, a whole one as it did. */
static int open_cut(struct session *s, struct span record)
{
	struct buf keyframe = {0};
	bool is_piece = proc_table_host(s->table)->start_ns != 0;
	int code = EXIT_FAILED;

	if (!is_piece)
		buf_put_span(&keyframe, record);
	else
		(void)proc_table_put_keyframe(s->table, 0, &keyframe);
	if (!keyframe.err)
		code = recording_open(s->opt, session_source_name(s),
				      (struct span){keyframe.data, keyframe.len}, s->table,
				      &s->recording);
	buf_release(&keyframe);
	if (code == EXIT_DONE)
		code = recording_start(s->recording);
	if (code == EXIT_DONE && is_piece)
		recording_put_keyframe(s->recording);
	return code;
}

/* Of a recording: false where the part that was asked for is over. */
static bool take_replayed(struct session *s, const struct event *ev, struct span record)
{
	enum replay_place place = replay_place_of(&s->replay, proc_table_clock(s->table), ev);

	if (place == REPLAY_AFTER)
		return false;
	replay_enter(s->table, ev);
	if (place == REPLAY_BEFORE)
		return true;
	if (s->opt->write_path && !s->recording && open_cut(s, record) != EXIT_DONE) {
		s->failed = -EIO;
		return false;
	}
	if (s->recording) {
		recording_begin_batch(s->recording, record);
		(void)recording_end_batch(s->recording); /* here nothing is thinned */
	}
	return true;
}

static void apply_batch(struct session *s, struct span batch)
{
	bool recorded = s->recording && !s->opt->read_path && !s->unsafe;
	struct cursor c = cursor_of(batch.data, batch.len);
	struct event ev;

	if (recorded)
		recording_begin_batch(s->recording, batch);
	while (c.left && !c.err) {
		const char *at = (const char *)c.p;
		int err = event_decode(&c, &ev);
		struct span record = {at, (size_t)((const char *)c.p - at)};

		if (!err && s->opt->read_path && !take_replayed(s, &ev, record)) {
			source_stop(s->source);
			s->stopped = true;
			return;
		}
		if (recorded && !err)
			recording_take(s->recording, &ev, record);
		if (err)
			proc_table_count_bad(s->table, err);
		else
			(void)proc_table_apply(s->table, &ev); /* counts what it cannot keep */
	}
	if (recorded && recording_end_batch(s->recording))
		session_want(s, &(struct want){.kind = WANT_PASS});
}

/* Lets CMD go once it is known to the table, that is: its seed row has come through. */
static void let_cmd_go(struct session *s)
{
	int err;

	if (s->cmd.go_fd >= 0) {
		if (proc_table_find_pid(s->table, (uint32_t)s->cmd.pid))
			(void)held_cmd_go(&s->cmd); /* killed while held: its status tells */
		return;
	}
	err = held_cmd_exec_err(&s->cmd);
	if (!err || err == -EAGAIN)
		return;
	s->exec_err = err;
	log_err(err, "cannot run '%s'", s->opt->cmd[0]);
}

static bool duration_over(const struct session *s)
{
	const struct host_info *host = proc_table_host(s->table);

	return s->so.duration_ns != DURATION_UNSET && !s->so.snapshot && !s->opt->read_path &&
	       host->now_ns >= host->start_ns + s->so.duration_ns;
}

/*
 * CMD and all its descendants have ended. What is left of them has a moment to be reaped, by somebody
 * outside who may never do so, and the table a moment to be healed.
 */
static bool cmd_over(struct session *s)
{
	const struct proc_counts *cnt = proc_table_counts(s->table);
	uint64_t now = proc_table_host(s->table)->now_ns;

	if (!s->cmd.pid || !held_cmd_ended(&s->cmd))
		return false;
	if (cnt->live) {
		if (!proc_table_uncertain_since(s->table))
			s->ending_since_ns = 0;
		return false;
	}
	if (!s->ending_since_ns)
		s->ending_since_ns = now;
	return (!cnt->zombies_now && !proc_table_uncertain_since(s->table)) ||
	       now > s->ending_since_ns + HEAL_WAIT_NS;
}

/*
 * Somebody wants an answer now. CMD got the same Ctrl-C: it has a moment to end by it, so that its
 * end is part of the answer; a second signal ends us at once.
 */
static bool interrupt_over(struct session *s)
{
	uint64_t now = proc_table_host(s->table)->now_ns;

	if (session_signal_came(s)) {
		if (s->interrupted)
			return true;
		s->interrupted = true;
		s->interrupted_ns = now;
	}
	if (!s->interrupted)
		return false;
	return !s->cmd.pid || now > s->interrupted_ns + INTERRUPT_WAIT_NS;
}

/*
 * How often a pass is to show what is really there; 0: not at all. The end of a process is not always
 * told (sched_process_free was seen missing on a busy 6.18), so as long as there are zombies, or when
 * all but CMD itself should have ended with it. What a CPU lost is told by its next record, which may
 * come after the pass that the loss had asked for: then the table is still uncertain.
 */
static uint64_t sweep_every(const struct session *s)
{
	const struct proc_counts *cnt = proc_table_counts(s->table);

	if (s->so.snapshot || s->opt->read_path)
		return 0;
	if (proc_table_uncertain_since(s->table))
		return SWEEP_UNCERTAIN_NS;
	if (s->cmd.ended && !cnt->live && cnt->zombies_now)
		return SWEEP_ENDING_NS;
	return cnt->zombies_now || s->cmd.ended ? SWEEP_NS : 0;
}

static void sweep(struct session *s)
{
	uint64_t now = proc_table_host(s->table)->now_ns, every = sweep_every(s);
	struct want pass = {.kind = WANT_PASS};

	if (!every || !s->swept_ns)
		s->swept_ns = now;
	if (!every || now < s->swept_ns + every)
		return;
	s->swept_ns = now;
	session_want(s, &pass);
}

static void check_end(struct session *s)
{
	if (s->stopped)
		return;
	if (s->recording && recording_failed(s->recording))
		s->failed = -EIO;
	if (interrupt_over(s) || s->failed || duration_over(s) || cmd_over(s)) {
		source_stop(s->source);
		s->stopped = true;
	}
}

/* The first lines and the last ones are waited for by somebody; in between the ring fills. */
static int poll_ms(const struct session *s)
{
	const struct host_info *host = proc_table_host(s->table);
	bool young = host->now_ns < host->start_ns + YOUNG_NS;

	return young || s->cmd.ended || s->interrupted ? POLL_SHORT_MS : POLL_MS;
}

static void step(struct session *s, struct span batch)
{
	/* The batch is ours until the next one, whatever a span promises. Secrets go before anybody has
	 * seen them; where a length lies the rest is neither kept nor decoded. */
	s->unsafe = redact_batch(s->redact, s->opt->args_mode, (char *)(uintptr_t)batch.data,
				 batch.len) != 0;
	apply_batch(s, batch);
	let_cmd_go(s);
	sweep(s);
	check_end(s);
	if (s->so.on_batch)
		s->so.on_batch(s->so.ctx);
}

int session_run(struct session *s)
{
	struct span batch;
	int err;

	while (!(err = source_next(s->source, poll_ms(s), &batch)))
		step(s, batch);
	if (s->opt->read_path)
		replay_say_damage(s->source);
	if (err == -ESRCH) {
		log_err(0, "no process has pid %u", s->opt->pid);
		s->failed = err;
	} else if (err != -ENODATA) {
		log_err(err, "cannot read more records");
		s->failed = err;
	}
	return s->failed && s->failed != -EPIPE ? EXIT_FAILED : EXIT_DONE;
}

static int exit_code(struct session *s, int code)
{
	if (!s->opt->cmd)
		return code;
	if (s->exec_err)
		return s->exec_err == -ENOENT ? EXIT_CMD_NOT_FOUND : EXIT_CMD_NOT_EXECUTABLE;
	if (code == EXIT_FAILED)
		return EXIT_CMD_FAILED;
	if (code != EXIT_DONE || !s->cmd.pid)
		return code;
	if (held_cmd_ended(&s->cmd))
		return held_cmd_exit_code(&s->cmd);
	if (!s->signal)
		return code; /* --duration is over: CMD goes on without us */
	log_warn("'%s' [%d] still runs", s->opt->cmd[0], (int)s->cmd.pid);
	return 128 + s->signal;
}

int session_end_recording(struct session *s, int code)
{
	code = recording_close(s->recording, code);
	s->recording = NULL;
	return code;
}

int session_close(struct session *s, int code)
{
	if (s->writer && session_finish_output(s) && code == EXIT_DONE)
		code = EXIT_FAILED;
	code = session_end_recording(s, code);
	code = exit_code(s, code);
	held_cmd_release(&s->cmd);
	source_free(s->source);
	writer_free(s->writer);
	proc_table_free(s->table);
	redact_free(s->redact);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	free(s);
	return code;
}
