// SPDX-License-Identifier: GPL-2.0-only

//! Remembers rebuilds that failed. dkms's hooks and dpkg's triggers run often. If the inputs are
//! the same as before, they get the same answer without another rebuild.

use crate::build::inputs::Inputs;
use crate::kernel::memory;
use crate::kernel::release::Release;
use crate::system::System;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of the remembered failures, below [`System::state`].
pub const FOLDER: &str = "failed";

/// A failed rebuild.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    inputs: Inputs,
    /// The first error, in one line.
    pub why: String,
    /// The log with the whole output.
    pub log: PathBuf,
}

/// Returns the failed rebuild of a kernel with these inputs, if there was one.
pub fn of(system: &System, release: &Release, inputs: &Inputs) -> Option<Failure> {
    let failure: Failure = memory::recall(system, FOLDER, release)?;
    failure.inputs.agree(inputs).then_some(failure)
}

/// Remembers that a rebuild with these inputs failed.
///
/// # Errors
///
/// Returns an error if the file can't be written.
pub fn remember(
    system: &System,
    release: &Release,
    inputs: &Inputs,
    why: &str,
    log: &Path,
) -> Result<()> {
    let failure = Failure {
        inputs: inputs.clone(),
        why: why.to_owned(),
        log: log.to_owned(),
    };
    memory::remember(system, FOLDER, release, &failure)
        .with_context(|| format!("can't record that the rebuild of {release} failed"))
}

/// Forgets the failed rebuild of this kernel.
///
/// # Errors
///
/// Returns an error if the file can't be removed.
pub fn forget(system: &System, release: &Release) -> Result<()> {
    let path = memory::file(system, FOLDER, release);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_for_its_own_inputs_until_it_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let release: Release = "7.3.4-amd64".parse().unwrap();
        let inputs = |bindgen: &str| Inputs::new([("bindgen", bindgen)]);
        assert!(of(&system, &release, &inputs("1")).is_none());
        forget(&system, &release).unwrap();
        let log = Path::new("/var/log/x");
        remember(&system, &release, &inputs("1"), "error: why", log).unwrap();
        assert_eq!(
            of(&system, &release, &inputs("1")).unwrap().why,
            "error: why"
        );
        assert!(of(&system, &release, &inputs("2")).is_none());
        forget(&system, &release).unwrap();
        assert!(of(&system, &release, &inputs("1")).is_none());
    }
}
