// SPDX-License-Identifier: GPL-2.0-only
/*
 * limited CAP[,CAP...] CMD [ARG...]: runs CMD as root with these capabilities (by number) and no
 * others, for good. For guests, whose busybox has no 'setpriv --bounding-set'.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOT_RUN 125

/* false: not a list of numbers */
static bool parse_list(const char *list, uint64_t *ret_mask)
{
	uint64_t mask = 0;

	while (*list) {
		char *end;
		unsigned long cap = strtoul(list, &end, 10);

		if (end == list || cap > 63 || (*end && *end != ','))
			return false;
		mask |= 1ULL << cap;
		list = *end ? end + 1 : end;
	}
	*ret_mask = mask;
	return true;
}

int main(int argc, char **argv)
{
	uint64_t keep;

	if (argc < 3 || !parse_list(argv[1], &keep)) {
		fprintf(stderr, "usage: limited CAP[,CAP...] CMD [ARG...]; CAP is a number\n");
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : NOT_RUN;
	}
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
			fprintf(stderr, "limited: cannot drop %d: %s\n", cap, strerror(errno));
			return NOT_RUN;
		}
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* what root gets at exec is the bounding set */
	execvp(argv[2], argv + 2);
	fprintf(stderr, "limited: cannot run '%s': %s\n", argv[2], strerror(errno));
	return NOT_RUN;
}
