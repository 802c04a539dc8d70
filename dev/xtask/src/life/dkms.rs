// SPDX-License-Identifier: GPL-2.0-only

//! A dkms other than Debian's: installed from its source.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::host::project::Project;
use crate::host::run::{self, Cmd};
use crate::host::{mounts, ui};

/// Installs a dkms source with its own Makefile into a directory, which is then put over a root
/// with Debian's dkms.
pub fn staged(project: &Project, source: &Path) -> Result<TempDir> {
    let work = mounts::scratch_folder(project)?;
    let copy = work.path().join("source");
    run::copy_all(source, &copy)?;
    let staged = mounts::scratch_folder(project)?;
    // This becomes the mode of the root itself.
    fs::set_permissions(staged.path(), Permissions::from_mode(0o755))
        .context("cannot set a folder's mode")?;
    Cmd::new("make")
        .arg("-C")
        .arg(copy)
        .arg("install-debian")
        .arg(format!("DESTDIR={}", staged.path().display()))
        .log(&project.log("life-dkms")?)
        .run()
        .with_context(|| format!("{} is no source of dkms", source.display()))?;
    let dkms = staged.path().join("usr/sbin/dkms");
    let version = Cmd::new(&dkms).arg("--version").stdout()?;
    ui::say(&format!("{} takes the place of Debian's", version.trim()));
    Ok(staged)
}
