# SPDX-License-Identifier: GPL-2.0-only
#
# The driver, as any module out of tree is built; `make help` lists all. What developers of this
# repository run (deb, ...) is in dev/xtask/targets.mk, which the package does not ship.

KVER ?= $(shell uname -r)
# A build tree of your own; unset, dkms-rust finds or makes the one of KVER.
KDIR ?=

DKMS_RUST ?= dkms-rust
# A kernel tree that can build Rust modules; asked for only by the targets that need it.
tree = $(or $(KDIR),$(shell $(DKMS_RUST) kdir -k $(KVER)))
kbuild = $(MAKE) -C $(or $(tree),$(error no build tree for $(KVER))) M=$(CURDIR)

.PHONY: all install clean help clippy rustfmt rustfmtcheck rust-analyzer
all: ## Build procDriver.ko for KVER (the running kernel), or with KDIR=<build tree>
	+$(if $(KDIR),$(kbuild) modules,$(DKMS_RUST) make -k $(KVER))

# Distributions' headers have neither a key to sign with nor the System.map without which kbuild
# leaves depmod out.
install: all ## Install it below /lib/modules/<release>/updates, and run depmod
	+$(kbuild) CONFIG_MODULE_SIG_ALL= DEPMOD=true modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $$(cat $(tree)/include/config/kernel.release)

clean: ## Remove what a build made
	rm -rf .tmp_versions .module-common.* .*.cmd *.ko *.mod *.mod.* *.o Module.symvers modules.order rust-project.json
	find src '(' -name '*.o' -o -name '.*.cmd' -o -name '.*.d' ')' -delete

clippy: ## Build it under clippy and the kernel's own lints
	+$(kbuild) CLIPPY=1 modules

rustfmt: ## Format the driver
	rustfmt --edition 2021 src/procdriver.rs src/lib.rs

rustfmtcheck: ## Say what rustfmt would change
	rustfmt --edition 2021 --check src/procdriver.rs src/lib.rs

rust-analyzer: ## Write rust-project.json for editors
	+$(if $(KDIR),$(kbuild) rust-analyzer,$(DKMS_RUST) make -k $(KVER) -- rust-analyzer)

help: ## Print this
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include dev/xtask/targets.mk
