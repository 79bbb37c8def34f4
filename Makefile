# SPDX-License-Identifier: GPL-2.0-only
#
## make               build/proctrail
## make test          every suite that can run here; the last line counts
## make test-unit     test-script, test-san, test-golden, test-live, test-kernels, lint: one suite
## make test-long     the suites that try a sample of many cases try them all: half an hour
## make fuzz          everything that reads foreign bytes, FUZZ_SECONDS=35 shared by all (clang)
## make test-kernels  KERNELS="5.10 6.18 newest" (or "all"): boot these in QEMU and test there
## make btf-matrix    KERNELS=all: fit the BPF programs to other kernels' types, without booting
## make check-vmlinux the kernel types in vmlinux/ against the running kernel's
## make bench         budgets, side by side with other tools (root); bench-tools: build/bench/*
## make bench-spawn   what fork, vfork, posix_spawn, exec ... cost here, told by three (root)
## make load          the workload generators, build/load/*
## make dist          dist/proctrail-VERSION-{x86_64,aarch64}: one static file each
## make install       PREFIX=/usr/local, DESTDIR=, UNITDIR=, SYSUSERSDIR=; also uninstall
## make format        clang-format the tree; also clean, help
##
## V=1 shows commands; DEV=1 warnings are errors; SAN=address,undefined; COV=1;
## STATIC=1; CC=gcc or clang; BUILD=dir; ARCH=aarch64 cross-builds (gcc)

VERSION  := $(shell cat VERSION)
BUILD    ?= build
PREFIX   ?= /usr/local
KERNELS  ?= 5.10 6.18 newest
DESTDIR  ?=
HOST     := $(shell uname -m)
ARCH     ?= $(HOST)

ifeq ($(origin CC),default)
CC       := gcc
endif
CLANG    ?= clang
BPFTOOL  ?= $(or $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool),bpftool)
STRIP    ?= strip

# ---- flags ---------------------------------------------------------------------------------

ifeq ($(V),)
Q        := @
say       = @printf '  %-8s %s\n' $(1) $(2);
endif

ifneq ($(and $(SAN),$(STATIC)),)
$(error SAN and STATIC exclude each other)
endif

OPT      := $(if $(COV),-O0,$(if $(SAN),-O1,-O2 -D_FORTIFY_SOURCE=2))
CFLAGS   ?= $(OPT) -g
WARN     := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wvla
WARN_DEV := -Werror -Wshadow -Wundef -Wpointer-arith -Wformat-security

# -fno-strict-aliasing: records are read in place, in the buffers they arrived in.
FLAGS    := -std=gnu11 -D_GNU_SOURCE -DPROCTRAIL_VERSION='"$(VERSION)"' -iquote . -Iuser -Ibpf
FLAGS    += -fno-strict-aliasing -fno-common -fstack-protector-strong
FLAGS    += -ffunction-sections -fdata-sections $(WARN) $(if $(DEV),$(WARN_DEV))
FLAGS    += $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
FLAGS    += $(if $(COV),--coverage)
# An empty span may be NULL, and clang alone minds NULL + 0.
FLAGS    += $(if $(FUZZ),-fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow)
LINK     := -Wl,--gc-sections -Wl,-z,relro,-z,now -pthread $(if $(STATIC),-static)
LINK     += $(if $(SAN),-fsanitize=$(SAN)) $(if $(COV),--coverage)

# -mcpu=v3 loads on 5.10; v2 loses the bounds of 32-bit lengths.
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(ARCH)))
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall $(if $(DEV),-Werror) -D__TARGET_ARCH_$(BPF_ARCH)
BPF_FLAGS += -Ivmlinux -Ibpf

# Another architecture: Debian's cross gcc, and its static libraries unpacked, not installed.
ifneq ($(ARCH),$(HOST))
override CC := $(ARCH)-linux-gnu-gcc
STRIP    := $(ARCH)-linux-gnu-strip
SYSROOT  := $(BUILD)/sysroot
FLAGS    += -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/$(ARCH)-linux-gnu
LINK     += -L$(SYSROOT)/usr/lib/$(ARCH)-linux-gnu
endif

# ---- what is built from what ----------------------------------------------------------------

