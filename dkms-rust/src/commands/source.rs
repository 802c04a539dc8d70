// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust source`: keeps what rebuilds need of a kernel's source, and has the packages built
//! that were waiting for it.

use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::package;
use crate::source::fetch;
use crate::system::System;
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;

/// Takes the kernel's slice from `from`, or downloads its linux-source by apt; then builds what is
/// missing of the packages, as when a source arrives in `/usr/src`.
///
/// # Errors
///
/// If the kernel has no headers, or its source can't be had.
pub fn run(
    system: &System,
    release: &Release,
    from: Option<&Path>,
    force: bool,
) -> Result<ExitCode> {
    let kernel = Kernel::find(system, release)?;
    let slice = match from {
        Some(path) => fetch::from(system, &kernel, path, force)?,
        None => fetch::by_apt(system, &kernel)?,
    };
    eprintln!(
        "dkms-rust: {release}: kept what is needed of the source of {} in {}",
        slice.about.version,
        slice.file.display()
    );
    package::retry(system);
    Ok(ExitCode::SUCCESS)
}
