/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process table written as records, so that a trail can be entered in its middle: whoever applies
 * them to a table that is new or was reset has a table that answers, and goes on, exactly as this one.
 */
#ifndef PROCTRAIL_MODEL_KEYFRAME_H
#define PROCTRAIL_MODEL_KEYFRAME_H

#include "model/proc_table.h"

/*
 * Appends whole records, each a multiple of 8 bytes and at most 128 KiB: the host, every row after
 * its parent's, names and facts, the order of the dead, and what is beside the rows. Equal tables
 * give equal bytes. Rows whose tag has a bit of skip_tags are left out, with all below them. 0, or
 * -ENOMEM ('out' is then as long as before, and its err may be set).
 */
int proc_table_put_keyframe(const struct proc_table *t, uint16_t skip_tags, struct buf *out);

#endif
