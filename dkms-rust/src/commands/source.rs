// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust source`: keeps the slice of a kernel's source, then builds the packages that were
//! waiting for it.

use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::package;
use crate::source::fetch;
use crate::source::find::KernelSource;
use crate::source::slice::Slice;
use crate::system::System;
use crate::system::print::tell;
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;

/// Takes the kernel's slice from `from`. With `fetch`, takes it from the kernel's linux-source,
/// which apt downloads; without both, from where a rebuild would take it. Then builds the modules
/// that packages are missing, just as when a source appears in `/usr/src`.
///
/// # Errors
///
/// Returns an error if the kernel has no headers, or its source is not available.
pub fn run(
    system: &System,
    release: &Release,
    from: Option<&Path>,
    fetch: bool,
    force: bool,
) -> Result<ExitCode> {
    let kernel = Kernel::find(system, release)?;
    let slice = match from {
        Some(path) => fetch::from(system, &kernel, path, force)?,
        None if fetch => fetch::by_apt(system, &kernel)?,
        None => {
            let kept = Slice::kept(system, release);
            KernelSource::of(system, &kernel, kept)?.slice(system, &kernel)?
        }
    };
    tell(format_args!(
        "{release}: kept the slice of the source of {} in {}",
        slice.info.version,
        slice.file.display()
    ));
    package::retry(system);
    Ok(ExitCode::SUCCESS)
}
