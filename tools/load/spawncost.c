// SPDX-License-Identifier: GPL-2.0-only
/*
 * spawncost: what process operations cost, by the clocks of those who take part.
 *
 * Parent, child and new image note the time in one shared page; a line an operation tells it all, and
 * who reads it subtracts. Nobody waits for another to note: a clock read is all that is added. The
 * parent's heap is touched once, in small pages, so that fork() has page tables to copy.
 */
#include <stddef.h>
#include <sys/resource.h>

#include "spawncost_ways.h"

#define HEAP_MAX_MB   (128 * 1024)
#define HEAP_SPARE_MB 512 /* is left to everybody else */

static void cost_report(const struct run *r, const char *how, const struct op *op)
{
	const struct moments *m = r->moments;
	struct line l;

	line_open(&l, "cost");
	line_str(&l, "how", how);
	line_num(&l, "heap_mb", r->heap_mb);
	line_num(&l, "pid", op->pid);
	if (op->tid)
		line_num(&l, "tid", op->tid);
	line_num(&l, "start_ns", (int64_t)op->start_ns);
	if (op->returned_ns)
		line_num(&l, "returned_ns", (int64_t)op->returned_ns);
	if (m->child_ns)
		line_num(&l, "child_ns", (int64_t)m->child_ns);
	if (m->exec_ns)
		line_num(&l, "exec_ns", (int64_t)m->exec_ns);
	if (m->image_ns)
		line_num(&l, "image_ns", (int64_t)m->image_ns);
	if (m->handler_ns)
		line_num(&l, "handler_ns", (int64_t)m->handler_ns);
	if (m->end_ns)
		line_num(&l, "end_ns", (int64_t)m->end_ns);
	if (op->reaped_ns)
		line_num(&l, "reaped_ns", (int64_t)op->reaped_ns);
	line_close(&l);
}

/* ---- the parent's heap ---- */

#ifndef MADV_POPULATE_WRITE /* 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

static void heap_report(const struct run *r, long mb, const char *skipped)
{
	struct rusage use;
	struct line l;

	getrusage(RUSAGE_SELF, &use);
	line_open(&l, "heap");
	line_num(&l, "heap_mb", mb);
	line_num(&l, "pid", getpid());
	if (skipped) {
		line_str(&l, "skipped", skipped);
	} else {
		line_num(&l, "rss_kb", use.ru_maxrss);
		line_bool(&l, "nohugepage", r->small_pages);
	}
	line_close(&l);
}

static long available_mb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "MemAvailable: %ld", &kb) != 1)
		;
	if (f)
		fclose(f);
	return kb >> 10;
}

/* Why there should not be so much more; a child writes to nothing of it, but has page tables too. */
static const char *heap_refused(const struct run *r, long more_mb, uint64_t begin_ns)
{
	if (more_mb + more_mb / 50 + HEAP_SPARE_MB > available_mb())
		return "memory";
	if (now_ns() - begin_ns > (uint64_t)r->max_ms * LOAD_NS_PER_MS)
		return "time";
	return NULL;
}

/*
 * Small pages only, each touched once; a kernel without huge pages refuses the advice, rightly. It is
 * never given back: the next size is this one and more.
 */
static void heap_grow(struct run *r, long more_mb)
{
	size_t size = (size_t)more_mb << 20;
	char *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		load_die(1, "no memory for %ld MiB more", more_mb);
	r->small_pages = !madvise(p, size, MADV_NOHUGEPAGE);
	if (!madvise(p, size, MADV_POPULATE_WRITE))
		return;
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
}

/* Should memory run out after all, it is we who go. */
static void oom_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, "1000", 4) < 0)
			fprintf(stderr, "cannot set oom_score_adj: %s\n", strerror(errno));
		close(fd);
	}
}

static void moments_open(struct run *r)
{
	r->moments_fd = (int)load_must(memfd_create("moments", 0), "make a memfd");
	load_must(ftruncate(r->moments_fd, sizeof(*r->moments)), "size a memfd");
	r->moments = mmap(NULL, sizeof(*r->moments), PROT_READ | PROT_WRITE, MAP_SHARED,
			  r->moments_fd, 0);
	if (r->moments == MAP_FAILED)
		load_die(1, "cannot map a memfd: %s", strerror(errno));
	snprintf(r->fd_text, sizeof(r->fd_text), "%d", r->moments_fd);
}

/* ---- the program that is started ---- */

/*
 * The image's first instructions note the time, and then it starts as any other: what the C library
 * does before main() takes longer than exec itself, where page faults are dear.
 */
struct timespec first_instruction;

