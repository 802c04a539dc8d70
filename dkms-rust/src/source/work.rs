// SPDX-License-Identifier: GPL-2.0-only

//! A temporary directory for what is downloaded, unpacked or built on the way to something else.

use anyhow::{Context, Result};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A directory that is removed when this is dropped.
pub struct WorkDir(PathBuf);

impl WorkDir {
    /// Makes an empty directory for this process in `folder`. Removes what an earlier process with
    /// the same ID left there.
    ///
    /// # Errors
    ///
    /// If it can't be made. If something is there that can't be removed, it is not used: where
    /// everybody can write, as in `/tmp`, somebody else may have put it there.
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!(".{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        make(folder, &path)
            .with_context(|| format!("can't create {} (are you root?)", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Makes the directory `path` in `folder`, which may be missing. `path` may not exist, not even as a
/// link.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o755).recursive(true).create(folder)?;
    builder.recursive(false).create(path)
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_is_there_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let work = WorkDir::new(&dir.path().join("a/b"), "x").unwrap();
        let path = work.path().to_owned();
        assert!(path.is_dir());
        drop(work);
        assert!(!path.exists());
    }

    #[test]
    fn what_somebody_else_has_put_there_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let (path, theirs) = (dir.path().join("x"), dir.path().join("theirs"));
        make(dir.path(), &theirs).unwrap();
        assert!(make(dir.path(), &theirs).is_err());
        symlink(&theirs, &path).unwrap();
        assert!(make(dir.path(), &path).is_err());
    }
}
