// SPDX-License-Identifier: GPL-2.0-only

//! The commands: `make`, `kdir`, `check`, `clean`; `status` is in [`status`].

use crate::cache::Cache;
use crate::class::Class;
use crate::cli::Command as Asked;
use crate::plan::{Plan, Ready, Tree};
use crate::rebuild::{Bindings, clean_make};
use crate::refusal::Refusal;
use crate::release::Release;
use crate::run::watched;
use crate::runtime;
use crate::status;
use crate::symbols;
use crate::system::System;
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

/// Does what the command says.
///
/// # Errors
///
/// A [`Refusal`] if the kernel can't be served, or what else failed.
pub fn run(command: &Asked) -> Result<ExitCode> {
    let system = System::here();
    match command {
        Asked::Make { kernel, args } => make(&system, &kernel.release()?, args),
        Asked::Kdir { kernel, module } => kdir(&system, &kernel.release()?, module.as_deref()),
        Asked::Check {
            kernel,
            quiet,
            json,
        } => check(&system, &kernel.release()?, *quiet, *json),
        Asked::Status { all, json } => status::run(&system, *all, *json),
        Asked::Clean { kernel, stale } => clean(&system, kernel.as_ref(), *stale),
    }
}

fn kdir(system: &System, release: &Release, module: Option<&Path>) -> Result<ExitCode> {
    let bindings = match module {
        Some(folder) => Bindings::Lean(Some(source(folder)?)),
        None => Bindings::Whole,
    };
    let tree = ready(system, &Plan::with(system, release, bindings)?)?;
    println!("{}", tree.path().display());
    Ok(ExitCode::SUCCESS)
}

/// A folder with a module's source, by its full path.
fn source(folder: &Path) -> Result<PathBuf> {
    let there = fs::canonicalize(folder)
        .with_context(|| format!("can't find the folder {}", folder.display()))?;
    let names = ["Kbuild", "Makefile"];
    ensure!(
        names.iter().any(|name| there.join(name).is_file()),
        "{} has no module to build: neither Kbuild nor Makefile",
        there.display()
    );
    Ok(there)
}

fn ready(system: &System, plan: &Plan) -> Result<Ready> {
    plan.ready(system).with_context(|| {
        format!(
            "{}: its Rust build tree could not be made ready",
            plan.release
        )
    })
}

fn make(system: &System, release: &Release, args: &[String]) -> Result<ExitCode> {
    let folder = source(Path::new("."))?;
    let mut plan = Plan::with(system, release, Bindings::Lean(Some(folder.clone())))?;
    let mut tree = ready(system, &plan)?;
    let mut make = kbuild(&plan, &tree, &folder, args);
    let status = if let Ready::Lean(_) = tree {
        let (status, errors) = watched(&mut make)?;
        if errors.iter().any(|line| is_missing_name(line)) {
            eprintln!(
                "dkms-rust: {release}: of the kernel's C interface only what this module spells \
                 out was made ready; once more, with all of it"
            );
            drop(tree);
            plan = Plan::with(system, release, Bindings::Whole)?;
            tree = ready(system, &plan)?;
            kbuild(&plan, &tree, &folder, args).status()
        } else {
            Ok(status)
        }
    } else {
        make.status()
    };
    let status = status.context("can't run make")?;
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

/// Whether a line is rustc's error for a name that is not there, of whatever kind.
fn is_missing_name(line: &str) -> bool {
    const CODES: [&str; 7] = [
        "E0412", "E0422", "E0425", "E0432", "E0433", "E0531", "E0532",
    ];
    line.split_once("error[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .is_some_and(|(code, _)| CODES.contains(&code))
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

/// The answer of `check` as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    kernel: &'a str,
    buildable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<crate::class::Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rustc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'a str>,
}

fn check(system: &System, release: &Release, quiet: bool, json: bool) -> Result<ExitCode> {
    let plan = Plan::of(system, release);
    let code = if plan.is_ok() { 0 } else { Refusal::EXIT };
    if json {
        println!("{}", serde_json::to_string(&answer(release, &plan))?);
    } else if !quiet {
        match &plan {
            Ok(plan) => println!(
                "{release}: modules can be built (class {}, {}, metadata {})",
                plan.class,
                plan.rustc.version,
                metadata(&plan.tree)
            ),
            Err(refusal) => eprintln!("dkms-rust: {refusal}"),
        }
    }
    Ok(ExitCode::from(code))
}

fn answer<'a>(release: &'a Release, plan: &'a Result<Plan, Refusal>) -> Answer<'a> {
    let (plan, refusal) = (plan.as_ref().ok(), plan.as_ref().err());
    Answer {
        kernel: release.as_str(),
        buildable: plan.is_some(),
        class: plan.map(|plan| plan.class),
        rustc: plan.map(|plan| plan.rustc.version.as_str()),
        metadata: plan.map(|plan| metadata(&plan.tree)),
        reason: refusal.map(|refusal| refusal.reason.as_str()),
        mend: refusal.and_then(|refusal| refusal.mend.as_deref()),
    }
}

/// Where the metadata comes from, in a word.
pub fn metadata(tree: &Tree) -> &'static str {
    match tree {
        Tree::Own(_) => "own",
        Tree::Kept(_) => "kept",
        Tree::Rebuild(_) => "to rebuild",
    }
}

fn clean(system: &System, release: Option<&Release>, stale: bool) -> Result<ExitCode> {
    if system.cache().symlink_metadata().is_err() {
        return Ok(ExitCode::SUCCESS);
    }
    let cache = Cache::open(system)?;
    match release {
        Some(release) => cache.drop_release(release)?,
        None if stale => cache.drop_stale(system)?,
        None => {
            for release in cache.releases()? {
                cache.drop_release(&release)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
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
    fn an_error_for_a_missing_name_is_told_from_others() {
        let missing = [
            "error[E0425]: cannot find function `f` in crate `bindings`",
            "\u{1b}[1merror[E0432]\u{1b}[0m: unresolved import `kernel::uapi::X`",
        ];
        assert!(missing.iter().all(|line| is_missing_name(line)));
        let other = [
            "error: expected one of `!` or `::`",
            "error[E0308]: mismatched types",
            "warning: unused E0425",
        ];
        assert!(!other.iter().any(|line| is_missing_name(line)));
    }

    #[test]
    fn what_was_built_is_read_from_modules_order() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("modules.order"), "./a.o\nsub/b.o\n").unwrap();
        fs::write(dir.path().join("a.ko"), "").unwrap();
        assert_eq!(built(dir.path()), [dir.path().join("./a.ko")]);
    }
}
