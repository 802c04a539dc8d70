// SPDX-License-Identifier: GPL-2.0-only

//! Chooses the cache for build trees of a user. Root has a cache of its own, and uses nothing from
//! a user's cache: directories of other users are never trusted.

use crate::build::plan::{Plan, TreePlan};
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::trusted::{is_root, trusted_or_missing};
use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf, absolute};

/// Returns the user's cache directory by the XDG rules.
///
/// # Errors
///
/// Returns an error if no home directory is known.
fn usual() -> Result<PathBuf> {
    let set = |name: &str| {
        let value = env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|cache| cache.join("dkms-rust"))
        .context("neither XDG_CACHE_HOME nor HOME names a directory: use --cache")
}

/// Returns the requested cache directory, or else the usual one.
///
/// # Errors
///
/// Returns an error if somebody else could have put something into it, or could have changed its
/// path.
pub fn of(asked: Option<&Path>) -> Result<PathBuf> {
    let own = match asked {
        Some(asked) => absolute(asked)?,
        None => usual()?,
    };
    trusted_or_missing(&own)
        .with_context(|| format!("can't use {} as the cache", own.display()))?;
    Ok(own)
}

/// Sets the requested cache. If a user requests none, and root's cache has no tree for the kernel,
/// sets the user's own cache.
///
/// # Errors
///
/// Returns an error if others could have changed the requested cache.
pub fn with(system: System, release: &Release, asked: Option<&Path>) -> Result<System> {
    if asked.is_some() {
        return Ok(system.with_cache(Some(of(asked)?)));
    }
    if is_root() {
        return Ok(system);
    }
    // Another cache does not help against any other problem.
    let there =
        Plan::of(&system, release).is_ok_and(|plan| !matches!(plan.tree, TreePlan::Rebuild(_)));
    match of(None) {
        Ok(own) if !there => Ok(system.with_cache(Some(own))),
        _ => Ok(system),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::lchown;

    #[test]
    fn nothing_is_kept_where_somebody_else_could_have_put_something() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("not/there/yet");
        assert_eq!(of(Some(&own)).unwrap(), own);
        if !is_root() {
            return;
        }
        lchown(dir.path(), Some(1000), None).unwrap();
        let why = format!("{:#}", of(Some(&own)).unwrap_err());
        assert!(why.contains("belongs to user 1000"), "{why}");
        let release: Release = "7.3.4-amd64".parse().unwrap();
        assert!(with(System::below(dir.path()), &release, Some(&own)).is_err());
    }
}
