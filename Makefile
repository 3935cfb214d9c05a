# farmtally's errands. `make` alone lists them.

GO          ?= go
BIN         := bin/farmtally
TOOLS       := .tools
LINT_VERSION := v2.15.0
LINT        := $(TOOLS)/golangci-lint-$(LINT_VERSION)
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
FUZZTIME    ?= 20s
SOAK        ?= 30m
RECORDS     ?= 20000000
PKG         ?= ./...

# The real clients that the end-to-end tests run.
export FARMTALLY_PYTHON ?= /usr/bin/python3
export FARMTALLY_AWS    ?= /usr/bin/aws
export FARMTALLY_NODE   ?= node

# One static binary: there is no C in it. Builds and tests share these flags, so that
# nothing is compiled twice.
export CGO_ENABLED ?= 0
export GOFLAGS := -trimpath $(GOFLAGS)
LDFLAGS := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help build install demo test quick vet lint lint-bench race fuzz soak bench bench-short bench-check kernels fmt setup setup-bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The explorer, which the program embeds where it is.
EXPLORER := server/ui/dist/index.html
$(EXPLORER): $(wildcard web/*.html web/*.js web/*.json web/public/* web/src/*)
	@scripts/explorer

build: $(EXPLORER) ## the program, as bin/farmtally, with its page if Node.js and npm are here
	@$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/farmtally

install: $(EXPLORER) ## the program, into Go's folder of programs
	$(GO) install -ldflags '$(LDFLAGS)' ./cmd/farmtally

demo: build ## a small farm's half year: import it, ask what a month cost, and serve its page
	@$(BIN) demo --keep-serving

test: setup $(EXPLORER) vet lint ## all checks: vet, the linter, every test with the real clients, the answers of DuckDB and ClickHouse
	$(GO) test -timeout 30m $(PKG)
	@$(MAKE) --no-print-directory lint-bench bench-check

quick: ## the tests alone, the long ones shortened
	$(GO) test -short $(PKG)

vet: ## go vet
	$(GO) vet $(PKG)

lint: $(LINT) ## golangci-lint, at the version that this file names
	$(LINT) run --allow-serial-runners $(PKG)

lint-bench: $(LINT)
	cd bench && CGO_ENABLED=1 ../$(LINT) run --allow-serial-runners ./...

race: ## the tests under the race detector, the long ones shortened (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m $(PKG)

fuzz: ## every fuzz target for FUZZTIME (20s) each
	@scripts/fuzz $(FUZZTIME)

# bench/ is a module of its own, for DuckDB is C++.
BENCH = cd bench && CGO_ENABLED=1 $(GO)

bench: setup-bench build ## farmtally beside DuckDB and ClickHouse on RECORDS (20000000): every goal, into docs/; wants 10 GB of disk
	$(BENCH) run . --records $(RECORDS) --document ../docs/performance.md --results ../docs/performance.json $(BENCHFLAGS)

soak: ## a server written to, asked, killed and restarted for SOAK (30m), every answer checked
	FARMTALLY_SOAK=$(SOAK) $(GO) test -count 1 -timeout 0 -run '^TestSoak$$' -v ./cmd/farmtally

bench-short: setup-bench build ## the same on 2000000 records, printed
	$(BENCH) run . --records 2000000 $(BENCHFLAGS)

bench-check: setup-bench build ## bench/ itself, and whether DuckDB and ClickHouse give the same answers
	$(BENCH) vet ./...
	$(BENCH) test ./...
	$(BENCH) run . --records 500000 --check

kernels: ## Go's benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(PKG)

fmt: ## gofmt
	gofmt -l -w $$(git ls-files '*.go')

setup: ## what the tests need beside Go: boto3, the AWS CLI, Node.js packages, Chromium, *.localhost, g++, ClickHouse
	@scripts/setup

setup-bench:
	@scripts/setup bench

clean: ## what the targets above made
	rm -rf $(BIN) $(TOOLS) farmtally-demo web/node_modules web/test/node_modules
	find server/ui/dist -mindepth 1 -not -name .gitignore -delete

# The linter is built beside the project, so that nothing of it enters go.mod.
$(LINT):
	@echo "building golangci-lint $(LINT_VERSION), once; it takes some minutes"
	GOBIN='$(CURDIR)/$(TOOLS)' $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(TOOLS)/golangci-lint $@
