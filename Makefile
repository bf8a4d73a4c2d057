# skep: everything a person or CI runs. `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MUSL := $(shell uname -m)-unknown-linux-musl
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
SKEP := $(TARGET_DIR)/release/skep

.PHONY: help setup setup-lint build release lint check test test-unit test-root test-kernels bench demo demo-recording image generate

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## install what building needs and is missing (Debian packages, Rust components, bpf-linker)
	@scripts/setup

setup-lint:
	@scripts/setup --lint

build: setup ## build the release binary for this machine
	cargo build --release --locked

release: setup ## build one static file: target/<arch>-unknown-linux-musl/release/skep
	cargo build --release --locked --target $(MUSL)
	@ls -l $(TARGET_DIR)/$(MUSL)/release/skep

# Lints are for the target of releases, whose C library is not that of the tests: what compiles for one may not for the
# other.
lint: setup-lint ## formatting, lints, and licences and sources of dependencies
	cargo fetch --locked --quiet
	cargo fmt --all --check
	cargo clippy --locked --target $(MUSL) --workspace --all-targets -- -D warnings
	cargo deny --offline check --hide-inclusion-graph bans licenses sources

check: lint test-unit ## everything that needs no root: lints, unit, property, architecture and CLI tests

test: ## every test, on this kernel and on the supported ones under QEMU (needs root)
	@scripts/test

test-unit: ## the tests that need no root
	@scripts/test unit

test-root: ## the tests that need root, on this kernel
	@scripts/test root

test-kernels: ## load, verify and run the datapath on the supported kernels under QEMU
	@scripts/test kernels

bench: build ## measure skep against bare veth and bridge + iptables, side by side (needs root)
	$(SKEP) bench --output bench.json

demo: build ## the tour: a lab, an application, who reaches whom, flows, what to try next (needs root)
	@scripts/demo $(SKEP)

image: release ## a container image from the static binary (needs docker or podman)
	@scripts/image $(TARGET_DIR)/$(MUSL)/release/skep

demo-recording: build ## give the tour and draw it for the README: docs/tour.svg (needs root)
	@scripts/record $(SKEP) docs/tour.svg

generate: build ## regenerate completions/ and man/ from the command tree
	@scripts/generate $(SKEP)
