// SPDX-License-Identifier: GPL-2.0-only

//! Reads what rustc says a crate depends on: the rules that it writes for make (`--emit=dep-info`).

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Returns the files that rustc read, from the rules that it writes for make.
pub fn sources(depinfo: &str) -> Vec<PathBuf> {
    let line = depinfo.lines().find_map(|line| line.split_once(": "));
    let (_, files) = line.unwrap_or_default();
    // A backslash precedes a space in a file name.
    let files = files.replace("\\ ", "\0");
    let files = files.split_whitespace().map(|file| file.replace('\0', " "));
    files.map(PathBuf::from).collect()
}

/// Returns the environment variables that the crate uses, from the same file.
pub fn variables(depinfo: &str) -> BTreeMap<String, Option<String>> {
    let lines = depinfo.lines();
    let asked = lines.filter_map(|line| line.strip_prefix("# env-dep:"));
    asked
        .map(|asked| match asked.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (asked.to_owned(), None),
        })
        .collect()
}
