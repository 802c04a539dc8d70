// SPDX-License-Identifier: GPL-2.0-only

//! Copies what a rebuild needs from a kernel's source: `rust/`, a few scripts, the private headers
//! that the bindings include, and the files that say which options follow from others.

use crate::source::archive::Archive;
use crate::system::names_in;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The name of the files that say which options of the `kernel` crate follow from the rest of a
/// configuration. Finding all of them takes reading the whole source, so the directories below are
/// tried first.
const KCONFIG: &str = "Kconfig";
const KCONFIG_FIRST: [&str; 6] = [
    "init/",
    "drivers/base/firmware_loader/",
    "drivers/fwctl/",
    "drivers/net/phy/",
    "drivers/pwm/",
    "drivers/tty/serdev/",
];

/// How the options begin and end that add a part of the C interface to the `kernel` crate.
const ABSTRACTIONS: [&str; 2] = ["RUST_", "_ABSTRACTIONS"];

/// The file that contains the version of a source.
const MAKEFILE: &str = "Makefile";

/// Where a kernel's source is.
pub enum LinuxSource {
    /// In an archive.
    Archive(Archive),
    /// In a directory.
    Directory(PathBuf),
}

impl LinuxSource {
    /// Opens a directory or an `.xz` archive.
    ///
    /// # Errors
    ///
    /// If it is neither, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        Archive::open(path).map(Self::Archive)
    }

    /// Copies the files below `folder` for which `wanted` is true, and returns their number.
    fn copy(&self, folder: &str, target: &Path, wanted: &impl Fn(&str) -> bool) -> Result<usize> {
        match self {
            Self::Archive(archive) => archive.extract(folder, target, wanted),
            Self::Directory(top) => copy_below(top, folder, target, wanted),
        }
    }

    /// Copies one file, if it exists.
    fn copy_file(&self, file: &str, target: &Path) -> Result<()> {
        match self {
            Self::Archive(archive) => {
                archive.extract(file, target, |path| path == file)?;
            }
            Self::Directory(top) if top.join(file).is_file() => {
                copy_to(&top.join(file), &target.join(file))?;
            }
            Self::Directory(_) => {}
        }
        Ok(())
    }
}

/// Copies the regular files below `top/folder`; links are not followed.
fn copy_below(
    top: &Path,
    folder: &str,
    target: &Path,
    wanted: &impl Fn(&str) -> bool,
) -> Result<usize> {
    let here = top.join(folder);
    let Ok(entries) = fs::read_dir(&here) else {
        return Ok(0);
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry.with_context(|| here.display().to_string())?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{folder}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            count += copy_below(top, &format!("{path}/"), target, wanted)?;
        } else if kind.is_file() && wanted(&path) {
            copy_to(&entry.path(), &target.join(&path))?;
            count += 1;
        }
    }
    Ok(count)
}

fn copy_to(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file has a directory")?)?;
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("can't copy {} to {}", from.display(), to.display()))
}

/// Copies what a rebuild needs into `target`, except private headers that the kernel's own headers
/// at `headers` contain.
///
/// # Errors
///
/// If the source is damaged or lacks something, or a file can't be written.
pub fn copy(source: &LinuxSource, headers: &Path, target: &Path) -> Result<()> {
    let crates = source.copy("rust/", target, &is_source)?;
    ensure!(crates > 0, "it has no rust/: it is not a kernel's source");
    source.copy("scripts/", target, &is_rust_script)?;
    source.copy_file(MAKEFILE, target)?;
    for folder in KCONFIG_FIRST {
        source.copy_file(&format!("{folder}{KCONFIG}"), target)?;
    }
    if !all_are_defined(target)? {
        let named = format!("/{KCONFIG}");
        source.copy("", target, &|path| path.ends_with(&named))?;
    }
    if !target.join(MAKEFILE).is_file() {
        bail!("it has no {MAKEFILE}: it is not a kernel's source");
    }

    // Few headers outside of include/ are needed, but which headers these are differs between
    // versions: those that the bindings' headers include, and those that these include in turn.
    let there = |header: &str| target.join(header).exists() || headers.join(header).exists();
    let mut known = Vec::new();
    loop {
        let missing: Vec<_> = private_headers(target)?
            .into_iter()
            .filter(|header| !known.contains(header))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        for header in missing {
            if !there(&header) {
                let folder = header.rsplit_once('/').map_or("", |(folder, _)| folder);
                source.copy(&format!("{folder}/"), target, &|path| {
                    path.ends_with(".h") && !there(path)
                })?;
            }
            known.push(header);
        }
    }
}

