// SPDX-License-Identifier: GPL-2.0-only

//! Finds programs: for root in fixed directories, for other users in those of PATH.

use crate::system::names_in;
use crate::system::trusted::{BY_HAND, is_root, trusted_or_missing, trusted_path};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Root's directories with programs, whatever PATH says.
const ROOTS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Returns the directories in which programs are looked for, in order. A user's are those of PATH.
/// Root's are always the same, without those that others can write.
pub fn search_path() -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        if is_root() {
            let found = ROOTS.iter().map(PathBuf::from);
            return found.filter(|directory| is_root_s(directory)).collect();
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let absolute = |directory: &PathBuf| directory.is_absolute();
        env::split_paths(&path).filter(absolute).collect()
    })
}

/// Returns whether nobody else could have changed a directory. In /usr/local, which no package
/// manager controls, nobody else may have changed the programs in it either: make and the shell
/// find them by themselves.
fn is_root_s(directory: &Path) -> bool {
    let Ok(real) = trusted_path(directory) else {
        return false;
    };
    let mine = |name: &String| trusted_or_missing(&real.join(name)).is_ok();
    !real.starts_with(BY_HAND) || names_in(&real).iter().all(mine)
}

/// Returns [`search_path`] as the variable PATH for programs that are run.
pub fn path_variable() -> OsString {
    // No part contains a colon: all come from PATH or from the list above.
    env::join_paths(search_path()).unwrap_or_default()
}

/// Returns the program of this name: the first in [`search_path`] that [`may_run`] accepts. A name
/// may not contain a slash. If there is no such program, returns a path that does not exist.
pub fn program(name: &str) -> PathBuf {
    find_in(search_path(), name).unwrap_or_else(|| PathBuf::from(format!("/nonexistent/{name}")))
}

/// Returns the first program with exactly this name in these directories.
pub fn find_in(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let mut paths = directories.iter().map(|directory| directory.join(name));
    paths.find(|path| may_run(path))
}

/// Returns whether a program may be run: by root only if nobody else could have changed it.
pub fn may_run(path: &Path) -> bool {
    path.is_file() && (!is_root() || trusted_path(path).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn root_looks_for_programs_where_only_root_can_put_them() {
        if is_root() {
            let allowed = |dir: &PathBuf| ROOTS.iter().any(|root| dir == Path::new(root));
            assert!(search_path().iter().all(allowed));
        }
        assert!(search_path().iter().all(|dir| dir.is_absolute()));
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
        // The same holds for a link to it from another directory.
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(&path, bin.join("gcc")).unwrap();
        assert_eq!(find_in(&[bin], "gcc").is_some(), !is_root());
    }

    #[test]
    fn a_name_is_never_a_path() {
        let found = |name| find_in(search_path(), name);
        assert!(found("sh").is_some());
        assert_eq!(found("/bin/sh"), None);
        assert_eq!(found("../bin/sh"), None);
        assert_eq!(found(""), None);
        assert!(!program("no such program").exists());
    }
}
