/* SPDX-License-Identifier: GPL-2.0-only */
/* --comm --match --unit --container --state: what is shown. What is known does not depend on it. */
#ifndef PROCTRAIL_CMD_FILTER_H
#define PROCTRAIL_CMD_FILTER_H

#include <regex.h>

#include "base/buf.h"
#include "cmd/options.h"
#include "model/proc.h"

struct filter {
	const struct options *opt;
	regex_t re;
	bool has_re;
	bool active;     /* any of them is given */
	struct buf line; /* the command line under test */
};

/* 0, or -ENOMEM; opt's expressions have been checked when they were parsed. */
int filter_init(struct filter *f, const struct options *opt);
void filter_release(struct filter *f);
bool filter_shows(struct filter *f, const struct proc *p);

#endif
