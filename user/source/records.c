// SPDX-License-Identifier: GPL-2.0-only
#include "source/records.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t clock_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

struct local_zone local_zone_get(uint64_t real_ns)
{
	struct local_zone zone = {0, "UTC"};
	time_t now = (time_t)(real_ns / NS_PER_SEC);
	struct tm tm;

	tzset();
	if (!localtime_r(&now, &tm))
		return zone;
	zone.gmtoff_s = (int32_t)tm.tm_gmtoff;
	snprintf(zone.name, sizeof(zone.name), "%s", tm.tm_zone ? tm.tm_zone : "");
	return zone;
}

void rec_hdr_fill(struct rec_hdr *h, unsigned type, size_t size)
{
	h->boot_ns = clock_boot_ns();
	h->type = (__u16)type;
	h->size = (__u32)size;
	h->cpu = REC_CPU_USER;
}

void records_put(struct buf *b, struct rec_hdr *fixed, size_t fixed_len, const struct span *tails,
		 size_t tail_cnt)
{
	size_t len = fixed_len;

	for (size_t i = 0; i < tail_cnt; i++)
		len += tails[i].len;
	fixed->size = (__u32)((len + 7) & ~(size_t)7);
	buf_put(b, fixed, fixed_len);
	for (size_t i = 0; i < tail_cnt; i++)
		buf_put_span(b, tails[i]);
	buf_pad(b, fixed->size - len, '\0');
}

void records_put_text(struct buf *b, unsigned type, uint64_t id, struct span name, struct span text)
{
	struct rec_text r = {.id = id, .name_len = (__u32)name.len, .text_len = (__u32)text.len};
	struct span tails[] = {name, text};

	rec_hdr_fill(&r.h, type, 0);
	records_put(b, &r.h, sizeof(r), tails, 2);
}

/* 16 bytes from "b3c1d2e4-...": zero when the file is not readable */
static void read_boot_id(__u8 ret_id[16])
{
	char text[40] = "";
	size_t n = 0;
	unsigned byte;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f)
		return;
	if (fgets(text, sizeof(text), f)) {
		for (const char *p = text; *p && n < 16; p++) {
			if (*p == '-')
				continue;
			if (sscanf(p, "%2x", &byte) != 1)
				break;
			ret_id[n++] = (__u8)byte;
			p++;
		}
	}
	fclose(f);
}

void records_put_host(struct buf *b, const struct host_facts *facts)
{
	struct rec_host r = {.hooks = facts->hooks,
			     .cgroup_kind = facts->cgroup_kind,
			     .scoped = facts->scoped,
			     .threads = facts->threads};
	struct local_zone zone;
	struct utsname uts;
	struct sysinfo si;

	rec_hdr_fill(&r.h, REC_HOST, 0);
	r.real_ns = clock_real_ns();
	zone = local_zone_get(r.real_ns);
	if (uname(&uts))
		memset(&uts, 0, sizeof(uts));
	if (!sysinfo(&si))
		r.mem_kb = (__u64)si.totalram * si.mem_unit / 1024;
	read_boot_id(r.boot_id);
	r.cpus = (__u32)sysconf(_SC_NPROCESSORS_ONLN);
	r.gmtoff_s = zone.gmtoff_s;
	r.page_shift = (__u8)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));

	struct span tails[] = {span_of(uts.nodename), span_of(uts.release), span_of(uts.machine),
			       span_of(zone.name), span_of(PROCTRAIL_VERSION)};

	r.host_len = (__u16)tails[0].len;
	r.release_len = (__u16)tails[1].len;
	r.machine_len = (__u16)tails[2].len;
	r.zone_len = (__u16)tails[3].len;
	r.version_len = (__u16)tails[4].len;
	records_put(b, &r.h, sizeof(r), tails, 5);
}
