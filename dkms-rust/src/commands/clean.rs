// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust clean`: removes what is kept of rebuilds.

use crate::build::cache::Cache;
use crate::build::stale::drop_stale;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::Result;
use std::process::ExitCode;

/// Removes the trees of one kernel or of all kernels, and always what is kept for kernels that are
/// no longer installed.
///
/// # Errors
///
/// Returns an error if something can't be removed.
pub fn run(system: &System, release: Option<&Release>, stale: bool) -> Result<ExitCode> {
    if system.cache().symlink_metadata().is_ok() {
        let cache = Cache::open(system)?;
        match release {
            Some(release) => cache.drop_release(release)?,
            None if stale => {}
            None => {
                for release in cache.releases()? {
                    cache.drop_release(&release)?;
                }
            }
        }
    }
    drop_stale(system, None)?;
    Ok(ExitCode::SUCCESS)
}
