# Waypost: everything is built, run, tested and installed from here.
#
#   make              build the programs into build/
#   make run          install what is missing, build, play the main job with real processes (KEEP=1 leaves it running)
#   make test         install what is missing, build, run every test; last line "N passed, N failed"
#   make check-asan   the same tests under the address and undefined-behaviour sanitizers
#   make check-crashpoints  the power cut at every change of the disk, under broker and agent; a bit flipped at every offset
#   make check-crash  kill -9 of broker and agent in a loop, every accepted event counted (ROUNDS=n)
#   make check-chaos  50 agents and a broker as processes: kills, stops, partitions, full disks, clock steps; MINUTES=10 SEED=n
#   make check-tsan   the broker's threads under ThreadSanitizer;  make check-valgrind  an agent's day under valgrind
#   make check-soak   MINUTES=60 of load while agents and sessions come and go: memory, descriptors, delay; draws docs/plots/soak*.svg
#   make check-sim    broker, agents and hub in one process under every fault: SEEDS=n of them, or SEED=x with its trace
#   make check-mutants  plant realistic bugs one by one, and count the seeds until the simulator finds each (MUTANT=WORD)
#   make check-web    the hub's page in headless Chromium: contrast, reflow, focus, targets; pictures (needs chromium)
#   make check-hash   state and engine hashes from gcc and clang, -O0 and -O3, with sanitizers: all the same
#   make fuzz         libFuzzer over every decoder, SECONDS=60 each (TARGET='frame event' for some); stops at a finding
#   make check-properties  HISTORIES=1000000: random histories through the procedure engine, every 16th also through a whole network
#   make coverage     line coverage of the procedure engine by its tests and scenarios; fails below 95 %
#   make bench        numbers: throughput, latency, memory, disk, with the machine's own floors beside them
#   make bench-peers  the same work on Redis, NATS, RabbitMQ and Mosquitto in the same run, and the ratios
#   make growth       how cost grows with events, recipients, connections, size and backlog; draws docs/plots (FULL=1: to 10^7)
#   make golden       the files of this release that later ones must open, anew (tests/golden/README.md; before a release only)
#   make lint         layers, headers, function length, format, clang-tidy
#   make format       clang-format over our own sources
#   make install      DESTDIR= PREFIX=/usr/local: programs, library, header, man pages, completion, samples
#   make uninstall    the same DESTDIR and PREFIX: takes away what install brought; keys, configuration and data stay
#   make clean        remove build/
#
# CC, CPPFLAGS, CFLAGS, LDFLAGS belong to the caller; what is ours stands in OURS. BUILD names the output folder,
# a variant is the same rules with another BUILD. TEST_FILTER='ack__*' runs a few unit tests.

SHELL := /bin/bash
BUILD ?= build
PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= -O2 -g
VERSION := 0.1.0

DEPS := libczmq libzmq libprotobuf-c libsodium jansson sqlite3 libmicrohttpd
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Werror
OURS = -std=c11 -D_POSIX_C_SOURCE=200809L -I. -I$(BUILD)/gen -DWAYPOST_VERSION='"$(VERSION)"' \
       -DWAYPOST_DATA_DIR='"$(PREFIX)/share/waypost"' \
       $(FLAGS_OF_DEPS) -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
# as-needed: a program is bound to the libraries that it calls, and to no other.
# ncursesw for libraries alone: its flags would set another level of POSIX for everybody.
LIBS = -Wl,--as-needed $(LIBS_OF_DEPS) -lpthread -lm
# Asked once, and not before it is needed: the packages may have to be installed first.
FLAGS_OF_DEPS = $(eval FLAGS_OF_DEPS := $(shell pkg-config --cflags $(DEPS)))$(FLAGS_OF_DEPS)
LIBS_OF_DEPS = $(eval LIBS_OF_DEPS := $(shell pkg-config --libs $(DEPS) ncursesw))$(LIBS_OF_DEPS)

