/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCTRAIL_BASE_THREAD_H
#define PROCTRAIL_BASE_THREAD_H

#include <stddef.h>

/*
 * Starts a thread that nobody joins, with all signals blocked: they are the main thread's. 0, or
 * -errno where none can be had (-EAGAIN: no pids, no memory).
 */
int thread_start(void *(*run)(void *arg), void *arg, size_t stack_bytes);

#endif
