// SPDX-License-Identifier: GPL-2.0-only
#include "trail/index.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

void trail_index_put(struct buf *payload, const struct trail_index_entry *e)
{
	uint64_t le[] = {htole64(e->offset), htole64(e->boot_ns), htole64((uint64_t)e->offset_ns)};

	_Static_assert(sizeof(le) == TRAIL_INDEX_ENTRY, "an index entry changed its size");
	buf_put(payload, le, sizeof(le));
}

int trail_index_next(struct cursor *payload, struct trail_index_entry *ret_entry)
{
	uint64_t le[3];
	const void *p;

	if (payload->left == 0)
		return -ENODATA;
	p = cursor_take(payload, sizeof(le));
	if (!p)
		return -EBADMSG;
	memcpy(le, p, sizeof(le));
	ret_entry->offset = le64toh(le[0]);
	ret_entry->boot_ns = le64toh(le[1]);
	ret_entry->offset_ns = (int64_t)le64toh(le[2]);
	return 0;
}
