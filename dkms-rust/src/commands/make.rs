// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust make`: builds the modules in the current directory.

use super::ready::ready;
use crate::build::analyzer;
use crate::build::folders::Folders;
use crate::build::formatters::Interface;
use crate::build::jobs;
use crate::build::link_runtime;
use crate::build::plan::Plan;
use crate::build::rebuild::clean_make;
use crate::build::runtime;
use crate::build::symbols;
use crate::build::tree::BuildTree;
use crate::build::way::Way;
use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::find;
use crate::system::System;
use crate::system::print::tell;
use crate::system::run;
use crate::toolchain::{Bindgen, Compiler, Rustc};
use anyhow::{Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Targets that do not need a build tree with metadata.
const CLEANING: [&str; 2] = ["clean", "help"];

/// The file in the output directory that gets the name of a function because of which a module is
/// refused.
const REFUSED: &str = ".dkms-rust-refused";

/// kbuild's list of the modules in a build.
const ORDER: &str = "modules.order";

/// Builds the modules.
///
/// # Errors
///
/// Returns a [`Refusal`] if there can be no build tree, or if a module needs something that it
/// can't have in this way of building. Returns an error if no module is built.
pub fn run(system: &System, release: &Release, args: &[String]) -> Result<ExitCode> {
    build(system, release, args, Output::Usual).map(|_| ExitCode::SUCCESS)
}

/// The destination of make's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The standard output of dkms-rust.
    Usual,
    /// Standard error, because something else is written to standard output.
    Error,
}

/// Builds the modules and returns them.
///
/// # Errors
///
/// See [`run()`].
pub fn build(
    system: &System,
    release: &Release,
    args: &[String],
    output: Output,
) -> Result<Vec<PathBuf>> {
    let (jobs, args) = jobs::asked(args);
    let args = &*args;
    let folders = Folders::find(args)?;
    let kernel = Kernel::find(system, release)?;
    folders.check(&kernel)?;
    let mut targets = args.iter().filter(|arg| is_target(arg)).peekable();
    if targets.peek().is_some() && targets.all(|target| CLEANING.contains(&target.as_str())) {
        clean(&kernel, &folders, args, output)?;
        return Ok(Vec::new());
    }
    let plan = Plan::of(system, release)?;
    let tree = ready(system, &plan, jobs)?;
    let builds = !args.iter().any(|arg| is_target(arg)) || args.iter().any(|arg| arg == "modules");
    if builds {
        // If this build fails early, the list of an earlier build must not be read.
        fs::remove_file(folders.output.join(ORDER)).ok();
    }
    let refused = folders.output.join(REFUSED);
    let mut make = kbuild(&plan, &tree, &folders, args);
    make.arg(format!("-j{}", jobs::of_module(system, jobs)));
    output.of(&mut make);
    let status = run::status(make.env(link_runtime::REFUSED, &refused), "make")?;
    if !status.success() {
        let formatter = fs::read_to_string(&refused);
        fs::remove_file(&refused).ok();
        if let Ok(formatter) = formatter {
            let why = format!(
                "the module passes Rust's fmt::Arguments to the kernel's {formatter}, which was \
                 not compiled by {}",
                plan.rustc.version
            );
            return Err(own_rustc_would_serve(&kernel, &plan, why).into());
        }
        if builds && plan.way == Way::Linked {
            refuse_unexported(&kernel, &plan, &tree, &folders, args)?;
        }
        bail!("{release}: building the module failed ({status}); see the errors above");
    }
    if args.iter().any(|arg| arg == analyzer::TARGET) {
        analyzer::complete(&folders)?;
    }
    if !builds {
        return Ok(Vec::new());
    }
    let modules = built(&folders.output, "ko");
    ensure!(
        !modules.is_empty(),
        "{release}: make built no module: obj-m in {} is empty for this kernel",
        folders.source.display()
    );
    strip(system, &kernel, &folders, &modules)?;
    for module in &modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let count = symbols::count_of_kernel(module, &tree.path().join("Module.symvers"))?;
        let how = match plan.way {
            _ if !symbols::has_rust(module)? => "has no Rust code".to_owned(),
            Way::Linked => format!(
                "linked by {}, carries the Rust code that it needs",
                plan.rustc.version
            ),
            _ => format!("uses {count} Rust symbols that the kernel exports"),
        };
        tell(format_args!("{release}: {name}: {how}"));
    }
    Ok(modules)
}

impl Output {
    fn of(self, make: &mut Command) {
        if self == Self::Error {
            make.stdout(io::stderr());
        }
    }
}

