# Slipway: the whole build. `make help` lists what it can do.
MODE   ?= release
PREFIX ?= /usr/local
# LINT is a built-in variable of make; LINT=0 leaves the lint out of `make check`.
LINT   := $(if $(filter default undefined,$(origin LINT)),1,$(LINT))
CC     := $(if $(filter asan fuzz,$(MODE)),clang,$(if $(filter default,$(origin CC)),gcc,$(CC)))
WERROR ?= -Werror
B      := build/$(MODE)

WARN := -Wall -Wextra -Wpedantic $(WERROR) -Wshadow -Wvla -Wundef -Wformat=2 -Wconversion \
        -Wsign-conversion -Wcast-qual -Wwrite-strings -Wpointer-arith \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wnull-dereference \
        -Wdouble-promotion -Wimplicit-fallthrough -Wdate-time
# A statement of SQL is one string; C99 promises 4095 bytes, both our compilers take any.
WARN += -Wno-overlength-strings
ifneq ($(findstring gcc,$(CC)),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca -Wcast-align=strict
endif

MODE_debug    := -O0 -g3
MODE_release  := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
                 -fcf-protection -fPIE
MODE_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_fuzz     := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                 -fno-sanitize-recover=all
MODE_coverage := -O0 -g --coverage
LINK_release  := -pie -Wl,-z,relro,-z,now
ifeq ($(MODE_$(MODE)),)
$(error MODE is one of release debug asan fuzz coverage, not '$(MODE)')
endif

CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP -I$(shell pg_config --includedir 2>/dev/null)
CFLAGS   += -std=c11 -pthread $(WARN) $(MODE_$(MODE))
LDFLAGS  += -pthread $(MODE_$(MODE)) $(LINK_$(MODE))

# --- what is built: every .c below a program's folder, main.c last ------------------------------
found    = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
objects  = $(patsubst %.c,$(B)/o/%.o,$(filter-out $(1)/main.c $(1)/tuf.c $(1)/bin/%,$(call found,$(1))))
PROGRAMS := slipwayd slipway deltagen slipway-agent slipway-signer slipway-symbolize slipway-tuf
DIR_slipwayd := server
DIR_slipway := cli
DIR_deltagen := deltagen
DIR_slipway-agent := device-client
DIR_slipway-signer := signer
DIR_slipway-symbolize := symbolize
DIR_slipway-tuf := cli
MAIN_slipway-tuf := cli/tuf

LIBS_lib           := -lsodium -lcrypto -ljansson -lz -lzstd -llzma -llz4 -levent_core -lcurl -lm
LIBS_slipwayd      := -lpq -lssl
# It holds keys: no library that it does not use is in its memory.
LIBS_slipway-signer := -Wl,--as-needed
LIBS_slipway-symbolize := -Wl,--as-needed -ldw -lelf
LIBS_deltagen      :=

all: $(PROGRAMS:%=$(B)/%) $(B)/file-loader   ## build the programs into build/MODE (default)
	@for p in $(PROGRAMS); do ln -sfn $(MODE)/$$p build/$$p; done

# Objects have a folder of their own: build/MODE/deltagen is a program.
$(B)/o/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The arithmetic of the delta coder is most of what making and applying a patch costs.
ifeq ($(MODE),release)
$(patsubst %.c,$(B)/o/%.o,lib/delta/guess.c lib/delta/change.c): CFLAGS += -O3
endif

# The agent never believes a time before its own commit; the same source gives the same program.
$(B)/o/device-client/trust/time.o: CPPFLAGS += -DBUILD_TIME_S=$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)

define archive
$(B)/$(1).a: $$(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach d,$(sort lib $(foreach p,$(PROGRAMS),$(DIR_$(p))) tests/support),$(eval $(call archive,$(d))))

