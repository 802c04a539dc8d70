// SPDX-License-Identifier: GPL-2.0-only

//! Where things are: the source tree, the folder of build products, the cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::host::files;

/// The folders that every task works in.
pub struct Project {
    /// The source tree: where the workspace's Cargo.toml is.
    pub source: PathBuf,
    /// Build products; safe to delete.
    pub target: PathBuf,
    /// What is dear to make and can be kept between clones; safe to delete.
    pub cache: PathBuf,
}

impl Project {
    /// Finds the source tree and the cache from the environment that cargo and the user give.
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

    /// A folder below target, made when it is not there.
    pub fn product(&self, name: &str) -> Result<PathBuf> {
        let dir = self.target.join(name);
        files::make_dir(&dir)?;
        Ok(dir)
    }

    /// Where the log of this name goes.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        Ok(self.product("logs")?.join(format!("{name}.log")))
    }

    /// A folder below the cache, made when it is not there.
    pub fn cached(&self, name: &str) -> Result<PathBuf> {
        let dir = self.cache.join(name);
        files::make_dir(&dir)?;
        Ok(dir)
    }
}

fn cache_folder() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The specification says to ignore what is not absolute, and empty is not.
        .filter(|dir| dir.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for the cache")?;
    Ok(base.join("procdriver"))
}
