// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust clean`: drops what is kept.

use crate::build::cache::Cache;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::Result;
use std::process::ExitCode;

pub fn run(system: &System, release: Option<&Release>, stale: bool) -> Result<ExitCode> {
    if system.cache().symlink_metadata().is_err() {
        return Ok(ExitCode::SUCCESS);
    }
    let cache = Cache::open(system)?;
    match release {
        Some(release) => cache.drop_release(release)?,
        None if stale => cache.drop_stale(system)?,
        None => {
            for release in cache.releases()? {
                cache.drop_release(&release)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
