// SPDX-License-Identifier: GPL-2.0-only

//! The C compiler that built the kernel.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::run::answer;
use std::process::Command;

/// Refuses if the C compiler that built the kernel is missing.
///
/// # Errors
///
/// A refusal that names the package to install.
pub fn check(kernel: &Kernel) -> Result<(), Refusal> {
    let Some(name) = kernel.compiler() else {
        return Ok(());
    };
    if answer(Command::new(name).arg("--version")).is_some() {
        return Ok(());
    }
    let package = name
        .rsplit_once("gnu-")
        .map_or(name, |(_, package)| package);
    let why = format!("it was built by {name}, which is not installed");
    Err(Refusal::new(
        &kernel.release,
        why,
        format!("apt install {package}"),
    ))
}
