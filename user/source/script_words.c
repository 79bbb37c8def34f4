// SPDX-License-Identifier: GPL-2.0-only
/* The words of a timeline. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/script.h"

/* Undoes \xNN, \\ and \" in place; the result may contain NUL. */
static size_t unescape(char *s, size_t len)
{
	char *out = s, *end = s + len;

	for (char *p = s; p < end; p++) {
		char hex[3] = {0};

		if (*p != '\\' || p + 1 >= end) {
			*out++ = *p;
		} else if (p[1] == 'x' && p + 3 < end) {
			hex[0] = p[2];
			hex[1] = p[3];
			*out++ = (char)strtoul(hex, NULL, 16);
			p += 3;
		} else {
			*out++ = *++p;
		}
	}
	return out - s;
}

/* The end of the value at *p, quoted or not; sets the word's value. */
static int take_value(char **p, struct script_word *w)
{
	char *s = *p, *end;
	bool quoted = *s == '"';

	if (quoted)
		s++;
	for (end = s; *end; end++) {
		if (quoted ? *end == '"' : isspace((unsigned char)*end))
			break;
		if (*end == '\\' && end[1])
			end++;
	}
	if (quoted && *end != '"')
		return -EINVAL;
	*p = *end ? end + 1 : end;
	w->value = s;
	w->value_len = unescape(s, end - s);
	s[w->value_len] = '\0';
	return 0;
}

int script_split(char *line, struct script_word *ret_words)
{
	char *p = line;
	int cnt = 0;

	for (;;) {
		struct script_word *w = &ret_words[cnt];

		while (isspace((unsigned char)*p))
			p++;
		if (!*p || *p == '#')
			return cnt;
		if (cnt == SCRIPT_WORDS_MAX)
			return -EINVAL;
		*w = (struct script_word){.key = p};
		while (*p && !isspace((unsigned char)*p) && *p != '=')
			p++;
		cnt++;
		if (*p == '=') {
			*p++ = '\0';
			if (take_value(&p, w))
				return -EINVAL;
		} else if (*p) {
			*p++ = '\0';
		}
	}
}

int script_parse_time(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"ns", 1},         {"us", NS_PER_US},      {"ms", NS_PER_MS},
		{"s", NS_PER_SEC}, {"m", 60 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC},
	};
	char *end;
	uint64_t v = strtoull(s, &end, 10);

	if (end == s || *s == '-')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ret_ns = v * units[i].ns;
			return 0;
		}
	}
	if (*end || v)
		return -EINVAL;
	*ret_ns = 0; /* 0 needs no unit */
	return 0;
}

int script_parse_signal(const char *s)
{
	static const char *const names[] = {
		NULL,     "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
		"FPE",    "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
		"STKFLT", "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
		"XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
	};

	if (strncmp(s, "SIG", 3) == 0)
		s += 3;
	for (int i = 1; i < (int)(sizeof(names) / sizeof(*names)); i++) {
		if (strcmp(s, names[i]) == 0)
			return i;
	}
	if (strncmp(s, "RTMIN", 5) == 0)
		return 34 + atoi(s + 5);
	return atoi(s);
}
