# What people and CI call, by name. `make` alone lists it. The tools themselves are named once, in package.json.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.PHONY: help build install run check types lint imports dead format-check format test coverage cluster cluster-demo kills chaos bench-cluster log-faults \
	bitflips fuzz tables-long proof bench bench-cluster micro scenarios histories porcupine simulate model mutants shrink clean

# better-sqlite3 is compiled at install, and without internet node-gyp needs the headers of the installed Node.
NODE_PREFIX := $(shell node -p 'path.resolve(process.execPath, "../..")' 2>/dev/null)
ifneq ($(wildcard $(NODE_PREFIX)/include/node/node.h),)
export npm_config_nodedir := $(NODE_PREFIX)
endif
export npm_config_update_notifier := false

# Folders too: a file that goes changes its folder only. Written `test/.`, because `test` is a target.
SOURCES := $(shell find src/. test/. native-bench/. -name '*.ts' -o -type d 2>/dev/null)

# Tests are named one by one, because Node 20 would run every file of a folder as a test. The names come from the
# sources: dist may still have what a source no longer has. ONLY=engine runs the tests whose path has that in it.
ONLY ?=
TESTS = $(shell find test -name '*.test.ts' ! -name '*.long.test.ts' | grep -F -e '$(ONLY)' | sort)
COMPILED = $(patsubst %.ts,dist/%.js,$(TESTS))
RUN_TESTS = node --enable-source-maps --test --test-reporter=spec --test-concurrency=2 --test-timeout=300000

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Not `npm ci`: it refuses a lock file that lacks the binaries of other platforms, and npm writes such a one wherever
# its registry does not have them. `npm install` keeps to the lock file too, and installed.js looks that it did.
install:
	@command -v node >/dev/null || { echo "Node.js 20.20 or later is missing: https://nodejs.org" >&2; exit 1; }
	@why=$$(node config/tools/installed.js) || { \
		echo "Installing packages ($$why). This takes a minute or two."; \
		npm install --no-save --loglevel=error --no-progress || { \
			echo "The install failed. Compiling better-sqlite3 needs: apt-get install make g++ python3" >&2; exit 1; }; \
		node config/tools/installed.js; }

# Stamped with the moment before, and only when all is well: tsc writes dist also where it found errors.
dist/.compiled: $(SOURCES) tsconfig.json package-lock.json
	@mkdir -p dist && touch $@.begun
	@npm run --silent compile
	@mv $@.begun $@

build: install ## installs what is missing, and compiles to dist/
	@$(MAKE) --silent dist/.compiled

run: build ## starts a one-node server with its data in ./data; ARGS='--port 7500' passes more
	@exec node dist/src/cli/main.js serve --data-dir ./data $(ARGS)

check: build ## types, lint, imports, format, dead code
	@$(MAKE) --jobs=2 --output-sync=target --keep-going lint imports dead format-check
	@echo "check: types, lint, imports, dead code and format are in order"

types: build

lint:
	@npm run --silent lint

imports:
	@npm run --silent imports

dead:
	@npm run --silent dead

format-check:
	@npm run --silent format:check

format: install ## writes the format that `make check` asks for
	@npm run --silent format

test: build ## every test but *.long.test.ts; ONLY=engine runs those whose path has engine in it
	@test -n "$(strip $(TESTS))" || { echo "no test matches ONLY=$(ONLY)" >&2; exit 1; }
	@$(RUN_TESTS) $(COMPILED)

coverage: build ## the tests once more, with coverage/index.html; pure rooms need 95 % of their branches
	@rm -rf coverage
	@npm run --silent coverage -- $(RUN_TESTS) $(COMPILED) > coverage.log || { cat coverage.log; exit 1; }
	@tail -n 12 coverage.log; rm coverage.log
	@node config/tools/pure-coverage.js

cluster: build ## etcd and three nodes on loopback until Ctrl-C; PORT=7400 is the first of their ports
	@node --enable-source-maps dist/test/cluster/main.js

cluster-demo: build ## the same for a minute: load, the kill of a node, and what the clients saw
	@node --enable-source-maps dist/test/cluster/main.js demo

kills: build ## kill -9 under load, ROUNDS=200 times in all for this source, and every answer checked after each
	@node --enable-source-maps dist/test/kills/main.js

.PHONY: with-lock-kills
with-lock-kills: build ## kill -9 ROUNDS=100 times in all for this source, under 1,000 calls of withLock at once
	@node --enable-source-maps dist/test/kills/with-lock/main.js

.PHONY: belief
belief: build ## ROUNDS=1000 moments in all for this source at which clients are stopped, busy, given strange clocks and wires
	@node --enable-source-maps dist/test/belief/main.js

chaos: build ## DURATION=300s SEED=n RUNS=1: three nodes and etcd as real processes under faults by seed; needs etcd-server
	@node --enable-source-maps dist/test/chaos/main.js

log-faults: build ## the n-th call of a store to its disk fails, for each n, by error and by power failure
	@node --enable-source-maps dist/test/log/faults/main.js

bitflips: build ## FLIPS=1000 flipped bits of database and WAL in all for this source: noticed or harmless
	@node --enable-source-maps dist/test/log/bitflips/main.js

.PHONY: packages packages-installed docs
packages: build ## packs holdfast and holdfast-client into dist/packages
	@node config/tools/packages.js dist/packages

