// SPDX-License-Identifier: GPL-2.0-only
#include "source/calls.h"

#include <sys/syscall.h>

#define ROW(name, kind)                              \
	{                                            \
		SYS_##name, #name, STUCK_CALL_##kind \
	}

static const struct row {
	int64_t nr;
	const char *name;
	enum stuck_call call;
} rows[] = {
	ROW(read, FILE),
	ROW(write, FILE),
	ROW(pread64, FILE),
	ROW(pwrite64, FILE),
	ROW(readv, FILE),
	ROW(writev, FILE),
	ROW(preadv, FILE),
	ROW(pwritev, FILE),
	ROW(fsync, FILE),
	ROW(fdatasync, FILE),
	ROW(sync_file_range, FILE),
	ROW(ftruncate, FILE),
	ROW(fallocate, FILE),
	ROW(fstat, FILE),
	ROW(lseek, FILE),
	ROW(close, FILE),
	ROW(getdents64, FILE),
	ROW(ioctl, FILE),
	ROW(sendfile, FILE),
	ROW(splice, FILE),
	ROW(accept, FILE),
	ROW(accept4, FILE),
	ROW(connect, FILE),
	ROW(recvfrom, FILE),
	ROW(recvmsg, FILE),
	ROW(recvmmsg, FILE),
	ROW(sendto, FILE),
	ROW(sendmsg, FILE),
	ROW(flock, LOCK),
	ROW(fcntl, LOCK),
	ROW(openat, PATH),
	ROW(openat2, PATH),
	ROW(readlinkat, PATH),
	ROW(newfstatat, PATH),
	ROW(statx, PATH),
	ROW(statfs, PATH),
	ROW(unlinkat, PATH),
	ROW(renameat2, PATH),
	ROW(mkdirat, PATH),
	ROW(faccessat, PATH),
	ROW(chdir, PATH),
	ROW(umount2, PATH),
	ROW(mount, OTHER),
	ROW(execve, PATH),
	ROW(wait4, WAIT),
	ROW(waitid, WAIT),
	ROW(futex, FUTEX),
	ROW(ppoll, POLL),
	ROW(pselect6, POLL),
	ROW(epoll_pwait, POLL),
	ROW(io_getevents, POLL),
	ROW(io_uring_enter, POLL),
	ROW(nanosleep, SLEEP),
	ROW(clock_nanosleep, SLEEP),
	ROW(rt_sigsuspend, SIGNAL),
	ROW(rt_sigtimedwait, SIGNAL),
	ROW(restart_syscall, SLEEP),
	ROW(clone, FORK),
	ROW(clone3, FORK),
	ROW(exit, OTHER),
	ROW(exit_group, OTHER),
	ROW(sync, OTHER),
	ROW(syncfs, FILE),
	ROW(mmap, OTHER),
	ROW(munmap, OTHER),
	ROW(msync, OTHER),
	ROW(msgrcv, OTHER),
	ROW(msgsnd, OTHER),
	ROW(semop, OTHER),
	ROW(semtimedop, OTHER),
	ROW(ptrace, OTHER),
#ifdef SYS_poll /* not on arm64 */
	ROW(poll, POLL),
	ROW(select, POLL),
	ROW(epoll_wait, POLL),
	ROW(pause, SIGNAL),
	ROW(open, PATH),
	ROW(stat, PATH),
	ROW(lstat, PATH),
	ROW(access, PATH),
	ROW(unlink, PATH),
	ROW(rename, PATH),
	ROW(mkdir, PATH),
	ROW(rmdir, PATH),
	ROW(readlink, PATH),
	ROW(fork, FORK),
	ROW(vfork, FORK),
#endif
};

const char *call_name(int64_t nr, enum stuck_call *ret_call)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].nr == nr) {
			*ret_call = rows[i].call;
			return rows[i].name;
		}
	*ret_call = nr < 0 ? STUCK_CALL_NONE : STUCK_CALL_OTHER;
	return NULL;
}
