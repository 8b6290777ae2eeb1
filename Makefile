# The interface to everything: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
export SWIFT_BACKTRACE := enable=no

PREFIX ?= /usr/local
JOBS ?= 2
STATIC := --static-swift-stdlib -Xswiftc -static-executable -Xswiftc -use-ld=lld
# Longer than every test together takes, on a loaded machine: only what hangs is ended.
LIMIT := timeout --kill-after=30
GUESTS := guest-kernels
SCRIPTS := tools/setup .ci/run $(GUESTS)/linux/build $(GUESTS)/linux/repack $(GUESTS)/bare/build \
	$(GUESTS)/init/build $(GUESTS)/agent/build $(GUESTS)/rootfs/build $(GUESTS)/programs/build \
	$(GUESTS)/stock/build Benchmarks/run Fuzz/run \
	tools/install tools/manual $(addprefix examples/,run images pipeline separate contained web python compile)

.DEFAULT_GOAL := all
.PHONY: all help setup build guests run bench bench-peers bench-core bench-run examples test test-setup test-long test-stock fuzz hostile filters ci lint format install uninstall clean

help: ## Say what the targets do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

all: build guests ## Build the programs and the guests: what `make` alone does

setup: ## Install the Debian packages that are missing
	@tools/setup tools/packages.txt $(GUESTS)/*/packages.txt

build: setup ## Build bin/swiftlet, bin/swiftlet-vmm and bin/swiftlet-bench
	@test -e .build-static/release/swiftlet || echo "compiling Swiftlet, some minutes"
	@swift build -c release -j $(JOBS) --scratch-path .build-static $(STATIC) --quiet
	@mkdir -p bin
	@for program in swiftlet swiftlet-vmm swiftlet-bench; do \
	  strip -o .build-static/$$program .build-static/release/$$program; \
	  cmp -s .build-static/$$program bin/$$program || install .build-static/$$program bin/; done

guests: setup ## Build the guests that are not built yet (cached outside)
	@$(GUESTS)/bare/build > /dev/null
	@$(GUESTS)/linux/build up smp
	@$(GUESTS)/agent/build > /dev/null
	@$(GUESTS)/rootfs/build > /dev/null
	@$(GUESTS)/programs/build > /dev/null
	@mkdir -p share/swiftlet/kernels
	@for flavour in up smp; do ln -sfn "$$($(GUESTS)/linux/build --print-dir $$flavour)" \
	  share/swiftlet/kernels/$$flavour; done
	@ln -sfn "$$($(GUESTS)/bare/build --print-dir)" share/swiftlet/bare
	@ln -sfn "$$($(GUESTS)/agent/build --print-dir)" share/swiftlet/agent
	@ln -sfn "$$($(GUESTS)/rootfs/build --print-dir)" share/swiftlet/rootfs

run: build guests ## Boot Linux to user space from a disk, on the virtio console
	@bin/swiftlet boot --timeline --disk share/swiftlet/rootfs/root.erofs,ro \
	  --cmdline "root=/dev/vda ro rootfstype=erofs init=/init"

test: guests test-setup ## Build and run all tests
	@$(LIMIT) 2700 swift test -j $(JOBS)

test-setup: # What the tests alone need.
	@tools/setup Tests/packages.txt

test-long: guests test-setup ## Build and run all tests, those that take minutes too
	@$(GUESTS)/linux/repack smp
	@SWIFTLET_LONG=1 $(LIMIT) 10800 swift test -j $(JOBS)

test-stock: guests ## Boot Debian's own kernel to user space; takes minutes where KVM interprets kernels
	@$(GUESTS)/stock/build > /dev/null
	@SWIFTLET_STOCK=1 $(LIMIT) 7200 swift test -j $(JOBS) --filter StockKernelTests

fuzz: setup ## Attack each parser and device, FUZZ_SECONDS=60 each; TARGET=name for one, FUZZ_KEEP=1 to keep inputs
	@Fuzz/run $(TARGET)

# What broke once is had again by SEED, and one violation of it by FIRST and COUNT=1.
hostile: setup ## Have a guest break the rules of each device, COUNT=100000 times; DEVICE=name for one, SEED=n, FIRST=n to replay
	@$(GUESTS)/bare/build > /dev/null
	@SWIFTLET_HOSTILE_COUNT="$(or $(COUNT),100000)" SWIFTLET_HOSTILE_SEED="$(SEED)" SWIFTLET_HOSTILE_FIRST="$(FIRST)" \
	  SWIFTLET_HOSTILE_DEVICE="$(DEVICE)" $(LIMIT) 14400 swift test -j $(JOBS) --filter HostileGuestTests/survivesGenerated

filters: setup ## Compile the filters of system calls from their rules
	@swift run -j $(JOBS) --quiet confinement-filters > .build/filters
	@mv .build/filters Sources/Confinement/FilterTable.swift

bench-peers: setup ## Install what `make bench` compares with, as far as Debian has it
	@tools/setup Benchmarks/packages-peers.txt

# The results stay in bin/bench: JSON, for `swiftlet bench diff` too; pages for a browser; and the tables.
BOOTS ?= 10
ROUNDS ?= 10
bench: build guests ## Measure boots, starts, devices and exits, and compare with others; BOOTS=10 and ROUNDS=10 of the long ones
	@mkdir -p bin/bench
	@bench() { local name=$$1; shift; echo "$$name:"; \
	  Benchmarks/run bin/swiftlet bench "$$@" --json bin/bench/$$name.json --html bin/bench/$$name.html \
	  | tee bin/bench/$$name.txt; echo; }; \
	bench boot boot -n $(BOOTS); bench compare compare -n $(ROUNDS) --time-limit 60; bench density density; \
	bench density-linux density --linux -n 4; bench start-rate start-rate; bench io io -n 18; \
	bench exits exits -n 7

bench-core: build guests ## Measure against the limits; BENCH=--check fails where one is missed
	@tools/setup Benchmarks/packages.txt
	@$(MAKE) --silent --no-print-directory bin/bench/true
	@Benchmarks/run .build-static/release/bench-core --programs bin --root share/swiftlet/rootfs/root.erofs \
	  --guests "$$($(GUESTS)/bare/build --print-dir)" $(BENCH)

bench-run: build guests ## Measure what a machine of its own costs a program; with QEMU beside it
	@tools/setup Benchmarks/packages.txt Benchmarks/packages-run.txt
	@$(MAKE) --silent --no-print-directory bin/bench/compute bin/bench/compute.cpio
	@.build-static/release/bench-run --programs bin --root share/swiftlet/rootfs/root.erofs \
	  --kernel "$$($(GUESTS)/linux/build --print-dir up)/bzImage" $(BENCH)

examples: build guests ## Run the examples, and see that they do as they say
	@tools/setup examples/packages.txt
	@examples/run

bin/bench/%.cpio: bin/bench/%
	@source $(GUESTS)/rootfs/cpio.bash; { cpio_entry dev 040755 ''; cpio_entry dev/console 020600 '' 5 1; \
	  cpio_entry init 100755 $<; cpio_entry 'TRAILER!!!' 0 ''; } > $@

bin/bench/%: Benchmarks/%.c
	@mkdir -p bin/bench
	@cc -std=c17 -O2 -static -D_GNU_SOURCE -Wall -Wextra -Werror $< -o $@

lint: setup ## Check format and scripts
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Fuzz
	@shellcheck -x -P SCRIPTDIR $(SCRIPTS)

format: ## Format the Swift sources
	@swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks Fuzz

ci: lint test ## What CI runs

install: build guests ## Install under PREFIX: programs, guests, manual pages, completions
	@tools/install install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## Remove what install put under PREFIX
	@tools/install uninstall "$(DESTDIR)" "$(PREFIX)"

clean: ## Remove what was built here (the caches outside stay)
	@rm -rf bin share Package.resolved .build .build-static .build-fuzz
