/* SPDX-License-Identifier: GPL-2.0-only */
/* The system calls that threads are found waiting in. */
#ifndef PROCTRAIL_SOURCE_CALLS_H
#define PROCTRAIL_SOURCE_CALLS_H

#include "source/stuck.h"

/* "read"; NULL for one that is not in the table. ret_call: what it waits for. */
const char *call_name(int64_t nr, enum stuck_call *ret_call);

#endif