packages-installed: build ## installs both packages from their tarballs into empty projects, and uses them
	@node --enable-source-maps dist/test/packages/installed/main.js

docs: build ## the reference of the library, out of its comments, into dist/docs
	@npm run --silent docs

.PHONY: lock-cuts
lock-cuts: build ## ROUNDS=100 times `holdfast lock` is cut off, and its command must be gone before the next one starts
	@node --enable-source-maps dist/test/cli/cuts/main.js

fuzz: build ## FRAMES=10000000 more frames for the decoder, half of them damaged at random
	@node --enable-source-maps dist/test/protocol/fuzz/main.js

tables-long: build ## OPERATIONS=10000000 random operations on tables and wheel against plain models
	@node --enable-source-maps dist/test/tables/random/main.js

proof: build ## writes test/PROOF.md out of what all runs left in test/proof
	@node --enable-source-maps dist/test/proof/main.js

bench: build ## compiles the load generator, runs Holdfast beside a bare echo server; QUICK=1 for a first look
	@node --enable-source-maps dist/native-bench/bench.js

.PHONY: bench-sdk
bench-sdk: build ## the library from one process: pairs, 100,000 waiters, keep-alives of 10,000 locks; QUICK=1 for a first look
	@PART=sdk node --enable-source-maps dist/native-bench/bench.js

bench-cluster: build ## three nodes and etcd beside a bare echo; PART=table,open,handover,failover QUICK=1 FAULTS=50
	@node --enable-source-maps dist/native-bench/cluster-bench.js

.PHONY: bench-peers
bench-peers: build ## Redis, etcd, ZooKeeper, PostgreSQL and Holdfast at the same work; PART=redis,etcd ROUNDS=5 SECONDS=1 QUICK=1
	@node --enable-source-maps dist/native-bench/peers-bench.js

.PHONY: bench-scale
bench-scale: build ## how cost grows: PART=locks,shards,workers,nodes,connections,sessions,names QUICK=1
	@node --enable-source-maps dist/native-bench/scale-bench.js

micro: build ## benchmarks of engine, codec, timer wheel and log, each alone
	@node --enable-source-maps dist/native-bench/micro.js

scenarios: ## the scenario files; REWRITE=1 writes the answers anew
	@$(MAKE) test ONLY=test/scenarios/

simulate: build ## fresh seeds for 10 min: DURATION=60s, SEEDS=n WORKERS=n, PROFILE=name, PROOF=1; SEED=0x5eed tells one
	@node --enable-source-maps dist/test/simulator/main.js

model: build ## every order of few events (BOUND=name), and each safety clause switched off; STORY=1 tells the breaks
	@nice -n 19 node --enable-source-maps dist/test/model/main.js

shrink: build ## the fewest decisions with which SEED=0x5eed still fails, into test/simulator/found/
	@node --enable-source-maps dist/test/simulator/main.js shrink

mutants: build ## known bugs, each hunted by its net: MUTANT=name for one, SEEDS=5000 at the most, WORKERS=2 at once
	@nice -n 19 node --enable-source-maps dist/test/mutants/main.js

histories: build ## judges recorded histories: FILES='run.jsonl …'; `holdfast bench --history FILE` makes one
	@node --enable-source-maps dist/test/histories/main.js check $(FILES)

# The checkout is named, not fetched: it is not ours, and builds must not need the network. `-modfile` keeps the path of
# whoever runs this out of go.mod.
PORCUPINE_DIR ?=
PORCUPINE_MADE := dist/porcupine
porcupine: build ## a second opinion on histories: PORCUPINE_DIR=<checkout of anishathalye/porcupine>; needs Go
	@if [ -z "$(PORCUPINE_DIR)" ]; then echo "porcupine is skipped: set PORCUPINE_DIR to a checkout of" \
		"https://github.com/anishathalye/porcupine"; exit 0; fi; \
	command -v go >/dev/null || { echo "porcupine is skipped: Go is missing (apt-get install golang-go)"; exit 0; }; \
	$(MAKE) --silent porcupine-run

.PHONY: porcupine-run
porcupine-run:
	@rm -rf $(PORCUPINE_MADE) && mkdir -p $(PORCUPINE_MADE)
	@cp test/histories/porcupine/go.mod $(PORCUPINE_MADE)/go.mod
	@cd test/histories/porcupine && export GOFLAGS=-mod=mod GOPROXY=off && \
		go mod edit -replace "github.com/anishathalye/porcupine=$(abspath $(PORCUPINE_DIR))" $(CURDIR)/$(PORCUPINE_MADE)/go.mod && \
		go build -modfile=$(CURDIR)/$(PORCUPINE_MADE)/go.mod -o $(CURDIR)/$(PORCUPINE_MADE)/check .
	@if [ -n "$(FILES)" ]; then $(PORCUPINE_MADE)/check $(FILES); else \
		node --enable-source-maps dist/test/histories/main.js make $(PORCUPINE_MADE) && \
		node --enable-source-maps dist/test/histories/main.js check $(PORCUPINE_MADE)/good/* && \
		$(PORCUPINE_MADE)/check $(PORCUPINE_MADE)/good/* && \
		$(PORCUPINE_MADE)/check -bad $(PORCUPINE_MADE)/spoiled/*; fi

clean: ## removes what was made, but not node_modules and not data
	@rm -rf dist coverage coverage.log native-bench/build

# QUICK, ROUNDS, REWRITE and the like reach the programs by themselves: make exports what its command line sets.
