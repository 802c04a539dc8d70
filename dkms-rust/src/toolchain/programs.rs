// SPDX-License-Identifier: GPL-2.0-only

//! Where compilers are looked for.

use crate::system::names;
use crate::system::run::search_path;
use crate::system::trusted::{is_root, trusted_path};
use crate::system::version;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory in which Ubuntu and Debian put each version of Rust's tools, as `rust-1.85/bin`.
const VERSIONED: &str = "/usr/lib";

/// The programs that are called `name` or `name-<version>`, in the order of their directories; of
/// one directory that without a version comes first, and then the newest.
pub fn named(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories() {
        let mut here: Vec<String> = names(&directory)
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

/// The first program with exactly this name. A name with a slash in it is no name.
pub fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return None;
    }
    let paths = directories()
        .into_iter()
        .map(|directory| directory.join(name));
    paths.into_iter().find(|path| may_run(path))
}

/// Whether it is a program that may be run: for root one that nobody else could have changed.
pub fn may_run(path: &Path) -> bool {
    path.is_file() && (!is_root() || trusted_path(path).is_ok())
}

/// All directories with programs, without links: /bin is /usr/bin, so that a program has one path
/// whatever PATH is.
fn directories() -> Vec<PathBuf> {
    let versioned = names(Path::new(VERSIONED))
        .into_iter()
        .filter(|name| name.starts_with("rust-"))
        .map(|name| Path::new(VERSIONED).join(name).join("bin"));
    let mut found = Vec::new();
    for directory in search_path().into_iter().chain(versioned) {
        if let Ok(directory) = fs::canonicalize(directory) {
            if !found.contains(&directory) {
                found.push(directory);
            }
        }
    }
    found
}

/// Whether a file is called `name` or `name-<version>`.
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_version_may_follow_a_program_s_name() {
        assert!(is_named("rustc", "rustc") && is_named("rustc-1.85", "rustc"));
        assert!(!is_named("rustc-wrapper", "rustc") && !is_named("rustcx", "rustc"));
        assert!(!is_named("rust", "rustc"));
    }

    #[test]
    fn a_name_is_never_a_path() {
        assert!(find("sh").is_some());
        assert_eq!(find("/bin/sh"), None);
        assert_eq!(find("../bin/sh"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn root_runs_no_program_that_others_can_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rustc");
        fs::write(&path, "").unwrap();
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(0o755);
        assert!(may_run(&path));
        set(0o777);
        assert_eq!(may_run(&path), !is_root());
    }
}
