// SPDX-License-Identifier: GPL-2.0-only

//! Our own kernels, built from a root's linux-source. No distribution ships them: for example,
//! kernels with memory and lock debugging, or with the Rust metadata in the build tree.
//!
//! They are built inside the root, by its compilers, and cached as a layer over it. They are
//! installed as a distribution's packages would install them: the kernel and its configuration in
//! /boot, and a build tree. Their directory in /lib/modules contains only the link to that tree:
//! they have no modules.

use std::fs;
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::layers;
use crate::debian::root::Root;
use crate::host::project::Project;
use crate::host::ui;

/// How to build a kernel.
pub struct Variant {
    /// Its name, and the end of its release.
    pub name: &'static str,
    /// Options in addition to the base configuration.
    config: &'static str,
    /// Shell commands that fix its source first; usually none.
    mend: &'static str,
    /// Compiler settings for make.
    compilers: &'static str,
}

/// A kernel with nothing special, built by gcc.
pub const PLAIN: Variant = Variant {
    name: "plain",
    config: include_str!("own_kernel/plain.config"),
    mend: "",
    compilers: "",
};

/// A kernel without Rust, packaged as users package a kernel for their own machines.
pub const PACKAGED: Variant = Variant {
    name: "packaged",
    config: include_str!("own_kernel/packaged.config"),
    mend: "",
    compilers: "",
};

/// A kernel with memory and lock debugging, and with fault injection. Kconfig allows Rust with
/// KASAN only if clang builds the kernel.
pub const KASAN: Variant = Variant {
    name: "kasan",
    config: include_str!("own_kernel/kasan.config"),
    mend: "",
    compilers: "LLVM=1",
};

/// A kernel that detects data races.
pub const KCSAN: Variant = Variant {
    name: "kcsan",
    config: include_str!("own_kernel/kcsan.config"),
    mend: MEND_KCSAN,
    compilers: "LLVM=1",
};

/// KCSAN can deadlock the guest. The task that sees a race consumes the watchpoint and then reports
/// its access. The task that set the watchpoint waits for this report with interrupts disabled. If
/// the first one is preempted in between, by a task that wants a spinlock of the second one,
/// neither makes progress. So disable interrupts while the watchpoint is consumed and reported.
const MEND_KCSAN: &str = "
sed -i 's/^\\tconsumed = try_consume_watchpoint(/\\tguard(irqsave)();\\n&/' kernel/kcsan/core.c
grep -q 'guard(irqsave)' kernel/kcsan/core.c || {
    echo 'where KCSAN takes a watchpoint is not found in kernel/kcsan/core.c' >&2
    exit 1
}
";

/// Options of every variant.
const BASE: &str = include_str!("own_kernel/base.config");

/// Sources that no configuration of ours compiles. Kconfig files and headers stay.
const LEFT_OUT: &[&str] = &[
    "*/Documentation/*.rst",
    "*/arch/[!x]*/*.[chS]",
    "*/arch/[!x]*/*.dts*",
    "*/drivers/gpu/*.[ch]",
    "*/drivers/media/*.[ch]",
    "*/drivers/net/ethernet/*.[ch]",
    "*/drivers/net/wireless/*.[ch]",
    "*/sound/*.[ch]",
];

/// Configures the unpacked source, and prints the requested options that did not take effect:
/// unknown to Kconfig, or ruled out by something else.
const CONFIGURE: &str = "
make -s $compilers KCONFIG_ALLCONFIG=wishes allnoconfig
grep '^CONFIG_' wishes | grep -vxF -f .config || true
";

/// Installs the kernel, and keeps in the tree only what modules are built with: headers, scripts,
/// Rust's metadata and macros.
const INSTALL: &str = "
mv arch/x86/boot/bzImage /boot/vmlinuz-$release
cp .config /boot/config-$release
mkdir -p /usr/lib/modules/$release
ln -s \"$PWD\" /usr/lib/modules/$release/build
find . -mindepth 1 -maxdepth 1 -type d '!' '(' -name arch -o -name include -o -name rust -o \
    -name scripts -o -name tools ')' -exec rm -rf {} +
find arch tools -mindepth 1 -maxdepth 1 '!' '(' -name x86 -o -name objtool ')' -exec rm -rf {} +
find . '(' -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -path './arch/*.c' ')' -delete
rm -f vmlinux vmlinux.unstripped .tmp_vmlinux* modules.order
";

/// Packages the kernel, installs the packages, and removes everything else.
const PACKAGE: &str = "
make -s $compilers bindeb-pkg DPKG_FLAGS=-d
dpkg -i ../linux-image-${release}_*.deb ../linux-headers-${release}_*.deb
rm -r /srv/own-kernel
";