PROTOS := $(wildcard proto/*.proto)
GEN_PB := $(PROTOS:proto/%.proto=$(BUILD)/gen/%.pb-c.c)
GEN_C  := $(GEN_PB) $(BUILD)/gen/catalogue_tables.c $(BUILD)/gen/engine_version.c
# What decides how an event is folded: another hash over these, and no snapshot of the engine is taken over.
ENGINE_SOURCES := $(sort $(wildcard common/procedure/*.[ch] common/codec/*.[ch]) common/base/civil.c common/codec/catalogue.awk \
                  data/procedures/facts.tsv data/procedures/kinds.tsv $(PROTOS))

COMMON_C := $(wildcard common/*/*.c)
BROKER_CORE_C := $(wildcard broker/core/*.c)
BROKER_NET_C := $(wildcard broker/net/*.c)
AGENT_C := $(filter-out client/agent/main.c,$(wildcard client/agent/*.c))
CLI_C := $(filter-out client/cli/main.c,$(wildcard client/cli/*.c))
HUB_C := $(filter-out client/hub/main.c,$(wildcard client/hub/*.c))
LIB_C := $(wildcard client/lib/*.c)
LAB_C := $(wildcard client/lab/*.c)
REPLAY_C := $(wildcard client/replay/*.c)
SUPPORT_C := $(wildcard tests/support/*.c)
FUZZ_C := $(wildcard tests/fuzz/*.c)
STAGE_C := $(filter-out tests/stage/world_driven.c tests/stage/disk_driven.c,$(wildcard tests/stage/*.c))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
GEN_O := $(GEN_C:$(BUILD)/gen/%.c=$(BUILD)/obj/gen/%.o)

PROGRAMS := $(BUILD)/waypost-broker $(BUILD)/waypost-agent $(BUILD)/waypost-hub $(BUILD)/waypost
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
LAB_TESTS := $(patsubst tests/lab/%.c,$(BUILD)/tests/lab/%,$(wildcard tests/lab/test_*.c))
TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
# The programs once more, on a clock that a test moves and a disk that fails when a test says so.
DRIVEN := $(addprefix $(BUILD)/tests/programs/,waypost-broker waypost-agent waypost)

BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))

.PHONY: check-web all run test bootstrap check-asan check-crash check-crashpoints fuzz fuzz-targets coverage coverage-tests bench benches bench-peers growth lint format install uninstall clean programs tests check-properties property-tests
.DELETE_ON_ERROR:
.SECONDARY:

all: programs
programs: $(PROGRAMS)

# --- generated code ------------------------------------------------------------------------------------------

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: proto/%.proto
	@mkdir -p $(BUILD)/gen
	protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<

$(BUILD)/gen/catalogue_tables.c: data/procedures/kinds.tsv data/procedures/facts.tsv common/codec/catalogue.awk
	@mkdir -p $(@D)
	awk -f common/codec/catalogue.awk data/procedures/facts.tsv data/procedures/kinds.tsv > $@

$(BUILD)/gen/engine_version.c: $(ENGINE_SOURCES)
	@mkdir -p $(@D)
	printf '#include "common/procedure/saved.h"\nconst char *engine_version(void)\n{\n    return "%.32s";\n}\n' \
	  "$$(cat $(ENGINE_SOURCES) | sha256sum)" > $@

# The hub's page: style sheet and script as bytes of the program.
$(BUILD)/gen/hub_page.c: client/hub/page/hub.css client/hub/page/hub.js
	@mkdir -p $(@D)
	@{ echo '#include "client/hub/page.h"'; \
	  for pair in css:hub.css script:hub.js; do \
	    echo "const unsigned char page_$${pair%%:*}[] = {"; \
	    od -An -v -tx1 client/hub/page/$${pair#*:} | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; \
	    echo "}; const size_t page_$${pair%%:*}_len = sizeof page_$${pair%%:*};"; done; } > $@

# --- compile -------------------------------------------------------------------------------------------------

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c | $(GEN_C)
	@mkdir -p $(@D)
	$(CC) $(OURS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.o: %.c | $(GEN_C)
	@mkdir -p $(@D)
	$(CC) $(OURS) $(WARN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# --- libraries and programs ----------------------------------------------------------------------------------

$(BUILD)/libcommon.a: $(call objects,$(COMMON_C)) $(GEN_O)
$(BUILD)/libbrokercore.a: $(call objects,$(BROKER_CORE_C))
$(BUILD)/libbrokernet.a: $(call objects,$(BROKER_NET_C))
$(BUILD)/libagent.a: $(call objects,$(AGENT_C))
$(BUILD)/libhub.a: $(call objects,$(HUB_C)) $(BUILD)/obj/gen/hub_page.o
$(BUILD)/libwaypost.a: $(call objects,$(LIB_C))
$(BUILD)/libcli.a: $(call objects,$(CLI_C))
$(BUILD)/liblab.a: $(call objects,$(LAB_C))
$(BUILD)/libreplay.a: $(call objects,$(REPLAY_C))
$(BUILD)/libsupport.a: $(call objects,$(SUPPORT_C))
$(BUILD)/libstage.a: $(call objects,$(STAGE_C))
$(BUILD)/libfuzz.a: $(call objects,$(filter-out tests/fuzz/entry.c tests/fuzz/make_corpus.c,$(FUZZ_C)))
$(BUILD)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

LINK = $(CC) $(CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)

$(BUILD)/waypost-broker: $(call objects,broker/main.c) $(BUILD)/libbrokernet.a $(BUILD)/libbrokercore.a \
                         $(BUILD)/libcommon.a
	$(LINK)
$(BUILD)/waypost-agent: $(call objects,client/agent/main.c) $(BUILD)/libagent.a $(BUILD)/libcommon.a
	$(LINK)
$(BUILD)/waypost-hub: $(call objects,client/hub/main.c) $(BUILD)/libhub.a $(BUILD)/libagent.a $(BUILD)/libcommon.a
	$(LINK)
$(BUILD)/waypost: $(call objects,client/cli/main.c) $(BUILD)/libcli.a $(BUILD)/liblab.a $(BUILD)/libreplay.a \
                  $(BUILD)/libagent.a $(BUILD)/libwaypost.a $(BUILD)/libbrokercore.a $(BUILD)/libcommon.a
	$(LINK)

DRIVEN_WORLD = $(call objects,tests/stage/world_driven.c tests/stage/stage_clock.c tests/stage/disk_driven.c)
$(BUILD)/tests/programs/waypost-broker: $(call objects,broker/main.c) $(DRIVEN_WORLD) $(BUILD)/libbrokernet.a \
                                        $(BUILD)/libbrokercore.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(LINK)
$(BUILD)/tests/programs/waypost-agent: $(call objects,client/agent/main.c) $(DRIVEN_WORLD) $(BUILD)/libagent.a \
                                       $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(LINK)
$(BUILD)/tests/programs/waypost: $(call objects,client/cli/main.c) $(DRIVEN_WORLD) $(BUILD)/libcli.a $(BUILD)/liblab.a $(BUILD)/libreplay.a \
                                 $(BUILD)/libagent.a $(BUILD)/libwaypost.a $(BUILD)/libbrokercore.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(LINK)

# Manual pages and completion are made from the table of commands.
$(BUILD)/man/made: $(BUILD)/waypost
	@mkdir -p $(@D)
	@$(BUILD)/waypost dump-man $(@D)
	@$(BUILD)/waypost completion > $(BUILD)/waypost.bash
	@touch $@

# --- tests ---------------------------------------------------------------------------------------------------

# A test that injects failures names the calls it wraps in its first line: /* wrap: pwrite fdatasync */
wraps_of = $(shell sed -n '1s|^/\* wrap: \(.*\) \*/$$|\1|p' $(1))
TEST_LIBS = $(addprefix $(BUILD)/lib,support.a lab.a hub.a replay.a agent.a waypost.a brokernet.a brokercore.a common.a)
define LINK_TEST
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie $(LDFLAGS) $(foreach w,$(call wraps_of,$(@:$(BUILD)/%=%.c)),-Wl,--wrap=$(w)) \
	  -o $@ $< $(filter %.a,$^) $(LIBS) -lcmocka
endef

$(BUILD)/tests/unit/test_cli_%: $(BUILD)/obj/tests/unit/test_cli_%.o $(BUILD)/libcli.a $(TEST_LIBS)
	$(LINK_TEST)
# The targets of `make fuzz` with the inputs that are kept, in one program; and the one that wrote most of those.
FUZZ_LIBS = $(addprefix $(BUILD)/lib,fuzz.a cli.a) $(TEST_LIBS)
$(BUILD)/tests/unit/test_corpora: $(BUILD)/obj/tests/unit/test_corpora.o $(FUZZ_LIBS)
	$(LINK_TEST)
$(BUILD)/tests/fuzz/make_corpus: $(BUILD)/obj/tests/fuzz/make_corpus.o $(FUZZ_LIBS)
	$(LINK_TEST)
$(BUILD)/tests/tools/chaos: $(BUILD)/obj/tests/tools/chaos.o $(BUILD)/libstage.a $(TEST_LIBS)
	$(LINK_TEST)
$(BUILD)/tests/tools/stage: $(BUILD)/obj/tests/tools/stage.o $(BUILD)/libstage.a $(TEST_LIBS)
	$(LINK_TEST)
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_LIBS)
	$(LINK_TEST)

