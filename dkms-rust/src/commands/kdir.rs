// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust kdir`: the path of a build tree, for a `make -C` of one's own.

use super::ready::ready;
use crate::build::plan::Plan;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::Result;
use std::process::ExitCode;

/// Makes the kernel's build tree ready and prints its path; also if that failed before.
///
/// # Errors
///
/// If there can be none, or it can't be made.
pub fn run(system: &System, release: &Release) -> Result<ExitCode> {
    let tree = ready(system, &Plan::again(system, release)?, None)?;
    println!("{}", tree.path().display());
    Ok(ExitCode::SUCCESS)
}
