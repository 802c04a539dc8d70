# SPDX-License-Identifier: GPL-2.0-only
#
# What developers of this repository run. Everything is in xtask (`cargo run -p xtask -- help`);
# built without optimisation, since it waits for others and should be ready soon.

XTASK = cargo run --locked --package xtask --

.PHONY: deb repo doc demo test test-all matrix life bench bench-check sources clean-cache
deb: ## Build the Debian packages into target/debian
	+$(XTASK) deb

repo: ## Make a signed apt repository of them in target/repo
	+$(XTASK) repo

doc:: ## ... and that of dkms-rust
	cargo rustdoc --locked --package dkms-rust --lib --target-dir target -- \
		--document-private-items -Arustdoc::private-intra-doc-links

demo: ## Show the main job: apt install in a booted Debian (root)
	+$(XTASK) demo

# Steps, as `cargo run -p xtask -- help test` says; all of them when empty.
STEPS ?=
only = $(if $(STEPS),--only $(STEPS))

test: ## Run all tests, or only STEPS="a,b"; the last line counts them (root)
	+$(XTASK) test $(only)

test-all: ## The same and all that takes long, or only STEPS="a,b" (root; takes hours)
	+$(XTASK) test --all $(only)

# DOCS=1 has matrix, life and bench write their results into the documentation: the rows of that
# run, which leave the others as they are. Without it they change no file of the tree.
DOCS ?=
docs = $(if $(filter-out 0 no,$(DOCS)),--docs)

# Which kernels, as `cargo run -p xtask -- help matrix` says; all of them when empty.
KERNELS ?=

matrix: ## Try it on all kernels, or on KERNELS="..."; DOCS=1 writes docs/matrix.* (root)
	+$(XTASK) matrix $(docs) $(KERNELS)

# Which cases: those whose names contain one of these words; all of them when empty.
CASES ?=
# A source tree of dkms that takes the place of Debian's; nothing is written into the pages then.
DKMS ?=

life: ## Upgrade, break and remove the packages, or CASES="..."; DOCS=1 writes docs/package-life.* (root)
	+$(XTASK) life $(docs) $(if $(DKMS),--dkms $(DKMS)) $(CASES)

sources: ## Build dkms-rust-sources and dkms-rust-core of what the archive has, into target/debian (root)
	+$(XTASK) sources

clean-cache: ## Remove what demo and test keep: Debian roots, images (~/.cache/procdriver)
	+$(XTASK) clean

# Which parts, as `cargo run -p xtask -- help bench` says; all of them when empty.
PARTS ?=
# The target/repo of an earlier state, to compare costs with.
BEFORE ?=

bench: ## Measure it beside modules in C, or PARTS="instructions ..."; DOCS=1 writes docs/benchmark.* and costs.svg (root)
	+$(XTASK) bench $(docs) $(if $(BEFORE),--before '$(BEFORE)') $(PARTS)

bench-check: ## Count instructions again and say what moved since docs/benchmark.json (root)
	+$(XTASK) bench --check
