// SPDX-License-Identifier: GPL-2.0-only
/* What is at the other end of what a thread waits on. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "source/stuck.h"

#define TCP_LISTEN 0x0a

/* ---- files and their mounts ------------------------------------------------------------------- */

/* mountinfo writes blanks and the like as \040 */
static void put_unescaped(char *to, size_t size, const char *from, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len && at + 1 < size; i++) {
		if (from[i] == '\\' && i + 3 < len) {
			to[at++] = (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 |
					  (from[i + 3] - '0'));
			i += 3;
		} else {
			to[at++] = from[i];
		}
	}
	to[at] = '\0';
}

/* "36 35 98:0 /root /mnt rw ... - ext3 /dev/root rw": by the number that fdinfo names, no path is compared. */
static bool take_mount(const char *line, unsigned id, struct stuck_file *f)
{
	const char *dash, *at = line, *words[3] = {0};
	size_t lens[3] = {0};

	if ((unsigned)strtoul(line, NULL, 10) != id)
		return false;
	for (int i = 0; i < 4; i++) {
		at += strcspn(at, " \n");
		at += *at == ' ';
	}
	put_unescaped(f->mount, sizeof(f->mount), at, strcspn(at, " \n"));
	dash = strstr(at, " - ");
	at = dash ? dash + 3 : at + strlen(at);
	for (int i = 0; i < 2; i++) {
		words[i] = at;
		lens[i] = strcspn(at, " \n");
		at += lens[i] + (at[lens[i]] == ' ');
	}
	put_unescaped(f->fs, sizeof(f->fs), words[0], lens[0]);
	put_unescaped(f->device, sizeof(f->device), words[1], lens[1]);
	return true;
}

/* Of the thread: a leader that is gone has no files and no mounts any more. */
static void read_mount(struct bounded *b, const char *task, struct stuck_file *f)
{
	char path[96], text[BOUNDED_BYTES], *at;
	unsigned id;

	snprintf(path, sizeof(path), "%s/fdinfo/%d", task, f->fd);
	if (bounded_read(b, path, text, sizeof(text)) <= 0)
		return;
	at = strstr(text, "mnt_id:");
	if (!at)
		return;
	id = (unsigned)strtoul(at + strlen("mnt_id:"), NULL, 10);
	snprintf(path, sizeof(path), "%s/mountinfo", task);
	if (bounded_read(b, path, text, sizeof(text)) <= 0)
		return;
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (take_mount(at, id, f))
			return;
	}
}

/* ---- pipes ------------------------------------------------------------------------------------ */

/* "FD MODE FD MODE ..." has one that is not 'mode' */
static bool has_other_end(const char *text, unsigned mode)
{
	unsigned fd, is;
	int used;

	for (; sscanf(text, "%u %u %n", &fd, &is, &used) == 2; text += used)
		if (is != mode)
			return true;
	return false;
}

static uint32_t find_other_end(struct bounded *b, uint32_t pid, const char *link, unsigned mode,
			       bool *ret_all)
{
	char pids[BOUNDED_BYTES], text[4096], *end;
	int n = bounded_list(b, ".", pids, sizeof(pids));
	uint32_t own = 0;

	*ret_all = n > 0;
	for (const char *p = pids; n > 0; p = end) {
		unsigned long one = strtoul(p, &end, 10);
		int got;

		if (end == p)
			break;
		got = bounded_holds(b, (uint32_t)one, link, text, sizeof(text));
		if (got == -ETIMEDOUT || got == -EACCES || got == -EPERM)
			*ret_all = false;
		if (got <= 0 || !has_other_end(text, mode))
			continue;
		if (one != pid)
			return (uint32_t)one;
		own = pid;
	}
	return own;
}

/* ---- sockets ---------------------------------------------------------------------------------- */

static void put_address(char *to, size_t size, const char *kind, const char *hex)
{
	unsigned a[4] = {0}, port = 0;
	size_t len = strcspn(hex, ":");
	unsigned char *v;

	if (len == 8 && sscanf(hex, "%8x:%x", &a[0], &port) == 2) {
		v = (unsigned char *)a; /* as it lies in memory: network order */
		snprintf(to, size, "%s %u.%u.%u.%u:%u", kind, v[0], v[1], v[2], v[3], port);
	} else if (len == 32 &&
		   sscanf(hex, "%8x%8x%8x%8x:%x", &a[0], &a[1], &a[2], &a[3], &port) == 5) {
		v = (unsigned char *)a;
		snprintf(to, size,
			 "%s [%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:"
			 "%02x%02x]:%u",
			 kind, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10],
			 v[11], v[12], v[13], v[14], v[15], port);
	}
}

/* A line of net/tcp: "0: LOCAL REMOTE STATE ... uid timeout INODE"; 0 or -EINVAL */
static int parse_tcp(const char *line, char *local, char *remote, unsigned *ret_state,
		     unsigned long *ret_inode)
{
	return sscanf(line, " %*u: %47s %47s %x %*s %*s %*s %*u %*u %lu", local, remote, ret_state,
		      ret_inode) == 4 ?
		       0 :
		       -EINVAL;
}

