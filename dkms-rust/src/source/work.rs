// SPDX-License-Identifier: GPL-2.0-only

//! A temporary directory for what is downloaded and unpacked on the way to a slice.

use anyhow::{Context, Result};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A directory that is removed when this is dropped.
pub struct Work(PathBuf);

impl Work {
    /// Makes an empty directory for this process in `folder`. Removes what an earlier process with
    /// the same ID left there.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!(".{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        let made = DirBuilder::new().recursive(true).mode(0o755).create(&path);
        made.with_context(|| format!("can't create {} (are you root?)", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
