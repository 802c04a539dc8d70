// SPDX-License-Identifier: GPL-2.0-only

//! Paths: the source tree, the directory for build products, the cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::host::files;

/// The directories that every task uses.
pub struct Project {
    /// The source tree: the directory of the workspace's Cargo.toml.
    pub source: PathBuf,
    /// Build products; safe to delete.
    pub target: PathBuf,
    /// Things that are expensive to make and can be shared between clones; safe to delete.
    pub cache: PathBuf,
}

impl Project {
    /// Finds the source tree and the cache from the environment that cargo and the user set.
    pub fn find() -> Result<Self> {
        let here = env::var_os("CARGO_MANIFEST_DIR").context(
            "CARGO_MANIFEST_DIR is not set: run this as `cargo run -p xtask` or by make",
        )?;
        let source = Path::new(&here)
            .ancestors()
            .nth(2)
            .context("xtask is not in dev/ of a source tree")?
            .to_path_buf();
        if !source.join("dkms.conf").exists() && !source.join("Kbuild").exists() {
            bail!(
                "{} is not the source tree of procdriver-dkms: it has no Kbuild",
                source.display()
            );
        }
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => source.join(dir),
            None => source.join("target"),
        };
        Ok(Self {
            target,
            cache: cache_folder()?,
            source,
        })
    }

    /// Returns a directory below `target`, and makes it if needed.
    pub fn product(&self, name: &str) -> Result<PathBuf> {
        let dir = self.target.join(name);
        files::make_dir(&dir)?;
        Ok(dir)
    }

    /// Returns the path of a log file.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        Ok(self.product("logs")?.join(format!("{name}.log")))
    }

    /// Returns a directory below the cache, and makes it if needed.
    pub fn cached(&self, name: &str) -> Result<PathBuf> {
        let dir = self.cache.join(name);
        files::make_dir(&dir)?;
        Ok(dir)
    }
}

fn cache_folder() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The XDG specification says to ignore relative paths, which includes an empty one.
        .filter(|dir| dir.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for the cache")?;
    Ok(base.join("procdriver"))
}
