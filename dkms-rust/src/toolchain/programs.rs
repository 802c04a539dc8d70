// SPDX-License-Identifier: GPL-2.0-only

//! Where compilers are looked for.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;

/// The programs in PATH that are called `name` or `name-<version>`.
pub fn in_path(name: &str) -> BTreeSet<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let named = |file: &str| match file.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        None => false,
    };
    env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        // /bin is /usr/bin: one program by one path, whatever PATH is.
        .filter_map(|dir| fs::canonicalize(dir).ok())
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flatten()
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_name().to_str().is_some_and(named))
        .map(|entry| entry.path())
        .collect()
}
