# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# One file, no recursion; every product is under $(BUILD). `make help` lists what there is to make.

BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       = gcc
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG      ?= pkg-config
V        ?= 0
SAN      ?=

ifeq ($(V),0)
Q = @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wwrite-strings -Wformat=2 -Wundef -Wno-unused-parameter
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
	-D_FORTIFY_SOURCE=2 -fno-strict-aliasing -fno-delete-null-pointer-checks
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPT      ?= -O2 -g
CPPFLAGS += -Iuser -Iinclude -I$(BUILD) -D_GNU_SOURCE
CFLAGS   := -std=gnu11 $(OPT) $(WARN)
LDFLAGS  :=
ifeq ($(SAN),)
CFLAGS   += $(HARDEN)
LDFLAGS  += $(LDHARDEN)
else
CC       = $(CLANG)
CFLAGS   += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all -O1 -DDPI_FREE_AT_EXIT
LDFLAGS  += -fsanitize=$(SAN)
endif

ARCH     := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPFFLAGS := -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux \
	-std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations \
	-Wno-address-of-packed-member -fno-stack-protector -fdebug-prefix-map=$(CURDIR)=.

# What each room needs beyond the C library.
LIBS     := -lbpf -lelf -lz -lzstd -lpcap -lidn2 -lpsl -linih -ljansson -lgcrypt -lmicrohttpd \
	-lhiredis -lncursesw -ltinfo -lsystemd -lpthread

