// SPDX-License-Identifier: GPL-2.0-only

//! Prepares the build tree for `make` and `kdir`.

use crate::build::plan::Plan;
use crate::build::tree::BuildTree;
use crate::system::System;
use anyhow::{Context, Result};

/// Returns the planned build tree, and makes it if necessary, with at most `jobs` jobs.
///
/// # Errors
///
/// Returns an error if the tree can't be made.
pub fn ready(system: &System, plan: &Plan, jobs: Option<usize>) -> Result<BuildTree> {
    plan.ready(system, jobs)
        .with_context(|| format!("{}: can't prepare its Rust build tree", plan.release))
}