#define TEXT(x)  #x
#define VALUE(x) TEXT(x)
#if defined(__x86_64__)
__asm__(".globl spawncost_entry\n"
	"spawncost_entry:\n\t"
	"mov $" VALUE(
		SYS_clock_gettime) ", %eax\n\t"
				   "mov $" VALUE(
					   CLOCK_BOOTTIME) ", %edi\n\t"
							   "lea first_instruction(%rip), %rsi\n\t"
							   "syscall\n\t"
							   "jmp _start");
#else
__asm__(".globl spawncost_entry\n"
	"spawncost_entry:\n\t"
	"mov x9, x0\n\t"
	"mov x8, #" VALUE(
		SYS_clock_gettime) "\n\t"
				   "mov x0, #" VALUE(
					   CLOCK_BOOTTIME) "\n\t"
							   "adrp x1, first_instruction\n\t"
							   "add x1, x1, :lo12:first_instruction\n\t"
							   "svc #0\n\t"
							   "mov x0, x9\n\t"
							   "b _start");
#endif

/* NAME image FD: it has nothing to do but to say since when it runs. */
static void image_if_asked(int argc, char **argv)
{
	const struct timespec *first = &first_instruction;
	uint64_t ns = (uint64_t)first->tv_sec * 1000000000ULL + (uint64_t)first->tv_nsec;

	if (argc != 3 || strcmp(argv[1], "image"))
		return;
	if (pwrite(atoi(argv[2]), &ns, sizeof(ns), offsetof(struct moments, image_ns)) !=
	    sizeof(ns))
		_exit(1);
	_exit(0);
}

/* ---- which, how often ---- */

static size_t ways_parse(const char *list, const struct load_how *ret[WAYS_MAX])
{
	char *names = strdup(list), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(names, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (n == WAYS_MAX)
			load_die(2, "--how: more than %d ways", WAYS_MAX);
		ret[n++] = how_find(ways, w);
	}
	free(names);
	return n;
}

static void words_after_dashes(struct run *r, int argc, char **argv)
{
	static char *self[] = {LOAD_SELF, "exit-now", "0", NULL};

	r->cmd = self;
	for (int i = 1; i < argc - 1; i++) {
		if (!strcmp(argv[i], "--")) {
			r->cmd = argv + i + 1;
			return;
		}
	}
}

static void turns(struct run *r, const struct load_how *const *chosen, size_t n)
{
	for (long i = 0; i < r->count; i++) {
		for (size_t k = 0; k < n; k++) {
			memset(r->moments, 0, sizeof(*r->moments));
			chosen[k]->run(r);
		}
	}
}

/* From the smallest to the largest; a size that cannot be had is said, and those above it too. */
static void all_heaps(struct run *r, const struct load_how *const *chosen, size_t n)
{
	char *sizes = strdup(r->heaps), *save = NULL, *end;
	uint64_t begin_ns = now_ns();
	const char *refused;

	for (char *w = strtok_r(sizes, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		long mb = strtol(w, &end, 10);

		if (*end || mb < r->heap_mb || mb > HEAP_MAX_MB)
			load_die(2, "--heap-mb: '%s': ascending, %d at most", w, HEAP_MAX_MB);
		refused = heap_refused(r, mb - r->heap_mb, begin_ns);
		if (!refused && mb > r->heap_mb)
			heap_grow(r, mb - r->heap_mb);
		heap_report(r, mb, refused);
		if (refused)
			continue;
		r->heap_mb = mb;
		turns(r, chosen, n);
	}
	free(sizes);
}

int main(int argc, char **argv)
{
	struct run r = {.count = 25,
			.max_ms = 60000,
			.heaps = "10",
			.how = "fork,vfork,posix_spawn,clone,thread",
			.report = cost_report};
	const struct load_how *chosen[WAYS_MAX];
	const struct load_opt opts[] = {
		OPT_STR("how", "WAY[,WAY...]", r.how, "in turns"),
		OPT_NUM("count", r.count, 1, 10000, "of each"),
		OPT_STR("heap-mb", "N[,N...]", r.heaps, "touched heap of the parent, ascending"),
		OPT_NUM("max-ms", r.max_ms, 0, 600000, "no larger heap is begun after that"),
		{0},
	};
	size_t n;

	image_if_asked(argc, argv);
	exit_now_if_asked(argc, argv);
	load_parse(argc, argv,
		   "Process operations, timed by all who take part; exec runs what follows --.",
		   opts, ways);
	n = ways_parse(r.how, chosen);
	words_after_dashes(&r, argc, argv);
	signals_default();
	oom_first();
	r.tally = tally_new();
	r.stack = load_shared(LOAD_STACK);
	moments_open(&r);
	all_heaps(&r, chosen, n);
	tally_end(r.tally);
	return 0;
}