define program
$(B)/$(1): $(B)/o/$(or $(MAIN_$(1)),$(DIR_$(1))/main).o $(B)/$(DIR_$(1)).a $(B)/lib.a
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS_lib)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# The loader's half of the `file` boot backend, and other small programs the stories use.
HELPERS := $(patsubst tests/support/bin/%.c,%,$(wildcard tests/support/bin/*.c))
$(HELPERS:%=$(B)/%): $(B)/%: $(B)/o/tests/support/bin/%.o $(B)/device-client.a $(B)/server.a $(B)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_slipwayd) $(LIBS_lib)

# Bad luck for the agent of a story, by LD_PRELOAD.
$(B)/agent-preload.so: tests/support/preload/agent-preload.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c11 -O1 -g -Wall -Wextra -Werror -fPIC -shared -o $@ $<

# --- tests: one Criterion binary per folder, named after it ---------------------------------------
TEST_DIRS := $(sort $(dir $(shell find tests/lib tests/server tests/cli tests/deltagen tests/device-client tests/signer -name 'test_*.c' 2>/dev/null)))
TESTS     := $(patsubst tests/%/,$(B)/tests/%/run,$(TEST_DIRS))
tested     = $(word 2,$(subst /, ,$(1)))
LIBS_server := $(LIBS_slipwayd)
define test_binary
$(B)/$(1)run: $(patsubst %.c,$(B)/o/%.o,$(wildcard $(1)test_*.c)) $(B)/tests/support.a \
              $(if $(filter lib,$(call tested,$(1))),,$(B)/$(call tested,$(1)).a) $(B)/lib.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(call tested,$(1))) $$(LIBS_lib) -lcriterion
endef
$(foreach d,$(TEST_DIRS),$(eval $(call test_binary,$(d))))
# These start programs of the build.
$(B)/tests/cli/tuf/run: | $(B)/slipway-tuf
$(B)/tests/device-client/attack/run: | $(B)/slipway-agent
# Criterion's macros and assertions are not written for these warnings.
$(TEST_DIRS:%=$(B)/o/%%.o): WARN += -Wno-pedantic -Wno-missing-prototypes -Wno-null-dereference

# --- fuzz targets: the stored corpus is replayed by an ordinary test -------------------------------
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
$(FUZZ:%=$(B)/replay_%): $(B)/replay_%: $(B)/o/tests/fuzz/fuzz_%.o $(B)/o/tests/fuzz/replay.o \
                         $(B)/server.a $(B)/signer.a $(B)/deltagen.a $(B)/device-client.a $(B)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_slipwayd) $(LIBS_deltagen) $(LIBS_lib)
# Built once with MODE=fuzz; what is found stays in build/fuzz/found.
build/fuzz/fuzz_%: build/fuzz/o/tests/fuzz/fuzz_%.o $(B)/server.a $(B)/signer.a $(B)/deltagen.a $(B)/device-client.a \
                   $(B)/lib.a
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_slipwayd) $(LIBS_deltagen) $(LIBS_lib)
FUZZ_SECONDS ?= 60
# Everything that reads a patch, an image or a record of the delta engine.
FUZZ_DELTA := $(filter delta_% repack find_covers container_%,$(FUZZ))
fuzz-%:      ## fuzz one target for FUZZ_SECONDS, e.g. `make fuzz-http_request`
	@tests/fuzz/run $(FUZZ_SECONDS) $*
fuzz-all:    ## fuzz every target for FUZZ_SECONDS
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)
fuzz-delta:  ## fuzz all that reads patches and images, e.g. `make fuzz-delta FUZZ_SECONDS=3600`
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_DELTA)

check-large: all  ## patches between images beyond 2^31 and 2^32 bytes (minutes, 13 GiB of disk)
	@bash tests/deltagen/large.sh $(B)
power-cuts-delta: all $(HELPERS:%=$(B)/%)  ## kill -9 in a root file system's update: OLD=IMAGE NEW=IMAGE [CUTS=100]
	@CUTS=$(or $(CUTS),100) bash tests/device-client/power_cuts.sh $(B) '$(OLD)' '$(NEW)'

KILLS ?= 100
check-kills: all $(B)/apply-kills  ## kill -9 while a patch is applied: OLD=FILE NEW=FILE [KILLS=100] (minutes)
	$(B)/deltagen diff '$(OLD)' '$(NEW)' build/kills.patch
	@$(B)/apply-kills '$(OLD)' '$(NEW)' build/kills.patch $(KILLS)

# --- benchmarks: programs of tests/bench; each prints its numbers and a ratio against something else in
# the same run. By hand, never part of a check.
BENCHES := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
$(BENCHES:%=$(B)/bench/%): $(B)/bench/%: $(B)/o/tests/bench/%.o $(B)/tests/support.a $(B)/server.a $(B)/deltagen.a \
             $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_slipwayd) $(LIBS_lib)
bench-delta: all  ## patches against other tools: CORPUS=DIR [T=regex] [WRITE=1 PEERS=...]
	@WRITE=$(WRITE) bash tests/bench/delta.sh $(B) '$(CORPUS)' '$(or $(T),.)'
bench-%: all $(B)/bench/%      ## run one benchmark, e.g. `make bench-trust`
	@$(B)/bench/$* $(B)
bench-blast-radius: bench-blast_radius  ## what bad releases touch, and good ones cost (RUNS=10000)

size-applier:  ## bytes of the applier's code on ARM Thumb-2, with and without re-packing (CPU=cortex-m4)
	@tests/arch/applier_size.sh

# --- commands -------------------------------------------------------------------------------------
deps:        ## install what is missing from Debian's packages (root or sudo)
	@sh deploy/deps.sh
deps-cpus:   ## and compilers and emulators of other CPUs, for the applier's tests on them
	@sh deploy/deps.sh cpus
	@for cpu in s390x armhf arm64; do tests/arch/cpus/libraries $$cpu build/cpus/$$cpu; done
check-cpus: $(B)/deltagen  ## the applier on emulated CPUs: big-endian s390x, ARM of 32 and 64 bits
	@tests/arch/cpus/run $(B)

tests: all $(TESTS) $(FUZZ:%=$(B)/replay_%) $(HELPERS:%=$(B)/%) $(B)/agent-preload.so

check: deps  ## lint, unit and module tests, fuzz corpora, end-to-end stories
	@$(if $(filter 1,$(LINT)),$(MAKE) --no-print-directory lint)
	@$(MAKE) --no-print-directory -j2 tests MODE=$(MODE)
	@bash tests/run $(MODE)

test: tests  ## run only what matches T, e.g. `make test T=range`
	@bash tests/run $(MODE) '$(T)'

demo: deps   ## a real OS update, from a build to a running fleet (KEEP=1 leaves the server up)
	@$(MAKE) --no-print-directory -s -j2 all MODE=release
	@KEEP=$(KEEP) bash tests/e2e/demo.sh

acceptance: deps  ## other people's clients against ours (needs npm and its registry)
	@$(MAKE) --no-print-directory -s -j2 all $(HELPERS:%=$(B)/%)
	@bash tests/acceptance/run $(B)

coverage:    ## lines and branches per folder, by gcovr
	@$(MAKE) --no-print-directory check MODE=coverage LINT=0
	gcovr -r . --object-directory build/coverage -e tests -s

lint:        ## format, headers, layers, banned words, clang-tidy, cppcheck, docs
	@$(MAKE) --no-print-directory -j2 check-format check-headers check-layers check-banned check-tidy check-cppcheck check-docs

DIRS    := lib server cli deltagen device-client signer symbolize tests
SOURCES := $(call found,$(DIRS))
HEADERS := $(sort $(shell find $(DIRS) -name "*.h" 2>/dev/null))
L       := build/lint

check-format:
	@clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
format:      ## let clang-format rewrite every source
	@clang-format -i $(SOURCES) $(HEADERS)

check-headers: $(HEADERS:%=$(L)/%.ok)
$(L)/%.h.ok: %.h
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused -Wno-pedantic -fsyntax-only -MF $(L)/$*.h.d -MT $@ -include $< -x c /dev/null && touch $@

check-layers:
	@awk -f tests/arch/layers.awk tests/arch/layers.txt $(SOURCES) $(HEADERS)
check-banned:
	@sh tests/arch/banned.sh
check-tidy: $(SOURCES:%=$(L)/%.tidy)
$(L)/%.c.tidy: %.c .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- -I. -D_GNU_SOURCE -std=c11 -I$(shell pg_config --includedir 2>/dev/null) 2>/dev/null && \
	 clang $(CPPFLAGS) -std=c11 -fsyntax-only -MF $(L)/$*.tidy.d -MT $@ $< && touch $@
check-cppcheck:
	@cppcheck --quiet --enable=warning,portability,performance --inline-suppr --error-exitcode=1 --std=c11 \
	  -I. -D_GNU_SOURCE --suppressions-list=tests/arch/cppcheck.txt -j2 --cppcheck-build-dir=$(shell mkdir -p $(L)/cppcheck && echo $(L)/cppcheck) \
	  $(filter-out tests/%,$(SOURCES))
check-docs: $(B)/slipwayd $(B)/slipway-agent
	@sh tests/arch/docs.sh check $(B)
docs: $(B)/slipwayd $(B)/slipway-agent   ## print the generated pages of docs/ again
	@sh tests/arch/docs.sh write $(B)

man: $(B)/man/slipway.1   ## the manual page of slipway, printed from its table of commands
$(B)/man/slipway.1: $(B)/slipway
	@mkdir -p $(@D)
	$(B)/slipway man >$@

install: all man ## install programs, migrations and man-page-like docs under DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/slipway/migrations $(DESTDIR)$(PREFIX)/share/doc/slipway
	install -m 755 $(PROGRAMS:%=$(B)/%) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 migrations/*.sql $(DESTDIR)$(PREFIX)/share/slipway/migrations/
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system deploy/slipway-signer.service
	install -D -m 644 $(B)/man/slipway.1 $(DESTDIR)$(PREFIX)/share/man/man1/slipway.1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(B)/slipway completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/slipway
	$(B)/slipway completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_slipway
	$(B)/slipway completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/slipway.fish
	install -m 644 README.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/slipway/

clean:       ## remove build/
	rm -rf build

help:        ## this list
	@grep -hE '^[a-z%-]+:.*##' Makefile | sed -E 's/:.*##/\t/' | expand -t 14
	@echo "modes: MODE=release|debug|asan|coverage   e.g. make check MODE=asan"

-include $(shell find $(B) $(L) -name '*.d' 2>/dev/null)
.PHONY: all deps tests check test demo acceptance coverage lint check-format format check-headers check-layers \
        check-banned check-tidy check-cppcheck check-docs docs install man clean help size-applier deps-cpus check-cpus
.SECONDARY:
