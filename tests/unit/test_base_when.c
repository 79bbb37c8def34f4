// SPDX-License-Identifier: GPL-2.0-only
/* --from, --to, --at: what people write, and what it means in the recording's zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/when.h"

#define CET    3600
/* 2026-11-24 02:14:06 CET */
#define END_NS (1795482846ULL * NS_PER_SEC)

static void means(const char *text, uint64_t sec, uint64_t ns)
{
	struct when w;
	uint64_t at;

	if (when_parse(text, &w))
		fail_msg("'%s' was refused", text);
	at = when_resolve(&w, END_NS, CET);
	if (at != sec * NS_PER_SEC + ns)
		fail_msg("'%s': %llu.%09llu, wanted %llu.%09llu", text,
			 (unsigned long long)(at / NS_PER_SEC),
			 (unsigned long long)(at % NS_PER_SEC), (unsigned long long)sec,
			 (unsigned long long)ns);
}

static void times_mean_what_they_say(void **state)
{
	(void)state;
	means("now", 1795482846, 0);
	means("-10m", 1795482246, 0);
	means("-1h30m", 1795477446, 0);
	means("02:10", 1795482600, 0);
	means("02:14:06", 1795482846, 0);
	means("02:11:07.5", 1795482667, 500000000);
	means("2026-11-24 02:11:07.412345678", 1795482667, 412345678);
	means("2026-11-24T01:11:07Z", 1795482667, 0);
	means("2026-11-24T02:11:07+01:00", 1795482667, 0);
	means("2026-11-23T22:41:07-0230", 1795482667, 0);
	means("2026-11-24", 1795474800, 0);
	means("2024-02-29", 1709161200, 0);
}

static void a_time_of_day_is_its_latest_occurrence(void **state)
{
	(void)state;
	means("02:15", 1795482900 - 86400, 0);
	means("23:59:59", 1795474799, 0);
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "x",
					  "-",
					  "-x",
					  "2:10",
					  "24:00",
					  "02:60",
					  "02:10:60",
					  "02:10x",
					  "02:10:07.",
					  "2026-13-01",
					  "2026-02-29",
					  "2026-11-24x",
					  "2026-11-24 ",
					  "2026-11-24T02:11+",
					  "2026-11-24T02:11:07ZZ",
					  "1969-01-01",
					  "10"};
	struct when w;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!when_parse(bad[i], &w))
			fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_mean_what_they_say),
		cmocka_unit_test(a_time_of_day_is_its_latest_occurrence),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