# Only live*.c knows libbpf; the archive is everything else but main, and tests link just that.
MAIN     := user/cmd/main.c
LIVE     := $(wildcard user/source/live*.c)
CORE     := $(filter-out $(MAIN) $(LIVE),$(wildcard user/*/*.c))
BPF      := $(filter-out bpf/probe.bpf.c,$(wildcard bpf/*.bpf.c))
UNIT     := $(wildcard tests/unit/test_*.c)
RUNNER   := $(wildcard tests/script/runner.c)
MAKER    := $(wildcard tests/golden/maker.c)
FUZZERS  := $(wildcard tests/fuzz/fuzz_*.c)
LOAD     := $(wildcard tools/load/*.c) $(wildcard tests/live/*.c)
BENCH    := mktrail replay

objs      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
BIN      := $(BUILD)/proctrail
LIB      := $(BUILD)/libproctrail.a
SKELS    := $(BUILD)/bpf/proctrail.skel.h $(BUILD)/bpf/probe.skel.h
TESTS    := $(UNIT:tests/unit/%.c=$(BUILD)/tests/%) $(RUNNER:%runner.c=$(BUILD)/tests/script_runner)
TESTS    += $(MAKER:%maker.c=$(BUILD)/tests/golden_maker)
FUZZED   := $(FUZZERS:tests/fuzz/%.c=$(BUILD)/tests/%)
TESTS    += $(FUZZED)
LOADS    := $(patsubst %.c,$(BUILD)/load/%,$(notdir $(LOAD)))
LOADS    += $(BUILD)/load/fail_alloc.so
BENCHES  := $(BENCH:%=$(BUILD)/bench/%)
FLAGSET  := $(BUILD)/.flags
FILESET  := $(BUILD)/.files

all: $(BIN)
tests: $(TESTS)
load: $(LOADS)
bench-tools: $(BENCHES)
fuzzers: $(FUZZED)

$(BIN): $(call objs,$(MAIN) $(LIVE)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ -lbpf -lelf -lz

$(LIB): $(call objs,$(CORE)) $(FILESET)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(LINK) $(WRAP) -o $@ $^ -lcmocka -lz

# Memory that runs out: tests/unit/no_memory.h stands between us and what gives it.
$(BUILD)/tests/test_no_memory_%: WRAP := $(foreach f,malloc calloc realloc strdup strndup asprintf \
	__asprintf_chk fdopendir deflateInit2_ inflateInit2_,-Wl,--wrap=$(f))

$(BUILD)/tests/script_runner: $(BUILD)/obj/tests/script/runner.o $(LIB)
$(BUILD)/tests/golden_maker: $(BUILD)/obj/tests/golden/maker.o $(LIB)
$(BUILD)/tests/script_runner $(BUILD)/tests/golden_maker:
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ -lz

# With FUZZ=1 (tests/fuzz/run) libFuzzer calls them, else they are only given their corpora.
FUZZ_COMMON := checks stream $(if $(FUZZ),,replay)
$(BUILD)/tests/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(call objs,$(FUZZ_COMMON:%=tests/fuzz/%.c)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(LINK) $(if $(FUZZ),-fsanitize=fuzzer) \
		-o $@ $^ -lz

# Generators run in guests too, so they are static, and never instrumented.
vpath %.c tools/load tests/live
$(BUILD)/load/%: %.c $(FLAGSET)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) $(if $(DEV),$(WARN_DEV)) \
		-MMD -MP -MF $@.d -static -pthread $(LOAD_LINK) -o $@ $<

# Preloaded into our own program: the n-th allocation fails.
$(BUILD)/load/fail_alloc.so: tests/live/preload/fail_alloc.c $(FLAGSET)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-builtin $(WARN) \
		-Wno-missing-prototypes $(if $(DEV),$(WARN_DEV)) -shared -fPIC -o $@ $<

# They note the time before the C library begins.
$(BUILD)/load/spawncost: LOAD_LINK := -Wl,-e,spawncost_entry
$(BUILD)/load/mixed: LOAD_LINK := -Wl,-e,mixed_entry

# Trails without a kernel, made and replayed by what the tracer itself is made of.
$(BUILD)/bench/mktrail: $(call objs,$(addprefix tools/bench/,machine.c machine_records.c programs.c))
$(BUILD)/bench/%: $(BUILD)/obj/tools/bench/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $(filter %.o,$^) $(LIB) -lz

$(call objs,$(LIVE)): FLAGS += -I$(BUILD)/bpf
$(call objs,$(LIVE)): | $(SKELS)

$(BUILD)/obj/%.o: %.c $(FLAGSET) | $(if $(SYSROOT),$(SYSROOT)/.done)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Assembled in (.incbin), which the compiler does not report as a dependency.
$(call objs,user/cmd/manual.c): man/proctrail.8

$(BUILD)/obj/bpf/%.bpf.o: bpf/%.bpf.c $(FLAGSET)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<

# gen object also drops DWARF and keeps BTF, so it serves a single object as strip.
$(BUILD)/bpf/proctrail.bpf.o: $(BPF:%.c=$(BUILD)/obj/%.o) $(FILESET)
$(BUILD)/bpf/probe.bpf.o: $(BUILD)/obj/bpf/probe.bpf.o
$(SKELS:.skel.h=.bpf.o):
	$(call say,BPFLINK,$@)
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen object $@ $(filter %.o,$^)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@.tmp && mv $@.tmp $@

# Other flags, other objects; another set of files, another archive. Rewritten only on a change.
$(FLAGSET): TEXT = $(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) $(LINK) $(CLANG) $(BPF_FLAGS)
$(FILESET): TEXT = $(CORE) $(BPF)
$(FLAGSET) $(FILESET): FORCE
	@mkdir -p $(@D); new='$(subst ','\'',$(TEXT))'; \
	[ "$$(cat $@ 2>/dev/null)" = "$$new" ] || printf '%s\n' "$$new" >$@

$(BUILD)/sysroot/.done:
	$(call say,FETCH,$(@D))
	$(Q)mk/fetch-sysroot $(ARCH) $(@D) && touch $@

# ---- tests ----------------------------------------------------------------------------------

VM_ARCH  := x86_64 $(if $(filter all arm64%,$(KERNELS)),aarch64)
VM_NEEDS := $(VM_ARCH:%=dist-%)
RUN      := BUILD='$(BUILD)' KERNELS='$(KERNELS)' tests/run

test: test-build
	$(Q)$(RUN)

test-build: all tests load tests-san $(VM_NEEDS)

test-unit test-script: test-%: tests
	$(Q)$(RUN) $*

test-san: tests-san
	$(Q)$(RUN) san

tests-san:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/san SAN=address,undefined STATIC= COV= tests

test-golden: all
	$(Q)$(RUN) golden

# One more golden trail: NAME=x, from tests/golden/x.ev. None is ever made anew.
golden: all tests
	$(Q)BUILD='$(BUILD)' tests/golden/add $(NAME)

test-live: all load
	$(Q)$(RUN) live

test-kernels: $(VM_NEEDS)
	$(Q)$(RUN) kernels

# What 'test' shortens, in full: every bit, every byte, every allocation, 200 kills, disks that stop
# for 30 s, 10 minutes of fuzzing. The other suites have no longer form.
test-long: all tests load tests-san
	$(Q)TEST_LONG=1 FUZZ_SECONDS=$${FUZZ_SECONDS:-600} FUZZ_SEED=$${FUZZ_SEED:-0} $(RUN) unit san fuzz live

lint:
	$(Q)$(RUN) lint

fuzz:
	$(Q)FUZZ_SEED=$${FUZZ_SEED:-0} $(RUN) fuzz

# Programs for arm64 are another object: 'make ARCH=aarch64 BUILD=build/aarch64 skels' beforehand.
BTF_KERNELS := $(if $(filter command% environment%,$(origin KERNELS)),$(KERNELS),all)

$(BUILD)/btf/relocate: tools/btf/relocate.c $(FLAGSET)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) $(if $(DEV),$(WARN_DEV)) \
		-o $@ $< -lbpf -lelf -lz

skels: $(SKELS)

btf-matrix: $(SKELS) $(BUILD)/btf/relocate
	$(Q)BUILD='$(BUILD)' tools/btf/matrix $(BTF_KERNELS)

check-vmlinux: $(SKELS)
	$(Q)BUILD='$(BUILD)' vmlinux/check

bench: all load bench-tools
	$(Q)BUILD='$(BUILD)' tools/bench/run

bench-spawn: all load
	$(Q)BUILD='$(BUILD)' tools/bench/spawn

# ---- release --------------------------------------------------------------------------------

DIST_MAX := 3145728

dist: dist-x86_64 dist-aarch64

dist-x86_64 dist-aarch64: dist-%:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/$* ARCH=$* STATIC=1 SAN= COV= dist-file

dist-file: OUT = dist/proctrail-$(VERSION)-$(ARCH)
dist-file: all load
	$(call say,STRIP,$(OUT))
	$(Q)mkdir -p dist && $(STRIP) -o $(OUT) $(BIN)
	@[ $$(wc -c <$(OUT)) -le $(DIST_MAX) ] || { echo "$(OUT) is over $(DIST_MAX) bytes" >&2; exit 1; }

BINDIR      := $(PREFIX)/bin
MANDIR      := $(PREFIX)/share/man/man8
COMPLETEDIR := $(PREFIX)/share/bash-completion/completions
# systemd looks below /usr/local too; a distribution wants PREFIX=/usr.
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

install: all
	install -D -m 755 $(BIN) $(DESTDIR)$(BINDIR)/proctrail
	install -D -m 644 man/proctrail.8 $(DESTDIR)$(MANDIR)/proctrail.8
	install -D -m 644 completion/proctrail.bash $(DESTDIR)$(COMPLETEDIR)/proctrail
	install -D -m 644 service/proctrail.sysusers $(DESTDIR)$(SYSUSERSDIR)/proctrail.conf
	sed 's|@BINDIR@|$(BINDIR)|' service/proctrail.service.in >$(BUILD)/proctrail.service
	install -D -m 644 $(BUILD)/proctrail.service $(DESTDIR)$(UNITDIR)/proctrail.service

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/proctrail $(DESTDIR)$(MANDIR)/proctrail.8 \
		$(DESTDIR)$(COMPLETEDIR)/proctrail $(DESTDIR)$(SYSUSERSDIR)/proctrail.conf \
		$(DESTDIR)$(UNITDIR)/proctrail.service

clean:
	rm -rf $(BUILD) dist

format:
	clang-format -i $$(tools/lint --files)

help:
	@sed -n 's/^## \{0,1\}//p' Makefile

.PHONY: all tests load bench-tools fuzzers golden fuzz test test-build test-unit test-script test-san tests-san \
	test-golden test-live test-long test-kernels lint btf-matrix skels check-vmlinux bench bench-spawn \
	dist dist-x86_64 dist-aarch64 dist-file install uninstall clean format help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD)/obj $(BUILD)/load -name '*.d' 2>/dev/null)
