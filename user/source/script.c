// SPDX-License-Identifier: GPL-2.0-only
#include "source/script_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CPU_USER   0xffff
#define INIT_PIDNS 4026531836u

/* ---- words of a line ------------------------------------------------------------------------ */

const struct script_word *line_find(struct line *l, const char *key)
{
	for (int i = 0; i < l->cnt; i++) {
		if (strcmp(l->words[i].key, key) == 0) {
			l->used |= 1u << i;
			return &l->words[i];
		}
	}
	return NULL;
}

bool line_has(struct line *l, const char *key)
{
	return line_find(l, key);
}

void line_fail(struct line *l, const char *what, const char *word)
{
	if (l->err)
		return;
	l->err = -EINVAL;
	snprintf(l->s->error, sizeof(l->s->error), "%s '%s'", what, word);
}

uint64_t line_u64(struct line *l, const char *key, uint64_t otherwise)
{
	const struct script_word *w = line_find(l, key);
	uint64_t v;
	char *end;

	if (!w || !w->value)
		return otherwise;
	v = strtoull(w->value, &end, 0);
	if (end == w->value || *end)
		line_fail(l, "no number:", w->value);
	return v;
}

uint64_t line_ns(struct line *l, const char *key, uint64_t otherwise)
{
	const struct script_word *w = line_find(l, key);
	uint64_t ns = otherwise;

	if (w && (!w->value || script_parse_time(w->value, &ns)))
		line_fail(l, "no time:", w->value ? w->value : key);
	return ns;
}

uint64_t line_time(struct line *l, const char *key, uint64_t otherwise)
{
	if (!line_has(l, key))
		return otherwise;
	return SCRIPT_EPOCH_NS + line_ns(l, key, 0);
}

int line_signal(struct line *l, const char *key, int otherwise)
{
	const struct script_word *w = line_find(l, key);
	int sig;

	if (!w || !w->value)
		return otherwise;
	sig = script_parse_signal(w->value);
	if (!sig)
		line_fail(l, "no signal:", w->value);
	return sig;
}

void line_str(struct line *l, const char *key, char *dst, size_t cap)
{
	const struct script_word *w = line_find(l, key);

	if (!w || !w->value)
		return;
	memset(dst, 0, cap);
	memcpy(dst, w->value, w->value_len < cap ? w->value_len : cap);
}

uint32_t line_enum(struct line *l, const char *key, const char *const *names, uint32_t otherwise)
{
	const struct script_word *w = line_find(l, key);

	if (!w || !w->value)
		return otherwise;
	for (uint32_t i = 0; names[i]; i++) {
		if (strcmp(w->value, names[i]) == 0)
			return i;
	}
	line_fail(l, "unknown word", w->value);
	return otherwise;
}

static const char *const flag_names[] = {
	"thread", "kthread",   "exiting", "dead",     "leader_dead", "zombie", "traced",
	"nsinit", "subreaper", "stopped", "ioworker", "joined",      "compat", NULL,
};

/* 'flags=subreaper,-stopped' changes these bits, 'flags=none' all. */
void line_flags(struct line *l, const char *key, uint32_t *flags)
{
	const struct script_word *w = line_find(l, key);
	char copy[128], *save = NULL;

	if (!w || !w->value)
		return;
	snprintf(copy, sizeof(copy), "%s", w->value);
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		bool off = *p == '-';
		uint32_t i = 0;

		if (strcmp(p, "none") == 0) {
			*flags = 0;
			continue;
		}
		while (flag_names[i] && strcmp(p + off, flag_names[i]) != 0)
			i++;
		if (!flag_names[i])
			line_fail(l, "unknown flag", p);
		else if (off)
			*flags &= ~(1u << i);
		else
			*flags |= 1u << i;
	}
}

/* ---- the world ------------------------------------------------------------------------------ */

struct life *world_new(struct script *s, uint32_t pid, uint64_t start_ns)
{
	struct life *life = map_find(&s->lives, pid, 0);

	if (!life) {
		life = calloc(1, sizeof(*life));
		if (!life || map_put(&s->lives, pid, 0, life)) {
			free(life);
			return NULL;
		}
	}
	*life = (struct life){
		.pid = pid,
		.start_ns = start_ns,
		.exit_signal = 17,
		.threads = 1,
		.pidns = INIT_PIDNS,
		.ns_tgid = pid,
	};
	return life;
}

struct life *world_get(struct script *s, uint32_t pid)
{
	struct life *life = map_find(&s->lives, pid, 0);

	if (life)
		return life;
	life = world_new(s, pid, SCRIPT_EPOCH_NS / 2 + pid);
	if (life && pid != 1 && pid != 2)
		life->ppid = life->born_ppid = 1;
	return life;
}

void world_release(struct script *s)
{
	struct map_slot *slot;

	for (size_t i = 0; (slot = map_next(&s->lives, &i));)
		free(slot->value);
	map_release(&s->lives);
}

struct life *line_life(struct line *l)
{
	const struct script_word *w = line_find(l, "pid");
	uint32_t pid = line_u64(l, "pid", 0);
	struct life *life;

	if (!w || !pid) {
		line_fail(l, "needs", "pid=");
		return NULL;
	}
	life = world_get(l->s, pid);
	if (!life)
		l->err = -ENOMEM;
	return life;
}

static uint64_t world_start(struct script *s, uint32_t pid)
{
	struct life *life = pid ? world_get(s, pid) : NULL;

	return life ? life->start_ns : 0;
}

