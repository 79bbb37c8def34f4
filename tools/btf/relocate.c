// SPDX-License-Identifier: GPL-2.0-only
/*
 * relocate OBJECT BTF: whether the programs of a BPF object fit a kernel of which we have nothing but
 * its type information. libbpf relocates them all against it, as it would there; then, instead of
 * loading, each program is walked.
 *
 * A field or type that the kernel lacks becomes a call that no verifier accepts (CORE_POISON below,
 * libbpf's relo_core.c), which is right where bpf_core_field_exists() guards it: with the answer now a
 * constant that call is never reached. So what counts is what can be reached. And hooks must be there:
 * the function or tracepoint that a program's section names.
 *
 * Prints 'programs N guarded N missing NAME,NAME'; then 'bad PROGRAM: WHY' each. Exits 1 if any is
 * bad, 3 where this machine does not let us ask libbpf.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORE_POISON   0xbad2310
#define INSNS_MAX     65536
#define REGS          11
#define UNKNOWN       INT64_MIN
#define NOT_HERE      3
#define STOP_THE_LOAD (-ECANCELED)

struct walk {
	const struct bpf_insn *insns;
	size_t cnt;
	bool *seen;            /* can be reached */
	int64_t (*regs)[REGS]; /* with these constants in registers, or UNKNOWN */
	size_t *todo;
	size_t todo_cnt;
};

static struct {
	struct bpf_object *obj;
	struct btf *btf;
	unsigned programs, guarded, bad;
	bool walked;
} result;

/* ---- what a program can reach ------------------------------------------------------------------------ */

/* Constants that differ between two ways to an instruction are not known there. */
static void reach(struct walk *w, size_t at, const int64_t *regs)
{
	bool changed;

	if (at >= w->cnt)
		return;
	changed = !w->seen[at];
	for (int r = 0; r < REGS; r++) {
		int64_t old = w->regs[at][r];
		int64_t now = !w->seen[at] || old == regs[r] ? regs[r] : UNKNOWN;

		changed |= now != old;
		w->regs[at][r] = now;
	}
	w->seen[at] = true;
	if (changed)
		w->todo[w->todo_cnt++] = at;
}

/* 1: taken, 0: not, -1: not known. Only against constants, which is how guards compile. */
static int branch(const struct bpf_insn *i, const int64_t *regs)
{
	int64_t dst = regs[i->dst_reg];
	int64_t src = BPF_SRC(i->code) == BPF_X ? regs[i->src_reg] : i->imm;

	if (dst == UNKNOWN || src == UNKNOWN)
		return -1;
	if (BPF_CLASS(i->code) == BPF_JMP32) {
		dst = (uint32_t)dst;
		src = (uint32_t)src;
	}
	switch (BPF_OP(i->code)) {
	case BPF_JEQ: return dst == src;
	case BPF_JNE: return dst != src;
	case BPF_JGT: return (uint64_t)dst > (uint64_t)src;
	case BPF_JGE: return (uint64_t)dst >= (uint64_t)src;
	case BPF_JLT: return (uint64_t)dst < (uint64_t)src;
	case BPF_JLE: return (uint64_t)dst <= (uint64_t)src;
	case BPF_JSET: return (dst & src) != 0;
	default: return -1;
	}
}

static int64_t result_of(const struct bpf_insn *i, const int64_t *regs)
{
	int64_t dst = regs[i->dst_reg];
	int64_t src = BPF_SRC(i->code) == BPF_X ? regs[i->src_reg] : i->imm;
	bool narrow = BPF_CLASS(i->code) == BPF_ALU;

	if (src == UNKNOWN || (BPF_OP(i->code) != BPF_MOV && dst == UNKNOWN))
		return UNKNOWN;
	switch (BPF_OP(i->code)) {
	case BPF_MOV: dst = src; break;
	case BPF_AND: dst &= src; break;
	case BPF_OR: dst |= src; break;
	case BPF_XOR: dst ^= src; break;
	case BPF_ADD: dst = (int64_t)((uint64_t)dst + (uint64_t)src); break;
	default: return UNKNOWN;
	}
	return narrow ? (int64_t)(uint32_t)dst : dst;
}

static void step(struct walk *w, size_t at)
{
	const struct bpf_insn *i = &w->insns[at];
	int64_t regs[REGS];
	int taken;

	memcpy(regs, w->regs[at], sizeof(regs));
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64: regs[i->dst_reg] = result_of(i, regs); break;
	case BPF_LDX: regs[i->dst_reg] = UNKNOWN; break;
	case BPF_LD:
		regs[i->dst_reg] = i->src_reg ? UNKNOWN :
						(uint32_t)i->imm | (int64_t)i[1].imm << 32;
		at += i->code == (BPF_LD | BPF_IMM | BPF_DW);
		break;
	case BPF_STX:
		if (BPF_MODE(i->code) == BPF_ATOMIC) /* may fetch into a register */
			regs[i->src_reg] = regs[0] = UNKNOWN;
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(i->code) == BPF_EXIT)
			return;
		if (BPF_OP(i->code) == BPF_JA) {
			reach(w, at + 1 + i->off, regs);
			return;
		}
		if (BPF_OP(i->code) == BPF_CALL) {
			if (i->src_reg == BPF_PSEUDO_CALL) {
				int64_t none[REGS];

				for (int r = 0; r < REGS; r++)
					none[r] = UNKNOWN;
				reach(w, at + 1 + i->imm, none);
			}
			for (int r = 0; r < 6; r++)
				regs[r] = UNKNOWN;
			break;
		}
		taken = branch(i, regs);
		if (taken)
			reach(w, at + 1 + i->off, regs);
		if (taken == 1)
			return;
		break;
	}
	reach(w, at + 1, regs);
}

