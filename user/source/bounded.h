/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads of /proc that end in time. A child process reads; what does not answer within the time of one
 * read, or of them all, is -ETIMEDOUT, and the child is left behind. A child and not a thread: a thread
 * that nothing can wake keeps its whole process from ending.
 *
 * Paths are below proc_dir and nothing else is ever opened, or followed.
 */
#ifndef PROCTRAIL_SOURCE_BOUNDED_H
#define PROCTRAIL_SOURCE_BOUNDED_H

#include <stddef.h>
#include <stdint.h>

#define BOUNDED_READ_NS 250000000ULL  /* one read: the child may have to wait for a CPU */
#define BOUNDED_ALL_NS  1000000000ULL /* all of them */
#define BOUNDED_BYTES   131072        /* of one answer; more is cut */
#define BOUNDED_HUNG    8             /* children left behind; then nothing more is asked */

struct bounded;

/*
 * proc_dir: NULL is /proc. The child is started at once, with all that we may; the time begins to run with
 * the first read. NULL without memory; without a child every read is -EAGAIN.
 */
struct bounded *bounded_new(const char *proc_dir);
void bounded_free(struct bounded *b);

/* Each: bytes in text, which is NUL-ended; -ETIMEDOUT, or the -errno of the read. */
int bounded_read(struct bounded *b, const char *path, char *ret_text, size_t size);
int bounded_link(struct bounded *b, const char *path, char *ret_text, size_t size);
/* The numbers that a directory has as names, each followed by a blank. */
int bounded_list(struct bounded *b, const char *path, char *ret_text, size_t size);
/* Those descriptors of a process that lead to 'to' ("pipe:[12]"): "FD MODE " each, MODE is O_ACCMODE's. */
int bounded_holds(struct bounded *b, uint32_t pid, const char *to, char *ret_text, size_t size);

#endif