static void read_remote(struct bounded *b, uint32_t pid, unsigned long inode, struct stuck_file *f)
{
	static const char *const files[] = {"tcp", "tcp6", "udp", "udp6"};
	char path[64], text[BOUNDED_BYTES], local[48], remote[48];
	unsigned long is;
	unsigned state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%" PRIu32 "/net/%s", pid, files[i]);
		if (bounded_read(b, path, text, sizeof(text)) <= 0)
			continue;
		for (char *p = strchr(text, '\n'); p; p = strchr(p, '\n')) {
			p++;
			if (parse_tcp(p, local, remote, &state, &is) || is != inode)
				continue;
			put_address(f->remote, sizeof(f->remote), files[i],
				    state == TCP_LISTEN ? local : remote);
			return;
		}
	}
}

/* ---- one thread's descriptor ------------------------------------------------------------------ */

void stuck_file_read(struct bounded *b, const struct stuck *s, const struct stuck_thread *t,
		     struct stuck_file *ret)
{
	struct stuck_file f = {.fd = -1};
	unsigned long inode;
	char task[64], path[96];
	bool reads;

	*ret = f;
	if (t->call != STUCK_CALL_FILE && t->call != STUCK_CALL_LOCK)
		return;
	f.fd = (int)t->args[0];
	snprintf(task, sizeof(task), "%" PRIu32 "/task/%" PRIu32, s->pid, t->tid);
	snprintf(path, sizeof(path), "%s/fd/%d", task, f.fd);
	if (bounded_link(b, path, f.path, sizeof(f.path)) <= 0)
		f.path[0] = '\0';
	reads = t->call_nr == SYS_read || t->call_nr == SYS_readv;
	if (strncmp(f.path, "pipe:", 5) == 0)
		f.peer = find_other_end(b, s->pid, f.path, reads ? O_RDONLY : O_WRONLY,
					&f.peer_known);
	else if (sscanf(f.path, "socket:[%lu]", &inode) == 1)
		read_remote(b, s->pid, inode, &f);
	else if (f.path[0])
		read_mount(b, task, &f);
	*ret = f;
}

/* ---- locks ------------------------------------------------------------------------------------ */

/*
 * "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF" holds, "1: -> POSIX ..." below it waits. The pid of
 * one that belongs to an open file (OFD) is -1.
 */
uint32_t stuck_lock_holder(struct bounded *b, uint32_t pid)
{
	char text[BOUNDED_BYTES];
	uint32_t holder = 0;
	long who;

	if (bounded_read(b, "locks", text, sizeof(text)) <= 0)
		return 0;
	for (char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (sscanf(p, "%*u: -> %*s %*s %*s %ld", &who) == 1) {
			if (who == (long)pid)
				return holder;
		} else if (sscanf(p, "%*u: %*s %*s %*s %ld", &who) == 1) {
			holder = who > 0 ? (uint32_t)who : 0;
		}
	}
	return 0;
}

/* ---- ports ------------------------------------------------------------------------------------ */

#define LISTENERS_MAX 16

static size_t find_listeners(struct bounded *b, uint32_t port, unsigned long *inodes)
{
	static const char *const files[] = {"net/tcp", "net/tcp6"};
	char text[BOUNDED_BYTES], local[48], remote[48], *colon;
	unsigned long inode;
	unsigned state;
	size_t cnt = 0;

	for (size_t i = 0; i < 2; i++) {
		if (bounded_read(b, files[i], text, sizeof(text)) <= 0)
			continue;
		for (char *p = strchr(text, '\n'); p && cnt < LISTENERS_MAX; p = strchr(p, '\n')) {
			p++;
			if (parse_tcp(p, local, remote, &state, &inode) || state != TCP_LISTEN)
				continue;
			colon = strchr(local, ':');
			if (colon && strtoul(colon + 1, NULL, 16) == port)
				inodes[cnt++] = inode;
		}
	}
	return cnt;
}

size_t stuck_port(struct bounded *b, uint32_t port, uint32_t *ret_pids, size_t max)
{
	char pids[BOUNDED_BYTES], text[4096], link[64], *end;
	unsigned long inodes[LISTENERS_MAX];
	size_t listeners = find_listeners(b, port, inodes), cnt = 0;

	if (!listeners || bounded_list(b, ".", pids, sizeof(pids)) <= 0)
		return 0;
	for (const char *p = pids; cnt < max; p = end) {
		unsigned long one = strtoul(p, &end, 10);

		if (end == p)
			break;
		for (size_t i = 0; i < listeners; i++) {
			snprintf(link, sizeof(link), "socket:[%lu]", inodes[i]);
			if (bounded_holds(b, (uint32_t)one, link, text, sizeof(text)) > 0) {
				ret_pids[cnt++] = (uint32_t)one;
				break;
			}
		}
	}
	return cnt;
}
