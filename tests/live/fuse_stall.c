// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuse_stall DIR: a file system in memory on DIR that stops answering when it is told to. It reads
 * 'stop' and 'go', a line each, says 'ready', 'stopped', 'going', and unmounts at the end of input.
 */
#include <stdio.h>
#include <string.h>

#include "../unit/fuse_stall.h"

int main(int argc, char **argv)
{
	struct fuse_stall fuse;
	char line[16];

	if (argc != 2) {
		fprintf(stderr, "usage: fuse_stall DIR\n");
		return 2;
	}
	if (!fuse_stall_mount(&fuse, argv[1])) {
		perror("fuse_stall: cannot mount");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		*fuse.asleep = strcmp(line, "stop\n") == 0;
		puts(*fuse.asleep ? "stopped" : "going");
	}
	fuse_stall_unmount(&fuse, argv[1]);
	return 0;
}
