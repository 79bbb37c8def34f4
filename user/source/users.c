// SPDX-License-Identifier: GPL-2.0-only
#include "source/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int user_find(const char *name, struct user *ret_user)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	bool numeric = *name && !*end;
	int err = -ENOENT;
	struct passwd *pw;
	FILE *f = fopen("/etc/passwd", "re");

	if (!f)
		return -errno;
	while (err && (pw = fgetpwent(f))) {
		if (numeric ? pw->pw_uid != number : strcmp(pw->pw_name, name) != 0)
			continue;
		*ret_user = (struct user){pw->pw_uid, pw->pw_gid};
		err = 0;
	}
	fclose(f);
	if (err && numeric) { /* nobody's uid is still a uid */
		*ret_user = (struct user){(uid_t)number, (gid_t)number};
		err = 0;
	}
	return err;
}
