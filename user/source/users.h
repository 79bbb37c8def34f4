/* SPDX-License-Identifier: GPL-2.0-only */
/* Users from the passwd file alone: NSS may ask the network, and hang. */
#ifndef PROCTRAIL_SOURCE_USERS_H
#define PROCTRAIL_SOURCE_USERS_H

#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;
};

/* name: as in /etc/passwd, or a decimal uid. 0, -ENOENT, or another -errno */
int user_find(const char *name, struct user *ret_user);

#endif
