// SPDX-License-Identifier: GPL-2.0-only

//! Gives this process its own `/var/lib/dkms` and `/etc/dkms`, so that a build neither sees nor
//! changes what the machine's own dkms has there, and always has the same paths.

use crate::system::mounts::separate;
use anyhow::{Context, Result};
use rustix::mount::mount_bind;
use std::fs;
use std::path::Path;

/// Where dkms keeps its records, and reads its settings.
pub const RECORDS: &str = "/var/lib/dkms";
const SETTINGS: &str = "/etc/dkms";

/// Puts new directories in `work` in the place of dkms's. `framework` is the text of its settings.
/// Only this process, and what it starts from now on, sees them.
///
/// # Errors
///
/// If the kernel does not permit it, as in most containers, or dkms is not installed.
pub fn enter(work: &Path, framework: &str) -> Result<()> {
    let (records, settings) = (work.join("records"), work.join("settings"));
    for folder in [&records, &settings] {
        fs::create_dir(folder).with_context(|| format!("can't create {}", folder.display()))?;
    }
    fs::write(settings.join("framework.conf"), framework)
        .with_context(|| format!("can't write dkms's settings to {}", settings.display()))?;
    separate()?;
    for (folder, place) in [(records, RECORDS), (settings, SETTINGS)] {
        mount_bind(&folder, place)
            .with_context(|| format!("can't mount a directory on {place} (is dkms installed?)"))?;
    }
    Ok(())
}
