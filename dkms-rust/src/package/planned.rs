// SPDX-License-Identifier: GPL-2.0-only

//! What has to be done before dkms can build for a kernel. Tests pass
//! a [`Planner`] of their own.

use crate::build::plan::{Plan, TreePlan};
use crate::build::way::Way;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::Result;

/// Makes a kernel's build tree ready.
pub type Work = Box<dyn FnOnce(&System) -> Result<()>>;

/// The plan for a kernel that can be built for.
pub struct Planned {
    /// Makes the build tree ready, in this way; `None` if that does not take long.
    pub long: Option<(Way, Work)>,
    /// Identifies what the build tree is made of.
    pub tree: String,
}

/// Decides whether a kernel can be built for, and what has to be done first.
pub type Planner = fn(&System, &Release) -> Result<Planned, Refusal>;

/// Returns the plan for a kernel, as `check` and `make` do.
///
/// # Errors
///
/// The refusal.
pub fn plan(system: &System, release: &Release) -> Result<Planned, Refusal> {
    let plan = Plan::of(system, release)?;
    Ok(Planned {
        tree: plan.identity(system),
        long: match plan.tree {
            TreePlan::Rebuild(_) => Some((
                plan.way,
                Box::new(move |system| plan.ready(system, None).map(drop)),
            )),
            TreePlan::Own(_) | TreePlan::Kept(_) => None,
        },
    })
}
