# SPDX-License-Identifier: Apache-2.0

GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 60s
BENCH    ?= .
TIMEOUT  ?= 15m
# Many tests wait for something else than a processor: with two of them, three packages at once and four tests of each
# keep both at work.
ATONCE   ?= -p 3 -parallel 4

# Rooms with goroutines of their own, or that are called by several at once.
RACE_ROOMS = scim/scimclient scim/scimevent scim/scimserver internal/audit internal/auth0 internal/okta internal/provision internal/queue internal/request \
	internal/source internal/store internal/secret internal/server
RACE      ?= $(patsubst %,./%/...,$(wildcard $(RACE_ROOMS)))

# Vulnerabilities as they are known to the database beside the repository, so that a build needs no network for it.
VULNDB ?= $(abspath ../shared/data/govulndb)

.PHONY: all build demo test test-postgres test-race lint fmt vuln fuzz search sim sim-deep planted torture bench bench-deep cover node python sshd postgres cc

all: build lint test

build:
	$(GO) build -o bin/usher ./cmd/usher

# A made-up company and its apps, all on this machine: nothing to configure.
demo:
	$(GO) run ./cmd/usher demo --once

# Everything, with real input: needs Node.js and Python for SCIM servers that are not ours, OpenSSH for SFTP, PostgreSQL, and the shared folder beside the repository.
# What is missing skips its tests, but fails them when CI=true; of PostgreSQL it skips them there, too, once it could not be installed.
test: node python sshd postgres
	$(GO) test $(ATONCE) -timeout $(TIMEOUT) ./...

# What takes either store, on PostgreSQL: days of real input, and kills.
test-postgres: node postgres
	USHER_TEST_STORE=postgres $(GO) test -timeout $(TIMEOUT) -count=1 ./internal/acceptance -run '^(TestRealInput|TestKillsWithFaults)$$'

# -short leaves out what takes minutes under the race detector, and RACE_SKIP months that are drawn at random and tables of answers that
# get lost, each of them a sequence, as are sequences of reads, which the tests without the detector play at length. SQLite, a program in C that was translated, is compiled without
# it: it took nine tenths of the time, and its races would be its makers'. Its package has no generic code, of which another
# package could get the copy without the detector.
RACE_SKIP  = (Chaos|LosesAnswers|WhateverHappens|AnySequence|SequencesOfReads|SaysWhatSQLiteSays)$$
RACE_FLAGS = -gcflags=modernc.org/sqlite/lib=-race=false
test-race: cc node python sshd postgres
	CGO_ENABLED=1 $(GO) test -race -vet=off $(RACE_FLAGS) -short -skip '$(RACE_SKIP)' -p 3 -timeout $(TIMEOUT) $(RACE)

lint:
	$(TOOL) golangci-lint run --allow-parallel-runners ./...

fmt:
	$(TOOL) golangci-lint fmt ./...

vuln:
	@if [ -d "$(VULNDB)" ]; then \
		$(TOOL) govulncheck -db="file://$(VULNDB)" ./...; \
	elif [ "$$CI" = true ]; then \
		echo "no vulnerability database at $(VULNDB), and CI=true" >&2; exit 1; \
	else \
		echo "skipped: no vulnerability database at $(VULNDB)" >&2; \
	fi

# Each fuzz target in turn; FUZZTIME says how long. Left to itself the fuzzer spends a minute on making one large find smaller,
# during which it tries nothing else.
fuzz:
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd internal scim | xargs -r -n 1 dirname | sort -u); do \
		for target in $$(grep -h '^func Fuzz' $$dir/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | sort -u); do \
			echo "== $$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x ./$$dir; \
		done; \
	done

# Apps with quirks that are drawn at random, of which the tests try always the same; FUZZTIME says how long.
search:
	$(GO) test ./internal/app/probe -run '^TestQuirksTogether$$' -count=1 -timeout 0 -search $(FUZZTIME)

# A thousand kills of the binary, 200 in each of five first loads; the tests do a tenth of it.
torture:
	$(GO) test ./internal/acceptance -run '^TestKillsWithFaults$$' -count=5 -timeout 0 -v -kills 200

# The engine's core on 50,000 bad days, each from one seed, and its planted bugs, each of which must be found; a million of them takes two
# hours. A failure names its seed: go test ./internal/sim -run '^TestSim$$' -seed N plays it again, with all that happened in it.
RUNS ?= 50000
sim:
	@mkdir -p bin && rm -f bin/sim.txt
	@status=0; $(GO) test -tags planted ./internal/sim -run '^TestSim$$' -count=1 -timeout 0 -runs $(RUNS) -report $(CURDIR)/bin/sim.txt || status=$$?; \
	cat bin/sim.txt && exit $$status

