/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of the workload generators: one table gives parsing, ranges and --help.
 * Every number has a range, which is what bounds a generator in count and time.
 */
#ifndef PROCTRAIL_LOAD_OPT_H
#define PROCTRAIL_LOAD_OPT_H

struct load_opt {
	const char *name, *arg, *help;
	long *num;
	const char **str;
	bool *flag;
	long min, max;
};

#define OPT_NUM(n, var, lo, hi, h)                                                    \
	{                                                                             \
		.name = n, .arg = "N", .help = h, .num = &(var), .min = lo, .max = hi \
	}
#define OPT_STR(n, a, var, h)                                 \
	{                                                     \
		.name = n, .arg = a, .help = h, .str = &(var) \
	}
#define OPT_FLAG(n, var, h)                          \
	{                                            \
		.name = n, .help = h, .flag = &(var) \
	}

/* A way of doing it; each generator defines its own struct run. */
struct run;
struct load_how {
	const char *name;
	void (*run)(struct run *r);
	const char *help;
};

static inline void opt_help(const char *about, const struct load_opt *o, const struct load_how *how)
{
	char left[64];

	printf("usage: %s [OPTION...]\n%s\n\n", program_invocation_short_name, about);
	for (; o->name; o++) {
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-20s %s", left, o->help);
		if (o->num)
			printf(" (%ld; %ld to %ld)", *o->num, o->min, o->max);
		if (o->str && *o->str)
			printf(" (%s)", *o->str);
		putchar('\n');
	}
	for (const struct load_how *h = how; h && h->name; h++)
		printf("%s  %-22s %s\n", h == how ? "\n--how is one of\n" : "", h->name, h->help);
	fflush(stdout);
	_exit(0);
}

static inline void opt_set(const struct load_opt *o, const char *val)
{
	char *end;
	long n;

	if (o->flag) {
		*o->flag = true;
	} else if (o->str) {
		*o->str = val;
	} else {
		errno = 0;
		n = strtol(val, &end, 0);
		if (errno || end == val || *end || n < o->min || n > o->max)
			load_die(2, "--%s takes a number from %ld to %ld, not '%s'", o->name,
				 o->min, o->max, val);
		*o->num = n;
	}
}

/* opts ends with an empty entry; what follows "--" is not looked at. */
static inline void load_parse(int argc, char **argv, const char *about, const struct load_opt *opts,
			      const struct load_how *how)
{
	for (int i = 1; i < argc; i++) {
		const struct load_opt *o = opts;
		const char *word = argv[i], *val;
		size_t n;

		if (!strcmp(word, "--help"))
			opt_help(about, opts, how);
		if (!strcmp(word, "--"))
			return;
		if (strncmp(word, "--", 2))
			load_die(2, "unexpected word '%s'; try --help", word);
		val = strchr(word, '=');
		n = val ? (size_t)(val - word - 2) : strlen(word + 2);
		while (o->name && (strlen(o->name) != n || strncmp(o->name, word + 2, n)))
			o++;
		if (!o->name)
			load_die(2, "unknown option '%s'; try --help", word);
		if (o->flag && val)
			load_die(2, "--%s takes no value", o->name);
		if (!o->flag && !val) {
			if (i + 1 >= argc)
				load_die(2, "--%s needs a value", o->name);
			opt_set(o, argv[++i]);
		} else {
			opt_set(o, val ? val + 1 : NULL);
		}
	}
}

static inline const struct load_how *how_find(const struct load_how *how, const char *name)
{
	for (; how->name; how++)
		if (!strcmp(how->name, name))
			return how;
	load_die(2, "--how '%s' is not known; --help lists them", name);
}

/*
 * Generators that exec run themselves as `NAME exit-now CODE`: static, quick, with a known end.
 * First thing in main.
 */
static inline void exit_now_if_asked(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit-now"))
		_exit(atoi(argv[2]));
}

#endif
