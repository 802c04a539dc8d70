// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust kdir`: prints the path of a build tree, for the user's own `make -C`.

use super::ready::ready;
use crate::build::plan::Plan;
use crate::kernel::release::Release;
use crate::system::System;
use crate::system::print::print;
use anyhow::Result;
use std::process::ExitCode;

/// Prepares the kernel's build tree and prints its path. Tries a rebuild even if it failed before.
///
/// # Errors
///
/// Returns an error if the kernel can't have a build tree, or it can't be made.
pub fn run(system: &System, release: &Release) -> Result<ExitCode> {
    let tree = ready(system, &Plan::again(system, release)?, None)?;
    print(tree.path().display())?;
    Ok(ExitCode::SUCCESS)
}
