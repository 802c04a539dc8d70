// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust prebuild`: called by `PRE_BUILD` of a `dkms.conf`. `package/hook.rs` says why it
//! exists, and remembers its result.

use super::make;
use crate::build::plan::Plan;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::package::dkms::CHECKED;
use crate::package::hook::{Hook, can_install, is_unattended};
use crate::status::prebuilt::Prebuilt;
use crate::system::System;
use crate::system::print::tell;
use anyhow::{Context, Result};
use std::env;
use std::process::ExitCode;

/// Exits with 77 if modules can't be built for the kernel. If a failure would stop more than this
/// build, also builds the module, and exits with 77 if that fails.
///
/// # Errors
///
/// Returns the refusal, or an error if there is nothing to build.
pub fn run(
    system: &System,
    package: &str,
    version: &str,
    release: &Release,
    args: &[String],
) -> Result<ExitCode> {
    if env::var_os(CHECKED).is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let hook = Hook::of(system, package, version, release);
    let refused = |refusal: Refusal| {
        hook.refused(&refusal);
        refusal
    };
    let unattended = is_unattended(system);
    let prebuilt = Prebuilt::instead_of(system, package, version, release);
    if let Some(prebuilt) = prebuilt.filter(|_| unattended) {
        let why = format!("{} has the module for it", prebuilt.package);
        return Err(Refusal::final_(release, why).into());
    }
    Plan::of(system, release).map_err(refused)?;
    if !unattended {
        return Ok(ExitCode::SUCCESS);
    }
    can_install(system, release).map_err(refused)?;
    let folder = hook.folder(&env::current_dir().context("can't find the current directory")?);
    let built = env::set_current_dir(&folder)
        .with_context(|| format!("can't build in {}", folder.display()))
        .and_then(|()| make::run(system, release, args));
    match built {
        Ok(_) => {
            hook.make_room();
            hook.can_replace(&folder).map_err(refused)?;
            hook.built();
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            tell(format_args!("{error:#}"));
            match error.downcast::<Refusal>() {
                Ok(refusal) => hook.refused(&refusal),
                // Plan again, because this build may have made a new tree.
                Err(_) => match Plan::of(system, release) {
                    Err(refusal) => hook.refused(&refusal),
                    Ok(plan) => hook.failed(&folder, &plan.identity(system)),
                },
            }
            Ok(ExitCode::from(Refusal::EXIT))
        }
    }
}
