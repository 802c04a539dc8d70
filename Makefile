# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the driver like any out-of-tree module; `make help` lists all targets. The targets for
# developers of this repository (deb, ...) are in dev/xtask/targets.mk, which is not in the package.

KVER ?= $(shell uname -r)
# Your own build tree. If it is not set, dkms-rust finds or makes the one for KVER.
KDIR ?=

DKMS_RUST ?= dkms-rust
# A build tree for Rust modules. Only the targets that need it make this call.
tree = $(or $(KDIR),$(shell $(DKMS_RUST) kdir -k $(KVER)))
kbuild = $(MAKE) -C $(or $(tree),$(error no build tree for $(KVER))) M=$(CURDIR)

.PHONY: all install clean help clippy rustfmt rustfmtcheck rust-analyzer doc
all: ## Build procDriver.ko for KVER (the running kernel), or with KDIR=<build tree>
	+$(if $(KDIR),$(kbuild) modules,$(DKMS_RUST) make -k $(KVER))

# Distributions' headers have no key to sign with, and no System.map, without which kbuild does not
# run depmod.
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

# The rustdoc has to be that of the rustc that made the tree's metadata.
RUSTDOC ?= rustdoc
features = arbitrary_self_types,asm_goto,generic_arg_infer,used_with_arg

doc:: ## Render the driver's API documentation, also of what is private, into target/doc
	tree=$(tree) && RUSTC_BOOTSTRAP=1 RUST_MODFILE=procDriver MODULE_VERSION= $(RUSTDOC) \
		--edition=2021 --crate-name procdriver -o target/doc --document-private-items \
		-Arustdoc::private-intra-doc-links -Zunstable-options -Zcrate-attr=no_std \
		-Zcrate-attr='feature($(features))' --sysroot=/dev/null --cfg MODULE \
		--target=$$tree/scripts/target.json @$$tree/include/generated/rustc_cfg -L $$tree/rust \
		--extern kernel --extern pin_init src/procdriver.rs

help: ## Print this
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include dev/xtask/targets.mk
