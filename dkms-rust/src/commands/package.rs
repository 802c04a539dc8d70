// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust package`: called by the maintainer scripts of DKMS packages.

use crate::cli::PackageAction;
use crate::package::{self, Wanted};
use crate::system::System;
use anyhow::{Context, Result};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::process::ExitCode;

/// Does the work of one maintainer script. Problems are reported, but do not make an installation
/// fail.
///
/// # Errors
///
/// Returns an error if a package can't be forgotten.
pub fn run(system: &System, action: &PackageAction) -> Result<ExitCode> {
    if std::env::var_os("DPKG_RUNNING_VERSION").is_some() {
        // Whoever kills the maintainer script wants to stop this process, too.
        set_parent_process_death_signal(Some(Signal::TERM)).ok();
    }
    match action {
        PackageAction::Configure {
            name,
            prebuilt: Some(release),
            ..
        } => package::prebuilt::installed(system, name, release),
        PackageAction::Configure {
            name,
            version,
            load,
            in_use,
            ..
        } => {
            let wanted = Wanted {
                load: load.clone(),
                in_use: in_use.clone(),
            };
            package::configure(system, name, version.as_deref(), &wanted);
        }
        PackageAction::Remove {
            name,
            prebuilt: Some(release),
            ..
        } => package::prebuilt::removed(system, name, release),
        PackageAction::Remove { name, unload, .. } => package::remove(system, name, unload),
        PackageAction::Purge { name } => {
            package::purge(system, name)
                .with_context(|| format!("can't remove the records of {name}"))?;
        }
        PackageAction::Retry => package::retry(system),
    }
    Ok(ExitCode::SUCCESS)
}
