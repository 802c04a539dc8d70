// SPDX-License-Identifier: GPL-2.0-only

//! Builds of this workspace's programs for another machine than this one.
//!
//! But for one they are linked statically: they are built wherever the developer is (rustup on any
//! distribution) and run on Debian 13, or as a guest's init; a dynamic one would ask for the
//! builder's glibc. Nothing in them names this machine's folders.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::host::project::Project;
use crate::host::run::Cmd;

/// Cargo, as the one who started this task has it.
pub fn cargo(project: &Project) -> Cmd {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Cmd::new(cargo).dir(&project.source)
}

/// The target that this machine's rustc compiles for by default.
pub fn host_target() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let text = Cmd::new(rustc).arg("-vV").stdout()?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc -vV did not say its host")
}

/// Builds one of the workspace's programs, and gives back where it is.
pub fn static_program(project: &Project, name: &str) -> Result<PathBuf> {
    program_for(project, name, &host_target()?)
}

/// Builds a package's programs that load a library when they run, which a static program can't: they
/// need a glibc as new as this machine's. Gives back the folder.
pub fn dynamic_programs(project: &Project, package: &str) -> Result<PathBuf> {
    programs_for(project, package, &["--bins"], &host_target()?, "")
}

const STATIC: &str = "-Ctarget-feature=+crt-static";

/// The same for arm64, with the standard library that rustup has for it, and no C compiler.
pub fn static_program_for_arm64(project: &Project, name: &str) -> Result<PathBuf> {
    const TARGET: &str = "aarch64-unknown-linux-musl";
    Cmd::new("rustup")
        .args(["target", "add", TARGET])
        .dir(&project.source)
        .run()
        .context("only rustup has what builds the guest's program for arm64")?;
    program_for(project, name, TARGET)
}

fn program_for(project: &Project, name: &str, target: &str) -> Result<PathBuf> {
    let folder = programs_for(project, name, &["--bin", name], target, STATIC)?;
    Ok(folder.join(name))
}

fn programs_for(
    project: &Project,
    package: &str,
    which: &[&str],
    target: &str,
    linking: &str,
) -> Result<PathBuf> {
    // Given as a target even though it is the host's own, so that these flags stay away from
    // build scripts and procedural macros, which cannot be static.
    cargo(project)
        .args(["build", "--release", "--locked", "--package", package])
        .args(which)
        .args(["--target", target])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld")
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(project, linking)?)
        .env_remove("RUSTFLAGS")
        .log(&project.log(&format!("cargo-{package}"))?)
        .run()?;
    Ok(project.target.join(target).join("release"))
}

/// Builds one of a package's tests as such a program, and gives back where it is.
pub fn static_test(project: &Project, package: &str, test: &str) -> Result<PathBuf> {
    let text = cargo(project)
        .args(["test", "--no-run", "--release", "--locked", "--package"])
        .args([package, "--test", test, "--message-format", "json"])
        .args(["--target", &host_target()?])
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(project, STATIC)?)
        .env_remove("RUSTFLAGS")
        .stdout()?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|message| message["target"]["name"] == test)
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built no program of the test {test}"))
}

/// How it is linked, and this machine's folders replaced by names that are the same everywhere.
fn rustflags(project: &Project, linking: &str) -> Result<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    // The last one that fits wins: the source tree may be below the home folder.
    let maps = [
        (cargo_home.as_path(), "/cargo"),
        (project.source.as_path(), "/source"),
    ];
    let linking = Some(linking).filter(|flag| !flag.is_empty());
    let mut flags: Vec<String> = linking.map(str::to_owned).into_iter().collect();
    for (from, to) in maps {
        let from = from
            .to_str()
            .with_context(|| format!("{} is not UTF-8", from.display()))?;
        flags.push(format!("--remap-path-prefix={from}={to}"));
    }
    // What cargo itself separates these by.
    Ok(flags.join("\u{1f}"))
}
