// SPDX-License-Identifier: GPL-2.0-only

//! Files and directories, with errors that name them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Reads a file.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a file as text.
pub fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file. Overwrites an existing one.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Copies a file.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Renames a file or a directory.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// Makes a directory and its parents; it may exist already.
pub fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

/// Makes an empty directory in place of whatever was there.
pub fn make_empty_dir(path: &Path) -> Result<()> {
    remove(path)?;
    make_dir(path)
}

/// Lists the contents of a directory, sorted by name.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = |dir| fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths: Vec<PathBuf> = Result::<_, std::io::Error>::with_context(list(dir), || {
        format!("cannot list {}", dir.display())
    })?;
    paths.sort();
    Ok(paths)
}

/// Removes a file, or a directory with everything in it; it may not exist.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Removes the entries of a directory whose names satisfy `is_one`.
pub fn remove_named(dir: &Path, is_one: impl Fn(&str) -> bool) -> Result<()> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        is_one(&name.to_string_lossy())
    };
    list(dir)?
        .iter()
        .filter(|path| is_one(path))
        .try_for_each(|path| remove(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_such_a_name_is_removed_be_it_a_file_or_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, c] = ["old-a", "old-b", "new"].map(|name| dir.path().join(name));
        make_dir(&a.join("inside")).unwrap();
        write(&b, "x").unwrap();
        write(&c, "y").unwrap();
        remove_named(dir.path(), |name| name.starts_with("old-")).unwrap();
        assert_eq!(list(dir.path()).unwrap(), [c]);
        remove(&a).unwrap();
    }

    #[test]
    fn an_error_names_the_file() {
        let error = text(Path::new("no/such/file")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no/such/file");
    }
}