# The simulator: its main file names what the linker puts in the place of libsodium's.
SIM_O := $(call objects,$(filter-out tests/sim/main.c,$(wildcard tests/sim/*.c)))
SIM_LIBS = $(addprefix $(BUILD)/lib,support.a lab.a agent.a brokernet.a brokercore.a common.a)
$(BUILD)/tests/sim/check-sim: tests/sim/main.c $(SIM_O) $(SIM_LIBS) | $(GEN_C)
	@mkdir -p $(@D)
	$(CC) $(OURS) $(WARN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -pie $(LDFLAGS) $(foreach w,$(call wraps_of,$<),-Wl,--wrap=$(w)) \
	  -o $@ $< $(filter %.o %.a,$^) $(LIBS)

tests: $(BUILD)/tests/sim/check-sim

tests: programs $(UNIT_TESTS) $(LAB_TESTS) $(TEST_TOOLS) $(DRIVEN)

bootstrap:
	@scripts/bootstrap

test: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/run

run: bootstrap
	@$(MAKE) --no-print-directory -j2 programs BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) KEEP=$(KEEP) scripts/demo

check-asan: SAN = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Warnings that gcc finds only under sanitizers are its own; -Werror is for the plain build.
check-asan: bootstrap
	$(MAKE) --no-print-directory test BUILD=$(BUILD)/asan CFLAGS="-O1 -g $(SAN) -Wno-error" LDFLAGS="$(LDFLAGS) $(SAN)"

check-crashpoints: bootstrap
	@$(MAKE) --no-print-directory -j2 $(BUILD)/tests/unit/test_crashpoints $(BUILD)/tests/unit/test_corruption BUILD=$(BUILD)
	@CRASHPOINTS=$(or $(EVERY),all) $(BUILD)/tests/unit/test_crashpoints
	@CRASHPOINTS=$(or $(EVERY),all) $(BUILD)/tests/unit/test_corruption

check-crash: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) ROUNDS=$(or $(ROUNDS),50) tests/crash/loop

.PHONY: check-sim check-mutants
check-sim: bootstrap
	@$(MAKE) --no-print-directory -j2 $(BUILD)/tests/sim/check-sim BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) SEEDS=$(SEEDS) SEED=$(SEED) tests/sim/run

check-mutants: bootstrap
	@BUILD=$(abspath $(BUILD)) SEEDS=$(SEEDS) CC="$(CC)" tests/sim/check-mutants $(MUTANT)

# Every cell of the procedures' tables, cut out one by one (docs/RELIABILITY.md).
.PHONY: check-tables
check-tables: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) LIBS='$(LIBS)' tests/tables/check-tables $(CUT)

# One journal, read by programs of other compilers and other optimisations (docs/REPLAY.md).
check-hash: bootstrap
	@BUILD=$(abspath $(BUILD)) MAKE="$(MAKE)" scripts/check-hash

# The broker's threads; only what is ours is built for it (tests/tsan/suppressions).
TSAN = -fsanitize=thread -fno-omit-frame-pointer
.PHONY: check-tsan check-valgrind check-soak
check-tsan: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)/tsan CFLAGS="-O1 -g $(TSAN) -Wno-error" LDFLAGS="$(LDFLAGS) $(TSAN)"
	@BUILD=$(abspath $(BUILD)/tsan) tests/tsan/run

check-valgrind: bootstrap
	@command -v valgrind >/dev/null || apt-get install -y -qq valgrind
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/valgrind/run

check-soak: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) MINUTES=$(MINUTES) AGENTS=$(AGENTS) RATE=$(RATE) tests/soak/run

.PHONY: golden
golden:
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/golden/make

.PHONY: check-chaos
check-chaos: bootstrap
	@$(MAKE) --no-print-directory -j2 tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) MINUTES=$(or $(MINUTES),10) AGENTS=$(or $(AGENTS),50) SEED=$(SEED) tests/chaos/run

# libFuzzer brings main(): tests/fuzz/entry.c calls the one target it is compiled for.
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SAN = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz-targets: $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz/fuzz_%)
$(BUILD)/tests/fuzz/fuzz_%: tests/fuzz/entry.c $(FUZZ_LIBS) | $(GEN_C)
	@mkdir -p $(@D)
	$(CC) $(OURS) $(WARN) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -DFUZZ_TARGET=fuzz_$* -pie $(LDFLAGS) \
	  -o $@ $< $(filter %.a,$^) $(LIBS)

check-web: bootstrap
	@$(MAKE) --no-print-directory -j2 programs tests BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/web/check

fuzz: bootstrap
	@$(MAKE) --no-print-directory -j2 fuzz-targets BUILD=$(BUILD)/fuzz CC=clang \
	  CFLAGS="-O1 -g $(FUZZ_SAN) -fsanitize=fuzzer-no-link"
	@BUILD=$(abspath $(BUILD)/fuzz) FUZZ_SECONDS=$(or $(SECONDS),60) tests/fuzz/run $(TARGET)

# The procedure engine's own tests, built to count lines.
COVERED := $(addprefix $(BUILD)/tests/unit/,test_stories test_engine test_engine_tables test_engine_properties test_engine_state test_dossier test_cabinet test_clock_dates \
             test_scenarios test_calendar test_procedures test_core_procedures test_core_snapshots)
coverage-tests: $(COVERED)
coverage: bootstrap
	@$(MAKE) --no-print-directory -j2 coverage-tests BUILD=$(BUILD)/coverage CC=gcc CFLAGS="-O1 -g --coverage"
	@BUILD=$(abspath $(BUILD)/coverage) scripts/coverage

# What always holds, over random histories: of the engine alone, and of broker, agents and hub. SEED= begins elsewhere.
HISTORIES ?= 1000000
PROPERTIES := $(addprefix $(BUILD)/tests/unit/,test_engine_properties test_network_properties)
property-tests: $(PROPERTIES)
check-properties: bootstrap
	@$(MAKE) --no-print-directory -j2 property-tests BUILD=$(BUILD)
	PROPERTY_HISTORIES=$(HISTORIES) PROPERTY_SEED=$(or $(SEED),1) $(BUILD)/tests/unit/test_engine_properties
	PROPERTY_STORIES=$$(( ($(HISTORIES) + 15) / 16 )) PROPERTY_SEED=$(or $(SEED),1) $(BUILD)/tests/unit/test_network_properties

benches: $(BENCHES)
bench: bootstrap
	@$(MAKE) --no-print-directory -j2 programs benches $(BUILD)/tests/tools/flow $(BUILD)/tests/tools/pick BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/bench/run

# The load of the bench in the peers' own protocols; polling to the nanosecond is not POSIX yet.
PEERS_C := $(wildcard tests/bench/peers/*.c)
$(call objects,$(PEERS_C)): OURS += -D_GNU_SOURCE
$(BUILD)/tests/bench/peers/load: $(call objects,$(PEERS_C)) $(BUILD)/libcli.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(LINK)
growth: bootstrap
	@$(MAKE) --no-print-directory -j2 programs BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/bench/growth

bench-peers: bootstrap
	@$(MAKE) --no-print-directory -j2 programs $(BUILD)/tests/bench/peers/load BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) tests/bench/peers/run

lint: bootstrap
	@$(MAKE) --no-print-directory -j2 $(GEN_C) BUILD=$(BUILD)
	@BUILD=$(abspath $(BUILD)) OURS='$(OURS)' scripts/lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# Names below the prefix; DESTDIR is put before them.
SHARE := $(DESTDIR)$(PREFIX)/share
MAN = $(SHARE)/man

install: programs $(BUILD)/libwaypost.a $(BUILD)/man/made
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/pkgconfig include) $(MAN)/man1 $(MAN)/man3 $(MAN)/man5 $(MAN)/man8
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/libwaypost.a $(DESTDIR)$(PREFIX)/lib
	install -m 644 client/lib/waypost.h $(DESTDIR)$(PREFIX)/include
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' client/lib/waypost.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/waypost.pc
	install -m 644 $(BUILD)/man/*.1 $(MAN)/man1
	for section in 1 3 5 8; do \
	  for page in docs/man/*.$$section; do [ ! -e $$page ] || install -m 644 $$page $(MAN)/man$$section || exit 1; done; done
	install -d $(SHARE)/bash-completion/completions $(SHARE)/doc/waypost
	install -m 644 $(BUILD)/waypost.bash $(SHARE)/bash-completion/completions/waypost
	for folder in $$(find data -type d); do install -d $(SHARE)/waypost/$${folder#data} || exit 1; done
	for file in $$(find data -type f); do install -m 644 $$file $(SHARE)/waypost/$${file#data/} || exit 1; done
	sed -i 's|/usr/local/bin|$(PREFIX)/bin|' $(SHARE)/waypost/samples/*.service
	install -d $(SHARE)/waypost/proto
	install -m 644 $(PROTOS) $(SHARE)/waypost/proto
	install -m 644 $(wildcard README.md docs/*.md docs/*.yaml) $(SHARE)/doc/waypost

uninstall:
	rm -f $(PROGRAMS:$(BUILD)/%=$(DESTDIR)$(PREFIX)/bin/%) $(addprefix $(DESTDIR)$(PREFIX)/,lib/libwaypost.a lib/pkgconfig/waypost.pc include/waypost.h)
	rm -f $(foreach section,1 3 5 8,$(MAN)/man$(section)/waypost*.$(section)) $(MAN)/man3/libwaypost.3 $(SHARE)/bash-completion/completions/waypost
	rm -rf $(SHARE)/waypost $(SHARE)/doc/waypost

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
