// SPDX-License-Identifier: GPL-2.0-only

//! What `make` and `kdir` begin with: the build tree.

use crate::build::plan::{Plan, Ready};
use crate::system::System;
use anyhow::{Context, Result};

/// The build tree that was planned, made now if need be, by at most so many jobs.
///
/// # Errors
///
/// If it can't be made.
pub fn ready(system: &System, plan: &Plan, jobs: Option<usize>) -> Result<Ready> {
    plan.ready(system, jobs).with_context(|| {
        format!(
            "{}: its Rust build tree could not be made ready",
            plan.release
        )
    })
}
