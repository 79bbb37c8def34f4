/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secrets in command lines become '***', before anybody keeps or shows them.
 *
 * A command line is evidence: what is not a secret stays, byte for byte. What is known by its form
 * is replaced: values of options and variables that are called so (--db-password=X, API_KEY=X), of
 * the programs that call it otherwise (mysql -pX, curl -u user:X), headers, passwords in URLs, JWTs
 * and tokens that say what they are. The words of a script (sh -c) are looked at like arguments.
 * It is a matter of form: a secret that does not look like one is for --redact, or for --args exe.
 */
#ifndef PROCTRAIL_MODEL_REDACT_H
#define PROCTRAIL_MODEL_REDACT_H

#include <stddef.h>

struct redact;

/* What of a command line is kept. */
enum redact_args_mode {
	REDACT_ARGS_FULL,
	REDACT_ARGS_EXE, /* argv[0] alone */
	REDACT_ARGS_NONE,
};

/*
 * pattern: an extended regular expression; what it matches within one argument is hidden as well.
 * NULL: the known forms only. 0, -EINVAL (it does not compile) or -ENOMEM.
 */
int redact_new(const char *pattern, struct redact **ret_redact);
void redact_free(struct redact *r);

/*
 * Hides the secrets in len bytes of argv, in place; NUL after each argument, a last one without
 * was cut. Returns the new length, never greater: a secret becomes '***', or as many '*' as it had
 * bytes. A second time changes nothing.
 */
size_t redact_args(const struct redact *r, char *args, size_t len);

/*
 * The same in every record of a batch that carries a command line (REC_EXEC, REC_FACT_PROC and the
 * rows of a keyframe); r NULL: only mode is applied. Sizes of records stay: what is no longer used is zeroed. args_len shrinks by
 * what redaction took, so that "cut" still means cut; mode leaves it, and shows as cut. The tail of a
 * record that event_decode() refuses is zeroed. 0, or -EBADMSG where a length cannot be trusted: what
 * follows there is neither redacted nor can it be decoded.
 */
int redact_batch(const struct redact *r, enum redact_args_mode mode, char *records, size_t len);

#endif
