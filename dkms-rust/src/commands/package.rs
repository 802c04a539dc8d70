// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust package`: what the maintainer scripts of DKMS packages call.

use crate::cli::PackageAction;
use crate::package::{self, Wanted};
use crate::system::System;
use anyhow::{Context, Result};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::process::ExitCode;

/// Does what the script's turn is. What can't be done is told, and fails no installation.
///
/// # Errors
///
/// If a package can't be forgotten.
pub fn run(system: &System, action: &PackageAction) -> Result<ExitCode> {
    if std::env::var_os("DPKG_RUNNING_VERSION").is_some() {
        // Whoever ends the script means all of it.
        set_parent_process_death_signal(Some(Signal::TERM)).ok();
    }
    match action {
        PackageAction::Configure {
            name,
            version,
            load,
            in_use,
        } => {
            let wanted = Wanted {
                load: load.clone(),
                in_use: in_use.clone(),
            };
            package::configure(system, name, version.as_deref(), &wanted);
        }
        PackageAction::Remove { name, unload } => package::remove(system, name, unload),
        PackageAction::Purge { name } => {
            package::purge(system, name).with_context(|| format!("can't forget {name}"))?;
        }
        PackageAction::Retry => package::retry(system),
    }
    Ok(ExitCode::SUCCESS)
}
