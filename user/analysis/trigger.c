// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/trigger.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_PREFIX "exit:"

/* ---- parsing -------------------------------------------------------------------------------- */

/* The longer ones first. */
static const struct {
	const char *text;
	int op;
} ops[] = {
	{"!=", TRIGGER_NE}, {">=", TRIGGER_GE}, {"<=", TRIGGER_LE}, {"==", TRIGGER_EQ},
	{"=", TRIGGER_EQ},  {">", TRIGGER_GT},  {"<", TRIGGER_LT},
};

static int parse_number(const char *s, uint64_t *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

/* "zombies>100" behind the word: op and number */
static int parse_op(const char *s, struct trigger *t)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t len = strlen(ops[i].text);

		if (strncmp(s, ops[i].text, len) != 0)
			continue;
		t->op = ops[i].op;
		return parse_number(s + len, &t->value);
	}
	return -EINVAL;
}

static int parse_exit(const char *s, struct trigger *t)
{
	size_t len = strcspn(s, "!=<>");

	if (!len || len >= sizeof(t->name))
		return -EINVAL;
	memcpy(t->name, s, len);
	t->kind = TRIGGER_EXIT;
	return s[len] ? parse_op(s + len, t) : 0;
}

int trigger_parse(const char *text, struct trigger *ret_trigger)
{
	struct trigger t = {.op = TRIGGER_ANY};
	int err = -EINVAL;

	if (strcmp(text, "oom") == 0) {
		t.kind = TRIGGER_OOM;
		err = 0;
	} else if (strncmp(text, "zombies", 7) == 0) {
		t.kind = TRIGGER_ZOMBIES;
		err = parse_op(text + 7, &t);
	} else if (strncmp(text, "lost", 4) == 0) {
		t.kind = TRIGGER_LOST;
		err = parse_op(text + 4, &t);
	} else if (strncmp(text, EXIT_PREFIX, strlen(EXIT_PREFIX)) == 0) {
		err = parse_exit(text + strlen(EXIT_PREFIX), &t);
	}
	if (!err)
		*ret_trigger = t;
	return err;
}

/* ---- looking -------------------------------------------------------------------------------- */

bool trigger_holds(const struct trigger *t, uint64_t v)
{
	switch (t->op) {
	case TRIGGER_ANY: return true;
	case TRIGGER_LT: return v < t->value;
	case TRIGGER_LE: return v <= t->value;
	case TRIGGER_EQ: return v == t->value;
	case TRIGGER_NE: return v != t->value;
	case TRIGGER_GE: return v >= t->value;
	case TRIGGER_GT: return v > t->value;
	}
	return false;
}

/* As a shell would have it in $? */
static unsigned shell_status(uint32_t status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

static bool exit_fires(const struct trigger *t, const struct proc *p)
{
	char comm[REC_COMM_LEN + 1] = "";

	if (!p || !(p->flags & PROC_STATUS_KNOWN))
		return false;
	memcpy(comm, p->comm, sizeof(p->comm));
	return fnmatch(t->name, comm, 0) == 0 && trigger_holds(t, shell_status(p->status));
}

static bool zombies_fire(struct trigger *t, const struct proc_counts *counts)
{
	bool before = t->held;

	t->held = trigger_holds(t, counts->zombies_now);
	return t->held && !before;
}

static bool lost_fires(struct trigger *t, const struct proc_counts *counts)
{
	uint64_t lost = counts->lost + counts->missed;

	if (lost == t->base || !trigger_holds(t, lost - t->base))
		return false;
	t->base = lost;
	return true;
}

bool trigger_fires(struct trigger *t, const struct proc_counts *counts, const struct change *c)
{
	switch (t->kind) {
	case TRIGGER_OOM: return c->kind == CHANGE_OOM;
	case TRIGGER_EXIT: return c->kind == CHANGE_EXIT && exit_fires(t, c->proc);
	case TRIGGER_ZOMBIES: return c->kind == CHANGE_TICK && zombies_fire(t, counts);
	case TRIGGER_LOST: return c->kind == CHANGE_TICK && lost_fires(t, counts);
	}
	return false;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

void trigger_put_word(struct buf *b, const struct trigger *t)
{
	static const char *const words[] = {
		[TRIGGER_OOM] = "oom",
		[TRIGGER_ZOMBIES] = "zombies",
		[TRIGGER_LOST] = "lost",
		[TRIGGER_EXIT] = "exit-",
	};

	buf_put_str(b, words[t->kind]);
	for (const char *p = t->kind == TRIGGER_EXIT ? t->name : ""; *p; p++)
		buf_put_char(b, is_plain(*p) ? *p : '_');
}
