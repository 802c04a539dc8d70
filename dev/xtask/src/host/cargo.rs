// SPDX-License-Identifier: GPL-2.0-only

//! Builds this workspace's programs for other machines.
//!
//! All but dkms-rust-bindgen are linked statically. They are built on the developer's machine
//! (rustup on any distribution) and run on Debian 13, or as a guest's init. Dynamic programs would
//! need the builder's glibc. No program contains paths of this machine.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::host::project::Project;
use crate::host::run::Cmd;

/// Returns a command that runs the cargo that started this task, in the source tree.
pub fn cargo(project: &Project) -> Cmd {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Cmd::new(cargo).dir(&project.source)
}

/// Returns the default target of this machine's rustc.
pub fn host_target() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let text = Cmd::new(rustc).arg("-vV").stdout()?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc -vV did not say its host")
}

/// Builds a static program of the workspace, and returns its path.
pub fn static_program(project: &Project, name: &str) -> Result<PathBuf> {
    program_for(project, name, &host_target()?)
}

/// Builds a package's programs that load a library at run time, which static programs can't do.
/// They need a glibc as new as this machine's. Returns their directory.
pub fn dynamic_programs(project: &Project, package: &str) -> Result<PathBuf> {
    programs_for(project, package, &["--bins"], &host_target()?, "")
}

const STATIC: &str = "-Ctarget-feature=+crt-static";

/// Like [`static_program`], but for arm64. Uses rustup's standard library for that target, and no C
/// compiler.
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
    // Pass the target even if it is the host's own. This keeps the flags away from build scripts
    // and procedural macros, which cannot be static.
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

/// Builds a test of a package as a static program, and returns its path.
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

/// Returns the rustc flags: `linking`, and remappings of this machine's directories to fixed names.
fn rustflags(project: &Project, linking: &str) -> Result<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    // rustc uses the last mapping that matches. The source tree may be below the home directory.
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
    // Cargo's separator for these flags.
    Ok(flags.join("\u{1f}"))
}