static bool is_poison(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && !i->src_reg && i->imm == CORE_POISON;
}

static void walk_program(const struct bpf_program *prog)
{
	struct walk w = {.insns = bpf_program__insns(prog), .cnt = bpf_program__insn_cnt(prog)};
	int64_t none[REGS];

	for (int r = 0; r < REGS; r++)
		none[r] = UNKNOWN;
	w.seen = calloc(w.cnt + 1, sizeof(*w.seen));
	w.regs = calloc(w.cnt + 1, sizeof(*w.regs));
	w.todo = calloc(w.cnt * (REGS + 1) + 1, sizeof(*w.todo)); /* a register is forgotten once */
	if (!w.seen || !w.regs || !w.todo || w.cnt > INSNS_MAX)
		exit(NOT_HERE);
	reach(&w, 0, none);
	while (w.todo_cnt)
		step(&w, w.todo[--w.todo_cnt]);
	for (size_t i = 0; i < w.cnt; i++) {
		if (!is_poison(&w.insns[i]))
			continue;
		if (!w.seen[i]) {
			result.guarded++;
			continue;
		}
		printf("bad %s: instruction %zu reads what this kernel has not\n",
		       bpf_program__name(prog), i);
		result.bad++;
	}
	free(w.seen);
	free(w.regs);
	free(w.todo);
}

/* ---- libbpf, until all is relocated -------------------------------------------------------------------- */

static int walk_all(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct bpf_program *p;

	(void)prog, (void)opts, (void)cookie;
	if (!result.walked) {
		bpf_object__for_each_program(p, result.obj)
		{
			result.programs++;
			walk_program(p);
		}
	}
	result.walked = true;
	return STOP_THE_LOAD;
}

static int no_words(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return getenv("BTF_DEBUG") ? vfprintf(stderr, fmt, args) : 0;
}

static void put_missing_hooks(void)
{
	static const struct {
		const char *section, *prefix;
		int kind;
	} hooks[] = {
		{"tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF},
		{"fentry/", "", BTF_KIND_FUNC},
		{"fexit/", "", BTF_KIND_FUNC},
		{"kprobe/", "", BTF_KIND_FUNC},
		{"iter/", "bpf_iter__", BTF_KIND_STRUCT},
	};
	struct bpf_program *p;
	const char *comma = "";
	char name[128];

	bpf_object__for_each_program(p, result.obj)
	{
		const char *section = bpf_program__section_name(p);

		for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
			size_t len = strlen(hooks[i].section);

			if (strncmp(section, hooks[i].section, len) != 0)
				continue;
			snprintf(name, sizeof(name), "%s%s", hooks[i].prefix, section + len);
			if (btf__find_by_name_kind(result.btf, name, hooks[i].kind) >= 0)
				continue;
			printf("%s%s", comma, bpf_program__name(p));
			comma = ",";
		}
	}
	printf("%s\n", *comma ? "" : "-");
}

static int relocate(const char *path, const char *btf)
{
	static const char *const sections[] = {"tp_btf+", "fentry+", "fexit+",
					       "kprobe+", "iter+",   "raw_tp+"};
	LIBBPF_OPTS(bpf_object_open_opts, open, .btf_custom_path = btf);
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = walk_all);
	struct bpf_map *map;
	int err;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (libbpf_register_prog_handler(sections[i], BPF_PROG_TYPE_RAW_TRACEPOINT, 0,
						 &handler) < 0)
			return -errno;
	}
	result.obj = bpf_object__open_file(path, &open);
	if (!result.obj)
		return -errno;
	bpf_object__for_each_map(map, result.obj) bpf_map__set_autocreate(map, false);
	err = bpf_object__load(result.obj);
	return result.walked ? 0 : err;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: relocate OBJECT BTF\n");
		return 2;
	}
	libbpf_set_print(no_words);
	result.btf = btf__parse(argv[2], NULL);
	err = result.btf ? relocate(argv[1], argv[2]) : -errno;
	if (err == -EPERM) {
		fprintf(stderr, "libbpf wants CAP_BPF\n");
		return NOT_HERE;
	}
	if (err) {
		printf("bad object: %s\n", strerror(-err));
		return 1;
	}
	printf("programs %u guarded %u missing ", result.programs, result.guarded);
	put_missing_hooks();
	bpf_object__close(result.obj);
	btf__free(result.btf);
	return result.bad != 0;
}
