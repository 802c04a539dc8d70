// SPDX-License-Identifier: GPL-2.0-only

//! Finds clang and LLVM's other tools for a kernel that clang built.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::dpkg;
use crate::system::names_in;
use crate::system::run::answer;
use crate::system::search::may_run;
use crate::toolchain::built_by::Built;
use crate::toolchain::minimum::numbers;
use crate::toolchain::programs::find;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The LLVM tools that kbuild runs for a module, without their suffix.
const TOOLS: [&str; 5] = ["clang", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy"];

/// The directory in which Debian's packages put each version of LLVM.
const VERSIONS: &str = "/usr/lib";

/// Returns make's arguments for a clang that is not older than the kernel's, with LLVM's other
/// tools.
///
/// # Errors
///
/// A refusal that says what to install.
pub fn make_args(kernel: &Kernel, built: &Built) -> Result<Vec<String>, Refusal> {
    let oldest = built.major.unwrap_or(0);
    let mut usable: Vec<(bool, usize, String)> = Vec::new();
    for (at, (value, clang)) in complete_sets().into_iter().enumerate() {
        let version = answer(Command::new(&clang).arg("--version"));
        let major = version.and_then(|text| Some(numbers(text.split_once("version ")?.1)?[0]));
        if major.is_some_and(|major| major >= oldest) {
            usable.push((major != Some(oldest), at, value));
        }
    }
    // Prefer the kernel's own version to newer ones, and plain names to others.
    if let Some((_, _, value)) = usable.into_iter().min() {
        return Ok(vec![format!("LLVM={value}")]);
    }
    let why = format!(
        "it was built by clang ({:?}), but {} of that version or newer are not all installed",
        built.text,
        TOOLS.join(", ")
    );
    let versioned = ["clang", "lld", "llvm"].map(|name| format!("{name}-{oldest}"));
    let [clang, lld, llvm] = &versioned;
    let new_enough = |version: &str| {
        let version = version
            .split_once(':')
            .map_or(version, |(_, version)| version);
        numbers(version).is_some_and(|[major, ..]| major >= oldest)
    };
    let mend = dpkg::install(&kernel.system, &[clang, lld, llvm])
        .or_else(|| dpkg::install_version(&kernel.system, "clang", &["lld", "llvm"], new_enough))
        .unwrap_or_else(|| {
            format!(
                "install clang, lld and llvm, each of version {oldest} or newer (none of apt's \
                 sources has them)"
            )
        });
    Err(Refusal::new(&kernel.release, why, mend))
}

/// Returns the complete sets of LLVM's tools: the value of kbuild's variable, and clang's path.
fn complete_sets() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let versions: BTreeSet<u32> = names_in(Path::new(VERSIONS))
        .iter()
        .filter_map(|name| name.strip_prefix("llvm-")?.parse().ok())
        .collect();
    let suffixes = versions.iter().rev().map(|version| format!("-{version}"));
    for suffix in [String::new()].into_iter().chain(suffixes) {
        let paths: Vec<_> = TOOLS
            .iter()
            .filter_map(|tool| find(&format!("{tool}{suffix}")))
            .collect();
        if paths.len() == TOOLS.len() {
            let value = if suffix.is_empty() {
                "1".to_owned()
            } else {
                suffix
            };
            found.extend(paths.into_iter().next().map(|clang| (value, clang)));
        }
    }
    for version in versions.iter().rev() {
        let folder = Path::new(VERSIONS).join(format!("llvm-{version}/bin"));
        if TOOLS.iter().all(|tool| may_run(&folder.join(tool))) {
            found.push((format!("{}/", folder.display()), folder.join(TOOLS[0])));
        }
    }
    found
}