# `base`..`report` are the rooms; agent, offline and cli join them into the program.
# Where there is no libgcrypt, crypt/portable.c stands for crypt/crypt.c.
LIB_SRC  := $(filter-out user/crypt/portable.c,$(wildcard user/base/*.c user/crypt/*.c \
	user/packet/*.c user/extract/*.c user/flow/*.c user/classify/*.c user/policy/*.c \
	user/engine/*.c user/pcap/*.c user/live/*.c user/report/*.c user/control/*.c \
	user/fleet/*.c user/fetch/*.c user/export/*.c user/api/*.c user/agent/*.c user/offline/*.c \
	user/selftest/*.c))
CLI_SRC  := $(wildcard user/cli/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/user/classify/catalogue_data.o
CLI_OBJ  := $(CLI_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libdpi.a
BIN      := $(BUILD)/dpi-xdp

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all help demo check test unit format floors clean install fuzz fuzz-coverage deps tools \
	bench sample.pcap papers uninstall deb check-package wasm

all: $(BIN)

help:
	@sed -n 's/^## //p' Makefile

## make              the program, build/dpi-xdp
## make wasm         the analysis as a WebAssembly module for the dashboard, build/wasm/dpi.wasm
## make demo         two minutes on this machine: namespaces, real servers, a block and its effect
## make check        every test; installs what it needs (Debian 12)
## make unit         the unit tests alone
## make tools        what the tests need beside the program (capture generator, ...)
## make sample.pcap  build/sample.pcap, traffic of FLOWS=300 flows to try the program on
## make bench        what analyze costs, beside cp, libpcap and nDPI, and its bounds; BENCH=--quick
## make fuzz         the fuzzers, build/fuzz/*
## make format       puts every C file in the project's style
## make install      DESTDIR= PREFIX=/usr/local; make uninstall takes it away, but configuration
## make papers       the manual and shell completion alone
## make deb          build/deb/*.deb, a Debian package
## make check-package  that package in a fresh Debian: installed, run by systemd, purged (root)
## make SAN=address,undefined BUILD=build-asan   a sanitizer build, beside the plain one

# --- kernel side -----------------------------------------------------------------------------
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/dpi/*.h vmlinux/*.h) Makefile
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPFFLAGS) -c $< -o $(@:.o=.tmp.o)
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)
	$(Q)rm -f $(@:.o=.tmp.o)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name dpi_bpf > $@.tmp && mv $@.tmp $@

# --- user side -------------------------------------------------------------------------------
$(filter $(BUILD)/user/live/%,$(LIB_OBJ)): | $(BUILD)/bpf/dpi.skel.h
$(BUILD)/%.o: %.c $(BUILD)/flags | $(BUILD)/dpi/version.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# What is built anew when the flags change, or the version; neither file is touched otherwise.
FLAGS    := $(lastword $(CC)) $(CPPFLAGS) $(CFLAGS)
VERSION_H := \#define DPI_VERSION "$(VERSION)"
ifneq ($(file <$(BUILD)/flags),$(FLAGS))
$(BUILD)/flags: again
endif
ifneq ($(file <$(BUILD)/dpi/version.h),$(VERSION_H))
$(BUILD)/dpi/version.h: again
endif
again:
.PHONY: again
$(BUILD)/flags:
	$(shell mkdir -p $(@D))$(file >$@,$(FLAGS))
$(BUILD)/dpi/version.h:
	$(shell mkdir -p $(@D))$(file >$@,$(VERSION_H))

# The catalogue is a data file; the program carries the tables that come of reading it, which a
# program of this machine makes.
HOSTCC   ?= cc
GEN_CAT  := $(wildcard scripts/gen-catalogue*.c user/base/*.c) $(addprefix user/classify/, \
	catalogue.c read.c nearest.c suffix_set.c)
$(BUILD)/gen-catalogue: $(GEN_CAT) $(wildcard scripts/*.h user/classify/*.h user/base/*.h \
		include/dpi/*.h) user/wasm/packed.h
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -Iuser -Iinclude -D_GNU_SOURCE -std=gnu11 -o $@ $(GEN_CAT) -linih
$(BUILD)/user/classify/catalogue_data.c: user/classify/catalogue.conf $(BUILD)/gen-catalogue
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(BUILD)/gen-catalogue $< > $@
$(BUILD)/user/wasm/catalogue_packed.c: user/classify/catalogue.conf $(BUILD)/gen-catalogue
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(BUILD)/gen-catalogue --packed $< > $@
$(BUILD)/user/classify/catalogue_data.o $(BUILD)/user/wasm/catalogue_packed.o: %.o: %.c $(BUILD)/flags
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# The dashboard: bundled where there is npm, a plain page where not (then tried again each time).
# WEB_EXTRA: PATH=FILE of what is built elsewhere and served beside it.
WEB      := $(BUILD)/web
WEB_SRC  := $(wildcard user/web/*.sh user/web/*.mjs user/web/*.json user/web/plain/* user/web/src/* \
	user/web/src/*/* user/wasm/glue/*.js)
LIB_OBJ  += $(BUILD)/user/web/web.o $(WEB)/table.o $(WEB)/bytes.o
ifneq ($(shell cat $(WEB)/state 2>/dev/null),full)
$(WEB)/state: again
endif

$(WEB)/state: $(WEB_SRC)
	@mkdir -p $(WEB)
	$(call say,WEB,user/web)
	$(Q)user/web/build.sh $(WEB) $(BUILD)/npm $(WEB_EXTRA)
$(WEB)/table.o: $(WEB)/state user/web/assets.h user/web/web.h
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $(WEB)/assets.c -o $@
$(WEB)/bytes.o: $(WEB)/state
	$(Q)$(CC) -c $(WEB)/assets.S -o $@

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BIN): $(CLI_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(LIB) $(LIBS)

# --- WebAssembly -----------------------------------------------------------------------------
# The rooms once more, for the dashboard's captures. Where a room needs a library or a system that
# is not there, a file of user/wasm with the same header stands for the room's own.
WASM     := $(BUILD)/wasm/dpi.wasm
WASM_INC ?= /usr/include/wasm32-wasi
WASM_LIB ?= /usr/lib/wasm32-wasi
WASM_OUT := user/base/pages_run.c user/base/pages_part.c user/base/spool.c user/base/log.c user/base/write_all.c user/crypt/crypt.c user/crypt/count.c \
	user/classify/built_in.c user/classify/load.c user/classify/read.c user/policy/value_world.c \
	user/policy/rules_save.c user/policy/when.c user/policy/value_when.c user/policy/when_clock.c \
	user/policy/when_moment.c user/policy/rules_when.c \
	user/policy/name_layer%.c user/policy/policy_change.c user/policy/rules_step.c \
	user/policy/list%.c user/policy/%_list.c user/policy/%_lists.c user/policy/rules_whole.c \
	user/policy/%device.c user/policy/%devices.c user/policy/device_table.c user/engine/whom.c \
	user/pcap/foreign.c \
	user/pcap/source.c user/pcap/source_form.c user/pcap/source_map.c user/pcap/unpack.c \
	user/pcap/filter.c \
	user/pcap/guard.c user/pcap/split.c user/pcap/set%.c user/pcap/%out.c user/pcap/out_%.c \
	user/report/report_csv.c
WASM_SRC := $(filter-out $(WASM_OUT),$(wildcard user/base/*.c user/crypt/*.c user/packet/*.c \
	user/extract/*.c user/flow/*.c user/classify/*.c user/policy/*.c user/engine/*.c \
	user/pcap/*.c user/report/*.c)) user/offline/event_log.c user/offline/route.c \
	user/offline/shard.c $(wildcard user/wasm/*.c)
WASM_OBJ := $(WASM_SRC:%.c=$(BUILD)/wasm/obj/%.o) $(BUILD)/wasm/obj/user/wasm/catalogue_packed.o
WASM_TO  := --target=wasm32-wasi
# Small: a page fetches it, and what the browser makes of it is as fast, but for a few.
WASM_HOT := user/crypt/gcm.c user/wasm/count.c user/crypt/sha256.c user/wasm/string.c \
	user/packet/packet.c user/pcap/capture_in.c user/engine/engine.c user/engine/inspect.c \
	user/flow/flow_table.c
WASM_CFLAGS = $(WASM_TO) -nostdlibinc -isystem $(WASM_INC) -Iuser/wasm/port -Iuser -Iinclude \
	-D_GNU_SOURCE -D_WASI_EMULATED_SIGNAL '-Ddpi_inline=static inline __attribute__((unused))' \
	-std=gnu11 $(if $(filter $(WASM_HOT),$<),-O2,-Oz) -flto $(WARN) -fno-strict-aliasing \
	-fno-builtin-snprintf -mbulk-memory -msimd128 -ftls-model=local-exec \
	$(if $(filter user/engine/% user/flow/%,$<),-include fetch.h)
# Few calls from file to file are inlined: more gain nothing, and the module's size has a bound.
WASM_LDFLAGS := $(WASM_TO) -flto -nostartfiles -L$(WASM_LIB) -Wl,--no-entry,--gc-sections,-O2 \
	-Wl,-z,stack-size=1048576,--stack-first,--initial-memory=33554432 \
	-Wl,-mllvm,-inline-threshold=10,--strip-all,--export=__wasm_call_ctors

WASM_FLAGS := $(strip $(WASM_CFLAGS) $(WASM_HOT) $(WASM_LDFLAGS))
ifneq ($(file <$(BUILD)/wasm/flags),$(WASM_FLAGS))
$(BUILD)/wasm/flags: again
endif
$(BUILD)/wasm/flags:
	$(shell mkdir -p $(@D))$(file >$@,$(WASM_FLAGS))
$(BUILD)/wasm/obj/%.o: %.c $(BUILD)/wasm/flags
	@mkdir -p $(@D)
	$(call say,WASM,$<)
	$(Q)$(CLANG) $(WASM_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/wasm/obj/user/wasm/catalogue_packed.o: $(BUILD)/user/wasm/catalogue_packed.c $(BUILD)/wasm/flags
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(WASM_CFLAGS) -c $< -o $@
$(WASM): $(WASM_OBJ)
	$(call say,WASM,$@)
	$(Q)$(CLANG) $(WASM_LDFLAGS) -o $@ $^
	$(Q)if command -v wasm-opt >/dev/null; then wasm-opt --enable-bulk-memory --enable-simd -O3 $@ -o $@; fi
$(WASM).gz: $(WASM)
	$(Q)zopfli -c $< > $@ 2>/dev/null || gzip -9nc $< > $@

# What the tool chain lacks, by the names of Debian's packages; nothing: the module can be made.
WASM_MISSING := $(strip $(if $(wildcard $(WASM_LIB)/libc.a),,wasi-libc) \
	$(if $(shell command -v wasm-ld),,lld) \
	$(if $(wildcard $(shell $(CLANG) $(WASM_TO) -print-libgcc-file-name 2>/dev/null)),, \
	libclang-rt-14-dev-wasm32))
ifeq ($(WASM_MISSING),)
WASM_GZ := $(WASM).gz
endif
wasm: $(WASM_GZ)
ifneq ($(WASM_MISSING),)
	@echo "no WebAssembly module, so the dashboard uploads captures; for it: apt install $(WASM_MISSING)"
endif

# The dashboard carries the module, where there is what it takes to build it; else, and in sanitizer
# builds, the program analyses the captures that are dropped on the page.
ifeq ($(WASM_MISSING)$(SAN),)
WEB_EXTRA += dpi.wasm=$(WASM)
$(WEB)/state: $(WASM)
endif

# --- tests -----------------------------------------------------------------------------------
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/unit/%)
# gen_capture is made of several files, every other tool of one.
GEN_SRC  := $(filter-out tests/bench/gen_capture.c,$(wildcard tests/bench/gen_*.c))
TOOL_SRC := $(filter-out $(GEN_SRC),$(wildcard tests/bench/*.c tests/bpf/test_*.c tests/service/*.c))
TOOL_BIN := $(TOOL_SRC:%.c=$(BUILD)/%)
BPFT_SRC := $(filter-out $(TOOL_SRC),$(wildcard tests/bpf/*.c)) tests/unit/build.c tests/unit/support.c
BPFT_OBJ := $(BPFT_SRC:%.c=$(BUILD)/%.o)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/support.o \
		$(BUILD)/tests/unit/build.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS) -lcmocka

# What is tested of the module and of a command needs files that the library has not.
$(BUILD)/tests/unit/test_wasm_built_in: $(BUILD)/user/wasm/catalogue_packed.o
$(BUILD)/tests/unit/test_cli_top: $(BUILD)/user/cli/remote.o $(filter $(BUILD)/user/cli/top_%,$(CLI_OBJ))

$(filter $(BUILD)/tests/bpf/%,$(TOOL_BIN)): $(BPFT_OBJ)
$(BUILD)/tests/bench/gen_capture: $(GEN_SRC:%.c=$(BUILD)/%.o)
.SECONDEXPANSION:
$(TOOL_BIN): $$@.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

tools: $(TOOL_BIN)

# Traffic to try the program on; beside it a table of what is in it, a row a flow.
FLOWS ?= 300
sample.pcap: $(BUILD)/tests/bench/gen_capture
	$(Q)$< --shape bench --flows $(FLOWS) --active 50 --out $(BUILD)/sample.pcap \
		--manifest $(BUILD)/sample.tsv
	@echo "$(BUILD)/sample.pcap: $(FLOWS) flows, told in $(BUILD)/sample.tsv; now, for example:"
	@echo "    make && $(BIN) analyze $(BUILD)/sample.pcap /dev/null --block-app YouTube"

unit: $(UNIT_BIN)
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done

# Fuzzers: the rooms again, with coverage for the fuzzer and sanitizers; and once more to see which
# lines a corpus reaches.
FUZZ_LIB := $(filter user/base/% user/crypt/% user/packet/% user/extract/% user/flow/% \
	user/classify/% user/policy/% user/engine/% user/pcap/% user/report/% user/control/% \
	user/agent/% user/offline/% user/api/head.c,$(LIB_SRC))
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	$(WARN) -Wno-missing-prototypes
COVER_FLAGS := -g -O1 -fprofile-instr-generate -fcoverage-mapping
COVER_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/cover/%)

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu11 $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
$(BUILD)/cover/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu11 $(COVER_FLAGS) -MMD -MP -c $< -o $@
$(BUILD)/fuzz/lib.a: $(FUZZ_LIB:%.c=$(BUILD)/fuzz/obj/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/cover/lib.a: $(FUZZ_LIB:%.c=$(BUILD)/cover/obj/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/lib.a \
		$(BUILD)/user/classify/catalogue_data.o
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(BUILD)/cover/fuzz_%: $(BUILD)/cover/obj/tests/fuzz/fuzz_%.o $(BUILD)/cover/lib.a \
		$(BUILD)/user/classify/catalogue_data.o
	$(call say,COVER,$@)
	$(Q)$(CLANG) $(COVER_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
fuzz: $(FUZZ_BIN)
fuzz-coverage: $(COVER_BIN)

$(BUILD)/tests/bench/ndpi_loop: LIBS += -lndpi
$(BUILD)/tests/bench/kafka_mock: LIBS += -lrdkafka

bench: $(BIN) $(filter $(BUILD)/tests/bench/%,$(TOOL_BIN))
	$(Q)BUILD=$(BUILD) scripts/bench $(BENCH)

format:
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' ':!vmlinux' | xargs clang-format -i

floors:
	$(Q)scripts/check-floors

deps:
	$(Q)scripts/install-deps

check:
	$(Q)scripts/install-deps
	$(Q)scripts/check

demo:
	$(Q)scripts/install-deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)scripts/demo

# --- the service: manual, completion, packages -----------------------------------------------
# All of it from the program's own tables of commands and options, so that none can drift.
# MAN=no does without the manual, where there is no scdoc.
SYSCONFDIR ?= /etc
MAN      ?= yes
PAPERS   := $(if $(filter no,$(MAN)),,$(BUILD)/man/dpi-xdp.1) $(BUILD)/completion/dpi-xdp

$(BUILD)/tables: $(BIN)
	$(Q)$(BIN) help --tables >$@
$(BUILD)/man/dpi-xdp.1: $(BUILD)/tables $(wildcard scripts/man/*)
	$(call say,MAN,$(@D))
	$(Q)SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) \
		scripts/man/make $< $(@D)
$(BUILD)/completion/dpi-xdp: $(BUILD)/tables $(wildcard scripts/completion/*)
	$(call say,SHELL,$(@D))
	$(Q)scripts/completion/make $< $(@D)
papers: $(PAPERS)

INSTALL_FILES = BUILD=$(BUILD) DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR) \
	scripts/install-files
install: $(BIN) papers
	$(Q)$(INSTALL_FILES) install
uninstall:
	$(Q)$(INSTALL_FILES) uninstall

deb: $(BIN) papers
	$(Q)BUILD=$(BUILD) scripts/debian/make
check-package: deb
	$(Q)DPI_BUILD=$(BUILD) python3 tests/service/test_package.py --full

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(WASM_OBJ:.o=.d) $(wildcard $(BUILD)/tests/*/*.d) \
	$(FUZZ_LIB:%.c=$(BUILD)/fuzz/obj/%.d) $(FUZZ_LIB:%.c=$(BUILD)/cover/obj/%.d) \
	$(FUZZ_SRC:%.c=$(BUILD)/fuzz/obj/%.d) $(FUZZ_SRC:%.c=$(BUILD)/cover/obj/%.d)