/// Returns whether the Kconfig files copied so far define all abstractions that the crates mention.
fn all_are_defined(tree: &Path) -> Result<bool> {
    let mut used = BTreeSet::new();
    mentions(
        &tree.join("rust"),
        &|name| name.ends_with(".rs"),
        "",
        &mut used,
    )?;
    let mut defined = BTreeSet::new();
    mentions(tree, &|name| name == KCONFIG, "config ", &mut defined)?;
    Ok(used.is_subset(&defined))
}

/// Adds the abstractions, without `CONFIG_`, that the files with wanted names mention in lines that
/// begin with `start`.
fn mentions(
    folder: &Path,
    wanted: &impl Fn(&str) -> bool,
    start: &str,
    found: &mut BTreeSet<String>,
) -> Result<()> {
    let [first, last] = ABSTRACTIONS;
    for name in names_in(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            mentions(&path, wanted, start, found)?;
        } else if wanted(&name) {
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            let text = String::from_utf8_lossy(&text);
            let words = text
                .lines()
                .filter(|line| line.trim_start().starts_with(start))
                .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
                .map(|word| word.strip_prefix("CONFIG_").unwrap_or(word));
            let ours = words.filter(|word| word.starts_with(first) && word.ends_with(last));
            found.extend(ours.map(str::to_owned));
        }
    }
    Ok(())
}

/// Returns whether a file is source, and not left by a build in that tree.
fn is_source(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let built = [
        ".o",
        ".rmeta",
        ".so",
        ".rlib",
        "_generated.rs",
        ".cmd",
        ".d",
    ];
    !built.iter().any(|end| name.ends_with(end))
        && ![
            "exports_bindings_generated.h",
            "doctests_kernel_generated_kunit.c",
        ]
        .contains(&name)
        && !name.starts_with("exports_")
}

/// Returns whether a script builds or describes Rust. All others come with the headers
/// (linux-kbuild).
fn is_rust_script(path: &str) -> bool {
    let Some(name) = path.strip_prefix("scripts/") else {
        return false;
    };
    let rust = [
        "generate_rust_",
        "rust_is_available",
        "rustc-",
        "cc-version.sh",
        "min-tool-version.sh",
    ];
    name == "Makefile"
        || rust
            .iter()
            .any(|start| name.starts_with(start) && !name.contains('/'))
}

/// Returns the paths in the kernel tree that the files copied so far include as `../../<path>`.
fn private_headers(tree: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in ["rust", "drivers"] {
        collect(&tree.join(folder), &mut found)?;
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "h") {
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            found.extend(
                String::from_utf8_lossy(&text)
                    .lines()
                    .filter_map(outside_include),
            );
        }
    }
    Ok(())
}

/// Returns the path that a line includes, if it includes one from `../../`.
fn outside_include(line: &str) -> Option<String> {
    let target = line
        .trim_start()
        .strip_prefix('#')?
        .trim_start()
        .strip_prefix("include")?;
    let target = target.trim().trim_start_matches(['<', '"']);
    let path = target.strip_prefix("../../")?.split(['>', '"']).next()?;
    let plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (plain && path.contains('/')).then(|| path.to_owned())
}

#[cfg(test)]
#[path = "needed_tests.rs"]
mod tests;
