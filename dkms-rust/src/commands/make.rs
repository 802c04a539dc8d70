// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust make`: builds the module in the current directory.

use super::ready;
use crate::build::plan::{Plan, Ready};
use crate::build::rebuild::clean_make;
use crate::build::runtime;
use crate::build::symbols;
use crate::kernel::class::Class;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

/// Builds it, and holds what it needs against what the kernel exports.
///
/// # Errors
///
/// If there can be no build tree, or the module does not build.
pub fn run(system: &System, release: &Release, args: &[String]) -> Result<ExitCode> {
    let folder = fs::canonicalize(".").context("can't find the current directory")?;
    let names = ["Kbuild", "Makefile"];
    ensure!(
        names.iter().any(|name| folder.join(name).is_file()),
        "{} has no module to build: neither Kbuild nor Makefile",
        folder.display()
    );
    let plan = Plan::of(system, release)?;
    let tree = ready(system, &plan)?;
    let status = kbuild(&plan, &tree, &folder, args)
        .status()
        .context("can't run make")?;
    if !status.success() {
        bail!("{release}: the module did not build ({status}); the reason is above");
    }

    let symvers = tree.path().join("Module.symvers");
    for module in built(&folder) {
        let count = symbols::check(&module, &symvers)?;
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        match plan.class {
            Class::NoRust => eprintln!("dkms-rust: {release}: {name} needs no Rust of the kernel"),
            _ => eprintln!(
                "dkms-rust: {release}: {name}: the kernel exports all {count} Rust symbols that \
                 it needs"
            ),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The kernel's make for the module in a folder.
fn kbuild(plan: &Plan, tree: &Ready, folder: &Path, args: &[String]) -> Command {
    let mut make = clean_make();
    make.arg("-C").arg(tree.path());
    make.arg(format!("M={}", folder.display()));
    let rustc = runtime::rustc(tree.path()).unwrap_or_else(|| plan.rustc.path.clone());
    make.arg(format!("RUSTC={}", rustc.display()));
    // dkms adds it by itself, but not everybody who calls this is dkms.
    if plan.llvm && !args.iter().any(|arg| arg.starts_with("LLVM=")) {
        make.arg("LLVM=1");
    }
    if !args.iter().any(|arg| is_target(arg)) {
        make.arg("modules");
    }
    // As dkms asks of make where a module leaves the command to it; who asks otherwise has the
    // last word.
    let jobs = available_parallelism().map_or(1, usize::from);
    make.arg(format!("-j{jobs}")).args(args);
    make
}

/// Whether an argument for make names a target, rather than a variable or an option.
fn is_target(arg: &str) -> bool {
    !arg.starts_with('-') && !arg.contains('=')
}

/// The modules that kbuild lists in `modules.order`, by their objects.
fn built(folder: &Path) -> Vec<PathBuf> {
    let order = fs::read_to_string(folder.join("modules.order")).unwrap_or_default();
    let module = |object: &str| folder.join(object).with_extension("ko");
    order
        .lines()
        .map(module)
        .filter(|module| module.is_file())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_options_are_not_targets() {
        assert!(is_target("modules_install") && is_target("clean"));
        assert!(!is_target("V=1") && !is_target("-n") && !is_target("--trace"));
    }

    #[test]
    fn what_was_built_is_read_from_modules_order() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("modules.order"), "./a.o\nsub/b.o\n").unwrap();
        fs::write(dir.path().join("a.ko"), "").unwrap();
        assert_eq!(built(dir.path()), [dir.path().join("./a.ko")]);
    }
}