sim-deep:
	@$(MAKE) --no-print-directory sim RUNS=1000000

# Which of the planted bugs other tests than the simulator find, as docs/reliability.md has it: by hand, as it takes an hour. Room by room with one bug
# at a time until one is found; who is left is tried in the rooms that take long, all at once, and one by one if that fails.
PLANTED_BUGS  = $(shell sed -n 's/^\t[A-Za-z]* Bug = "\(.*\)"$$/\1/p' internal/planted/bugs.go)
PLANTED_ROOMS = ./internal/directory ./internal/source ./internal/provision ./internal/store/... ./internal/app/scimapp
PLANTED_SLOW  = ./internal/server ./internal/acceptance
planted:
	@left=; export GOFLAGS="$$($(GO) env GOFLAGS) -tags=planted"; \
	tried() { USHER_PLANTED=$$1; export USHER_PLANTED; shift; $(GO) test -vet=off -failfast -timeout $(TIMEOUT) "$$@" 2>&1 | sed -n 's/^ *--- FAIL: \([^ ]*\).*/\1/p; s/^FAIL[[:space:]]\(.*\)/\1/p' | head -n 1; }; \
	for bug in $(PLANTED_BUGS); do \
		by=$$(tried $$bug $(PLANTED_ROOMS)); echo "$$bug: $${by:-}"; \
		[ -n "$$by" ] || left="$$left,$$bug"; \
	done; \
	left=$${left#,}; echo "in none of these rooms: $$left"; \
	for room in $(PLANTED_SLOW); do \
		[ -z "$$(tried "$$left" $$room)" ] && echo "$$room finds none of them" && continue; \
		for bug in $$(echo "$$left" | tr , ' '); do \
			by=$$(tried $$bug $$room); [ -z "$$by" ] || echo "$$bug: $$by in $$room"; \
		done; \
	done

# A full run writes its figures into docs/performance.md; with BENCH=NAME only what was asked for is measured, and told.
bench: node
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./... | $(GO) run ./internal/bench/perftable docs/performance.md

# The service provider among a million people.
bench-deep:
	$(GO) test -run '^$$' -bench 'Provider$$/' -timeout 60m ./internal/bench -deep | $(GO) run ./internal/bench/perftable docs/performance.md

cover: node python sshd postgres
	$(GO) test -timeout $(TIMEOUT) -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1
	$(GO) tool cover -html=cover.out -o cover.html

# need COMMAND,PACKAGES,CHECK installs Debian's packages when the command is missing, or CHECK fails, and this user may install.
define need
	@$(or $(3),command -v $(1)) >/dev/null 2>&1 || { \
		echo "$(1) is missing: trying to install $(2)"; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		command -v apt-get >/dev/null 2>&1 && $$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(2); \
	} || echo "$(1) is missing and could not be installed: what needs it is skipped" >&2
endef

node:
	$(call need,node,nodejs)
	$(call need,npm,npm)

# Debian has the part that makes environments in a package of its own; tomllib came with 3.11.
python:
	$(call need,python3,python3 python3-venv,python3 -I -c 'import ensurepip; import tomllib; import venv')

# Tests start a server of their own. Where systemd runs, Debian's package would start one for everybody, which no test may
# do to somebody's machine: there it is for them to install.
sshd:
	@command -v /usr/sbin/sshd >/dev/null 2>&1 || [ "$$CI" = true ] || [ ! -d /run/systemd/system ] || \
		echo "/usr/sbin/sshd is missing: install openssh-server and openssh-sftp-server, or what needs them is skipped" >&2
	$(call need,/usr/sbin/sshd,openssh-server openssh-sftp-server,{ command -v /usr/sbin/sshd || [ "$$CI" != true -a -d /run/systemd/system ]; })

# Tests start servers of their own, as another user where this one is root; of Debian's package they need the programs alone. It
# would start a server for everybody where systemd runs, see sshd.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || [ "$$CI" = true ] || [ ! -d /run/systemd/system ] || \
		echo "PostgreSQL's initdb is missing: install postgresql, or what needs it is skipped" >&2
	$(call need,initdb,postgresql,{ ls /usr/lib/postgresql/*/bin/initdb || command -v initdb || [ "$$CI" != true -a -d /run/systemd/system ]; })

cc:
	$(call need,cc,gcc libc6-dev)
