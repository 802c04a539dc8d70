// SPDX-License-Identifier: GPL-2.0-only

//! bindgen, which describes the kernel's C interface to the crates.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::run::answer;
use crate::toolchain::programs::in_path;
use std::path::PathBuf;
use std::process::Command;

/// A bindgen's path and what it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindgen {
    /// Where it is.
    pub path: PathBuf,
    /// What `--version` prints.
    pub version: String,
}

impl Bindgen {
    /// Finds bindgen.
    ///
    /// # Errors
    ///
    /// A refusal if there is none.
    pub fn of(kernel: &Kernel) -> Result<Self, Refusal> {
        in_path("bindgen")
            .into_iter()
            .find_map(|path| {
                let version = answer(Command::new(&path).arg("--version"))?;
                Some(Self { path, version })
            })
            .ok_or_else(|| {
                let why = "bindgen, which makes its bindings, is not installed";
                Refusal::new(&kernel.release, why, "apt install bindgen")
            })
    }
}
