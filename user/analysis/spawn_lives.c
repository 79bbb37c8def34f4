// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/spawn_lives.h"

#include <errno.h>
#include <string.h>

/* Those that read libraries and compile for tens of milliseconds before they do anything. */
static const char *const interpreters[] = {
	"python", "ruby", "perl", "node", "php", "java", "Rscript", "pwsh",
};

static struct span file_name(struct span path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	size_t skip = slash ? (size_t)(slash + 1 - path.data) : 0;

	return (struct span){path.data + skip, path.len - skip};
}

/* A version may follow, nothing else: "python3.11", not "perldoc". */
static const char *interpreter_named(struct span file)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		size_t len = strlen(interpreters[i]), k;

		if (file.len < len || memcmp(file.data, interpreters[i], len))
			continue;
		for (k = len; k < file.len && strchr("0123456789.-", file.data[k]); k++)
			;
		if (k == file.len)
			return interpreters[i];
	}
	return NULL;
}

const char *spawn_interpreter_of(const struct proc *p)
{
	struct span args = intern_span(p->args), exe = intern_span(p->exe);
	const char *found = exe.len ? interpreter_named(file_name(exe)) : NULL;

	if (found || !args.len)
		return found;
	args.len = strnlen(args.data, args.len);
	return interpreter_named(file_name(args));
}

int spawn_lives_note(struct spawn_lives *l, const struct proc *p, struct intern *names)
{
	struct span args = intern_span(p->args);
	const char *interpreter = spawn_interpreter_of(p);

	if (interpreter)
		l->interpreter = interpreter;
	if (p->exec_cnt !=
	    1) /* the same life as before, a script's interpreter by env(1) perhaps */
		return 0;
	if (l->first_ns) {
		l->last_ns = p->key.start_ns;
		l->args_differ |= !span_equals(args, intern_span(l->args));
		return 0;
	}
	l->first_ns = l->last_ns = p->key.start_ns;
	if (!args.len)
		return 0;
	l->args = intern_get(names, args, (uint32_t)args.len);
	return l->args ? 0 : -ENOMEM;
}

void spawn_lives_note_short(struct spawn_lives *l, uint64_t cpu_ns)
{
	if (!l->cpu_min_ns || cpu_ns < l->cpu_min_ns)
		l->cpu_min_ns = cpu_ns;
}

void spawn_lives_merge(struct spawn_lives *l, const struct spawn_lives *more)
{
	if (more->interpreter)
		l->interpreter = more->interpreter;
	if (more->cpu_min_ns)
		spawn_lives_note_short(l, more->cpu_min_ns);
	if (!more->first_ns)
		return;
	l->args_differ |= more->args_differ || (l->first_ns && l->args != more->args);
	if (!l->first_ns)
		l->args = more->args;
	if (!l->first_ns || more->first_ns < l->first_ns)
		l->first_ns = more->first_ns;
	if (more->last_ns > l->last_ns)
		l->last_ns = more->last_ns;
}
