// SPDX-License-Identifier: GPL-2.0-only

//! One run at a time: locks on files of the cache.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::host::ui;

/// Two runs at once must not make the same root; this one waits for another that holds this file.
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
