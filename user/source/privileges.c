// SPDX-License-Identifier: GPL-2.0-only
#include "source/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source/host.h"

#define BIT(cap) (1ULL << (cap))

int privileges_drop(void)
{
	struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint64_t keep = BIT(HOST_CAP_BPF) | BIT(HOST_CAP_PERFMON) | BIT(HOST_CAP_SYS_PTRACE) |
			BIT(HOST_CAP_DAC_READ_SEARCH);
	uint64_t caps;
	int err;

	err = host_caps(&caps);
	if (err)
		return err;
	if (!host_cap_in(caps, HOST_CAP_BPF) || !host_cap_in(caps, HOST_CAP_PERFMON))
		keep |= BIT(HOST_CAP_SYS_ADMIN); /* it stands for both */
	caps &= keep;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(caps >> (32 * i));
	if (syscall(SYS_capset, &hdr, data))
		return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}
