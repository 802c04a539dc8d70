// SPDX-License-Identifier: GPL-2.0-only

//! Looks for compilers.

use crate::system::names_in;
use crate::system::search::{find_in, may_run, search_path};
use crate::system::version;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory in which Ubuntu and Debian install each version of Rust's tools: `rust-1.85/bin`.
const VERSIONED: &str = "/usr/lib";

/// Returns the programs called `name` or `name-<version>`, in the order of their directories. In
/// each directory, the one without a version comes first, then the newest.
pub fn named(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories() {
        let mut here: Vec<String> = names_in(&directory)
            .into_iter()
            .filter(|file| is_named(file, name))
            .collect();
        here.sort_by(|a, b| {
            let versioned = |file: &String| file != name;
            versioned(a)
                .cmp(&versioned(b))
                .then_with(|| version::compare(b, a))
        });
        let paths = here.into_iter().map(|file| directory.join(file));
        found.extend(paths.filter(|path| may_run(path)));
    }
    found
}

/// Returns the first program with exactly this name. A name may not contain a slash.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in(&directories(), name)
}

/// Returns all directories with programs, without links: /bin is /usr/bin, so a program has the
/// same path whatever PATH is.
fn directories() -> Vec<PathBuf> {
    let versioned = names_in(Path::new(VERSIONED))
        .into_iter()
        .filter(|name| name.starts_with("rust-"))
        .map(|name| Path::new(VERSIONED).join(name).join("bin"));
    let mut found = Vec::new();
    for directory in search_path().iter().cloned().chain(versioned) {
        if let Ok(directory) = fs::canonicalize(directory) {
            if !found.contains(&directory) {
                found.push(directory);
            }
        }
    }
    found
}

/// Returns whether a file is called `name` or `name-<version>`.
fn is_named(file: &str, name: &str) -> bool {
    match file.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_follow_a_program_s_name() {
        assert!(is_named("rustc", "rustc") && is_named("rustc-1.85", "rustc"));
        assert!(!is_named("rustc-wrapper", "rustc") && !is_named("rustcx", "rustc"));
        assert!(!is_named("rust", "rustc"));
    }
}
