// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust source`: keeps what rebuilds need of a kernel's source, and has the packages built
//! that were waiting for it.

use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::package;
use crate::source::fetch;
use crate::source::find::Source;
use crate::source::slice::Slice;
use crate::system::System;
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;

/// Takes the kernel's slice from `from`, or of its linux-source, which apt downloads with `fetch`, or
/// else from where a rebuild would; then builds what is missing of the packages, as when a source
/// arrives in `/usr/src`.
///
/// # Errors
///
/// If the kernel has no headers, or its source can't be had.
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
            Source::of(system, &kernel, kept)?.slice(system, &kernel)?
        }
    };
    eprintln!(
        "dkms-rust: {release}: kept what is needed of the source of {} in {}",
        slice.about.version,
        slice.file.display()
    );
    package::retry(system);
    Ok(ExitCode::SUCCESS)
}