void line_hdr(struct line *l, struct rec_hdr *h, unsigned type, size_t size,
	      const struct life *life)
{
	struct script *s = l->s;

	h->boot_ns = s->now_ns;
	h->type = type;
	h->size = size;
	h->cpu = line_u64(l, "cpu", 0);
	if (!life) {
		h->cpu = line_u64(l, "cpu", CPU_USER);
	} else {
		h->tgid = life->pid;
		h->tid = line_u64(l, "tid", life->pid);
		h->start_ns = line_time(l, "start", life->start_ns);
		h->ppid = line_u64(l, "ppid", life->ppid);
		h->parent_tid = line_u64(l, "ptid", h->ppid);
		h->parent_start_ns = line_time(l, "pstart", world_start(s, h->ppid));
		h->exec_id = line_u64(l, "exec_id", life->exec_id);
		h->status = life->status;
		h->flags = life->flags;
		line_flags(l, "flags", &h->flags);
	}
	if (h->cpu < SCRIPT_CPUS)
		h->lost = s->lost[h->cpu];
}

struct rec_proc line_proc(struct line *l, const char *key, uint32_t otherwise)
{
	uint32_t pid = line_u64(l, key, otherwise);

	return (struct rec_proc){.tgid = pid, .tid = pid, .start_ns = world_start(l->s, pid)};
}

void line_emit(struct line *l, struct rec_hdr *h, size_t fixed, struct span tail)
{
	size_t len = fixed + tail.len;

	if (l->unseen || l->err)
		return;
	h->size = (len + 7) & ~(size_t)7;
	buf_put(l->out, h, fixed);
	buf_put_span(l->out, tail);
	buf_pad(l->out, h->size - len, '\0');
}

/* ---- one line ------------------------------------------------------------------------------- */

static int run_verb(struct line *l, const char *name)
{
	const struct verb *v = script_verbs;

	while (v->name && strcmp(v->name, name) != 0)
		v++;
	if (!v->name) {
		line_fail(l, "unknown verb", name);
		return l->err;
	}
	if (!l->s->host_done && strcmp(name, "host") != 0) {
		struct line host = {.s = l->s, .out = l->out};

		run_verb(&host, "host");
	}
	v->run(l);
	for (int i = 0; i < l->cnt && !l->err; i++) {
		if (!(l->used & (1u << i)))
			line_fail(l, "unknown key", l->words[i].key);
	}
	return l->err ? l->err : l->out->err;
}

int script_line(struct script *s, const char *text, struct buf *out)
{
	struct script_word words[SCRIPT_WORDS_MAX];
	struct line l = {.s = s, .words = words + 2, .out = out};
	char *copy = strdup(text), *verb;
	uint64_t at;
	int cnt, err = 0;

	if (!copy)
		return -ENOMEM;
	cnt = script_split(copy, words);
	if (cnt == 0)
		goto out;
	if (cnt < 2 || words[0].value || script_parse_time(words[0].key, &at)) {
		line_fail(&l, "not 'TIME VERB key=value ...':", text);
		err = -EINVAL;
		goto out;
	}
	s->now_ns = SCRIPT_EPOCH_NS + at;
	verb = words[1].key;
	if (strcmp(verb, "expect") == 0)
		goto out;
	l.unseen = *verb == '!';
	l.cnt = cnt - 2;
	err = run_verb(&l, verb + l.unseen);
out:
	free(copy);
	return err;
}

const char *script_error(const struct script *s)
{
	return s->error;
}

struct script *script_new(void)
{
	return calloc(1, sizeof(struct script));
}

void script_free(struct script *s)
{
	if (!s)
		return;
	world_release(s);
	free(s);
}

/* ---- source --------------------------------------------------------------------------------- */

#define BATCH_BYTES 65536

struct script_source {
	struct source source;
	struct script *script;
	FILE *file;
	char *line;
	size_t cap;
	struct buf batch;
	bool stopped;
	int err;
};

static int script_source_next(struct source *source, int timeout_ms, struct span *ret_batch)
{
	struct script_source *ss = (struct script_source *)source;

	(void)timeout_ms;
	buf_reset(&ss->batch);
	while (!ss->err && !ss->stopped && ss->batch.len < BATCH_BYTES) {
		if (getline(&ss->line, &ss->cap, ss->file) < 0)
			ss->err = ferror(ss->file) ? -EIO : -ENODATA;
		else
			ss->err = script_line(ss->script, ss->line, &ss->batch);
	}
	if (!ss->batch.len)
		return ss->err ? ss->err : -ENODATA;
	*ret_batch = (struct span){ss->batch.data, ss->batch.len};
	return 0;
}

static void script_source_stop(struct source *source)
{
	((struct script_source *)source)->stopped = true;
}

static void script_source_free(struct source *source)
{
	struct script_source *ss = (struct script_source *)source;

	script_free(ss->script);
	if (ss->file)
		fclose(ss->file);
	free(ss->line);
	buf_release(&ss->batch);
	free(ss);
}

static const struct source_ops script_ops = {
	.name = "script",
	.next = script_source_next,
	.stop = script_source_stop,
	.free = script_source_free,
};

int script_open(const char *path, struct source **ret_source)
{
	struct script_source *ss = calloc(1, sizeof(*ss));
	int err = -ENOMEM;

	if (!ss)
		return -ENOMEM;
	ss->source.ops = &script_ops;
	ss->script = script_new();
	if (!ss->script)
		goto fail;
	ss->file = fopen(path, "re");
	if (!ss->file) {
		err = -errno;
		goto fail;
	}
	*ret_source = &ss->source;
	return 0;
fail:
	script_source_free(&ss->source);
	return err;
}
