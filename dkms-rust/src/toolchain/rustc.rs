// SPDX-License-Identifier: GPL-2.0-only

//! Finds every rustc on this machine. Each is asked for its version; its file name does not count.
//! `build::way::own_rustc` says which version is a kernel's own.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::System;
use crate::system::dpkg;
use crate::system::run::answer;
use crate::system::sources_package;
use crate::system::trusted::{is_root, trusted_path};
use crate::toolchain::minimum::{self, Minimum, numbers};
use crate::toolchain::programs::named;
use crate::toolchain::rustup;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rustc and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rustc {
    /// Where it is.
    pub path: PathBuf,
    /// The first line of `--version`, such as `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub version: String,
}

impl Rustc {
    /// Returns every rustc on this machine, each once.
    pub fn all() -> Vec<Self> {
        let mut found = Vec::new();
        let mut files = Vec::new();
        for path in named("rustc").into_iter().chain(rustup::compilers()) {
            let Ok(file) = fs::canonicalize(&path) else {
                continue;
            };
            if files.contains(&file) || rustup::is_proxy(&path, &file) {
                continue;
            }
            files.push(file);
            found.extend(ask(path));
        }
        found
    }

    /// Chooses the system's own rustc if it is new enough for the kernel's crates, or else the
    /// first other that is. If several are, one that has the source of `core` is preferred.
    ///
    /// # Errors
    ///
    /// A refusal that says what is missing.
    pub fn new_enough(kernel: &Kernel, found: &[Self]) -> Result<Self, Refusal> {
        let oldest = Minimum::of(kernel).rustc;
        let mut sorted: Vec<&Self> = found.iter().collect();
        sorted.sort_by_key(|rustc| rustc.path != Path::new("/usr/bin/rustc"));
        let will_do = |rustc: &&&Self| numbers(&rustc.version) >= Some(oldest);
        let new_enough: Vec<&Self> = sorted.iter().filter(will_do).copied().collect();
        match &*new_enough {
            [] => {}
            [only] => return Ok((*only).clone()),
            [first, ..] => {
                let with_source = new_enough
                    .iter()
                    .find(|rustc| rustc.source(&kernel.system).is_some());
                return Ok((*with_source.unwrap_or(first)).clone());
            }
        }
        let why = format!(
            "modules for it need rustc {} or newer; {}",
            minimum::text(oldest),
            Self::there(sorted)
        );
        let mend = fix_any(&kernel.system, oldest);
        Err(Refusal::new(&kernel.release, why, mend))
    }

    /// Returns the names and versions of these rustcs as text.
    pub fn there<'a>(found: impl IntoIterator<Item = &'a Self>) -> String {
        let name = |rustc: &Self| format!("{} is {:?}", rustc.path.display(), rustc.version);
        let names: Vec<_> = found.into_iter().map(name).collect();
        match names.is_empty() {
            true => "none is installed".into(),
            false => names.join(", "),
        }
    }

    /// Returns the mend that brings `wanted`, such as `rustc 1.85.1 (4eb161250 2025-03-15)`.
    pub fn mend(system: &System, wanted: &str) -> String {
        let number = wanted.split(' ').nth(1).unwrap_or(wanted);
        let series = number.rsplit_once('.').map_or(number, |(series, _)| series);
        let will_do = |version: &str| dpkg::is_upstream(version, number);
        let versioned = [format!("rustc-{series}"), format!("rust-{series}-src")];
        dpkg::install_version(system, "rustc", &["rust-src"], will_do)
            .or_else(|| dpkg::install_version(system, &versioned[0], &[&versioned[1]], will_do))
            .unwrap_or_else(|| {
                format!(
                    "install rustc {number} and its source from the kernel's suite (none of apt's \
                     sources has it)"
                )
            })
    }

    /// Returns the version as the kernel encodes it: 108501 for 1.85.1.
    pub fn number(&self) -> Option<u32> {
        let [major, minor, patch] = numbers(&self.version)?;
        Some(major * 100_000 + minor * 100 + patch)
    }

    /// Returns the directory with the source of `core`, which rust-src or dkms-rust-core brings.
    ///
    /// # Errors
    ///
    /// A refusal if it is missing, or if root can't trust it.
    pub fn library(&self, kernel: &Kernel) -> Result<PathBuf, Refusal> {
        let missing = |library: Option<PathBuf>| match library {
            Some(library) if is_root() => trusted_path(&library)
                .map(|_| library)
                .map_err(|error| format!("{error}, so root does not use it")),
            Some(library) => Ok(library),
            None => Err("it is missing".to_owned()),
        };
        missing(self.source(&kernel.system)).map_err(|error| {
            let why = format!("the source of Rust's library for {}: {error}", self.version);
            Refusal::new(&kernel.release, why, self.fix_source(&kernel.system))
        })
    }

    /// Returns the toolchain's own source of `core`, or that of its version from dkms-rust-core.
    fn source(&self, system: &System) -> Option<PathBuf> {
        let sysroot = answer(Command::new(&self.path).args(["--print", "sysroot"]))?;
        let own = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
        let packaged = sources_package::library(system, &self.stable_version()?);
        let has_core = |library: &PathBuf| library.join("core/src/lib.rs").is_file();
        [own, packaged].into_iter().find(has_core)
    }

    /// Returns `1.85.1` if this is a stable release of Rust. A nightly's library can differ every day.
    fn stable_version(&self) -> Option<String> {
        let number = self.version.split(' ').nth(1)?;
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        plain.then(|| number.to_owned())
    }

    /// Returns the mend for the missing source of `core`.
    fn fix_source(&self, system: &System) -> String {
        if let Some(toolchain) = rustup::toolchain_of(&self.path) {
            return format!("rustup component add rust-src --toolchain {toolchain}");
        }
        let [major, minor, patch] = numbers(&self.version).unwrap_or_default();
        let upstream = format!("{major}.{minor}.{patch}");
        if let Some(smaller) = sources_package::install_library(system, &upstream) {
            return smaller;
        }
        let will_do = |version: &str| dpkg::is_upstream(version, &upstream);
        ["rust-src".to_owned(), format!("rust-{major}.{minor}-src")]
            .iter()
            .find_map(|package| dpkg::install_version(system, package, &[], will_do))
            .unwrap_or_else(|| {
                format!(
                    "install the source of Rust's library {upstream} for {} (none of apt's \
                     sources has it)",
                    self.path.display()
                )
            })
    }
}

/// Returns the mend that installs rustc `oldest` or newer, and its source.
fn fix_any(system: &System, oldest: [u32; 3]) -> String {
    let will_do = |version: &str| numbers(version) >= Some(oldest);
    dpkg::install_version(system, "rustc", &["rust-src"], will_do).unwrap_or_else(|| {
        let oldest = minimum::text(oldest);
        format!(
            "install rustc {oldest} or newer and its source, by rustup or from a newer suite (none \
             of apt's sources has one)"
        )
    })
}

fn ask(path: PathBuf) -> Option<Rustc> {
    let answer = answer(Command::new(&path).arg("--version"))?;
    let version = answer.lines().next()?.to_owned();
    version
        .starts_with("rustc ")
        .then_some(Rustc { path, version })
}

#[cfg(test)]
#[path = "rustc_tests.rs"]
mod tests;