/// Cleans up with the kernel's own headers. This needs no metadata.
fn clean(kernel: &Kernel, folders: &Folders, args: &[String], output: Output) -> Result<()> {
    let mut make = clean_make();
    output.of(&mut make);
    make.arg("-C").arg(&kernel.build);
    folders.tell(&mut make, args);
    let status = run::status(&mut make, "make")?;
    ensure!(
        status.success(),
        "{}: make failed ({status})",
        kernel.release
    );
    Ok(())
}

/// Strips what dkms builds for another machine. dkms itself calls this machine's strip, which does
/// nothing to such modules.
fn strip(system: &System, kernel: &Kernel, folders: &Folders, modules: &[PathBuf]) -> Result<()> {
    if !folders.source.starts_with(system.dkms()) {
        return Ok(());
    }
    if let Some(strip) = Compiler::foreign_strip(kernel) {
        let status = run::status(Command::new(strip).arg("-g").args(modules), "strip")?;
        ensure!(
            status.success(),
            "{}: strip failed ({status})",
            kernel.release
        );
    }
    Ok(())
}

/// Returns the kernel's make for the modules in a directory.
fn kbuild(plan: &Plan, tree: &BuildTree, folders: &Folders, args: &[String]) -> Command {
    let mut make = clean_make();
    make.arg("-C").arg(tree.path());
    let rustc = runtime::rustc(tree.path()).unwrap_or_else(|| plan.rustc.path.clone());
    make.arg(format!("RUSTC={}", rustc.display()));
    // The module's own host programs must not be compiled by another rustc from PATH.
    make.arg(format!("HOSTRUSTC={}", plan.rustc.path.display()));
    make.args(plan.compiler.make_args());
    if !args.iter().any(|arg| is_target(arg)) {
        make.arg("modules");
    }
    folders.tell(&mut make, plan.compiler.heeded(args));
    make
}

/// Refuses a linked module that needs C functions which the kernel does not export. Only code
/// inside the kernel can call them.
fn refuse_unexported(
    kernel: &Kernel,
    plan: &Plan,
    tree: &BuildTree,
    folders: &Folders,
    args: &[String],
) -> Result<()> {
    let symvers: Vec<PathBuf> = [tree.path(), &folders.output]
        .map(|folder| folder.join("Module.symvers"))
        .into_iter()
        .chain(folders.extra_symbols(args))
        .filter(|path| path.is_file())
        .collect();
    let missing = symbols::missing(&built(&folders.output, "o"), &symvers)?;
    let interface = Interface::of(tree.path())?;
    let names: BTreeSet<&str> = interface
        .functions()
        .filter(|name| missing.contains(*name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().collect();
    let why = format!(
        "the module uses code of the kernel crate that calls {}, which the kernel does not export \
         to modules; a module that is linked by {} has to carry that code",
        names.join(", "),
        plan.rustc.version
    );
    Err(own_rustc_would_serve(kernel, plan, why).into())
}

/// Returns a refusal that tells how to get the kernel's own rustc, bindgen or source, if the kernel
/// has Rust.
fn own_rustc_would_serve(kernel: &Kernel, plan: &Plan, why: String) -> Refusal {
    let release = &kernel.release;
    let own = kernel.config.get("RUSTC_VERSION_TEXT");
    match own.filter(|_| plan.class != Class::NoRust) {
        Some(own) if own == plan.rustc.version => match Bindgen::missing_own(kernel) {
            Some(bindgen) => {
                let why = format!("{why}; the kernel's own bindgen, {bindgen:?}, can build it");
                Refusal::new(release, why, format!("install {bindgen}"))
            }
            None => {
                let why = format!("{why}; it can be built with the kernel's own source");
                Refusal::new(release, why, find::fetch(kernel))
            }
        },
        Some(own) => {
            let why = format!("{why}; the kernel's own rustc, {own:?}, can build it");
            Refusal::new(release, why, Rustc::mend(&kernel.system, own))
        }
        None => Refusal::final_(release, why),
    }
}

/// Returns whether an argument for make is a target, and not a variable or an option.
fn is_target(arg: &str) -> bool {
    !arg.starts_with('-') && !arg.contains('=')
}

/// Returns the files with this extension for the modules in kbuild's `modules.order`.
fn built(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let order = fs::read_to_string(folder.join(ORDER)).unwrap_or_default();
    let file = |object: &str| folder.join(object).with_extension(ending);
    order
        .lines()
        .map(file)
        .filter(|file| file.is_file())
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
        assert_eq!(built(dir.path(), "ko"), [dir.path().join("./a.ko")]);
        assert!(built(dir.path(), "o").is_empty());
    }
}
