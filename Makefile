# lakefm. The targets people type: make, make demo, make test, make bench, make install. `make help` lists them.
#
# Rooms are the folders of src/. Each becomes one archive; a *_test.c beside the code becomes one cmocka program.
# B=DIR builds elsewhere; SAN=address|thread builds with sanitizers into $(B)-$(SAN); ROOMS="base parquet" builds only those.

ARCH := $(shell uname -m)
GOARCH := $(if $(filter aarch64,$(ARCH)),arm64,amd64)
SAN ?=
B ?= build
O := $(B)$(if $(SAN),-$(SAN))
CC := gcc
CXX := g++
PREFIX ?= /usr/local
VERSION := $(shell cat VERSION)

ROOMS ?= $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard src/*/*.c)))))

DUCKDB_DIR ?= deps/duckdb
RDKAFKA_DIR ?= deps/rdkafka

OPT ?= -O2
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS += -std=gnu11 -D_GNU_SOURCE $(OPT) -g -fno-omit-frame-pointer -pthread $(WARN) -Isrc -isystem $(DUCKDB_DIR) \
          -isystem $(RDKAFKA_DIR) -DLAKEFM_VERSION='"$(VERSION)"' -MMD -MP
ifeq ($(SAN),address)
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(SAN),thread)
CFLAGS += -fsanitize=thread
LDFLAGS += -fsanitize=thread
endif

DUCKDB_LIBS = -L$(DUCKDB_DIR) -Wl,--start-group -lduckdb_static -lduckdb_generated_extension_loader \
  -lcore_functions_extension -lparquet_extension -ljson_extension -licu_extension -lautocomplete_extension \
  -ltpch_extension -ltpcds_extension -lduckdb_fmt -lduckdb_fsst -lduckdb_hyperloglog -lduckdb_mbedtls -lduckdb_miniz \
  -lduckdb_pg_query -lduckdb_re2 -lduckdb_skiplistlib -lduckdb_utf8proc -lduckdb_yyjson -lduckdb_zstd \
  -lduckdb_fastpforlib -lduckdb_jemalloc -Wl,--end-group
# Static where Debian has the archive, so that the program can be copied to a bare machine.
STATIC_LIBS = -Wl,-Bstatic -lmicrohttpd $(if $(filter serve,$(ROOMS)),$(O)/obj/serve/no_tls.o) -lyaml -ljansson -lzstd -lxxhash -ldeflate -lz -lpcre2-8 -ledit -ltinfo -lbsd -lmd -Wl,-Bdynamic
RDKAFKA_LIBS = $(RDKAFKA_DIR)/librdkafka_glibc_linux_$(GOARCH).a -lrt
LIBS = $(STATIC_LIBS) $(RDKAFKA_LIBS) $(DUCKDB_LIBS) -static-libstdc++ -static-libgcc -lpthread -ldl -lm

SOURCES := $(foreach r,$(ROOMS),$(filter-out %_test.c %_fuzz.c,$(wildcard src/$(r)/*.c) $(wildcard src/$(r)/*/*.c)))
TESTS := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*_test.c) $(wildcard src/$(r)/*/*_test.c))
MAIN := src/cli/main.c
OBJECTS := $(patsubst src/%.c,$(O)/obj/%.o,$(filter-out $(MAIN),$(SOURCES))) $(O)/obj/assets.o
# THREADED=1: only the tests of what runs in several threads (for the thread sanitizer, which is slow).
THREADED_TESTS := src/parquet/% src/ingest/% src/refine/refine_% src/lake/audit% src/simulate/% src/serve/% src/sql/%
TEST_PROGRAMS := $(patsubst src/%.c,$(O)/test/%,$(if $(THREADED),$(filter $(THREADED_TESTS),$(TESTS)),$(TESTS)))
ASSETS := $(shell find contracts dbt examples/eventsim.json dashboards src/serve/web/dist src/serve/web/lineage src/simulate/data src/model/macros -type f \
            -not -path '*/target/*' -not -path '*/logs/*' -not -name '*.duckdb*' -not -name .user.yml 2>/dev/null | LC_ALL=C sort)

.PHONY: all
all: deps $(O)/lakefm

.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

## make            build build/lakefm (installs what is missing)
## make demo       simulate a month, run the whole path, print the gold tables
## make test       all tests that CI runs
## make unit       unit tests only
## make e2e        end-to-end tests; TEST=cli_sql for one
## make test-cluster real Kafka, HDFS, Spark, ClickHouse, started by the tests (JDK and Maven); TEST=hdfs for one
## make test-kafka the quick ones of them for Kafka, as CI runs them
## make soak       half an hour of load from Kafka: memory flat, files few (SOAK_SECONDS)
## make bench-web  the page in a real browser on a lake of 4 M listens (WEB_LAKE keeps it; 2 GB of disk)
## make bench-kafka how fast Kafka is read, and how soon an event is in gold
## make test-faults kills, power losses and racing writers at every step of a commit, at length
## make test-fresh make demo, make test and the lone program in a bare Debian (root, debootstrap); FRESH_SUITE=trixie
## make fuzz       fuzz decoder and renderer for FUZZ_SECONDS=60 each (clang)
## make deps-clickhouse  fetch libchdb for `lakefm serve --clickhouse` (178 MB)
## make bench      measure it all beside DuckDB (12 GB of disk); BENCH="silver build simulate"
## make install    PREFIX=/usr/local

.PHONY: deps
deps: deps/.done
deps/.done: scripts/deps.sh deps/go.mod deps/go.sum
	@scripts/deps.sh
	@touch $@

# libchdb, the real ClickHouse of `lakefm serve --clickhouse` and of the cluster tests: deps/clickhouse/libchdb.so.
.PHONY: deps-clickhouse
deps-clickhouse:
	@scripts/deps-clickhouse.sh

$(O)/liblakefm.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(O)/lakefm: $(patsubst src/%.c,$(O)/obj/%.o,$(MAIN)) $(O)/liblakefm.a
	@echo "  link    $@"
	@$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJECTS) $(O)/obj/cli/main.o: | deps/.done
$(O)/obj/%.o: src/%.c
	@mkdir -p $(dir $@)
	@echo "  cc      $<"
	@$(CC) $(CFLAGS) -c $< -o $@

$(O)/assets.S: scripts/embed.sh $(ASSETS)
	@mkdir -p $(O)
	@scripts/embed.sh $(ASSETS) >$@
$(O)/obj/assets.o: $(O)/assets.S
	@mkdir -p $(dir $@)
	@$(CC) -c $< -o $@

$(O)/test/%: $(O)/obj/%.o $(O)/liblakefm.a
	@mkdir -p $(dir $@)
	@$(CXX) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# ASan sees false container overflows in the uninstrumented DuckDB.
RUN_ENV := ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=1 LSAN_OPTIONS=suppressions=scripts/lsan.supp \
           TSAN_OPTIONS=suppressions=scripts/tsan.supp

.PHONY: unit
unit: $(TEST_PROGRAMS)
	@RUN_ENV='$(RUN_ENV)' scripts/run_tests.sh $(TEST_PROGRAMS)

# The lake's fault tests with many rounds: every store call and commit step killed, every event cut by a power loss.
.PHONY: test-faults
test-faults: $(addprefix $(O)/test/lake/,crash_test power_test shared_test)
	CRASH_ROUNDS=10 $(O)/test/lake/crash_test
	POWER_STRIDE=1 $(O)/test/lake/power_test
	for i in 1 2 3 4 5 6 7 8 9 10; do $(O)/test/lake/shared_test || exit 1; done

# Programs of tests/ that are no unit tests (benchmarks, the other halves of oracles): make build/tests/decode/dump
$(O)/tests/%: tests/%.c $(O)/liblakefm.a
	@mkdir -p $(dir $@)
	@$(CC) $(CFLAGS) -c $< -o $@.o
	@$(CXX) $(LDFLAGS) -o $@ $@.o $(O)/liblakefm.a $(LIBS)

.PHONY: bench
bench: deps
	@$(MAKE) -s $(O)/lakefm $(O)/tests/bench/silver_bench $(O)/tests/bench/duckdb_bench
	@tests/bench/bench.sh $(O)/lakefm $(O) $(BENCH)

# Coverage-guided fuzzing of the decoder for FUZZ_SECONDS (needs clang); its corpus is tests/fuzz/decode.
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang-14
FUZZ_SOURCES = $(filter-out %_test.c src/base/web.c,$(wildcard src/base/*.c src/schema/*.c src/refine/decode*.c)) $(O)/assets.S
$(O)/fuzz/decode: $(FUZZ_SOURCES) $(wildcard src/base/*.h src/schema/*.h src/refine/decode*.h)
	@mkdir -p $(dir $@)
	@$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Isrc \
	  $(if $(filter x86_64,$(ARCH)),-mavx2 -maes -mbmi -mbmi2) \
	  -o $@ $(FUZZ_SOURCES) -lyaml -ldeflate -lz -lzstd -lxxhash -lm -lpthread
# And of the template renderer; its corpus is tests/fuzz/jinja.
RENDER_SOURCES = $(filter-out %_test.c src/base/asset.c src/base/web.c,$(wildcard src/base/*.c src/model/jinja/*.c))
$(O)/fuzz/render: $(RENDER_SOURCES) $(wildcard src/base/*.h src/model/jinja/*.h)
	@mkdir -p $(dir $@)
	@$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Isrc \
	  -o $@ $(RENDER_SOURCES) -lpcre2-8 -ldeflate -lz -lzstd -lxxhash -lm -lpthread
.PHONY: fuzz
fuzz: $(O)/fuzz/decode $(O)/fuzz/render
	@mkdir -p $(O)/fuzz/corpus $(O)/fuzz/corpus-render
	@$(O)/fuzz/decode -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -artifact_prefix=$(O)/fuzz/ -print_final_stats=1 $(O)/fuzz/corpus tests/fuzz/decode
	@$(O)/fuzz/render -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -artifact_prefix=$(O)/fuzz/ -print_final_stats=1 -dict=tests/fuzz/jinja.dict $(O)/fuzz/corpus-render tests/fuzz/jinja

# The decoder against strict Python on damaged lines; ORACLE_SEED for others.
ORACLE_SEED ?= 1
.PHONY: oracle
oracle: $(O)/tests/decode/dump
	@python3 tests/decode/oracle.py $< --seed $(ORACLE_SEED)

# Against dbt-core + dbt-duckdb: LAKE=folder adds the no-change build of our own project on that lake.
.PHONY: bench-dbt
bench-dbt: $(O)/lakefm
	@python3 tests/bench/dbt.py $(O)/lakefm build/venv-dbt/bin/dbt $(LAKE)

.PHONY: test
test: deps
	@scripts/deps-test.sh
	@scripts/test.sh

.PHONY: test-fresh
test-fresh:
	@scripts/test-fresh.sh

.PHONY: demo
demo: deps
	@$(MAKE) -s -j$(shell nproc) $(O)/lakefm
	@rm -rf $(O)/demo-lake
	@$(O)/lakefm --lake $(O)/demo-lake demo

.PHONY: e2e
e2e: $(O)/lakefm
	@tests/e2e/run.sh $(O)/lakefm $(TEST)

# The exact mode of simulate against tests/simulate/EventsimOracle.java: every case, then random ones. Needs a JDK.
.PHONY: oracle-simulate
oracle-simulate: $(O)/lakefm
	@ORACLE=all tests/e2e/run.sh $(O)/lakefm simulate_oracle
	@ORACLE=random:20:$(or $(SEED),1) tests/e2e/run.sh $(O)/lakefm simulate_oracle

.PHONY: test-cluster
test-cluster: $(O)/lakefm
	@tests/cluster/run.sh $(O)/lakefm $(TEST)

# lakefm run against a real broker: the quick named tests of CI; all of them with `make test-cluster TEST=kafka`.
.PHONY: test-kafka
test-kafka: $(O)/lakefm
	@tests/kafka.sh $(abspath $(O)/lakefm) quick

SOAK_SECONDS ?= 1800
.PHONY: soak
soak: $(O)/lakefm
	@SOAK_SECONDS=$(SOAK_SECONDS) tests/kafka.sh $(abspath $(O)/lakefm) memory_and_files_of_a_long_run

# First paint, clicks, the API under load; see tests/bench/web.mjs.
.PHONY: bench-web
bench-web: $(O)/lakefm
	@tests/bench/web.sh $(O)/lakefm $(WEB_LAKE)

# Throughput from a full topic, and the way of an event from Kafka to gold; see tests/bench/kafka.py.
.PHONY: bench-kafka
bench-kafka: $(O)/lakefm $(O)/tests/bench/kafka_count $(O)/tests/bench/kafka_send
	@BENCH=$(abspath $(O)/tests/bench) tests/kafka.sh $(abspath $(O)/lakefm) bench

# Man page and completion are written by the program itself, from its option tables.
.PHONY: install
install: $(O)/lakefm
	install -D -s -m 755 $(O)/lakefm $(DESTDIR)$(PREFIX)/bin/lakefm
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(O)/lakefm generate man >$(DESTDIR)$(PREFIX)/share/man/man1/lakefm.1
	$(O)/lakefm generate completion >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/lakefm
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' dist/lakefm.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/lakefm.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/lakefm.service
	chmod 644 $(DESTDIR)$(PREFIX)/share/man/man1/lakefm.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lakefm

.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/lakefm.service $(DESTDIR)$(PREFIX)/bin/lakefm $(DESTDIR)$(PREFIX)/share/man/man1/lakefm.1 \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lakefm

.PHONY: configuration
configuration: $(O)/lakefm
	@$(O)/lakefm generate configuration >docs/configuration.md
	@$(O)/lakefm generate tables >docs/tables.md

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
.PRECIOUS: $(O)/obj/%.o
