// SPDX-License-Identifier: GPL-2.0-only

//! Where a user keeps build trees. root has its own, and takes nothing from a user's: a directory
//! that belongs to somebody else is never trusted.

use crate::build::plan::{Plan, Tree};
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::trusted::is_root;
use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf, absolute};

/// The user's cache by the rules of XDG.
///
/// # Errors
///
/// If there is no home.
pub fn usual() -> Result<PathBuf> {
    let set = |name: &str| {
        let value = env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|cache| cache.join("dkms-rust"))
        .context("neither XDG_CACHE_HOME nor HOME names a directory: say --cache")
}

/// The system with the cache that is asked for; for a user who asks for none, with their own where
/// root's has no tree for the kernel.
///
/// # Errors
///
/// If the directory has no absolute path.
pub fn with(system: System, release: &Release, asked: Option<&Path>) -> Result<System> {
    if let Some(asked) = asked {
        return Ok(system.with_cache(Some(absolute(asked)?)));
    }
    if is_root() {
        return Ok(system);
    }
    // Whatever else is in the way is as much so with another cache.
    let there = Plan::of(&system, release).is_ok_and(|plan| !matches!(plan.tree, Tree::Rebuild(_)));
    match usual() {
        Ok(own) if !there => Ok(system.with_cache(Some(own))),
        _ => Ok(system),
    }
}
