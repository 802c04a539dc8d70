// SPDX-License-Identifier: GPL-2.0-only

//! Locks on files of the cache: one run at a time.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::host::ui;

/// Locks a file, and waits for another run that holds it. Two runs must not make the same root at
/// the same time.
pub fn take(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        ui::say(&format!(
            "another run holds {}; waiting for it",
            path.display()
        ));
        flock(&file, FlockOperation::LockExclusive).context("cannot lock the cache")?;
    }
    Ok(file)
}