/// Arranges the build tree like Ubuntu's linux-lib-rust: a directory beside the headers, which link
/// to it. It contains no source, and only those build products that rustc reads.
const AS_LIB_RUST: &str = "
cd /usr/src/linux-headers-$release
mkdir -p ../linux-lib-rust-$release/rust
mv rust/*.rmeta rust/*.so ../linux-lib-rust-$release/rust
rm -r rust
ln -s ../linux-lib-rust-$release/rust rust
";

impl Variant {
    /// Returns the release of this variant, when built from the source of a kernel with release
    /// `source`.
    pub fn release(&self, source: &str) -> String {
        // Such as `7.3.4+deb13-amd64`.
        let version = source.split(['+', '-']).next().unwrap_or_default();
        format!("{version}-procdriver-{}", self.name)
    }

    /// Returns the commands that prepare the unpacked source.
    fn configure(&self) -> String {
        format!("{}{CONFIGURE}", self.mend)
    }
}

/// Adds a layer with this kernel, built and installed.
pub fn with(project: &Project, root: &Root, variant: &Variant) -> Result<Root> {
    let tree = format!("/usr/src/linux-headers-{}", variant.release(&root.release));
    made(project, root, variant, &tree, INSTALL)
}

/// Adds a layer with this kernel, built and installed as packages by the kernel's own packaging
/// rules.
pub fn with_packages(project: &Project, root: &Root, variant: &Variant) -> Result<Root> {
    made(project, root, variant, "/srv/own-kernel/linux", PACKAGE)
}

fn made(
    project: &Project,
    root: &Root,
    variant: &Variant,
    tree: &str,
    install: &str,
) -> Result<Root> {
    let root = layers::with_kernel_tools(project, root)?;
    let Variant {
        name,
        config,
        compilers,
        ..
    } = variant;
    let configure = variant.configure();
    let recipe = [BASE, config, compilers, &configure, install].map(str::to_owned);
    let what = format!("build a {name} kernel from linux-source");
    let layer = format!("own-kernel-{name}");
    layers::made(project, &root, &layer, &recipe, &what, |chroot| {
        make(project, &root, variant, chroot, tree, install)
    })
}

/// Like [`with`], but laid out as Ubuntu packages it.
pub fn with_lib_rust(project: &Project, root: &Root, variant: &Variant) -> Result<Root> {
    let root = with(project, root, variant)?;
    let line = format!(
        "set -e; release='{}'; {AS_LIB_RUST}",
        variant.release(&root.release)
    );
    let what = "leave of its build tree what linux-lib-rust has";
    let layer = format!("lib-rust-{}", variant.name);
    let recipe = std::slice::from_ref(&line);
    layers::made(project, &root, &layer, recipe, what, |chroot| {
        chroot.sh(&line).run().map(drop)
    })
}

fn make(
    project: &Project,
    root: &Root,
    variant: &Variant,
    chroot: &Chroot,
    tree: &str,
    install: &str,
) -> Result<()> {
    let Variant {
        name,
        config,
        compilers,
        ..
    } = variant;
    let log = project.log(&format!("own-kernel-{name}"))?;
    let release = variant.release(&root.release);
    let sh = |what: &str, script: &str| {
        let set = format!("release='{release}'; compilers='{compilers}'");
        let line = format!("set -e; {set}; mkdir -p '{tree}'; cd '{tree}'; {script}");
        ui::step(&format!("  {what}"), || chroot.sh(&line).log(&log).run())
    };
    sh("unpack linux-source", &unpack(root)?)?;
    let wishes = chroot
        .path()
        .join(tree.trim_start_matches('/'))
        .join("wishes");
    let text = format!("{BASE}{config}CONFIG_LOCALVERSION=\"-procdriver-{name}\"\n");
    fs::write(wishes, text).context("cannot write the kernel's configuration")?;
    let missed = sh("configure", &variant.configure())?.text;
    ensure!(
        missed.trim().is_empty(),
        "the {name} kernel cannot have: {}",
        missed.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    let made = sh("ask for its release", "make -s kernelrelease")?.text;
    ensure!(
        made.trim() == release,
        "the kernel's release is {}, not {release}",
        made.trim()
    );
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut count = 0;
    chroot
        .sh(&format!(
            "cd '{tree}' && make -j{jobs} {compilers} bzImage modules"
        ))
        .log(&log)
        // Show progress: otherwise nothing is printed for minutes.
        .stream(&mut |line| {
            count += 1;
            if count % 200 == 0 {
                ui::say(&format!("    {count} steps: {}", line.trim()));
            }
        })?
        .must_succeed("make bzImage")
        .with_context(|| format!("all of it is in {}", log.display()))?;
    sh("install it", install).map(drop)
}

fn unpack(root: &Root) -> Result<String> {
    let left_out: String = LEFT_OUT
        .iter()
        .map(|glob| format!(" --exclude='{glob}'"))
        .collect();
    let source = root.linux_source()?;
    Ok(format!(
        "tar -x -I 'xz -T0' -f {source} --strip-components=1{left_out}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_has_the_version_of_the_source() {
        assert_eq!(PLAIN.release("7.3.4+deb13-amd64"), "7.3.4-procdriver-plain");
    }
}
